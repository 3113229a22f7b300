//! Snapshots, reviewed from this computer's mirror: without a network, and without a byte of them leaving it.
//! All of it blocks.

mod authentication;
mod compare;
mod export;
mod history;
#[cfg(test)]
mod hostile;
mod html;
mod index;
mod layout;
mod mailbox;
pub mod message;
mod mime;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mailcup_snapshots::{Entry, Error, Fault, Repository, Snapshot, Wrong};
use mailcup_wire::{
    BackupFault, Bytes, Code, Problem, SnapshotId, Time,
    desktop::{SnapshotCounts, SnapshotList, SnapshotRow},
};
use serde::Deserialize;

use self::{compare::Compared, layout::MANIFEST, message::Head};
pub use self::{
    export::{export_mail, export_state},
    index::MailIndex,
    layout::{mail_path, maildir_of, message_at},
    state::changes,
};

/// A manifest is a page of JSON at most.
const LARGEST_MANIFEST: usize = 4 << 20;
/// Heads of messages that are kept, so that a list scrolls back at once.
const KEPT_HEADS: usize = 20_000;

/// What can be asked of the snapshots in a repository. Clones share what was read.
#[derive(Clone)]
pub struct Review {
    repository: Arc<Repository>,
    index: MailIndex,
    all: Shared<Option<Arc<Vec<Snapshot>>>>,
    counts: Shared<BTreeMap<SnapshotId, Option<SnapshotCounts>>>,
    heads: Shared<BTreeMap<mailcup_snapshots::Id, Head>>,
    compared: Shared<Option<Arc<Compared>>>,
    /// Files of the repository that were found damaged.
    damaged: Shared<BTreeSet<Fault>>,
}

type Shared<T> = Arc<Mutex<T>>;

impl Review {
    pub fn new(repository: Arc<Repository>, index: MailIndex) -> Self {
        Self {
            repository,
            index,
            all: Shared::default(),
            counts: Shared::default(),
            heads: Shared::default(),
            compared: Shared::default(),
            damaged: Shared::default(),
        }
    }

    pub fn index(&self) -> &MailIndex {
        &self.index
    }

    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    /// Files came to the mirror, or went.
    pub fn refresh(&self) {
        self.repository.refresh();
        *lock(&self.all) = None;
        // What couldn't be counted may be there now.
        lock(&self.counts).retain(|_, counts| counts.is_some());
        *lock(&self.compared) = None;
    }

    /// What was found damaged since this was asked last.
    pub fn take_damaged(&self) -> BTreeSet<Fault> {
        std::mem::take(&mut lock(&self.damaged))
    }

    pub fn snapshots(&self) -> Result<SnapshotList, Problem> {
        let listing = self.repository.snapshots().map_err(|error| self.told(error))?;
        let rows = listing.snapshots.iter().rev().map(|snapshot| {
            let summary = snapshot.summary.unwrap_or_default();
            SnapshotRow {
                id: wire_id(snapshot),
                at: Time(snapshot.time),
                host: snapshot.host.clone(),
                bytes: Bytes(summary.bytes),
                stored: Bytes(summary.bytes_stored),
                files: count(summary.files),
                files_new: count(summary.files_new),
                files_changed: count(summary.files_changed),
                counts: self.counts_of(snapshot),
            }
        });
        let snapshots = rows.collect();
        let mut faults = listing.damaged;
        // What they named was made up for from the packs, as far as it is here.
        faults.extend(self.repository.index_faults().map_err(|error| self.told(error))?);
        lock(&self.damaged).extend(faults.iter().cloned());
        Ok(SnapshotList { snapshots, damaged: faults.iter().map(fault).collect() })
    }

    /// Notes what is damaged, so that it is fetched again.
    fn told(&self, error: Error) -> Problem {
        if let Error::Damaged(fault) = &error
            && fault.wrong != Wrong::Missing
        {
            lock(&self.damaged).insert(fault.clone());
        }
        problem(error)
    }

    fn counts_of(&self, snapshot: &Snapshot) -> Option<SnapshotCounts> {
        let id = wire_id(snapshot);
        if let Some(known) = lock(&self.counts).get(&id) {
            return known.clone();
        }
        let counts = self.read_manifest(snapshot).map(Into::into);
        lock(&self.counts).insert(id, counts.clone());
        counts
    }

    fn read_manifest(&self, snapshot: &Snapshot) -> Option<Manifest> {
        let entry = self.repository.entry(snapshot, Path::new(MANIFEST)).ok()?;
        let text = self.repository.read_at(&entry, 0, LARGEST_MANIFEST).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn snapshot(&self, id: &SnapshotId) -> Result<Snapshot, Problem> {
        let unknown = || Problem::new(Code::NotFound, "There is no such snapshot in this computer's copy.");
        if let Some(known) = lock(&self.all).iter().flat_map(|all| all.iter()).find(|it| wire_id(it) == *id) {
            return Ok(known.clone());
        }
        let id = id.0.parse().map_err(|_| unknown())?;
        self.repository.snapshot(id).map_err(|error| match error {
            Error::Io { ref source, .. } | Error::Away { ref source, .. }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                unknown()
            }
            error => self.told(error),
        })
    }

