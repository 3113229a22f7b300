//! Rows of the event log.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use futures_util::{Stream, StreamExt as _};
use mailcup_guard::risk::signals::Password;
use mailcup_wire::{Address, EventBody, EventKind, Outcome, Protocol, ReasonCode, SubmissionOutcome, Time};
use sqlx::{AssertSqlSafe, Row, SqlSafeStr, SqlStr, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    StoreError,
    codes::{RowCode, address_bytes},
};
use crate::sending::hit::Hit;

/// An event before it has its place in the log: found by its columns, read by its body, which is written to
/// JSON once.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub kind: EventKind,
    pub protocol: Option<Protocol>,
    pub outcome: Option<i16>,
    /// Tells the passwords of failed sign-ins apart.
    pub mark: Option<u16>,
    pub login: Option<Arc<str>>,
    pub address: Option<Address>,
    pub body: Arc<str>,
    /// Of a submission: the limits that stopped it.
    pub hits: Vec<Hit>,
    /// Of a sign-in: what its program says of itself.
    pub client: Option<Arc<str>>,
    /// Of a sign-in that was refused because of its risk: whether its password was right.
    pub refused_for_risk: Option<Password>,
    /// Of a message that went out: its recipients.
    pub sent_to: Option<u32>,
    /// Names what was read from a mail server's log.
    pub print: Option<i64>,
}

/// An event in its place.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub seq: u64,
    pub at: Time,
    pub body: Arc<str>,
}

/// What the alert rules need of a stored sign-in.
#[derive(Debug)]
pub struct SignInRow {
    pub seq: u64,
    pub at: Time,
    pub outcome: Outcome,
    pub mark: Option<u16>,
    pub login: Arc<str>,
    pub address: Option<Address>,
}

/// What sign-in risk needs of a stored event.
#[derive(Debug)]
pub enum Past {
    SignIn {
        row: SignInRow,
        protocol: Protocol,
        /// What its program said of itself.
        client: Option<String>,
    },
    Sent(SentRow),
}

/// A message that went out.
#[derive(Debug)]
pub struct SentRow {
    pub seq: u64,
    pub at: Time,
    pub login: Arc<str>,
    pub address: Option<Address>,
    pub recipients: u32,
}

/// Since when which events say something of sign-in risk; successes do all.
#[derive(Debug, Clone, Copy)]
pub struct PastSince {
    pub failures: Time,
    pub sent: Time,
}

/// One epoch of the log.
#[derive(Debug, Clone)]
pub struct EpochRow {
    pub epoch: String,
    pub first_seq: u64,
}

impl NewEvent {
    /// Prepares `body`; `mark` belongs to a sign-in.
    pub fn new(body: &EventBody, mark: Option<u16>) -> Self {
        let text = serde_json::to_string(body).unwrap_or_default();
        let (protocol, outcome, login, address) = match body {
            EventBody::SignIn(it) => {
                (Some(it.protocol), Some(it.outcome.code()), Some(it.login.0.as_str()), it.address)
            }
            EventBody::Submission(it) => (
                Some(Protocol::Submission),
                Some(it.outcome.code()),
                it.login.as_ref().map(|login| login.0.as_str()),
                it.address,
            ),
            EventBody::Alert(it) => (None, None, it.login.as_ref().map(|login| login.0.as_str()), None),
            EventBody::Account(it) => (None, None, Some(it.login.0.as_str()), None),
            EventBody::Admin(it) => (None, None, Some(it.login.0.as_str()), it.address),
            EventBody::Block(_) | EventBody::Policy(_) | EventBody::System(_) => (None, None, None, None),
        };
        let login = login.map(Arc::from);
        let (mut client, mut refused_for_risk, mut sent_to) = (None, None, None);
        match body {
            EventBody::SignIn(it) => {
                client = it.client.as_deref().map(Arc::from);
                refused_for_risk = it.reasons.iter().find_map(|reason| match reason.code {
                    ReasonCode::Risk => Some(Password::NotRight),
                    ReasonCode::StolenPassword => Some(Password::Right),
                    _ => None,
                });
            }
            EventBody::Submission(it) => {
                sent_to = (it.outcome == SubmissionOutcome::Accepted).then_some(it.recipients);
            }
            EventBody::Alert(_)
            | EventBody::Account(_)
            | EventBody::Admin(_)
            | EventBody::Block(_)
            | EventBody::Policy(_)
            | EventBody::System(_) => {}
        }
        Self {
            kind: body.kind(),
            protocol,
            outcome,
            mark,
            login,
            address,
            body: text.into(),
            hits: Vec::new(),
            client,
            refused_for_risk,
            sent_to,
            print: None,
        }
    }
}

