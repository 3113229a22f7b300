//! One backup, from the copy of the database to the thinning of old snapshots.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use jiff::tz::TimeZone;
use mailcup_snapshots::{Change, Error, Label, Progress, Pruned, Repository, Skipped, Snapshot, Watch};
use tokio::runtime::Handle;

use super::{
    BackupError,
    alerts::Compared,
    keys::WrappedServerKey,
    manifest::{self, DATABASE, DatabasePart, FORMAT, Manifest, SERVER_KEY},
    open_repository,
    restore::manifest_of,
    source::{Contents, Shared},
    staging::Staging,
    state::{self, Hashing, Records},
    walk::GONE,
};
use crate::{
    clock::Clock,
    config::BackupConfig,
    secrets::ServerKey,
    store::{StoreError, copy, settings},
};

/// What snapshots of ours are called by; others in the repository are left alone.
const TAG: &str = "mailcup";

/// No backup takes longer: what isn't needed since then may go.
const GRACE: Duration = Duration::from_hours(72);

/// A backup that came to its end.
#[derive(Debug)]
pub struct Run {
    pub snapshot: Snapshot,
    pub manifest: Manifest,
    /// Messages that were deleted between being listed and being read.
    pub gone: u64,
    /// Files that couldn't be read; the snapshot lacks them.
    pub unread: Vec<Skipped>,
    /// What became of older snapshots; a failure there doesn't touch this one.
    pub thinned: Result<Thinned, Error>,
    /// None of the first, and where an earlier one can't be read.
    pub compared: Option<Compared>,
}

/// What the rules of keeping took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinned {
    pub forgotten: u64,
    pub pruned: Pruned,
}

impl Run {
    /// Whether something that was to be in the snapshot isn't.
    pub fn is_complete(&self) -> bool {
        self.unread.is_empty() && self.manifest.mail.as_ref().is_none_or(|mail| mail.left_out_count == 0)
    }
}

/// Writes a snapshot. Blocks for as long as it takes; `runtime` is for the database.
pub fn back_up(
    runtime: &Handle,
    data_dir: &Path,
    config: &BackupConfig,
    clock: &Clock,
    watch: &Arc<dyn Watch>,
) -> Result<Run, BackupError> {
    let repository = open_repository(data_dir, config)?;
    let wrapped = WrappedServerKey::read(data_dir)?;
    // One that systemd holds is seen by the service alone.
    if ServerKey::open_existing(data_dir).is_ok_and(|key| key.fingerprint() != wrapped.fingerprint) {
        return Err(BackupError::ServerKeyChanged);
    }
    let staging = Staging::begin(data_dir)?;
    let mut records = Records::new(staging.path());
    let stopped = || watch.cancelled();
    let manifest = runtime.block_on(lay_out(data_dir, staging.path(), clock, &mut records, &stopped))?;
    let path = staging.path().join(SERVER_KEY);
    state::create_parent(&path)?;
    let sealed = state::sorted_json(&wrapped).map_err(|error| BackupError::io(&path, error.into()))?;
    fs::write(&path, sealed).map_err(|error| BackupError::io(&path, error))?;

    let before = ours(&repository)?;
    let expected = before.last().and_then(|last| last.summary).map(|summary| (summary.bytes, summary.files));
    let at = manifest.database.at;
    let contents =
        Contents::new(staging.path(), config.mail.clone(), manifest, records, clock.clone(), expected);
    let shared = Arc::clone(&contents.shared);
    let label = Label { host: host(), tags: vec![TAG.to_owned()], time: at.0 };
    let watching: Arc<dyn Watch> =
        Arc::new(Watching { watch: Arc::clone(watch), shared: Arc::clone(&shared) });
    let backed = repository.backup(Arc::new(contents), &label, &watching);
    if let Some(failure) = shared.take_failure() {
        return Err(failure);
    }
    let backed = backed?;
    drop(staging);
    let manifest = shared
        .take_manifest()
        .ok_or_else(|| BackupError::io(Path::new(manifest::MANIFEST), io::ErrorKind::NotFound.into()))?;
    let (gone, unread): (Vec<_>, _) = backed.skipped.into_iter().partition(|skipped| skipped.why == GONE);
    // Before one of them is forgotten.
    let compared = compare(&repository, &before, &backed.snapshot, watch.as_ref());
    let thinned = thin(&repository, config, watch);
    Ok(Run { snapshot: backed.snapshot, manifest, gone: gone.len() as u64, unread, thinned, compared })
}

