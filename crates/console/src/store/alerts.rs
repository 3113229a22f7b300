//! Alerts, the figures that the frame shows, and what was shown on the desktop.

use std::collections::BTreeMap;

use mailcup_wire::{Alert, AlertId, AlertState, Severity, Time, Trial};
use rusqlite::params;

use super::{
    Readers, Result, Store, drafts,
    meta::{EVENTS, get},
    policy,
    resources::{bodies, severity_number, severity_of, state_number},
};

const MOST: u32 = 2_000;

/// Counted over the local copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    pub events: u32,
    pub drafts: u32,
    pub open_alerts: u32,
    pub gravest: Option<Severity>,
    /// When the next open alert that was put off comes back.
    pub next_return: Option<Time>,
    /// The newest open alerts, at most five.
    pub newest_open: Vec<Alert>,
    /// The change of the policy that returns by itself.
    pub trial: Option<Trial>,
}

/// Alerts shown on the desktop before.
pub type Shown = BTreeMap<AlertId, Told>;

/// How grave an alert was when it was shown, and when that was last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    pub severity: Severity,
    pub at: Time,
}

/// As [`crate::inbox::waits`] decides it: `?1` is the state open, `?2` the time.
const WAITS: &str = "state = ?1 AND (snoozed_until IS NULL OR snoozed_until <= ?2)";

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

    pub async fn figures(&self, now: Time) -> Result<Figures> {
        self.run(move |reader| {
            let (open, now) = (state_number(AlertState::Open), now.as_millis());
            let (open_alerts, gravest) = reader
                .prepare_cached(&format!("SELECT count(*), max(severity) FROM alerts WHERE {WAITS}"))?
                .query_row(params![open, now], |row| Ok((row.get(0)?, row.get::<_, Option<u8>>(1)?)))?;
            let next_return: Option<i64> = reader
                .prepare_cached(
                    "SELECT min(snoozed_until) FROM alerts WHERE state = ?1 AND snoozed_until > ?2",
                )?
                .query_row(params![open, now], |row| row.get(0))?;
            let newest = format!("SELECT body FROM alerts WHERE {WAITS} ORDER BY last_at DESC, id LIMIT 5");
            Ok(Figures {
                events: get(reader, EVENTS)?.unwrap_or(0),
                drafts: drafts::count(reader)?,
                open_alerts,
                gravest: gravest.map(severity_of),
                next_return: next_return.map(Time::from_millis),
                newest_open: bodies(reader, &newest, &[&open, &now])?,
                trial: policy::running_trial(reader)?,
            })
        })
        .await
    }
}

impl Store {
    pub async fn shown(&self) -> Result<Shown> {
        self.read(|reader| {
            let mut statement =
                reader.prepare_cached("SELECT alert, severity, shown_at FROM shown_notifications")?;
            let rows = statement.query_map([], |row| {
                let severity = severity_of(row.get(1)?);
                Ok((AlertId(row.get(0)?), Told { severity, at: Time::from_millis(row.get(2)?) }))
            })?;
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
