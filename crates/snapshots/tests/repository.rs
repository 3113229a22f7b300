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

type Files = BTreeMap<PathBuf, Vec<u8>>;

const START: i64 = 1_790_000_000;

struct Memory(Files);

impl BackupSource for Memory {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        Box::new(self.0.clone().into_iter().map(|(path, content)| SourceEntry {
            // A changed file has another time, as on a disk.
            modified: Timestamp::from_second(START + i64::from(Id::of(&content).0[0])).unwrap(),
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

#[test]
fn restic_reads_what_we_write() {
    let lab = Lab::new();
    let files = mail();
    let backed = lab.backup(&files).unwrap();
    assert_eq!(backed.skipped, []);
    let summary = backed.snapshot.summary.unwrap();
    assert_eq!(summary.files, files.len() as u64);
    assert_eq!(summary.bytes, files.values().map(|content| content.len() as u64).sum::<u64>());

    let listed = String::from_utf8(lab.restic(&["snapshots"]).stdout).unwrap();
    assert!(listed.contains(&backed.snapshot.id.to_string()[..8]) && listed.contains("mail.example.org"));
    let names = String::from_utf8(lab.restic(&["ls", "latest"]).stdout).unwrap();
    for path in files.keys() {
        assert!(names.lines().any(|line| Path::new(line) == Path::new("/").join(path)), "{}", path.display());
    }
    lab.restic(&["check", "--read-data"]);
    let large = "mail/example.org/bo/cur/large";
    assert_eq!(lab.restic(&["dump", "latest", &format!("/{large}")]).stdout, files[Path::new(large)]);
    let target = lab.folder.path().join("restored");
    lab.restic(&["restore", "latest", "--target", target.to_str().unwrap()]);
    assert_eq!(read_folder(&target), files);
}

#[test]
fn we_read_what_restic_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (root, source) = (folder.path().join("repo"), folder.path().join("source"));
    let files = mail();
    for (path, content) in &files {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    for arguments in
        [&["init", "--repository-version", "2"][..], &["backup", "--tag", "x", source.to_str().unwrap()]]
    {
        let output = restic(&root, "secret", arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let wrong = Repository::open_with_password(storage(&root), "wrong").unwrap_err();
    assert!(matches!(wrong, Error::WrongPassword), "{wrong}");
    let repository = Repository::open_with_password(storage(&root), "secret").unwrap();
    let listing = repository.snapshots().unwrap();
    assert_eq!((listing.snapshots.len(), listing.damaged.len()), (1, 0));
    let snapshot = &listing.snapshots[0];
    assert_eq!(snapshot.tags, ["x"]);
    let inside = source.strip_prefix("/").unwrap();
    let target = tempfile::tempdir().unwrap();
    let sink = Directory::new(target.path(), Existing::Replace).unwrap();
    let done = repository.restore(snapshot, inside, &sink, &Unwatched).unwrap();
    assert_eq!(done.troubles, []);
    assert_eq!(read_folder(target.path()), files);
    assert!(repository.prove_structure(&Unwatched).unwrap().is_whole());
    assert!(repository.prove_data(Part::All, &Unwatched).unwrap().is_whole());
    let again = backup(&repository, &files, 0, &(Arc::new(Unwatched) as Arc<dyn Watch>)).unwrap();
    // restic had cut and stored the very same blobs.
    assert!(again.snapshot.summary.unwrap().bytes_stored < 100_000);
    assert!(restic(&root, "secret", &["check", "--read-data"]).status.success());
}

#[test]
fn a_file_is_read_from_any_offset_and_exported() {
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    let path = Path::new("mail/example.org/bo/cur/large");
    let entry = lab.repository.entry(&snapshot, path).unwrap();
    let content = &files[path];
    for (offset, length) in [(0, 10), (400_000, 1_500_000), (content.len() - 5, 100), (content.len(), 1)] {
        let end = (offset + length).min(content.len());
        let read = lab.repository.read_at(&entry, offset as u64, length).unwrap();
        assert!(read == content[offset..end], "{offset}+{length}");
    }
    let mut exported = Vec::new();
    assert_eq!(lab.repository.export(&entry, &mut exported).unwrap(), content.len() as u64);
    assert!(exported == *content);
    let names = lab.repository.tree(&snapshot, Path::new("mail/example.org")).unwrap();
    assert_eq!(names.iter().map(|entry| entry.name.to_str().unwrap()).collect::<Vec<_>>(), ["anna", "bo"]);
    let missing = lab.repository.entry(&snapshot, Path::new("mail/nobody"));
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    let folder = lab.repository.tree(&snapshot, Path::new("manifest.json"));
    assert!(matches!(folder, Err(Error::NotAFolder { .. })));
}

#[test]
fn a_diff_names_what_came_went_changed_and_moved() {
    let lab = Lab::new();
    let mut files = mail();
    let first = lab.backup_at(&files, 0).unwrap().snapshot;
    let cur = Path::new("mail/example.org/anna/cur");
    let moved = files.remove(&cur.join("0003.host:2,S")).unwrap();
    files.insert("mail/example.org/anna/trash/0003".into(), moved);
    files.remove(&cur.join("0005.host:2,S"));
    files.insert(cur.join("0006.host:2,S"), b"other".to_vec());
    files.insert(cur.join("new"), b"new".to_vec());
    let second = lab.backup_at(&files, 60).unwrap().snapshot;
    let found = lab.repository.diff(&first, &second, &Unwatched).unwrap();
    let found: Vec<_> = found.into_iter().map(|one| (one.path, one.change)).collect();
    assert_eq!(
        found,
        [
            (cur.join("0005.host:2,S"), Change::Removed),
            (cur.join("0006.host:2,S"), Change::Changed),
            (cur.join("new"), Change::Added),
            ("mail/example.org/anna/trash/0003".into(), Change::Moved { from: cur.join("0003.host:2,S") }),
        ]
    );
    assert_eq!(lab.repository.diff(&second, &second, &Unwatched).unwrap(), []);
}

#[test]
fn an_unreadable_file_is_named_and_hides_no_other() {
    let lab = Lab::new();
    let mut files = mail();
    files.insert("mail/example.org/anna/cur/unreadable".into(), b"x".to_vec());
    let backed = lab.backup(&files).unwrap();
    let skipped: Vec<_> = backed.skipped.into_iter().map(|skipped| skipped.path).collect();
    assert_eq!(skipped, [Path::new("mail/example.org/anna/cur/unreadable")]);
    files.remove(&skipped[0]);
    assert!(restored(&lab.repository, &backed.snapshot).0 == files);
}

struct StopAfter {
    bytes: u64,
    seen: AtomicU64,
    stopped: AtomicBool,
}

impl Watch for StopAfter {
    fn progress(&self, progress: Progress) {
        self.seen.fetch_max(progress.bytes, Ordering::Relaxed);
        if progress.bytes >= self.bytes {
            self.stopped.store(true, Ordering::Release);
        }
    }

    fn cancelled(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

#[test]
fn a_cancelled_backup_leaves_no_snapshot_and_the_next_goes_on() {
    let lab = Lab::new();
    let files = mail();
    let stop = StopAfter { bytes: 1 << 20, seen: AtomicU64::new(0), stopped: AtomicBool::new(false) };
    let cancelled = backup(&lab.repository, &files, 0, &(Arc::new(stop) as Arc<dyn Watch>));
    assert!(matches!(cancelled, Err(Error::Cancelled)), "{cancelled:?}");
    assert_eq!(lab.reopened().snapshots().unwrap().snapshots, []);
    assert!(lab.reopened().prove_structure(&Unwatched).unwrap().is_whole());
    let snapshot = lab.backup(&files).unwrap().snapshot;
    assert!(restored(&lab.reopened(), &snapshot).0 == files);
}

#[test]
fn each_damaged_file_is_found_by_its_level_and_named() {
    let files = mail();
    for (kind, of_trees) in [
        (FileKind::Pack, false),
        (FileKind::Pack, true),
        (FileKind::Index, false),
        (FileKind::Snapshot, false),
        (FileKind::Key, false),
    ] {
        let lab = Lab::new();
        let snapshot = lab.backup(&files).unwrap().snapshot;
        let (id, path) = if kind == FileKind::Pack { pack(&lab, of_trees) } else { only_file(&lab, kind) };
        flip(&path);
        let repository = lab.reopened();

        let names = scrub(&Folder::new(lab.root()), &Unwatched).unwrap();
        assert_eq!(names.faults.len(), 1, "{kind}");
        assert_eq!(
            (names.faults[0].kind, names.faults[0].id, &names.faults[0].wrong),
            (kind, id, &Wrong::Hash)
        );

        let structure = repository.prove_structure(&Unwatched).unwrap();
        let named = structure.faults.iter().any(|fault| (fault.kind, fault.id) == (kind, id));
        // The bytes of messages are not its business.
        assert_eq!(named, (kind, of_trees) != (FileKind::Pack, false), "{kind}: {:?}", structure.faults);
        let data = repository.prove_data(Part::All, &Unwatched).unwrap();
        assert_eq!(data.faults.iter().any(|fault| fault.id == id), kind == FileKind::Pack);

        let listing = repository.snapshots().unwrap();
        assert_eq!(listing.damaged.len(), usize::from(kind == FileKind::Snapshot));
        let (back, troubles) = restored_or_nothing(&repository, &snapshot);
        for (path, content) in &back {
            assert!(files[path] == *content, "never a wrong byte: {}", path.display());
        }
        match kind {
            FileKind::Pack => {
                assert!(!troubles.is_empty() && (of_trees || back.len() + troubles.len() == files.len()));
            }
            _ => assert!(back == files, "{kind}"),
        }
    }
}

/// A damaged topmost folder is an error of its own.
fn restored_or_nothing(
    repository: &Repository,
    snapshot: &mailcup_snapshots::Snapshot,
) -> (Files, Vec<PathBuf>) {
    match repository.tree(snapshot, Path::new("")) {
        Ok(_) => restored(repository, snapshot),
        Err(Error::Damaged(_)) => (Files::new(), vec![PathBuf::new()]),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_damaged_or_lost_config_is_told_and_everything_is_still_read() {
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    let config = lab.root().join("config");
    let key = lab.repository.key().clone();
    for lost in [false, true] {
        if lost {
            fs::remove_file(&config).unwrap();
        } else {
            flip(&config);
        }
        let told = Repository::open(storage(&lab.root()), key.clone()).unwrap_err();
        assert!(matches!(told, Error::Config { .. }), "{told}");
        let salvaged = Repository::salvage(storage(&lab.root()), key.clone());
        assert!(restored(&salvaged, &snapshot).0 == files);
        let faults = salvaged.prove_structure(&Unwatched).unwrap().faults;
        assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FileKind::Config]);
        assert!(matches!(salvaged.add_phrase(&lab.phrase), Err(Error::ReadOnly)));
    }
}

#[test]
fn a_wrong_password_is_told_apart_from_a_damaged_key() {
    let lab = Lab::new();
    let open = |password: &str| Repository::open_with_password(storage(&lab.root()), password);
    assert!(open(lab.phrase.expose()).is_ok());
    assert!(matches!(open("wrong"), Err(Error::WrongPassword)));
    let (id, path) = only_file(&lab, FileKind::Key);
    let mut content = fs::read_to_string(&path).unwrap();
    let data = content.find("\"data\":\"").unwrap() + 20;
    let other = if content.as_bytes()[data] == b'A' { "B" } else { "A" };
    content.replace_range(data..=data, other);
    fs::write(&path, content).unwrap();
    let told = open(lab.phrase.expose()).unwrap_err();
    assert!(matches!(&told, Error::DamagedKeys { ids } if *ids == [id]), "{told}");
    assert!(Repository::open(storage(&lab.root()), lab.repository.key().clone()).is_ok());
    let foreign = Repository::open(storage(&lab.root()), MasterKey::from_bytes([7; 64])).unwrap_err();
    assert!(matches!(foreign, Error::Config { what: Wrong::Seal, .. }), "{foreign}");
}

#[test]
fn no_repository_a_second_one_and_a_missing_place_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::from_bytes(rand::rng().random());
    let nothing = Repository::open(storage(folder.path()), key.clone()).unwrap_err();
    assert!(matches!(nothing, Error::NoRepository { .. }), "{nothing}");
    let lab = Lab::new();
    let second = Repository::create(storage(&lab.root()), key).unwrap_err();
    assert!(matches!(second, Error::AlreadyThere { .. }), "{second}");
    lab.backup(&mail()).unwrap();
    fs::rename(lab.root(), lab.folder.path().join("elsewhere")).unwrap();
    let away = lab.repository.snapshots().unwrap_err();
    assert!(matches!(away, Error::Away { .. }), "{away}");
}

#[test]
fn what_is_in_the_way_is_kept_or_replaced_and_no_link_is_followed() {
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    let (target, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(target.path().join("manifest.json"), b"mine").unwrap();
    fs::create_dir_all(target.path().join("mail/example.org")).unwrap();
    std::os::unix::fs::symlink(outside.path(), target.path().join("mail/example.org/anna")).unwrap();
    let sink = Directory::new(target.path(), Existing::Keep).unwrap();
    let done = lab.repository.restore(&snapshot, Path::new(""), &sink, &Unwatched).unwrap();
    assert_eq!(done.kept, 1);
    assert_eq!(fs::read(target.path().join("manifest.json")).unwrap(), b"mine");
    assert_eq!(done.troubles.len(), 1);
    assert_eq!(done.troubles[0].path, Path::new("mail/example.org/anna"));
    assert!(read_folder(outside.path()).is_empty());
    let sink = Directory::new(target.path(), Existing::Replace).unwrap();
    lab.repository.restore(&snapshot, Path::new(""), &sink, &Unwatched).unwrap();
    assert_eq!(fs::read(target.path().join("manifest.json")).unwrap(), b"{}");
}

/// A small disk of its own, that is taken away in the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(folder.path())
            .status();
        assert!(mounted.unwrap().success(), "a small disk can be mounted, as root");
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let disk = SmallDisk::mount(4);
    let root = disk.0.path().join("repo");
    let repository = Repository::create(storage(&root), MasterKey::from_bytes(rand::rng().random())).unwrap();
    let small = Files::from([("manifest.json".into(), b"{}".to_vec())]);
    let watch = Arc::new(Unwatched) as Arc<dyn Watch>;
    let first = backup(&repository, &small, 0, &watch).unwrap().snapshot;
    let mut large = mail();
    for number in 0..4 {
        let mut content = vec![0; 1 << 20];
        rand::rng().fill(content.as_mut_slice());
        large.insert(format!("z/{number}").into(), content);
    }
    let full = backup(&repository, &large, 60, &watch).unwrap_err();
    assert!(matches!(full, Error::Full { .. }), "{full}");
    assert_eq!(repository.snapshots().unwrap().snapshots, std::slice::from_ref(&first));
    assert!(repository.prove_structure(&Unwatched).unwrap().is_whole());
    assert!(restored(&repository, &first).0 == small);

    let lab = Lab::new();
    let snapshot = lab.backup(&large).unwrap().snapshot;
    let tight = SmallDisk::mount(3);
    let sink = Directory::new(tight.0.path(), Existing::Replace).unwrap();
    let full = lab.repository.restore(&snapshot, Path::new(""), &sink, &Unwatched).unwrap_err();
    assert!(matches!(full, Error::Full { .. }), "{full}");
    drop(sink);
    for (path, content) in read_folder(tight.0.path()) {
        assert!(large[&path] == content, "only whole files: {}", path.display());
    }
}

/// Backs up until it is killed: what the next test starts itself again for.
fn endless_backup(root: &Path) {
    struct Endless;
    impl BackupSource for Endless {
        fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
            Box::new((0..).map(|number: u64| SourceEntry {
                path: format!("mail/{number:012}").into(),
                modified: Timestamp::from_second(START).unwrap(),
                size: 1 << 20,
                mode: 0o600,
                open: Box::new(|| {
                    let mut content = vec![0_u8; 1 << 20];
                    rand::rng().fill(content.as_mut_slice());
                    Ok(Box::new(Cursor::new(content)) as Box<dyn Read + Send>)
                }),
            }))
        }

        fn expected(&self) -> Option<(u64, u64)> {
            None
        }
    }
    let repository = Repository::open_with_password(storage(root), "ABC").unwrap();
    let label = Label { host: String::new(), tags: Vec::new(), time: Timestamp::from_second(START).unwrap() };
    let _ = repository.backup(Arc::new(Endless), &label, &(Arc::new(Unwatched) as Arc<dyn Watch>));
}

#[test]
fn a_killed_backup_harms_nothing() {
    if let Some(root) = std::env::var_os("SNAPSHOTS_TEST_ROOT") {
        return endless_backup(Path::new(&root));
    }
    let lab = Lab::new();
    let files = mail();
    let snapshot = lab.backup(&files).unwrap().snapshot;
    add_password(&lab, "ABC");
    let folder = Folder::new(lab.root());
    let before = folder.list(FileKind::Pack).unwrap().len();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_backup_harms_nothing"])
        .env("SNAPSHOTS_TEST_ROOT", lab.root())
        .spawn()
        .unwrap();
    while folder.list(FileKind::Pack).unwrap().len() == before {
        assert_eq!(child.try_wait().unwrap(), None, "it works until it is killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let repository = lab.reopened();
    assert_eq!(repository.snapshots().unwrap().snapshots, std::slice::from_ref(&snapshot));
    let proof = repository.prove_structure(&Unwatched).unwrap();
    assert!(proof.is_whole() && proof.orphans > 0, "{proof:?}");
    assert!(restored(&repository, &snapshot).0 == files);
    let next = backup(&repository, &files, 60, &(Arc::new(Unwatched) as Arc<dyn Watch>)).unwrap().snapshot;
    assert!(restored(&repository, &next).0 == files);
    lab.restic(&["check", "--read-data"]);
}

fn add_password(lab: &Lab, password: &str) {
    let file = lab.folder.path().join("password");
    fs::write(&file, password).unwrap();
    lab.restic(&["key", "add", "--new-password-file", file.to_str().unwrap()]);
}

/// Few paths and few contents, so that all kinds of differences come up.
fn some_files() -> impl Strategy<Value = Files> {
    let path = prop::sample::select(vec!["a/x", "a/y", "a/deep/x", "b/x", "b/z", "c"]);
    let content = prop::sample::select(vec!["", "one", "two", "three"]);
    prop::collection::btree_map(path.prop_map(PathBuf::from), content.prop_map(Into::into), 0..6)
}

#[test]
fn a_diff_is_what_a_naive_comparison_finds() {
    let lab = Lab::new();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&(some_files(), some_files()), |(old, new)| {
            let first = lab.backup(&old).unwrap().snapshot;
            let second = lab.backup_at(&new, 60).unwrap().snapshot;
            let (mut came, mut went, mut changed) = (Vec::new(), Vec::new(), Vec::new());
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for found in lab.repository.diff(&first, &second, &Unwatched).unwrap() {
                match found.change {
                    Change::Added => {
                        added.push(new[&found.path].clone());
                        came.push(found.path);
                    }
                    Change::Removed => {
                        removed.push(old[&found.path].clone());
                        went.push(found.path);
                    }
                    Change::Changed => changed.push(found.path),
                    Change::Moved { from } => {
                        prop_assert_eq!(&old[&from], &new[&found.path]);
                        came.push(found.path);
                        went.push(from);
                    }
                }
            }
            came.sort();
            went.sort();
            let only = |a: &Files, b: &Files| -> Vec<PathBuf> {
                a.keys().filter(|path| !b.contains_key(*path)).cloned().collect()
            };
            prop_assert_eq!(came, only(&new, &old));
            prop_assert_eq!(went, only(&old, &new));
            let differ = |path: &&PathBuf| new.get(*path).is_some_and(|content| *content != old[*path]);
            prop_assert_eq!(changed, old.keys().filter(differ).cloned().collect::<Vec<_>>());
            // What went and came with the same content has moved; empty files are all alike.
            prop_assert!(!added.iter().any(|content| !content.is_empty() && removed.contains(content)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn each_pack_is_due_on_exactly_one_of_so_many_days() {
    for number in 0..200_u32 {
        let pack = Id::of(&number.to_le_bytes());
        for days in 1..10 {
            for start in [-3, 0, 20_000] {
                let on = (start..start + i64::from(days)).filter(|day| due(&pack, *day, days)).count();
                assert_eq!(on, 1, "{pack} within {days} days from {start}");
            }
        }
    }
}

#[test]
fn a_prune_makes_room_in_two_phases_and_loses_nothing() {
    let lab = Lab::new();
    let watch = Arc::new(Unwatched) as Arc<dyn Watch>;
    let first = lab.backup(&mail()).unwrap().snapshot;
    let files = mail();
    let second = lab.backup_at(&files, 60).unwrap().snapshot;
    let size =
        || Folder::new(lab.root()).list(FileKind::Pack).unwrap().iter().map(|(_, size)| size).sum::<u64>();
    let before = size();
    lab.repository.forget(&[first.id]).unwrap();
    let day = std::time::Duration::from_hours(24);
    let marked = lab.repository.prune(day, &watch).unwrap();
    assert!(marked.bytes_freed == 0 && marked.bytes_marked > 1 << 20, "{marked:?}");
    assert!(size() >= before, "nothing goes before the grace is over");
    let freed = lab.repository.prune(std::time::Duration::ZERO, &watch).unwrap();
    assert!(freed.bytes_freed > 1 << 20 && size() < before - (1 << 20), "{freed:?}");
    assert_eq!(lab.reopened().snapshots().unwrap().snapshots, std::slice::from_ref(&second));
    assert!(restored(&lab.reopened(), &second).0 == files);
    assert!(lab.reopened().prove_structure(&Unwatched).unwrap().is_whole());
    lab.restic(&["check", "--read-data"]);
}

#[test]
fn a_backup_beside_a_prune_loses_nothing() {
    let lab = Lab::new();
    let watch = Arc::new(Unwatched) as Arc<dyn Watch>;
    let files = mail();
    let old = lab.backup(&files).unwrap().snapshot;
    // What the backup counts on is what the prune wants to remove.
    lab.repository.forget(&[old.id]).unwrap();
    let other = lab.reopened();
    let day = std::time::Duration::from_hours(24);
    let snapshot = std::thread::scope(|scope| {
        let backing = scope.spawn(|| lab.backup_at(&files, 60).unwrap().snapshot);
        while !backing.is_finished() {
            other.prune(day, &watch).unwrap();
        }
        backing.join().unwrap()
    });
    assert!(restored(&lab.reopened(), &snapshot).0 == files);
    lab.repository.prune(day, &watch).unwrap();
    assert!(restored(&lab.reopened(), &snapshot).0 == files);
    assert!(lab.reopened().prove_structure(&Unwatched).unwrap().is_whole());
    lab.restic(&["check", "--read-data"]);
}
