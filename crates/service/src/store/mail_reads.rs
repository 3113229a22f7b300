//! Reads of mail that consoles told of.

use mailcup_wire::Time;
use sqlx::SqliteConnection;

use super::StoreError;

/// Notes a read; false if it was told before.
pub async fn note(connection: &mut SqliteConnection, id: &str, now: Time) -> Result<bool, StoreError> {
    let done =
        sqlx::query("INSERT INTO mail_reads (id, told_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(now.as_millis())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() > 0)
}
