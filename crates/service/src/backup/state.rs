//! The reviewable form of the state: sorted JSON, one file for each record, and events by days.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use futures_util::TryStreamExt as _;
use mailcup_wire::{AlertState, Time};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::SqlitePool;

use super::{
    BackupError,
    manifest::{self, STATE, StatePart},
};
use crate::store::{accounts, admins, alerts, blocks, events, policy, settings};

const PAGE: u32 = 500;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// Files below `state/` in the staging folder, with their digests.
#[derive(Debug)]
pub struct Records {
    staging: PathBuf,
    /// By path below `state/`.
    digests: BTreeMap<String, String>,
}

impl Records {
    pub fn new(staging: &Path) -> Self {
        Self { staging: staging.to_owned(), digests: BTreeMap::new() }
    }

    /// Writes one record.
    pub fn put(&mut self, path: &str, record: &impl Serialize) -> Result<(), BackupError> {
        let text = sorted_json(record).map_err(|error| BackupError::io(Path::new(path), error.into()))?;
        let on_disk = self.staging.join(path);
        create_parent(&on_disk)?;
        fs::write(&on_disk, &text).map_err(|error| BackupError::io(&on_disk, error))?;
        self.note(path, Sha256::digest(&text).as_slice());
        Ok(())
    }

    /// Of all files; see [`StatePart::sha256`].
    pub fn digest(&self) -> String {
        let mut all = Sha256::new();
        for (path, digest) in &self.digests {
            all.update(format!("{digest}  {path}\n"));
        }
        hex(&all.finalize())
    }

    fn note(&mut self, path: &str, digest: &[u8]) {
        let below = path.strip_prefix(STATE).and_then(|path| path.strip_prefix('/')).unwrap_or(path);
        self.digests.insert(below.to_owned(), hex(digest));
    }
}

/// Writes all that the copy of the database holds of what a person may want to look up. `stopped` is asked between
/// records.
pub async fn write(
    copy: &SqlitePool,
    at: Time,
    records: &mut Records,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<StatePart, BackupError> {
    let mut part = StatePart::default();
    let mut after = String::new();
    loop {
        let page = accounts::list(copy, "", &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.login.0);
        for account in &page {
            go_on(stopped)?;
            records.put(&manifest::record_path("accounts", &account.login.0), account)?;
            part.accounts += 1;
        }
    }
    let mut connection = copy.acquire().await.map_err(crate::store::StoreError::from)?;
    if let Some(organization) = settings::organization(&mut connection).await? {
        records.put(&format!("{STATE}/organization.json"), &organization)?;
    }
    let state = policy::load(&mut connection).await?;
    for rule in &state.rules {
        records.put(&manifest::record_path("access-rules", &rule.id.0), rule)?;
    }
    for limit in &state.limits {
        records.put(&manifest::record_path("sending-limits", &limit.id.0), limit)?;
    }
    for known in &state.known_networks {
        let scope = serde_json::to_string(&known.scope).unwrap_or_default();
        records.put(&manifest::record_path("known-networks", &scope), known)?;
    }
    // Without what is beside it in the row: the hash of the password.
    let admins = admins::all(&mut connection).await?;
    for row in &admins {
        records.put(&manifest::record_path("admins", &row.admin.login.0), &row.admin)?;
    }
    let blocks = blocks::active(&mut connection, at).await?;
    for block in &blocks {
        records.put(&manifest::record_path("blocks", &block.id.0), block)?;
    }
    drop(connection);
    part.access_rules = state.rules.len() as u64;
    part.sending_limits = state.limits.len() as u64;
    part.known_networks = state.known_networks.len() as u64;
    part.admins = admins.len() as u64;
    part.blocks = blocks.len() as u64;
    part.alerts = write_alerts(copy, records, stopped).await?;
    part.events = write_events(copy, records, stopped).await?;
    Ok(part)
}

async fn write_alerts(
    copy: &SqlitePool,
    records: &mut Records,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<u64, BackupError> {
    const ALL: [AlertState; 3] = [AlertState::Open, AlertState::Acknowledged, AlertState::Resolved];
    let mut count = 0;
    let mut before = None;
    loop {
        let page = alerts::list(copy, &ALL, before, PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        before = Some((last.last_at, last.id.clone()));
        for alert in &page {
            go_on(stopped)?;
            records.put(&manifest::record_path("alerts", &alert.id.0), alert)?;
            count += 1;
        }
    }
}

/// `state/events/2026-11-28.jsonl`: the events of a day (UTC), one a line, by time and number.
async fn write_events(
    copy: &SqlitePool,
    records: &mut Records,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<u64, BackupError> {
    let mut count = 0;
    let mut from = i64::MIN;
    while let Some(first) = events::next_after(copy, Time::from_millis(from)).await? {
        go_on(stopped)?;
        let day = first.as_millis().div_euclid(MILLIS_PER_DAY) * MILLIS_PER_DAY;
        from = day + MILLIS_PER_DAY;
        let date = first.0.strftime("%Y-%m-%d");
        let path = format!("{STATE}/events/{date}.jsonl");
        let on_disk = records.staging.join(&path);
        create_parent(&on_disk)?;
        let failed = |error| BackupError::io(&on_disk, error);
        let mut file = Hashing::new(BufWriter::new(File::create(&on_disk).map_err(failed)?));
        let mut rows = events::between(copy, Time::from_millis(day), Time::from_millis(from));
        while let Some(row) = rows.try_next().await? {
            if count % u64::from(PAGE) == 0 {
                go_on(stopped)?;
            }
            writeln!(file, "{{\"seq\":{},\"at\":\"{}\",\"body\":{}}}", row.seq, row.at, row.body)
                .map_err(failed)?;
            count += 1;
        }
        file.flush().map_err(failed)?;
        records.note(&path, &file.digest());
    }
    Ok(count)
}

pub fn hex(digest: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest)
}

/// Pretty, its keys in order, so that two of them compare line by line.
pub fn sorted_json(record: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut value = serde_json::to_value(record)?;
    value.sort_all_objects();
    let mut text = serde_json::to_vec_pretty(&value)?;
    text.push(b'\n');
    Ok(text)
}

pub fn create_parent(path: &Path) -> Result<(), BackupError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| BackupError::io(parent, error))
}

fn go_on(stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), BackupError> {
    if stopped() { Err(BackupError::Repository(mailcup_snapshots::Error::Cancelled)) } else { Ok(()) }
}

/// Writes, and hashes what it wrote.
pub struct Hashing<W> {
    file: W,
    hash: Sha256,
}

impl<W> Hashing<W> {
    pub fn new(file: W) -> Self {
        Self { file, hash: Sha256::new() }
    }

    /// SHA-256 of all that was written.
    pub fn digest(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
