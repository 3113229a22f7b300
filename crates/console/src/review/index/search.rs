//! Finding messages by their words.

use std::{collections::BTreeMap, iter, path::Path};

use mailcup_wire::{
    Code, Login, Problem, SnapshotId, Time,
    desktop::{MailExcerpts, MailHit, MailHits, MailSearch, MessageRequest},
};
use rusqlite::{Connection, params, params_from_iter};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::{super::layout, Review, StoreError, message};
use crate::review::{index::wire_id, layout::MAIL};

const LARGEST_PAGE: u32 = 200;
const MOST_WORDS: usize = 16;
/// So many are counted with the first of them; FTS5 counts about 500 in a millisecond.
const COUNTED_AT_ONCE: u32 = 1_000;
const MOST_EXCERPTS: usize = 100;
/// So much of a message is read for the words around what was found.
const EXCERPT_BYTES: usize = 256 << 10;

struct Row {
    path: String,
    account: String,
    received_at: i64,
    since: i64,
    until: Option<i64>,
    sender: String,
    subject: String,
}

/// What the index answers.
struct Found {
    rows: Vec<Row>,
    total: u32,
    /// Snapshots that are in the index and when they were made, the newest first.
    indexed: Vec<(SnapshotId, i64)>,
}

impl Review {
    pub fn search_mail(&self, search: &MailSearch) -> Result<MailHits, Problem> {
        let words = words(&search.text);
        if words.is_empty() {
            return Ok(MailHits { hits: Vec::new(), total: 0, more: false });
        }
        let found = self.index.read(|reader| find(reader, search, &words))?.ok_or_else(no_index)?;
        let here: BTreeMap<SnapshotId, Time> =
            self.all_snapshots()?.iter().map(|snapshot| (wire_id(snapshot), Time(snapshot.time))).collect();
        let hits = found.rows.into_iter().filter_map(|row| hit(row, &found.indexed, &here)).collect();
        let more = found.total > COUNTED_AT_ONCE;
        Ok(MailHits { hits, total: found.total.min(COUNTED_AT_ONCE), more })
    }

    /// How many messages a search finds in all.
    pub fn count_mail(&self, search: &MailSearch) -> Result<u32, Problem> {
        let words = words(&search.text);
        if words.is_empty() {
            return Ok(0);
        }
        self.index
            .read(|reader| Wanted::of(reader, search, &words)?.count(reader, None))?
            .ok_or_else(no_index)
    }

    /// The words around what a search found in some messages, in their order.
    pub fn mail_excerpts(&self, asked: &MailExcerpts) -> Result<Vec<String>, Problem> {
        if asked.messages.len() > MOST_EXCERPTS {
            let most = format!("Ask for {MOST_EXCERPTS} messages at most.");
            return Err(Problem::field("messages", most));
        }
        let words = words(&asked.text);
        let excerpt = |request: &MessageRequest| {
            let text = self.start_of(&self.message_entry(request)?.0, EXCERPT_BYTES)?;
            Ok::<_, Problem>(message::excerpt(&message::words(&text).text, &words))
        };
        Ok(asked.messages.iter().map(|request| excerpt(request).unwrap_or_default()).collect())
    }
}

/// None if the last snapshot that held it went a moment ago.
fn hit(row: Row, indexed: &[(SnapshotId, i64)], here: &BTreeMap<SnapshotId, Time>) -> Option<MailHit> {
    let held = |at: i64| row.since <= at && row.until.is_none_or(|until| at < until);
    let mut holding = indexed.iter().filter(|(_, at)| held(*at));
    let (snapshot, snapshot_at) = holding.find_map(|(id, _)| here.get_key_value(id))?;
    let place = layout::message_at(&Path::new(MAIL).join(&row.path));
    Some(MailHit {
        snapshot: snapshot.clone(),
        snapshot_at: *snapshot_at,
        path: row.path,
        account: Login(row.account),
        folder: place.map(|place| place.folder).unwrap_or_default(),
        received_at: Time::from_millis(row.received_at),
        from: row.sender,
        subject: row.subject,
        gone_at: row.until.map(Time::from_millis),
    })
}

fn find(reader: &Connection, search: &MailSearch, words: &[String]) -> Result<Found, StoreError> {
    let wanted = Wanted::of(reader, search, words)?;
    let mut indexed = reader.prepare_cached("SELECT snapshot, at FROM indexed ORDER BY at DESC")?;
    let indexed = indexed.query_map([], |row| Ok((SnapshotId(row.get(0)?), row.get(1)?)))?;
    Ok(Found {
        indexed: indexed.collect::<rusqlite::Result<_>>()?,
        rows: wanted.page(reader)?,
        total: wanted.count(reader, Some(COUNTED_AT_ONCE + 1))?,
    })
}

