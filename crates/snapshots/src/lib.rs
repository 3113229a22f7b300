//! The backup repository: restic's format, version 2, behind types of our own, so that plain `restic` opens what
//! we write and we read what it wrote. Blocking; knows nothing of mail, of services or of windows.
//!
//! Whatever *writes* packs and indexes is [`rustic_core`]; whatever *reads* is ours, since it must name each damaged
//! file, give back everything else, stay within bounded memory, stop when asked to, and never panic.

#![forbid(unsafe_code)]

mod backup;
mod content;
mod diff;
mod engine;
mod error;
mod folder;
mod id;
mod index;
mod keep;
mod key;
mod line;
mod lock;
mod obstacle;
mod parallel;
mod phrase;
mod proof;
mod prune;
mod replicate;
mod repository;
mod rest;
mod restore;
mod s3;
mod sealed;
mod sftp;
mod snapshot;
mod storage;
mod tree;
mod watch;

pub use backup::{Backed, BackupSource, Label, Skipped, SourceEntry};
pub use content::Content;
pub use diff::{Change, Difference};
pub use error::{Error, Fault, Wrong};
pub use folder::Folder;
pub use id::{Id, NotAnId, SnapshotId};
pub use keep::KeepRules;
pub use key::MasterKey;
pub use obstacle::Obstacle;
pub use phrase::{PhraseError, RecoveryPhrase};
pub use proof::{Level, Part, Proof, due, scrub, scrub_part};
pub use prune::Pruned;
pub use replicate::{CopyRules, Mended, Replicated, mend, probe, replicate};
pub use repository::{PackFile, Repository};
pub use rest::Rest;
pub use restore::{Directory, Existing, Restored, RestoredItem, Sink, Trouble};
pub use s3::{S3, S3Place};
pub use sftp::{Sftp, SftpPlace};
pub use snapshot::{Listing, Snapshot, Summary};
pub use storage::{FileKind, Storage};
pub use tree::{Entry, Kind};
pub use watch::{Progress, Unwatched, Watch};
