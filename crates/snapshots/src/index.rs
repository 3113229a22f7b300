//! Which blob lies where: all index files in one compact, sorted table.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::error::{Error, Fault, Wrong};
use crate::id::Id;
use crate::key::MasterKey;
use crate::sealed;
use crate::storage::{FileKind, Storage};

const HEADER_LENGTH: u64 = 4;

/// Where a blob lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub id: Id,
    /// Position in [`Index::packs`].
    pub pack: u32,
    pub offset: u32,
    pub length: u32,
    /// Unpacked, if it is compressed.
    pub raw_length: Option<u32>,
    pub is_tree: bool,
}

/// What the index says of a pack.
#[derive(Clone, Debug)]
pub struct Pack {
    pub id: Id,
    /// In bytes, by what lies in it.
    pub size: u64,
    /// Marked for removal by a prune; still readable.
    pub retired: bool,
}

/// All index files, 56 bytes a blob.
#[derive(Debug)]
pub struct Index {
    pub packs: Vec<Pack>,
    places: Vec<Place>,
    /// Index files that can't be read; what they named was looked up in the packs themselves.
    pub faults: Vec<Fault>,
}

impl Index {
    pub fn load(storage: &dyn Storage, key: &MasterKey) -> Result<Self, Error> {
        let at = storage.at();
        let mut index = Self { packs: Vec::new(), places: Vec::new(), faults: Vec::new() };
        let mut known = BTreeMap::new();
        let mut files = storage.list(FileKind::Index).map_err(|source| Error::io(&at, source))?;
        files.sort_unstable();
        for (id, _) in files {
            match read_file(storage, key, &id) {
                Ok(Some(file)) => index.add_file(file, &mut known),
                // Removed by a prune since we listed.
                Ok(None) => {}
                Err(wrong) => index.faults.push(Fault { kind: FileKind::Index, id, wrong }),
            }
        }
        if !index.faults.is_empty() {
            index.add_unlisted(storage, key, &known)?;
        }
        // A blob may lie in several packs: the live one comes first.
        let packs = &index.packs;
        index.places.sort_unstable_by_key(|place| {
            (place.id, place.is_tree, packs[place.pack as usize].retired, place.pack)
        });
        index.places.dedup_by_key(|place| (place.id, place.is_tree, place.pack));
        Ok(index)
    }

    pub fn tree(&self, id: &Id) -> Option<&Place> {
        self.find(id, true)
    }

    pub fn data(&self, id: &Id) -> Option<&Place> {
        self.find(id, false)
    }

    pub fn pack_of(&self, place: &Place) -> &Pack {
        &self.packs[place.pack as usize]
    }

    /// What lies in each pack, in the order in which it lies there.
    pub fn by_pack(&self) -> Vec<Vec<Place>> {
        let mut by_pack = vec![Vec::new(); self.packs.len()];
        for place in &self.places {
            by_pack[place.pack as usize].push(*place);
        }
        for places in &mut by_pack {
            places.sort_unstable_by_key(|place| place.offset);
        }
        by_pack
    }

    fn find(&self, id: &Id, is_tree: bool) -> Option<&Place> {
        let first = self.places.partition_point(|place| (place.id, place.is_tree) < (*id, is_tree));
        self.places.get(first).filter(|place| place.id == *id && place.is_tree == is_tree)
    }

    fn add_file(&mut self, file: IndexFile, known: &mut BTreeMap<Id, u32>) {
        let live = file.packs.into_iter().map(|pack| (pack, false));
        for (pack, retired) in live.chain(file.packs_to_delete.into_iter().map(|pack| (pack, true))) {
            let size = pack.size();
            let position = *known.entry(pack.id).or_insert_with(|| {
                self.packs.push(Pack { id: pack.id, size, retired });
                u32::try_from(self.packs.len() - 1).unwrap_or(u32::MAX)
            });
            self.packs[position as usize].retired &= retired;
            self.places.extend(pack.blobs.into_iter().map(|blob| blob.place(position)));
        }
    }

