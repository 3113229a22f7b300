//! Copies of the repository at its targets.

use jiff::{SignedDuration, Timestamp};
use mailcup_snapshots::{CopyRules, Error, Folder, Replicated, Storage, Watch, mend, replicate, scrub};
use mailcup_wire::{
    BackupTarget, BackupTargetId, Bytes, Copied, TargetCopied, TargetObstacle, TargetTrouble, Time,
};
use tokio::runtime::Handle;

use super::{BackupError, alerts, jobs::whole, targets};
use crate::{
    app::App,
    config::BackupConfig,
    store::{
        StoreError,
        backup_targets::{self, StoredTarget},
    },
};

/// All targets, as the API shows them.
pub async fn targets(app: &App) -> Result<Vec<BackupTarget>, StoreError> {
    let mut connection = app.store.read().acquire().await?;
    let stored = backup_targets::all(&mut connection).await?;
    let (newest, now) = (app.backups.newest().snapshot.map(|at| at.0), app.clock.now().0);
    let shown = |StoredTarget { mut target, .. }: StoredTarget| {
        let copied = target.copied_at.map(|at| at.0);
        target.overdue = alerts::is_behind(target.added_at.0, copied, newest, now);
        target
    };
    Ok(stored.into_iter().map(shown).collect())
}

/// One that failed is tried again after so long.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// Whether a copy is to be made now: there is a newer snapshot, and since the service was started none was tried in
/// vain a short while ago.
pub fn is_due(target: &BackupTarget, newest: Option<Time>, started_at: Time, now: Timestamp) -> bool {
    let (tried, copied) = (target.tried_at, target.copied_at);
    let in_vain = tried.filter(|tried| *tried >= started_at && copied.is_none_or(|copied| copied < *tried));
    newest.is_some_and(|newest| copied.is_none_or(|copied| copied < newest))
        && in_vain.is_none_or(|tried| now.duration_since(tried.0) >= RETRY)
}

/// Copies the repository to one target, or to all. What is wrong with one keeps no other from its copy.
pub fn copy(
    handle: &Handle,
    app: &App,
    config: &BackupConfig,
    target: Option<&BackupTargetId>,
    watch: &dyn Watch,
) -> Result<Copied, BackupError> {
    let mut copied = Copied { targets: Vec::new() };
    for stored in wanted(handle, app, target)? {
        let (id, at) = (stored.target.id.clone(), app.clock.now());
        handle.block_on(async {
            let mut tx = app.store.write().await?;
            backup_targets::tries(&mut tx, &id, at).await?;
            tx.commit().await.map_err(StoreError::from)
        })?;
        let outcome = copy_to(app, config, &stored, watch)?;
        let came_of_it = match &outcome.trouble {
            None => Ok(Bytes(outcome.total)),
            Some(trouble) => Err(trouble),
        };
        handle.block_on(async {
            let mut tx = app.store.write().await?;
            backup_targets::copied(&mut tx, &id, at, came_of_it).await?;
            tx.commit().await.map_err(StoreError::from)
        })?;
        copied.targets.push(outcome.into_shown(&stored.target));
    }
    Ok(copied)
}

/// Reads all that lies at a target, and replaces what is damaged.
pub fn prove(
    handle: &Handle,
    app: &App,
    config: &BackupConfig,
    target: &BackupTargetId,
    watch: &dyn Watch,
) -> Result<Copied, BackupError> {
    let mut copied = Copied { targets: Vec::new() };
    for stored in wanted(handle, app, Some(target))? {
        let at = app.clock.now();
        let outcome = prove_at(app, config, &stored, watch)?;
        handle.block_on(async {
            let mut tx = app.store.write().await?;
            backup_targets::proven(&mut tx, target, at, outcome.trouble.as_ref()).await?;
            tx.commit().await.map_err(StoreError::from)
        })?;
        copied.targets.push(outcome.into_shown(&stored.target));
    }
    Ok(copied)
}

/// Opens a target with its stored secret.
pub fn open(app: &App, stored: &StoredTarget) -> Result<Box<dyn Storage>, TargetTrouble> {
    let secret =
        stored.secret.as_ref().map(|sealed| targets::open_secret(&app.server_key, sealed)).transpose();
    let secret = secret.map_err(|error| targets::told(TargetObstacle::Login, &error.to_string()))?;
    targets::open(&stored.target.place, secret.as_ref())
}

/// What came of a target.
#[derive(Default)]
struct Outcome {
    copied: Replicated,
    total: u64,
    read: u64,
    mended: u64,
    trouble: Option<TargetTrouble>,
}

