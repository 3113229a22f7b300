//! The index by which events are found: it follows the end of the log at some distance.

use mailcup_wire::{Address, EventKind, Login, Outcome, Protocol, Time};
use sqlx::SqliteConnection;

use super::{
    StoreError,
    codes::{RowCode, address_from_bytes},
    progress::{self, Job},
};

/// In a class, a kind takes so many numbers.
const KIND: i64 = 10_000;
/// And an outcome so many of those.
const OUTCOME: i64 = 100;

/// Events at the end of the log that are looked at one by one.
const LOOKED_AT: i64 = 100_000;

/// Indexes the next `limit` events after the last indexed one. Answers how far it came, none at the end of the
/// log.
pub async fn index(connection: &mut SqliteConnection, limit: u32) -> Result<Option<u64>, StoreError> {
    let done = progress::of(connection, Job::Index).await?;
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT MAX(seq) FROM (SELECT seq FROM events WHERE seq > $1 ORDER BY seq LIMIT $2) AS next",
    )
    .bind(done)
    .bind(i64::from(limit))
    .fetch_one(&mut *connection)
    .await?;
    let Some(last) = last else { return Ok(None) };
    for names in NAMES {
        sqlx::query(names).bind(done).bind(last).execute(&mut *connection).await?;
    }
    let indexed = sqlx::query(EVENTS).bind(done).bind(last).bind(KIND).bind(OUTCOME);
    indexed.execute(&mut *connection).await?;
    sqlx::query(HOURS).bind(done).bind(last).execute(&mut *connection).await?;
    progress::note(connection, Job::Index, last).await?;
    Ok(Some(last.cast_unsigned()))
}

/// The class of events of this kind, outcome (0: without one) and protocol.
pub(super) fn class(kind: EventKind, outcome: i16, protocol: Option<Protocol>) -> i64 {
    i64::from(kind.code()) * KIND
        + i64::from(outcome) * OUTCOME
        + i64::from(protocol.map_or(0, RowCode::code))
}

/// From where an admin signed in to the service itself, not before `since`. Of what is not indexed yet, the newest
/// events are looked at.
pub async fn admin_sign_ins(
    connection: &mut SqliteConnection,
    login: &Login,
    since: Time,
) -> Result<Vec<(Protocol, Option<Address>)>, StoreError> {
    let indexed = progress::of(connection, Job::Index).await?;
    let last: Option<i64> =
        sqlx::query_scalar("SELECT MAX(seq) FROM events").fetch_one(&mut *connection).await?;
    let protocols = [Protocol::Web, Protocol::Api];
    let classes =
        protocols.map(|protocol| class(EventKind::SignIn, Outcome::Succeeded.code(), Some(protocol)));
    let rows: Vec<(i16, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT DISTINCT protocol, address FROM (\
         SELECT protocol, address FROM events WHERE +at >= $2 AND seq IN (SELECT seq FROM event_index \
         WHERE +class IN ($3, $4) AND account = (SELECT no FROM event_accounts WHERE login = $1)) \
         UNION ALL SELECT protocol, address FROM events WHERE seq > $5 AND +at >= $2 AND login = $1 \
         AND kind = $6 AND outcome = $7 AND protocol IN ($8, $9)) AS sign_ins",
    )
    .bind(login.0.as_str())
    .bind(since.as_millis())
    .bind(classes[0])
    .bind(classes[1])
    .bind(indexed.max(last.unwrap_or(0) - LOOKED_AT))
    .bind(EventKind::SignIn.code())
    .bind(Outcome::Succeeded.code())
    .bind(protocols[0].code())
    .bind(protocols[1].code())
    .fetch_all(connection)
    .await?;
    let read = |(protocol, address): (i16, Option<Vec<u8>>)| {
        let address = address.and_then(|bytes| address_from_bytes(&bytes)).map(Address::from);
        Protocol::from_code(protocol).map(|protocol| (protocol, address))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Forgets the events up to `last`, and the names that only they had.
pub(super) async fn forget(connection: &mut SqliteConnection, last: i64) -> Result<(), StoreError> {
    for step in FORGETTING {
        sqlx::query(step).bind(last).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Each takes in the events after $1 up to $2.
const NAMES: [&str; 2] = [
    "INSERT INTO event_accounts (login) SELECT DISTINCT login FROM events \
     WHERE seq > $1 AND seq <= $2 AND login IS NOT NULL ON CONFLICT (login) DO NOTHING",
    "INSERT INTO event_addresses (address) SELECT DISTINCT address FROM events \
     WHERE seq > $1 AND seq <= $2 AND address IS NOT NULL ON CONFLICT (address) DO NOTHING",
];

/// Takes in the events after $1 up to $2, each under its [`class`].
const EVENTS: &str = "INSERT INTO event_index (seq, class, account, address) \
     SELECT events.seq, kind * $3 + COALESCE(outcome, 0) * $4 + COALESCE(protocol, 0), \
     event_accounts.no, event_addresses.no FROM events \
     LEFT JOIN event_accounts ON event_accounts.login = events.login \
     LEFT JOIN event_addresses ON event_addresses.address = events.address \
     WHERE events.seq > $1 AND events.seq <= $2";

const HOURS: &str = "INSERT INTO event_hours (hour, first_seq, last_seq) \
     SELECT at / 3600000, MIN(seq), MAX(seq) FROM events WHERE seq > $1 AND seq <= $2 GROUP BY at / 3600000 \
     ON CONFLICT (hour) DO UPDATE SET last_seq = excluded.last_seq";

/// Each forgets the events up to $1.
const FORGETTING: [&str; 4] = [
    "DELETE FROM event_accounts WHERE no IN (SELECT account FROM event_index WHERE seq <= $1) \
     AND NOT EXISTS (SELECT 1 FROM event_index WHERE account = event_accounts.no AND seq > $1)",
    "DELETE FROM event_addresses WHERE no IN (SELECT address FROM event_index WHERE seq <= $1) \
     AND NOT EXISTS (SELECT 1 FROM event_index WHERE address = event_addresses.no AND seq > $1)",
    "DELETE FROM event_index WHERE seq <= $1",
    "DELETE FROM event_hours WHERE last_seq <= $1",
];
