//! One piece of work, from its begin to its row.

use std::sync::Arc;

use mailcup_snapshots::{Folder, Part, Progress, Proof, Repository, Watch, scrub};
use mailcup_wire::{
    BackedUp, BackupFault, BackupJob, BackupOutcome, BackupWork, Bytes, Code, DataShare, LeftOutFile,
    NewBackupJob, Problem, Proven, SnapshotId, Time,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::{JobWatch, name, whole};
use crate::{
    app::App,
    audit::{self, Actor},
    backup::{
        BackupError, Run,
        alerts::{self, Compared},
        back_up, copies,
        drill::{self, Started},
        open_repository, restore_mail, schedule,
    },
    config::BackupConfig,
    store::{StoreError, backup_jobs},
};

/// So many faults, or files that were left out, are named; all are counted.
const NAMED: usize = 100;

/// Does it, and remembers how it ended.
pub async fn to_its_end(
    app: &Arc<App>,
    config: &BackupConfig,
    new: NewBackupJob,
    mut job: BackupJob,
    watch: Arc<JobWatch>,
    actor: &Actor,
) -> BackupOutcome {
    let days = match &new {
        NewBackupJob::ProveData { all: false } => Some(days_due(app, config).await),
        _ => None,
    };
    let (doing, of_config, seen) = (Arc::clone(app), config.clone(), Arc::clone(&watch));
    let handle = Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let watch: Arc<dyn Watch> = seen;
        carry_out(&handle, &doing, &of_config, &new, days.as_deref(), &watch)
    });
    let mut compared = None;
    let (outcome, has_result) = match done.await {
        Ok(Ok((outcome, found))) => {
            compared = found;
            (outcome, true)
        }
        Ok(Err(error)) if error.is_cancelled() && !app.stop.is_cancelled() => {
            (BackupOutcome::Cancelled, false)
        }
        Ok(Err(error)) if error.is_cancelled() => (stopped(job.work), false),
        Ok(Err(error)) => (BackupOutcome::Failed { problem: error.into() }, true),
        Err(error) => {
            tracing::error!(%error, work = name(job.work), "work on the backups broke off");
            let message = "The service failed at this; its log says more.";
            (BackupOutcome::Failed { problem: Problem::new(Code::Internal, message) }, true)
        }
    };
    job.progress = watch.so_far();
    job.ended_at = Some(app.clock.now());
    job.outcome = Some(outcome.clone());
    report(&job);
    let (looking, of_config) = (Arc::clone(app), config.clone());
    let look = move || looking.backups.look(&looking.config.data_dir, &of_config);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(look).await {
        tracing::warn!(%error, "the snapshots can't be listed");
    }
    if let Err(error) = remember(app, config, &job, has_result, compared.as_ref(), actor).await {
        tracing::error!(%error, work = name(job.work), "how work on the backups ended was not recorded");
    }
    outcome
}

/// How work ended that the service's own end stopped.
pub fn stopped(work: BackupWork) -> BackupOutcome {
    let doing = match work {
        BackupWork::BackUp => "a snapshot was made; the last one is as it was, and this one is made up for",
        BackupWork::ProveNames | BackupWork::ProveStructure | BackupWork::ProveData => {
            "the repository was proven; begin it again"
        }
        BackupWork::Drill => "a restore was rehearsed; what was left of it is removed, begin it again",
        BackupWork::Restore => {
            "mail was restored; what is back stays, and the same restore again brings the rest"
        }
        BackupWork::Copy => "the repository was copied; what is there stays, and the next copy goes on",
        BackupWork::ProveCopy => "a copy was read; begin it again",
    };
    let message = format!("The service was stopped while {doing}.");
    BackupOutcome::Failed { problem: Problem::new(Code::Unavailable, message) }
}

