//! Rows of the outbox.

use mailcup_wire::{OutboxStatus, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, whole};
use crate::mail::Mail;

/// A mail that is to be sent now.
#[derive(Debug)]
pub struct DueMail {
    pub id: String,
    pub mail: Mail,
    /// How often it was tried before.
    pub attempts: u32,
    pub expires_at: Option<Time>,
}

/// How a mail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Sent,
    /// Refused for good, too old, or tried too often.
    GivenUp,
}

const WAITING: i16 = 0;
const SENT: i16 = 1;
const GIVEN_UP: i16 = 2;

pub async fn insert(
    connection: &mut SqliteConnection,
    id: &str,
    mail: &Mail,
    now: Time,
    expires_at: Option<Time>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, recipient, subject, body, state, created_at, due_at, expires_at, attempts) \
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, 0)",
    )
    .bind(id)
    .bind(&mail.to)
    .bind(&mail.subject)
    .bind(&mail.body)
    .bind(WAITING)
    .bind(now.as_millis())
    .bind(expires_at.map(Time::as_millis))
    .execute(connection)
    .await?;
    Ok(())
}

/// Mails whose time has come, oldest first.
pub async fn due(
    connection: &mut SqliteConnection,
    now: Time,
    limit: u32,
) -> Result<Vec<DueMail>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, recipient, subject, body, attempts, expires_at FROM outbox \
         WHERE state = $1 AND due_at <= $2 ORDER BY due_at, created_at LIMIT $3",
    )
    .bind(WAITING)
    .bind(now.as_millis())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(due_mail).collect()
}

/// When the next mail is due, if any waits.
pub async fn next_due(connection: &mut SqliteConnection) -> Result<Option<Time>, StoreError> {
    let row = sqlx::query("SELECT MIN(due_at) FROM outbox WHERE state = $1")
        .bind(WAITING)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(Time::from_millis))
}

/// Takes back a mail that still waits.
pub async fn withdraw(connection: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE id = $1 AND state = $2")
        .bind(id)
        .bind(WAITING)
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn postpone(
    connection: &mut SqliteConnection,
    id: &str,
    due_at: Time,
    answer: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET due_at = $2, attempts = attempts + 1, answer = $3 WHERE id = $1")
        .bind(id)
        .bind(due_at.as_millis())
        .bind(answer)
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn finish(
    connection: &mut SqliteConnection,
    id: &str,
    fate: Fate,
    now: Time,
    answer: &str,
) -> Result<(), StoreError> {
    let state = match fate {
        Fate::Sent => SENT,
        Fate::GivenUp => GIVEN_UP,
    };
    sqlx::query(
        "UPDATE outbox SET state = $2, finished_at = $3, attempts = attempts + 1, answer = $4, body = '' \
         WHERE id = $1",
    )
    .bind(id)
    .bind(state)
    .bind(now.as_millis())
    .bind(answer)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes every waiting mail due, after the way out was changed.
pub async fn hasten(connection: &mut SqliteConnection, now: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET due_at = $2 WHERE state = $1 AND due_at > $2")
        .bind(WAITING)
        .bind(now.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets finished mails from before `until`.
pub async fn forget(connection: &mut SqliteConnection, until: Time) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE state <> $1 AND finished_at < $2")
        .bind(WAITING)
        .bind(until.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn status(connection: &mut SqliteConnection) -> Result<OutboxStatus, StoreError> {
    let waiting = sqlx::query("SELECT COUNT(*), MIN(created_at) FROM outbox WHERE state = $1")
        .bind(WAITING)
        .fetch_one(&mut *connection)
        .await?;
    let sent = sqlx::query("SELECT MAX(finished_at) FROM outbox WHERE state = $1")
        .bind(SENT)
        .fetch_one(&mut *connection)
        .await?;
    let failed = sqlx::query(
        "SELECT answer FROM outbox WHERE state <> $1 AND attempts > 0 \
         ORDER BY COALESCE(finished_at, due_at) DESC LIMIT 1",
    )
    .bind(SENT)
    .fetch_optional(connection)
    .await?;
    Ok(OutboxStatus {
        waiting: whole(waiting.try_get(0)?),
        oldest_at: waiting.try_get::<Option<i64>, _>(1)?.map(Time::from_millis),
        last_sent_at: sent.try_get::<Option<i64>, _>(0)?.map(Time::from_millis),
        last_error: failed.map(|row| row.try_get::<Option<String>, _>(0)).transpose()?.flatten(),
    })
}

fn due_mail(row: &SqliteRow) -> Result<DueMail, StoreError> {
    Ok(DueMail {
        id: row.try_get(0)?,
        mail: Mail { to: row.try_get(1)?, subject: row.try_get(2)?, body: row.try_get(3)? },
        attempts: whole(row.try_get(4)?),
        expires_at: row.try_get::<Option<i64>, _>(5)?.map(Time::from_millis),
    })
}
