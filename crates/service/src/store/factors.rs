//! Rows of second factors: authenticators, recovery codes, and ways in opened on the server's shell.

use mailcup_wire::{AdminId, FactorId, Login, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;
use crate::secrets::TokenHash;

/// An authenticator app's enrolment.
#[derive(Debug, Clone)]
pub struct AuthenticatorRow {
    pub id: FactorId,
    pub admin: AdminId,
    /// The seed, sealed with the server key.
    pub seed: Vec<u8>,
    pub confirmed: bool,
    pub last_step: i64,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
}

pub async fn insert_authenticator(
    connection: &mut SqliteConnection,
    row: &AuthenticatorRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO authenticators (id, admin, seed, confirmed, last_step, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.id.0.as_str())
    .bind(row.admin.0.as_str())
    .bind(row.seed.as_slice())
    .bind(i16::from(row.confirmed))
    .bind(row.last_step)
    .bind(row.created_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// An admin's authenticators, oldest first, confirmed or not.
pub async fn authenticators(
    connection: &mut SqliteConnection,
    admin: &AdminId,
) -> Result<Vec<AuthenticatorRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, admin, seed, confirmed, last_step, created_at, last_used_at FROM authenticators \
         WHERE admin = $1 ORDER BY created_at, id",
    )
    .bind(admin.0.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(authenticator).collect()
}

/// Takes a code's time step; false if it or a later one was taken before. Confirms the authenticator.
pub async fn take_step(
    connection: &mut SqliteConnection,
    id: &FactorId,
    step: i64,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE authenticators SET last_step = $2, last_used_at = $3, confirmed = 1 \
         WHERE id = $1 AND last_step < $2",
    )
    .bind(id.0.as_str())
    .bind(step)
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes an authenticator of this admin; false if there was none.
pub async fn remove_authenticator(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    id: &FactorId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM authenticators WHERE admin = $1 AND id = $2")
        .bind(admin.0.as_str())
        .bind(id.0.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes enrolments that were never confirmed.
pub async fn remove_unconfirmed(
    connection: &mut SqliteConnection,
    admin: &AdminId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM authenticators WHERE admin = $1 AND confirmed = 0")
        .bind(admin.0.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes away every authenticator and recovery code of an admin.
pub async fn remove_all(connection: &mut SqliteConnection, admin: &AdminId) -> Result<(), StoreError> {
    for step in ["DELETE FROM authenticators WHERE admin = $1", "DELETE FROM recovery_codes WHERE admin = $1"]
    {
        sqlx::query(step).bind(admin.0.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Replaces all recovery codes of an admin.
pub async fn replace_recovery_codes(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    hashes: &[TokenHash],
    at: Time,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_codes WHERE admin = $1")
        .bind(admin.0.as_str())
        .execute(&mut *connection)
        .await?;
    for hash in hashes {
        sqlx::query("INSERT INTO recovery_codes (admin, hash, created_at) VALUES ($1, $2, $3)")
            .bind(admin.0.as_str())
            .bind(hash.as_bytes())
            .bind(at.as_millis())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// How many recovery codes are left, when they were made, and when one was last used.
pub async fn recovery_codes(
    connection: &mut SqliteConnection,
    admin: &AdminId,
) -> Result<(u32, Option<Time>, Option<Time>), StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) - COUNT(used_at), MIN(created_at), MAX(used_at) FROM recovery_codes \
         WHERE admin = $1",
    )
    .bind(admin.0.as_str())
    .fetch_one(connection)
    .await?;
    let time = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Time::from_millis));
    Ok((super::whole(row.try_get(0)?), time(1)?, time(2)?))
}

/// Uses up a recovery code; false if it is none of this admin's or was used before.
pub async fn use_recovery_code(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    hash: &TokenHash,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE recovery_codes SET used_at = $3 WHERE admin = $1 AND hash = $2 AND used_at IS NULL",
    )
    .bind(admin.0.as_str())
    .bind(hash.as_bytes())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Opens a way in until `expires_at`, with a code that works once.
pub async fn open_recovery(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    hash: &TokenHash,
    expires_at: Time,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO recoveries (admin, hash, expires_at) VALUES ($1, $2, $3)")
        .bind(admin.0.as_str())
        .bind(hash.as_bytes())
        .bind(expires_at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a way in is open for an admin at `now`.
pub async fn is_recovering(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    now: Time,
) -> Result<bool, StoreError> {
    let open: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM recoveries WHERE admin = $1 AND expires_at > $2")
            .bind(admin.0.as_str())
            .bind(now.as_millis())
            .fetch_one(connection)
            .await?;
    Ok(open > 0)
}

/// Admins for whom a way in is open at `now`, and until when.
pub async fn ways_in(connection: &mut SqliteConnection, now: Time) -> Result<Vec<(Login, Time)>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT a.login, MAX(r.expires_at) FROM recoveries r JOIN admins a ON a.id = r.admin \
         WHERE r.expires_at > $1 GROUP BY a.login",
    )
    .bind(now.as_millis())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(login, until)| (Login(login), Time::from_millis(until))).collect())
}

/// Uses up the code of an open way in; false if there is none such.
pub async fn use_recovery(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    hash: &TokenHash,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE recoveries SET used_at = $3 \
         WHERE admin = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3",
    )
    .bind(admin.0.as_str())
    .bind(hash.as_bytes())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

fn authenticator(row: &SqliteRow) -> Result<AuthenticatorRow, StoreError> {
    Ok(AuthenticatorRow {
        id: FactorId(row.try_get(0)?),
        admin: AdminId(row.try_get(1)?),
        seed: row.try_get(2)?,
        confirmed: row.try_get::<i16, _>(3)? != 0,
        last_step: row.try_get(4)?,
        created_at: Time::from_millis(row.try_get(5)?),
        last_used_at: row.try_get::<Option<i64>, _>(6)?.map(Time::from_millis),
    })
}