fn no_index() -> Problem {
    Problem::new(Code::Unavailable, "There is no search index on this computer yet; switch it on first.")
}

struct Wanted<'a> {
    /// As FTS5 reads them.
    words: String,
    search: &'a MailSearch,
}

impl<'a> Wanted<'a> {
    /// What has all the words; if nothing has, what has a word that begins as the last one does, which may be half
    /// typed.
    fn of(reader: &Connection, search: &'a MailSearch, words: &[String]) -> Result<Self, StoreError> {
        let whole = Self { words: quoted(words), search };
        if whole.count(reader, Some(1))? > 0 {
            return Ok(whole);
        }
        Ok(Self { words: quoted(words) + "*", search })
    }

    /// Up to so many. While the index is being made, it may be ahead of what has a place yet.
    fn count(&self, reader: &Connection, most: Option<u32>) -> Result<u32, StoreError> {
        let is_wanted = if self.search.account.is_some() || self.search.gone { self.is_wanted() } else { "" };
        let most = most.map(|most| format!("LIMIT {most}")).unwrap_or_default();
        let count =
            format!("SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ?1 {is_wanted} {most})");
        Ok(reader.prepare_cached(&count)?.query_row(params_from_iter(self.values()), |row| row.get(0))?)
    }

    /// The newest first, each where it lies now, else where it lay last.
    fn page(&self, reader: &Connection) -> Result<Vec<Row>, StoreError> {
        let (limit, offset) = (self.search.limit.clamp(1, LARGEST_PAGE), self.search.offset);
        let is_wanted = self.is_wanted();
        let mut statement = reader.prepare_cached(&format!(
            "SELECT rowid FROM words WHERE words MATCH ?1 {is_wanted}
             ORDER BY rowid DESC LIMIT {limit} OFFSET {offset}"
        ))?;
        let found = statement.query_map(params_from_iter(self.values()), |row| row.get(0))?;
        let found: Vec<i64> = found.collect::<rusqlite::Result<_>>()?;
        let mut place = reader.prepare_cached(
            "SELECT place.path, place.account, place.received_at, place.since, place.until, content.sender,
                content.subject
             FROM place JOIN content ON content.id = place.content
             WHERE place.content = ?1 AND (?2 IS NULL OR place.account = ?2)
             ORDER BY place.until IS NULL DESC, place.until DESC LIMIT 1",
        )?;
        let account = self.search.account.as_ref().map(|account| &account.0);
        found.into_iter().map(|id| Ok(place.query_row(params![id, account], Row::read)?)).collect()
    }

    fn is_wanted(&self) -> &'static str {
        match (&self.search.account, self.search.gone) {
            (None, false) => "AND EXISTS (SELECT 1 FROM place WHERE content = words.rowid)",
            (None, true) => {
                "AND EXISTS (SELECT 1 FROM place WHERE content = words.rowid)
                 AND NOT EXISTS (SELECT 1 FROM place WHERE content = words.rowid AND until IS NULL)"
            }
            (Some(_), false) => {
                "AND EXISTS (SELECT 1 FROM place WHERE content = words.rowid AND account = ?2)"
            }
            (Some(_), true) => {
                "AND EXISTS (SELECT 1 FROM place WHERE content = words.rowid AND account = ?2)
                 AND NOT EXISTS (
                     SELECT 1 FROM place WHERE content = words.rowid AND account = ?2 AND until IS NULL)"
            }
        }
    }

    fn values(&self) -> impl Iterator<Item = &str> {
        let account = self.search.account.as_ref().map(|account| account.0.as_str());
        iter::once(self.words.as_str()).chain(account)
    }
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            path: row.get(0)?,
            account: row.get(1)?,
            received_at: row.get(2)?,
            since: row.get(3)?,
            until: row.get(4)?,
            sender: row.get(5)?,
            subject: row.get(6)?,
        })
    }
}

/// Words in lower case, without signs, as the index cuts them.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|char| !belongs_to_word(char)).filter(|word| !word.is_empty());
    parts.take(MOST_WORDS).map(str::to_lowercase).collect()
}

fn belongs_to_word(char: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number};
    matches!(char.general_category_group(), Letter | Mark | Number)
        || char.general_category() == GeneralCategory::PrivateUse
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ")
}
