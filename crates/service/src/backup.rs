//! Snapshots of the whole service and the mail beside it: written, listed, proven, brought back.
//!
//! A snapshot is a tree of plain files, so that `restic` opens it without us: `database/mailcup.db` (exact),
//! `keys/server-key.json` (sealed with the recovery phrase), `mail/<domain>/<user>/Maildir/…`, `manifest.json`, and
//! `state/` (what a person may want to look up, as sorted JSON). The database comes first, then the mail.

pub mod alerts;
pub mod command;
pub mod copies;
mod disk;
pub mod drill;
pub mod jobs;
mod keys;
mod mail_pattern;
mod manifest;
mod place;
mod restore;
mod restore_mail;
mod run;
pub mod schedule;
mod source;
mod staging;
mod state;
pub mod targets;
mod walk;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use mailcup_snapshots::{Folder, Repository};

pub use self::{
    keys::{WrappedServerKey, new_phrase},
    mail_pattern::{MailPattern, Owner},
    manifest::{LeftOut, MailPart, Manifest, StatePart},
    restore::{MailTo, RestoreError, Restored, RestoredMail, Wanted, restore},
    restore_mail::restore_mail,
    run::{Run, back_up},
};
use crate::{config::BackupConfig, secrets::ServerKey, store::StoreError};

/// Why there is no backup, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "the configuration names no place for backups; write [backup] with repository = \"/var/backups/mailcup\" \
         and mail = \"/var/vmail/{{domain}}/{{user}}/Maildir\" into it"
    )]
    NotConfigured,
    #[error("backups aren't set up on this server yet; run `mailcupd backup init`")]
    NotSetUp,
    #[error("backups are set up already; `mailcupd backup recovery-phrase` makes another recovery phrase")]
    AlreadySetUp,
    #[error("another backup is running here; wait for its end")]
    Busy,
    #[error(
        "the database has schema {found}, this program has {known}; start the service of this version once, then \
         try again"
    )]
    OtherSchema { found: i64, known: i64 },
    #[error(
        "there is no server key in {}; if systemd holds it, start the service and try again, else start the \
         service once", .0.display()
    )]
    NoServerKey(PathBuf),
    #[error(
        "the server key is another one than the recovery phrase was made for; run `mailcupd backup \
         recovery-phrase` and keep the new phrase, else secrets in new snapshots could never be read"
    )]
    ServerKeyChanged,
    #[error(
        "{} has {free} MB free and {needed} MB are needed there; make room and try again",
        at.display()
    )]
    Room { at: PathBuf, needed: u64, free: u64 },
    #[error(
        "the mail's folder {} can't be read ({source}); check `mail` in [backup], and that the service's user may \
         read it", root.display()
    )]
    MailRoot { root: PathBuf, source: io::Error },
    /// What was asked for can't be done, in words that say why.
    #[error("{0}")]
    Unclear(String),
    #[error(transparent)]
    Repository(#[from] mailcup_snapshots::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl BackupError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Whether nothing else will fare better: it was cancelled, or the disk is full.
    pub(crate) fn ends_everything(&self) -> bool {
        use mailcup_snapshots::Error;
        matches!(
            self,
            Self::Repository(Error::Cancelled | Error::Full { .. } | Error::Away { .. }) | Self::Room { .. }
        )
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Repository(mailcup_snapshots::Error::Cancelled))
    }
}

/// Opens the repository with the key that the service keeps.
pub fn open_repository(data_dir: &Path, config: &BackupConfig) -> Result<Repository, BackupError> {
    let key = keys::read_master(data_dir)?;
    Ok(Repository::open(Arc::new(Folder::new(&config.repository)), key)?)
}

/// Makes the repository. The phrase must reach a person before this is of any use: it is kept nowhere. Killed halfway,
/// it may be done again.
pub fn init(
    data_dir: &Path,
    config: &BackupConfig,
    wrap: impl FnOnce(&mailcup_snapshots::RecoveryPhrase) -> Result<WrappedServerKey, BackupError>,
) -> Result<mailcup_snapshots::RecoveryPhrase, BackupError> {
    if WrappedServerKey::read(data_dir).is_ok() && open_repository(data_dir, config).is_ok() {
        return Err(BackupError::AlreadySetUp);
    }
    let phrase = new_phrase();
    // Before anything is made: without a server key there is nothing to be done.
    let wrapped = wrap(&phrase)?;
    let key = keys::read_or_make_master(data_dir)?;
    let folder = Arc::new(Folder::new(&config.repository));
    let repository = match Repository::open(folder.clone(), key.clone()) {
        // By an earlier try that was killed.
        Ok(repository) => repository,
        Err(mailcup_snapshots::Error::NoRepository { .. } | mailcup_snapshots::Error::Away { .. }) => {
            Repository::create(folder, key)?
        }
        Err(error) => return Err(error.into()),
    };
    repository.add_phrase(&phrase)?;
    wrapped.write(data_dir)?;
    Ok(phrase)
}

/// Makes another phrase, which opens all snapshots, and the server key in those that come.
pub fn add_phrase(
    data_dir: &Path,
    config: &BackupConfig,
    wrap: impl FnOnce(&mailcup_snapshots::RecoveryPhrase) -> Result<WrappedServerKey, BackupError>,
) -> Result<mailcup_snapshots::RecoveryPhrase, BackupError> {
    let repository = open_repository(data_dir, config)?;
    let phrase = new_phrase();
    let wrapped = wrap(&phrase)?;
    repository.add_phrase(&phrase)?;
    wrapped.write(data_dir)?;
    Ok(phrase)
}

/// Wraps the server key that lies in the data folder.
pub fn wrap_from_file(
    data_dir: &Path,
    phrase: &mailcup_snapshots::RecoveryPhrase,
) -> Result<WrappedServerKey, BackupError> {
    let key = ServerKey::open_existing(data_dir).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BackupError::NoServerKey(data_dir.to_owned()),
        _ => BackupError::io(data_dir, error),
    })?;
    WrappedServerKey::new(&key, phrase).map_err(|error| BackupError::io(data_dir, io::Error::other(error)))
}
