//! A repository copied to real servers, with Debian's restic as witness there.

use std::sync::Mutex;

use mailcup_lab::storage_servers::{PASSWORD, Rclone, RcloneMode, S3Server, Sshd, USER};
use mailcup_snapshots::{
    CopyRules, Obstacle, Replicated, Rest, S3, S3Place, Sftp, SftpPlace, mend, probe, replicate,
};
use tokio::runtime::Runtime;
use url::Url;

use super::*;

const RULES: CopyRules = CopyRules { may_begin: true, may_remove: true, limit: None };

/// A server, and what is kept there.
struct Target {
    storage: Arc<dyn Storage>,
    /// Where the files lie in truth.
    files: PathBuf,
    /// As restic calls it, with options.
    restic: String,
    options: Vec<String>,
    _server: Box<dyn std::any::Any>,
}

impl Target {
    fn restic(&self, lab: &Lab, arguments: &[&str]) {
        let output = Command::new("restic")
            .args(["--no-cache", "-r", &self.restic])
            .args(&self.options)
            .args(arguments)
            .env("RESTIC_PASSWORD", lab.phrase.expose())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: restic {arguments:?}: {said}", self.restic);
    }
}

fn folder() -> Target {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("copy");
    Target {
        storage: storage(&files),
        restic: files.display().to_string(),
        files,
        options: Vec::new(),
        _server: Box::new(folder),
    }
}

fn rest(runtime: &Runtime) -> Target {
    let server = runtime.block_on(Rclone::start(RcloneMode::Rest)).unwrap();
    let base = format!("http://127.0.0.1:{}/mail/", server.port());
    let mut with_login: Url = base.parse().unwrap();
    with_login.set_username(USER).unwrap();
    with_login.set_password(Some(PASSWORD)).unwrap();
    Target {
        storage: Arc::new(rest_at(&base, PASSWORD)),
        files: server.files().join("mail"),
        restic: format!("rest:{with_login}"),
        options: Vec::new(),
        _server: Box::new(server),
    }
}

fn rest_at(base: &str, password: &str) -> Rest {
    Rest::new(base.parse().unwrap(), Some((USER.to_owned(), password.into()))).unwrap()
}

fn s3(runtime: &Runtime) -> Target {
    let server = runtime.block_on(S3Server::start()).unwrap();
    let files = server.files().join("of/mail");
    Target {
        storage: Arc::new(s3_at(&server.endpoint(), S3Server::BUCKET, USER, PASSWORD)),
        // restic asks this server for keys up to an empty delimiter, and gets none: it looks at the folder.
        restic: files.display().to_string(),
        files,
        options: Vec::new(),
        _server: Box::new(server),
    }
}

fn s3_at(endpoint: &str, bucket: &str, user: &str, password: &str) -> S3 {
    let place = S3Place {
        endpoint: endpoint.parse().unwrap(),
        region: S3Server::REGION.to_owned(),
        bucket: bucket.to_owned(),
        prefix: "/of/mail".to_owned(),
    };
    S3::new(place, user.to_owned(), &password.into()).unwrap()
}