/// Blocks for as long as it takes.
fn carry_out(
    handle: &Handle,
    app: &Arc<App>,
    config: &BackupConfig,
    new: &NewBackupJob,
    days: Option<&[i64]>,
    watch: &Arc<dyn Watch>,
) -> Result<(BackupOutcome, Option<Compared>), BackupError> {
    let data_dir = &app.config.data_dir;
    let open = || open_repository(data_dir, config);
    let outcome = match new {
        NewBackupJob::BackUp => {
            let run = back_up(handle, data_dir, config, &app.clock, watch)?;
            return Ok((BackupOutcome::BackedUp(backed_up(&run)), run.compared));
        }
        NewBackupJob::ProveNames => {
            let proof = scrub(&Folder::new(&config.repository), watch.as_ref())?;
            BackupOutcome::Proven(proven(&proof, None))
        }
        NewBackupJob::ProveStructure => {
            BackupOutcome::Proven(proven(&open()?.prove_structure(watch.as_ref())?, None))
        }
        NewBackupJob::ProveData { .. } => prove_data(&open()?, config, days, watch.as_ref())?,
        NewBackupJob::Restore(wanted) => {
            let pattern = config.mail.as_ref().ok_or_else(|| {
                BackupError::Unclear(
                    "the configuration doesn't say where the mail lies; write mail into [backup]".to_owned(),
                )
            })?;
            BackupOutcome::Restored(restore_mail(&open()?, pattern, wanted, watch.as_ref())?)
        }
        NewBackupJob::Drill => {
            let by = Started { program: drill::own_program(), server_key: &app.server_key };
            BackupOutcome::Drilled(drill::drill(handle, data_dir, config, &by, watch.as_ref())?)
        }
        NewBackupJob::Copy { target } => {
            BackupOutcome::Copied(copies::copy(handle, app, config, target.as_ref(), watch.as_ref())?)
        }
        NewBackupJob::ProveCopy { target } => {
            BackupOutcome::Copied(copies::prove(handle, app, config, target, watch.as_ref())?)
        }
    };
    Ok((outcome, None))
}

/// On which days' share the data are to be read now.
async fn days_due(app: &App, config: &BackupConfig) -> Vec<i64> {
    let last = async {
        let mut connection = app.store.read().acquire().await?;
        backup_jobs::results(&mut connection, BackupWork::ProveData, 20).await
    };
    let last = last.await.unwrap_or_default();
    let newest = last.iter().find(|job| matches!(job.outcome, Some(BackupOutcome::Proven(_))));
    schedule::days_due(
        newest.map(|job| schedule::day(job.begun_at.0)),
        schedule::day(app.clock.now().0),
        config.data_read_days,
    )
}

/// `days` are none for all data.
fn prove_data(
    repository: &Repository,
    config: &BackupConfig,
    days: Option<&[i64]>,
    watch: &dyn Watch,
) -> Result<BackupOutcome, BackupError> {
    let of = config.data_read_days;
    let Some(days) = days.filter(|days| whole(days.len() as u64) < of) else {
        return Ok(BackupOutcome::Proven(proven(&repository.prove_data(Part::All, watch)?, None)));
    };
    let mut all: Option<Proof> = None;
    for day in days {
        let proof = repository.prove_data(Part::Due { day: *day, days: of }, watch)?;
        match &mut all {
            None => all = Some(proof),
            Some(all) => {
                for (kind, count) in proof.files {
                    *all.files.entry(kind).or_default() += count;
                }
                all.bytes += proof.bytes;
                all.faults.extend(proof.faults);
            }
        }
    }
    watch.progress(Progress::default());
    let share = DataShare { part: whole(days.len() as u64), of };
    all.map(|all| BackupOutcome::Proven(proven(&all, Some(share)))).ok_or(BackupError::Repository(
        mailcup_snapshots::Error::Engine("no day's share of the data is due".to_owned()),
    ))
}

/// Results of each kind of proof that are looked at for damage: more than the most days of reading all data.
const PROOFS: u32 = 400;

