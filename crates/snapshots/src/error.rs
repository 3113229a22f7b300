//! What can go wrong, and how to mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::id::Id;
use crate::obstacle::Obstacle;
use crate::storage::FileKind;

/// What went wrong, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no backup repository at {at}; check the location, or create one there")]
    NoRepository { at: String },
    #[error("there is a backup repository at {at} already; open it, or choose an empty place")]
    AlreadyThere { at: String },
    #[error(
        "the password or recovery phrase is wrong: every key file is undamaged, and it opens none of them"
    )]
    WrongPassword,
    #[error(
        "no key can be opened, and {} of the key files are damaged ({}); restore them from a mirror, or open the \
         repository with its master key", ids.len(), listed(ids)
    )]
    DamagedKeys { ids: Vec<Id> },
    #[error(
        "this is not the master key of the repository at {at}, or its config is damaged: {what}; check the \
             key, restore the config file from a mirror, or open the repository for reading only"
    )]
    Config { at: String, what: Wrong },
    #[error(
        "the repository has format version {version}, only version 2 is understood; let a current restic \
             migrate it (restic migrate upgrade_repo_v2)"
    )]
    ForeignVersion { version: u32 },
    #[error("{0}; what isn't damaged can still be read. Restore the file from a mirror")]
    Damaged(Fault),
    #[error(
        "another program works on the repository ({who}, since {since}); wait for it to end. If it has died, \
             `restic unlock` removes its lock"
    )]
    Locked { who: String, since: String },
    #[error(
        "the disk that holds {at} is full; make room there and try again. Nothing that was there is lost"
    )]
    Full { at: String },
    #[error("{at} can't be reached ({source}); is the disk mounted, the network up?")]
    Away { at: String, source: io::Error },
    #[error("{at}: {source}")]
    Io { at: String, source: io::Error },
    #[error("there is no {} in this snapshot", path.display())]
    NotFound { path: PathBuf },
    #[error("{} is no folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} is no file", path.display())]
    NotAFile { path: PathBuf },
    #[error(
        "the repository was opened for reading only, as its config is damaged; restore the config file first"
    )]
    ReadOnly,
    #[error("cancelled; what was there before is unchanged")]
    Cancelled,
    #[error("{} can't be backed up: {why}", path.display())]
    Source { path: PathBuf, why: &'static str },
    #[error(
        "the backup would have lacked {missing} files that were to be in it, and was not kept; check the \
             repository, then try again"
    )]
    Incomplete { missing: u64 },
    #[error(
        "at {at} lies another repository, or something else that isn't ours; choose an empty place. Nothing was \
             changed there"
    )]
    Foreign { at: String },
    #[error(
        "the copy that was at {at} is gone; is the disk mounted? If it is lost, remove the target and add it again"
    )]
    Gone { at: String },
    #[error(
        "the repository holds no snapshot and the copy at {at} holds {snapshots}; nothing was removed there. If \
             the repository is lost, restore from the copy; else remove the target and add an empty one"
    )]
    Emptied { at: String, snapshots: u64 },
    #[error("the backup engine failed: {0}")]
    Engine(String),
}

/// A damaged or missing file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub kind: FileKind,
    /// Its name; of the config, zeros.
    pub id: Id,
    pub wrong: Wrong,
}

/// What is wrong with a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Wrong {
    #[error("it is missing")]
    Missing,
    #[error("it can't be read from the disk: {0}")]
    Unreadable(String),
    #[error("its content isn't what its name promises (SHA-256)")]
    Hash,
    #[error("it was changed after it was written (authentication failed)")]
    Seal,
    #[error("it can't be understood: {0}")]
    Form(String),
    #[error("it has {found} bytes, {expected} were expected")]
    Size { expected: u64, found: u64 },
    #[error("its header isn't what the index says of it")]
    Header,
    #[error("blob {0} in it is damaged")]
    Blob(Id),
    #[error("it needs {what} {id}, which no index knows")]
    Unknown { what: &'static str, id: Id },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FileKind::Config => write!(f, "the config file is damaged: {}", self.wrong),
            kind => write!(f, "{kind} file {} is damaged: {}", self.id, self.wrong),
        }
    }
}

impl Error {
    /// What stands between us and a place elsewhere, where that is known.
    pub fn obstacle(&self) -> Option<&Obstacle> {
        match self {
            Self::Away { source, .. } | Self::Io { source, .. } => Obstacle::of(source),
            _ => None,
        }
    }

    /// What an operation on files at this place ran into.
    pub(crate) fn io(at: &str, source: io::Error) -> Self {
        let at = at.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { at },
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NotConnected
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::TimedOut => Self::Away { at, source },
            _ => Self::Io { at, source },
        }
    }
}

fn listed(ids: &[Id]) -> String {
    ids.iter().map(Id::to_string).collect::<Vec<_>>().join(", ")
}
