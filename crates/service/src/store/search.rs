//! Pages of events under a filter, from the newest backward. A search takes its time and no more: where it
//! finds little it answers what it has, and where to go on.
//!
//! What the filter names is found in the index, and what is not indexed yet by looking at it. Both go through
//! ranges of the log that grow as long as they are quickly done with.

use std::time::{Duration, Instant};

use mailcup_wire::{EventFilter, EventKind, Outcome, OutcomeFilter, Protocol, SubmissionOutcome, Time};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool, query::Query, sqlite::SqliteArguments};

use super::{
    StoreError,
    codes::{RowCode, address_bytes},
    event_index,
    events::{EventRow, event_row},
    progress::{self, Job},
};

const FIRST_WIDTH: i64 = 1_000;
/// However quickly the empty ranges were done with: the next one may be full, and a search is patient only
/// between two of them.
const WIDEST: i64 = 250_000;
const QUICK: Duration = Duration::from_millis(15);
const SLOW: Duration = Duration::from_millis(60);

/// Accounts or addresses that are looked up one by one; where a filter names more of them, events are looked at.
const NAMED: usize = 1_000;

/// Events that are looked at to learn whether a login that is not indexed is one.
const LOOKED_AT: i64 = 100_000;

const MILLIS_PER_HOUR: i64 = 3_600_000;

/// When a search answers what it has.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub time: Duration,
    /// Not before it went through so many numbers of the log.
    pub at_least: i64,
}

/// A page, newest first.
#[derive(Debug, Default)]
pub struct Found {
    pub rows: Vec<EventRow>,
    /// There may be more before this event; none if the log has no more.
    pub next: Option<u64>,
}

/// At most `limit` events that `filter` matches, before `before` (none: from the end).
pub async fn search(
    readers: &SqlitePool,
    filter: &EventFilter,
    before: Option<u64>,
    limit: u32,
    patience: Patience,
) -> Result<Found, StoreError> {
    let mut connection = readers.acquire().await?;
    let before = before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let search = Search::plan(&mut connection, filter, before).await?;
    search.run(&mut connection, limit as usize, patience).await
}

/// The last event before the hour of `since`, as far as events are indexed.
pub async fn before_moment(readers: &SqlitePool, since: Time) -> Result<u64, StoreError> {
    let mut connection = readers.acquire().await?;
    let first: Option<i64> = sqlx::query_scalar("SELECT MIN(first_seq) FROM event_hours WHERE hour >= $1")
        .bind(since.as_millis().div_euclid(MILLIS_PER_HOUR))
        .fetch_one(&mut *connection)
        .await?;
    let before = match first {
        Some(first) => first - 1,
        None => progress::of(&mut connection, Job::Index).await?,
    };
    Ok(before.cast_unsigned())
}

/// How a filter is answered.
struct Search {
    conditions: Conditions,
    /// The column of the index and its values that the filter names.
    narrow: Option<(&'static str, Vec<i64>)>,
    /// Parts of the log to go through, the newest first.
    parts: Vec<Part>,
}

/// Events from `start` to before `end`.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: i64,
    end: i64,
    indexed: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self { time: Duration::from_millis(150), at_least: 20_000 }
    }
}

impl Search {
    async fn plan(
        connection: &mut SqliteConnection,
        filter: &EventFilter,
        before: i64,
    ) -> Result<Self, StoreError> {
        let indexed = progress::of(connection, Job::Index).await?;
        let (first, last) = ends(connection).await?;
        let mut conditions = Conditions::default();
        conditions.filter(filter);
        let account = filter.account.as_deref().map(str::to_lowercase).filter(|text| !text.is_empty());
        let mut narrow = None;
        if let Some(account) = &account {
            let (whole, named) = accounts(connection, account, indexed.max(last - LOOKED_AT)).await?;
            if whole {
                conditions.add("login =", Value::Text(account.clone()));
            } else {
                conditions.contains("login", account);
            }
            narrow = named.map(|named| ("account", named));
        }
        if narrow.is_none()
            && let Some(network) = filter.network
        {
            let net = network.net();
            let named = addresses(connection, address_bytes(net.network()), address_bytes(net.broadcast()));
            narrow = named.await?.map(|named| ("address", named));
        }
        if narrow.is_none() {
            narrow = classes(filter).map(|classes| ("class", classes));
        }
        let (from, until) = hours(connection, filter, indexed).await?;
        let parts = vec![
            Part { start: first.max(indexed + 1), end: before.min(last + 1), indexed: false },
            Part {
                start: first.max(from),
                end: before.min(last + 1).min(indexed + 1).min(until),
                indexed: true,
            },
        ];
        Ok(Self { conditions, narrow, parts })
    }

