//! Rows of sessions.

use mailcup_wire::{Address, AdminId, DeviceName, Login, Role, SessionId, Time};
use sqlx::{Row, SqliteConnection};

use super::{
    StoreError,
    codes::{RowCode, address_bytes, address_from_bytes},
};
use crate::{secrets::TokenHash, sessions::LiveSession};

pub async fn insert(
    connection: &mut SqliteConnection,
    token: &TokenHash,
    session: &LiveSession,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (id, token, admin, device, device_name, address, created_at, last_seen_at, \
         key, factor_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(session.id.0.as_str())
    .bind(token.as_bytes())
    .bind(session.admin.0.as_str())
    .bind(session.device.id.as_str())
    .bind(session.device.name.as_str())
    .bind(session.address.map(|address| address_bytes(address.ip()).to_vec()))
    .bind(session.created_at.as_millis())
    .bind(session.last_seen_at().as_millis())
    .bind(session.key.map(|key| key.to_string()))
    .bind(session.factor_at().as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when a session was last used.
pub async fn seen(connection: &mut SqliteConnection, id: &SessionId, at: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE sessions SET last_seen_at = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes when a second factor was last given in a session.
pub async fn factor_given(
    connection: &mut SqliteConnection,
    id: &SessionId,
    at: Time,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE sessions SET factor_at = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn delete(connection: &mut SqliteConnection, id: &SessionId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id.0.as_str()).execute(connection).await?;
    Ok(())
}

/// Removes sessions that were last used before `idle_since` or began before `begun_before`.
pub async fn delete_expired(
    connection: &mut SqliteConnection,
    idle_since: Time,
    begun_before: Time,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE last_seen_at <= $1 OR created_at <= $2")
        .bind(idle_since.as_millis())
        .bind(begun_before.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// All sessions with their admins as they are now.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<(TokenHash, LiveSession)>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.token, s.id, s.admin, a.login, a.role, s.device, s.device_name, s.address, s.created_at, \
         s.last_seen_at, s.key, s.factor_at, a.reads_mail FROM sessions s JOIN admins a ON a.id = s.admin",
    )
    .fetch_all(connection)
    .await?;
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(token) = TokenHash::from_stored(&row.try_get::<Vec<u8>, _>(0)?) else { continue };
        let role = Role::from_code(row.try_get(4)?).unwrap_or(Role::Auditor);
        let address: Option<Vec<u8>> = row.try_get(7)?;
        // A key that can't be read is nobody's.
        let key: Option<String> = row.try_get(10)?;
        let Ok(key) = key.map(|key| key.parse()).transpose() else { continue };
        let session = LiveSession::new(
            SessionId(row.try_get(1)?),
            (AdminId(row.try_get(2)?), Login(row.try_get(3)?), role),
            DeviceName { id: row.try_get(5)?, name: row.try_get(6)? },
            address.and_then(|bytes| address_from_bytes(&bytes)).map(Address::from),
            Time::from_millis(row.try_get(8)?),
            Time::from_millis(row.try_get(9)?),
        );
        session.factor_given(Time::from_millis(row.try_get(11)?));
        sessions.push((token, session.bound_to(key).reading_mail(row.try_get(12)?)));
    }
    Ok(sessions)
}
