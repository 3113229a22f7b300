//! Blocks, accounts and alerts in the state in which the service last told of them.

use mailcup_wire::{Account, Alert, AlertState, Block, PolicyState, Severity, Time};
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;

use super::{Readers, Result, StoreError};

const COMPLETIONS: u32 = 50;

/// What the service holds now, whole.
#[derive(Debug, Default)]
pub struct Lists {
    pub alerts: Vec<Alert>,
    pub blocks: Vec<Block>,
    pub accounts: Vec<Account>,
    /// None where the service is too old to have one.
    pub policy: Option<PolicyState>,
}

impl Readers {
    /// All blocks, newest first.
    pub async fn blocks(&self) -> Result<Vec<Block>> {
        self.run(|reader| bodies(reader, "SELECT body FROM blocks ORDER BY created_at DESC, id", &[])).await
    }

    /// Accounts whose login or name holds `text`.
    pub async fn accounts(&self, text: String) -> Result<Vec<Account>> {
        self.run(move |reader| {
            let pattern = containing(&text);
            bodies(
                reader,
                "SELECT body FROM accounts WHERE login LIKE ?1 ESCAPE '\\' OR name LIKE ?1 ESCAPE '\\' \
                 ORDER BY login LIMIT ?2",
                &[&pattern, &COMPLETIONS],
            )
        })
        .await
    }
}

/// A LIKE pattern (escape `\`) for what holds `text`.
pub(super) fn containing(text: &str) -> String {
    let escaped = text.trim().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

pub(super) fn keep_alert(change: &Connection, alert: &Alert) -> Result<bool> {
    let kept = change
        .prepare_cached(
            "INSERT INTO alerts (id, state, severity, last_at, version, snoozed_until, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (id) DO UPDATE SET state = ?2, severity = ?3, last_at = ?4, version = ?5, \
             snoozed_until = ?6, body = ?7 WHERE excluded.version > alerts.version",
        )?
        .execute(params![
            alert.id.0,
            state_number(alert.state),
            severity_number(alert.severity),
            alert.last_at.as_millis(),
            alert.version,
            alert.snoozed_until.map(Time::as_millis),
            serde_json::to_string(alert)?
        ])?;
    Ok(kept > 0)
}

pub(super) fn keep_block(change: &Connection, block: &Block) -> Result<bool> {
    let kept = change
        .prepare_cached(
            "INSERT INTO blocks (id, version, created_at, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) \
             DO UPDATE SET version = ?2, created_at = ?3, body = ?4 WHERE excluded.version > blocks.version",
        )?
        .execute(params![
            block.id.0,
            block.version,
            block.created_at.as_millis(),
            serde_json::to_string(block)?
        ])?;
    Ok(kept > 0)
}

pub(super) fn keep_account(change: &Connection, account: &Account) -> Result<bool> {
    let kept = change
        .prepare_cached(
            "INSERT INTO accounts (login, version, name, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (login) \
             DO UPDATE SET version = ?2, name = ?3, body = ?4 WHERE excluded.version > accounts.version",
        )?
        .execute(params![account.login.0, account.version, account.name, serde_json::to_string(account)?])?;
    Ok(kept > 0)
}

/// As it stands in the database; never changes for a state.
pub(super) fn state_number(state: AlertState) -> u8 {
    match state {
        AlertState::Open => 0,
        AlertState::Acknowledged => 1,
        AlertState::Resolved => 2,
    }
}

/// As it stands in the database; grows with severity.
pub(super) fn severity_number(severity: Severity) -> u8 {
    match severity {
        Severity::Notice => 0,
        Severity::Attention => 1,
        Severity::Critical => 2,
    }
}

pub(super) fn severity_of(number: u8) -> Severity {
    match number {
        0 => Severity::Notice,
        1 => Severity::Attention,
        _ => Severity::Critical,
    }
}

pub(super) fn bodies<T: DeserializeOwned>(
    reader: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<Vec<T>> {
    let mut statement = reader.prepare_cached(sql)?;
    let bodies = statement.query_map(params, |row| row.get::<_, String>(0))?;
    bodies.map(|body| Ok::<_, StoreError>(serde_json::from_str(&body?)?)).collect()
}
