//! Goes through folders in the order in which a snapshot takes files.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use mailcup_snapshots::SourceEntry;

/// A file smaller than this that may change at any time is read when it is listed.
const SMALL: u64 = 1 << 20;

/// What is said of a message that is gone since it was listed.
pub const GONE: &str = "it was deleted while the backup ran";

/// Which files of a folder are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    All,
    /// No mail that is just being delivered, no locks, none of the indexes that Dovecot makes anew.
    Maildir,
}

/// A step of a [`Walk`].
pub enum Step {
    File(Found),
    /// A folder of mail: relative, empty for the topmost.
    MailFolder(PathBuf),
    /// Something that can't be read, or is neither file nor folder.
    LeftOut(PathBuf, String),
}

/// A file that was found.
pub struct Found {
    pub entry: SourceEntry,
    pub is_message: bool,
}

/// Every file below a folder, ordered by path, component by component. Holds the names of one folder of each level.
pub struct Walk {
    rules: Rules,
    levels: Vec<Level>,
}

struct Level {
    on_disk: PathBuf,
    in_snapshot: PathBuf,
    /// Below the topmost folder.
    relative: PathBuf,
    names: std::vec::IntoIter<(OsString, bool)>,
    /// Told once, before anything in it.
    told: Option<Step>,
    holds_messages: bool,
}

impl Walk {
    /// `in_snapshot` is the topmost folder's own path in the snapshot.
    pub fn new(on_disk: PathBuf, in_snapshot: PathBuf, rules: Rules) -> Self {
        let mut walk = Self { rules, levels: Vec::new() };
        walk.descend(on_disk, in_snapshot, PathBuf::new());
        walk
    }

    /// One file alone, if it can be read.
    pub fn file(on_disk: PathBuf, in_snapshot: PathBuf) -> Option<SourceEntry> {
        entry(on_disk, in_snapshot, false).ok().flatten()
    }

    fn descend(&mut self, on_disk: PathBuf, in_snapshot: PathBuf, relative: PathBuf) {
        let (names, told) = match names(&on_disk) {
            Ok(names) => {
                let is_mail = self.rules == Rules::Maildir && is_maildir(&names);
                (names, is_mail.then(|| Step::MailFolder(relative.clone())))
            }
            // Deleted since its parent was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(Step::LeftOut(on_disk.clone(), error.to_string()))),
        };
        let holds_messages = self.rules == Rules::Maildir
            && relative.file_name().is_some_and(|name| name == "cur" || name == "new");
        let names = names.into_iter();
        self.levels.push(Level { on_disk, in_snapshot, relative, names, told, holds_messages });
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            let level = self.levels.last_mut()?;
            if let Some(told) = level.told.take() {
                return Some(told);
            }
            let Some((name, is_folder)) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            let (on_disk, in_snapshot) = (level.on_disk.join(&name), level.in_snapshot.join(&name));
            if is_folder {
                if self.rules == Rules::All || name != "tmp" {
                    let relative = level.relative.join(&name);
                    self.descend(on_disk, in_snapshot, relative);
                }
                continue;
            }
            if self.rules == Rules::Maildir && is_made_anew(&name) {
                continue;
            }
            let is_message = level.holds_messages && !name.as_encoded_bytes().starts_with(b".");
            match entry(on_disk.clone(), in_snapshot, is_message) {
                Ok(Some(entry)) => return Some(Step::File(Found { entry, is_message })),
                Ok(None) => {}
                Err(error) => return Some(Step::LeftOut(on_disk, error.to_string())),
            }
        }
    }
}

/// What is in a folder, sorted, and whether each is a folder.
fn names(folder: &Path) -> io::Result<Vec<(OsString, bool)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        names.push((entry.file_name(), entry.file_type()?.is_dir()));
    }
    names.sort_unstable();
    Ok(names)
}

fn is_maildir(names: &[(OsString, bool)]) -> bool {
    names.iter().any(|(name, is_folder)| *is_folder && name == "cur")
}

fn is_made_anew(name: &OsString) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.starts_with(b"dovecot.index")
        || bytes.starts_with(b"dovecot.list.index")
        || bytes.ends_with(b".lock")
}

/// A file as it is now; none if it is gone.
fn entry(on_disk: PathBuf, path: PathBuf, is_message: bool) -> io::Result<Option<SourceEntry>> {
    let found = match fs::symlink_metadata(&on_disk) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !found.is_file() {
        return Err(io::Error::other("it is a link, a socket or a device; only files are backed up"));
    }
    let modified = found.modified().ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or_default();
    let mode = mode_of(&found);
    if is_message || found.len() > SMALL {
        let size = found.len();
        let open = Box::new(move || open(&on_disk, size, is_message));
        return Ok(Some(SourceEntry { path, modified, size, mode, open }));
    }
    let content = match fs::read(&on_disk) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = content.len() as u64;
    let open = Box::new(move || Ok(Box::new(io::Cursor::new(content)) as Box<dyn Read + Send>));
    Ok(Some(SourceEntry { path, modified, size, mode, open }))
}

