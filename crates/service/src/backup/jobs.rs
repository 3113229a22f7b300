//! Long work on the repository, in the running service: one at a time, with progress, cancelled at will, remembered.

mod work;

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use mailcup_guard::alert::BackupConcern;
use mailcup_snapshots::{FileKind, Folder, Progress, Storage as _, Watch};
use mailcup_wire::{
    BackupJob, BackupJobId, BackupOutcome, BackupProgress, BackupStanding, BackupWork, Bytes, Code,
    NewBackupJob, Problem, Time,
};
use serde_json::json;
use tokio::sync::{Notify, futures::Notified, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{BackupError, WrappedServerKey, keys, open_repository, run};
use crate::{
    app::App,
    audit::{self, Actor},
    config::BackupConfig,
    http::problem::HttpProblem,
    secrets,
    store::{StoreError, backup_jobs},
};

/// The size of a repository is measured anew after so long.
const MEASURED: Duration = Duration::from_mins(1);

/// What the service knows of its backups.
#[derive(Debug)]
pub struct Backups {
    running: Mutex<Option<Running>>,
    tasks: TaskTracker,
    /// After work has ended.
    freed: Notify,
    newest: Mutex<Newest>,
    tried: Mutex<Option<Timestamp>>,
    /// Whether it was told that something stands; nothing before the first look.
    told: Mutex<HashMap<BackupConcern, bool>>,
    size: Mutex<Option<(Instant, Bytes)>>,
    /// By how much scheduled backups begin later than the configuration says.
    pub jitter: SignedDuration,
}

/// The newest snapshot, as the last look found it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Newest {
    /// When the repository was set up; none while it isn't.
    pub set_up: Option<Time>,
    pub snapshot: Option<Time>,
}

/// Work that has begun.
#[derive(Debug)]
pub struct Begun {
    pub job: BackupJob,
    /// How it ended; closed if nobody knows.
    pub ended: oneshot::Receiver<BackupOutcome>,
}

#[derive(Debug)]
struct Running {
    job: BackupJob,
    watch: Arc<JobWatch>,
}

/// What a job is seen and stopped by.
#[derive(Debug)]
struct JobWatch {
    bytes: AtomicU64,
    total_bytes: AtomicU64,
    files: AtomicU64,
    total_files: AtomicU64,
    cancelled: AtomicBool,
    stop: CancellationToken,
}

impl Backups {
    pub fn new(jitter: SignedDuration) -> Self {
        Self {
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            freed: Notify::new(),
            newest: Mutex::default(),
            tried: Mutex::default(),
            told: Mutex::default(),
            size: Mutex::default(),
            jitter,
        }
    }

    /// What is under way.
    pub fn running(&self) -> Option<BackupJob> {
        self.slot().as_ref().map(|running| {
            let mut job = running.job.clone();
            job.progress = running.watch.so_far();
            job
        })
    }

    /// Stops work before it is done; false if it isn't under way.
    pub fn cancel(&self, id: &BackupJobId) -> bool {
        match self.slot().as_ref().filter(|running| running.job.id == *id) {
            Some(running) => {
                running.watch.cancelled.store(true, Ordering::Release);
                true
            }
            None => false,
        }
    }

    /// Waits until nothing is under way, and none begins any more.
    pub async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Waits until the work that is under way has ended.
    pub async fn freed(&self) {
        loop {
            let freed = self.freed.notified();
            if self.slot().is_none() {
                return;
            }
            freed.await;
        }
    }