/// Rows in one statement at most.
const CHUNK_BITS: u32 = 8;

/// Inserts of 1, 2, 4, … rows, so that any number of rows takes few statements that are prepared once.
static INSERTS: LazyLock<Vec<SqlStr>> = LazyLock::new(|| {
    (0..CHUNK_BITS)
        .map(|bit| {
            let row = |row: usize| {
                let numbers: Vec<_> = (1..=10).map(|column| format!("${}", row * 10 + column)).collect();
                format!("({})", numbers.join(","))
            };
            let rows: Vec<_> = (0..1usize << bit).map(row).collect();
            let sql = format!(
                "INSERT INTO events (seq, at, kind, protocol, outcome, mark, login, address, body, print) VALUES {}",
                rows.join(",")
            );
            AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
        })
        .collect()
});

/// Inserts events that follow one another, the first as `first_seq`.
pub async fn insert(
    connection: &mut SqliteConnection,
    first_seq: u64,
    events: &[(Time, NewEvent)],
) -> Result<(), StoreError> {
    let mut rest = events;
    let mut seq = first_seq;
    while !rest.is_empty() {
        let bit = rest.len().ilog2().min(CHUNK_BITS - 1) as usize;
        let (chunk, after) = rest.split_at(1 << bit);
        let mut query = sqlx::query(INSERTS[bit].clone());
        for (at, event) in chunk {
            query = query
                .bind(seq.cast_signed())
                .bind(at.as_millis())
                .bind(event.kind.code())
                .bind(event.protocol.map(RowCode::code))
                .bind(event.outcome)
                .bind(event.mark.map(u16::cast_signed))
                .bind(event.login.clone())
                .bind(event.address.map(|address| address_bytes(address.ip()).to_vec()))
                .bind(Arc::clone(&event.body))
                .bind(event.print);
            seq += 1;
        }
        query.execute(&mut *connection).await?;
        rest = after;
    }
    Ok(())
}

/// The first and last number in the log and the time of the last; none when it is empty.
pub async fn bounds(readers: &SqlitePool) -> Result<Option<(u64, u64, Time)>, StoreError> {
    let first: Option<i64> = sqlx::query_scalar("SELECT MIN(seq) FROM events").fetch_one(readers).await?;
    let last =
        sqlx::query("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1").fetch_optional(readers).await?;
    Ok(match (first, last) {
        (Some(first), Some(last)) => {
            Some((first.cast_unsigned(), seq_of(&last)?, Time::from_millis(last.try_get(1)?)))
        }
        _ => None,
    })
}

/// When the service recorded an event last; imported ones have times of their own.
pub async fn recorded_last(readers: &SqlitePool) -> Result<Option<Time>, StoreError> {
    let at: Option<i64> =
        sqlx::query_scalar("SELECT at FROM events WHERE print IS NULL ORDER BY seq DESC LIMIT 1")
            .fetch_optional(readers)
            .await?;
    Ok(at.map(Time::from_millis))
}

/// The prints of imported events of this time, its ends included.
pub async fn prints(
    connection: &mut SqliteConnection,
    from: Time,
    until: Time,
) -> Result<HashSet<i64>, StoreError> {
    let prints: Vec<i64> =
        sqlx::query_scalar("SELECT print FROM events WHERE at >= $1 AND at <= $2 AND print IS NOT NULL")
            .bind(from.as_millis())
            .bind(until.as_millis())
            .fetch_all(connection)
            .await?;
    Ok(prints.into_iter().collect())
}

/// At most `limit` events after `after` and up to `head`, oldest first.
///
/// A reader passes the head that it took before. Events are in the database a moment before the log has them as its
/// head, and a cursor beyond the head is no cursor of this log.
pub async fn after(
    readers: &SqlitePool,
    after: u64,
    head: u64,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let rows =
        sqlx::query("SELECT seq, at, body FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3")
            .bind(after.cast_signed())
            .bind(head.cast_signed())
            .bind(i64::from(limit))
            .fetch_all(readers)
            .await?;
    rows.iter().map(event_row).collect()
}