    async fn run(
        self,
        connection: &mut SqliteConnection,
        limit: usize,
        patience: Patience,
    ) -> Result<Found, StoreError> {
        let begun = Instant::now();
        let mut found = Found::default();
        let mut gone_through = 0;
        for part in &self.parts {
            let mut width = FIRST_WIDTH.min(patience.at_least);
            let mut end = part.end;
            while end > part.start {
                if gone_through >= patience.at_least && begun.elapsed() >= patience.time {
                    found.next = Some(end.cast_unsigned());
                    return Ok(found);
                }
                let step = Part { start: part.start.max(end.saturating_sub(width)), end, ..*part };
                let step_begun = Instant::now();
                // One more than wanted tells whether there are more.
                let wanted = limit + 1 - found.rows.len();
                found.rows.extend(self.look(connection, step, wanted).await?);
                if found.rows.len() > limit {
                    found.rows.truncate(limit);
                    found.next = found.rows.last().map(|row| row.seq);
                    return Ok(found);
                }
                width = match step_begun.elapsed() {
                    took if took < QUICK => (width * 4).min(WIDEST),
                    took if took > SLOW => (width / 4).max(FIRST_WIDTH),
                    _ => width,
                };
                gone_through += end - step.start;
                end = step.start;
            }
        }
        Ok(found)
    }

    async fn look(
        &self,
        connection: &mut SqliteConnection,
        part: Part,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        let mut conditions = self.conditions.clone();
        let start = conditions.bound(Value::Number(part.start));
        let end = conditions.bound(Value::Number(part.end));
        match self.narrow.as_ref().filter(|_| part.indexed) {
            Some((_, values)) if values.is_empty() => return Ok(Vec::new()),
            Some((column, values)) => {
                let values: Vec<_> = values.iter().map(i64::to_string).collect();
                conditions.clauses.push(format!(
                    "seq IN (SELECT seq FROM event_index WHERE {column} IN ({}) AND seq >= {start} AND seq < {end})",
                    values.join(",")
                ));
            }
            None => conditions.clauses.push(format!("seq >= {start} AND seq < {end}")),
        }
        let clause = conditions.clause();
        let sql = format!("SELECT seq, at, body FROM events {clause} ORDER BY seq DESC LIMIT {limit}");
        let rows = conditions.bind(sqlx::query(AssertSqlSafe(sql))).fetch_all(connection).await?;
        rows.iter().map(event_row).collect()
    }
}

/// The first and the last number in the log; before all others when it is empty.
async fn ends(connection: &mut SqliteConnection) -> Result<(i64, i64), StoreError> {
    let ends: Option<(i64, i64)> = sqlx::query_as(
        "SELECT first.seq, last.seq FROM (SELECT seq FROM events ORDER BY seq LIMIT 1) AS first, \
         (SELECT seq FROM events ORDER BY seq DESC LIMIT 1) AS last",
    )
    .fetch_optional(connection)
    .await?;
    Ok(ends.unwrap_or((1, 0)))
}

