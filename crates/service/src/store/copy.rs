//! Exact copies of the database for backups.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::{MIGRATIONS, StoreError};

/// Copies the database in `data_dir` as it is at one moment, whether or not a service works in it.
pub async fn make(data_dir: &Path, to: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(data_dir.join("mailcup.db"))
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .pragma("temp_store", "memory")
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let copied =
        sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy().into_owned()).execute(&mut connection).await;
    connection.close().await?;
    copied?;
    Ok(())
}

/// Opens a copy, which nobody changes.
pub async fn open(copy: &Path) -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(copy)
        .create_if_missing(false)
        .read_only(true)
        .immutable(true)
        .disable_statement_logging();
    // One connection, and none that is held while another is asked for.
    Ok(SqlitePoolOptions::new().max_connections(2).connect_with(options).await?)
}

/// The newest migration of a database.
pub async fn schema(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(connection).await?;
    Ok(newest.unwrap_or(0))
}

/// The newest migration that this program knows.
pub fn known_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// How many rows a database holds of what a snapshot counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub accounts: u64,
    /// Those that aren't deleted.
    pub access_rules: u64,
    pub sending_limits: u64,
    pub admins: u64,
    pub alerts: u64,
    pub events: u64,
}

pub async fn counts(connection: &mut SqliteConnection) -> Result<Counts, StoreError> {
    let row: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM accounts), \
         (SELECT COUNT(*) FROM access_rules WHERE deleted_at IS NULL), \
         (SELECT COUNT(*) FROM sending_limits WHERE deleted_at IS NULL), \
         (SELECT COUNT(*) FROM admins), (SELECT COUNT(*) FROM alerts), (SELECT COUNT(*) FROM events)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Counts {
        accounts: row.0.unsigned_abs(),
        access_rules: row.1.unsigned_abs(),
        sending_limits: row.2.unsigned_abs(),
        admins: row.3.unsigned_abs(),
        alerts: row.4.unsigned_abs(),
        events: row.5.unsigned_abs(),
    })
}

/// What SQLite finds wrong with a database; none if it is sound.
pub async fn damage(connection: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(3)").fetch_all(connection).await?;
    Ok(Some(found.join("; ")).filter(|found| found != "ok"))
}
