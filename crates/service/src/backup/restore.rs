//! Brings a server back from a snapshot: database, server key and mail, into a new, empty place.

mod mail;

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use mailcup_snapshots::{Folder, RecoveryPhrase, Repository, Snapshot, Trouble, Watch};
use tokio::runtime::Handle;

use super::{
    BackupError,
    disk::{free, megabytes},
    keys::{self, WrappedServerKey},
    mail_pattern::MailPattern,
    manifest::{DATABASE, FORMAT, MANIFEST, Manifest, SERVER_KEY},
    place::{PlaceError, StagedPlace, own},
    run,
};
use crate::store::{StoreError, copy};

/// Beside the data that waits: of which snapshot mail is being put in place, and where. A kill in that moment leaves
/// some accounts with their mail; the next restore of the same goes on with the others.
const MAIL_FOLLOWS: &str = "mail-follows";

/// A manifest, a sealed key, a record: no honest one is larger.
const LONGEST: u64 = 64 << 20;

/// What to bring back, and where to.
#[derive(Debug)]
pub struct Wanted {
    /// The repository's folder.
    pub repository: PathBuf,
    pub phrase: RecoveryPhrase,
    /// The first digits of its name; the newest of ours if none is given.
    pub snapshot: Option<String>,
    /// The data folder to be made.
    pub data_dir: PathBuf,
    pub mail: MailTo,
}

/// Where the mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTo {
    /// To where it lay.
    Original,
    Pattern(MailPattern),
    Nowhere,
}

/// What was brought back.
#[derive(Debug)]
pub struct Restored {
    pub snapshot: Snapshot,
    pub manifest: Manifest,
    /// None where no mail was in the snapshot, or none was wanted.
    pub mail: Option<RestoredMail>,
    /// What in the repository is damaged, and was not needed.
    pub damaged: Vec<String>,
    /// How long each part took.
    pub steps: Vec<(&'static str, Duration)>,
}

#[derive(Debug, Default)]
pub struct RestoredMail {
    pub accounts: u64,
    pub messages: u64,
    pub files: u64,
    pub bytes: u64,
    /// What couldn't be brought back; all the rest was.
    pub troubles: Vec<Trouble>,
}

impl Restored {
    /// Messages that were listed and then deleted while the backup ran.
    pub fn gone(&self) -> u64 {
        let listed = self.manifest.mail.as_ref().map_or(0, |mail| mail.files);
        let back = self.mail.as_ref().map_or(0, |mail| mail.files + mail.troubles.len() as u64);
        if self.mail.is_some() { listed.saturating_sub(back) } else { 0 }
    }
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("there is no snapshot in {}", .0.display())]
    NoSnapshot(PathBuf),
    #[error("{} begins the name of no snapshot, or of several; `mailcupd backup list` names them", .0)]
    Unclear(String),
    #[error("snapshot {0:.8} was not written by mailcupd: it has no {MANIFEST}")]
    NotOurs(String),
    #[error(
        "the snapshot has form {found}, this program knows up to {FORMAT}; install the mailcupd that wrote it \
         ({version}) or a newer one"
    )]
    TooNew { found: u32, version: String },
    #[error(
        "the server key in this snapshot is sealed with another recovery phrase than this one; use the newest that \
         was printed before the snapshot was made"
    )]
    OtherPhrase,
    #[error("{0} was not restored whole: {1}. Nothing was changed; try another snapshot")]
    NotWhole(&'static str, String),
    #[error("{} is to belong to user {uid}, which only root may arrange; run this with sudo", path.display())]
    Ownership { path: PathBuf, uid: u32 },
    #[error("{} has {free} MB free and {needed} MB are needed; nothing was changed", at.display())]
    Room { at: PathBuf, needed: u64, free: u64 },
    #[error(transparent)]
    Backup(#[from] BackupError),
}

impl RestoreError {
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Backup(error) if error.is_cancelled())
    }

    fn io(path: &Path, source: io::Error) -> Self {
        Self::Backup(BackupError::io(path, source))
    }
}

impl From<mailcup_snapshots::Error> for RestoreError {
    fn from(error: mailcup_snapshots::Error) -> Self {
        Self::Backup(error.into())
    }
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Backup(error.into())
    }
}

