//! The local copy of one service: an encrypted database with one writer and a few readers.

mod alerts;
mod apply;
mod audit;
mod class;
mod drafts;
mod dry_run;
mod events;
mod index;
mod meta;
mod mirror;
mod numbers;
mod origins;
mod policy;
mod resources;
mod sending;
mod sieve;
#[cfg(test)]
mod tests;
mod usage;
mod views;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mailcup_wire::{Code, Problem, Time};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub use alerts::{Figures, Shown, Told};
pub use apply::Applied;
pub use audit::Seen;
pub use class::{address_of, login_of};
pub use drafts::drafts_left;
pub use dry_run::{Question, SendingReplay, Watch};
pub use mirror::{KeptBackups, KeptMirror};
pub use origins::{Origin, Whose};
pub use resources::Lists;
pub use sending::{Count, Counts};
pub use views::ViewChange;

use self::index::{Index, Indexed};
use crate::key::StoreKey;

const MIGRATIONS: [&str; 8] = [
    include_str!("../migrations/0001_store.sql"),
    include_str!("../migrations/0002_account_usage.sql"),
    include_str!("../migrations/0003_snooze.sql"),
    include_str!("../migrations/0004_event_columns.sql"),
    include_str!("../migrations/0005_audit.sql"),
    include_str!("../migrations/0006_drafts.sql"),
    include_str!("../migrations/0007_policy.sql"),
    include_str!("../migrations/0008_mirror.sql"),
];
/// The migration after which the usage of accounts is filled from the events.
const USAGE: u32 = 2;
/// The migration after which events are numbered by their explanations and devices.
const COLUMNS: u32 = 4;
const READERS: u32 = 4;

/// An open local copy. Clones share it.
#[derive(Clone)]
pub struct Store {
    writer: Arc<Mutex<Option<Connection>>>,
    readers: Readers,
}

/// Reading connections of a store. Clones share them.
#[derive(Clone)]
pub struct Readers {
    idle: Arc<Mutex<Option<Vec<Connection>>>>,
    permits: Arc<Semaphore>,
    indexed: Arc<Indexed>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a database, wrong key, or broken inside.
    #[error("the local copy is damaged: {0}")]
    Damaged(String),
    #[error(
        "the local copy was written by a newer MailCup Console (format {found}; this one knows up to {known}); \
         start the newer one"
    )]
    Newer { found: u32, known: u32 },
    #[error("the local copy is closed")]
    Closed,
    #[error("the local copy can't be used: {0}")]
    Sqlite(rusqlite::Error),
    #[error("the local copy holds what can't be read: {0}")]
    Content(#[from] serde_json::Error),
    #[error("the local copy can't be used: {0}")]
    Io(#[from] std::io::Error),
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl Store {
    /// Opens the copy at `path`, which is made if there is none.
    pub fn open(path: &Path, key: &StoreKey) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut writer =
            connect(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writer.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;",
        )?;
        migrate(&mut writer)?;
        let readers = (0..READERS)
            .map(|_| connect(path, key, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .collect::<Result<Vec<_>>>()?;
        let readers = Readers {
            idle: Arc::new(Mutex::new(Some(readers))),
            permits: Arc::new(Semaphore::new(READERS as usize)),
            indexed: Arc::new(Indexed::unread()),
        };
        Ok(Self { writer: Arc::new(Mutex::new(Some(writer))), readers })
    }

    pub fn readers(&self) -> Readers {
        self.readers.clone()
    }

    /// Runs `change` with the writing connection, away from the async threads.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = Arc::clone(&self.writer);
        blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            change(writer.as_mut().ok_or(StoreError::Closed)?)
        })
        .await
    }

    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.run(query).await
    }

    /// Like [`Store::write`], with the index, which follows what was committed.
    async fn write_indexed<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Connection, &Indexed) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let indexed = Arc::clone(&self.readers.indexed);
        self.write(move |writer| {
            indexed.with(writer, |_| Ok(()))?;
            let done = change(writer, &indexed)?;
            // It only serves the next start.
            if let Err(error) = index::seal(writer, &indexed) {
                tracing::warn!(%error, "the index of events was not kept");
            }
            Ok(done)
        })
        .await
    }

    /// Closes all connections, and so wipes the key. Waits for those in use.
    pub async fn close(&self) {
        let idle = self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = Arc::clone(&self.writer);
        let in_use = self.readers.permits.acquire_many(READERS).await;
        let indexed = Arc::clone(&self.readers.indexed);
        let closed = blocking(move || {
            drop(idle);
            indexed.close();
            let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(writer) = writer {
                let _ = writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
            }
            Ok(())
        });
        if let Err(error) = closed.await {
            tracing::warn!(%error, "the local copy was not closed cleanly");
        }
        drop(in_use);
    }

    /// Reads the whole file and checks its structure. Takes seconds for a large one.
    pub async fn check(&self) -> Result<()> {
        self.read(|reader| {
            let verdict: String = reader.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged(verdict)) }
        })
        .await
    }
}

impl Readers {
    /// Runs `query` with a reading connection, away from the async threads.
    pub async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let idle = Arc::clone(&self.idle);
        blocking(move || {
            let _permit = permit;
            let take = || idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.pop();
            let reader = take().ok_or(StoreError::Closed)?;
            let answer = query(&reader);
            if let Some(idle) = idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                idle.push(reader);
            }
            answer
        })
        .await
    }
}

impl Readers {
    /// Runs `query` over the index of events, with a reading connection for what it finds.
    async fn run_indexed<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &Index) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let indexed = Arc::clone(&self.indexed);
        self.run(move |reader| indexed.with(reader, |index| query(reader, index))).await
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            // SQLite says that it is out of memory where SQLCipher can't decrypt a page that it was to change.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::OutOfMemory) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Closed => Code::Locked,
            StoreError::Sqlite(cause) if cause.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Code::StorageFull
            }
            _ => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}

/// Moves a damaged copy out of the way, with its side files, and says where to.
pub fn set_aside(path: &Path, now: Time) -> Result<PathBuf> {
    let stamp = now.to_string().replace(':', "-");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kept_at = path.with_file_name(format!("{name}.damaged-{stamp}"));
    fs::rename(path, &kept_at)?;
    for side in ["-wal", "-shm"] {
        let from = path.with_file_name(format!("{name}{side}"));
        if from.exists() {
            fs::rename(from, kept_at.with_file_name(format!("{name}.damaged-{stamp}{side}")))?;
        }
    }
    Ok(kept_at)
}

pub fn connect(path: &Path, key: &StoreKey, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\";", key.hex()));
    connection.execute_batch(&pragma)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Temporary tables would lie on disk otherwise.
    connection.execute_batch("PRAGMA temp_store = MEMORY; SELECT count(*) FROM sqlite_schema;")?;
    Ok(connection)
}

fn migrate(writer: &mut Connection) -> Result<()> {
    let known = MIGRATIONS.len().try_into().unwrap_or(u32::MAX);
    let found: u32 = writer.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    let change = writer.transaction()?;
    for (next, sql) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        change.execute_batch(sql)?;
        if next == USAGE {
            usage::fill_all(&change)?;
        }
    }
    // Numbers are given out as the last migration has them.
    if found < COLUMNS {
        numbers::number_all(&change)?;
    }
    change.pragma_update(None, "user_version", known)?;
    Ok(change.commit()?)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(StoreError::Closed),
    }
}
