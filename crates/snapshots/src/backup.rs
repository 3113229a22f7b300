//! Writing a snapshot.

use std::cmp::Ordering as Order;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{
    BackupOptions, ErrorKind, ParentOptions, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError,
    RusticResult,
};

use crate::engine::{self, Gate};
use crate::error::{Error, Fault, Wrong};
use crate::lock;
use crate::repository::Repository;
use crate::snapshot::{self, Snapshot};
use crate::storage::FileKind;
use crate::tree;
use crate::watch::{Progress, Watch};

/// What is to be backed up.
pub trait BackupSource: Send + Sync + 'static {
    /// Every file once, ordered by path, component by component (as [`Path`] compares).
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send>;

    /// Bytes and files that are to be expected, if that is known.
    fn expected(&self) -> Option<(u64, u64)>;
}

/// A file to be backed up. One whose path, size and time of change are as in the last snapshot isn't read again.
pub struct SourceEntry {
    /// Relative, of plain names.
    pub path: PathBuf,
    pub modified: Timestamp,
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Opens its content.
    pub open: Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>,
}

/// What a snapshot is called by.
#[derive(Clone, Debug)]
pub struct Label {
    pub host: String,
    pub tags: Vec<String>,
    pub time: Timestamp,
}

/// A finished backup.
#[derive(Clone, Debug)]
pub struct Backed {
    pub snapshot: Snapshot,
    /// Files that couldn't be read, and aren't in the snapshot.
    pub skipped: Vec<Skipped>,
}

/// A file that couldn't be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    pub path: PathBuf,
    pub why: String,
}

impl Repository {
    /// Writes a snapshot of all that the source gives. Cancelled, killed or out of room, it leaves the repository
    /// whole; the next backup uses what was written.
    pub fn backup(
        &self,
        source: Arc<dyn BackupSource>,
        label: &Label,
        watch: &Arc<dyn Watch>,
    ) -> Result<Backed, Error> {
        self.writable()?;
        lock::refuse_if_locked(self, Timestamp::now())?;
        let gate = Arc::new(Gate::watched(Arc::clone(watch)));
        let run = Arc::new(Run::new(source, Arc::clone(watch)));
        let file = engine::snapshot_file(&label.host, &label.tags, label.time)?;
        let opened = engine::open(&self.storage, &self.key, &gate)?;
        let parent = ParentOptions::default().ignore_ctime(true).ignore_inode(true);
        let options = BackupOptions::default().no_scan(true).parent_opts(parent);
        let archived = engine::run(&self.storage, &gate, || {
            opened.to_indexed_ids()?.archive(&options, &Source(Arc::clone(&run)), file, &[PathBuf::from("/")])
        });
        self.refresh();
        if let Some(error) = run.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let summary = archived?.summary.unwrap_or_default();
        if gate.cancelled() {
            return Err(Error::Cancelled);
        }
        let mut skipped = std::mem::take(&mut *run.skipped.lock().unwrap_or_else(PoisonError::into_inner));
        skipped.sort();
        let wanted = run.given.load(Ordering::Acquire) - skipped.len() as u64;
        if summary.total_files_processed != wanted {
            return Err(Error::Incomplete { missing: wanted.abs_diff(summary.total_files_processed) });
        }
        let (id, sealed) = gate.take_snapshot().ok_or(Error::Incomplete { missing: wanted })?;
        let snapshot = snapshot::read(&self.key, id, &sealed)
            .map_err(|wrong: Wrong| Error::Damaged(Fault { kind: FileKind::Snapshot, id, wrong }))?;
        self.storage
            .write(FileKind::Snapshot, &id, &[&sealed])
            .map_err(|source| Error::io(&self.storage.at(), source))?;
        Ok(Backed { snapshot, skipped })
    }
}

/// One backup under way.
struct Run {
    source: Arc<dyn BackupSource>,
    watch: Arc<dyn Watch>,
    given: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    skipped: Mutex<Vec<Skipped>>,
    /// Why the source can't be backed up at all.
    refused: Mutex<Option<Error>>,
}