/// Restores into empty places; nothing comes under its name before all of it is there. Blocks for as long as it takes;
/// `runtime` is for the database.
pub fn restore(runtime: &Handle, wanted: &Wanted, watch: &dyn Watch) -> Result<Restored, RestoreError> {
    let mut steps = Steps::begin();
    let mut damaged = Vec::new();
    let repository = open(wanted, &mut damaged)?;
    let snapshot = choose(&repository, wanted, &mut damaged)?;
    let manifest = manifest_of(&repository, &snapshot)?;
    steps.done("opening the repository");

    // Whatever refuses does so before anything is read.
    let left = StagedPlace::left_of(&wanted.data_dir, MAIL_FOLLOWS);
    let data = StagedPlace::begin(&wanted.data_dir)?;
    let pattern = match (&wanted.mail, &manifest.mail) {
        (MailTo::Nowhere, _) | (_, None) => None,
        (MailTo::Pattern(pattern), Some(_)) => Some(pattern.clone()),
        (MailTo::Original, Some(mail)) => {
            let wrong = |why| RestoreError::NotWhole(MANIFEST, why);
            Some(mail.pattern.parse::<MailPattern>().map_err(wrong)?)
        }
    };
    must_fit(data.path(), manifest.database.bytes)?;
    let things = restore_data(runtime, &repository, &snapshot, &manifest, wanted, &data)?;
    steps.done("database and keys");

    let mut mail = None;
    if let Some(pattern) = pattern {
        let mark = format!("{} {pattern}", snapshot.id).into_bytes();
        let goes_on = left.as_ref() == Some(&mark);
        let staged = mail::stage(&repository, &snapshot, &pattern, manifest.mail.as_ref(), goes_on, watch)?;
        steps.done("mail");
        let (place, places, restored) = (staged.place, staged.places, staged.restored);
        let marked = data.path().join(MAIL_FOLLOWS);
        fs::write(&marked, &mark)
            .and_then(|()| File::open(&marked)?.sync_all())
            .map_err(|error| RestoreError::io(&marked, error))?;
        place.settle(&places)?;
        fs::remove_file(&marked).map_err(|error| RestoreError::io(&marked, error))?;
        mail = Some(restored);
    }
    // Last: a place without it is no service's.
    data.settle(&things)?;
    steps.done("putting all in place");
    Ok(Restored { snapshot, manifest, mail, damaged, steps: steps.taken })
}

/// With the phrase, also where the config file is damaged.
fn open(wanted: &Wanted, damaged: &mut Vec<String>) -> Result<Repository, RestoreError> {
    let folder = Arc::new(Folder::new(&wanted.repository));
    match Repository::open_with_password(folder.clone(), wanted.phrase.expose()) {
        Err(mailcup_snapshots::Error::Config { what, .. }) => {
            damaged.push(format!("the repository's config file: {what}"));
            Ok(Repository::salvage_with_password(folder, wanted.phrase.expose())?)
        }
        opened => Ok(opened?),
    }
}

fn choose(
    repository: &Repository,
    wanted: &Wanted,
    damaged: &mut Vec<String>,
) -> Result<Snapshot, RestoreError> {
    let listing = repository.snapshots()?;
    damaged.extend(listing.damaged.iter().map(ToString::to_string));
    let mut found = listing.snapshots;
    if let Some(name) = &wanted.snapshot {
        found.retain(|snapshot| name.len() >= 4 && snapshot.id.to_string().starts_with(name.as_str()));
        let [one] = <[Snapshot; 1]>::try_from(found).map_err(|_| RestoreError::Unclear(name.clone()))?;
        return Ok(one);
    }
    found.retain(run::is_ours);
    found.pop().ok_or_else(|| RestoreError::NoSnapshot(wanted.repository.clone()))
}

/// What a snapshot says of itself.
pub fn manifest_of(repository: &Repository, snapshot: &Snapshot) -> Result<Manifest, RestoreError> {
    let text = match read_file(repository, snapshot, MANIFEST) {
        Err(RestoreError::Backup(BackupError::Repository(mailcup_snapshots::Error::NotFound { .. }))) => {
            return Err(RestoreError::NotOurs(snapshot.id.to_string()));
        }
        read => read?,
    };
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| RestoreError::NotWhole(MANIFEST, error.to_string()))?;
    if manifest.format > FORMAT {
        return Err(RestoreError::TooNew { found: manifest.format, version: manifest.version });
    }
    Ok(manifest)
}

