//! The repository against Debian's restic, and against damage.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jiff::Timestamp;
use mailcup_snapshots::{
    Backed, BackupSource, Change, Directory, Error, Existing, FileKind, Folder, Id, Label, MasterKey, Part,
    Progress, RecoveryPhrase, Repository, SourceEntry, Storage, Unwatched, Watch, Wrong, due, scrub,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rand::RngExt;
use tempfile::TempDir;

mod damage;
mod diff;
mod interrupted;
mod pruning;
mod reading;
mod replicating;

type Files = BTreeMap<PathBuf, Vec<u8>>;

const START: i64 = 1_790_000_000;

struct Memory(Files);

impl BackupSource for Memory {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        Box::new(self.0.clone().into_iter().map(|(path, content)| SourceEntry {
            modified: changed_at(&content),
            size: content.len() as u64,
            mode: 0o640,
            open: if path.ends_with("unreadable") {
                Box::new(|| Err(io::ErrorKind::PermissionDenied.into()))
            } else {
                Box::new(move || Ok(Box::new(Cursor::new(content)) as Box<dyn Read + Send>))
            },
            path,
        }))
    }

    fn expected(&self) -> Option<(u64, u64)> {
        Some((self.0.values().map(|content| content.len() as u64).sum(), self.0.len() as u64))
    }
}

/// A changed file has another time, as on a disk.
fn changed_at(content: &[u8]) -> Timestamp {
    let [.., a, b, c, d] = Id::of(content).0;
    Timestamp::from_second(START + i64::from(u32::from_be_bytes([a, b, c, d]))).unwrap()
}

/// A repository with a phrase, in a folder of its own.
struct Lab {
    folder: TempDir,
    repository: Repository,
    phrase: RecoveryPhrase,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_bytes(rand::rng().random());
        let repository = Repository::create(storage(&folder.path().join("repo")), key).unwrap();
        let phrase = RecoveryPhrase::from_entropy(&rand::rng().random());
        repository.add_phrase(&phrase).unwrap();
        Self { folder, repository, phrase }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn backup(&self, files: &Files) -> Result<Backed, Error> {
        self.backup_at(files, 0)
    }

    fn backup_at(&self, files: &Files, second: i64) -> Result<Backed, Error> {
        backup(&self.repository, files, second, &(Arc::new(Unwatched) as Arc<dyn Watch>))
    }

    fn restic(&self, arguments: &[&str]) -> Output {
        let output = restic(&self.root(), self.phrase.expose(), arguments);
        assert!(output.status.success(), "restic {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Opened anew, as another process would.
    fn reopened(&self) -> Repository {
        Repository::open(storage(&self.root()), self.repository.key().clone()).unwrap()
    }
}

fn storage(root: &Path) -> Arc<dyn Storage> {
    Arc::new(Folder::new(root))
}

fn backup(
    repository: &Repository,
    files: &Files,
    second: i64,
    watch: &Arc<dyn Watch>,
) -> Result<Backed, Error> {
    let label = Label {
        host: "mail.example.org".to_owned(),
        tags: vec!["daily".to_owned()],
        time: Timestamp::from_second(START + second).unwrap(),
    };
    repository.backup(Arc::new(Memory(files.clone())), &label, watch)
}

fn restic(root: &Path, password: &str, arguments: &[&str]) -> Output {
    Command::new("restic")
        .args(["--no-cache", "-r"])
        .arg(root)
        .args(arguments)
        .env("RESTIC_PASSWORD", password)
        .output()
        .expect("restic is installed by `cargo xtask test`")
}

/// Two accounts with small messages, one large one, and one of no bytes.
fn mail() -> Files {
    let mut files = Files::new();
    for account in ["anna", "bo"] {
        for number in 0..40 {
            let path = format!("mail/example.org/{account}/cur/{number:04}.host:2,S");
            let body = format!("Subject: {number}\r\n\r\nDear {account},\r\n").repeat(20 + number);
            files.insert(path.into(), body.into_bytes());
        }
    }
    let mut large = vec![0; 2 << 20];
    rand::rng().fill(large.as_mut_slice());
    files.insert("mail/example.org/bo/cur/large".into(), large);
    files.insert("mail/example.org/bo/cur/nothing".into(), Vec::new());
    files.insert("manifest.json".into(), b"{}".to_vec());
    files
}

fn read_folder(root: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn restored(repository: &Repository, snapshot: &mailcup_snapshots::Snapshot) -> (Files, Vec<PathBuf>) {
    let target = tempfile::tempdir().unwrap();
    let sink = Directory::new(target.path(), Existing::Replace).unwrap();
    let done = repository.restore(snapshot, Path::new(""), &sink, &Unwatched).unwrap();
    drop(sink);
    let files = read_folder(target.path());
    assert_eq!(done.files, files.len() as u64);
    (files, done.troubles.into_iter().map(|trouble| trouble.path).collect())
}

/// One bit of one file, in its middle.
fn flip(path: &Path) {
    let mut content = fs::read(path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(path, content).unwrap();
}

fn only_file(lab: &Lab, kind: FileKind) -> (Id, PathBuf) {
    let folder = Folder::new(lab.root());
    let files = folder.list(kind).unwrap();
    assert_eq!(files.len(), 1, "{kind}");
    (files[0].0, folder.path(kind, &files[0].0))
}

/// The only pack of folders, or of data.
fn pack(lab: &Lab, of_trees: bool) -> (Id, PathBuf) {
    let folder = Folder::new(lab.root());
    let mut packs = folder.list(FileKind::Pack).unwrap();
    assert_eq!(packs.len(), 2);
    packs.sort_by_key(|(_, size)| *size);
    let id = packs[usize::from(!of_trees)].0;
    (id, folder.path(FileKind::Pack, &id))
}
