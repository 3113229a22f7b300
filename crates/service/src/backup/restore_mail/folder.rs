//! A folder of a mailbox in use, into which messages are put. Every step is taken from an opened folder on, and follows
//! no link, so that nothing that somebody puts into the way leads elsewhere.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use mailcup_snapshots::{Entry, Error, Repository};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, RawMode};
use sha2::{Digest as _, Sha256};

use super::names::FolderName;
use crate::backup::BackupError;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It lies there already.
    There,
    /// It comes under its name with the next [`TargetFolder::settle`].
    Waits,
}

/// What came under its name.
#[derive(Debug, Default, Clone, Copy)]
pub struct Settled {
    pub messages: u32,
    pub bytes: u64,
}

#[derive(Debug)]
pub struct TargetFolder {
    path: PathBuf,
    tmp: OwnedFd,
    cur: OwnedFd,
    new: OwnedFd,
    owner: Owner,
    /// What lies there, by size.
    known: HashMap<u64, Vec<Known>>,
    waiting: Vec<Waiting>,
}

/// As whose, and how, files are made.
#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
    mode: RawMode,
}

#[derive(Debug)]
struct Known {
    place: Place,
    sha256: Option<[u8; 32]>,
}

#[derive(Debug)]
enum Place {
    Cur(String),
    New(String),
    /// Not under its name yet; its hash is known.
    Waits,
}

#[derive(Debug)]
struct Waiting {
    tmp: String,
    name: String,
    size: u64,
}

impl TargetFolder {
    /// Opens a folder of a Maildir, and makes it where it isn't.
    pub fn open(maildir: &Path, name: &FolderName) -> Result<Self, BackupError> {
        let failed = |error: rustix::io::Errno| BackupError::io(maildir, error.into());
        let top = match rustix::fs::open(maildir, FOLDER, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Err(no_mailbox(maildir)),
            opened => opened.map_err(failed)?,
        };
        let found = rustix::fs::fstat(&top).map_err(failed)?;
        let owner = Owner { uid: found.st_uid, gid: found.st_gid, mode: found.st_mode & 0o777 };
        if rustix::fs::openat(&top, "cur", FOLDER, Mode::empty()).is_err() {
            return Err(no_mailbox(maildir));
        }
        let path = maildir.join(name.on_disk().unwrap_or_default());
        let explain = |error: io::Error| owner.explain(&path, error);
        let folder = match name.on_disk() {
            None => top,
            Some(on_disk) => make_folder(&top, on_disk, owner, name).map_err(explain)?,
        };
        let part = |part: &str| owner.folder(&folder, part).map(|(opened, _)| opened).map_err(explain);
        let (cur, new, tmp) = (part("cur")?, part("new")?, part("tmp")?);
        let mut target =
            Self { path: path.clone(), tmp, cur, new, owner, known: HashMap::new(), waiting: Vec::new() };
        let listed =
            target.list(&folder, "cur", Place::Cur).and_then(|()| target.list(&folder, "new", Place::New));
        listed.map_err(explain)?;
        Ok(target)
    }

    /// Writes a message aside, unless its very content lies here.
    pub fn put(&mut self, repository: &Repository, entry: &Entry, flags: &str) -> Result<Put, BackupError> {
        let mut content = None;
        if self.known.contains_key(&entry.size) {
            let mut hashing = Hashing::default();
            repository.export(entry, &mut hashing)?;
            let sha256 = hashing.done();
            if self.holds(entry.size, &sha256) {
                return Ok(Put::There);
            }
            content = Some(sha256);
        }
        let unique = unique();
        let written = self.write(repository, entry, &unique);
        if written.is_err() {
            // What failed is the news.
            let _ = rustix::fs::unlinkat(&self.tmp, unique.as_str(), AtFlags::empty());
        }
        let sha256 = written?;
        if content.is_some_and(|expected| expected != sha256) {
            let _ = rustix::fs::unlinkat(&self.tmp, unique.as_str(), AtFlags::empty());
            return Err(BackupError::Unclear("it was read twice and was not the same".to_owned()));
        }
        let name = format!("{unique},S={}:2,{flags}", entry.size);
        self.waiting.push(Waiting { tmp: unique, name, size: entry.size });
        let known = Known { place: Place::Waits, sha256: Some(sha256) };
        self.known.entry(entry.size).or_default().push(known);
        Ok(Put::Waits)
    }

    /// Brings what was written onto the disk, then under its names.
    pub fn settle(&mut self) -> Result<Settled, BackupError> {
        let mut settled = Settled::default();
        if self.waiting.is_empty() {
            return Ok(settled);
        }
        let failed = |error: rustix::io::Errno| ended(&self.path, error.into());
        rustix::fs::syncfs(&self.tmp).map_err(failed)?;
        while let Some(message) = self.waiting.pop() {
            let renamed =
                rustix::fs::renameat(&self.tmp, message.tmp.as_str(), &self.cur, message.name.as_str());
            if let Err(error) = renamed {
                self.waiting.push(message);
                return Err(ended(&self.path, error.into()));
            }
            settled.messages += 1;
            settled.bytes += message.size;
        }
        rustix::fs::fsync(&self.cur).map_err(|error| ended(&self.path, error.into()))?;
        Ok(settled)
    }

