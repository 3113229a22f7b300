//! Rows of invitations.

use mailcup_wire::{Invitation, InvitationId, Login, Role, Time};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, codes::RowCode, outbox};
use crate::secrets::TokenHash;

/// Adds an invitation; false if the login is invited already.
pub async fn insert(
    connection: &mut SqliteConnection,
    code: &TokenHash,
    invitation: &Invitation,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO invitations (id, login, name, email, role, code, created_at, created_by_login, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (login) DO NOTHING",
    )
    .bind(invitation.id.0.as_str())
    .bind(invitation.login.0.as_str())
    .bind(invitation.name.as_str())
    .bind(invitation.email.as_str())
    .bind(invitation.role.code())
    .bind(code.as_bytes())
    .bind(invitation.created_at.as_millis())
    .bind(invitation.created_by_login.as_ref().map(|login| login.0.as_str()))
    .bind(invitation.expires_at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Another code in place of the one before.
pub async fn renew(
    connection: &mut SqliteConnection,
    id: &InvitationId,
    code: &TokenHash,
    expires_at: Time,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE invitations SET code = $2, expires_at = $3 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(code.as_bytes())
        .bind(expires_at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes the mail that brings the code. The one before it, if it still waits, is taken back.
pub async fn mailed(
    connection: &mut SqliteConnection,
    id: &InvitationId,
    mail: &str,
) -> Result<(), StoreError> {
    let before: Option<Option<String>> = sqlx::query_scalar("SELECT mail FROM invitations WHERE id = $1")
        .bind(id.0.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(before) = before.flatten() {
        outbox::withdraw(connection, &before).await?;
    }
    sqlx::query("UPDATE invitations SET mail = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(mail)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes an invitation, and its mail if that still waits.
pub async fn delete(connection: &mut SqliteConnection, id: &InvitationId) -> Result<(), StoreError> {
    deleted(connection, "id = $1", &id.0).await?;
    Ok(())
}

/// Deletes what makes an admin of somebody by `login`. Answers what was deleted.
pub async fn delete_for(
    connection: &mut SqliteConnection,
    login: &Login,
) -> Result<Vec<InvitationId>, StoreError> {
    deleted(connection, "login = $1", &login.0).await
}

/// Deletes what `login` gave. Answers what was deleted.
pub async fn delete_by(
    connection: &mut SqliteConnection,
    login: &Login,
) -> Result<Vec<InvitationId>, StoreError> {
    deleted(connection, "created_by_login = $1", &login.0).await
}

async fn deleted(
    connection: &mut SqliteConnection,
    which: &str,
    value: &str,
) -> Result<Vec<InvitationId>, StoreError> {
    let sql = format!("DELETE FROM invitations WHERE {which} RETURNING id, mail");
    let rows: Vec<(String, Option<String>)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(value).fetch_all(&mut *connection).await?;
    for mail in rows.iter().filter_map(|(_, mail)| mail.as_deref()) {
        outbox::withdraw(connection, mail).await?;
    }
    Ok(rows.into_iter().map(|(id, _)| InvitationId(id)).collect())
}

/// All invitations, expired ones too, newest first.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<Invitation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM invitations ORDER BY created_at DESC, id");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
    rows.iter().map(invitation).collect()
}

pub async fn get(
    connection: &mut SqliteConnection,
    id: &InvitationId,
) -> Result<Option<Invitation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM invitations WHERE id = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id.0.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(invitation).transpose()
}

pub async fn by_code(
    connection: &mut SqliteConnection,
    code: &TokenHash,
) -> Result<Option<Invitation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM invitations WHERE code = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(code.as_bytes()).fetch_optional(connection).await?;
    row.as_ref().map(invitation).transpose()
}

/// As [`invitation`] reads them.
const COLUMNS: &str = "id, login, name, email, role, created_at, created_by_login, expires_at";

fn invitation(row: &SqliteRow) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: InvitationId(row.try_get(0)?),
        login: Login(row.try_get(1)?),
        name: row.try_get(2)?,
        email: row.try_get(3)?,
        // A role that this program does not know may do least.
        role: Role::from_code(row.try_get(4)?).unwrap_or(Role::Auditor),
        created_at: Time::from_millis(row.try_get(5)?),
        created_by_login: row.try_get::<Option<String>, _>(6)?.map(Login),
        expires_at: Time::from_millis(row.try_get(7)?),
    })
}
