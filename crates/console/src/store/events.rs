//! Pages and counts of events under a filter, quick at a million of them.
//!
//! An index by what the filter names already stands in order of `seq`, so that a page is merged from the newest
//! entries of a few index ranges ("arms"). Where the filter names too many logins or addresses for that, the
//! narrow table is scanned from its newest end.

use mailcup_wire::{
    Event, EventFilter, EventId, Time,
    desktop::{EventList, EventQuery},
};
use rusqlite::{Connection, OptionalExtension as _, Row, types::ToSql};

use super::{
    Readers, Result,
    apply::{address_bytes, hour_of},
    class::Class,
    meta::{EVENTS, get},
    resources::containing,
};

const LARGEST_PAGE: u32 = 500;
const MOST_ARMS: usize = 64;

impl Readers {
    /// A page of events, newest first.
    pub async fn events(&self, query: EventQuery) -> Result<EventList> {
        self.run(move |reader| {
            let limit = query.limit.clamp(1, LARGEST_PAGE);
            let before = query.before.map_or(i64::MAX, |id| i64::try_from(id.seq).unwrap_or(i64::MAX));
            let Some(plan) = Plan::new(reader, &query.filter)? else {
                return Ok(EventList { events: Vec::new(), more: false });
            };
            let mut events = plan.page(reader, before, limit + 1)?;
            let more = events.len() > limit as usize;
            events.truncate(limit as usize);
            Ok(EventList { events, more })
        })
        .await
    }

    pub async fn event(&self, id: EventId) -> Result<Option<Event>> {
        self.run(move |reader| {
            let event = reader
                .prepare_cached(
                    "SELECT events.seq, at, epochs.epoch, body FROM events JOIN event_bodies USING (seq) \
                     JOIN epochs ON epochs.no = events.epoch WHERE events.seq = ?1 AND epochs.epoch = ?2",
                )?
                .query_row((i64::try_from(id.seq).unwrap_or(-1), &id.epoch.0), stored_event)
                .optional()?;
            event.map(StoredEvent::read).transpose()
        })
        .await
    }

    pub async fn count_events(&self, filter: EventFilter) -> Result<u32> {
        self.run(move |reader| {
            if filter == EventFilter::default() {
                return Ok(get(reader, EVENTS)?.unwrap_or(0));
            }
            match Plan::new(reader, &filter)? {
                Some(plan) => plan.count(reader),
                None => Ok(0),
            }
        })
        .await
    }
}

/// How a filter is answered.
struct Plan {
    /// Index and value of each range to merge; empty: scan the table.
    arms: Vec<(&'static str, i64)>,
    /// All that the filter asks for, in SQL.
    condition: String,
    login_pattern: Option<String>,
    network: Option<([u8; 16], [u8; 16])>,
    /// The query for the index of words.
    words: Option<String>,
}

impl Plan {
    /// None if nothing can match.
    fn new(reader: &Connection, filter: &EventFilter) -> Result<Option<Self>> {
        let mut plan = Self {
            arms: Vec::new(),
            condition: "1".to_owned(),
            login_pattern: None,
            network: None,
            words: filter.text.as_deref().and_then(words_query),
        };
        if !plan.narrow_time(reader, filter)? {
            return Ok(None);
        }
        let classes = Class::matching(filter);
        if let Some(classes) = &classes {
            if classes.is_empty() {
                return Ok(None);
            }
            plan.require(&format!("class IN ({})", listed(classes)));
        }
        if let Some(text) = filter.account.as_deref().filter(|text| !text.trim().is_empty()) {
            plan.login_pattern = Some(containing(text));
            let select = "SELECT no FROM logins WHERE login LIKE :login ESCAPE '\\'";
            if !plan.narrow(reader, "login", select)? {
                return Ok(None);
            }
        }
        if let Some(network) = filter.network {
            let net = network.net();
            plan.network = Some((address_bytes(net.network().into()), address_bytes(net.broadcast().into())));
            let select = "SELECT no FROM addresses WHERE address BETWEEN :low AND :high";
            if !plan.narrow(reader, "address", select)? {
                return Ok(None);
            }
        }
        if plan.arms.is_empty()
            && let Some(classes) = classes
        {
            plan.arms = classes.into_iter().map(|class| ("class", class)).collect();
        }
        Ok(Some(plan))
    }