async fn remember(
    app: &Arc<App>,
    config: &BackupConfig,
    job: &BackupJob,
    has_result: bool,
    compared: Option<&Compared>,
    actor: &Actor,
) -> Result<(), StoreError> {
    let mut tx = app.log.begin().await?;
    backup_jobs::end(tx.connection(), job, has_result).await?;
    if has_result {
        let mut proofs = Vec::new();
        if matches!(job.outcome, Some(BackupOutcome::Proven(_))) {
            for work in [BackupWork::ProveNames, BackupWork::ProveStructure, BackupWork::ProveData] {
                proofs.extend(backup_jobs::results(tx.connection(), work, PROOFS).await?);
            }
        }
        alerts::judge(&mut tx, job, compared, config.deletion_percent, &proofs);
    }
    if let (Some(_), Some(BackupOutcome::Restored(restored))) = (&actor.admin, &job.outcome) {
        let details = json!({
            "id": job.id, "restored": restored.restored, "there": restored.there,
            "troubles": restored.trouble_count, "folders": restored.folders,
        });
        audit::record(&mut tx, actor, "backup.restored", name(job.work), &details).await?;
    }
    tx.commit().await.map(|_| ())
}

fn report(job: &BackupJob) {
    let work = name(job.work);
    match &job.outcome {
        Some(BackupOutcome::Failed { problem }) => tracing::error!(work, "backups: {}", problem.message),
        Some(BackupOutcome::Proven(proven)) if proven.fault_count > 0 => {
            tracing::error!(work, faults = proven.fault_count, "backups: the repository is damaged");
        }
        Some(BackupOutcome::Copied(copied)) => {
            for target in &copied.targets {
                if let Some(trouble) = &target.trouble {
                    tracing::error!(work, at = target.at, "backups: {}", trouble.message);
                } else {
                    tracing::info!(work, at = target.at, files = target.files, "backups: done");
                }
            }
        }
        _ => tracing::info!(work, "backups: done"),
    }
}

fn backed_up(run: &Run) -> BackedUp {
    let Run { snapshot, manifest, unread, thinned, .. } = run;
    let mail = manifest.mail.as_ref();
    let unread =
        unread.iter().map(|it| LeftOutFile { path: it.path.display().to_string(), why: it.why.clone() });
    let unread_count = unread.len() as u64;
    let left_out = mail.map(|mail| mail.left_out.as_slice()).unwrap_or_default().iter();
    let left_out = left_out.map(|it| LeftOutFile { path: it.path.clone(), why: it.why.clone() });
    let (forgotten, not_thinned) = match thinned {
        Ok(thinned) => (thinned.forgotten, None),
        Err(error) => (0, Some(super::sentence(&error.to_string()))),
    };
    BackedUp {
        snapshot: SnapshotId(snapshot.id.to_string()),
        at: Time::from(snapshot.time),
        accounts: whole(mail.map_or(manifest.state.accounts, |mail| mail.accounts)),
        messages: whole(mail.map_or(0, |mail| mail.messages)),
        bytes: Bytes(snapshot.summary.map_or(0, |summary| summary.bytes)),
        stored: Bytes(snapshot.summary.map_or(0, |summary| summary.bytes_stored)),
        left_out: unread.chain(left_out).take(NAMED).collect(),
        left_out_count: whole(unread_count + mail.map_or(0, |mail| mail.left_out_count)),
        forgotten: whole(forgotten),
        not_thinned,
    }
}

fn proven(proof: &Proof, share: Option<DataShare>) -> Proven {
    let faults = proof.faults.iter().take(NAMED).map(|fault| BackupFault {
        file_kind: fault.kind.to_string(),
        file: fault.id.to_string(),
        what: fault.wrong.to_string(),
    });
    Proven {
        files: whole(proof.files.values().sum()),
        bytes: Bytes(proof.bytes),
        snapshots: whole(proof.snapshots),
        share,
        faults: faults.collect(),
        fault_count: whole(proof.faults.len() as u64),
    }
}