    /// Waits until some work has ended, from this call on.
    pub fn ended(&self) -> Notified<'_> {
        self.freed.notified()
    }

    pub fn newest(&self) -> Newest {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the schedule last began a backup.
    pub fn tried(&self) -> Option<Timestamp> {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tries(&self, at: Timestamp) {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// Whether it is news that something stands, or no longer does.
    pub fn is_news(&self, concern: BackupConcern, stands: bool) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(concern, stands) != Some(stands)
    }

    /// Looks for the newest snapshot. What can't be seen stays as it was known.
    pub fn look(&self, data_dir: &Path, config: &BackupConfig) -> Result<(), BackupError> {
        let set_up = fs::metadata(data_dir.join(keys::WRAPPED))
            .and_then(|found| found.modified())
            .ok()
            .and_then(|at| Timestamp::try_from(at).ok())
            .map(Time::from);
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).set_up = set_up;
        if standing(data_dir, Some(config)) != BackupStanding::Ready {
            return Ok(());
        }
        let listing = open_repository(data_dir, config)?.snapshots()?;
        let newest = listing.snapshots.iter().rev().find(|snapshot| run::is_ours(snapshot));
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).snapshot =
            newest.map(|snapshot| Time::from(snapshot.time));
        Ok(())
    }

    /// Of all files of the repository; none where there is none. Blocks while it counts.
    pub fn size(&self, config: &BackupConfig) -> Option<Bytes> {
        let mut known = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, size)) = known.filter(|(at, _)| at.elapsed() < MEASURED) {
            return Some(size);
        }
        let folder = Folder::new(&config.repository);
        let mut size = 0u64;
        for kind in FileKind::KEPT.into_iter().chain([FileKind::Config]) {
            size += folder.list(kind).ok()?.iter().map(|(_, size)| size).sum::<u64>();
        }
        *known = Some((Instant::now(), Bytes(size)));
        Some(Bytes(size))
    }

    fn slot(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn free(&self) {
        *self.slot() = None;
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.freed.notify_waiters();
    }
}

/// How backups stand here.
pub fn standing(data_dir: &Path, config: Option<&BackupConfig>) -> BackupStanding {
    match config {
        None => BackupStanding::NotConfigured,
        Some(_) if keys::read_master(data_dir).is_err() || WrappedServerKey::read(data_dir).is_err() => {
            BackupStanding::NotSetUp
        }
        Some(_) => BackupStanding::Ready,
    }
}

/// Begins work. It goes on by itself, and is remembered once it has ended.
///
/// # Errors
/// A conflict while other work is under way, or where backups aren't set up.
pub async fn begin(app: &Arc<App>, new: NewBackupJob, actor: Actor) -> Result<Begun, HttpProblem> {
    let config = app.config.backup.clone().ok_or(BackupError::NotConfigured)?;
    if standing(&app.config.data_dir, Some(&config)) != BackupStanding::Ready {
        return Err(BackupError::NotSetUp.into());
    }
    if app.stop.is_cancelled() {
        return Err(Problem::new(Code::Unavailable, "The service is shutting down.").into());
    }
    let job = BackupJob {
        id: BackupJobId(secrets::new_id()),
        work: work_of(&new),
        begun_at: app.clock.now(),
        by: actor.login(),
        progress: BackupProgress::default(),
        ended_at: None,
        outcome: None,
    };
    let watch = Arc::new(JobWatch::new(app.stop.clone()));
    let taken = take(app, &job, &watch)?;
    let mut tx = app.log.begin().await?;
    backup_jobs::insert(tx.connection(), &job).await?;
    if actor.admin.is_some() {
        audit::record(&mut tx, &actor, "backup.begin", name(job.work), &json!({ "id": job.id, "job": new }))
            .await?;
    }
    tx.commit().await?;
    let (tell, ended) = oneshot::channel();
    let (app_of_job, begun) = (Arc::clone(app), job.clone());
    app.backups.tasks.spawn(async move {
        let app = app_of_job;
        let outcome = work::to_its_end(&app, &config, new, job, watch, &actor).await;
        drop(taken);
        // Whoever doesn't wait isn't interested.
        let _ = tell.send(outcome);
    });
    Ok(Begun { job: begun, ended })
}

