//! The list of snapshots.

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::{Error, Fault, Wrong};
use crate::id::{Id, SnapshotId};
use crate::key::MasterKey;
use crate::sealed;
use crate::storage::{FileKind, Storage};

/// One backup: a tree of files at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub time: Timestamp,
    pub host: String,
    pub tags: Vec<String>,
    /// What was backed up, as the program that wrote it names it.
    pub paths: Vec<String>,
    /// None if the program that wrote it doesn't count, as restic before 0.17.
    pub summary: Option<Summary>,
    pub(crate) tree: Id,
}

/// Counts of one backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Summary {
    #[serde(rename = "total_files_processed")]
    pub files: u64,
    /// Of all files, before deduplication and compression.
    #[serde(rename = "total_bytes_processed")]
    pub bytes: u64,
    pub files_new: u64,
    pub files_changed: u64,
    pub files_unmodified: u64,
    /// By how much the repository grew.
    #[serde(rename = "data_added_packed")]
    pub bytes_stored: u64,
}

/// All snapshots, oldest first, and the snapshot files that can't be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    pub snapshots: Vec<Snapshot>,
    pub damaged: Vec<Fault>,
}

#[derive(Deserialize)]
struct SnapshotFile {
    time: Timestamp,
    tree: Id,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    paths: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<Summary>,
}

pub fn list(storage: &dyn Storage, key: &MasterKey) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    for (id, _) in storage.list(FileKind::Snapshot).map_err(|source| Error::io(&storage.at(), source))? {
        match storage.read(FileKind::Snapshot, &id) {
            Ok(sealed) => match read(key, id, &sealed) {
                Ok(snapshot) => listing.snapshots.push(snapshot),
                Err(wrong) => listing.damaged.push(Fault { kind: FileKind::Snapshot, id, wrong }),
            },
            // Forgotten since we listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let wrong = Wrong::Unreadable(error.to_string());
                listing.damaged.push(Fault { kind: FileKind::Snapshot, id, wrong });
            }
        }
    }
    listing.snapshots.sort_by_key(|snapshot| (snapshot.time, snapshot.id));
    listing.damaged.sort();
    Ok(listing)
}

pub fn read(key: &MasterKey, id: Id, sealed: &[u8]) -> Result<Snapshot, Wrong> {
    if Id::of(sealed) != id {
        return Err(Wrong::Hash);
    }
    let plain = sealed::open_file(key, sealed)?;
    let file: SnapshotFile =
        serde_json::from_slice(&plain).map_err(|error| Wrong::Form(error.to_string()))?;
    Ok(Snapshot {
        id: SnapshotId(id),
        time: file.time,
        host: file.hostname,
        tags: file.tags.unwrap_or_default().into_iter().filter(|tag| !tag.is_empty()).collect(),
        paths: file.paths.unwrap_or_default(),
        summary: file.summary,
        tree: file.tree,
    })
}
