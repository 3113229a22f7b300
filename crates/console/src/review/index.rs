//! The full-text index over the mail in all snapshots: FTS5 without a copy of the texts, encrypted as the local copy is.

mod search;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use mailcup_snapshots::{Change, Difference, Entry, Id, Snapshot, Watch};
use mailcup_wire::{Bytes, Code, Problem, SnapshotId};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};

use super::{
    Review, count,
    layout::{self, MessagePlace, below_mail},
    lock,
    message::{self, Words},
    wire_id,
};
use crate::{
    key::StoreKey,
    store::{StoreError, connect},
};

const SCHEMA: &str = include_str!("index.sql");
const VERSION: u32 = 1;
/// Messages that are taken in before it is written down.
const BATCH: usize = 2_000;
const TOLD_EACH: u32 = 250;
/// Connections that are kept open: a search, its count, and what is read beside them.
const KEPT_READERS: usize = 4;
/// Numbers of contents for each second in which one may have been received.
const NUMBERS_PER_SECOND: i64 = 1 << 6;

/// The index of one service's mail. Clones share it. There is none until it is begun.
#[derive(Clone)]
pub struct MailIndex {
    path: Arc<PathBuf>,
    key: Arc<StoreKey>,
    readers: Arc<Mutex<Readers>>,
}

/// Open connections that nobody uses right now: one waits for no other's question.
#[derive(Default)]
struct Readers {
    idle: Vec<Connection>,
    /// How often all were closed; one that was in use then isn't kept.
    closed: u64,
}

/// What the index knows of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedHead {
    pub from: String,
    pub subject: String,
    pub message_id: Option<String>,
    pub parent: Option<String>,
}

/// How far it is: messages read so far, and of how many.
pub type Indexing<'a> = &'a (dyn Fn(u32, u32) + Sync);

/// How the index stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    pub messages: u32,
    pub bytes: Bytes,
    pub snapshots: Vec<SnapshotId>,
}

impl MailIndex {
    pub fn new(path: PathBuf, key: StoreKey) -> Self {
        Self { path: Arc::new(path), key: Arc::new(key), readers: Arc::default() }
    }

    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    pub fn standing(&self) -> Result<Option<Indexed>, Problem> {
        let bytes = Bytes(fs::metadata(self.path.as_path()).map_or(0, |found| found.len()));
        self.read(|reader| {
            let messages = reader.query_row("SELECT count(*) FROM content", [], |row| row.get(0))?;
            let mut statement = reader.prepare_cached("SELECT snapshot FROM indexed")?;
            let snapshots = statement.query_map([], |row| Ok(SnapshotId(row.get(0)?)))?;
            Ok(Indexed { messages, bytes, snapshots: snapshots.collect::<rusqlite::Result<_>>()? })
        })
    }

    /// What is known of messages, by their contents; none unless all are known.
    pub fn heads(&self, contents: impl Iterator<Item = Id>) -> Result<Option<Vec<IndexedHead>>, Problem> {
        let found = self.read(|reader| {
            let mut statement = reader
                .prepare_cached("SELECT sender, subject, message_id, parent FROM content WHERE hash = ?1")?;
            let mut heads = Vec::new();
            for content in contents {
                let head = statement.query_row([content.0.as_slice()], |row| {
                    Ok(IndexedHead {
                        from: row.get(0)?,
                        subject: row.get(1)?,
                        message_id: row.get(2)?,
                        parent: row.get(3)?,
                    })
                });
                match head.optional()? {
                    Some(head) => heads.push(head),
                    None => return Ok(None),
                }
            }
            Ok(Some(heads))
        })?;
        Ok(found.flatten())
    }

    /// Closes it, so that its key is gone from memory: at once, or when what is asked right now is answered.
    pub fn close(&self) {
        let mut readers = lock(&self.readers);
        readers.idle.clear();
        readers.closed += 1;
    }

    pub fn forget(&self) -> Result<(), Problem> {
        let removed = self.remove();
        // Whoever opened it meanwhile holds what is gone.
        self.close();
        removed
    }

