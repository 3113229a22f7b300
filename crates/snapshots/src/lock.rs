//! Locks of restic: whoever holds one is at work.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::error::Error;
use crate::repository::Repository;
use crate::sealed;
use crate::storage::FileKind;

/// restic renews its lock every five minutes, and takes one older than this for dead.
const STALE: SignedDuration = SignedDuration::from_mins(30);

#[derive(Deserialize)]
struct Lock {
    time: Timestamp,
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    pid: u32,
}

/// Refuses if a living restic may remove what we write or need.
pub fn refuse_if_locked(repository: &Repository, now: Timestamp) -> Result<(), Error> {
    let storage = repository.storage.as_ref();
    let Ok(locks) = storage.list(FileKind::Lock) else {
        // Other programs don't make this folder.
        return Ok(());
    };
    for (id, _) in locks {
        // One that is gone or can't be read holds nobody off: restic, too, passes over it.
        let Ok(sealed) = storage.read(FileKind::Lock, &id) else { continue };
        let Ok(plain) = sealed::open_file(&repository.key, &sealed) else { continue };
        let Ok(lock) = serde_json::from_slice::<Lock>(&plain) else { continue };
        if lock.exclusive && now.duration_since(lock.time) < STALE {
            return Err(Error::Locked {
                who: format!("process {} on {}", lock.pid, lock.hostname),
                since: lock.time.to_string(),
            });
        }
    }
    Ok(())
}
