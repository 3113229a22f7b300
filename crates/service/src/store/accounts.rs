//! Rows of accounts.

use mailcup_wire::{Account, AccountOrigin, Login, Time};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{StoreError, codes::RowCode};

/// Adds an account. Answers whether it was new; a known one stays as it is.
pub async fn add(connection: &mut SqliteConnection, account: &Account) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO accounts (login, name, origin, created_at, note, version) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (login) DO NOTHING",
    )
    .bind(account.login.0.as_str())
    .bind(account.name.as_str())
    .bind(account.origin.code())
    .bind(account.created_at.as_millis())
    .bind(account.note.as_str())
    .bind(i64::from(account.version))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what can be changed of an account.
pub async fn change(connection: &mut SqliteConnection, account: &Account) -> Result<(), StoreError> {
    sqlx::query("UPDATE accounts SET name = $2, note = $3, version = $4 WHERE login = $1")
        .bind(account.login.0.as_str())
        .bind(account.name.as_str())
        .bind(account.note.as_str())
        .bind(i64::from(account.version))
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn get(connection: &mut SqliteConnection, login: &Login) -> Result<Option<Account>, StoreError> {
    let row =
        sqlx::query("SELECT login, name, origin, created_at, note, version FROM accounts WHERE login = $1")
            .bind(login.0.as_str())
            .fetch_optional(connection)
            .await?;
    row.as_ref().map(account).transpose()
}

/// At most `limit` accounts with `text` in their login or name, by login, after the login `after`.
pub async fn list(
    readers: &SqlitePool,
    text: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let rows = sqlx::query(
        "SELECT login, name, origin, created_at, note, version FROM accounts WHERE login > $1 \
         AND (login LIKE $2 ESCAPE '\\' OR LOWER(name) LIKE $2 ESCAPE '\\') ORDER BY login LIMIT $3",
    )
    .bind(after)
    .bind(format!("%{escaped}%"))
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await?;
    rows.iter().map(account).collect()
}

/// All logins.
pub async fn logins(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT login FROM accounts").fetch_all(connection).await?)
}

fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    Ok(Account {
        login: Login(row.try_get(0)?),
        name: row.try_get(1)?,
        origin: AccountOrigin::from_code(row.try_get(2)?).unwrap_or(AccountOrigin::ByHand),
        created_at: Time::from_millis(row.try_get(3)?),
        note: row.try_get(4)?,
        version: u32::try_from(row.try_get::<i64, _>(5)?).unwrap_or(0),
    })
}
