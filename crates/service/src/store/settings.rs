//! Rows of settings and the organization.

use mailcup_wire::{Color, Organization};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, SqliteConnection};

use super::{StoreError, whole};

/// A setting with its version; none until it was first set.
pub async fn get<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<(T, u32)>, StoreError> {
    let row = sqlx::query("SELECT value, version FROM settings WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let value = serde_json::from_str(&row.try_get::<String, _>(0)?).ok();
    let version = whole(row.try_get(1)?);
    Ok(value.map(|value| (value, version)))
}

pub async fn put<T: Serialize>(
    connection: &mut SqliteConnection,
    name: &str,
    value: &T,
    version: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (name, value, version) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version",
    )
    .bind(name)
    .bind(serde_json::to_string(value).unwrap_or_default())
    .bind(i64::from(version))
    .execute(connection)
    .await?;
    Ok(())
}

/// The organization; none before setup.
pub async fn organization(connection: &mut SqliteConnection) -> Result<Option<Organization>, StoreError> {
    let row = sqlx::query("SELECT name, domains, version, accent FROM organization WHERE id = 1")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Organization {
        name: row.try_get(0)?,
        domains: serde_json::from_str(&row.try_get::<String, _>(1)?).unwrap_or_default(),
        accent: row.try_get::<Option<String>, _>(3)?.map(Color),
        version: whole(row.try_get(2)?),
    }))
}

pub async fn put_organization(
    connection: &mut SqliteConnection,
    organization: &Organization,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO organization (id, name, domains, version, accent) VALUES (1, $1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, domains = excluded.domains, \
         version = excluded.version, accent = excluded.accent",
    )
    .bind(organization.name.as_str())
    .bind(serde_json::to_string(&organization.domains).unwrap_or_default())
    .bind(i64::from(organization.version))
    .bind(organization.accent.as_ref().map(|color| color.0.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}
