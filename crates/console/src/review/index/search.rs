//! Finding messages by their words.

use std::iter;

use mailcup_snapshots::Snapshot;
use mailcup_wire::{
    Code, Login, Problem, Time,
    desktop::{MailHit, MailHits, MailSearch, MessageRequest},
};
use rusqlite::{Connection, params, params_from_iter};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use super::{super::layout, Review, StoreError, at, message};
use crate::review::{index::wire_id, layout::MAIL};

const LARGEST_PAGE: u32 = 200;
const MOST_WORDS: usize = 16;
/// So much of a message is read for the words around what was found.
const EXCERPT_BYTES: usize = 256 << 10;

struct Row {
    path: String,
    account: String,
    received_at: i64,
    until: Option<i64>,
    sender: String,
    subject: String,
}

impl Review {
    pub fn search_mail(&self, search: &MailSearch) -> Result<MailHits, Problem> {
        let words: Vec<String> = words(&search.text);
        if words.is_empty() {
            return Ok(MailHits { hits: Vec::new(), total: 0 });
        }
        let found = self.index.read(|reader| find(reader, search, &words))?;
        let (rows, total) = found.ok_or_else(|| {
            Problem::new(
                Code::Unavailable,
                "There is no search index on this computer yet; switch it on first.",
            )
        })?;
        let all = self.all_snapshots()?;
        let hits = rows.into_iter().filter_map(|row| self.hit(row, &all, &words));
        Ok(MailHits { hits: hits.collect(), total })
    }

    /// None if the last snapshot that held it went a moment ago.
    fn hit(&self, row: Row, all: &[Snapshot], words: &[String]) -> Option<MailHit> {
        let holds = |snapshot: &&Snapshot| row.until.is_none_or(|until| at(snapshot) < until);
        // What isn't gone lies in the newest that is indexed, and a newer one isn't yet.
        let (snapshot, entry) = all.iter().rev().filter(holds).find_map(|snapshot| {
            let request = MessageRequest { snapshot: wire_id(snapshot), path: row.path.clone() };
            Some((snapshot, self.message_entry(&request).ok()?.0))
        })?;
        let text = self.start_of(&entry, EXCERPT_BYTES);
        let excerpt =
            text.map(|text| message::excerpt(&message::words(&text).text, words)).unwrap_or_default();
        let place = layout::message_at(&std::path::Path::new(MAIL).join(&row.path));
        Some(MailHit {
            snapshot: wire_id(snapshot),
            snapshot_at: Time(snapshot.time),
            path: row.path,
            account: Login(row.account),
            folder: place.map(|place| place.folder).unwrap_or_default(),
            received_at: Time::from_millis(row.received_at),
            from: row.sender,
            subject: row.subject,
            excerpt,
            gone_at: row.until.map(Time::from_millis),
        })
    }
}

/// What has all the words; if nothing has, what has a word that begins as the last one does, which may be half typed.
fn find(reader: &Connection, search: &MailSearch, words: &[String]) -> Result<(Vec<Row>, u32), StoreError> {
    let whole = Wanted { words: quoted(words), search };
    let total = whole.count(reader)?;
    if total > 0 {
        return Ok((whole.page(reader)?, total));
    }
    let begun = Wanted { words: quoted(words) + "*", search };
    let total = begun.count(reader)?;
    Ok((begun.page(reader)?, total))
}

struct Wanted<'a> {
    /// As FTS5 reads them.
    words: String,
    search: &'a MailSearch,
}

impl Wanted<'_> {
    /// While the index is being made, it may be ahead of what has a place yet.
    fn count(&self, reader: &Connection) -> Result<u32, StoreError> {
        let is_wanted = if self.search.account.is_some() || self.search.gone { self.is_wanted() } else { "" };
        let count = format!("SELECT count(*) FROM words WHERE words MATCH ?1 {is_wanted}");
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
            "SELECT place.path, place.account, place.received_at, place.until, content.sender, content.subject
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
            until: row.get(3)?,
            sender: row.get(4)?,
            subject: row.get(5)?,
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
