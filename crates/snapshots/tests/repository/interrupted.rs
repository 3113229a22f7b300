//! Backups that don't come to their end, and the one after.

use super::*;

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
        .args(["--exact", "interrupted::a_killed_backup_harms_nothing"])
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
