//! Rows of API keys.

use mailcup_wire::{ApiKey, ApiKeyId, Login, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;
use crate::secrets::TokenHash;

pub async fn insert(
    connection: &mut SqliteConnection,
    secret: &TokenHash,
    key: &ApiKey,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_keys (id, name, secret, scopes, created_at, created_by_login) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(key.id.0.as_str())
    .bind(key.name.as_str())
    .bind(secret.as_bytes())
    .bind(serde_json::to_string(&key.scopes).unwrap_or_default())
    .bind(key.created_at.as_millis())
    .bind(key.created_by_login.as_ref().map(|login| login.0.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when a key was last used.
pub async fn used(connection: &mut SqliteConnection, id: &ApiKeyId, at: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE api_keys SET last_used_at = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Revokes a key; false if there is no living one of this id.
pub async fn revoke(connection: &mut SqliteConnection, id: &ApiKeyId, at: Time) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// All keys, revoked ones too, newest first.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<(TokenHash, ApiKey)>, StoreError> {
    let rows = sqlx::query(
        "SELECT secret, id, name, scopes, created_at, created_by_login, last_used_at, revoked_at \
         FROM api_keys ORDER BY created_at DESC, id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().filter_map(|row| key(row).transpose()).collect()
}

fn key(row: &SqliteRow) -> Result<Option<(TokenHash, ApiKey)>, StoreError> {
    let Some(secret) = TokenHash::from_stored(&row.try_get::<Vec<u8>, _>(0)?) else { return Ok(None) };
    let key = ApiKey {
        id: ApiKeyId(row.try_get(1)?),
        name: row.try_get(2)?,
        scopes: serde_json::from_str(&row.try_get::<String, _>(3)?).unwrap_or_default(),
        created_at: Time::from_millis(row.try_get(4)?),
        created_by_login: row.try_get::<Option<String>, _>(5)?.map(Login),
        last_used_at: row.try_get::<Option<i64>, _>(6)?.map(Time::from_millis),
        revoked_at: row.try_get::<Option<i64>, _>(7)?.map(Time::from_millis),
    };
    Ok(Some((secret, key)))
}
