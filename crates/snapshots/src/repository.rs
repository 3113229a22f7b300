//! An opened repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::content::Content;
use crate::engine;
use crate::error::{Error, Fault, Wrong};
use crate::id::{Id, SnapshotId};
use crate::index::{Index, Place};
use crate::key::MasterKey;
use crate::phrase::RecoveryPhrase;
use crate::sealed;
use crate::snapshot::{self, Listing, Snapshot};
use crate::storage::{FileKind, Storage};
use crate::tree::{self, Entry, Kind};

/// So many entries of folders are kept in memory, so that the next look at a folder is instant: some 40 MB.
const CACHED_ENTRIES: usize = 200_000;
const CONFIG: Id = Id([0; 32]);

/// An opened repository. Shared between threads; index and folders are kept in memory once read.
#[derive(Debug)]
pub struct Repository {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) key: MasterKey,
    writable: bool,
    index: Mutex<Option<Arc<Index>>>,
    folders: Mutex<Folders>,
}

/// Folders that were read.
#[derive(Debug, Default)]
struct Folders {
    read: BTreeMap<Id, Arc<Vec<Entry>>>,
    entries: usize,
}

impl Folders {
    fn keep(&mut self, tree: Id, folder: &Arc<Vec<Entry>>) {
        // An empty one costs, too.
        let weight = |folder: &Vec<Entry>| folder.len() + 8;
        if weight(folder) > CACHED_ENTRIES {
            return;
        }
        while self.entries + weight(folder) > CACHED_ENTRIES
            && let Some((_, gone)) = self.read.pop_first()
        {
            self.entries -= weight(&gone);
        }
        if self.read.insert(tree, Arc::clone(folder)).is_none() {
            self.entries += weight(folder);
        }
    }
}

#[derive(Deserialize)]
struct Config {
    version: u32,
    id: String,
}

/// A pack, as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackFile {
    pub id: Id,
    /// In bytes.
    pub size: u64,
    /// Whether folders lie in it, without which no snapshot can be looked into.
    pub holds_folders: bool,
}