    fn remove(&self) -> Result<(), Problem> {
        self.close();
        for side in ["", "-wal", "-shm"] {
            let path = PathBuf::from(format!("{}{side}", self.path.display()));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Problem::new(Code::Internal, format!("{}: {error}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// None where there is no index.
    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<Option<T>, Problem> {
        if !self.is_there() {
            return Ok(None);
        }
        let (idle, closed) = {
            let mut readers = lock(&self.readers);
            (readers.idle.pop(), readers.closed)
        };
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.path, &self.key, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let version: u32 =
            reader.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(StoreError::from)?;
        // It is being made this very moment.
        if version == 0 {
            return Ok(None);
        }
        let answer = query(&reader)?;
        let mut readers = lock(&self.readers);
        if readers.closed == closed && readers.idle.len() < KEPT_READERS {
            readers.idle.push(reader);
        }
        Ok(Some(answer))
    }

    fn writer(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut writer = connect(&self.path, &self.key, flags)?;
        writer.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64000;",
        )?;
        let found: u32 = writer.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found == 0 {
            let change = writer.transaction()?;
            change.execute_batch(SCHEMA)?;
            change.commit()?;
        } else if found > VERSION {
            return Err(StoreError::Newer { found, known: VERSION });
        }
        Ok(writer)
    }
}

impl Review {
    /// Takes the snapshots in that the index doesn't know yet, oldest first. Cancelled or killed halfway, it goes on
    /// from there the next time.
    pub fn index_mail(&self, tell: Indexing<'_>, watch: &dyn Watch) -> Result<(), Problem> {
        let mut writer = self.index.writer()?;
        let all = self.all_snapshots()?;
        let mut last = forget_gone(&mut writer, &all)?;
        let mut progress = (0, 0);
        let newer = |snapshot: &&Snapshot| last.as_ref().is_none_or(|last| at(snapshot) > at(last));
        for snapshot in all.iter().filter(newer).cloned().collect::<Vec<_>>() {
            let changes = self.changes(&writer, last.as_ref(), &snapshot, watch)?;
            progress.1 = progress.0 + count(changes.opened.len());
            self.take_contents(&mut writer, &changes.opened, &mut progress, tell, watch)?;
            changes.write(&mut writer, &snapshot)?;
            last = Some(snapshot);
        }
        Ok(())
    }

    /// What came and went between the snapshot that was indexed last and this one.
    fn changes(
        &self,
        writer: &Connection,
        last: Option<&Snapshot>,
        snapshot: &Snapshot,
        watch: &dyn Watch,
    ) -> Result<Changes, Problem> {
        let mut changes = Changes::default();
        if let Some(last) = last {
            for found in self.repository.diff(last, snapshot, watch).map_err(|error| self.told(error))? {
                changes.add(found);
            }
            return Ok(changes);
        }
        for found in self.repository.files(snapshot, watch).map_err(|error| self.told(error))? {
            changes.add(found);
        }
        // The one that was indexed last may be gone, with what only it told.
        let mut statement =
            writer.prepare("SELECT path FROM place WHERE until IS NULL").map_err(StoreError::from)?;
        let known = statement.query_map([], |row| row.get(0)).map_err(StoreError::from)?;
        changes.closed = known.collect::<rusqlite::Result<_>>().map_err(StoreError::from)?;
        Ok(changes)
    }

    fn take_contents(
        &self,
        writer: &mut Connection,
        opened: &[Opened],
        progress: &mut (u32, u32),
        tell: Indexing<'_>,
        watch: &dyn Watch,
    ) -> Result<(), Problem> {
        // In the order of their numbers: the words of one that goes before the last are written on their own.
        let mut opened: Vec<_> = opened.iter().map(|it| (received_at(it), it)).collect();
        opened.sort_by_key(|(received_at, _)| *received_at);
        for batch in opened.chunks(BATCH) {
            let change = writer.transaction().map_err(StoreError::from)?;
            let mut cancelled = false;
            for (received_at, message) in batch {
                cancelled = watch.cancelled();
                if cancelled {
                    break;
                }
                self.take_content(&change, message, *received_at)?;
                progress.0 += 1;
                if progress.0.is_multiple_of(TOLD_EACH) {
                    tell(progress.0, progress.1);
                }
            }
            change.commit().map_err(StoreError::from)?;
            if cancelled {
                return Err(Problem::new(Code::Unavailable, "Cancelled; what was indexed so far stays."));
            }
            tell(progress.0, progress.1);
        }
        Ok(())
    }

    fn take_content(
        &self,
        change: &Transaction<'_>,
        message: &Opened,
        received_at: i64,
    ) -> Result<(), Problem> {
        if knows(change, &message.entry)? {
            return Ok(());
        }
        match self.start_of(&message.entry, message::SHOWN_BYTES) {
            Ok(source) => insert(change, &message.entry, received_at, &message::words(&source))?,
            // Left out of the mirror, or damaged: it is found by nobody, and the others are.
            Err(problem) => {
                tracing::debug!(code = problem.code.as_str(), "a message can't be indexed");
            }
        }
        Ok(())
    }
}

/// What becomes of places with one snapshot.
#[derive(Default)]
struct Changes {
    closed: Vec<String>,
    opened: Vec<Opened>,
}

struct Opened {
    path: PathBuf,
    place: MessagePlace,
    entry: Entry,
}

impl Changes {
    fn add(&mut self, found: Difference) {
        let close = |closed: &mut Vec<String>, path: &Path| {
            if layout::message_at(path).is_some() {
                closed.push(below_mail(path));
            }
        };
        match &found.change {
            Change::Added => {}
            Change::Moved { from } => close(&mut self.closed, from),
            Change::Removed => return close(&mut self.closed, &found.path),
            Change::Changed => close(&mut self.closed, &found.path),
        }
        if let Some(place) = layout::message_at(&found.path) {
            self.opened.push(Opened { path: found.path, place, entry: found.entry });
        }
    }

    fn write(&self, writer: &mut Connection, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (now, change) = (at(snapshot), writer.transaction()?);
        {
            let mut close =
                change.prepare_cached("UPDATE place SET until = ?2 WHERE path = ?1 AND until IS NULL")?;
            for path in &self.closed {
                close.execute(params![path, now])?;
            }
            let mut open = change.prepare_cached(
                "INSERT INTO place (content, path, account, received_at, since)
                 SELECT id, ?2, ?3, ?4, ?5 FROM content WHERE hash = ?1",
            )?;
            for opened in &self.opened {
                let (hash, path) = (opened.entry.content().0, below_mail(&opened.path));
                let (account, received_at) = (&opened.place.account.0, received_at(opened));
                open.execute(params![hash.as_slice(), path, account, received_at, now])?;
            }
            change.execute(
                "INSERT INTO indexed (snapshot, at) VALUES (?1, ?2)",
                params![wire_id(snapshot).0, now],
            )?;
        }
        rejoin(&change, now)?;
        Ok(change.commit()?)
    }
}

/// What was closed and opened alike by this snapshot never went.
fn rejoin(change: &Transaction<'_>, now: i64) -> Result<(), StoreError> {
    change.execute(
        "UPDATE place SET since = old.since FROM place AS old
         WHERE place.since = ?1 AND place.until IS NULL AND old.until = ?1 AND old.path = place.path
           AND old.content = place.content",
        [now],
    )?;
    change.execute(
        "DELETE FROM place WHERE until = ?1 AND EXISTS (
             SELECT 1 FROM place AS new WHERE new.path = place.path AND new.content = place.content
                AND new.until IS NULL AND new.since = place.since)",
        [now],
    )?;
    Ok(())
}

fn knows(change: &Transaction<'_>, entry: &Entry) -> Result<bool, StoreError> {
    let mut statement = change.prepare_cached("SELECT 1 FROM content WHERE hash = ?1")?;
    Ok(statement.exists([entry.content().0.as_slice()])?)
}

fn insert(
    change: &Transaction<'_>,
    entry: &Entry,
    received_at: i64,
    words: &Words,
) -> Result<(), StoreError> {
    let head = &words.head;
    let id = free_number(change, received_at)?;
    change
        .prepare_cached(
            "INSERT INTO content (id, hash, sender, subject, message_id, parent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            entry.content().0.as_slice(),
            head.from,
            head.subject,
            head.message_id,
            head.parent
        ])?;
    let text = format!("{}\n{}\n{}", head.subject, words.people, words.text);
    change.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?.execute(params![id, text])?;
    Ok(())
}

/// A number for a content: a later one for what was received later, to the second where there are few of it.
fn free_number(change: &Transaction<'_>, received_at: i64) -> Result<i64, StoreError> {
    let mut taken = change.prepare_cached("SELECT 1 FROM content WHERE id = ?1")?;
    let first = (received_at.div_euclid(1000) * NUMBERS_PER_SECOND).max(1);
    let (mut number, mut step) = (first, 1);
    while taken.exists([number])? {
        number += step;
        step *= 2;
    }
    Ok(number)
}

/// In milliseconds.
fn received_at(opened: &Opened) -> i64 {
    layout::received_at(&opened.place.name, &opened.entry).as_millis()
}

/// Takes out what no snapshot holds any longer. Returns the one that was indexed last, if it is still there.
fn forget_gone(writer: &mut Connection, all: &[Snapshot]) -> Result<Option<Snapshot>, StoreError> {
    let change = writer.transaction()?;
    let newest: Option<String> = change
        .query_row("SELECT snapshot FROM indexed ORDER BY at DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    let known: Vec<String> = {
        let mut statement = change.prepare("SELECT snapshot FROM indexed")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    let here: std::collections::BTreeSet<String> = all.iter().map(|snapshot| wire_id(snapshot).0).collect();
    let gone: Vec<_> = known.iter().filter(|known| !here.contains(*known)).collect();
    for snapshot in &gone {
        change.execute("DELETE FROM indexed WHERE snapshot = ?1", [snapshot])?;
    }
    if !gone.is_empty() {
        change.execute_batch(
            "DELETE FROM place WHERE until IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM indexed WHERE at >= place.since AND at < place.until);
             CREATE TEMP TABLE lost AS
                 SELECT id FROM content WHERE NOT EXISTS (SELECT 1 FROM place WHERE place.content = content.id);
             DELETE FROM words WHERE rowid IN (SELECT id FROM lost);
             DELETE FROM content WHERE id IN (SELECT id FROM lost);
             DROP TABLE lost;",
        )?;
    }
    change.commit()?;
    Ok(all.iter().find(|snapshot| Some(wire_id(snapshot).0) == newest).cloned())
}

/// In milliseconds, as places are bounded by it.
fn at(snapshot: &Snapshot) -> i64 {
    snapshot.time.as_millisecond()
}
