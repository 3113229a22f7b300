//! Backups: how they stand, and long work on them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use mailcup_wire::{
    BackupJob, BackupJobId, BackupSchedule, BackupStanding, BackupWork, Backups, Code, KeepRules, MailReads,
    MirrorGrant, NewBackupJob, Problem, RestoreTo,
};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, Fresh, MailSession, NO_MAIL, Reader, SignedIn, Writer},
    body::{Json, Path},
    client::Client,
    problem::Answer,
};
use crate::{
    app::App,
    audit::{self, Actor},
    backup::{BackupError, copies, jobs, open_repository, schedule},
    config::BackupConfig,
    store::{StoreError, backup_jobs, mail_reads},
};

/// Jobs that are shown.
const SHOWN: u32 = 100;

/// Reads that are told at once, and bytes of what names one.
const MOST_READS: usize = 1000;
const LONGEST: usize = 500;

const PROOFS: [BackupWork; 4] =
    [BackupWork::ProveNames, BackupWork::ProveStructure, BackupWork::ProveData, BackupWork::Drill];

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(standing))
        .routes(routes!(begin))
        .routes(routes!(cancel))
        .routes(routes!(mirror))
        .routes(routes!(reads))
}

/// How backups stand: the repository, the schedule, what is under way, what came of work on them.
#[utoipa::path(
    get, path = "/v1/backups", tag = "backups", responses((status = 200, body = Backups)),
    extensions(("x-permission" = json!("read"))),
)]
async fn standing(State(app): State<Arc<App>>, Reader(caller): Reader) -> Answer<Json<Backups>> {
    let config = app.config.backup.clone();
    let (standing, size) = match &config {
        Some(config) => look(&app, config).await,
        None => (BackupStanding::NotConfigured, None),
    };
    let running = app.backups.running();
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let mut ended = backup_jobs::ended(&mut connection, SHOWN).await?;
    ended.retain(|job| running.as_ref().is_none_or(|running| running.id != job.id));
    let mut proofs = Vec::new();
    for work in PROOFS {
        proofs.extend(backup_jobs::results(&mut connection, work, 1).await?);
    }
    Ok(Json(Backups {
        standing,
        repository: config.as_ref().map(|config| config.repository.display().to_string()),
        size,
        schedule: config.as_ref().and_then(|config| shown(&app, config)),
        running,
        jobs: ended,
        proofs,
        targets: copies::targets(&app).await?,
        may_read_mail: caller.may_read_mail(),
    }))
}

/// Begins long work: a snapshot, a proof, a rehearsal, a restore of mail. One at a time. Mail into another account takes
/// whoever may read mail in snapshots.
#[utoipa::path(
    post, path = "/v1/backups/jobs", tag = "backups",
    responses((status = 201, body = BackupJob), (status = 409)), extensions(("x-permission" = json!("write"))),
)]
async fn begin(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Json(new): Json<NewBackupJob>,
) -> Answer<(StatusCode, Json<BackupJob>)> {
    may_begin(&new, &caller)?;
    let begun = jobs::begin(&app, new, Actor::of(&caller, client)).await?;
    Ok((StatusCode::CREATED, Json(begun.job)))
}

/// Stops work that is under way; what was there before stays whole.
#[utoipa::path(
    delete, path = "/v1/backups/jobs/{id}", tag = "backups", params(("id" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("write"))),
)]
async fn cancel(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Path(id): Path<BackupJobId>,
) -> Answer<StatusCode> {
    let running = app.backups.running().filter(|running| running.id == id);
    let running = running.ok_or_else(|| Problem::new(Code::NotFound, "This work isn't under way."))?;
    let mut tx = app.log.begin().await?;
    let actor = Actor::of(&caller, client);
    audit::record(&mut tx, &actor, "backup.cancel", jobs::name(running.work), &json!({ "id": id })).await?;
    tx.commit().await?;
    app.backups.cancel(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the repository's key, with which a console mirrors it and reads everyone's mail. Takes a second factor that was given a short while ago.
#[utoipa::path(
    post, path = "/v1/backups/mirror", tag = "backups", responses((status = 200, body = MirrorGrant)),
    extensions(("x-permission" = json!("mail"))),
)]
async fn mirror(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(MailSession(session)): Fresh<MailSession>,
) -> Answer<Json<MirrorGrant>> {
    let config = app.config.backup.clone().ok_or(BackupError::NotConfigured)?;
    let data_dir = app.config.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let repository = open_repository(&data_dir, &config)?;
        Ok::<_, BackupError>((BASE64.encode(repository.key().expose()), repository.identity()?))
    });
    let opened = opened.await.map_err(|_| Problem::new(Code::Internal, "The repository can't be opened."))?;
    let (master_key, repository) = opened?;
    let mut tx = app.log.begin().await?;
    let device = json!({ "repository": repository, "device": session.device });
    let actor = Actor::of(&Caller::Admin(session), client);
    audit::record(&mut tx, &actor, "backup.mirror", "repository", &device).await?;
    tx.commit().await?;
    Ok(Json(MirrorGrant { master_key, repository }))
}

