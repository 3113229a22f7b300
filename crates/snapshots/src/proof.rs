//! Proof that a repository is whole, in levels that are never mixed up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::{Error, Fault, Wrong};
use crate::id::Id;
use crate::index::{Index, Place, read_header};
use crate::parallel;
use crate::repository::{Repository, check_config};
use crate::sealed;
use crate::storage::{FileKind, Storage};
use crate::tree::Kind;
use crate::watch::{Progress, Watch};

/// What was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every file but the config is what its name promises (SHA-256).
    Names,
    /// From each snapshot every folder was read, each blob that its files need is in the index, and each pack is
    /// there with the size and header that the index says.
    Structure,
    /// The packs were read and each blob in them unsealed and compared with its name.
    Data(Part),
}

/// Of which files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    All,
    /// Those that are due on this day, so that all are read within `days` days.
    Due {
        day: i64,
        days: u32,
    },
}

impl Part {
    fn holds(self, id: &Id) -> bool {
        match self {
            Self::All => true,
            Self::Due { day, days } => due(id, day, days),
        }
    }
}

/// What a proof looked at and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub level: Level,
    /// Files of the repository that were looked at, by kind.
    pub files: BTreeMap<FileKind, u64>,
    /// Bytes that were read.
    pub bytes: u64,
    /// Snapshots, folders and files that were followed; only of [`Level::Structure`].
    pub snapshots: u64,
    pub folders: u64,
    pub entries: u64,
    /// Packs that no index names: no damage, left behind by a killed backup until the next prune.
    pub orphans: u64,
    /// Everything that is wrong, ordered.
    pub faults: Vec<Fault>,
}

impl Proof {
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    fn new(level: Level) -> Self {
        Self {
            level,
            files: BTreeMap::new(),
            bytes: 0,
            snapshots: 0,
            folders: 0,
            entries: 0,
            orphans: 0,
            faults: Vec::new(),
        }
    }

    fn finished(mut self) -> Self {
        self.faults.sort();
        self.faults.dedup();
        self
    }
}

/// Whether a pack is due on a day, counted from any day on: each is on exactly one of `days` days in a row.
pub fn due(pack: &Id, day: i64, days: u32) -> bool {
    let days = i64::from(days.max(1));
    let [a, b, c, d, ..] = pack.0;
    i64::from(u32::from_be_bytes([a, b, c, d])) % days == day.rem_euclid(days)
}

/// Compares every file with its name; needs no key. The config has no such name: [`Repository::prove_structure`]
/// checks it.
pub fn scrub(storage: &dyn Storage, watch: &dyn Watch) -> Result<Proof, Error> {
    scrub_part(storage, Part::All, watch)
}

/// As [`scrub`], of a part of the files.
pub fn scrub_part(storage: &dyn Storage, part: Part, watch: &dyn Watch) -> Result<Proof, Error> {
    let mut proof = Proof::new(Level::Names);
    let mut files = Vec::new();
    for kind in FileKind::KEPT {
        let mut found = storage.list(kind).map_err(|source| Error::io(&storage.at(), source))?;
        found.retain(|(id, _)| part.holds(id));
        proof.files.insert(kind, found.len() as u64);
        files.extend(found.into_iter().map(|(id, size)| (kind, id, size)));
    }
    let checking = Checking::new(watch, files.len() as u64, files.iter().map(|(.., size)| size).sum());
    parallel::each(&files, |(kind, id, size)| {
        if let Some(wrong) = compare(storage, *kind, id, *size, &checking)? {
            checking.fault(Fault { kind: *kind, id: *id, wrong });
        }
        checking.file();
        Ok(())
    })?;
    Ok(checking.into_proof(proof))
}

