//! Single values, notices, and the cursor.

use mailcup_wire::{Admin, EventId, Organization, Time, desktop::Notice};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{Result, Store, StoreError};

const ADMIN: &str = "admin";
const ORGANIZATION: &str = "organization";
const GIVEN_NAME: &str = "given_name";
pub(super) const FRESH_AT: &str = "fresh_at";
pub(super) const CURSOR: &str = "cursor";
pub(super) const EVENTS: &str = "events";

/// All single values, as they are when a store opens.
#[derive(Debug, Clone, Default)]
pub struct Meta {
    pub admin: Option<Admin>,
    pub organization: Option<Organization>,
    /// What the admin calls the service.
    pub given_name: Option<String>,
    pub fresh_at: Option<Time>,
    pub notices: Vec<Notice>,
}

impl Store {
    pub async fn meta(&self) -> Result<Meta> {
        self.read(|reader| {
            Ok(Meta {
                admin: get(reader, ADMIN)?,
                organization: get(reader, ORGANIZATION)?,
                given_name: get::<Option<String>>(reader, GIVEN_NAME)?.flatten(),
                fresh_at: get::<i64>(reader, FRESH_AT)?.map(Time::from_millis),
                notices: notices(reader)?,
            })
        })
        .await
    }

    pub async fn keep_admin(&self, admin: Admin) -> Result<()> {
        self.write(move |writer| put(writer, ADMIN, &admin)).await
    }

    pub async fn keep_organization(&self, organization: Organization) -> Result<()> {
        self.write(move |writer| put(writer, ORGANIZATION, &organization)).await
    }

    pub async fn keep_given_name(&self, name: Option<String>) -> Result<()> {
        self.write(move |writer| put(writer, GIVEN_NAME, &name)).await
    }

    pub async fn keep_fresh_at(&self, at: Time) -> Result<()> {
        self.write(move |writer| put(writer, FRESH_AT, &at.as_millis())).await
    }

    /// The last event that was taken in.
    pub async fn cursor(&self) -> Result<Option<EventId>> {
        self.read(|reader| get(reader, CURSOR)).await
    }

    pub async fn add_notice(&self, notice: Notice) -> Result<()> {
        self.write(move |writer| {
            let body = serde_json::to_string(&notice)?;
            writer.execute("INSERT OR IGNORE INTO notices (body) VALUES (?1)", [body])?;
            Ok(())
        })
        .await
    }

    pub async fn drop_notice(&self, notice: Notice) -> Result<()> {
        self.write(move |writer| {
            writer.execute("DELETE FROM notices WHERE body = ?1", [serde_json::to_string(&notice)?])?;
            Ok(())
        })
        .await
    }
}

pub(super) fn get<T: DeserializeOwned>(connection: &Connection, name: &str) -> Result<Option<T>> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

pub(super) fn put(connection: &Connection, name: &str, value: &impl Serialize) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        )?
        .execute(params![name, serde_json::to_string(value)?])?;
    Ok(())
}

fn notices(reader: &Connection) -> Result<Vec<Notice>> {
    let mut statement = reader.prepare_cached("SELECT body FROM notices ORDER BY no")?;
    let bodies = statement.query_map([], |row| row.get::<_, String>(0))?;
    bodies.map(|body| Ok::<_, StoreError>(serde_json::from_str(&body?)?)).collect()
}
