//! Mirrors under damage, death and full disks.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use mailcup_lab::{small_disk::SmallDisk, wait};
use mailcup_wire::{
    SnapshotId,
    desktop::{
        MailExport, MailFormat, MirrorScope, MirrorState, PassphraseChange, Phase, StatePart, StateQuery,
    },
};

use super::{
    backups::{Backed, LONG, settings},
    desk::Desk,
};

const PASSPHRASE: &str = "correct horse battery";
/// Tells the process that is killed where its console lies.
const FILLS: &str = "MAILCUP_TEST_FILLS";
const ACCOUNTS: [&str; 2] = ["anna@example.org", "bert@example.org"];

/// What a repository keeps, by path: in a mirror there is no more, and no less.
fn kept(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::from([("config".into(), fs::read(root.join("config")).unwrap_or_default())]);
    let mut waiting: Vec<PathBuf> =
        ["keys", "snapshots", "index", "data"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

/// Bytes that a mirror has, of files that are whole and of others. What moves while we look is seen in its new place.
fn fetched(mirror: &Path) -> u64 {
    let parts = fs::read_dir(mirror.join("partial")).into_iter().flatten().flatten();
    let parts: u64 = parts.filter_map(|part| part.metadata().ok()).map(|part| part.len()).sum();
    parts + kept(mirror).values().map(|bytes| bytes.len() as u64).sum::<u64>()
}

/// The contents of all files below a folder.
fn contents(folder: &Path) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(contents(&path)) } else { found.extend(fs::read(&path)) }
    }
    found
}

/// What could be read of a snapshot, and what was said of the rest.
#[derive(Debug, Default)]
struct Read {
    messages: usize,
    told: Vec<String>,
}

impl Backed {
    fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    async fn start_again(&mut self) {
        self.console.shut_down().await.unwrap();
        self.console = self.desk.start(self.folder.path());
        self.desk.ready().await;
    }

    /// Exports all mail and looks at all of the state: never a wrong byte.
    async fn read_everything(&self, snapshot: &SnapshotId) -> Read {
        let mut read = Read::default();
        let mail = contents(&self.folder.path().join("mail"));
        for login in ACCOUNTS {
            let to = tempfile::tempdir().unwrap();
            let path = format!("example.org/{}", login.split_once('@').unwrap().0);
            let export = MailExport {
                snapshot: snapshot.clone(),
                paths: vec![path],
                format: MailFormat::Eml,
                to: to.path().join("mail").display().to_string(),
            };
            match self.console.export_mail(export).await {
                Ok(exported) => {
                    let written = contents(&to.path().join("mail"));
                    assert!(written.is_subset(&mail), "never a wrong byte");
                    read.messages += written.len();
                    read.told.extend(exported.troubles.into_iter().map(|trouble| trouble.why));
                }
                Err(problem) => read.told.push(problem.message),
            }
        }
        for part in [StatePart::Accounts, StatePart::Admins, StatePart::Alerts, StatePart::Events] {
            let (text, day) = (String::new(), None);
            let query = StateQuery { snapshot: snapshot.clone(), part, text, day, offset: 0, limit: 500 };
            if let Err(problem) = self.console.snapshot_state(query).await {
                read.told.push(problem.message);
            }
        }
        read
    }

