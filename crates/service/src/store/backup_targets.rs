//! Rows of places to which the repository of backups is copied.

use mailcup_wire::{BackupTarget, BackupTargetId, Bytes, TargetTrouble, Time};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;

/// A target with its sealed secret.
#[derive(Debug, Clone)]
pub struct StoredTarget {
    pub target: BackupTarget,
    pub secret: Option<Vec<u8>>,
}

const COLUMNS: &str =
    "id, place, secret, rate_limit, added_at, tried_at, copied_at, proven_at, size, trouble";

/// All targets, the oldest first. None of a kind that this program doesn't know.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<StoredTarget>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM backup_targets ORDER BY added_at, id");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
    Ok(rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

pub async fn get(
    connection: &mut SqliteConnection,
    id: &BackupTargetId,
) -> Result<Option<StoredTarget>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM backup_targets WHERE id = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id.0.as_str()).fetch_optional(connection).await?;
    Ok(row.as_ref().map(stored).transpose()?.flatten())
}

/// Adds a target, or puts it in the place of the one of this id.
pub async fn put(connection: &mut SqliteConnection, stored: &StoredTarget) -> Result<(), StoreError> {
    let StoredTarget { target, secret } = stored;
    sqlx::query(
        "INSERT INTO backup_targets \
         (id, place, secret, rate_limit, added_at, tried_at, copied_at, proven_at, size, trouble) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET \
         place = excluded.place, secret = excluded.secret, rate_limit = excluded.rate_limit, \
         tried_at = excluded.tried_at, copied_at = excluded.copied_at, proven_at = excluded.proven_at, \
         size = excluded.size, trouble = excluded.trouble",
    )
    .bind(target.id.0.as_str())
    .bind(serde_json::to_string(&target.place).unwrap_or_default())
    .bind(secret.as_deref())
    .bind(target.limit.map(number))
    .bind(target.added_at.as_millis())
    .bind(target.tried_at.map(Time::as_millis))
    .bind(target.copied_at.map(Time::as_millis))
    .bind(target.proven_at.map(Time::as_millis))
    .bind(target.size.map(number))
    .bind(trouble_text(target.trouble.as_ref()))
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn remove(connection: &mut SqliteConnection, id: &BackupTargetId) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM backup_targets WHERE id = $1").bind(id.0.as_str());
    Ok(removed.execute(connection).await?.rows_affected() > 0)
}

/// A copy begins.
pub async fn tries(
    connection: &mut SqliteConnection,
    id: &BackupTargetId,
    at: Time,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE backup_targets SET tried_at = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// How a copy ended that was begun `at`; the size is that of a full one.
pub async fn copied(
    connection: &mut SqliteConnection,
    id: &BackupTargetId,
    at: Time,
    came_of_it: Result<Bytes, &TargetTrouble>,
) -> Result<(), StoreError> {
    let size = came_of_it.ok();
    sqlx::query(
        "UPDATE backup_targets SET copied_at = COALESCE($2, copied_at), size = COALESCE($3, size), trouble = $4 \
         WHERE id = $1",
    )
    .bind(id.0.as_str())
    .bind(size.map(|_| at.as_millis()))
    .bind(size.map(number))
    .bind(trouble_text(came_of_it.err()))
    .execute(connection)
    .await?;
    Ok(())
}

/// How a proof ended that was begun `at`.
pub async fn proven(
    connection: &mut SqliteConnection,
    id: &BackupTargetId,
    at: Time,
    trouble: Option<&TargetTrouble>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE backup_targets SET proven_at = COALESCE($2, proven_at), trouble = $3 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(trouble.is_none().then(|| at.as_millis()))
        .bind(trouble_text(trouble))
        .execute(connection)
        .await?;
    Ok(())
}

fn stored(row: &SqliteRow) -> Result<Option<StoredTarget>, StoreError> {
    let Ok(place) = serde_json::from_str(row.try_get(1)?) else { return Ok(None) };
    let secret: Option<Vec<u8>> = row.try_get(2)?;
    let time =
        |column: usize| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(Time::from_millis));
    let bytes = |column: usize| {
        let found = row.try_get::<Option<i64>, _>(column)?;
        Ok::<_, sqlx::Error>(found.and_then(|bytes| u64::try_from(bytes).ok()).map(Bytes))
    };
    let trouble: Option<String> = row.try_get(9)?;
    let target = BackupTarget {
        id: BackupTargetId(row.try_get(0)?),
        place,
        has_secret: secret.is_some(),
        limit: bytes(3)?,
        added_at: Time::from_millis(row.try_get(4)?),
        tried_at: time(5)?,
        copied_at: time(6)?,
        proven_at: time(7)?,
        size: bytes(8)?,
        trouble: trouble.and_then(|text| serde_json::from_str(&text).ok()),
        overdue: false,
    };
    Ok(Some(StoredTarget { target, secret }))
}

fn trouble_text(trouble: Option<&TargetTrouble>) -> Option<String> {
    trouble.and_then(|trouble| serde_json::to_string(trouble).ok())
}

fn number(bytes: Bytes) -> i64 {
    i64::try_from(bytes.0).unwrap_or(i64::MAX)
}
