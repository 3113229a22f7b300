//! Rows of sessions of accounts on the web.

use mailcup_wire::{Address, DeviceId, Login, SessionId, Time};
use sqlx::{Row, SqliteConnection};

use super::{
    StoreError,
    codes::{address_bytes, address_from_bytes},
};
use crate::{secrets::TokenHash, web_sign_in::LiveWebSession};

pub async fn insert(
    connection: &mut SqliteConnection,
    token: &TokenHash,
    session: &LiveWebSession,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO web_sessions (id, token, account, address, client, created_at, last_seen_at, device) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(session.id.0.as_str())
    .bind(token.as_bytes())
    .bind(session.account.0.as_str())
    .bind(session.address.map(|address| address_bytes(address.ip()).to_vec()))
    .bind(session.client.as_deref())
    .bind(session.created_at.as_millis())
    .bind(session.last_seen_at().as_millis())
    .bind(session.device.as_ref().map(|device| device.0.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when a session was last used.
pub async fn seen(connection: &mut SqliteConnection, id: &SessionId, at: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE web_sessions SET last_seen_at = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn delete(connection: &mut SqliteConnection, id: &SessionId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM web_sessions WHERE id = $1").bind(id.0.as_str()).execute(connection).await?;
    Ok(())
}

/// All sessions.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<(TokenHash, LiveWebSession)>, StoreError> {
    let rows = sqlx::query(
        "SELECT token, id, account, address, client, created_at, last_seen_at, device FROM web_sessions",
    )
    .fetch_all(connection)
    .await?;
    let mut sessions = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(token) = TokenHash::from_stored(&row.try_get::<Vec<u8>, _>(0)?) else { continue };
        let address: Option<Vec<u8>> = row.try_get(3)?;
        let address = address.and_then(|bytes| address_from_bytes(&bytes)).map(Address::from);
        let session = LiveWebSession::new(
            SessionId(row.try_get(1)?),
            Login(row.try_get(2)?),
            (address, row.try_get(4)?),
            Time::from_millis(row.try_get(5)?),
            Time::from_millis(row.try_get(6)?),
        );
        sessions.push((token, session.on(row.try_get::<Option<String>, _>(7)?.map(DeviceId))));
    }
    Ok(sessions)
}
