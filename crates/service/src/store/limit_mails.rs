//! Rows of mails to owners whose account reached a sending limit.

use jiff::SignedDuration;
use mailcup_wire::{LimitId, Login, Time};
use sqlx::SqliteConnection;

use super::StoreError;

/// Whether the owner is to be told now; true once within `window` for each limit and account. Mails that were noted
/// before the clock was set back don't count.
pub async fn claim(
    connection: &mut SqliteConnection,
    limit: &LimitId,
    login: &Login,
    window: SignedDuration,
    now: Time,
) -> Result<bool, StoreError> {
    let until = Time::from(now.0.saturating_add(window).unwrap_or(now.0));
    sqlx::query("DELETE FROM limit_mails WHERE until <= $1")
        .bind(now.as_millis())
        .execute(&mut *connection)
        .await?;
    let claimed = sqlx::query(
        "INSERT INTO limit_mails (limit_id, login, until) VALUES ($1, $2, $3) \
         ON CONFLICT (limit_id, login) DO UPDATE SET until = excluded.until \
         WHERE limit_mails.until > excluded.until",
    )
    .bind(limit.0.as_str())
    .bind(login.0.as_str())
    .bind(until.as_millis())
    .execute(connection)
    .await?;
    Ok(claimed.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn an_owner_is_told_once_in_a_window() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let mut tx = store.write().await.unwrap();
        let mut told = async |limit: &str, login: &str, minute: i64| {
            let hour = SignedDuration::from_hours(1);
            let now = Time::from_millis(1_795_507_200_000 + minute * 60_000);
            claim(&mut tx, &LimitId(limit.into()), &Login(login.into()), hour, now).await.unwrap()
        };
        assert!(told("l", "a@x", 0).await && !told("l", "a@x", 0).await && !told("l", "a@x", 59).await);
        assert!(told("l", "b@x", 1).await && told("m", "a@x", 1).await);
        assert!(told("l", "a@x", 60).await && !told("l", "a@x", 61).await);
        assert!(told("l", "a@x", -600).await, "the clock was set back by hours");
    }
}