    /// Waits until the mirror has what the repository has.
    async fn healed(&self) {
        let repository = kept(&self.repository());
        let healed = wait::until("the mirror is as the repository", LONG, async || {
            (kept(&self.mirror()) == repository).then_some(())
        });
        healed.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_damaged_file_of_a_mirror_is_named_read_around_and_fetched_again() {
    let mut backed = Backed::start(12).await;
    backed.back_up().await;
    backed.may_read_mail().await;
    backed.console.begin_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
    backed.complete().await;
    let snapshot = backed.console.snapshots().await.unwrap().snapshots.remove(0).id;
    let whole = backed.read_everything(&snapshot).await;
    assert_eq!((whole.messages, whole.told.len()), (25, 0), "{whole:?}");
    let all = kept(&backed.mirror());
    let kinds: BTreeSet<_> = all.keys().filter_map(|path| path.iter().next()).collect();
    assert_eq!(kinds.len(), 5, "config, keys, snapshots, index, packs: {kinds:?}");
    for path in all.keys() {
        let kind = path.iter().next().unwrap().to_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        // As if the service was away: nothing is mended.
        backed.console.pause_mirror().await.unwrap();
        let mut bytes = all[path].clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(backed.mirror().join(path), bytes).unwrap();
        backed.start_again().await;
        let list = backed.console.snapshots().await.unwrap();
        let read = backed.read_everything(&snapshot).await;
        let named = |kind: &str| list.damaged.iter().any(|it| it.file == name && it.file_kind == kind);
        match kind {
            // Nothing that is read needs them.
            "config" | "keys" => assert_eq!((read.messages, read.told.len()), (25, 0), "{kind}: {read:?}"),
            "index" => {
                assert!(named("index"), "{list:?}");
                assert_eq!((read.messages, read.told.len()), (25, 0), "{kind}: {read:?}");
            }
            "snapshots" => {
                assert!(named("snapshot") && list.snapshots.is_empty(), "{list:?}");
                assert!(read.messages == 0 && read.told.iter().all(|it| it.contains(name)), "{read:?}");
            }
            _ => assert!(read.told.iter().any(|told| told.contains(name)), "{kind} {name}: {read:?}"),
        }
        // Once a day, the small ones are looked at by themselves.
        let _ = fs::remove_file(backed.mirror().join("checked"));
        backed.console.resume_mirror().await.unwrap();
        backed.healed().await;
        backed.complete().await;
        let read = backed.read_everything(&snapshot).await;
        assert_eq!((read.messages, read.told.len()), (25, 0), "{kind}: {read:?}");
    }
    backed.console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_never_filled_from_another_repository_and_the_last_good_copy_stays() {
    let mut backed = Backed::start(5).await;
    backed.back_up().await;
    backed.may_read_mail().await;
    backed.console.begin_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
    backed.complete().await;
    let before = kept(&backed.mirror());
    // Somebody begins anew in the same place.
    backed.service.stop();
    fs::rename(backed.repository(), backed.folder.path().join("aside")).unwrap();
    let data_dir = backed.service.data_dir().to_owned();
    fs::remove_file(data_dir.join("backup-key")).unwrap();
    let init = ["backup", "init", "--data-dir", data_dir.to_str().unwrap()];
    backed.service.command(&init).await.unwrap();
    backed.service.run().await.unwrap();
    backed.back_up().await;
    let failed =
        |view: &mailcup_wire::desktop::BackupsView| matches!(view.mirror.state, MirrorState::Failed { .. });
    let view = backed.view_when("the mirror says so", failed).await;
    let MirrorState::Failed { why } = view.mirror.state else { panic!() };
    assert!(why.contains("other") && why.contains("stays as it is"), "{why}");
    assert!(kept(&backed.mirror()) == before, "what was copied is still here");
    backed.console.shut_down().await.unwrap();
}

/// No test of its own: the process that is killed while it fills a mirror.
#[tokio::test(flavor = "multi_thread")]
async fn fills_a_mirror_until_it_is_killed() {
    let Ok(folder) = env::var(FILLS) else { return };
    let desk = Desk::new();
    let console = desk.start(Path::new(&folder));
    desk.view_with(|view| view.phase == Phase::Locked).await;
    console.unlock(PASSPHRASE.into()).await.unwrap();
    std::future::pending::<()>().await;
}

struct Filling(Child);

impl Filling {
    fn start(folder: &Path) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "mirrors::fills_a_mirror_until_it_is_killed"])
            .env(FILLS, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Filling {
    /// SIGKILL.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_whose_console_is_killed_goes_on_and_ends_as_the_repository() {
    let mut backed = Backed::start(150).await;
    backed.back_up().await;
    backed.may_read_mail().await;
    backed.console.begin_mirror(settings(MirrorScope::Whole, Some(100))).await.unwrap();
    let passphrase = PassphraseChange { current: None, new: Some(PASSPHRASE.into()) };
    backed.console.set_passphrase(passphrase).await.unwrap();
    backed.console.shut_down().await.unwrap();
    let (mirror, repository) = (backed.mirror(), kept(&backed.repository()));
    for more in [1, 100_000, 100_000] {
        let had = fetched(&mirror);
        let filling = Filling::start(backed.folder.path());
        let moved = wait::until("it is filled further", LONG, async || {
            let now = fetched(&mirror);
            assert!(now >= had, "it goes on from where it was");
            (now >= had + more).then_some(())
        });
        moved.await.unwrap();
        drop(filling);
        let whole = |(path, bytes): (&PathBuf, &Vec<u8>)| bytes.is_empty() || repository[path] == *bytes;
        assert!(kept(&mirror).iter().all(whole), "each file is whole, or not there");
    }
    backed.console = backed.desk.start(backed.folder.path());
    backed.desk.view_with(|view| view.phase == Phase::Locked).await;
    backed.console.unlock(PASSPHRASE.into()).await.unwrap();
    backed.desk.ready().await;
    backed.console.change_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
    backed.complete().await;
    assert!(kept(&backed.mirror()) == repository);
    assert_eq!(fs::read_dir(mirror.join("partial")).unwrap().count(), 0);
    let snapshot = backed.console.snapshots().await.unwrap().snapshots.remove(0).id;
    let read = backed.read_everything(&snapshot).await;
    assert_eq!((read.messages, read.told.len()), (301, 0), "{read:?}");
    backed.console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_a_mirror_is_told_and_it_goes_on_once_there_is_room() {
    let backed = Backed::start(80).await;
    backed.back_up().await;
    backed.may_read_mail().await;
    let needed: usize = kept(&backed.repository()).values().map(Vec::len).sum();
    let disk = SmallDisk::mount_at(&backed.mirror(), u32::try_from(needed / 2048).unwrap()).unwrap();
    backed.console.begin_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
    let failed =
        |view: &mailcup_wire::desktop::BackupsView| matches!(view.mirror.state, MirrorState::Failed { .. });
    let view = backed.view_when("the full disk is told", failed).await;
    let MirrorState::Failed { why } = view.mirror.state else { panic!() };
    assert!(why.contains("disk is full") && why.contains("Make room, or copy less."), "{why}");
    // What is there is shown as far as it goes, and the rest is said to be missing.
    let snapshot = backed.console.snapshots().await.unwrap().snapshots.remove(0).id;
    let read = backed.read_everything(&snapshot).await;
    assert!(read.messages < 161 && !read.told.is_empty(), "{read:?}");
    assert!(read.told.iter().all(|told| told.contains("isn't in the copy on this computer")), "{read:?}");

    disk.resize(64 << 10).unwrap();
    backed.console.change_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
    backed.complete().await;
    assert!(kept(&backed.mirror()) == kept(&backed.repository()));
    let read = backed.read_everything(&snapshot).await;
    assert_eq!((read.messages, read.told.len()), (161, 0), "{read:?}");
    backed.console.shut_down().await.unwrap();
}