/// Whether a snapshot was written by mailcupd.
pub fn is_ours(snapshot: &Snapshot) -> bool {
    snapshot.tags.iter().any(|tag| tag == TAG)
}

/// Copies the database, and writes down what it holds.
async fn lay_out(
    data_dir: &Path,
    staging: &Path,
    clock: &Clock,
    records: &mut Records,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Manifest, BackupError> {
    let path = staging.join(DATABASE);
    state::create_parent(&path)?;
    let at = clock.now();
    copy::make(data_dir, &path).await?;
    let opened = copy::open(&path).await?;
    let mut connection = opened.acquire().await.map_err(StoreError::from)?;
    let (found, known) = (copy::schema(&mut connection).await?, copy::known_schema());
    if found != known {
        return Err(BackupError::OtherSchema { found, known });
    }
    let organization = settings::organization(&mut connection).await?.map(|it| it.name);
    drop(connection);
    let state = state::write(&opened, at, records, stopped).await?;
    opened.close().await;
    let (bytes, sha256) = digest(&path).map_err(|error| BackupError::io(&path, error))?;
    Ok(Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        organization,
        database: DatabasePart { at, schema: found, bytes, sha256 },
        state,
        mail: None,
    })
}

/// Forgets what no rule keeps, and makes room.
fn thin(repository: &Repository, config: &BackupConfig, watch: &Arc<dyn Watch>) -> Result<Thinned, Error> {
    let ours = ours(repository)?;
    let forgettable = config.keep.forgettable(&ours, &TimeZone::system());
    repository.forget(&forgettable)?;
    let pruned = repository.prune(GRACE, watch)?;
    Ok(Thinned { forgotten: forgettable.len() as u64, pruned })
}

/// Our snapshots, the newest last.
fn ours(repository: &Repository) -> Result<Vec<Snapshot>, Error> {
    let mut ours = repository.snapshots()?.snapshots;
    ours.retain(is_ours);
    Ok(ours)
}

/// What is gone since the last snapshot, and how much snapshots store.
fn compare(
    repository: &Repository,
    before: &[Snapshot],
    now: &Snapshot,
    watch: &dyn Watch,
) -> Option<Compared> {
    let last = before.last()?;
    repository.refresh();
    let manifest = manifest_of(repository, last).ok()?;
    let mut compared = Compared {
        messages_before: manifest.mail.as_ref().map_or(0, |mail| mail.messages),
        accounts_before: manifest.state.accounts.max(manifest.mail.as_ref().map_or(0, |mail| mail.accounts)),
        stored: now.summary.map_or(0, |summary| summary.bytes_stored),
        stored_before: before.iter().filter_map(|it| Some(it.summary?.bytes_stored)).collect(),
        ..Compared::default()
    };
    let (mut accounts, mut mailboxes) = (0, 0);
    for difference in repository.diff(last, now, watch).ok()? {
        if difference.change != Change::Removed {
            continue;
        }
        let path = &difference.path;
        let folder = path.parent().unwrap_or(path);
        if folder == Path::new("state/accounts") {
            accounts += 1;
        } else if folder == Path::new("state/mailboxes") {
            mailboxes += 1;
        } else if path.starts_with(manifest::MAIL) && (folder.ends_with("cur") || folder.ends_with("new")) {
            compared.messages_gone += 1;
        }
    }
    compared.accounts_gone = accounts.max(mailboxes);
    Some(compared)
}

/// Length and SHA-256 of a file.
pub fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut hashing = Hashing::new(io::sink());
    let bytes = io::copy(&mut File::open(path)?, &mut hashing)?;
    Ok((bytes, state::hex(&hashing.digest())))
}

/// This machine's name.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(name.trim()).filter(|name| !name.is_empty()).unwrap_or("localhost").to_owned()
}

/// Ends the backup when its source fails, so that no snapshot lacks what couldn't be given.
struct Watching {
    watch: Arc<dyn Watch>,
    shared: Arc<Shared>,
}

impl Watch for Watching {
    fn progress(&self, progress: Progress) {
        self.watch.progress(progress);
    }

    fn cancelled(&self) -> bool {
        self.shared.has_failed() || self.watch.cancelled()
    }
}
