//! One step, as a process of its own.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use mailcup_snapshots::{
    BackupSource, Directory, Existing, Folder, Label, MasterKey, Part, RecoveryPhrase, Repository,
    SourceEntry, Unwatched, Watch,
};

const START: i64 = 1_790_000_000;

pub fn new_phrase() -> String {
    RecoveryPhrase::from_entropy(&rand::random()).expose().to_owned()
}

pub fn run(arguments: &[String], phrase: &str) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [root, step, rest @ ..] = arguments.as_slice() else { panic!("no step") };
    let storage = Arc::new(Folder::new(*root));
    if *step == "init" {
        let repository = Repository::create(storage, MasterKey::from_bytes(rand::random())).unwrap();
        repository.add_phrase(&phrase.parse().unwrap()).unwrap();
        return;
    }
    let repository = Repository::open_with_password(storage, phrase).unwrap();
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    let snapshots = repository.snapshots().unwrap().snapshots;
    let mut out = BufWriter::new(std::io::stdout().lock());
    match (*step, rest) {
        ("backup", [mail, second]) => {
            let time = Timestamp::from_second(START + second.parse::<i64>().unwrap()).unwrap();
            let label = Label { host: "measured".to_owned(), tags: Vec::new(), time };
            let backed = repository.backup(Arc::new(Disk(PathBuf::from(mail))), &label, &watch).unwrap();
            assert!(backed.skipped.is_empty());
        }
        ("list", []) => {
            for found in repository.files(snapshots.last().unwrap(), &Unwatched).unwrap() {
                writeln!(out, "{}", found.path.display()).unwrap();
            }
        }
        ("diff", []) => {
            for found in repository.diff(&snapshots[0], &snapshots[1], &Unwatched).unwrap() {
                writeln!(out, "{:?} {}", found.change, found.path.display()).unwrap();
            }
        }
        ("dump", [path]) => {
            let entry = repository.entry(snapshots.last().unwrap(), Path::new(path)).unwrap();
            repository.export(&entry, &mut out).unwrap();
        }
        ("check", []) => {
            assert!(repository.prove_structure(&Unwatched).unwrap().is_whole());
            assert!(repository.prove_data(Part::All, &Unwatched).unwrap().is_whole());
        }
        ("restore", [target, peak]) => {
            let sink = Directory::new(*target, Existing::Keep).unwrap();
            let restored =
                repository.restore(snapshots.last().unwrap(), Path::new(""), &sink, &Unwatched).unwrap();
            assert!(restored.troubles.is_empty());
            fs::write(peak, peak_memory()).unwrap();
        }
        other => panic!("{other:?}"),
    }
}

/// Files below a folder, ordered by path.
struct Disk(PathBuf);

impl BackupSource for Disk {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        let mut paths = Vec::new();
        collect(&self.0, &mut paths);
        paths.sort_unstable();
        let root = self.0.clone();
        Box::new(paths.into_iter().map(move |path| {
            let about = fs::metadata(&path).unwrap();
            SourceEntry {
                modified: Timestamp::new(about.mtime(), i32::try_from(about.mtime_nsec()).unwrap()).unwrap(),
                size: about.len(),
                mode: about.mode() & 0o7777,
                path: path.strip_prefix(&root).unwrap().to_owned(),
                open: Box::new(move || Ok(Box::new(File::open(path)?) as Box<_>)),
            }
        }))
    }

    fn expected(&self) -> Option<(u64, u64)> {
        None
    }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), paths);
        } else {
            paths.push(entry.path());
        }
    }
}

/// Of this process, in KiB.
fn peak_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}
