//! Further places to which the repository of backups is copied.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode};
use mailcup_snapshots::{Folder, probe};
use mailcup_wire::{
    BackupTarget, BackupTargetChange, BackupTargetId, BackupTargetTest, BackupTargetTested, Code, Problem,
    TargetObstacle, TargetTrouble,
};
use secrecy::SecretString;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, Fresh, OwnerOnly},
    body::{Json, Path},
    client::Client,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    backup::{BackupError, targets},
    config::BackupConfig,
    secrets,
    store::{
        StoreError,
        backup_targets::{self, StoredTarget},
    },
};

/// How long a test waits; less than a request may take.
const TEST_PATIENCE: Duration = Duration::from_secs(25);

/// More targets than anybody needs.
const MOST: usize = 20;

/// Slower, no copy would ever come to its end.
const SLOWEST: u64 = 1024;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(change, remove)).routes(routes!(test))
}

/// Adds a target. The next copy begins within minutes, or by a job. Takes a second factor that was given a short while ago.
#[utoipa::path(
    post, path = "/v1/backups/targets", tag = "backups", responses((status = 201, body = BackupTarget)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn add(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Json(new): Json<BackupTargetChange>,
) -> Answer<(StatusCode, Json<BackupTarget>)> {
    let mut tx = app.log.begin().await?;
    if backup_targets::all(tx.connection()).await?.len() >= MOST {
        return Err(Problem::new(Code::Conflict, format!("At most {MOST} targets can be kept.")).into());
    }
    let stored = changed(&app, new, None)?;
    backup_targets::put(tx.connection(), &stored).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    record(&mut tx, &actor, "backup.target_add", &stored.target).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(stored.target)))
}

/// Changes a target. What lies at the place before stays there. Takes a second factor that was given a short while ago.
#[utoipa::path(
    put, path = "/v1/backups/targets/{id}", tag = "backups", params(("id" = String, Path)),
    responses((status = 200, body = BackupTarget), (status = 404)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn change(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Path(id): Path<BackupTargetId>,
    Json(change): Json<BackupTargetChange>,
) -> Answer<Json<BackupTarget>> {
    let mut tx = app.log.begin().await?;
    let before = backup_targets::get(tx.connection(), &id).await?.ok_or_else(no_such)?;
    let stored = changed(&app, change, Some(before))?;
    backup_targets::put(tx.connection(), &stored).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    record(&mut tx, &actor, "backup.target_change", &stored.target).await?;
    tx.commit().await?;
    Ok(Json(stored.target))
}

/// Copies there no longer; what lies there stays. Takes a second factor that was given a short while ago.
#[utoipa::path(
    delete, path = "/v1/backups/targets/{id}", tag = "backups", params(("id" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("owner"))),
)]
async fn remove(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Path(id): Path<BackupTargetId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let before = backup_targets::get(tx.connection(), &id).await?.ok_or_else(no_such)?;
    backup_targets::remove(tx.connection(), &id).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    record(&mut tx, &actor, "backup.target_remove", &before.target).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks whether a target can be used, and says what stands in the way: writes a small file there, reads and removes it.
#[utoipa::path(
    post, path = "/v1/backups/targets/test", tag = "backups",
    responses((status = 200, body = BackupTargetTested)), extensions(("x-permission" = json!("owner"))),
)]
async fn test(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    Json(BackupTargetTest { id, target }): Json<BackupTargetTest>,
) -> Answer<Json<BackupTargetTested>> {
    let config = configured(&app)?.clone();
    let mut tx = app.log.begin().await?;
    let before = match &id {
        Some(id) => Some(backup_targets::get(tx.connection(), id).await?.ok_or_else(no_such)?),
        None => None,
    };
    let stored = changed(&app, target, before)?;
    let actor = Actor::of(&Caller::Admin(session), client);
    record(&mut tx, &actor, "backup.target_test", &stored.target).await?;
    tx.commit().await?;
    let shared = Arc::clone(&app);
    let testing = tokio::task::spawn_blocking(move || tested(&shared, &config, &stored));
    let tested = match tokio::time::timeout(TEST_PATIENCE, testing).await {
        Ok(tested) => tested.map_err(|_| Problem::new(Code::Internal, "The target can't be tested."))?,
        Err(_) => Err(targets::told(
            TargetObstacle::TimedOut,
            &format!("nothing was heard within {} s", TEST_PATIENCE.as_secs()),
        )),
    };
    Ok(Json(match tested {
        Ok(is_copy) => BackupTargetTested { is_copy, trouble: None },
        Err(trouble) => BackupTargetTested { is_copy: false, trouble: Some(trouble) },
    }))
}

fn tested(app: &App, config: &BackupConfig, stored: &StoredTarget) -> Result<bool, TargetTrouble> {
    let to = crate::backup::copies::open(app, stored)?;
    let content: [u8; 32] = rand::random();
    probe(&Folder::new(&config.repository), to.as_ref(), &content).map_err(|error| {
        targets::trouble(&error).unwrap_or_else(|| targets::told(TargetObstacle::Other, &error.to_string()))
    })
}

/// A target as it is to be kept. What was found at another place isn't true of this one.
fn changed(
    app: &App,
    change: BackupTargetChange,
    before: Option<StoredTarget>,
) -> Result<StoredTarget, HttpProblem> {
    let place = targets::checked(change.place, &configured(app)?.repository)?;
    if change.limit.is_some_and(|limit| limit.0 < SLOWEST) {
        return Err(Problem::field("limit", "A copy sends at least 1 KB a second.").into());
    }
    let secret = match targets::checked_secret(change.secret)? {
        Some(secret) => Some(sealed(app, &secret)?),
        None => before
            .as_ref()
            .filter(|before| targets::has_same_door(&before.target.place, &place))
            .and_then(|before| before.secret.clone()),
    };
    let before = before.map(|before| before.target);
    let (id, added_at) = before.as_ref().map_or_else(
        || (BackupTargetId(secrets::new_id()), app.clock.now()),
        |before| (before.id.clone(), before.added_at),
    );
    let same = before.filter(|before| before.place == place);
    let target = BackupTarget {
        id,
        has_secret: secret.is_some(),
        limit: change.limit,
        added_at,
        tried_at: None,
        copied_at: same.as_ref().and_then(|before| before.copied_at),
        proven_at: same.as_ref().and_then(|before| before.proven_at),
        size: same.as_ref().and_then(|before| before.size),
        trouble: None,
        overdue: false,
        place,
    };
    Ok(StoredTarget { target, secret })
}

fn sealed(app: &App, secret: &SecretString) -> Result<Vec<u8>, Problem> {
    targets::seal(&app.server_key, secret)
        .map_err(|_| Problem::new(Code::Internal, "The secret can't be sealed; nothing was changed."))
}

fn configured(app: &App) -> Result<&BackupConfig, BackupError> {
    app.config.backup.as_ref().ok_or(BackupError::NotConfigured)
}

fn no_such() -> Problem {
    Problem::new(Code::NotFound, "There is no such target.")
}

async fn record(
    tx: &mut crate::event_log::LogTransaction,
    actor: &Actor,
    action: &str,
    target: &BackupTarget,
) -> Result<(), StoreError> {
    let details = json!({ "id": target.id, "place": target.place, "limit": target.limit });
    audit::record(tx, actor, action, &targets::name(&target.place), &details).await
}
