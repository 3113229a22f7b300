//! Alerts, the figures that the frame shows, and what was shown on the desktop.

use std::collections::BTreeMap;

use mailcup_wire::{Alert, AlertId, AlertState, Severity, Time};
use rusqlite::params;

use super::{
    Readers, Result, Store,
    meta::{EVENTS, get},
    resources::{bodies, severity_number, severity_of, state_number},
};

const MOST: u32 = 2_000;

/// Counted over the local copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    pub events: u32,
    pub open_alerts: u32,
    pub gravest: Option<Severity>,
    /// The newest open alerts, at most five.
    pub newest_open: Vec<Alert>,
}

/// Alerts shown on the desktop before, with their severity then.
pub type Shown = BTreeMap<AlertId, Severity>;

impl Readers {
    /// Alerts in one of `states` (none: in any), newest first.
    pub async fn alerts(&self, states: Vec<AlertState>) -> Result<Vec<Alert>> {
        self.run(move |reader| {
            let wanted = [AlertState::Open, AlertState::Acknowledged, AlertState::Resolved]
                .into_iter()
                .filter(|state| states.is_empty() || states.contains(state))
                .map(|state| state_number(state).to_string())
                .collect::<Vec<_>>()
                .join(", ");
            let sql = format!(
                "SELECT body FROM alerts WHERE state IN ({wanted}) ORDER BY last_at DESC, id LIMIT {MOST}"
            );
            bodies(reader, &sql, &[])
        })
        .await
    }

    pub async fn alert(&self, id: AlertId) -> Result<Option<Alert>> {
        self.run(move |reader| Ok(bodies(reader, "SELECT body FROM alerts WHERE id = ?1", &[&id.0])?.pop()))
            .await
    }

    pub async fn figures(&self) -> Result<Figures> {
        self.run(|reader| {
            let open = state_number(AlertState::Open);
            let (open_alerts, gravest) = reader
                .prepare_cached("SELECT count(*), max(severity) FROM alerts WHERE state = ?1")?
                .query_row([open], |row| Ok((row.get(0)?, row.get::<_, Option<u8>>(1)?)))?;
            let newest = "SELECT body FROM alerts WHERE state = ?1 ORDER BY last_at DESC, id LIMIT 5";
            Ok(Figures {
                events: get(reader, EVENTS)?.unwrap_or(0),
                open_alerts,
                gravest: gravest.map(severity_of),
                newest_open: bodies(reader, newest, &[&open])?,
            })
        })
        .await
    }
}

impl Store {
    pub async fn shown(&self) -> Result<Shown> {
        self.read(|reader| {
            let mut statement = reader.prepare_cached("SELECT alert, severity FROM shown_notifications")?;
            let rows = statement
                .query_map([], |row| Ok((AlertId(row.get(0)?), severity_of(row.get::<_, u8>(1)?))))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Notes that these alerts were shown, so that no restart shows them again.
    pub async fn mark_shown(&self, shown: Vec<(AlertId, Severity)>, at: Time) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            for (alert, severity) in shown {
                change
                    .prepare_cached(
                        "INSERT INTO shown_notifications (alert, severity, shown_at) VALUES (?1, ?2, ?3) \
                         ON CONFLICT (alert) DO UPDATE SET severity = max(severity, ?2), shown_at = ?3",
                    )?
                    .execute(params![alert.0, severity_number(severity), at.as_millis()])?;
            }
            Ok(change.commit()?)
        })
        .await
    }
}
