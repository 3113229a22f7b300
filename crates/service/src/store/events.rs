//! Rows of the event log.

use std::sync::{Arc, LazyLock};

use mailcup_wire::{
    Address, EventBody, EventFilter, EventKind, Outcome, OutcomeFilter, Protocol, SubmissionOutcome, Time,
};
use sqlx::{
    AssertSqlSafe, Row, SqlSafeStr, SqlStr, SqliteConnection, SqlitePool, query::Query,
    sqlite::SqliteArguments, sqlite::SqliteRow,
};

use super::{
    StoreError,
    codes::{RowCode, address_bytes},
    rollups,
};

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
            EventBody::Block(_) | EventBody::System(_) => (None, None, None, None),
        };
        let login = login.map(Arc::from);
        Self { kind: body.kind(), protocol, outcome, mark, login, address, body: text.into() }
    }
}

/// Rows in one statement at most.
const CHUNK_BITS: u32 = 8;

/// Inserts of 1, 2, 4, … rows, so that any number of rows takes few statements that are prepared once.
static INSERTS: LazyLock<Vec<SqlStr>> = LazyLock::new(|| {
    (0..CHUNK_BITS)
        .map(|bit| {
            let row = |row: usize| {
                let numbers: Vec<_> = (1..=9).map(|column| format!("${}", row * 9 + column)).collect();
                format!("({})", numbers.join(","))
            };
            let rows: Vec<_> = (0..1usize << bit).map(row).collect();
            let sql = format!(
                "INSERT INTO events (seq, at, kind, protocol, outcome, mark, login, address, body) VALUES {}",
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
                .bind(Arc::clone(&event.body));
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

/// At most `limit` events after `after`, oldest first.
pub async fn after(readers: &SqlitePool, after: u64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
    let rows = sqlx::query("SELECT seq, at, body FROM events WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(after.cast_signed())
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await?;
    rows.iter().map(event_row).collect()
}

/// At most `limit` events that `filter` matches, before `before` (none: from the end), newest first.
pub async fn before(
    readers: &SqlitePool,
    filter: &EventFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let mut connection = readers.acquire().await?;
    let mut conditions = Conditions::default();
    if let Some(before) = before {
        conditions.add("seq <", Value::Number(before.cast_signed()));
    }
    conditions.filter(filter);
    let account = filter.account.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty());
    let Some(account) = account else { return newest(&mut connection, conditions, limit).await };
    let indexed = rollups::rolled_up_to(&mut connection).await?;
    if !occurs(&mut connection, &account, indexed).await? {
        conditions.contains("login", &account);
        return newest(&mut connection, conditions, limit).await;
    }
    // First the events that are not indexed yet.
    let mut latest = conditions.clone();
    latest.add("seq >", Value::Number(indexed));
    latest.add("login =", Value::Text(account.clone()));
    let mut rows = newest(&mut connection, latest, limit).await?;
    let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    if left > 0 {
        conditions.add("seq <=", Value::Number(indexed));
        conditions.add_within("seq IN (SELECT seq FROM event_logins WHERE login = ", Value::Text(account));
        rows.extend(newest(&mut connection, conditions, left).await?);
    }
    Ok(rows)
}

/// The event with this number, if it is still kept.
pub async fn get(readers: &SqlitePool, seq: u64) -> Result<Option<EventRow>, StoreError> {
    let row = sqlx::query("SELECT seq, at, body FROM events WHERE seq = $1")
        .bind(seq.cast_signed())
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(event_row).transpose()
}

/// The first event at `since` or later.
pub async fn first_since(connection: &mut SqliteConnection, since: Time) -> Result<Option<u64>, StoreError> {
    let first: Option<i64> = sqlx::query_scalar("SELECT MIN(seq) FROM events WHERE at >= $1")
        .bind(since.as_millis())
        .fetch_one(connection)
        .await?;
    Ok(first.map(i64::cast_unsigned))
}

/// At most `limit` sign-ins after `after`, oldest first.
pub async fn sign_ins(
    connection: &mut SqliteConnection,
    after: u64,
    limit: u32,
) -> Result<Vec<SignInRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, outcome, mark, login, address FROM events \
         WHERE seq > $1 AND kind = 1 ORDER BY seq LIMIT $2",
    )
    .bind(after.cast_signed())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let mut sign_ins = Vec::with_capacity(rows.len());
    for row in &rows {
        let outcome = row.try_get::<Option<i16>, _>(2)?.and_then(Outcome::from_code);
        let login = row.try_get::<Option<String>, _>(4)?;
        let (Some(outcome), Some(login)) = (outcome, login) else { continue };
        sign_ins.push(SignInRow {
            seq: seq_of(row)?,
            at: Time::from_millis(row.try_get(1)?),
            outcome,
            mark: row.try_get::<Option<i16>, _>(3)?.map(i16::cast_unsigned),
            login: login.into(),
            address: address_of(row, 5)?,
        });
    }
    Ok(sign_ins)
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

/// The client networks from which an account succeeded, each with the event that did so first.
pub async fn known_networks(
    connection: &mut SqliteConnection,
    login: &str,
) -> Result<Vec<([u8; 16], u64)>, StoreError> {
    let rows = sqlx::query("SELECT network, first_seq FROM known_networks WHERE login = $1")
        .bind(login)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let network = row.try_get::<Vec<u8>, _>(0)?.try_into().unwrap_or_default();
            Ok((network, row.try_get::<i64, _>(1)?.cast_unsigned()))
        })
        .collect()
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

fn event_row(row: &SqliteRow) -> Result<EventRow, StoreError> {
    let body = row.try_get::<&str, _>(2)?.into();
    Ok(EventRow { seq: seq_of(row)?, at: Time::from_millis(row.try_get(1)?), body })
}

/// Whether events of this very login are in the log: then a filter means that account alone, else a part of
/// logins.
async fn occurs(connection: &mut SqliteConnection, login: &str, indexed: i64) -> Result<bool, StoreError> {
    let found = sqlx::query(
        "SELECT 1 FROM event_logins WHERE login = $1 \
         UNION ALL SELECT 1 FROM events WHERE seq > $2 AND login = $1 LIMIT 1",
    )
    .bind(login)
    .bind(indexed)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

async fn newest(
    connection: &mut SqliteConnection,
    conditions: Conditions,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let clause = conditions.clause();
    let text = format!("SELECT seq, at, body FROM events {clause} ORDER BY seq DESC LIMIT {limit}");
    let rows = conditions.bind(sqlx::query(AssertSqlSafe(text))).fetch_all(connection).await?;
    rows.iter().map(event_row).collect()
}

/// A WHERE clause with its values.
#[derive(Default, Clone)]
struct Conditions {
    clauses: Vec<String>,
    values: Vec<Value>,
}

#[derive(Clone)]
enum Value {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Conditions {
    fn add(&mut self, left: &str, value: Value) {
        self.values.push(value);
        self.clauses.push(format!("{left} ${}", self.values.len()));
    }

    /// Like [`Conditions::add`], for a condition that ends with a parenthesis.
    fn add_within(&mut self, left: &str, value: Value) {
        self.values.push(value);
        self.clauses.push(format!("{left} ${})", self.values.len()));
    }

    fn one_of(&mut self, column: &str, codes: impl IntoIterator<Item = i16>) {
        let codes: Vec<_> = codes.into_iter().map(|code| code.to_string()).collect();
        if !codes.is_empty() {
            self.clauses.push(format!("{column} IN ({})", codes.join(",")));
        }
    }

    fn filter(&mut self, filter: &EventFilter) {
        if let Some(from) = filter.from {
            self.add("at >=", Value::Number(from.as_millis()));
        }
        if let Some(until) = filter.until {
            self.add("at <", Value::Number(until.as_millis()));
        }
        if let Some(network) = filter.network {
            let net = network.net();
            self.add("address >=", Value::Bytes(address_bytes(net.network()).to_vec()));
            self.add("address <=", Value::Bytes(address_bytes(net.broadcast()).to_vec()));
        }
        self.one_of("protocol", filter.protocols.iter().map(|protocol| protocol.code()));
        self.one_of("kind", filter.kinds.iter().map(|kind| kind.code()));
        self.one_of("outcome", filter.outcomes.iter().flat_map(|outcome| outcome_codes(*outcome)));
        for word in filter.text.iter().flat_map(|text| text.split_whitespace()) {
            self.contains("LOWER(body)", &word.to_lowercase());
        }
    }

    fn contains(&mut self, column: &str, part: &str) {
        let mut pattern = String::with_capacity(part.len() + 2);
        pattern.push('%');
        for character in part.chars() {
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        self.values.push(Value::Text(pattern));
        self.clauses.push(format!("{column} LIKE ${} ESCAPE '\\'", self.values.len()));
    }

    fn clause(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!("WHERE {}", self.clauses.join(" AND ")) }
    }

    fn bind(
        self,
        mut query: Query<'_, sqlx::Sqlite, SqliteArguments>,
    ) -> Query<'_, sqlx::Sqlite, SqliteArguments> {
        for value in self.values {
            query = match value {
                Value::Number(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }
}

fn outcome_codes(filter: OutcomeFilter) -> Vec<i16> {
    match filter {
        OutcomeFilter::Allowed => vec![Outcome::Succeeded.code(), SubmissionOutcome::Accepted.code()],
        OutcomeFilter::Failed => vec![Outcome::Failed.code()],
        OutcomeFilter::Refused => vec![
            Outcome::Refused.code(),
            SubmissionOutcome::Deferred.code(),
            SubmissionOutcome::Held.code(),
            SubmissionOutcome::Rejected.code(),
        ],
        OutcomeFilter::Challenged => vec![Outcome::Challenged.code()],
        OutcomeFilter::Abandoned => vec![SubmissionOutcome::Abandoned.code()],
    }
}
