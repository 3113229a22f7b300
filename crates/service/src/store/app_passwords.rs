//! Rows of app passwords, and of where accounts' own passwords are refused.

use mailcup_wire::{Address, AppPassword, AppPasswordId, Login, MainPasswordScope, PolicyScope, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    StoreError,
    codes::{address_bytes, address_from_bytes},
};
use crate::secrets::TokenHash;

pub async fn insert(
    connection: &mut SqliteConnection,
    secret: &TokenHash,
    app_password: &AppPassword,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO app_passwords (id, login, name, secret, protocols, networks, expires_at, created_at, \
         created_by_login) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(app_password.id.0.as_str())
    .bind(app_password.login.0.as_str())
    .bind(app_password.name.as_str())
    .bind(secret.as_bytes())
    .bind(serde_json::to_string(&app_password.protocols).unwrap_or_default())
    .bind(serde_json::to_string(&app_password.networks).unwrap_or_default())
    .bind(app_password.expires_at.map(Time::as_millis))
    .bind(app_password.created_at.as_millis())
    .bind(app_password.created_by_login.as_ref().map(|login| login.0.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when and from where an app password was last used.
pub async fn used(
    connection: &mut SqliteConnection,
    id: &AppPasswordId,
    at: Time,
    from: Option<Address>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE app_passwords SET last_used_at = $2, last_used_from = $3 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .bind(from.map(|address| address_bytes(address.ip()).to_vec()))
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn revoke(
    connection: &mut SqliteConnection,
    id: &AppPasswordId,
    at: Time,
    by: Option<&Login>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE app_passwords SET revoked_at = $2, revoked_by_login = $3 WHERE id = $1")
        .bind(id.0.as_str())
        .bind(at.as_millis())
        .bind(by.map(|login| login.0.as_str()))
        .execute(connection)
        .await?;
    Ok(())
}

const COLUMNS: &str = "id, login, name, protocols, networks, expires_at, created_at, created_by_login, \
                       last_used_at, last_used_from, revoked_at, revoked_by_login, secret";

/// All app passwords that were not revoked.
pub async fn living(connection: &mut SqliteConnection) -> Result<Vec<(TokenHash, AppPassword)>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM app_passwords WHERE revoked_at IS NULL");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?;
    let mut living = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(secret) = TokenHash::from_stored(&row.try_get::<Vec<u8>, _>(12)?) {
            living.push((secret, app_password(row)?));
        }
    }
    Ok(living)
}

/// An account's app passwords, revoked ones too, newest first.
pub async fn of_account(
    connection: &mut SqliteConnection,
    login: &Login,
) -> Result<Vec<AppPassword>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM app_passwords WHERE login = $1 ORDER BY created_at DESC, id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(login.0.as_str()).fetch_all(connection).await?;
    rows.iter().map(app_password).collect()
}

pub async fn get(
    connection: &mut SqliteConnection,
    id: &AppPasswordId,
) -> Result<Option<AppPassword>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM app_passwords WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.0.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(app_password).transpose()
}

/// What each scope says of accounts' own passwords.
pub async fn main_passwords(connection: &mut SqliteConnection) -> Result<Vec<MainPasswordScope>, StoreError> {
    let rows =
        sqlx::query("SELECT scope_kind, scope, refused FROM main_passwords ORDER BY scope_kind, scope")
            .fetch_all(connection)
            .await?;
    rows.iter().filter_map(|row| main_password(row).transpose()).collect()
}

/// Writes what a scope says; none: it says nothing.
pub async fn put_main_password(
    connection: &mut SqliteConnection,
    scope: &PolicyScope,
    refused: Option<bool>,
) -> Result<(), StoreError> {
    let (kind, name) = match scope {
        PolicyScope::Organization => (1i16, ""),
        PolicyScope::Domain { domain } => (2, domain.as_str()),
        PolicyScope::Account { login } => (3, login.0.as_str()),
    };
    let query = match refused {
        Some(refused) => sqlx::query(
            "INSERT INTO main_passwords (scope_kind, scope, refused) VALUES ($1, $2, $3) \
             ON CONFLICT (scope_kind, scope) DO UPDATE SET refused = excluded.refused",
        )
        .bind(kind)
        .bind(name)
        .bind(i16::from(refused)),
        None => sqlx::query("DELETE FROM main_passwords WHERE scope_kind = $1 AND scope = $2")
            .bind(kind)
            .bind(name),
    };
    query.execute(connection).await?;
    Ok(())
}

fn main_password(row: &SqliteRow) -> Result<Option<MainPasswordScope>, StoreError> {
    let name: String = row.try_get(1)?;
    let scope = match row.try_get::<i16, _>(0)? {
        1 => PolicyScope::Organization,
        2 => PolicyScope::Domain { domain: name },
        3 => PolicyScope::Account { login: Login(name) },
        _ => return Ok(None),
    };
    Ok(Some(MainPasswordScope { scope, refused: row.try_get::<i16, _>(2)? != 0 }))
}

fn app_password(row: &SqliteRow) -> Result<AppPassword, StoreError> {
    let from = row.try_get::<Option<Vec<u8>>, _>(9)?;
    Ok(AppPassword {
        id: AppPasswordId(row.try_get(0)?),
        login: Login(row.try_get(1)?),
        name: row.try_get(2)?,
        // What can't be read opens nothing.
        protocols: serde_json::from_str(&row.try_get::<String, _>(3)?).unwrap_or_default(),
        networks: networks(&row.try_get::<String, _>(4)?),
        expires_at: row.try_get::<Option<i64>, _>(5)?.map(Time::from_millis),
        created_at: Time::from_millis(row.try_get(6)?),
        created_by_login: row.try_get::<Option<String>, _>(7)?.map(Login),
        last_used_at: row.try_get::<Option<i64>, _>(8)?.map(Time::from_millis),
        last_used_from: from.as_deref().and_then(address_from_bytes).map(Address::from),
        revoked_at: row.try_get::<Option<i64>, _>(10)?.map(Time::from_millis),
        revoked_by_login: row.try_get::<Option<String>, _>(11)?.map(Login),
    })
}

/// Networks that can't be read admit nobody, where an empty list would admit anybody.
fn networks(json: &str) -> Vec<mailcup_wire::Network> {
    let nowhere = || mailcup_wire::Network::from(ipnet::IpNet::from(std::net::IpAddr::from([0, 0, 0, 0])));
    serde_json::from_str(json).unwrap_or_else(|_| vec![nowhere()])
}