pub fn read_file(repository: &Repository, snapshot: &Snapshot, path: &str) -> Result<Vec<u8>, RestoreError> {
    let entry = repository.entry(snapshot, Path::new(path))?;
    if entry.size > LONGEST {
        return Err(RestoreError::NotWhole(MANIFEST, format!("{path} is longer than it may be")));
    }
    let mut content = Vec::new();
    repository.export(&entry, &mut content)?;
    Ok(content)
}

/// Lays out the data folder; answers what is in it, the database last.
fn restore_data(
    runtime: &Handle,
    repository: &Repository,
    snapshot: &Snapshot,
    manifest: &Manifest,
    wanted: &Wanted,
    place: &StagedPlace,
) -> Result<Vec<PathBuf>, RestoreError> {
    let folder = place.path();
    let sealed: WrappedServerKey = serde_json::from_slice(&read_file(repository, snapshot, SERVER_KEY)?)
        .map_err(|error| RestoreError::NotWhole("the server key", error.to_string()))?;
    let server_key = sealed.open(&wanted.phrase).ok_or(RestoreError::OtherPhrase)?;
    server_key.write(folder).map_err(|error| RestoreError::io(folder, error))?;
    sealed.write(folder)?;
    keys::write_master(folder, repository.key())?;

    let path = folder.join("mailcup.db");
    let entry = repository.entry(snapshot, Path::new(DATABASE))?;
    let failed = |error| RestoreError::io(&path, error);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
    repository.export(&entry, &mut file.map_err(failed)?)?;
    let (_, sha256) = run::digest(&path).map_err(failed)?;
    if sha256 != manifest.database.sha256 {
        let why = "its SHA-256 isn't what the manifest says".to_owned();
        return Err(RestoreError::NotWhole("the database", why));
    }
    runtime.block_on(check_database(&path, manifest))?;

    let mut things = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| RestoreError::io(folder, error))? {
        let name = entry.map_err(|error| RestoreError::io(folder, error))?.file_name();
        if let Some((uid, gid)) = place.owner() {
            let path = folder.join(&name);
            own(&path, uid, gid).map_err(|_| RestoreError::Ownership { path, uid })?;
        }
        things.push(PathBuf::from(name));
    }
    things.sort_by_key(|name| name == Path::new("mailcup.db"));
    Ok(things)
}

/// Whether SQLite finds the database sound, and it holds what the manifest counts.
pub async fn check_database(path: &Path, manifest: &Manifest) -> Result<(), RestoreError> {
    let opened = copy::open(path).await?;
    let mut connection = opened.acquire().await.map_err(StoreError::from)?;
    let damage = copy::damage(&mut connection).await?;
    let counts = copy::counts(&mut connection).await?;
    drop(connection);
    opened.close().await;
    let state = &manifest.state;
    let says = copy::Counts {
        accounts: state.accounts,
        access_rules: state.access_rules,
        sending_limits: state.sending_limits,
        admins: state.admins,
        alerts: state.alerts,
        events: state.events,
    };
    match damage {
        Some(damage) => Err(RestoreError::NotWhole("the database", damage)),
        None if says != counts => {
            let why = format!("it holds {counts:?}, the manifest says {says:?}");
            Err(RestoreError::NotWhole("the database", why))
        }
        None => Ok(()),
    }
}

fn must_fit(at: &Path, bytes: u64) -> Result<(), RestoreError> {
    let free = free(at).map_err(|error| RestoreError::io(at, error))?;
    if free >= bytes {
        return Ok(());
    }
    Err(RestoreError::Room { at: at.to_owned(), needed: megabytes(bytes), free: megabytes(free) })
}

struct Steps {
    since: Instant,
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn begin() -> Self {
        Self { since: Instant::now(), taken: Vec::new() }
    }

    fn done(&mut self, what: &'static str) {
        let now = Instant::now();
        self.taken.push((what, now - std::mem::replace(&mut self.since, now)));
    }
}