    /// Requires that `column` is one of those that `select` finds. Few of them become arms.
    /// Answers whether anything can match.
    fn narrow(&mut self, reader: &Connection, column: &'static str, select: &str) -> Result<bool> {
        let mut statement = reader.prepare_cached(&format!("{select} LIMIT {}", MOST_ARMS + 1))?;
        let params = self.params();
        let found = {
            let named: Vec<(&str, &dyn ToSql)> =
                params.iter().filter(|(name, _)| select.contains(name)).copied().collect();
            statement
                .query_map(named.as_slice(), |row| row.get::<_, i64>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?
        };
        if found.is_empty() {
            return Ok(false);
        }
        if found.len() > MOST_ARMS {
            self.require(&format!("{column} IN ({select})"));
        } else {
            self.require(&format!("{column} IN ({})", listed(&found)));
            if self.arms.is_empty() {
                self.arms = found.into_iter().map(|no| (column, no)).collect();
            }
        }
        Ok(true)
    }

    fn narrow_time(&mut self, reader: &Connection, filter: &EventFilter) -> Result<bool> {
        let from = filter.from.map_or(i64::MIN, Time::as_millis);
        let until = filter.until.map_or(i64::MAX, Time::as_millis);
        if filter.from.is_none() && filter.until.is_none() {
            return Ok(true);
        }
        let span: (Option<i64>, Option<i64>) = reader
            .prepare_cached("SELECT min(first_seq), max(last_seq) FROM hours WHERE hour BETWEEN ?1 AND ?2")?
            .query_row([hour_of(from), hour_of(until)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)) = span else { return Ok(false) };
        self.require(&format!("seq BETWEEN {first} AND {last} AND at >= {from} AND at < {until}"));
        Ok(true)
    }

    fn require(&mut self, condition: &str) {
        self.condition.push_str(" AND ");
        self.condition.push_str(condition);
    }

    fn params(&self) -> Vec<(&'static str, &dyn ToSql)> {
        let mut params: Vec<(&'static str, &dyn ToSql)> = Vec::new();
        if let Some(pattern) = &self.login_pattern {
            params.push((":login", pattern));
        }
        if let Some((low, high)) = &self.network {
            params.push((":low", low));
            params.push((":high", high));
        }
        if let Some(words) = &self.words {
            params.push((":words", words));
        }
        params
    }

    fn page(&self, reader: &Connection, before: i64, limit: u32) -> Result<Vec<Event>> {
        let sql = format!(
            "SELECT page.seq, at, epochs.epoch, body FROM ({}) AS page JOIN events ON events.seq = page.seq \
             JOIN event_bodies ON event_bodies.seq = page.seq JOIN epochs ON epochs.no = events.epoch \
             ORDER BY page.seq DESC",
            self.newest(before, limit)
        );
        let mut statement = reader.prepare(&sql)?;
        let params = self.used_params(&sql);
        let rows = statement.query_map(params.as_slice(), stored_event)?;
        rows.map(|row| row?.read()).collect()
    }

    fn newest(&self, before: i64, limit: u32) -> String {
        let condition = &self.condition;
        if self.words.is_some() {
            return format!(
                "SELECT seq FROM event_words JOIN events ON events.seq = event_words.rowid \
                 WHERE event_words MATCH :words AND event_words.rowid < {before} AND {condition} \
                 ORDER BY event_words.rowid DESC LIMIT {limit}"
            );
        }
        if self.arms.is_empty() {
            return format!(
                "SELECT seq FROM events NOT INDEXED WHERE seq < {before} AND {condition} \
                 ORDER BY seq DESC LIMIT {limit}"
            );
        }
        let arms = self
            .arms
            .iter()
            .map(|(column, value)| {
                format!(
                    "SELECT seq FROM (SELECT seq FROM events INDEXED BY events_{column} WHERE {column} = {value} \
                     AND seq < {before} AND {condition} ORDER BY seq DESC LIMIT {limit})"
                )
            })
            .collect::<Vec<_>>()
            .join(" UNION ALL ");
        format!("SELECT seq FROM ({arms}) ORDER BY seq DESC LIMIT {limit}")
    }

    fn count(&self, reader: &Connection) -> Result<u32> {
        let sql = if self.words.is_some() {
            format!(
                "SELECT count(*) FROM event_words JOIN events ON events.seq = event_words.rowid \
                 WHERE event_words MATCH :words AND {}",
                self.condition
            )
        } else {
            format!("SELECT count(*) FROM events WHERE {}", self.condition)
        };
        let params = self.used_params(&sql);
        Ok(reader.prepare(&sql)?.query_row(params.as_slice(), |row| row.get(0))?)
    }

    fn used_params(&self, sql: &str) -> Vec<(&'static str, &dyn ToSql)> {
        self.params().into_iter().filter(|(name, _)| sql.contains(name)).collect()
    }
}

struct StoredEvent {
    seq: i64,
    at: i64,
    epoch: String,
    body: String,
}

impl StoredEvent {
    fn read(self) -> Result<Event> {
        let id = EventId { epoch: self.epoch.into(), seq: self.seq.cast_unsigned() };
        Ok(Event { id, at: Time::from_millis(self.at), body: serde_json::from_str(&self.body)? })
    }
}

fn stored_event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent { seq: row.get(0)?, at: row.get(1)?, epoch: row.get(2)?, body: row.get(3)? })
}

/// Words that must all occur, each as the beginning of one. None if the text holds no word.
fn words_query(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(16)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}

fn listed(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
