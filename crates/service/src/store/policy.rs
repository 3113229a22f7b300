//! Rows of the policy: access rules, sending limits, known networks, trials.

use mailcup_policy::Deleted;
use mailcup_wire::{
    AccessRule, KnownNetworks, LimitEdit, LimitId, PolicyChange, PolicyItem, PolicyState, RuleEdit, RuleId,
    SendingLimit, Time, Trial,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::SqliteConnection;

use super::StoreError;

/// All of the policy but what is deleted.
pub async fn load(connection: &mut SqliteConnection) -> Result<PolicyState, StoreError> {
    let rules = "SELECT body FROM access_rules WHERE deleted_at IS NULL ORDER BY created_at, id";
    let limits = "SELECT body FROM sending_limits WHERE deleted_at IS NULL ORDER BY created_at, id";
    Ok(PolicyState {
        rules: bodies(connection, rules).await?,
        limits: bodies(connection, limits).await?,
        known_networks: bodies(connection, "SELECT body FROM policy_known_networks ORDER BY scope").await?,
        trial: running_trial(connection).await?.map(|(trial, _)| trial),
    })
}

/// Writes a piece, new or changed. A trial has [its own way](begin_trial).
pub async fn put(connection: &mut SqliteConnection, item: &PolicyItem) -> Result<(), StoreError> {
    match item {
        PolicyItem::AccessRule(rule) => {
            let sql = "INSERT INTO access_rules (id, created_at, deleted_at, body) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at, body = excluded.body";
            put_piece(connection, sql, &rule.id.0, rule.created_at, rule.deleted_at, rule).await
        }
        PolicyItem::SendingLimit(limit) => {
            let sql = "INSERT INTO sending_limits (id, created_at, deleted_at, body) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at, body = excluded.body";
            put_piece(connection, sql, &limit.id.0, limit.created_at, limit.deleted_at, limit).await
        }
        PolicyItem::KnownNetworks(known) => {
            sqlx::query(
                "INSERT INTO policy_known_networks (scope, body) VALUES ($1, $2) \
                 ON CONFLICT (scope) DO UPDATE SET body = excluded.body",
            )
            .bind(json(&known.scope))
            .bind(json::<KnownNetworks>(known))
            .execute(connection)
            .await?;
            Ok(())
        }
        PolicyItem::Trial(trial) => end_trial(connection, trial).await,
    }
}

/// Writes a trial that begins, with the change that takes it back.
pub async fn begin_trial(
    connection: &mut SqliteConnection,
    trial: &Trial,
    inverse: &PolicyChange,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO trials (id, ended_at, body, inverse) VALUES ($1, $2, $3, $4)")
        .bind(trial.id.0.as_str())
        .bind(trial.ended_at.map(Time::as_millis))
        .bind(json(trial))
        .bind(json(inverse))
        .execute(connection)
        .await?;
    Ok(())
}

/// The trial that runs, and the change that takes it back.
pub async fn running_trial(
    connection: &mut SqliteConnection,
) -> Result<Option<(Trial, PolicyChange)>, StoreError> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT body, inverse FROM trials WHERE ended_at IS NULL")
            .fetch_optional(connection)
            .await?;
    let Some((body, inverse)) = row else { return Ok(None) };
    Ok(Some((read(&body)?, read(&inverse)?)))
}

/// A rule, deleted or not.
pub async fn rule(connection: &mut SqliteConnection, id: &RuleId) -> Result<Option<AccessRule>, StoreError> {
    body(connection, "SELECT body FROM access_rules WHERE id = $1", &id.0).await
}

/// A limit, deleted or not.
pub async fn limit(
    connection: &mut SqliteConnection,
    id: &LimitId,
) -> Result<Option<SendingLimit>, StoreError> {
    body(connection, "SELECT body FROM sending_limits WHERE id = $1", &id.0).await
}

/// The deleted rules and limits that a change names.
pub async fn deleted(
    connection: &mut SqliteConnection,
    change: &PolicyChange,
) -> Result<Deleted, StoreError> {
    let mut deleted = Deleted::default();
    for edit in &change.rules {
        if let RuleEdit::Update { id, .. } | RuleEdit::Delete { id, .. } | RuleEdit::Restore { id, .. } = edit
            && let Some(rule) = rule(connection, id).await?.filter(|rule| rule.deleted_at.is_some())
        {
            deleted.rules.push(rule);
        }
    }
    for edit in &change.limits {
        if let LimitEdit::Update { id, .. } | LimitEdit::Delete { id, .. } | LimitEdit::Restore { id, .. } =
            edit
            && let Some(limit) = limit(connection, id).await?.filter(|limit| limit.deleted_at.is_some())
        {
            deleted.limits.push(limit);
        }
    }
    Ok(deleted)
}

async fn end_trial(connection: &mut SqliteConnection, trial: &Trial) -> Result<(), StoreError> {
    sqlx::query("UPDATE trials SET ended_at = $2, body = $3 WHERE id = $1")
        .bind(trial.id.0.as_str())
        .bind(trial.ended_at.map(Time::as_millis))
        .bind(json(trial))
        .execute(connection)
        .await?;
    Ok(())
}

async fn put_piece<T: Serialize>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: &str,
    created_at: Time,
    deleted_at: Option<Time>,
    piece: &T,
) -> Result<(), StoreError> {
    sqlx::query(sql)
        .bind(id)
        .bind(created_at.as_millis())
        .bind(deleted_at.map(Time::as_millis))
        .bind(json(piece))
        .execute(connection)
        .await?;
    Ok(())
}

async fn bodies<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<Vec<T>, StoreError> {
    let bodies: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await?;
    bodies.iter().map(|body| read(body)).collect()
}

async fn body<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: &str,
) -> Result<Option<T>, StoreError> {
    let body: Option<String> = sqlx::query_scalar(sql).bind(id).fetch_optional(connection).await?;
    body.as_deref().map(read).transpose()
}

fn json<T: Serialize>(piece: &T) -> String {
    serde_json::to_string(piece).unwrap_or_default()
}

/// What can't be read stops the start: without a deny rule that was there somebody would get in.
fn read<T: DeserializeOwned>(body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::from(sqlx::Error::Decode(error.into())))
}
