//! How far what follows the log has come.

use sqlx::SqliteConnection;

use super::StoreError;

/// What follows the log at some distance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    Index,
    RollUp,
    Notices,
}

/// The last event that a job is done with.
pub(super) async fn of(connection: &mut SqliteConnection, job: Job) -> Result<i64, StoreError> {
    Ok(noted(connection, job).await?.unwrap_or(0))
}

/// Like [`of`]; none if the job never began.
pub(super) async fn noted(connection: &mut SqliteConnection, job: Job) -> Result<Option<i64>, StoreError> {
    let done = sqlx::query_scalar("SELECT seq FROM progress WHERE job = $1").bind(job.name());
    Ok(done.fetch_optional(connection).await?)
}

/// Notes the last event that a job is done with.
pub(super) async fn note(connection: &mut SqliteConnection, job: Job, seq: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO progress (job, seq) VALUES ($1, $2) ON CONFLICT (job) DO UPDATE SET seq = excluded.seq",
    )
    .bind(job.name())
    .bind(seq)
    .execute(connection)
    .await?;
    Ok(())
}

impl Job {
    /// As rows name it.
    fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::RollUp => "roll_up",
            Self::Notices => "notices",
        }
    }
}