impl Repository {
    /// Makes a new repository with this master key, which the caller keeps, and opens it.
    pub fn create(storage: Arc<dyn Storage>, key: MasterKey) -> Result<Self, Error> {
        let at = storage.at();
        match storage.list(FileKind::Config) {
            Ok(found) if !found.is_empty() => return Err(Error::AlreadyThere { at }),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&at, error)),
            Ok(_) | Err(_) => {}
        }
        storage.prepare().map_err(|source| Error::io(&at, source))?;
        engine::create(&storage, &key)?;
        Self::open(storage, key)
    }

    /// Opens with the master key: no waiting for a password hash.
    pub fn open(storage: Arc<dyn Storage>, key: MasterKey) -> Result<Self, Error> {
        check_config(storage.as_ref(), &key)?;
        Ok(Self::opened(storage, key, true))
    }

    /// Opens with a recovery phrase or another password: about a second.
    pub fn open_with_password(storage: Arc<dyn Storage>, password: &str) -> Result<Self, Error> {
        let there = storage.list(FileKind::Config).map_err(|source| Error::io(&storage.at(), source))?;
        if there.is_empty() {
            return Err(Error::NoRepository { at: storage.at() });
        }
        let key = MasterKey::unseal(storage.as_ref(), password)?;
        Self::open(storage, key)
    }

    /// Opens for reading only whatever the config says: when that file is damaged or lost.
    pub fn salvage(storage: Arc<dyn Storage>, key: MasterKey) -> Self {
        Self::opened(storage, key, false)
    }

    /// As [`Repository::salvage`], with a recovery phrase or another password.
    pub fn salvage_with_password(storage: Arc<dyn Storage>, password: &str) -> Result<Self, Error> {
        let key = MasterKey::unseal(storage.as_ref(), password)?;
        Ok(Self::salvage(storage, key))
    }

    /// Adds a key file, so that this phrase opens the repository, with plain `restic`, too.
    pub fn add_phrase(&self, phrase: &RecoveryPhrase) -> Result<Id, Error> {
        self.writable()?;
        engine::add_password(&self.storage, &self.key, phrase.expose())
    }

    /// What opens this repository at once.
    pub fn key(&self) -> &MasterKey {
        &self.key
    }

    /// All snapshots, oldest first; a damaged one is named and hides no other.
    pub fn snapshots(&self) -> Result<Listing, Error> {
        snapshot::list(self.storage.as_ref(), &self.key)
    }

    pub fn snapshot(&self, id: SnapshotId) -> Result<Snapshot, Error> {
        let sealed = self
            .storage
            .read(FileKind::Snapshot, &id.0)
            .map_err(|source| Error::io(&self.storage.at(), source))?;
        snapshot::read(&self.key, id.0, &sealed)
            .map_err(|wrong| Error::Damaged(Fault { kind: FileKind::Snapshot, id: id.0, wrong }))
    }

    /// What lies in a folder of a snapshot, sorted by name; of the topmost, with an empty path.
    pub fn tree(&self, snapshot: &Snapshot, path: &Path) -> Result<Arc<Vec<Entry>>, Error> {
        let mut folder = self.entries(&snapshot.tree)?;
        for name in names(path) {
            let found = folder.binary_search_by(|entry| entry.name.as_os_str().cmp(name));
            let entry = found.map_err(|_| Error::NotFound { path: path.to_owned() })?;
            let subtree = folder[entry].subtree.ok_or_else(|| Error::NotAFolder { path: path.to_owned() })?;
            folder = self.entries(&subtree)?;
        }
        Ok(folder)
    }

    /// A file or folder of a snapshot.
    pub fn entry(&self, snapshot: &Snapshot, path: &Path) -> Result<Entry, Error> {
        let missing = || Error::NotFound { path: path.to_owned() };
        let name = path.file_name().ok_or_else(missing)?;
        let folder = self.tree(snapshot, path.parent().unwrap_or(Path::new("")))?;
        let found = folder.binary_search_by(|entry| entry.name.as_os_str().cmp(name));
        Ok(folder[found.map_err(|_| missing())?].clone())
    }

    /// Reads a file of a snapshot from any offset on, one blob (at most 8 MiB) in memory.
    pub fn read(&self, entry: &Entry) -> Result<Content<'_>, Error> {
        if entry.kind != Kind::File {
            return Err(Error::NotAFile { path: entry.name.clone().into() });
        }
        Ok(Content::new(self, self.index()?, entry.blobs.clone()))
    }

    /// At most `length` bytes of a file of a snapshot, from `offset` on; fewer at its end.
    pub fn read_at(&self, entry: &Entry, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        self.read(entry)?.read_at(offset, length)
    }

    /// Writes a whole file of a snapshot; returns its length in bytes.
    pub fn export(&self, entry: &Entry, to: &mut dyn std::io::Write) -> Result<u64, Error> {
        let mut content = self.read(entry)?;
        let mut written = 0;
        while let Some(blob) = content.next_blob()? {
            to.write_all(&blob).map_err(|source| Error::io("the destination", source))?;
            written += blob.len() as u64;
        }
        Ok(written)
    }

    /// What names this repository, whatever its place: a mirror has the same.
    pub fn identity(&self) -> Result<String, Error> {
        Ok(read_config(self.storage.as_ref(), &self.key)?.id)
    }

    /// As [`Repository::identity`], of a config file that lies nowhere yet.
    pub fn identity_in(config: &[u8], key: &MasterKey) -> Result<String, Error> {
        Ok(open_config("the config file", config, key)?.id)
    }

    /// All packs that the index knows, ordered.
    pub fn packs(&self) -> Result<Vec<PackFile>, Error> {
        let index = self.index()?;
        let mut packs: Vec<_> = index
            .packs
            .iter()
            .zip(index.by_pack())
            .map(|(pack, places)| PackFile {
                id: pack.id,
                size: pack.size,
                holds_folders: places.iter().any(|place| place.is_tree),
            })
            .collect();
        packs.sort_unstable_by_key(|pack| pack.id);
        Ok(packs)
    }

    /// Adds the packs in which the content of these files lies, and of all files below these folders.
    pub fn add_packs_of(&self, entry: &Entry, packs: &mut BTreeSet<Id>) -> Result<(), Error> {
        let index = self.index()?;
        let mut waiting = vec![entry.clone()];
        let mut seen = BTreeSet::new();
        while let Some(entry) = waiting.pop() {
            let found = entry.blobs.iter().filter_map(|blob| index.data(blob));
            packs.extend(found.map(|place| index.pack_of(place).id));
            if let Some(subtree) = entry.subtree.filter(|subtree| seen.insert(*subtree)) {
                waiting.extend(self.entries(&subtree)?.iter().cloned());
            }
        }
        Ok(())
    }

    /// Index files that can't be read, and what couldn't be made up for from the packs.
    pub fn index_faults(&self) -> Result<Vec<Fault>, Error> {
        Ok(self.index()?.faults.clone())
    }

    pub(crate) fn writable(&self) -> Result<(), Error> {
        if self.writable { Ok(()) } else { Err(Error::ReadOnly) }
    }

    pub(crate) fn index(&self) -> Result<Arc<Index>, Error> {
        let mut cached = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = cached.as_ref() {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(Index::load(self.storage.as_ref(), &self.key)?);
        *cached = Some(Arc::clone(&index));
        Ok(index)
    }

    /// After something was written, by us or by another program.
    pub fn refresh(&self) {
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn entries(&self, tree: &Id) -> Result<Arc<Vec<Entry>>, Error> {
        if let Some(known) = self.folders.lock().unwrap_or_else(PoisonError::into_inner).read.get(tree) {
            return Ok(Arc::clone(known));
        }
        let index = self.index()?;
        let place = index.tree(tree).ok_or_else(|| unknown("tree", tree))?;
        let plain = self.blob(&index, place)?;
        let pack = index.pack_of(place).id;
        let entries = tree::read(&plain)
            .map_err(|wrong| Error::Damaged(Fault { kind: FileKind::Pack, id: pack, wrong }))?;
        let entries = Arc::new(entries);
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).keep(*tree, &entries);
        Ok(entries)
    }

    pub(crate) fn blob(&self, index: &Index, place: &Place) -> Result<Vec<u8>, Error> {
        let pack = index.pack_of(place).id;
        let damaged = |wrong| Error::Damaged(Fault { kind: FileKind::Pack, id: pack, wrong });
        let sealed = self
            .storage
            .read_range(FileKind::Pack, &pack, u64::from(place.offset), place.length as usize)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => damaged(Wrong::Missing),
                _ => damaged(Wrong::Unreadable(error.to_string())),
            })?;
        sealed::open_blob(&self.key, &sealed, &place.id, place.raw_length).map_err(damaged)
    }

    fn opened(storage: Arc<dyn Storage>, key: MasterKey, writable: bool) -> Self {
        Self { storage, key, writable, index: Mutex::new(None), folders: Mutex::default() }
    }
}

