//! Finding messages by their words.

use mailcup_snapshots::Snapshot;
use mailcup_wire::{
    Code, Login, Problem, SnapshotId, Time,
    desktop::{MailHit, MailHits, MailSearch, MessageRequest},
};
use rusqlite::{Connection, ToSql, params_from_iter};

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
        let snapshot = all.iter().rev().filter(holds).find(|snapshot| {
            let request = MessageRequest { snapshot: wire_id(snapshot), path: row.path.clone() };
            self.message_entry(&request).is_ok()
        })?;
        let id: SnapshotId = wire_id(snapshot);
        let request = MessageRequest { snapshot: id.clone(), path: row.path.clone() };
        let text = self.message_entry(&request).and_then(|(entry, _)| self.start_of(&entry, EXCERPT_BYTES));
        let excerpt =
            text.map(|text| message::excerpt(&message::words(&text).text, words)).unwrap_or_default();
        let place = layout::message_at(&std::path::Path::new(MAIL).join(&row.path));
        Some(MailHit {
            snapshot: id,
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

/// Of each content the place that it has now, else the one that it had last.
fn find(reader: &Connection, search: &MailSearch, words: &[String]) -> Result<(Vec<Row>, u32), StoreError> {
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(matching(words))];
    let mut condition = "words MATCH ?1".to_owned();
    if let Some(account) = &search.account {
        condition.push_str(" AND place.account = ?2");
        values.push(Box::new(account.0.clone()));
    }
    let having = if search.gone { "HAVING max(place.until IS NULL) = 0" } else { "" };
    let grouped = format!(
        "SELECT place.content, place.path, place.account, place.received_at, place.until,
             max(coalesce(place.until, 9223372036854775807)) AS held
         FROM words JOIN place ON place.content = words.rowid WHERE {condition} GROUP BY place.content {having}"
    );
    let total = reader
        .prepare_cached(&format!("SELECT count(*) FROM ({grouped})"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let (limit, offset) = (search.limit.clamp(1, LARGEST_PAGE), search.offset);
    let mut statement = reader.prepare_cached(&format!(
        "SELECT found.path, found.account, found.received_at, found.until, content.sender, content.subject
         FROM ({grouped} ORDER BY place.received_at DESC LIMIT {limit} OFFSET {offset}) AS found
             JOIN content ON content.id = found.content ORDER BY found.received_at DESC"
    ))?;
    let rows = statement.query_map(params_from_iter(&values), |row| {
        Ok(Row {
            path: row.get(0)?,
            account: row.get(1)?,
            received_at: row.get(2)?,
            until: row.get(3)?,
            sender: row.get(4)?,
            subject: row.get(5)?,
        })
    })?;
    Ok((rows.collect::<rusqlite::Result<_>>()?, total))
}

/// Words in lower case, without signs.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.take(MOST_WORDS).map(str::to_lowercase).collect()
}

/// All words, the last of them perhaps only begun.
fn matching(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(" ") + "*"
}