/// The time of the first event, by time, at `from` or later.
pub async fn next_after(readers: &SqlitePool, from: Time) -> Result<Option<Time>, StoreError> {
    let at: Option<i64> = sqlx::query_scalar("SELECT MIN(at) FROM events WHERE at >= $1")
        .bind(from.as_millis())
        .fetch_one(readers)
        .await?;
    Ok(at.map(Time::from_millis))
}

/// The events from one time on and before another, by time and number, one after the other.
pub fn between(
    readers: &SqlitePool,
    from: Time,
    until: Time,
) -> impl Stream<Item = Result<EventRow, StoreError>> + Unpin {
    sqlx::query("SELECT seq, at, body FROM events WHERE at >= $1 AND at < $2 ORDER BY at, seq")
        .bind(from.as_millis())
        .bind(until.as_millis())
        .fetch(readers)
        .map(|row| event_row(&row?))
}

/// The event with this number, if it is still kept.
pub async fn get(readers: &SqlitePool, seq: u64) -> Result<Option<EventRow>, StoreError> {
    let row = sqlx::query("SELECT seq, at, body FROM events WHERE seq = $1")
        .bind(seq.cast_signed())
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(event_row).transpose()
}

/// The first event at `since` or later, looked for among so many of the earliest of that time. By time, not by
/// number: that would go through the whole log.
pub async fn first_since(
    connection: &mut SqliteConnection,
    since: Time,
    among: u64,
) -> Result<Option<u64>, StoreError> {
    let first: Option<i64> = sqlx::query_scalar(
        "SELECT MIN(seq) FROM (SELECT seq FROM events WHERE at >= $1 ORDER BY at LIMIT $2) AS earliest",
    )
    .bind(since.as_millis())
    .bind(among.cast_signed())
    .fetch_one(connection)
    .await?;
    Ok(first.map(i64::cast_unsigned))
}

/// At most `limit` sign-ins after `after`, oldest first; imported ones are no news to alert rules.
pub async fn sign_ins(
    connection: &mut SqliteConnection,
    after: u64,
    limit: u32,
) -> Result<Vec<SignInRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, outcome, mark, login, address FROM events \
         WHERE seq > $1 AND kind = 1 AND print IS NULL ORDER BY seq LIMIT $2",
    )
    .bind(after.cast_signed())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let read = rows.iter().map(sign_in);
    read.filter_map(Result::transpose).collect()
}

/// At most `limit` events after a time and number that say something of sign-in risk, by time.
pub async fn past(
    connection: &mut SqliteConnection,
    (at, seq): (Time, u64),
    since: PastSince,
    limit: u32,
) -> Result<Vec<Past>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, outcome, mark, login, address, protocol, body, kind FROM events \
         WHERE (at > $1 OR (at = $1 AND seq > $2)) AND at >= $1 \
         AND ((kind = $3 AND (outcome = $4 OR (outcome = $5 AND at >= $6))) \
         OR (kind = $7 AND outcome = $8 AND at >= $9)) ORDER BY at, seq LIMIT $10",
    )
    .bind(at.as_millis())
    .bind(seq.cast_signed())
    .bind(EventKind::SignIn.code())
    .bind(Outcome::Succeeded.code())
    .bind(Outcome::Failed.code())
    .bind(since.failures.as_millis())
    .bind(EventKind::Submission.code())
    .bind(SubmissionOutcome::Accepted.code())
    .bind(since.sent.as_millis())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(past_event).filter_map(Result::transpose).collect()
}

fn past_event(row: &SqliteRow) -> Result<Option<Past>, StoreError> {
    #[derive(serde::Deserialize)]
    struct Body {
        client: Option<String>,
        #[serde(default)]
        recipients: u32,
    }
    let body = serde_json::from_str::<Body>(row.try_get(7)?).ok();
    if row.try_get::<i16, _>(8)? == EventKind::SignIn.code() {
        let protocol = row.try_get::<Option<i16>, _>(6)?.and_then(Protocol::from_code);
        let (Some(sign_in), Some(protocol)) = (sign_in(row)?, protocol) else { return Ok(None) };
        return Ok(Some(Past::SignIn { row: sign_in, protocol, client: body.and_then(|body| body.client) }));
    }
    let (Some(login), Some(body)) = (row.try_get::<Option<String>, _>(4)?, body) else { return Ok(None) };
    Ok(Some(Past::Sent(SentRow {
        seq: seq_of(row)?,
        at: Time::from_millis(row.try_get(1)?),
        login: login.into(),
        address: address_of(row, 5)?,
        recipients: body.recipients,
    })))
}