    /// Reads the headers of packs that no readable index file names.
    fn add_unlisted(
        &mut self,
        storage: &dyn Storage,
        key: &MasterKey,
        known: &BTreeMap<Id, u32>,
    ) -> Result<(), Error> {
        let packs = storage.list(FileKind::Pack).map_err(|source| Error::io(&storage.at(), source))?;
        for (id, size) in packs.into_iter().filter(|(id, _)| !known.contains_key(id)) {
            let position = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
            match read_header(storage, key, &id, size, position) {
                Ok(places) => {
                    self.packs.push(Pack { id, size, retired: false });
                    self.places.extend(places);
                }
                Err(wrong) => self.faults.push(Fault { kind: FileKind::Pack, id, wrong }),
            }
        }
        Ok(())
    }

    /// Ids of all packs, by their names.
    pub fn pack_ids(&self) -> BTreeSet<Id> {
        self.packs.iter().map(|pack| pack.id).collect()
    }
}

/// The header at the end of a pack: what lies in it. `position` goes into the places.
pub fn read_header(
    storage: &dyn Storage,
    key: &MasterKey,
    id: &Id,
    size: u64,
    position: u32,
) -> Result<Vec<Place>, Wrong> {
    let unreadable = |error: std::io::Error| Wrong::Unreadable(error.to_string());
    let end = size.checked_sub(HEADER_LENGTH).ok_or(Wrong::Header)?;
    let length = storage.read_range(FileKind::Pack, id, end, 4).map_err(unreadable)?;
    let length = u32::from_le_bytes(length.try_into().map_err(|_| Wrong::Header)?);
    let start = end.checked_sub(u64::from(length)).ok_or(Wrong::Header)?;
    let sealed = storage.read_range(FileKind::Pack, id, start, length as usize).map_err(unreadable)?;
    let plain = sealed::unseal(key, &sealed)?;
    let mut rest = plain.as_slice();
    let mut places = Vec::new();
    let mut offset = 0u32;
    while let Some((kind, after)) = rest.split_first() {
        let packed = kind & 2 != 0;
        let width = if packed { 8 } else { 4 };
        if *kind > 3 || after.len() < width + 32 {
            return Err(Wrong::Header);
        }
        let number = |at: usize| u32::from_le_bytes([after[at], after[at + 1], after[at + 2], after[at + 3]]);
        let mut name = [0; 32];
        name.copy_from_slice(&after[width..width + 32]);
        places.push(Place {
            id: Id(name),
            pack: position,
            offset,
            length: number(0),
            raw_length: packed.then(|| number(4)),
            is_tree: kind & 1 != 0,
        });
        offset = offset.checked_add(number(0)).ok_or(Wrong::Header)?;
        rest = &after[width + 32..];
    }
    if u64::from(offset) == start { Ok(places) } else { Err(Wrong::Header) }
}

#[derive(Deserialize)]
struct IndexFile {
    #[serde(default)]
    packs: Vec<IndexedPack>,
    /// rustic's, for its two-phase prune.
    #[serde(default)]
    packs_to_delete: Vec<IndexedPack>,
}

#[derive(Deserialize)]
struct IndexedPack {
    id: Id,
    blobs: Vec<IndexedBlob>,
    size: Option<u64>,
}

#[derive(Deserialize)]
struct IndexedBlob {
    id: Id,
    #[serde(rename = "type")]
    kind: BlobKind,
    offset: u32,
    length: u32,
    #[serde(default)]
    uncompressed_length: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum BlobKind {
    Data,
    Tree,
}

impl IndexedPack {
    fn size(&self) -> u64 {
        self.size.unwrap_or_else(|| {
            let blobs = self.blobs.iter().map(|blob| {
                u64::from(blob.length) + if blob.uncompressed_length.is_some() { 41 } else { 37 }
            });
            blobs.sum::<u64>() + u64::from(sealed::OVERHEAD) + HEADER_LENGTH
        })
    }
}

impl IndexedBlob {
    fn place(self, pack: u32) -> Place {
        Place {
            id: self.id,
            pack,
            offset: self.offset,
            length: self.length,
            raw_length: self.uncompressed_length.filter(|length| *length > 0),
            is_tree: self.kind == BlobKind::Tree,
        }
    }
}

fn read_file(storage: &dyn Storage, key: &MasterKey, id: &Id) -> Result<Option<IndexFile>, Wrong> {
    let sealed = match storage.read(FileKind::Index, id) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Wrong::Unreadable(error.to_string())),
    };
    if Id::of(&sealed) != *id {
        return Err(Wrong::Hash);
    }
    let plain = sealed::open_file(key, &sealed)?;
    serde_json::from_slice(&plain).map(Some).map_err(|error| Wrong::Form(error.to_string()))
}