/// Whether `text` is a whole login, else it is a part of some; and the accounts meant, none if they are too
/// many. Events after `unindexed` are looked at, too.
async fn accounts(
    connection: &mut SqliteConnection,
    text: &str,
    unindexed: i64,
) -> Result<(bool, Option<Vec<i64>>), StoreError> {
    let known: Option<i64> = sqlx::query_scalar("SELECT no FROM event_accounts WHERE login = $1")
        .bind(text)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(no) = known {
        return Ok((true, Some(vec![no])));
    }
    let occurs = sqlx::query("SELECT 1 FROM events WHERE seq > $1 AND login = $2 LIMIT 1")
        .bind(unindexed)
        .bind(text)
        .fetch_optional(&mut *connection)
        .await?;
    if occurs.is_some() {
        return Ok((true, Some(Vec::new())));
    }
    let mut conditions = Conditions::default();
    conditions.contains("login", text);
    let sql = format!("SELECT no FROM event_accounts {} LIMIT {}", conditions.clause(), NAMED + 1);
    let named = conditions.bind(sqlx::query(AssertSqlSafe(sql))).fetch_all(connection).await?;
    let named = named.iter().map(|row| sqlx::Row::try_get(row, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok((false, few(named)))
}

async fn addresses(
    connection: &mut SqliteConnection,
    low: [u8; 16],
    high: [u8; 16],
) -> Result<Option<Vec<i64>>, StoreError> {
    let named = sqlx::query_scalar("SELECT no FROM event_addresses WHERE address BETWEEN $1 AND $2 LIMIT $3")
        .bind(low.to_vec())
        .bind(high.to_vec())
        .bind(i64::try_from(NAMED + 1).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    Ok(few(named))
}

fn few(named: Vec<i64>) -> Option<Vec<i64>> {
    (named.len() <= NAMED).then_some(named)
}

/// Between which numbers (the second not included) the indexed events of the filter's time lie.
async fn hours(
    connection: &mut SqliteConnection,
    filter: &EventFilter,
    indexed: i64,
) -> Result<(i64, i64), StoreError> {
    if filter.from.is_none() && filter.until.is_none() {
        return Ok((0, i64::MAX));
    }
    let hour = |time: Option<Time>, none: i64| {
        time.map_or(none, |time| time.as_millis().div_euclid(MILLIS_PER_HOUR))
    };
    let (first, last): (Option<i64>, Option<i64>) =
        sqlx::query_as("SELECT MIN(first_seq), MAX(last_seq) FROM event_hours WHERE hour BETWEEN $1 AND $2")
            .bind(hour(filter.from, i64::MIN))
            .bind(hour(filter.until, i64::MAX))
            .fetch_one(connection)
            .await?;
    Ok((first.unwrap_or(indexed + 1), last.map_or(0, |last| last + 1)))
}

/// The classes that a filter lets through; none if it lets through all.
fn classes(filter: &EventFilter) -> Option<Vec<i64>> {
    if filter.kinds.is_empty() && filter.outcomes.is_empty() && filter.protocols.is_empty() {
        return None;
    }
    let outcomes: Vec<i16> = filter.outcomes.iter().flat_map(|it| outcome_codes(*it)).collect();
    let passes = |kind: EventKind, outcome: i16, protocol: Option<Protocol>| {
        (filter.kinds.is_empty() || filter.kinds.contains(&kind))
            && (outcomes.is_empty() || outcomes.contains(&outcome))
            && (filter.protocols.is_empty() || protocol.is_some_and(|it| filter.protocols.contains(&it)))
    };
    let passing = EventKind::ALL.iter().flat_map(|kind| {
        let ways = outcomes_and_protocols(*kind);
        ways.into_iter().map(|(outcome, protocol)| (*kind, outcome, protocol))
    });
    let passing = passing.filter(|(kind, outcome, protocol)| passes(*kind, *outcome, *protocol));
    Some(passing.map(|(kind, outcome, protocol)| event_index::class(kind, outcome, protocol)).collect())
}

/// With which outcomes and protocols events of this kind occur.
fn outcomes_and_protocols(kind: EventKind) -> Vec<(i16, Option<Protocol>)> {
    match kind {
        EventKind::SignIn => {
            let by = |protocol| Outcome::ALL.iter().map(move |outcome| (outcome.code(), Some(protocol)));
            Protocol::ALL.iter().copied().flat_map(by).collect()
        }
        EventKind::Submission => {
            let outcomes = SubmissionOutcome::ALL.iter();
            outcomes.map(|outcome| (outcome.code(), Some(Protocol::Submission))).collect()
        }
        EventKind::Alert
        | EventKind::Block
        | EventKind::Account
        | EventKind::Policy
        | EventKind::Admin
        | EventKind::System => {
            vec![(0, None)]
        }
    }
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

    /// The place of a value in a condition that is written by hand.
    fn bound(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn one_of(&mut self, column: &str, codes: impl IntoIterator<Item = i64>) {
        let codes: Vec<_> = codes.into_iter().map(|code| code.to_string()).collect();
        if !codes.is_empty() {
            self.clauses.push(format!("{column} IN ({})", codes.join(",")));
        }
    }

    fn filter(&mut self, filter: &EventFilter) {
        // The sign keeps the database from going by time, which would make it sort all events of that time.
        if let Some(from) = filter.from {
            self.add("+at >=", Value::Number(from.as_millis()));
        }
        if let Some(until) = filter.until {
            self.add("+at <", Value::Number(until.as_millis()));
        }
        if let Some(network) = filter.network {
            let net = network.net();
            self.add("address >=", Value::Bytes(address_bytes(net.network()).to_vec()));
            self.add("address <=", Value::Bytes(address_bytes(net.broadcast()).to_vec()));
        }
        self.one_of("protocol", filter.protocols.iter().map(|protocol| protocol.code().into()));
        self.one_of("kind", filter.kinds.iter().map(|kind| kind.code().into()));
        let outcomes = filter.outcomes.iter().flat_map(|outcome| outcome_codes(*outcome));
        self.one_of("outcome", outcomes.map(i64::from));
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
