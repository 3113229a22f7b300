//! Bringing files of a snapshot back.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::error::Error;
use crate::parallel;
use crate::repository::Repository;
use crate::snapshot::Snapshot;
use crate::tree::{self, Entry, Kind};
use crate::watch::{Progress, Watch};

/// Where restored files go. Called from several threads.
pub trait Sink: Sync {
    /// A folder, before anything in it.
    fn folder(&self, item: &RestoredItem) -> io::Result<()>;

    /// A file. If `content` fails, nothing of it may stay under its name. Returns false if it was left as it is.
    fn file(&self, item: &RestoredItem, content: &mut dyn Read) -> io::Result<bool>;

    /// All files were given: whatever is still under way is finished.
    fn finish(&self) -> io::Result<()>;
}

/// What a [`Sink`] gets.
#[derive(Clone, Debug)]
pub struct RestoredItem {
    /// Relative to the restored folder, of plain names only.
    pub path: PathBuf,
    pub entry: Entry,
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub files: u64,
    pub folders: u64,
    pub bytes: u64,
    /// Files that were there and were kept.
    pub kept: u64,
    /// What couldn't be restored, ordered by path; everything else was.
    pub troubles: Vec<Trouble>,
}

/// Why something wasn't restored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trouble {
    pub path: PathBuf,
    pub why: String,
}

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Keep,
    Replace,
}

impl Repository {
    /// Restores what lies in a folder of a snapshot (all of it: an empty path). A damaged or refused item becomes a
    /// [`Trouble`]; a full disk or a cancel ends the whole. No file is ever partly there under its name.
    pub fn restore(
        &self,
        snapshot: &Snapshot,
        folder: &Path,
        sink: &dyn Sink,
        watch: &dyn Watch,
    ) -> Result<Restored, Error> {
        let mut plan = Plan::default();
        self.plan(snapshot, folder, sink, &mut plan, watch)?;
        let index = self.index()?;
        // By where the content lies, so that packs are read from front to back.
        plan.files.sort_by_cached_key(|item| {
            let place = item.entry.blobs.first().and_then(|blob| index.data(blob));
            place.map(|place| (place.pack, place.offset))
        });
        let total_bytes = plan.files.iter().map(|item| item.entry.size).sum();
        let total_files = plan.files.len() as u64;
        let (files, bytes, kept) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let troubles = Mutex::new(plan.troubles);
        parallel::each(&plan.files, |item| {
            if watch.cancelled() {
                return Err(Error::Cancelled);
            }
            let mut content = self.read(&item.entry)?;
            match sink.file(item, &mut content) {
                Ok(true) => {
                    files.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(item.entry.size, Ordering::Relaxed);
                }
                Ok(false) => {
                    kept.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if ends_everything(&error) => return Err(Error::io("the destination", error)),
                Err(error) => {
                    let why =
                        content.into_error().map_or_else(|| error.to_string(), |error| error.to_string());
                    let mut troubles = troubles.lock().unwrap_or_else(PoisonError::into_inner);
                    troubles.push(Trouble { path: item.path.clone(), why });
                }
            }
            watch.progress(Progress {
                bytes: bytes.load(Ordering::Relaxed),
                total_bytes,
                files: files.load(Ordering::Relaxed),
                total_files,
            });
            Ok(())
        })?;
        sink.finish().map_err(|source| Error::io("the destination", source))?;
        let mut troubles = troubles.into_inner().unwrap_or_else(PoisonError::into_inner);
        troubles.sort();
        Ok(Restored {
            files: files.into_inner(),
            folders: plan.folders,
            bytes: bytes.into_inner(),
            kept: kept.into_inner(),
            troubles,
        })
    }

    /// Makes the folders, and lists the files.
    fn plan(
        &self,
        snapshot: &Snapshot,
        folder: &Path,
        sink: &dyn Sink,
        plan: &mut Plan,
        watch: &dyn Watch,
    ) -> Result<(), Error> {
        let mut folders = vec![(PathBuf::new(), self.tree(snapshot, folder)?)];
        while let Some((path, entries)) = folders.pop() {
            if watch.cancelled() {
                return Err(Error::Cancelled);
            }
            for entry in entries.iter() {
                let item = RestoredItem { path: path.join(&entry.name), entry: entry.clone() };
                if !tree::is_plain(&entry.name) {
                    plan.trouble(path.clone(), "an entry of this folder has a name that isn't safe to write");
                    continue;
                }
                match (entry.kind, entry.subtree) {
                    (Kind::File, _) => plan.files.push(item),
                    (Kind::Folder, Some(subtree)) => match sink.folder(&item) {
                        Ok(()) => {
                            plan.folders += 1;
                            match self.entries(&subtree) {
                                Ok(entries) => folders.push((item.path, entries)),
                                Err(Error::Damaged(fault)) => plan.trouble(item.path, &fault.to_string()),
                                Err(error) => return Err(error),
                            }
                        }
                        Err(error) if ends_everything(&error) => {
                            return Err(Error::io("the destination", error));
                        }
                        Err(error) => plan.trouble(item.path, &error.to_string()),
                    },
                    (Kind::Folder, None) => plan.trouble(item.path, "this folder has no content"),
                    (Kind::Other, _) => plan.trouble(item.path, "links, devices and sockets aren't restored"),
                }
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Plan {
    files: Vec<RestoredItem>,
    folders: u64,
    troubles: Vec<Trouble>,
}

impl Plan {
    fn trouble(&mut self, path: PathBuf, why: &str) {
        self.troubles.push(Trouble { path, why: why.to_owned() });
    }
}

/// Whether no other file will fare better.
fn ends_everything(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Files that are written but not yet under their names: so many are synced together.
const BATCH: usize = 2_048;

/// A folder of this computer that files are restored into.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    existing: Existing,
    counter: AtomicU64,
    waiting: Mutex<Vec<(PathBuf, PathBuf)>>,
}

impl Directory {
    /// Made if it isn't there.
    pub fn new(root: impl Into<PathBuf>, existing: Existing) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root, existing, counter: AtomicU64::new(0), waiting: Mutex::default() })
    }

    /// Refuses to follow links that somebody put into the way.
    fn real_folder(&self, relative: &Path) -> io::Result<PathBuf> {
        let mut path = self.root.clone();
        for component in relative.components() {
            let Component::Normal(name) = component else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a plain path"));
            };
            path.push(name);
            if !fs::symlink_metadata(&path)?.is_dir() {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    "there is something else in the way",
                ));
            }
        }
        Ok(path)
    }

    /// Brings what was written onto the disk, then under its names, which come onto the disk with the next batch.
    fn settle(&self, batch: &[(PathBuf, PathBuf)]) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut rest = batch.iter();
        let settled = sync_all_of(&self.root).and_then(|()| {
            rest.try_for_each(|(unfinished, path)| {
                fs::rename(unfinished, path).inspect_err(|_| drop(fs::remove_file(unfinished)))
            })
        });
        // What failed is the news.
        rest.for_each(|(unfinished, _)| drop(fs::remove_file(unfinished)));
        settled
    }
}

