//! The audit log as it was seen, and what was found of it.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use mailcup_wire::{
    AdminId, AuditEntry, Login, Time,
    desktop::{AuditList, AuditQuery, AuditStanding},
};
use rusqlite::{Connection, Row, ToSql, params, params_from_iter};

use super::{
    Readers, Result, Store,
    meta::{get, put},
    resources::containing,
};

const LARGEST_PAGE: u32 = 500;
const MOST_WORDS: usize = 8;
const STANDING: &str = "audit";
/// Set while the service's log went another way and the audit log was not looked at since: the time of the
/// last event that both courses have, in milliseconds.
const RESTORED: &str = "audit_restored";
const TRUSTING: &str = "audit_trusting";

/// What a check begins with.
#[derive(Debug, Clone)]
pub struct Seen {
    pub standing: AuditStanding,
    /// The newest entry.
    pub last: Option<AuditEntry>,
    /// Until when a restored service's log is as it was; none if no restoration waits to be looked at.
    pub restored: Option<Time>,
    /// Somebody has looked into what was found: what the service tells now is taken as it is.
    pub trusting: bool,
}

impl Readers {
    /// A page of the entries that were seen.
    pub async fn audit(&self, query: AuditQuery) -> Result<AuditList> {
        self.run(move |reader| {
            let mut condition = "at >= ? AND at < ?".to_owned();
            let mut values: Vec<Box<dyn ToSql>> = vec![
                Box::new(query.from.map_or(i64::MIN, Time::as_millis)),
                Box::new(query.until.map_or(i64::MAX, Time::as_millis)),
            ];
            for word in query.text.split_whitespace().take(MOST_WORDS) {
                condition.push_str(
                    " AND coalesce(login, '') || ' ' || action || ' ' || target || ' ' || details \
                     LIKE ? ESCAPE '\\'",
                );
                values.push(Box::new(containing(word)));
            }
            let total = reader
                .prepare_cached(&format!("SELECT count(*) FROM audit WHERE {condition}"))?
                .query_row(params_from_iter(&values), |row| row.get(0))?;
            values.push(Box::new(query.limit.clamp(1, LARGEST_PAGE)));
            values.push(Box::new(query.offset));
            let mut statement = reader.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM audit WHERE {condition} ORDER BY seq DESC LIMIT ? OFFSET ?"
            ))?;
            let entries = statement.query_map(params_from_iter(&values), entry)?;
            Ok(AuditList { entries: entries.collect::<rusqlite::Result<_>>()?, total })
        })
        .await
    }

    /// Entries about a thing, after one moment and until another, the newest first; at most 100.
    pub async fn audit_of(
        &self,
        target: String,
        after: Option<Time>,
        until: Time,
    ) -> Result<Vec<AuditEntry>> {
        self.run(move |reader| {
            let mut statement = reader.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM audit WHERE at > ?1 AND at <= ?2 AND (target = ?3 OR details LIKE ?4 ESCAPE '\\')
                 ORDER BY seq DESC LIMIT 100"
            ))?;
            let after = after.map_or(i64::MIN, Time::as_millis);
            let entries =
                statement.query_map(params![after, until.as_millis(), target, containing(&target)], entry)?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    pub async fn audit_standing(&self) -> Result<AuditStanding> {
        self.run(|reader| Ok(get(reader, STANDING)?.unwrap_or_default())).await
    }

    /// Up to 500 entries after the one of this number, oldest first.
    pub async fn audit_after(&self, after: u64) -> Result<Vec<AuditEntry>> {
        self.run(move |reader| {
            let mut statement = reader.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2"
            ))?;
            let entries = statement.query_map(params![after.cast_signed(), LARGEST_PAGE], entry)?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    pub async fn seen_audit(&self) -> Result<Seen> {
        self.run(|reader| {
            let mut statement =
                reader.prepare_cached(&format!("SELECT {COLUMNS} FROM audit ORDER BY seq DESC LIMIT 1"))?;
            let last = statement.query_map([], entry)?.next().transpose()?;
            let restored: Option<i64> = get(reader, RESTORED)?;
            let standing = get(reader, STANDING)?.unwrap_or_default();
            let trusting = get(reader, TRUSTING)?.unwrap_or(false);
            Ok(Seen { standing, last, restored: restored.map(Time::from_millis), trusting })
        })
        .await
    }
}

impl Store {
    /// Keeps entries that follow those that were seen.
    pub async fn keep_audit(&self, entries: Vec<AuditEntry>) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            for entry in &entries {
                insert(&change, entry)?;
            }
            Ok(change.commit()?)
        })
        .await
    }

    /// Notes how the log stands; a restoration has been looked at with that.
    pub async fn keep_audit_standing(&self, standing: AuditStanding) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            put(&change, STANDING, &standing)?;
            change.execute("DELETE FROM meta WHERE name IN (?1, ?2)", [RESTORED, TRUSTING])?;
            Ok(change.commit()?)
        })
        .await
    }

    /// Forgets what was seen and found, so that the log begins anew as the service tells it.
    pub async fn trust_audit(&self) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            change.execute("DELETE FROM audit", [])?;
            put(&change, STANDING, &AuditStanding::default())?;
            put(&change, TRUSTING, &true)?;
            Ok(change.commit()?)
        })
        .await
    }

    /// Forgets the entries after the one of this number; answers how many.
    pub async fn forget_audit_after(&self, seq: u64) -> Result<u32> {
        self.write(move |writer| {
            let gone = writer.execute("DELETE FROM audit WHERE seq > ?1", [seq.cast_signed()])?;
            Ok(u32::try_from(gone).unwrap_or(u32::MAX))
        })
        .await
    }

    /// When the first entry after the one of this number was made.
    pub async fn audit_made_after(&self, seq: u64) -> Result<Option<Time>> {
        self.read(move |reader| {
            let at: Option<i64> = reader
                .prepare_cached("SELECT min(at) FROM audit WHERE seq > ?1")?
                .query_row([seq.cast_signed()], |row| row.get(0))?;
            Ok(at.map(Time::from_millis))
        })
        .await
    }
}

/// Notes that the service's log went another way after an event of this time.
pub(super) fn note_restored(change: &Connection, common: Option<i64>) -> Result<()> {
    put(change, RESTORED, &common.unwrap_or(i64::MIN))
}

const COLUMNS: &str = "seq, at, admin, login, action, target, details, hash";

fn insert(change: &Connection, entry: &AuditEntry) -> Result<()> {
    // A hash that is none stays what it is: no bytes that any entry could have.
    let hash = HEXLOWER_PERMISSIVE.decode(entry.hash.as_bytes()).unwrap_or_default();
    change
        .prepare_cached(&format!("INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"))?
        .execute(params![
            entry.seq.cast_signed(),
            entry.at.as_millis(),
            entry.admin.as_ref().map(|admin| &admin.0),
            entry.login.as_ref().map(|login| &login.0),
            entry.action,
            entry.target,
            entry.details,
            hash
        ])?;
    Ok(())
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        at: Time::from_millis(row.get(1)?),
        admin: row.get::<_, Option<String>>(2)?.map(AdminId),
        login: row.get::<_, Option<String>>(3)?.map(Login),
        action: row.get(4)?,
        target: row.get(5)?,
        details: row.get(6)?,
        hash: HEXLOWER.encode(&row.get::<_, Vec<u8>>(7)?),
    })
}