/// What stands for a piece of work in the audit log.
pub fn name(work: BackupWork) -> &'static str {
    match work {
        BackupWork::BackUp => "back_up",
        BackupWork::ProveNames => "prove_names",
        BackupWork::ProveStructure => "prove_structure",
        BackupWork::ProveData => "prove_data",
        BackupWork::Drill => "drill",
        BackupWork::Restore => "restore",
        BackupWork::Copy => "copy",
        BackupWork::ProveCopy => "prove_copy",
    }
}

/// Ends in the database what a service that died had begun.
pub async fn end_interrupted(app: &App) -> Result<(), StoreError> {
    let mut tx = app.store.write().await?;
    backup_jobs::end_interrupted(&mut tx, app.clock.now(), work::stopped).await?;
    tx.commit().await?;
    Ok(())
}

/// Frees the slot when it goes.
struct Taken(Arc<App>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.backups.free();
    }
}

fn take(app: &Arc<App>, job: &BackupJob, watch: &Arc<JobWatch>) -> Result<Taken, Problem> {
    let mut slot = app.backups.slot();
    if let Some(running) = slot.as_ref() {
        let message = format!(
            "Other work on the backups is under way ({}, since {}); wait for its end, or cancel it.",
            name(running.job.work),
            running.job.begun_at
        );
        return Err(Problem::new(Code::Conflict, message));
    }
    *slot = Some(Running { job: job.clone(), watch: Arc::clone(watch) });
    Ok(Taken(Arc::clone(app)))
}

fn work_of(new: &NewBackupJob) -> BackupWork {
    match new {
        NewBackupJob::BackUp => BackupWork::BackUp,
        NewBackupJob::ProveNames => BackupWork::ProveNames,
        NewBackupJob::ProveStructure => BackupWork::ProveStructure,
        NewBackupJob::ProveData { .. } => BackupWork::ProveData,
        NewBackupJob::Drill => BackupWork::Drill,
        NewBackupJob::Restore(_) => BackupWork::Restore,
        NewBackupJob::Copy { .. } => BackupWork::Copy,
        NewBackupJob::ProveCopy { .. } => BackupWork::ProveCopy,
    }
}

impl JobWatch {
    fn new(stop: CancellationToken) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            total_bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            total_files: AtomicU64::new(0),
            cancelled: AtomicBool::new(false),
            stop,
        }
    }

    fn so_far(&self) -> BackupProgress {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        BackupProgress {
            bytes: Bytes(load(&self.bytes)),
            total_bytes: Bytes(load(&self.total_bytes)),
            files: whole(load(&self.files)),
            total_files: whole(load(&self.total_files)),
        }
    }
}

impl Watch for JobWatch {
    fn progress(&self, progress: Progress) {
        self.bytes.store(progress.bytes, Ordering::Relaxed);
        self.total_bytes.store(progress.total_bytes, Ordering::Relaxed);
        self.files.store(progress.files, Ordering::Relaxed);
        self.total_files.store(progress.total_files, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) || self.stop.is_cancelled()
    }
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        use mailcup_snapshots::Error;
        let code = match &error {
            BackupError::NotConfigured
            | BackupError::NotSetUp
            | BackupError::AlreadySetUp
            | BackupError::Busy
            | BackupError::OtherSchema { .. }
            | BackupError::NoServerKey(_)
            | BackupError::ServerKeyChanged
            | BackupError::Repository(Error::Locked { .. }) => Code::Conflict,
            BackupError::Room { .. } | BackupError::Repository(Error::Full { .. }) => Code::StorageFull,
            BackupError::Repository(Error::NotFound { .. }) => Code::NotFound,
            BackupError::Unclear(_) => Code::BadRequest,
            BackupError::MailRoot { .. }
            | BackupError::Repository(_)
            | BackupError::Store(_)
            | BackupError::Io { .. } => Code::Unavailable,
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

/// As the API counts.
pub fn whole(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Beginning and ending like one.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
