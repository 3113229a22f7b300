//! What a backup and a restore ask of disks.

use std::{fs, io, path::Path};

/// Bytes that may still be written below a folder.
pub fn free(at: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(at)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Rounded up: what is there is never nothing.
pub fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