pub(crate) fn unknown(what: &'static str, id: &Id) -> Error {
    Error::Damaged(Fault { kind: FileKind::Index, id: CONFIG, wrong: Wrong::Unknown { what, id: *id } })
}

pub(crate) fn check_config(storage: &dyn Storage, key: &MasterKey) -> Result<(), Error> {
    let at = storage.at();
    if storage.list(FileKind::Config).map_err(|source| Error::io(&at, source))?.is_empty() {
        // An unmounted disk shows an empty folder at best.
        let kept = storage.list(FileKind::Snapshot).is_ok_and(|files| !files.is_empty());
        return Err(if kept {
            Error::Config { at, what: Wrong::Missing }
        } else {
            Error::NoRepository { at }
        });
    }
    read_config(storage, key).map(drop)
}

fn read_config(storage: &dyn Storage, key: &MasterKey) -> Result<Config, Error> {
    let at = storage.at();
    let sealed = storage.read(FileKind::Config, &CONFIG).map_err(|source| Error::io(&at, source))?;
    open_config(&at, &sealed, key)
}

fn open_config(at: &str, sealed: &[u8], key: &MasterKey) -> Result<Config, Error> {
    let told = |what| Error::Config { at: at.to_owned(), what };
    let plain = sealed::open_file(key, sealed).map_err(told)?;
    let config: Config =
        serde_json::from_slice(&plain).map_err(|error| told(Wrong::Form(error.to_string())))?;
    if config.version == 2 { Ok(config) } else { Err(Error::ForeignVersion { version: config.version }) }
}

fn names(path: &Path) -> impl Iterator<Item = &std::ffi::OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::RootDir | Component::CurDir | Component::ParentDir | Component::Prefix(_) => None,
    })
}
