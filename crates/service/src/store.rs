//! The database: one connection that writes, some that read.
//!
//! SQL text is the common part of SQLite and PostgreSQL. Whoever writes an event goes through
//! [`crate::event_log`], which holds the writing connection for as long as a transaction lasts.

pub mod account_devices;
pub mod accounts;
pub mod admins;
pub mod alerts;
pub mod app_passwords;
pub mod audit;
pub mod backup_jobs;
pub mod backup_targets;
pub mod blocks;
pub mod codes;
pub mod copy;
pub mod devices;
pub mod event_index;
pub mod events;
pub mod factors;
pub mod invitations;
pub mod keys;
pub mod limit_mails;
pub mod mail_reads;
pub mod mail_servers;
pub mod notices;
pub mod outbox;
pub mod owners_words;
pub mod passkeys;
pub mod policy;
mod progress;
pub mod rollups;
pub mod search;
pub mod second_factors;
pub mod sessions;
pub mod settings;
pub mod web_sessions;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mailcup_wire::{Bytes, Code, Problem};
use sqlx::{
    Connection, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

static MIGRATIONS: Migrator = sqlx::migrate!();

const READERS: u32 = 4;
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(10);

/// The service's data folder with its database, held by this process alone.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Keeps the folder locked.
    _lock: Arc<File>,
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the data folder {0} can't be used: {1}")]
    Folder(PathBuf, Arc<io::Error>),
    #[error("the data folder {0} is in use by another mailcupd; stop it or choose another folder")]
    Locked(PathBuf),
    #[error(
        "the database in {folder} was written by a newer mailcupd (schema {found}, this program knows up to \
         {known}); install that version or a newer one"
    )]
    TooNew { folder: PathBuf, found: i64, known: i64 },
    #[error("the disk is full; nothing was changed")]
    Full,
    #[error("the store is busy or shutting down")]
    Busy,
    #[error("the database can't be brought up to date: {0}")]
    Migration(Arc<MigrateError>),
    #[error("the database says: {0}")]
    Database(Arc<sqlx::Error>),
}

impl Store {
    /// Opens the data folder, makes it if there is none, and brings its database up to date.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::TooNew`] when a newer program wrote
    /// it.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let folder = |error| StoreError::Folder(data_dir.to_owned(), Arc::new(error));
        make_private_folder(data_dir).map_err(folder)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(data_dir.join("mailcupd.lock"))
            .map_err(folder)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::Locked(data_dir.to_owned()),
            TryLockError::Error(error) => folder(error),
        })?;

        let database = data_dir.join("mailcup.db");
        make_private_file(&database).map_err(folder)?;
        let options = SqliteConnectOptions::new()
            .filename(database)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(200)
            .pragma("wal_autocheckpoint", "4000")
            .pragma("temp_store", "memory");
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(WAIT_FOR_CONNECTION)
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None);
        let writer =
            pool.clone().max_connections(1).after_release(|connection, _| Box::pin(is_sound(connection)));
        let writer = writer.connect_with(options.clone()).await?;
        migrate(&writer, data_dir).await?;
        let readers = pool.max_connections(READERS).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers, _lock: Arc::new(lock) })
    }

    /// Begins a transaction that writes. Only one exists at a time, so keep it short, and never wait for the
    /// event log while holding one: that is what [`crate::event_log::EventLog::begin`] is for.
    pub async fn write(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Connections that only read.
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// How large the database is.
    pub async fn size(&self) -> Result<Bytes, StoreError> {
        let bytes: i64 =
            sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
                .fetch_one(&self.readers)
                .await?;
        Ok(Bytes(bytes.unsigned_abs()))
    }

    /// Closes all connections and thereby folds the write-ahead log into the database.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        /// `SQLITE_FULL`, and the write and size errors of `SQLITE_IOERR` that a full disk shows as.
        const FULL: [&str; 4] = ["13", "778", "1290", "1546"];
        const BUSY: [&str; 3] = ["5", "261", "517"];
        match &error {
            sqlx::Error::Database(database) => match database.code() {
                Some(code) if FULL.contains(&&*code) => Self::Full,
                Some(code) if BUSY.contains(&&*code) => Self::Busy,
                _ => Self::Database(Arc::new(error)),
            },
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Busy,
            _ => Self::Database(Arc::new(error)),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Full => Self::new(
                Code::StorageFull,
                "The service's disk is full; nothing was changed. Free some space and try again.",
            ),
            StoreError::Busy => {
                Self::new(Code::Unavailable, "The service is busy or shutting down; try again.")
            }
            StoreError::Folder(..)
            | StoreError::Locked(_)
            | StoreError::TooNew { .. }
            | StoreError::Migration(_)
            | StoreError::Database(_) => {
                tracing::error!(%error, "the store failed");
                Self::new(Code::Internal, "The service's database failed; its log says more.")
            }
        }
    }
}

/// A count or version as it is used; the database only has signed numbers.
fn whole(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(if stored < 0 { 0 } else { u32::MAX })
}

/// Whether a connection can be used again. After an error like a full disk SQLite has left the transaction by
/// itself, so that rolling back fails and the driver thinks of it as open for ever.
async fn is_sound(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that only its owner reads; SQLite gives its side files the same mode.
fn make_private_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn migrate(writer: &SqlitePool, data_dir: &Path) -> Result<(), StoreError> {
    MIGRATIONS.run(writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::TooNew {
            folder: data_dir.to_owned(),
            found,
            known: MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0),
        },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => StoreError::from(error),
        other => StoreError::Migration(Arc::new(other)),
    })
}