/// Opens a file for exactly as many bytes as were promised.
fn open(path: &Path, size: u64, is_message: bool) -> io::Result<Box<dyn Read + Send>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_message => {
            let moved = moved(path).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, GONE))?;
            File::open(moved)?
        }
        opened => opened?,
    };
    Ok(Box::new(Exactly { file, left: size }))
}

/// Where a message went: a change of its flags renames it, and being seen moves it from `new` to `cur`.
fn moved(path: &Path) -> Option<PathBuf> {
    let unique = |name: &[u8]| name.split(|byte| *byte == b':').next().map(<[u8]>::to_vec);
    let wanted = unique(path.file_name()?.as_encoded_bytes())?;
    let folder = path.parent()?.parent()?;
    ["cur", "new"]
        .iter()
        .find_map(|name| {
            let names = fs::read_dir(folder.join(name)).ok()?;
            let mut names = names.filter_map(Result::ok);
            names.find(|entry| unique(entry.file_name().as_encoded_bytes()).is_some_and(|it| it == wanted))
        })
        .map(|entry| entry.path())
}

/// A file that is an error unless it has the promised length.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let changed = || io::Error::new(io::ErrorKind::InvalidData, "it was changed while the backup ran");
        let read = self.file.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(changed)?;
        if read == 0 && self.left > 0 { Err(changed()) } else { Ok(read) }
    }
}

#[cfg(unix)]
fn mode_of(found: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777
}

#[cfg(not(unix))]
fn mode_of(_: &fs::Metadata) -> u32 {
    0o600
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay_down(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
    }

    #[test]
    fn a_maildir_is_taken_without_what_is_made_anew_and_in_the_order_of_paths() {
        let folder = tempfile::tempdir().unwrap();
        lay_down(
            folder.path(),
            &[
                "cur/1.a:2,S",
                "new/2.b",
                "tmp/3.c",
                ".Sent/cur/4.d:2,",
                ".Sent/new/.keep",
                "dovecot-uidlist",
                "dovecot.index.log",
                "dovecot-uidlist.lock",
                ".Sent/maildirfolder",
                "subscriptions",
                "cur-/x",
            ],
        );
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let (mut paths, mut messages, mut folders, mut left_out) = (Vec::new(), 0, Vec::new(), Vec::new());
        for step in Walk::new(folder.path().into(), "mail".into(), Rules::Maildir) {
            match step {
                Step::File(found) => {
                    messages += u32::from(found.is_message);
                    paths.push(found.entry.path);
                }
                Step::MailFolder(folder) => folders.push(folder),
                Step::LeftOut(path, why) => left_out.push((path, why)),
            }
        }
        assert!(paths.is_sorted());
        let wanted = [
            ".Sent/cur/4.d:2,",
            ".Sent/maildirfolder",
            ".Sent/new/.keep",
            "cur/1.a:2,S",
            "cur-/x",
            "dovecot-uidlist",
            "new/2.b",
            "subscriptions",
        ];
        assert_eq!(paths, wanted.map(|path| Path::new("mail").join(path)));
        assert_eq!((messages, folders), (3, vec![PathBuf::new(), ".Sent".into()]));
        assert_eq!(left_out[0].0, folder.path().join("link"));
    }

    #[test]
    fn a_message_is_found_after_its_flags_changed_and_known_as_gone_after_its_deletion() {
        let folder = tempfile::tempdir().unwrap();
        lay_down(folder.path(), &["new/1.a", "cur/2.b:2,", "cur/3.c:2,"]);
        let listed: Vec<_> = Walk::new(folder.path().into(), "mail".into(), Rules::Maildir)
            .filter_map(|step| match step {
                Step::File(found) => Some(found.entry),
                Step::MailFolder(_) | Step::LeftOut(..) => None,
            })
            .collect();
        fs::rename(folder.path().join("new/1.a"), folder.path().join("cur/1.a:2,S")).unwrap();
        fs::remove_file(folder.path().join("cur/2.b:2,")).unwrap();
        fs::write(folder.path().join("cur/3.c:2,"), "another length").unwrap();
        let read = |entry: SourceEntry| {
            let mut text = String::new();
            (entry.open)()?.read_to_string(&mut text).map(|_| text)
        };
        let read: Vec<_> = listed.into_iter().map(|entry| read(entry).map_err(|it| it.to_string())).collect();
        assert_eq!(
            read,
            [Err(GONE.to_owned()), Err("it was changed while the backup ran".into()), Ok("new/1.a".into())]
        );
    }
}
