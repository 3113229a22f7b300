//! What a caller sees of long work, and how it stops it.

/// How far work has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read, written or checked so far.
    pub bytes: u64,
    /// Of how many; 0 while that isn't known.
    pub total_bytes: u64,
    /// Files done so far: of the repository in a proof, of the snapshot elsewhere.
    pub files: u64,
    /// Of how many; 0 while that isn't known.
    pub total_files: u64,
}

/// Watches long work, and may stop it. Called from several threads, often: answer fast.
pub trait Watch: Send + Sync {
    fn progress(&self, progress: Progress);

    /// Once true, the work ends with [`crate::Error::Cancelled`]; whatever was there before stays whole.
    fn cancelled(&self) -> bool;
}

/// Nobody watches, nobody stops it.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        false
    }
}
