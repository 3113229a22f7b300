//! What follows the log at some distance: daily roll-ups and retention.

use std::collections::BTreeMap;

use mailcup_guard::client::client_network;
use mailcup_wire::Time;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::{
    StoreError,
    codes::{address_bytes, address_from_bytes},
    event_index,
    progress::{self, Job},
};

const MILLIS_PER_DAY: i64 = 86_400_000;

/// What a roll-up counts by: day, login, protocol, outcome, client network.
type Key = (i64, String, i16, i16, Vec<u8>);

/// Counts the next `limit` events after the last counted one into their days. Answers how many there were.
pub async fn roll_up(connection: &mut SqliteConnection, limit: u32) -> Result<usize, StoreError> {
    let done = progress::of(connection, Job::RollUp).await?;
    let rows = sqlx::query(
        "SELECT seq, at, login, protocol, outcome, address FROM events WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(done)
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await?;
    let mut counts = BTreeMap::<Key, i64>::new();
    let mut last = done;
    for row in &rows {
        last = row.try_get(0)?;
        // Only sign-ins and submissions have an outcome.
        let (Some(protocol), Some(outcome)) =
            (row.try_get::<Option<i16>, _>(3)?, row.try_get::<Option<i16>, _>(4)?)
        else {
            continue;
        };
        let address = row.try_get::<Option<Vec<u8>>, _>(5)?.and_then(|bytes| address_from_bytes(&bytes));
        let network = address.map(|ip| address_bytes(client_network(ip).network()).to_vec());
        let login = row.try_get::<Option<String>, _>(2)?.unwrap_or_default();
        let day = row.try_get::<i64, _>(1)?.div_euclid(MILLIS_PER_DAY);
        *counts.entry((day, login, protocol, outcome, network.unwrap_or_default())).or_default() += 1;
    }
    for ((day, login, protocol, outcome, network), count) in counts {
        sqlx::query(
            "INSERT INTO rollups (day, login, protocol, outcome, network, count) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (day, login, protocol, outcome, network) \
             DO UPDATE SET count = rollups.count + excluded.count",
        )
        .bind(day)
        .bind(login)
        .bind(protocol)
        .bind(outcome)
        .bind(network)
        .bind(count)
        .execute(&mut *connection)
        .await?;
    }
    progress::note(connection, Job::RollUp, last).await?;
    Ok(rows.len())
}

/// Deletes at most `limit` of the oldest events, as long as they are older than `cutoff` and rolled up, so
/// that what is left has no gaps. Answers how many were deleted.
pub async fn expire(connection: &mut SqliteConnection, cutoff: Time, limit: u32) -> Result<u32, StoreError> {
    let done = progress::of(connection, Job::RollUp).await?;
    let rows = sqlx::query("SELECT seq, at FROM events WHERE seq <= $1 ORDER BY seq LIMIT $2")
        .bind(done)
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
    let mut last = None;
    for row in &rows {
        if row.try_get::<i64, _>(1)? >= cutoff.as_millis() {
            break;
        }
        last = Some(row.try_get::<i64, _>(0)?);
    }
    let Some(last) = last else { return Ok(0) };
    event_index::forget(connection, last).await?;
    let done = sqlx::query("DELETE FROM events WHERE seq <= $1").bind(last).execute(&mut *connection).await?;
    Ok(u32::try_from(done.rows_affected()).unwrap_or(u32::MAX))
}

/// Deletes at most `limit` of the imported events that are older than `cutoff` and rolled up, wherever they stand in
/// the log: they are older than their neighbours. Answers how many were deleted.
pub async fn expire_imported(
    connection: &mut SqliteConnection,
    cutoff: Time,
    limit: u32,
) -> Result<u32, StoreError> {
    let done = progress::of(connection, Job::RollUp).await?;
    let seqs: Vec<i64> = sqlx::query_scalar(
        "SELECT seq FROM events WHERE at < $1 AND print IS NOT NULL AND seq <= $2 ORDER BY at LIMIT $3",
    )
    .bind(cutoff.as_millis())
    .bind(done)
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await?;
    if seqs.is_empty() {
        return Ok(0);
    }
    for table in ["event_index", "events"] {
        let list: Vec<_> = seqs.iter().map(i64::to_string).collect();
        let sql = format!("DELETE FROM {table} WHERE seq IN ({})", list.join(","));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    Ok(u32::try_from(seqs.len()).unwrap_or(u32::MAX))
}

/// Sign-ins and submissions counted so far, over all days; for checks.
pub async fn total(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let total: Option<i64> =
        sqlx::query_scalar("SELECT SUM(count) FROM rollups").fetch_one(connection).await?;
    Ok(total.unwrap_or(0).cast_unsigned())
}
