//! What is filtered by of every event, in memory: one row of small numbers for each, newest last. Any filter is
//! one pass over at most a million rows, which takes milliseconds, so that no query needs an index of its own.
//! The database stays the only truth: rows are taken in after the commit that wrote them.

mod columns;
mod texts;

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    ops::ControlFlow,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use ipnet::IpNet;
use mailcup_wire::{Address, LimitId, Network, Place, ReasonCode, RuleId};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

pub use self::{
    columns::{Chunk, Row},
    texts::Texts,
};
use super::{Result, StoreError, apply::address_from, sieve::Sieve};

/// Written at once after a batch, so that the writer is soon free again.
const SEALED_AT_ONCE: usize = 8;

/// The index of an open store, read from the database by whoever needs it first.
pub struct Indexed(RwLock<State>);

enum State {
    Unread,
    Read(Box<Index>),
    Closed,
}

/// Rows that a batch adds, with the numbers that it gave out.
#[derive(Default)]
pub struct Additions {
    pub rows: Vec<Row>,
    pub logins: Vec<(i64, String)>,
    pub addresses: Vec<(i64, [u8; 16])>,
    pub explanations: Vec<(i64, Explanation)>,
    pub devices: Vec<(i64, Device)>,
    pub places: Vec<(i64, Place)>,
    /// Addresses and where they are now.
    pub placed: Vec<(i64, i64)>,
}

/// Rows between two numbers, which are outside.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    pub after: i64,
    pub before: i64,
    pub rows: u32,
}

/// The reasons of an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Explanation {
    pub codes: Vec<ReasonCode>,
    pub words: String,
    pub causes: Vec<Cause>,
}

/// A rule or limit that is a reason; with `would` it decided nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Rule { id: RuleId, would: bool },
    Limit { id: LimitId, would: bool },
}

/// What a client called itself, and the mail server that it spoke to; empty for none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Device {
    pub client: String,
    pub server: String,
}

/// Numbers of logins and so on are those of the database; 0 stands for none.
#[derive(Default)]
pub struct Index {
    chunks: VecDeque<Chunk>,
    pub logins: Texts,
    /// The number of a login's domain.
    pub domain_of: Vec<u32>,
    pub domains: Texts,
    pub addresses: Vec<Option<Address>>,
    /// The number of an address's network, /24 or /64.
    pub network_of: Vec<u32>,
    pub networks: Vec<Option<Network>>,
    /// The number of the place of an address.
    pub place_of: Vec<u32>,
    pub places: Vec<Option<Place>>,
    pub explanations: Vec<Option<Explanation>>,
    pub clients: Texts,
    pub servers: Texts,
    domain_numbers: HashMap<String, u32>,
    network_numbers: HashMap<Network, u32>,
}

impl Indexed {
    pub fn unread() -> Self {
        Self(RwLock::new(State::Unread))
    }

    /// Runs `query` over the index, which is read first where nobody did.
    pub fn with<T>(&self, reader: &Connection, query: impl FnOnce(&Index) -> Result<T>) -> Result<T> {
        loop {
            match &*self.read() {
                State::Read(index) => return query(index),
                State::Closed => return Err(StoreError::Closed),
                State::Unread => {}
            }
            let mut state = self.write();
            if matches!(*state, State::Unread) {
                *state = State::Read(Box::new(Index::load(reader)?));
            }
        }
    }

    /// Runs `query` over the index, which somebody has read before.
    pub fn look<T>(&self, query: impl FnOnce(&Index) -> T) -> Result<T> {
        match &*self.read() {
            State::Read(index) => Ok(query(index)),
            State::Closed | State::Unread => Err(StoreError::Closed),
        }
    }

    /// Changes the index after the database.
    pub fn change(&self, change: impl FnOnce(&mut Index)) {
        if let State::Read(index) = &mut *self.write() {
            change(index);
        }
    }

