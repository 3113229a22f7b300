//! The edge to [`rustic_core`], which writes packs and indexes: our storage under it, our errors over it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustic_core::repofile::SnapshotFile;
use rustic_core::{
    BytesList, ConfigOptions, Credentials, ErrorKind, FileType, KeyOptions, NoProgressBars, OpenStatus,
    ReadBackend, RepositoryBackends, RepositoryOptions, RusticError, RusticResult, WriteBackend,
};

use crate::error::Error;
use crate::id::Id;
use crate::key::MasterKey;
use crate::storage::{FileKind, Storage};
use crate::tree::engine_id;
use crate::watch::Watch;

/// What the engine is let through to the storage. It carries on after some errors, and would then write a snapshot
/// that lacks files: after the first failed write, and once cancelled, nothing more is written.
#[derive(Default)]
pub struct Gate {
    watch: Option<Arc<dyn Watch>>,
    closed: AtomicBool,
    failure: Mutex<Option<io::Error>>,
    /// A snapshot waits here until it is known to be whole.
    snapshot: Mutex<Option<(Id, Vec<u8>)>>,
}

impl Gate {
    pub fn watched(watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..Self::default() }
    }

    pub fn cancelled(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.cancelled())
    }

    /// The snapshot that the engine wrote last.
    pub fn take_snapshot(&self) -> Option<(Id, Vec<u8>)> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What a failed call of the engine means.
    pub fn explain(&self, at: &str, error: &RusticError) -> Error {
        if self.cancelled() {
            return Error::Cancelled;
        }
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(source) => Error::io(at, source),
            None => Error::Engine(error.display_log()),
        }
    }

    fn pass<T>(&self, writes: bool, work: impl FnOnce() -> io::Result<T>) -> RusticResult<T> {
        if self.closed.load(Ordering::Acquire) || self.cancelled() {
            return Err(RusticError::new(ErrorKind::Backend, "stopped"));
        }
        work().map_err(|error| {
            let told = RusticError::new(ErrorKind::Backend, error.to_string());
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            if writes || failure.is_none() {
                self.closed.fetch_or(writes, Ordering::AcqRel);
                failure.get_or_insert(error);
            }
            told
        })
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

#[derive(Debug)]
struct Gated {
    storage: Arc<dyn Storage>,
    gate: Arc<Gate>,
}

impl ReadBackend for Gated {
    fn location(&self) -> String {
        self.storage.at()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(rustic_core::Id, u32)>> {
        let files = self.gate.pass(false, || self.storage.list(our_kind(kind)))?;
        Ok(files.iter().map(|(id, size)| (their_id(id), u32::try_from(*size).unwrap_or(u32::MAX))).collect())
    }

    fn read_full(&self, kind: FileType, id: &rustic_core::Id) -> RusticResult<Bytes> {
        self.gate.pass(false, || self.storage.read(our_kind(kind), &engine_id(id))).map(Bytes::from)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &rustic_core::Id,
        _: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.gate
            .pass(false, || {
                self.storage.read_range(our_kind(kind), &engine_id(id), u64::from(offset), length as usize)
            })
            .map(Bytes::from)
    }

    fn warmup_path(&self, _: FileType, id: &rustic_core::Id) -> String {
        engine_id(id).to_string()
    }
}

impl WriteBackend for Gated {
    fn create(&self) -> RusticResult<()> {
        self.gate.pass(true, || self.storage.prepare())
    }

    fn write_bytes(
        &self,
        kind: FileType,
        id: &rustic_core::Id,
        _: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        let id = engine_id(id);
        let content = content.into_vec();
        let parts: Vec<&[u8]> = content.iter().map(AsRef::as_ref).collect();
        self.gate.pass(true, || {
            if kind == FileType::Snapshot {
                let held = Some((id, parts.concat()));
                *self.gate.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = held;
                return Ok(());
            }
            self.storage.write(our_kind(kind), &id, &parts)
        })
    }

    fn remove(&self, kind: FileType, id: &rustic_core::Id, _: bool) -> RusticResult<()> {
        self.gate.pass(true, || self.storage.remove(our_kind(kind), &engine_id(id)))
    }
}

pub type Opened = rustic_core::Repository<OpenStatus>;

/// Opens with the engine.
pub fn open(storage: &Arc<dyn Storage>, key: &MasterKey, gate: &Arc<Gate>) -> Result<Opened, Error> {
    let master = key.to_engine()?;
    run(storage, gate, || unopened(storage, gate)?.open(&Credentials::Masterkey(master)))
}

/// Writes the config of a new repository.
pub fn create(storage: &Arc<dyn Storage>, key: &MasterKey) -> Result<(), Error> {
    let gate = Arc::new(Gate::default());
    let master = Credentials::Masterkey(key.to_engine()?);
    run(storage, &gate, || {
        unopened(storage, &gate)?.init(&master, &KeyOptions::default(), &ConfigOptions::default()).map(drop)
    })
}

/// Writes a key file for this password.
pub fn add_password(storage: &Arc<dyn Storage>, key: &MasterKey, password: &str) -> Result<Id, Error> {
    let gate = Arc::new(Gate::default());
    let opened = open(storage, key, &gate)?;
    let options = KeyOptions::default().with_created(true);
    run(storage, &gate, || opened.add_key(password, &options)).map(|id| engine_id(&id))
}

/// Calls the engine; a panic in it becomes an error.
pub fn run<T>(
    storage: &Arc<dyn Storage>,
    gate: &Gate,
    work: impl FnOnce() -> RusticResult<T>,
) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(gate.explain(&storage.at(), &error)),
        Err(_) => Err(gate.explain(&storage.at(), &RusticError::new(ErrorKind::Internal, "it panicked"))),
    }
}

/// A snapshot's file to be filled by the engine.
pub fn snapshot_file(host: &str, tags: &[String], time: jiff::Timestamp) -> Result<SnapshotFile, Error> {
    let engine = |error: String| Error::Engine(error);
    let mut file = SnapshotFile::default();
    let time = rustic_core::jiff::Timestamp::from_nanosecond(time.as_nanosecond())
        .map_err(|error| engine(error.to_string()))?;
    file.time = time.to_zoned(rustic_core::jiff::tz::TimeZone::UTC);
    host.clone_into(&mut file.hostname);
    concat!("mailcup ", env!("CARGO_PKG_VERSION")).clone_into(&mut file.program_version);
    for tag in tags {
        file.tags.add(tag.clone());
    }
    Ok(file)
}

fn unopened(storage: &Arc<dyn Storage>, gate: &Arc<Gate>) -> RusticResult<rustic_core::Repository<()>> {
    let gated = Gated { storage: Arc::clone(storage), gate: Arc::clone(gate) };
    let backends = RepositoryBackends::new(Arc::new(gated), None);
    let options = RepositoryOptions::default().no_cache(true);
    rustic_core::Repository::new_with_progress(&options, &backends, NoProgressBars)
}

const fn our_kind(kind: FileType) -> FileKind {
    match kind {
        FileType::Config => FileKind::Config,
        FileType::Index => FileKind::Index,
        FileType::Key => FileKind::Key,
        FileType::Snapshot => FileKind::Snapshot,
        FileType::Pack => FileKind::Pack,
    }
}

fn their_id(id: &Id) -> rustic_core::Id {
    rustic_core::Id::new(id.0)
}
