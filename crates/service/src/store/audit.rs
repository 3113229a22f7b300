//! Rows of the audit log.

use data_encoding::HEXLOWER;
use mailcup_wire::{AdminId, AuditEntry, Login, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;

/// The newest entry's number and hash.
pub async fn head(connection: &mut SqliteConnection) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}

pub async fn insert(
    connection: &mut SqliteConnection,
    entry: &AuditEntry,
    hash: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (seq, at, admin, login, action, target, details, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(i64::try_from(entry.seq).unwrap_or(i64::MAX))
    .bind(entry.at.as_millis())
    .bind(entry.admin.as_ref().map(|admin| admin.0.as_str()))
    .bind(entry.login.as_ref().map(|login| login.0.as_str()))
    .bind(entry.action.as_str())
    .bind(entry.target.as_str())
    .bind(entry.details.as_str())
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// Up to `limit` entries after the one numbered `after`, oldest first.
pub async fn after(
    connection: &mut SqliteConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, admin, login, action, target, details, hash FROM audit WHERE seq > $1 \
         ORDER BY seq LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &SqliteRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0),
        at: Time::from_millis(row.try_get(1)?),
        admin: row.try_get::<Option<String>, _>(2)?.map(AdminId),
        login: row.try_get::<Option<String>, _>(3)?.map(Login),
        action: row.try_get(4)?,
        target: row.try_get(5)?,
        details: row.try_get(6)?,
        hash: HEXLOWER.encode(&row.try_get::<Vec<u8>, _>(7)?),
    })
}