fn own_name() -> String {
    let id = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

fn sshd(runtime: &Runtime) -> Target {
    let server = runtime.block_on(Sshd::start()).unwrap();
    let (key, known) = server.for_openssh().unwrap();
    let (user, files) = (own_name(), server.files());
    let command = format!(
        "ssh -F none -o BatchMode=yes -o UserKnownHostsFile={} -o IdentitiesOnly=yes -i {} -p {} {user}@127.0.0.1 -s \
         sftp",
        known.display(),
        key.display(),
        server.port()
    );
    Target {
        storage: Arc::new(sftp_at(
            server.port(),
            &user,
            &files,
            Some(server.host_key().unwrap()),
            &server.login_key().unwrap(),
        )),
        restic: format!("sftp:{user}@127.0.0.1:{}", files.display()),
        files,
        options: vec!["-o".to_owned(), format!("sftp.command={command}")],
        _server: Box::new(server),
    }
}

fn sftp_at(port: u16, user: &str, path: &Path, host_key: Option<String>, secret: &str) -> Sftp {
    let place = SftpPlace {
        host: "127.0.0.1".to_owned(),
        port,
        user: user.to_owned(),
        path: path.display().to_string(),
        host_key,
    };
    Sftp::new(place, secret.into()).unwrap()
}

fn rclone_sftp(runtime: &Runtime) -> Target {
    let server = runtime.block_on(Rclone::start(RcloneMode::Sftp)).unwrap();
    let (path, host_key) = (Path::new("mail"), server.host_key().unwrap());
    let files = server.files().join("mail");
    Target {
        storage: Arc::new(sftp_at(server.port(), USER, path, Some(host_key), PASSWORD)),
        // restic's own ssh can't be given a password: it looks at the folder.
        restic: files.display().to_string(),
        files,
        options: Vec::new(),
        _server: Box::new(server),
    }
}

fn copy(lab: &Lab, target: &Target) -> Result<Replicated, Error> {
    replicate(&Folder::new(lab.root()), target.storage.as_ref(), RULES, &Unwatched)
}

/// The files of a repository by their path in it, but for locks.
fn files_below(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                waiting.push(path);
            } else if !below.starts_with("locks") {
                found.insert(below, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Flips a bit of the first pack; its path.
fn flip_a_bit(root: &Path) -> PathBuf {
    let packs = files_below(root).into_iter().filter(|(path, _)| path.starts_with("data"));
    let (path, mut content) = packs.into_iter().next().unwrap();
    content[100] ^= 1;
    fs::write(root.join(&path), content).unwrap();
    path
}

/// All that is promised of a copy, at one target.
fn follows_the_repository(target: &Target) {
    let lab = Lab::new();
    let mut files = mail();
    let first = lab.backup_at(&files, 0).unwrap().snapshot;
    assert!(!probe(&Folder::new(lab.root()), target.storage.as_ref(), b"a probe").unwrap(), "it is empty");
    let copied = copy(&lab, target).unwrap();
    assert!(copied.files > 3 && copied.faults.is_empty(), "{copied:?}");
    assert_eq!((copied.files, copied.bytes), (copied.total_files, copied.total_bytes));
    assert_eq!(files_below(&target.files), files_below(&lab.root()));
    target.restic(&lab, &["check", "--read-data"]);
    assert!(probe(&Folder::new(lab.root()), target.storage.as_ref(), b"a probe").unwrap(), "it is a copy");
    assert_eq!(copy(&lab, target).unwrap().files, 0, "nothing is sent twice");

    // A prune is followed.
    files.retain(|path, _| !path.starts_with("mail/example.org/anna"));
    lab.backup_at(&files, 100).unwrap();
    lab.repository.forget(&[first.id]).unwrap();
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    for _ in 0..2 {
        lab.repository.prune(std::time::Duration::ZERO, &watch).unwrap();
    }
    let copied = copy(&lab, target).unwrap();
    assert!(copied.removed > 1 && copied.kept == 0, "{copied:?}");
    assert_eq!(files_below(&target.files), files_below(&lab.root()));
    target.restic(&lab, &["check", "--read-data"]);

    // A flipped bit is found and mended.
    let flipped = flip_a_bit(&target.files);
    let proof = scrub(target.storage.as_ref(), &Unwatched).unwrap();
    assert_eq!((proof.faults.len(), &proof.faults[0].wrong), (1, &Wrong::Hash));
    assert!(flipped.ends_with(proof.faults[0].id.to_string()));
    let from = Folder::new(lab.root());
    let mended = mend(&from, target.storage.as_ref(), &proof.faults, &Unwatched).unwrap();
    assert_eq!((mended.files, mended.unmended.len()), (1, 0));
    assert!(scrub(target.storage.as_ref(), &Unwatched).unwrap().is_whole());
    // So is a file that is half there.
    let half = flip_a_bit(&target.files);
    let content = fs::read(target.files.join(&half)).unwrap();
    fs::write(target.files.join(&half), &content[..50]).unwrap();
    assert_eq!(copy(&lab, target).unwrap().files, 1);
    assert_eq!(files_below(&target.files), files_below(&lab.root()));

    // The copy opens as the repository does.
    let opened = Repository::open_with_password(Arc::clone(&target.storage), lab.phrase.expose()).unwrap();
    let snapshot = opened.snapshots().unwrap().snapshots.pop().unwrap();
    assert!(restored(&opened, &snapshot).0 == files);

    // Another repository is not written over.
    let other = Lab::new();
    other.backup(&mail()).unwrap();
    let before = files_below(&target.files);
    let refused = copy(&other, target);
    assert!(matches!(refused, Err(Error::Foreign { .. })), "{refused:?}");
    let probed = probe(&Folder::new(other.root()), target.storage.as_ref(), b"a probe");
    assert!(matches!(probed, Err(Error::Foreign { .. })), "{probed:?}");
    assert!(files_below(&target.files) == before);
}

#[test]
fn a_folder_follows_the_repository() {
    follows_the_repository(&folder());
}

#[test]
fn a_rest_server_follows_the_repository() {
    follows_the_repository(&rest(&Runtime::new().unwrap()));
}

#[test]
fn a_bucket_follows_the_repository() {
    let runtime = Runtime::new().unwrap();
    follows_the_repository(&s3(&runtime));
}

#[test]
fn an_ssh_host_follows_the_repository() {
    follows_the_repository(&sshd(&Runtime::new().unwrap()));
}

#[test]
fn an_sftp_server_with_a_password_follows_the_repository() {
    follows_the_repository(&rclone_sftp(&Runtime::new().unwrap()));
}

/// Stops after some files.
struct StopAfterFiles(u64, AtomicBool);

impl Watch for StopAfterFiles {
    fn progress(&self, progress: Progress) {
        if progress.files >= self.0 {
            self.1.store(true, Ordering::Release);
        }
    }

    fn cancelled(&self) -> bool {
        self.1.load(Ordering::Acquire)
    }
}

#[test]
fn a_cancelled_copy_shows_no_snapshot_and_the_next_goes_on() {
    let (lab, target) = (Lab::new(), folder());
    lab.backup(&mail()).unwrap();
    let stop = StopAfterFiles(2, AtomicBool::new(false));
    let stopped = replicate(&Folder::new(lab.root()), target.storage.as_ref(), RULES, &stop);
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert_eq!(target.storage.list(FileKind::Snapshot).unwrap(), []);
    let all = files_below(&lab.root()).len() as u64 - 1;
    let copied = copy(&lab, &target).unwrap();
    assert!(copied.total_files == all && copied.files < all, "{copied:?}");
    assert_eq!(files_below(&target.files), files_below(&lab.root()));
}

#[test]
fn an_empty_place_that_held_a_copy_and_an_emptied_repository_are_not_followed() {
    let (lab, target) = (Lab::new(), folder());
    let snapshot = lab.backup(&mail()).unwrap().snapshot;
    let from = Folder::new(lab.root());
    let rules = CopyRules { may_begin: false, may_remove: true, limit: None };
    let gone = replicate(&from, target.storage.as_ref(), rules, &Unwatched);
    assert!(matches!(gone, Err(Error::Gone { .. })), "{gone:?}");
    assert!(!target.files.exists(), "nothing is made on the disk below");
    copy(&lab, &target).unwrap();
    lab.repository.forget(&[snapshot.id]).unwrap();
    let emptied = copy(&lab, &target);
    assert!(matches!(emptied, Err(Error::Emptied { snapshots: 1, .. })), "{emptied:?}");
    target.restic(&lab, &["check", "--read-data"]);
}

#[test]
fn what_is_damaged_here_is_neither_sent_nor_a_reason_to_remove() {
    let (lab, target) = (Lab::new(), folder());
    let first = lab.backup_at(&mail(), 0).unwrap().snapshot;
    copy(&lab, &target).unwrap();
    let before = files_below(&target.files);
    let mut files = mail();
    files.insert("mail/example.org/anna/cur/new".into(), b"a new one".repeat(9000));
    lab.backup_at(&files, 50).unwrap();
    lab.repository.forget(&[first.id]).unwrap();
    let of_this = |path: &PathBuf| path.starts_with("data") && !before.contains_key(path);
    let new = files_below(&lab.root()).into_keys().find(of_this).unwrap();
    let mut content = fs::read(lab.root().join(&new)).unwrap();
    content[3] ^= 1;
    fs::write(lab.root().join(&new), content).unwrap();
    let copied = copy(&lab, &target).unwrap();
    assert!(copied.faults.len() == 1 && copied.removed == 0, "{copied:?}");
    let after = files_below(&target.files);
    assert!(
        !after.contains_key(&new) && before.iter().all(|(path, content)| after.get(path) == Some(content))
    );
}

#[test]
fn a_server_that_only_takes_keeps_what_is_stale() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Rclone::start(RcloneMode::RestAppendOnly)).unwrap();
    let base = format!("http://127.0.0.1:{}/", server.port());
    let lab = Lab::new();
    let first = lab.backup_at(&mail(), 0).unwrap().snapshot;
    let to = rest_at(&base, PASSWORD);
    let from = Folder::new(lab.root());
    replicate(&from, &to, RULES, &Unwatched).unwrap();
    lab.backup_at(&mail(), 60).unwrap();
    lab.repository.forget(&[first.id]).unwrap();
    let copied = replicate(&from, &to, RULES, &Unwatched).unwrap();
    assert!(copied.files > 0 && copied.removed == 0 && copied.kept == 1, "{copied:?}");
    assert_eq!(to.list(FileKind::Snapshot).unwrap().len(), 2);
}

fn obstacle(to: &dyn Storage) -> Option<Obstacle> {
    let lab = Lab::new();
    let error = replicate(&Folder::new(lab.root()), to, RULES, &Unwatched).unwrap_err();
    error.obstacle().cloned()
}

#[test]
fn what_is_wrong_with_a_target_is_told() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Rclone::start(RcloneMode::Rest)).unwrap();
    let base = format!("http://127.0.0.1:{}/", server.port());
    let unused = mailcup_lab::free_port();
    assert_eq!(obstacle(&rest_at(&base, "another")), Some(Obstacle::Login));
    assert_eq!(obstacle(&rest_at(&format!("http://127.0.0.1:{unused}/"), PASSWORD)), Some(Obstacle::Refused));
    assert_eq!(obstacle(&rest_at("http://nowhere.invalid/", PASSWORD)), Some(Obstacle::Unresolved));
    assert_eq!(obstacle(&rest_at(&base.replace("http:", "https:"), PASSWORD)), Some(Obstacle::Untrusted));

    let s3 = runtime.block_on(S3Server::start()).unwrap();
    let (endpoint, bucket) = (s3.endpoint(), S3Server::BUCKET);
    assert_eq!(obstacle(&s3_at(&endpoint, bucket, USER, "another")), Some(Obstacle::Login));
    assert_eq!(obstacle(&s3_at(&endpoint, bucket, "nobody", PASSWORD)), Some(Obstacle::Login));
    assert_eq!(obstacle(&s3_at(&endpoint, "no-such-bucket", USER, PASSWORD)), Some(Obstacle::NoBucket));

    let ssh = runtime.block_on(Sshd::start()).unwrap();
    let (user, files) = (own_name(), ssh.files());
    let (key, host_key) = (ssh.login_key().unwrap(), ssh.host_key().unwrap());
    let at = |host_key: Option<&str>, secret: &str| {
        obstacle(&sftp_at(ssh.port(), &user, &files, host_key.map(str::to_owned), secret))
    };
    let shown = Some(Obstacle::HostKey { found: host_key.clone() });
    assert_eq!(at(None, &key), shown, "nothing is sent to a host that nobody knows");
    assert_eq!(at(Some("SHA256:another"), &key), shown);
    assert_eq!(at(Some(&host_key), &ssh.other_key().unwrap()), Some(Obstacle::Login));
    assert_eq!(at(Some(&host_key), "a wrong password"), Some(Obstacle::Login));
    let no_folder = sftp_at(ssh.port(), &user, Path::new("/proc/mailcup"), Some(host_key), &key);
    assert!(replicate(&Folder::new(Lab::new().root()), &no_folder, RULES, &Unwatched).is_err());
}

/// Kills the server as soon as it has some files.
struct KillAfterFiles(u64, Mutex<Option<Rclone>>);

impl Watch for KillAfterFiles {
    fn progress(&self, progress: Progress) {
        if progress.files >= self.0
            && let Some(mut server) = self.1.lock().unwrap().take()
        {
            server.kill();
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_server_that_dies_is_told_and_leaves_no_snapshot_that_lacks_anything() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Rclone::start(RcloneMode::Rest)).unwrap();
    let to = rest_at(&format!("http://127.0.0.1:{}/", server.port()), PASSWORD);
    let lab = Lab::new();
    lab.backup(&mail()).unwrap();
    let watch = KillAfterFiles(1, Mutex::new(Some(server)));
    let error = replicate(&Folder::new(lab.root()), &to, RULES, &watch).unwrap_err();
    assert!(matches!(&error, Error::Away { .. }), "{error:?}");
}
