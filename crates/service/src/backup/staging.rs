//! The folder in which the parts of a snapshot are laid out that don't exist as files yet.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    BackupError,
    disk::{free, megabytes, remove},
};

/// Beside the copy of the database there is its content as JSON.
const COPIES: u64 = 2;
const RESERVE: u64 = 16 << 20;

/// A private folder in the data folder; only one exists at a time. It goes with this value, or, after a kill, with the
/// next.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    /// Held as long as the folder.
    _lock: File,
}

impl Staging {
    /// # Errors
    /// [`BackupError::Busy`] while another backup runs, [`BackupError::Room`] if the disk is too full.
    pub fn begin(data_dir: &Path) -> Result<Self, BackupError> {
        let lock_path = data_dir.join("backup.lock");
        let failed = |error| BackupError::io(&lock_path, error);
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => BackupError::Busy,
            TryLockError::Error(error) => failed(error),
        })?;
        let path = data_dir.join("backup-staging");
        let failed = |error| BackupError::io(&path, error);
        remove(&path).map_err(failed)?;
        make_room(data_dir)?;
        DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        Ok(Self { path, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the staging folder stays until the next backup");
        }
    }
}

/// Refuses before the disk is so full that the service can't write.
fn make_room(data_dir: &Path) -> Result<(), BackupError> {
    let size = |name: &str| fs::metadata(data_dir.join(name)).map_or(0, |found| found.len());
    let needed = COPIES * (size("mailcup.db") + size("mailcup.db-wal")) + RESERVE;
    let free = free(data_dir).map_err(|error| BackupError::io(data_dir, error))?;
    if free >= needed {
        return Ok(());
    }
    Err(BackupError::Room { at: data_dir.to_owned(), needed: megabytes(needed), free: megabytes(free) })
}
