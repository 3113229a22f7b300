//! Forgetting snapshots, and making room.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustic_core::{LimitOption, PruneOptions};

use crate::engine::{self, Gate};
use crate::error::Error;
use crate::id::SnapshotId;
use crate::lock;
use crate::repository::Repository;
use crate::storage::FileKind;
use crate::watch::Watch;

/// What a prune did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Bytes that were freed now.
    pub bytes_freed: u64,
    /// Bytes in packs that are marked, to be freed by a later prune.
    pub bytes_marked: u64,
}

impl Repository {
    /// Takes these snapshots out of the list. Their content stays until it is pruned.
    pub fn forget(&self, ids: &[SnapshotId]) -> Result<(), Error> {
        self.writable()?;
        for id in ids {
            let removed = self.storage.remove(FileKind::Snapshot, &id.0);
            removed.map_err(|source| Error::io(&self.storage.at(), source))?;
        }
        Ok(())
    }

    /// Makes room in two phases: what no snapshot needs is marked first, and removed by a prune that comes `grace`
    /// later, so that a backup that runs meanwhile loses nothing. `grace` must be longer than any backup takes.
    pub fn prune(&self, grace: Duration, watch: &Arc<dyn Watch>) -> Result<Pruned, Error> {
        self.writable()?;
        lock::refuse_if_locked(self, Timestamp::now())?;
        // What a snapshot needs that can't be read isn't known; nothing may be removed then.
        if let Some(fault) = self.snapshots()?.damaged.into_iter().next() {
            return Err(Error::Damaged(fault));
        }
        self.storage.sweep().map_err(|source| Error::io(&self.storage.at(), source))?;
        let gate = Arc::new(Gate::watched(Arc::clone(watch)));
        let opened = engine::open(&self.storage, &self.key, &gate)?;
        let seconds = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX).min(1 << 30);
        let options = PruneOptions::default()
            .keep_delete(rustic_core::jiff::Span::new().seconds(seconds))
            .max_repack(LimitOption::Unlimited);
        let pruned = engine::run(&self.storage, &gate, || {
            let plan = opened.prune_plan(&options)?;
            let pruned = Pruned {
                bytes_freed: plan.stats.size_to_delete.remove,
                bytes_marked: plan.stats.size_to_delete.keep
                    + plan.stats.size_sum().remove
                    + plan.stats.size_sum().repack,
            };
            opened.prune(&options, plan)?;
            Ok(pruned)
        });
        self.refresh();
        pruned
    }
}
