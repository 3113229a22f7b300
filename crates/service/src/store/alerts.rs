//! Rows of alerts.

use mailcup_guard::alert::{BackupConcern, Subject};
use mailcup_wire::{Alert, AlertId, AlertState, Time};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{StoreError, codes::RowCode};

/// An alert with what the service needs to go on counting.
#[derive(Debug, Clone)]
pub struct AlertRow {
    pub alert: Alert,
    pub subject: Subject,
    /// The last event that its count includes.
    pub counted_seq: u64,
    /// Where the log stood when it was resolved last.
    pub settled_seq: Option<u64>,
    /// The version after the last thing that an admin did.
    pub step_version: u32,
}

const COLUMNS: &str = "subject, counted_seq, settled_seq, step_version, body";

/// Writes an alert, new or changed.
pub async fn put(connection: &mut SqliteConnection, row: &AlertRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO alerts (id, subject, state, last_at, counted_seq, settled_seq, step_version, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, last_at = excluded.last_at, \
         counted_seq = excluded.counted_seq, settled_seq = excluded.settled_seq, \
         step_version = excluded.step_version, body = excluded.body",
    )
    .bind(row.alert.id.0.as_str())
    .bind(subject_text(&row.subject))
    .bind(row.alert.state.code())
    .bind(row.alert.last_at.as_millis())
    .bind(row.counted_seq.cast_signed())
    .bind(row.settled_seq.map(u64::cast_signed))
    .bind(i64::from(row.step_version))
    .bind(serde_json::to_string(&row.alert).unwrap_or_default())
    .execute(connection)
    .await?;
    Ok(())
}

/// Alerts whose last event was not before `since`, and, however old, those about mail that does not get out and about
/// backups, which wait for their cause to go.
pub async fn current(connection: &mut SqliteConnection, since: Time) -> Result<Vec<AlertRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM alerts WHERE (state IN (1, 2, 3) AND last_at >= $1) \
         OR (subject IN ($2, $3, $4, $5, $6, $7) AND +state IN (1, 2)) ORDER BY last_at"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(since.as_millis())
        .bind(subject_text(&Subject::OutboxStuck))
        .bind(subject_text(&Subject::Backup(BackupConcern::Missed)))
        .bind(subject_text(&Subject::Backup(BackupConcern::Failed)))
        .bind(subject_text(&Subject::Backup(BackupConcern::Damaged)))
        .bind(subject_text(&Subject::Backup(BackupConcern::Drill)))
        .bind(subject_text(&Subject::Backup(BackupConcern::Copy)))
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(alert_row).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

pub async fn get(connection: &mut SqliteConnection, id: &AlertId) -> Result<Option<AlertRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM alerts WHERE id = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id.0.as_str()).fetch_optional(connection).await?;
    Ok(row.as_ref().map(alert_row).transpose()?.flatten())
}