impl Past {
    /// Its time and number.
    pub fn place(&self) -> (Time, u64) {
        match self {
            Self::SignIn { row, .. } => (row.at, row.seq),
            Self::Sent(row) => (row.at, row.seq),
        }
    }
}

/// The columns seq, at, outcome, mark, login, address; none where they are no sign-in's.
fn sign_in(row: &SqliteRow) -> Result<Option<SignInRow>, StoreError> {
    let outcome = row.try_get::<Option<i16>, _>(2)?.and_then(Outcome::from_code);
    let login = row.try_get::<Option<String>, _>(4)?;
    let (Some(outcome), Some(login)) = (outcome, login) else { return Ok(None) };
    Ok(Some(SignInRow {
        seq: seq_of(row)?,
        at: Time::from_millis(row.try_get(1)?),
        outcome,
        mark: row.try_get::<Option<i16>, _>(3)?.map(i16::cast_unsigned),
        login: login.into(),
        address: address_of(row, 5)?,
    }))
}

/// All epochs, oldest first.
pub async fn epochs(connection: &mut SqliteConnection) -> Result<Vec<EpochRow>, StoreError> {
    let rows = sqlx::query("SELECT epoch, first_seq FROM epochs ORDER BY first_seq, started_at")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(EpochRow { epoch: row.try_get(0)?, first_seq: row.try_get::<i64, _>(1)?.cast_unsigned() })
        })
        .collect()
}

/// Begins an epoch. One that never had an event makes room for it.
pub async fn begin_epoch(
    connection: &mut SqliteConnection,
    epoch: &EpochRow,
    at: Time,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM epochs WHERE first_seq >= $1")
        .bind(epoch.first_seq.cast_signed())
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO epochs (epoch, first_seq, started_at) VALUES ($1, $2, $3)")
        .bind(epoch.epoch.as_str())
        .bind(epoch.first_seq.cast_signed())
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// The event with which an account succeeded from a client network first.
pub async fn known_since(
    connection: &mut SqliteConnection,
    login: &str,
    network: [u8; 16],
) -> Result<Option<u64>, StoreError> {
    let first: Option<i64> =
        sqlx::query_scalar("SELECT first_seq FROM known_networks WHERE login = $1 AND network = $2")
            .bind(login)
            .bind(network.to_vec())
            .fetch_optional(connection)
            .await?;
    Ok(first.map(i64::cast_unsigned))
}

/// Whether an account had succeeded from any network before the event `seq`.
pub async fn has_known_network(
    connection: &mut SqliteConnection,
    login: &str,
    seq: u64,
) -> Result<bool, StoreError> {
    let found = sqlx::query("SELECT 1 FROM known_networks WHERE login = $1 AND first_seq < $2 LIMIT 1")
        .bind(login)
        .bind(seq.cast_signed())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Remembers that an account succeeded from a client network.
pub async fn add_known_network(
    connection: &mut SqliteConnection,
    login: &str,
    network: [u8; 16],
    seq: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO known_networks (login, network, first_seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(login)
    .bind(network.to_vec())
    .bind(seq.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn address_of(row: &SqliteRow, column: usize) -> Result<Option<Address>, StoreError> {
    let bytes = row.try_get::<Option<Vec<u8>>, _>(column)?;
    Ok(bytes.and_then(|bytes| super::codes::address_from_bytes(&bytes)).map(Address::from))
}

fn seq_of(row: &SqliteRow) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(0)?.cast_unsigned())
}

pub(super) fn event_row(row: &SqliteRow) -> Result<EventRow, StoreError> {
    let body = row.try_get::<&str, _>(2)?.into();
    Ok(EventRow { seq: seq_of(row)?, at: Time::from_millis(row.try_get(1)?), body })
}