    /// All that can be read, oldest first; remembered until files come or go.
    fn all_snapshots(&self) -> Result<Arc<Vec<Snapshot>>, Problem> {
        if let Some(known) = lock(&self.all).as_ref() {
            return Ok(Arc::clone(known));
        }
        let listing = self.repository.snapshots().map_err(|error| self.told(error))?;
        let all = Arc::new(listing.snapshots);
        *lock(&self.all) = Some(Arc::clone(&all));
        Ok(all)
    }

    /// The beginning of a file.
    fn start_of(&self, entry: &Entry, bytes: usize) -> Result<Vec<u8>, Problem> {
        self.repository.read_at(entry, 0, bytes).map_err(|error| self.told(error))
    }

    /// The head of a message, from what is remembered, else from its beginning.
    fn head(&self, entry: &Entry) -> Result<Head, Problem> {
        let content = entry.content();
        if let Some(known) = lock(&self.heads).get(&content) {
            return Ok(known.clone());
        }
        let head = message::head(&self.start_of(entry, message::HEAD_BYTES)?);
        let mut heads = lock(&self.heads);
        while heads.len() >= KEPT_HEADS {
            heads.pop_first();
        }
        heads.insert(content, head.clone());
        Ok(head)
    }
}

/// What the console reads of `manifest.json`; more stands in it.
#[derive(Deserialize)]
struct Manifest {
    version: String,
    organization: Option<String>,
    state: ManifestState,
    mail: Option<ManifestMail>,
}

#[derive(Deserialize)]
struct ManifestState {
    access_rules: u64,
    sending_limits: u64,
    admins: u64,
    blocks: u64,
    alerts: u64,
    events: u64,
}

#[derive(Deserialize)]
struct ManifestMail {
    from: Time,
    until: Time,
    accounts: u64,
    messages: u64,
    bytes: u64,
    left_out_count: u64,
}

impl From<Manifest> for SnapshotCounts {
    fn from(manifest: Manifest) -> Self {
        let mail = manifest.mail.as_ref();
        Self {
            organization: manifest.organization,
            version: manifest.version,
            accounts: count(mail.map_or(0, |mail| mail.accounts)),
            messages: count(mail.map_or(0, |mail| mail.messages)),
            mail_bytes: Bytes(mail.map_or(0, |mail| mail.bytes)),
            mail_from: mail.map(|mail| mail.from),
            mail_until: mail.map(|mail| mail.until),
            left_out: count(mail.map_or(0, |mail| mail.left_out_count)),
            rules: count(manifest.state.access_rules),
            limits: count(manifest.state.sending_limits),
            admins: count(manifest.state.admins),
            blocks: count(manifest.state.blocks),
            alerts: count(manifest.state.alerts),
            events: count(manifest.state.events),
        }
    }
}

/// What a person is told of what the repository says.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub fn problem(error: Error) -> Problem {
    let code = match &error {
        Error::NotFound { .. } | Error::NotAFolder { .. } | Error::NotAFile { .. } => Code::NotFound,
        Error::Full { .. } => Code::StorageFull,
        Error::Damaged(Fault { wrong: Wrong::Missing, .. }) => {
            return Problem::new(
                Code::Unavailable,
                "This isn't in the copy on this computer: it wasn't fetched yet, or was left out of it.",
            );
        }
        Error::Damaged(fault) => {
            return Problem::new(
                Code::Unavailable,
                format!(
                    "The copy on this computer is damaged: {fault}. It is fetched again from the service within minutes, once that is there."
                ),
            );
        }
        Error::Cancelled
        | Error::NoRepository { .. }
        | Error::AlreadyThere { .. }
        | Error::WrongPassword
        | Error::DamagedKeys { .. }
        | Error::Config { .. }
        | Error::ForeignVersion { .. }
        | Error::Locked { .. }
        | Error::Away { .. }
        | Error::Io { .. }
        | Error::ReadOnly
        | Error::Source { .. }
        | Error::Incomplete { .. }
        | Error::Foreign { .. }
        | Error::Gone { .. }
        | Error::Emptied { .. }
        | Error::Engine(_) => Code::Unavailable,
    };
    Problem::new(code, error.to_string())
}

fn fault(fault: &Fault) -> BackupFault {
    BackupFault {
        file_kind: fault.kind.to_string(),
        file: fault.id.to_string(),
        what: fault.wrong.to_string(),
    }
}

fn wire_id(snapshot: &Snapshot) -> SnapshotId {
    SnapshotId(snapshot.id.to_string())
}

fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