impl Repository {
    /// Follows everything from the snapshots down to the packs.
    pub fn prove_structure(&self, watch: &dyn Watch) -> Result<Proof, Error> {
        let mut proof = Proof::new(Level::Structure);
        let storage = self.storage.as_ref();
        let failed = |source| Error::io(&storage.at(), source);
        proof.files.insert(FileKind::Config, 1);
        match check_config(storage, &self.key) {
            Err(Error::Config { what: wrong, .. }) => {
                proof.faults.push(Fault { kind: FileKind::Config, id: Id([0; 32]), wrong });
            }
            checked => checked?,
        }
        let keys = storage.list(FileKind::Key).map_err(failed)?;
        for (id, _) in &keys {
            let file = storage.read(FileKind::Key, id).map_err(failed)?;
            proof.faults.extend(crate::key::check(*id, &file));
        }
        proof.files.insert(FileKind::Key, keys.len() as u64);
        self.refresh();
        let index = self.index()?;
        proof.faults.extend(index.faults.iter().cloned());
        let indexes = storage.list(FileKind::Index).map_err(failed)?;
        proof.files.insert(FileKind::Index, indexes.len() as u64);
        self.prove_packs(&index, &mut proof, watch)?;
        let listing = self.snapshots()?;
        proof.files.insert(FileKind::Snapshot, (listing.snapshots.len() + listing.damaged.len()) as u64);
        proof.snapshots = listing.snapshots.len() as u64;
        proof.faults.extend(listing.damaged);
        let mut trees: Vec<Id> = listing.snapshots.iter().map(|snapshot| snapshot.tree).collect();
        let mut seen: BTreeSet<Id> = trees.iter().copied().collect();
        while let Some(tree) = trees.pop() {
            if watch.cancelled() {
                return Err(Error::Cancelled);
            }
            proof.folders += 1;
            let entries = match self.entries(&tree) {
                Ok(entries) => entries,
                Err(Error::Damaged(fault)) => {
                    proof.faults.push(fault);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for entry in entries.iter() {
                proof.entries += u64::from(entry.kind != Kind::Folder);
                for blob in entry.blobs.iter().filter(|blob| index.data(blob).is_none()) {
                    let wrong = Wrong::Unknown { what: "blob", id: *blob };
                    proof.faults.push(Fault { kind: FileKind::Index, id: Id([0; 32]), wrong });
                }
                trees.extend(entry.subtree.filter(|subtree| seen.insert(*subtree)));
            }
        }
        Ok(proof.finished())
    }

    /// Reads packs and checks each blob in them.
    pub fn prove_data(&self, part: Part, watch: &dyn Watch) -> Result<Proof, Error> {
        let index = self.index()?;
        let packs: Vec<(Id, u64, Vec<Place>)> = index
            .packs
            .iter()
            .zip(index.by_pack())
            .filter(|(pack, _)| part.holds(&pack.id))
            .map(|(pack, places)| (pack.id, pack.size, places))
            .collect();
        let mut proof = Proof::new(Level::Data(part));
        proof.files.insert(FileKind::Pack, packs.len() as u64);
        let total = packs.iter().map(|(_, size, _)| size).sum();
        let checking = Checking::new(watch, packs.len() as u64, total);
        parallel::each(&packs, |(id, _, places)| {
            checking.go_on()?;
            self.prove_pack(id, places, &checking);
            checking.file();
            Ok(())
        })?;
        Ok(checking.into_proof(proof))
    }

    fn prove_packs(&self, index: &Index, proof: &mut Proof, watch: &dyn Watch) -> Result<(), Error> {
        let storage = self.storage.as_ref();
        let there = storage.list(FileKind::Pack).map_err(|source| Error::io(&storage.at(), source))?;
        let there: BTreeMap<Id, u64> = there.into_iter().collect();
        let known = index.pack_ids();
        proof.orphans = there.keys().filter(|id| !known.contains(id)).count() as u64;
        proof.files.insert(FileKind::Pack, index.packs.len() as u64);
        let packs: Vec<_> = index.packs.iter().zip(index.by_pack()).collect();
        let checking = Checking::new(watch, packs.len() as u64, 0);
        parallel::each(&packs, |(pack, places)| {
            checking.go_on()?;
            let wrong = match there.get(&pack.id) {
                None => Some(Wrong::Missing),
                Some(found) if *found != pack.size => {
                    Some(Wrong::Size { expected: pack.size, found: *found })
                }
                // What a prune retired without knowing what is in it.
                Some(_) if places.is_empty() => None,
                Some(found) => match read_header(storage, &self.key, &pack.id, *found, places[0].pack) {
                    Ok(header) => (header != *places).then_some(Wrong::Header),
                    Err(wrong) => Some(wrong),
                },
            };
            if let Some(wrong) = wrong {
                checking.fault(Fault { kind: FileKind::Pack, id: pack.id, wrong });
            }
            checking.file();
            Ok(())
        })?;
        let found = checking.into_proof(Proof::new(Level::Structure));
        proof.faults.extend(found.faults);
        Ok(())
    }

    fn prove_pack(&self, id: &Id, places: &[Place], checking: &Checking) {
        let fault = |wrong| checking.fault(Fault { kind: FileKind::Pack, id: *id, wrong });
        let content = match self.storage.read(FileKind::Pack, id) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return fault(Wrong::Missing),
            Err(error) => return fault(Wrong::Unreadable(error.to_string())),
        };
        checking.bytes(content.len() as u64);
        let mut damaged = false;
        for place in places {
            let end = place.offset as usize + place.length as usize;
            let opened = content
                .get(place.offset as usize..end)
                .ok_or(Wrong::Blob(place.id))
                .and_then(|sealed| sealed::open_blob(&self.key, sealed, &place.id, place.raw_length));
            if let Err(wrong) = opened {
                damaged = true;
                fault(wrong);
            }
        }
        if !damaged && Id::of(&content) != *id {
            fault(Wrong::Hash);
        }
    }
}

/// A proof under way, on several threads.
struct Checking<'a> {
    watch: &'a dyn Watch,
    total_files: u64,
    total_bytes: u64,
    files: AtomicU64,
    bytes: AtomicU64,
    faults: Mutex<Vec<Fault>>,
}