/// Tells of mail that was read from a mirror, for the audit log. What was told before is passed over. Also who may read mail no longer tells what they read until then.
#[utoipa::path(
    post, path = "/v1/backups/reads", tag = "backups", responses((status = 204)),
    extensions(("x-permission" = json!("session"))),
)]
async fn reads(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Json(told): Json<MailReads>,
) -> Answer<StatusCode> {
    if told.reads.len() > MOST_READS {
        let message = format!("Tell of at most {MOST_READS} reads at once.");
        return Err(Problem::field("reads", message).into());
    }
    for read in &told.reads {
        let short =
            |text: &str| !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
        if ![&read.id, &read.snapshot.0, &read.account.0].into_iter().all(|text| short(text)) {
            return Err(Problem::field("reads", "A read names its id, its snapshot and its account.").into());
        }
        if read.folder.len() > LONGEST || read.folder.chars().any(char::is_control) {
            return Err(Problem::field("reads", "A folder's name is too long, or no name.").into());
        }
    }
    let admin = session.admin.clone();
    let actor = Actor::of(&Caller::Admin(session), client);
    let mut tx = app.log.begin().await?;
    let now = tx.now();
    for read in &told.reads {
        // Ids are drawn by consoles: one of another admin is none of this one.
        let id = format!("{admin}/{}", read.id);
        if mail_reads::note(tx.connection(), &id, now).await? {
            let details = json!({
                "at": read.at, "snapshot": read.snapshot, "folder": read.folder, "what": read.what,
                "messages": read.messages,
            });
            audit::record(&mut tx, &actor, "mail.read", &read.account.0, &details).await?;
        }
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Into another account's mailbox, mail is read by another person than its owner.
fn may_begin(new: &NewBackupJob, caller: &Caller) -> Result<(), Problem> {
    match new {
        NewBackupJob::Restore(restore) => match &restore.to {
            RestoreTo::Account { .. } if !caller.may_read_mail() => {
                Err(Problem::new(Code::Forbidden, NO_MAIL))
            }
            RestoreTo::Account { .. } | RestoreTo::Original | RestoreTo::Folder { .. } => Ok(()),
        },
        NewBackupJob::BackUp
        | NewBackupJob::ProveNames
        | NewBackupJob::ProveStructure
        | NewBackupJob::ProveData { .. }
        | NewBackupJob::Drill
        | NewBackupJob::Copy { .. }
        | NewBackupJob::ProveCopy { .. } => Ok(()),
    }
}

async fn look(app: &Arc<App>, config: &BackupConfig) -> (BackupStanding, Option<mailcup_wire::Bytes>) {
    let (app, config) = (Arc::clone(app), config.clone());
    let looked = tokio::task::spawn_blocking(move || {
        // Set up this very moment?
        if app.backups.newest().set_up.is_none()
            && let Err(error) = app.backups.look(&app.config.data_dir, &config)
        {
            tracing::warn!(%error, "the snapshots can't be listed");
        }
        (jobs::standing(&app.config.data_dir, Some(&config)), app.backups.size(&config))
    });
    looked.await.unwrap_or((BackupStanding::NotSetUp, None))
}

fn shown(app: &App, config: &BackupConfig) -> Option<BackupSchedule> {
    let keep = config.keep;
    Some(BackupSchedule {
        time: config.time.strftime("%H:%M").to_string(),
        next_at: schedule::next_at(app, config)?,
        keep: KeepRules {
            daily: keep.daily,
            weekly: keep.weekly,
            monthly: keep.monthly,
            yearly: keep.yearly,
        },
        data_read_days: config.data_read_days,
    })
}