/// At most `limit` alerts in one of `states`, newest first, older than the alert that a cursor names.
pub async fn list(
    readers: &SqlitePool,
    states: &[AlertState],
    before: Option<(Time, AlertId)>,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let states: Vec<_> = states.iter().map(|state| state.code().to_string()).collect();
    let (at, id) = before.map_or((i64::MAX, String::new()), |(at, id)| (at.as_millis(), id.0));
    let sql = format!(
        "SELECT body FROM alerts WHERE state IN ({}) AND (last_at < $1 OR (last_at = $1 AND id < $2)) \
         ORDER BY last_at DESC, id DESC LIMIT {limit}",
        states.join(",")
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(at).bind(id).fetch_all(readers).await?;
    let alerts = rows.iter().map(|row| Ok(serde_json::from_str(row.try_get::<&str, _>(0)?).ok()));
    Ok(alerts.collect::<Result<Vec<Option<Alert>>, StoreError>>()?.into_iter().flatten().collect())
}

/// A row that this program can't read is left alone.
fn alert_row(row: &SqliteRow) -> Result<Option<AlertRow>, StoreError> {
    let Some(subject) = subject_from_text(row.try_get(0)?) else { return Ok(None) };
    let Ok(alert) = serde_json::from_str(row.try_get::<&str, _>(4)?) else { return Ok(None) };
    Ok(Some(AlertRow {
        alert,
        subject,
        counted_seq: row.try_get::<i64, _>(1)?.cast_unsigned(),
        settled_seq: row.try_get::<Option<i64>, _>(2)?.map(i64::cast_unsigned),
        step_version: u32::try_from(row.try_get::<i64, _>(3)?).unwrap_or(0),
    }))
}

fn subject_text(subject: &Subject) -> String {
    let parts = match subject {
        Subject::RepeatedFailures { login } => vec!["repeated_failures", login],
        Subject::NetworkFailures { network } => return json(&["network_failures", &network.to_string()]),
        Subject::SuccessAfterFailures { login, network } => {
            return json(&["success_after_failures", login, &network.to_string()]);
        }
        Subject::AdminNewDevice { login, device } => vec!["admin_new_device", login, device],
        Subject::OutboxStuck => vec!["outbox_stuck"],
        Subject::NotMe { login, network } => return json(&["not_me", login, &network.to_string()]),
        Subject::CodeNotGiven { login, network } => {
            let network = network.map_or_else(String::new, |network| network.to_string());
            return json(&["code_not_given", login, &network]);
        }
        Subject::LimitReached { limit, login, network } => {
            let network = network.map_or_else(String::new, |network| network.to_string());
            return json(&["limit_reached", limit, login.as_deref().unwrap_or_default(), &network]);
        }
        Subject::PolicyReturned { by, trial } => vec!["policy_returned", by, trial],
        Subject::AdminRecovered { login } => vec!["admin_recovered", login],
        Subject::StolenPassword { login } => vec!["stolen_password", login],
        Subject::Backup(concern) => vec!["backup", concern_text(*concern)],
    };
    json(&parts)
}

fn subject_from_text(text: &str) -> Option<Subject> {
    let parts: Vec<String> = serde_json::from_str(text).ok()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Some(match parts[..] {
        ["repeated_failures", login] => Subject::RepeatedFailures { login: login.into() },
        ["network_failures", network] => Subject::NetworkFailures { network: network.parse().ok()? },
        ["success_after_failures", login, network] => {
            Subject::SuccessAfterFailures { login: login.into(), network: network.parse().ok()? }
        }
        ["admin_new_device", login, device] => {
            Subject::AdminNewDevice { login: login.into(), device: device.into() }
        }
        ["outbox_stuck"] => Subject::OutboxStuck,
        ["not_me", login, network] => Subject::NotMe { login: login.into(), network: network.parse().ok()? },
        ["limit_reached", limit, login, network] => Subject::LimitReached {
            limit: limit.into(),
            login: Some(login).filter(|login| !login.is_empty()).map(Into::into),
            network: network_from_text(network)?,
        },
        ["code_not_given", login, network] => {
            Subject::CodeNotGiven { login: login.into(), network: network_from_text(network)? }
        }
        ["policy_returned", by, trial] => Subject::PolicyReturned { by: by.into(), trial: trial.into() },
        ["admin_recovered", login] => Subject::AdminRecovered { login: login.into() },
        ["stolen_password", login] => Subject::StolenPassword { login: login.into() },
        ["backup", concern] => {
            Subject::Backup(CONCERNS.into_iter().find(|known| concern_text(*known) == concern)?)
        }
        _ => return None,
    })
}

const CONCERNS: [BackupConcern; 7] = [
    BackupConcern::Missed,
    BackupConcern::Failed,
    BackupConcern::Deletion,
    BackupConcern::Growth,
    BackupConcern::Damaged,
    BackupConcern::Drill,
    BackupConcern::Copy,
];

fn concern_text(concern: BackupConcern) -> &'static str {
    match concern {
        BackupConcern::Missed => "missed",
        BackupConcern::Failed => "failed",
        BackupConcern::Deletion => "deletion",
        BackupConcern::Growth => "growth",
        BackupConcern::Damaged => "damaged",
        BackupConcern::Drill => "drill",
        BackupConcern::Copy => "copy",
    }
}

fn json(parts: &[&str]) -> String {
    serde_json::to_string(parts).unwrap_or_default()
}

/// None where it is none at all.
#[expect(clippy::option_option, reason = "no network is one of two right answers")]
fn network_from_text(text: &str) -> Option<Option<ipnet::IpNet>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_read_back_from_their_rows() {
        let network: ipnet::IpNet = "2001:db8::/64".parse().unwrap();
        for subject in [
            Subject::RepeatedFailures { login: "a\"@x".into() },
            Subject::NetworkFailures { network },
            Subject::SuccessAfterFailures { login: "a@x".into(), network },
            Subject::AdminNewDevice { login: "a@x".into(), device: "d".into() },
            Subject::OutboxStuck,
            Subject::NotMe { login: "a@x".into(), network },
            Subject::CodeNotGiven { login: "a@x".into(), network: Some(network) },
            Subject::CodeNotGiven { login: "a@x".into(), network: None },
            Subject::StolenPassword { login: "a@x".into() },
            Subject::LimitReached { limit: "l".into(), login: Some("a@x".into()), network: None },
            Subject::LimitReached { limit: "l".into(), login: None, network: Some(network) },
            Subject::LimitReached { limit: "l".into(), login: None, network: None },
            Subject::PolicyReturned { by: "a@x".into(), trial: "t".into() },
            Subject::AdminRecovered { login: "a@x".into() },
        ]
        .into_iter()
        .chain(CONCERNS.map(Subject::Backup))
        {
            assert_eq!(subject_from_text(&subject_text(&subject)), Some(subject));
        }
    }
}
