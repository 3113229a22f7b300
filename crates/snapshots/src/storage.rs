//! Where a repository's files lie.

use std::fmt::{Debug, Display, Formatter};
use std::io;

use crate::id::Id;

/// What a file of the repository is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Format version and how files are cut; the only file that isn't named by its SHA-256.
    Config,
    /// The master key, sealed with a password or recovery phrase.
    Key,
    /// Which tree, of when and of whom.
    Snapshot,
    /// Which blob lies where in which pack.
    Index,
    /// Blobs of files, or of trees.
    Pack,
    /// Says that restic, or we, are at work.
    Lock,
}

impl FileKind {
    /// Those whose files are named by their SHA-256 and belong to what is kept.
    pub const KEPT: [Self; 4] = [Self::Key, Self::Snapshot, Self::Index, Self::Pack];

    /// The folder of these files, or the name of the only one.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Snapshot => "snapshots",
            Self::Index => "index",
            Self::Pack => "data",
            Self::Lock => "locks",
        }
    }
}

impl Display for FileKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Key => "key",
            Self::Snapshot => "snapshot",
            Self::Index => "index",
            Self::Pack => "pack",
            Self::Lock => "lock",
        })
    }
}

/// What is best read at once where each question costs its way there and back.
pub(crate) const FAR_PIECE: u64 = 64 << 20;

/// Where a repository's files lie. A file is written whole or not at all, and never changed afterwards.
///
/// Of [`FileKind::Config`] there is one file, whose id is ignored.
pub trait Storage: Debug + Send + Sync + 'static {
    /// Where this is, as a person would say it.
    fn at(&self) -> String;

    /// All files of a kind, with their sizes in bytes, in no particular order.
    fn list(&self, kind: FileKind) -> io::Result<Vec<(Id, u64)>>;

    fn read(&self, kind: FileKind, id: &Id) -> io::Result<Vec<u8>>;

    /// Exactly this range, or [`io::ErrorKind::UnexpectedEof`].
    fn read_range(&self, kind: FileKind, id: &Id, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Once this returns, the file is on the disk, whole, under its name.
    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> io::Result<()>;

    fn remove(&self, kind: FileKind, id: &Id) -> io::Result<()>;

    /// Makes place for a new repository.
    fn prepare(&self) -> io::Result<()>;

    /// Removes what writers that died left half-done, if it is older than a day.
    fn sweep(&self) -> io::Result<()>;

    /// How many bytes of a file are best read at once.
    fn piece(&self) -> u64 {
        4 << 20
    }
}

/// Exactly the range that was asked for, of an answer that holds it, or else the whole file.
pub(crate) fn part_of(
    is_part: bool,
    mut content: Vec<u8>,
    offset: u64,
    length: usize,
) -> io::Result<Vec<u8>> {
    if !is_part {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        content.drain(..begin);
        content.truncate(length);
    }
    if content.len() == length { Ok(content) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
