//! Rows of mail servers.

use mailcup_wire::{MailServer, MailServerKind, Time};
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::{StoreError, codes::RowCode};

/// Writes a mail server, new or changed.
pub async fn put(connection: &mut SqliteConnection, server: &MailServer) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO mail_servers (server, name, first_request_at, last_request_at, requests) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (server, name) DO UPDATE SET \
         last_request_at = excluded.last_request_at, requests = excluded.requests",
    )
    .bind(server.server.code())
    .bind(server.name.as_str())
    .bind(server.first_request_at.as_millis())
    .bind(server.last_request_at.as_millis())
    .bind(i64::from(server.requests))
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn list(readers: &SqlitePool) -> Result<Vec<MailServer>, StoreError> {
    let rows = sqlx::query(
        "SELECT server, name, first_request_at, last_request_at, requests FROM mail_servers \
         ORDER BY server, name",
    )
    .fetch_all(readers)
    .await?;
    let mut servers = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(server) = MailServerKind::from_code(row.try_get(0)?) else { continue };
        servers.push(MailServer {
            server,
            name: row.try_get(1)?,
            first_request_at: Time::from_millis(row.try_get(2)?),
            last_request_at: Time::from_millis(row.try_get(3)?),
            requests: u32::try_from(row.try_get::<i64, _>(4)?).unwrap_or(u32::MAX),
        });
    }
    Ok(servers)
}