impl<'a> Checking<'a> {
    fn new(watch: &'a dyn Watch, total_files: u64, total_bytes: u64) -> Self {
        let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { watch, total_files, total_bytes, files, bytes, faults: Mutex::default() }
    }

    fn go_on(&self) -> Result<(), Error> {
        if self.watch.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn fault(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    fn bytes(&self, read: u64) {
        self.bytes.fetch_add(read, Ordering::Relaxed);
        self.tell();
    }

    fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        self.watch.progress(Progress {
            bytes: self.bytes.load(Ordering::Relaxed),
            total_bytes: self.total_bytes,
            files: self.files.load(Ordering::Relaxed),
            total_files: self.total_files,
        });
    }

    fn into_proof(self, mut proof: Proof) -> Proof {
        proof.bytes += self.bytes.into_inner();
        proof.faults.extend(self.faults.into_inner().unwrap_or_else(PoisonError::into_inner));
        proof.finished()
    }
}

fn compare(
    storage: &dyn Storage,
    kind: FileKind,
    id: &Id,
    size: u64,
    checking: &Checking,
) -> Result<Option<Wrong>, Error> {
    let mut digest = Sha256::new();
    let mut offset = 0;
    while offset < size {
        checking.go_on()?;
        let length = (size - offset).min(storage.piece());
        match storage.read_range(kind, id, offset, usize::try_from(length).unwrap_or(usize::MAX)) {
            Ok(piece) => digest.update(&piece),
            // Removed by a prune since we listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Ok(Some(Wrong::Unreadable(error.to_string()))),
        }
        checking.bytes(length);
        offset += length;
    }
    let found: [u8; 32] = digest.finalize().into();
    Ok((found != id.0).then_some(Wrong::Hash))
}
