//! Resources as they were last read, and edits of them that are not in effect.

use std::path::PathBuf;

use mailcup_wire::{
    Account, AdminId, Login, Time,
    desktop::{Content, Resource},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use super::{
    Readers, Result, Store, StoreError, blocking, connect,
    meta::{FRESH_AT, get},
    resources::{bodies, keep_account},
};
use crate::{
    draft::{Kept, resource_of},
    key::StoreKey,
};

/// A resource and when it was read.
pub type Copy = (Content, Time);

impl Readers {
    /// All drafts, the newest first.
    pub async fn drafts(&self) -> Result<Vec<Kept>> {
        self.run(newest_first).await
    }

    pub async fn draft(&self, resource: Resource) -> Result<Option<Kept>> {
        self.run(move |reader| {
            let row = reader
                .prepare_cached(&format!("SELECT {COLUMNS} FROM drafts WHERE resource = ?1"))?
                .query_row([serde_json::to_string(&resource)?], columns)
                .optional()?;
            row.map(draft).transpose()
        })
        .await
    }

    /// The resource as it was last read.
    pub async fn resource(&self, resource: Resource) -> Result<Option<Copy>> {
        self.run(move |reader| known(reader, &resource)).await
    }
}

impl Store {
    /// Takes the place of an earlier draft of the same resource.
    pub async fn keep_draft(&self, kept: Kept) -> Result<()> {
        self.write(move |writer| {
            writer
                .prepare_cached(&format!(
                    "INSERT OR REPLACE INTO drafts ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                ))?
                .execute(params![
                    serde_json::to_string(&kept.resource())?,
                    serde_json::to_string(&kept.began)?,
                    serde_json::to_string(&kept.edit)?,
                    kept.edited_at.as_millis(),
                    kept.admin.0,
                    kept.login.0
                ])?;
            Ok(())
        })
        .await
    }

    /// Removes a draft, if it is still the one that was made at that time (none: whichever it is).
    pub async fn drop_draft(&self, resource: Resource, edited_at: Option<Time>) -> Result<bool> {
        self.write(move |writer| {
            let dropped = writer
                .prepare_cached(
                    "DELETE FROM drafts WHERE resource = ?1 AND edited_at = coalesce(?2, edited_at)",
                )?
                .execute(params![serde_json::to_string(&resource)?, edited_at.map(Time::as_millis)])?;
            Ok(dropped > 0)
        })
        .await
    }

    /// Notes what the service told of a resource; whether that is new.
    pub async fn keep_resource(&self, content: Content, read_at: Time) -> Result<bool> {
        self.write(move |writer| {
            if let Content::Account(account) = &content {
                return keep_account(writer, account);
            }
            let resource = resource_of(&content);
            let before = known(writer, &resource)?;
            writer
                .prepare_cached(
                    "INSERT OR REPLACE INTO resources (resource, read_at, body) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    serde_json::to_string(&resource)?,
                    read_at.as_millis(),
                    serde_json::to_string(&content)?
                ])?;
            Ok(before.is_none_or(|(before, _)| before != content))
        })
        .await
    }
}

pub(super) fn count(reader: &Connection) -> Result<u32> {
    Ok(reader.prepare_cached("SELECT count(*) FROM drafts")?.query_row([], |row| row.get(0))?)
}

/// The drafts in a copy that is damaged elsewhere. After one damaged page, SQLCipher reads nothing more with the
/// same connection: this takes one of its own.
pub async fn drafts_left(path: PathBuf, key: StoreKey) -> Result<Vec<Kept>> {
    blocking(move || newest_first(&connect(&path, &key, OpenFlags::SQLITE_OPEN_READ_ONLY)?)).await
}

const COLUMNS: &str = "resource, began, edit, edited_at, admin, login";

type Columns = (String, String, i64, String, String);

fn newest_first(reader: &Connection) -> Result<Vec<Kept>> {
    let mut statement =
        reader.prepare_cached(&format!("SELECT {COLUMNS} FROM drafts ORDER BY edited_at DESC"))?;
    let rows = statement.query_map([], columns)?;
    rows.map(|row| draft(row?)).collect()
}

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn draft((began, edit, edited_at, admin, login): Columns) -> Result<Kept> {
    Ok(Kept {
        began: serde_json::from_str(&began)?,
        edit: serde_json::from_str(&edit)?,
        edited_at: Time::from_millis(edited_at),
        admin: AdminId(admin),
        login: Login(login),
    })
}

fn known(reader: &Connection, resource: &Resource) -> Result<Option<Copy>> {
    if let Resource::Account { login } = resource {
        let sql = "SELECT body FROM accounts WHERE login = ?1";
        let account: Option<Account> = bodies(reader, sql, &[&login.0])?.pop();
        // The stream keeps accounts as fresh as the rest.
        let fresh_at = get::<i64>(reader, FRESH_AT)?.map(Time::from_millis);
        return Ok(account.map(|account| {
            let read_at = fresh_at.unwrap_or(account.created_at);
            (Content::Account(account), read_at)
        }));
    }
    let row: Option<(i64, String)> = reader
        .prepare_cached("SELECT read_at, body FROM resources WHERE resource = ?1")?
        .query_row([serde_json::to_string(resource)?], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(read_at, body)| Ok::<_, StoreError>((serde_json::from_str(&body)?, Time::from_millis(read_at))))
        .transpose()
}