impl Sink for Directory {
    fn folder(&self, item: &RestoredItem) -> io::Result<()> {
        let parent = self.real_folder(item.path.parent().unwrap_or(Path::new("")))?;
        match fs::create_dir(parent.join(&item.entry.name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.real_folder(&item.path).map(drop)
            }
            made => made,
        }
    }

    fn file(&self, item: &RestoredItem, content: &mut dyn Read) -> io::Result<bool> {
        let folder = self.real_folder(item.path.parent().unwrap_or(Path::new("")))?;
        let path = folder.join(&item.entry.name);
        match fs::symlink_metadata(&path) {
            Ok(_) if self.existing == Existing::Keep => return Ok(false),
            Ok(found) if found.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "there is a folder in the way"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let unfinished = folder.join(format!(".mailcup-restore-{}-{number}", std::process::id()));
        if let Err(error) = write_unfinished(&unfinished, item, content) {
            // What failed is the news.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((unfinished, path));
        if waiting.len() >= BATCH {
            let batch = std::mem::take(&mut *waiting);
            drop(waiting);
            self.settle(&batch)?;
        }
        Ok(true)
    }

    fn finish(&self) -> io::Result<()> {
        let batch = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.settle(&batch)?;
        sync_all_of(&self.root)
    }
}

impl Drop for Directory {
    /// What wasn't finished (a cancel, a full disk) leaves nothing behind.
    fn drop(&mut self) {
        for (unfinished, _) in self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = fs::remove_file(unfinished);
        }
    }
}

fn write_unfinished(unfinished: &Path, item: &RestoredItem, content: &mut dyn Read) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(unfinished)?;
    let written = io::copy(content, &mut file)?;
    if written != item.entry.size {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its length isn't what the snapshot says"));
    }
    if let Some(modified) = item.entry.modified {
        file.set_modified(system_time(modified))?;
    }
    set_mode(&file, item.entry.mode)?;
    if cfg!(not(target_os = "linux")) {
        file.sync_all()?;
    }
    Ok(())
}

/// Times that the system can't tell become its beginning.
fn system_time(time: Timestamp) -> SystemTime {
    let since = time.as_duration();
    let told = if since.is_negative() {
        SystemTime::UNIX_EPOCH.checked_sub(since.unsigned_abs())
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since.unsigned_abs())
    };
    told.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(target_os = "linux")]
fn sync_all_of(root: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(root)?)?)
}

/// The files were synced one by one.
#[cfg(not(target_os = "linux"))]
fn sync_all_of(root: &Path) -> io::Result<()> {
    crate::folder::sync_folder(root)
}

#[cfg(unix)]
fn set_mode(file: &File, mode: Option<u32>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // No set-user-id and the like from a backup.
    mode.map_or(Ok(()), |mode| file.set_permissions(fs::Permissions::from_mode(mode & 0o777)))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Option<u32>) -> io::Result<()> {
    Ok(())
}