impl Outcome {
    fn into_shown(self, target: &BackupTarget) -> TargetCopied {
        TargetCopied {
            target: target.id.clone(),
            at: targets::name(&target.place),
            files: whole(self.copied.files),
            bytes: Bytes(self.copied.bytes),
            removed: whole(self.copied.removed),
            kept: whole(self.copied.kept),
            read: whole(self.read),
            mended: whole(self.mended),
            trouble: self.trouble,
        }
    }

    fn of(trouble: TargetTrouble) -> Self {
        Self { trouble: Some(trouble), ..Self::default() }
    }
}

fn wanted(
    handle: &Handle,
    app: &App,
    target: Option<&BackupTargetId>,
) -> Result<Vec<StoredTarget>, BackupError> {
    let mut all = handle.block_on(async {
        let mut connection = app.store.read().acquire().await?;
        backup_targets::all(&mut connection).await
    })?;
    all.retain(|stored| target.is_none_or(|id| stored.target.id == *id));
    if all.is_empty() {
        let message = "there is no such target; add one on the Backups page first";
        return Err(BackupError::Unclear(message.to_owned()));
    }
    Ok(all)
}

fn copy_to(
    app: &App,
    config: &BackupConfig,
    stored: &StoredTarget,
    watch: &dyn Watch,
) -> Result<Outcome, BackupError> {
    let to = match open(app, stored) {
        Ok(to) => to,
        Err(trouble) => return Ok(Outcome::of(trouble)),
    };
    let target = &stored.target;
    let rules = CopyRules {
        may_begin: target.copied_at.is_none(),
        may_remove: true,
        limit: target.limit.map(|limit| limit.0),
    };
    match replicate(&Folder::new(&config.repository), to.as_ref(), rules, watch) {
        Ok(copied) => {
            let trouble = copied.faults.first().map(|fault| {
                let message = format!(
                    "{} damaged files of the repository were not copied ({fault}); prove the repository",
                    copied.faults.len()
                );
                targets::told(TargetObstacle::Damaged, &message)
            });
            Ok(Outcome { total: copied.total_bytes, copied, trouble, ..Outcome::default() })
        }
        Err(error) => troubled(error),
    }
}

fn prove_at(
    app: &App,
    config: &BackupConfig,
    stored: &StoredTarget,
    watch: &dyn Watch,
) -> Result<Outcome, BackupError> {
    let to = match open(app, stored) {
        Ok(to) => to,
        Err(trouble) => return Ok(Outcome::of(trouble)),
    };
    let proof = match scrub(to.as_ref(), watch) {
        Ok(proof) => proof,
        Err(error) => return troubled(error),
    };
    let read = proof.files.values().sum();
    match mend(&Folder::new(&config.repository), to.as_ref(), &proof.faults, watch) {
        Ok(mended) => {
            let trouble = mended.unmended.first().map(|fault| {
                let message = format!(
                    "{} damaged files there can't be replaced, as the repository doesn't hold them whole ({fault})",
                    mended.unmended.len()
                );
                targets::told(TargetObstacle::Damaged, &message)
            });
            let copied = Replicated { files: mended.files, bytes: mended.bytes, ..Replicated::default() };
            Ok(Outcome { copied, read, mended: mended.files, trouble, ..Outcome::default() })
        }
        Err(error) => troubled(error),
    }
}

/// A cancelled copy has no outcome; whatever else went wrong is one.
fn troubled(error: Error) -> Result<Outcome, BackupError> {
    match targets::trouble(&error) {
        Some(trouble) => Ok(Outcome::of(trouble)),
        None => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use mailcup_wire::TargetPlace;

    use super::*;

    #[test]
    fn a_copy_is_made_after_each_snapshot_and_again_an_hour_after_it_failed() {
        let at = |minute: i64| Time::from_millis(minute * 60_000);
        let target = |tried: Option<i64>, copied: Option<i64>| BackupTarget {
            id: BackupTargetId(String::new()),
            place: TargetPlace::Folder { path: String::new() },
            has_secret: false,
            limit: None,
            added_at: at(0),
            tried_at: tried.map(at),
            copied_at: copied.map(at),
            proven_at: None,
            size: None,
            trouble: None,
            overdue: false,
        };
        let is_due = |tried, copied, newest: Option<i64>, now| {
            is_due(&target(tried, copied), newest.map(at), at(100), at(now).0)
        };
        assert!(!is_due(None, None, None, 200), "there is no snapshot");
        assert!(is_due(None, None, Some(90), 200));
        assert!(!is_due(Some(150), Some(150), Some(90), 200), "it has all there is");
        assert!(is_due(Some(150), Some(150), Some(160), 161), "there is a new one");
        assert!(!is_due(Some(150), None, Some(90), 209) && is_due(Some(150), None, Some(90), 210));
        assert!(is_due(Some(99), None, Some(90), 101), "the service was stopped meanwhile");
    }
}