impl Run {
    fn new(source: Arc<dyn BackupSource>, watch: Arc<dyn Watch>) -> Self {
        Self {
            source,
            watch,
            given: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            skipped: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    fn tell(&self, files: u64, bytes: u64) {
        let files = self.files.fetch_add(files, Ordering::Relaxed) + files;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let (total_bytes, total_files) = self.source.expected().unwrap_or_default();
        self.watch.progress(Progress { bytes, total_bytes, files, total_files });
    }

    fn skip(&self, path: &Path, error: &io::Error) {
        let skipped = Skipped { path: path.to_owned(), why: error.to_string() };
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).push(skipped);
    }
}

struct Source(Arc<Run>);

impl ReadSource for Source {
    type Open = Opening;
    type Iter = Entries;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(self.0.source.expected().map(|(bytes, _)| bytes))
    }

    fn entries(&self) -> Entries {
        Entries { inner: self.0.source.entries(), run: Arc::clone(&self.0), last: PathBuf::new() }
    }
}

struct Entries {
    inner: Box<dyn Iterator<Item = SourceEntry> + Send>,
    run: Arc<Run>,
    last: PathBuf,
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Opening>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.run.watch.cancelled() {
            return None;
        }
        let entry = self.inner.next()?;
        if let Err(error) = in_order(&self.last, &entry.path) {
            *self.run.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            return None;
        }
        self.last.clone_from(&entry.path);
        self.run.given.fetch_add(1, Ordering::AcqRel);
        self.run.tell(1, 0);
        let meta = Metadata {
            mode: Some(entry.mode),
            mtime: rustic_core::jiff::Timestamp::from_nanosecond(entry.modified.as_nanosecond()).ok(),
            size: entry.size,
            ..Metadata::default()
        };
        let node = Node::new_node(entry.path.file_name().unwrap_or(OsStr::new("")), NodeType::File, meta);
        let path = Path::new("/").join(&entry.path);
        let open = Opening { path: entry.path, open: entry.open, run: Arc::clone(&self.run) };
        Some(Ok(ReadSourceEntry { path, node, open: Some(open) }))
    }
}

/// The engine writes a folder once it is left, so that it may not be come back to.
fn in_order(last: &Path, path: &Path) -> Result<(), Error> {
    let refused = |why| Error::Source { path: path.to_owned(), why };
    let plain = |component| matches!(component, Component::Normal(name) if tree::is_plain(name));
    if path.as_os_str().is_empty() || !path.components().all(plain) {
        return Err(refused("its path must be relative and of plain names"));
    }
    if path.starts_with(last) && !last.as_os_str().is_empty() {
        return Err(refused("a file of the same name is backed up already"));
    }
    match last.cmp(path) {
        Order::Less => Ok(()),
        Order::Equal | Order::Greater => Err(refused("it comes out of order")),
    }
}

struct Opening {
    path: PathBuf,
    open: Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>,
    run: Arc<Run>,
}

impl ReadSourceOpen for Opening {
    type Reader = Reading;

    fn open(self) -> RusticResult<Reading> {
        match (self.open)() {
            Ok(inner) => Ok(Reading { inner, path: self.path, run: self.run, failed: false }),
            Err(error) => {
                self.run.skip(&self.path, &error);
                Err(RusticError::new(ErrorKind::InputOutput, error.to_string()))
            }
        }
    }
}

struct Reading {
    inner: Box<dyn Read + Send>,
    path: PathBuf,
    run: Arc<Run>,
    failed: bool,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.run.watch.cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        match self.inner.read(buffer) {
            Ok(read) => {
                self.run.tell(0, read as u64);
                Ok(read)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted && !self.failed {
                    self.failed = true;
                    self.run.skip(&self.path, &error);
                }
                Err(error)
            }
        }
    }
}
