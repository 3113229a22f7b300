//! Rows of long work on the backup repository.

use mailcup_wire::{BackupJob, BackupJobId, BackupOutcome, BackupWork, Login, Time};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, codes::RowCode};

/// So many that ended are kept: months of days with all their proofs.
const KEPT: u32 = 1000;

const COLUMNS: &str = "id, work, by_login, begun_at, ended_at, progress, outcome";

/// Work that begins.
pub async fn insert(connection: &mut SqliteConnection, job: &BackupJob) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO backup_jobs (id, work, by_login, begun_at) VALUES ($1, $2, $3, $4)")
        .bind(job.id.0.as_str())
        .bind(job.work.code())
        .bind(job.by.as_ref().map(|login| login.0.as_str()))
        .bind(job.begun_at.as_millis())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "DELETE FROM backup_jobs WHERE ended_at IS NOT NULL AND id NOT IN \
         (SELECT id FROM backup_jobs ORDER BY begun_at DESC LIMIT $1)",
    )
    .bind(KEPT)
    .execute(connection)
    .await?;
    Ok(())
}

/// Work that came to its end; `has_result` unless it was cancelled or stopped.
pub async fn end(
    connection: &mut SqliteConnection,
    job: &BackupJob,
    has_result: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE backup_jobs SET ended_at = $2, progress = $3, outcome = $4, has_result = $5 WHERE id = $1",
    )
    .bind(job.id.0.as_str())
    .bind(job.ended_at.map(Time::as_millis))
    .bind(serde_json::to_string(&job.progress).unwrap_or_default())
    .bind(serde_json::to_string(&job.outcome).unwrap_or_default())
    .bind(has_result)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what was under way when the service died.
pub async fn end_interrupted(
    connection: &mut SqliteConnection,
    now: Time,
    outcome: impl Fn(BackupWork) -> BackupOutcome,
) -> Result<(), StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM backup_jobs WHERE ended_at IS NULL");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await?;
    for mut job in rows.iter().map(job).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        job.ended_at = Some(now);
        job.outcome = Some(outcome(job.work));
        end(connection, &job, false).await?;
    }
    Ok(())
}

/// What came to an end, the newest first.
pub async fn ended(connection: &mut SqliteConnection, limit: u32) -> Result<Vec<BackupJob>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM backup_jobs WHERE ended_at IS NOT NULL ORDER BY begun_at DESC, id LIMIT $1"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(limit).fetch_all(connection).await?;
    Ok(rows.iter().map(job).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The work of a kind that came to results, the newest first.
pub async fn results(
    connection: &mut SqliteConnection,
    work: BackupWork,
    limit: u32,
) -> Result<Vec<BackupJob>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM backup_jobs WHERE work = $1 AND has_result ORDER BY begun_at DESC, id LIMIT $2"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(work.code()).bind(limit).fetch_all(connection).await?;
    Ok(rows.iter().map(job).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// None of work that this program doesn't know.
fn job(row: &SqliteRow) -> Result<Option<BackupJob>, StoreError> {
    let Some(work) = BackupWork::from_code(row.try_get(1)?) else { return Ok(None) };
    let progress: Option<String> = row.try_get(5)?;
    let outcome: Option<String> = row.try_get(6)?;
    Ok(Some(BackupJob {
        id: BackupJobId(row.try_get(0)?),
        work,
        by: row.try_get::<Option<String>, _>(2)?.map(Login),
        begun_at: Time::from_millis(row.try_get(3)?),
        ended_at: row.try_get::<Option<i64>, _>(4)?.map(Time::from_millis),
        progress: progress.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        outcome: outcome.and_then(|text| serde_json::from_str(&text).ok()).flatten(),
    }))
}