    fn write(&self, repository: &Repository, entry: &Entry, unique: &str) -> Result<[u8; 32], BackupError> {
        let failed = |error: io::Error| ended(&self.path, error);
        let mode = Mode::from_raw_mode(self.owner.mode & 0o666);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.tmp, unique, flags, mode);
        let made = made.map_err(|error| self.owner.explain(&self.path, error.into()))?;
        let mut file = HashingFile { file: File::from(made), hashing: Hashing::default() };
        let length = repository.export(entry, &mut file)?;
        if length != entry.size {
            return Err(BackupError::Unclear("its length isn't what the snapshot says".to_owned()));
        }
        let HashingFile { file, hashing } = file;
        self.owner.own(&file, mode).map_err(|error| self.owner.explain(&self.path, error))?;
        // To the mail server it is when the message came.
        if let Some(modified) = entry.modified.and_then(|at| SystemTime::try_from(at).ok()) {
            file.set_modified(modified).map_err(failed)?;
        }
        Ok(hashing.done())
    }

    fn holds(&mut self, size: u64, sha256: &[u8; 32]) -> bool {
        let (cur, new) = (&self.cur, &self.new);
        let Some(known) = self.known.get_mut(&size) else { return false };
        known.iter_mut().any(|known| {
            let found = match (&known.sha256, &known.place) {
                (Some(found), _) => Some(*found),
                (None, Place::Cur(name)) => hash_at(cur, name),
                (None, Place::New(name)) => hash_at(new, name),
                (None, Place::Waits) => None,
            };
            known.sha256 = found;
            found.as_ref() == Some(sha256)
        })
    }

    fn list(&mut self, folder: &OwnedFd, part: &str, place: fn(String) -> Place) -> io::Result<()> {
        let opened = rustix::fs::openat(folder, part, FOLDER, Mode::empty())?;
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with('.') {
                continue;
            }
            // Gone since: no reason to stop.
            let Ok(found) = rustix::fs::statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if rustix::fs::FileType::from_raw_mode(found.st_mode).is_file() {
                let known = Known { place: place(name.to_owned()), sha256: None };
                self.known.entry(found.st_size.unsigned_abs()).or_default().push(known);
            }
        }
        Ok(())
    }
}

impl Drop for TargetFolder {
    /// What didn't come under its name (a cancel, a full disk) leaves nothing behind.
    fn drop(&mut self) {
        for message in self.waiting.drain(..) {
            let _ = rustix::fs::unlinkat(&self.tmp, message.tmp.as_str(), AtFlags::empty());
        }
    }
}

impl Owner {
    /// Opens a folder in another, and makes it where it isn't; true if it was made.
    fn folder(self, above: &OwnedFd, name: &str) -> io::Result<(OwnedFd, bool)> {
        match rustix::fs::openat(above, name, FOLDER, Mode::empty()) {
            Ok(opened) => return Ok((opened, false)),
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        rustix::fs::mkdirat(above, name, Mode::from_raw_mode(self.mode))?;
        let opened = rustix::fs::openat(above, name, FOLDER, Mode::empty())?;
        self.own(&opened, Mode::from_raw_mode(self.mode))?;
        Ok((opened, true))
    }

    /// Gives what was made to whom the mailbox belongs.
    fn own(self, made: impl AsFd, mode: Mode) -> io::Result<()> {
        let found = rustix::fs::fstat(&made)?;
        if (found.st_uid, found.st_gid) != (self.uid, self.gid) {
            let (uid, gid) = (rustix::fs::Uid::from_raw(self.uid), rustix::fs::Gid::from_raw(self.gid));
            rustix::fs::fchown(&made, Some(uid), Some(gid))?;
        }
        Ok(rustix::fs::fchmod(&made, mode)?)
    }

    fn explain(self, path: &Path, error: io::Error) -> BackupError {
        if error.kind() != io::ErrorKind::PermissionDenied {
            return ended(path, error);
        }
        BackupError::Unclear(format!(
            "{} belongs to user {}, and the service may not write there; see “Restore mail” in docs/deploy.md",
            path.display(),
            self.uid
        ))
    }
}

/// Makes a folder as Dovecot does, and subscribes to it.
fn make_folder(top: &OwnedFd, on_disk: &str, owner: Owner, name: &FolderName) -> io::Result<OwnedFd> {
    let (folder, is_new) = owner.folder(top, on_disk)?;
    if is_new {
        for part in ["tmp", "new", "cur"] {
            owner.folder(&folder, part)?;
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(owner.mode & 0o666);
        owner.own(rustix::fs::openat(&folder, "maildirfolder", flags, mode)?, mode)?;
        subscribe(top, name)?;
    }
    Ok(folder)
}

/// Where there is a list of subscriptions; else the mail server shows every folder, or none.
fn subscribe(top: &OwnedFd, name: &FolderName) -> io::Result<()> {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = match rustix::fs::openat(top, "subscriptions", flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let text = io::read_to_string(&file)?;
    let line = name.subscription(text.starts_with("V\t"));
    if text.lines().any(|known| known == line) {
        return Ok(());
    }
    let before = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    file.write_all(format!("{before}{line}\n").as_bytes())
}

fn hash_at(folder: &OwnedFd, name: &str) -> Option<[u8; 32]> {
    let file =
        rustix::fs::openat(folder, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    let mut hashing = Hashing::default();
    io::copy(&mut File::from(file.ok()?), &mut hashing).ok()?;
    Some(hashing.done())
}

/// A name that no other message has.
fn unique() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!(
        "{}.M{}P{}Q{number}R{:08x}.mailcup",
        now.as_secs(),
        now.subsec_micros(),
        std::process::id(),
        rand::random::<u32>()
    )
}

fn no_mailbox(maildir: &Path) -> BackupError {
    BackupError::Unclear(format!(
        "there is no mailbox in {}; let its account sign in once, or choose another one",
        maildir.display()
    ))
}

fn ended(path: &Path, error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::Full { at: path.display().to_string() }.into()
        }
        _ => BackupError::io(path, error),
    }
}

#[derive(Default)]
struct Hashing(Sha256);

impl Hashing {
    fn done(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct HashingFile {
    file: File,
    hashing: Hashing,
}

impl io::Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hashing.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