    /// Forgets everything; there is no way back.
    pub fn close(&self) {
        *self.write() = State::Closed;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// Where an address, by its number, is.
    pub fn place(&self, address: u32) -> Option<&Place> {
        let no = self.place_of.get(address as usize).copied().unwrap_or_default();
        self.places.get(no as usize)?.as_ref()
    }

    /// When the oldest event happened.
    pub fn earliest(&self) -> Option<i64> {
        self.chunks.iter().map(Chunk::earliest).min()
    }

    /// Pieces to walk over one after the other, so that nobody waits long for the index.
    pub fn slices(&self, from: i64, until: i64) -> Vec<Slice> {
        let touched = self.chunks.iter().filter(|chunk| chunk.touches(from, until));
        let slice = |chunk: &Chunk| Slice {
            after: chunk.first_seq().saturating_sub(1),
            before: chunk.last_seq().saturating_add(1),
            rows: u32::try_from(chunk.len()).unwrap_or(u32::MAX),
        };
        touched.map(slice).collect()
    }

    pub fn events(&self) -> u32 {
        u32::try_from(self.chunks.iter().map(Chunk::len).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The rows that pass, newest first, until told to stop; only those between the two numbers, which are
    /// outside.
    pub fn walk(&self, sieve: &Sieve, after: i64, before: i64, mut take: impl FnMut(Row) -> ControlFlow<()>) {
        for chunk in self.chunks.iter().rev() {
            if chunk.first_seq() >= before || !chunk.touches(sieve.from, sieve.until) {
                continue;
            }
            if chunk.last_seq() <= after {
                return;
            }
            for place in (chunk.place_of(after.saturating_add(1))..chunk.place_of(before)).rev() {
                let row = chunk.row(place);
                if sieve.passes(&row) && take(row).is_break() {
                    return;
                }
            }
        }
    }

    /// The number of the event at a place, counted from the newest.
    pub fn seqs_at(&self, offset: usize, limit: usize) -> Vec<i64> {
        let mut skip = offset;
        let mut seqs = Vec::with_capacity(limit);
        for chunk in self.chunks.iter().rev() {
            if skip >= chunk.len() {
                skip -= chunk.len();
                continue;
            }
            let places = (0..chunk.len() - skip).rev();
            seqs.extend(places.take(limit - seqs.len()).map(|place| chunk.row(place).seq));
            skip = 0;
            if seqs.len() == limit {
                break;
            }
        }
        seqs
    }

    /// The oldest rows that happened before `oldest`.
    pub fn older_than(&self, oldest: i64, limit: usize) -> Vec<i64> {
        let old = self.chunks.iter().filter(|chunk| chunk.touches(i64::MIN, oldest));
        let rows = old.flat_map(|chunk| (0..chunk.len()).map(|place| chunk.row(place)));
        rows.filter(|row| row.at < oldest).take(limit).map(|row| row.seq).collect()
    }

    pub fn add(&mut self, additions: Additions) {
        for (no, login) in additions.logins {
            self.add_login(no, &login);
        }
        for (no, address) in additions.addresses {
            self.add_address(no, &address);
        }
        for (no, explanation) in additions.explanations {
            put(&mut self.explanations, no, Some(explanation));
        }
        for (no, device) in additions.devices {
            self.clients.set(no, &device.client);
            self.servers.set(no, &device.server);
        }
        for (no, place) in additions.places {
            put(&mut self.places, no, Some(place));
        }
        for (address, place) in additions.placed {
            put(&mut self.place_of, address, u32::try_from(place).unwrap_or_default());
        }
        additions.rows.iter().for_each(|row| self.push(row));
    }

    /// Takes out events, which are in order.
    pub fn remove(&mut self, seqs: &[i64]) {
        let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else { return };
        for chunk in &mut self.chunks {
            if chunk.last_seq() >= *first && chunk.first_seq() <= *last {
                chunk.retain(|row| seqs.binary_search(&row.seq).is_err());
            }
        }
        self.chunks.retain(|chunk| chunk.len() > 0);
    }

    fn push(&mut self, row: &Row) {
        if self.chunks.back().is_none_or(|chunk| !chunk.takes(row)) {
            self.chunks.push_back(Chunk::new(row.seq));
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(row);
        }
    }

    fn add_login(&mut self, no: i64, login: &str) {
        self.logins.set(no, login);
        let Some((_, domain)) = login.rsplit_once('@') else { return };
        let domain = domain.to_lowercase();
        let next = u32::try_from(self.domain_numbers.len() + 1).unwrap_or(u32::MAX);
        let number = *self.domain_numbers.entry(domain.clone()).or_insert(next);
        if number == next {
            self.domains.set(i64::from(number), &domain);
        }
        put(&mut self.domain_of, no, number);
    }

    fn add_address(&mut self, no: i64, bytes: &[u8; 16]) {
        let Some(address) = address_from(bytes) else { return };
        put(&mut self.addresses, no, Some(address));
        let network = network_around(address);
        let next = u32::try_from(self.network_numbers.len() + 1).unwrap_or(u32::MAX);
        let number = *self.network_numbers.entry(network).or_insert(next);
        put(&mut self.network_of, no, number);
        put(&mut self.networks, i64::from(number), Some(network));
    }
}

impl Index {
    fn load(reader: &Connection) -> Result<Self> {
        let mut index = Self::default();
        // One moment for all that is read.
        let moment = reader.unchecked_transaction()?;
        each(&moment, "SELECT no, login FROM logins ORDER BY no", |row| {
            index.add_login(row.get(0)?, row.get_ref(1)?.as_str()?);
            Ok(())
        })?;
        each(&moment, "SELECT no, address, place FROM addresses ORDER BY no", |row| {
            let no = row.get(0)?;
            index.add_address(no, &row.get(1)?);
            if let Some(place) = row.get::<_, Option<u32>>(2)? {
                put(&mut index.place_of, no, place);
            }
            Ok(())
        })?;
        each(&moment, "SELECT no, country, asn, network FROM places ORDER BY no", |row| {
            let place = place_from(row.get(1)?, row.get(2)?, row.get(3)?);
            put(&mut index.places, row.get(0)?, Some(place));
            Ok(())
        })?;
        each(&moment, "SELECT no, client, server FROM devices ORDER BY no", |row| {
            index.clients.set(row.get(0)?, row.get_ref(1)?.as_str()?);
            index.servers.set(row.get(0)?, row.get_ref(2)?.as_str()?);
            Ok(())
        })?;
        let mut explanations = Vec::new();
        each(&moment, "SELECT no, codes, words, causes FROM explanations ORDER BY no", |row| {
            explanations.push((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, String>(3)?));
            Ok(())
        })?;
        for (no, codes, words, causes) in explanations {
            let explanation = Explanation {
                codes: serde_json::from_str(&codes)?,
                words,
                causes: serde_json::from_str(&causes)?,
            };
            put(&mut index.explanations, no, Some(explanation));
        }
        index.load_rows(&moment)?;
        Ok(index)
    }

    fn load_rows(&mut self, reader: &Connection) -> Result<()> {
        let mut last = i64::MIN;
        let mut statement =
            reader.prepare_cached("SELECT first_seq, columns FROM event_columns ORDER BY first_seq")?;
        let mut sealed = statement.query([])?;
        while let Some(row) = sealed.next()? {
            let first: i64 = row.get(0)?;
            let Some(chunk) = Chunk::unsealed(row.get_ref(1)?.as_blob().unwrap_or_default()) else {
                continue;
            };
            self.load_between(reader, last, first)?;
            last = chunk.last_seq();
            self.chunks.push_back(chunk);
        }
        self.load_between(reader, last, i64::MAX)
    }

    fn load_between(&mut self, reader: &Connection, after: i64, before: i64) -> Result<()> {
        let mut statement = reader.prepare_cached(
            "SELECT seq, at, class, login, address, explanation, device FROM events NOT INDEXED \
             WHERE seq > ?1 AND seq < ?2 ORDER BY seq",
        )?;
        let number = |row: &rusqlite::Row<'_>, column: usize| {
            row.get::<_, Option<u32>>(column).map(Option::unwrap_or_default)
        };
        let mut rows = statement.query([after, before])?;
        while let Some(row) = rows.next()? {
            self.push(&Row {
                seq: row.get(0)?,
                at: row.get(1)?,
                class: row.get(2)?,
                login: number(row, 3)?,
                address: number(row, 4)?,
                explanation: number(row, 5)?,
                device: number(row, 6)?,
            });
        }
        Ok(())
    }
}

/// Writes full chunks as they are, so that the next start reads them whole.
pub(super) fn seal(writer: &Connection, indexed: &Indexed) -> Result<()> {
    let sealed = indexed.with(writer, |index| {
        let full = index.chunks.iter().take(index.chunks.len().saturating_sub(1));
        let full = full.filter(|chunk| chunk.is_worth_sealing()).take(SEALED_AT_ONCE);
        Ok(full.map(|chunk| (chunk.first_seq(), chunk.last_seq(), chunk.sealed())).collect::<Vec<_>>())
    })?;
    for (first, last, columns) in sealed {
        writer
            .prepare_cached(
                "INSERT OR REPLACE INTO event_columns (first_seq, last_seq, columns) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![first, last, columns])?;
        indexed.change(|index| {
            if let Some(chunk) = index.chunks.iter_mut().find(|chunk| chunk.first_seq() == first) {
                chunk.is_sealed = true;
            }
        });
    }
    Ok(())
}

/// Drops sealed chunks of which events go.
pub(super) fn unseal(change: &Connection, first: i64, last: i64) -> Result<()> {
    change
        .prepare_cached("DELETE FROM event_columns WHERE last_seq >= ?1 AND first_seq <= ?2")?
        .execute([first, last])?;
    Ok(())
}

/// A place as the database has it: empty for what is not known.
fn place_from(country: String, asn: u32, network: String) -> Place {
    let some = |text: String| (!text.is_empty()).then_some(text);
    Place { country: some(country), asn: (asn > 0).then_some(asn), network: some(network) }
}

/// What groups of addresses are named by.
pub fn network_around(address: Address) -> Network {
    let prefix = match address.ip() {
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 64,
    };
    IpNet::new_assert(address.ip(), prefix).into()
}

fn put<T: Clone + Default>(list: &mut Vec<T>, no: i64, value: T) {
    let Ok(place) = usize::try_from(no) else { return };
    if list.len() <= place {
        list.resize(place + 1, T::default());
    }
    list[place] = value;
}

fn each(
    reader: &Connection,
    sql: &str,
    mut take: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> Result<()> {
    let mut statement = reader.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}
