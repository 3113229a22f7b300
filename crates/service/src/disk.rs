//! How full the disk is.

use std::path::Path;

use mailcup_wire::{Bytes, Disk};

/// The disk that holds `folder`; none where the system does not tell.
pub async fn of(folder: &Path) -> Option<Disk> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || measured(&folder)).await.ok().flatten()
}

#[cfg(unix)]
fn measured(folder: &Path) -> Option<Disk> {
    let system = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(system.f_frsize));
    // What root alone may still fill is of no use to the service.
    Some(Disk { free: bytes(system.f_bavail), size: bytes(system.f_blocks) })
}

#[cfg(not(unix))]
fn measured(_folder: &Path) -> Option<Disk> {
    None
}
