//! Rows of admins.

use mailcup_wire::{Admin, AdminId, Login, Role, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, codes::RowCode, whole};

/// An admin with the hash of their password.
#[derive(Debug, Clone)]
pub struct AdminRow {
    pub admin: Admin,
    /// A PHC string.
    pub password: String,
}

/// Adds an admin. The login must be free.
pub async fn insert(connection: &mut SqliteConnection, row: &AdminRow) -> Result<(), StoreError> {
    let admin = &row.admin;
    sqlx::query(
        "INSERT INTO admins (id, login, name, email, role, password, created_at, last_sign_in_at, version, \
         reads_mail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(admin.id.0.as_str())
    .bind(admin.login.0.as_str())
    .bind(admin.name.as_str())
    .bind(admin.email.as_str())
    .bind(admin.role.code())
    .bind(row.password.as_str())
    .bind(admin.created_at.as_millis())
    .bind(admin.last_sign_in_at.map(Time::as_millis))
    .bind(i64::from(admin.version))
    .bind(admin.reads_mail)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what can be changed of an admin.
pub async fn update(connection: &mut SqliteConnection, admin: &Admin) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE admins SET name = $2, email = $3, role = $4, version = $5, reads_mail = $6 WHERE id = $1",
    )
    .bind(admin.id.0.as_str())
    .bind(admin.name.as_str())
    .bind(admin.email.as_str())
    .bind(admin.role.code())
    .bind(i64::from(admin.version))
    .bind(admin.reads_mail)
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn set_password(
    connection: &mut SqliteConnection,
    id: &AdminId,
    password: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE admins SET password = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(password)
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn signed_in(connection: &mut SqliteConnection, id: &AdminId, at: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE admins SET last_sign_in_at = $2 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn delete(connection: &mut SqliteConnection, id: &AdminId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM admins WHERE id = $1").bind(id.0.as_str()).execute(connection).await?;
    Ok(())
}

/// All admins, by login.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<AdminRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, login, name, email, role, created_at, last_sign_in_at, version, password, reads_mail \
         FROM admins \
         ORDER BY login",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(admin).collect()
}

pub async fn get(connection: &mut SqliteConnection, id: &AdminId) -> Result<Option<AdminRow>, StoreError> {
    let row = sqlx::query(
        "SELECT id, login, name, email, role, created_at, last_sign_in_at, version, password, reads_mail \
         FROM admins \
         WHERE id = $1",
    )
    .bind(id.0.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(admin).transpose()
}

pub async fn by_login(
    connection: &mut SqliteConnection,
    login: &Login,
) -> Result<Option<AdminRow>, StoreError> {
    let row = sqlx::query(
        "SELECT id, login, name, email, role, created_at, last_sign_in_at, version, password, reads_mail \
         FROM admins \
         WHERE login = $1",
    )
    .bind(login.0.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(admin).transpose()
}

/// How many owners there are.
pub async fn owners(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM admins WHERE role = $1")
        .bind(Role::Owner.code())
        .fetch_one(connection)
        .await?;
    Ok(count)
}

fn admin(row: &SqliteRow) -> Result<AdminRow, StoreError> {
    let admin = Admin {
        id: AdminId(row.try_get(0)?),
        login: Login(row.try_get(1)?),
        name: row.try_get(2)?,
        email: row.try_get(3)?,
        // A role that this program does not know may do least.
        role: Role::from_code(row.try_get(4)?).unwrap_or(Role::Auditor),
        created_at: Time::from_millis(row.try_get(5)?),
        last_sign_in_at: row.try_get::<Option<i64>, _>(6)?.map(Time::from_millis),
        version: whole(row.try_get(7)?),
        reads_mail: row.try_get(9)?,
    };
    Ok(AdminRow { admin, password: row.try_get(8)? })
}
