//! Rows of what was said of an account's sign-ins from a network.

use mailcup_wire::{Login, Network, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;

/// Whether sign-ins of an account from a client network were its owner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnersWord {
    pub login: Login,
    pub network: Network,
    pub at: Time,
    pub was_owner: bool,
}

/// Writes it down, in place of what was said before.
pub async fn put(connection: &mut SqliteConnection, word: &OwnersWord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO owners_words (login, network, at, was_owner) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (login, network) DO UPDATE SET at = excluded.at, was_owner = excluded.was_owner",
    )
    .bind(word.login.0.as_str())
    .bind(word.network.to_string())
    .bind(word.at.as_millis())
    .bind(word.was_owner)
    .execute(connection)
    .await?;
    Ok(())
}

/// What was said at `since` or later.
pub async fn since(connection: &mut SqliteConnection, since: Time) -> Result<Vec<OwnersWord>, StoreError> {
    let rows = sqlx::query("SELECT login, network, at, was_owner FROM owners_words WHERE at >= $1")
        .bind(since.as_millis())
        .fetch_all(connection)
        .await?;
    rows.iter().map(word).filter_map(Result::transpose).collect()
}

fn word(row: &SqliteRow) -> Result<Option<OwnersWord>, StoreError> {
    let network = row.try_get::<&str, _>(1)?.parse().ok();
    let Some(network) = network else { return Ok(None) };
    Ok(Some(OwnersWord {
        login: Login(row.try_get(0)?),
        network,
        at: Time::from_millis(row.try_get(2)?),
        was_owner: row.try_get(3)?,
    }))
}
