//! Rows of accounts' own second factors: authenticators and recovery codes.

use mailcup_wire::{FactorId, Login, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;
use crate::secrets::TokenHash;

/// An authenticator app's enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorRow {
    pub id: FactorId,
    pub account: Login,
    pub name: String,
    /// The seed, sealed with the server key.
    pub seed: Vec<u8>,
    pub confirmed: bool,
    pub last_step: i64,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
}

/// Recovery codes of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryCodes {
    pub left: u32,
    pub created_at: Option<Time>,
    pub last_used_at: Option<Time>,
}

pub async fn insert_authenticator(
    connection: &mut SqliteConnection,
    row: &AuthenticatorRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_authenticators (id, account, name, seed, confirmed, last_step, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.id.0.as_str())
    .bind(row.account.0.as_str())
    .bind(row.name.as_str())
    .bind(row.seed.as_slice())
    .bind(i16::from(row.confirmed))
    .bind(row.last_step)
    .bind(row.created_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// An account's authenticators, oldest first, confirmed or not.
pub async fn authenticators(
    connection: &mut SqliteConnection,
    account: &Login,
) -> Result<Vec<AuthenticatorRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, account, name, seed, confirmed, last_step, created_at, last_used_at \
         FROM account_authenticators WHERE account = $1 ORDER BY created_at, id",
    )
    .bind(account.0.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(authenticator).collect()
}

/// Whether an account has an authenticator that was confirmed.
pub async fn has_authenticator(
    connection: &mut SqliteConnection,
    account: &Login,
) -> Result<bool, StoreError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM account_authenticators WHERE account = $1 AND confirmed = 1",
    )
    .bind(account.0.as_str())
    .fetch_one(connection)
    .await?;
    Ok(count > 0)
}

/// Takes a code's time step; false if it or a later one was taken before. Confirms the authenticator.
pub async fn take_step(
    connection: &mut SqliteConnection,
    id: &FactorId,
    step: i64,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE account_authenticators SET last_step = $2, last_used_at = $3, confirmed = 1 \
         WHERE id = $1 AND last_step < $2",
    )
    .bind(id.0.as_str())
    .bind(step)
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes an authenticator of this account; false if there was none.
pub async fn remove_authenticator(
    connection: &mut SqliteConnection,
    account: &Login,
    id: &FactorId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM account_authenticators WHERE account = $1 AND id = $2")
        .bind(account.0.as_str())
        .bind(id.0.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes enrolments that were never confirmed.
pub async fn remove_unconfirmed(
    connection: &mut SqliteConnection,
    account: &Login,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM account_authenticators WHERE account = $1 AND confirmed = 0")
        .bind(account.0.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes away every factor of an account.
pub async fn remove_all(connection: &mut SqliteConnection, account: &Login) -> Result<(), StoreError> {
    for step in [
        "DELETE FROM account_authenticators WHERE account = $1",
        "DELETE FROM account_recovery_codes WHERE account = $1",
    ] {
        sqlx::query(step).bind(account.0.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Replaces all recovery codes of an account.
pub async fn replace_recovery_codes(
    connection: &mut SqliteConnection,
    account: &Login,
    hashes: &[TokenHash],
    at: Time,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM account_recovery_codes WHERE account = $1")
        .bind(account.0.as_str())
        .execute(&mut *connection)
        .await?;
    for hash in hashes {
        sqlx::query("INSERT INTO account_recovery_codes (account, hash, created_at) VALUES ($1, $2, $3)")
            .bind(account.0.as_str())
            .bind(hash.as_bytes())
            .bind(at.as_millis())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What there is of an account's recovery codes.
pub async fn recovery_codes(
    connection: &mut SqliteConnection,
    account: &Login,
) -> Result<RecoveryCodes, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) - COUNT(used_at), MIN(created_at), MAX(used_at) FROM account_recovery_codes \
         WHERE account = $1",
    )
    .bind(account.0.as_str())
    .fetch_one(connection)
    .await?;
    let time = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Time::from_millis));
    Ok(RecoveryCodes { left: super::whole(row.try_get(0)?), created_at: time(1)?, last_used_at: time(2)? })
}

/// Uses up a recovery code; false if it is none of this account's or was used before.
pub async fn use_recovery_code(
    connection: &mut SqliteConnection,
    account: &Login,
    hash: &TokenHash,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE account_recovery_codes SET used_at = $3 \
         WHERE account = $1 AND hash = $2 AND used_at IS NULL",
    )
    .bind(account.0.as_str())
    .bind(hash.as_bytes())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

fn authenticator(row: &SqliteRow) -> Result<AuthenticatorRow, StoreError> {
    Ok(AuthenticatorRow {
        id: FactorId(row.try_get(0)?),
        account: Login(row.try_get(1)?),
        name: row.try_get(2)?,
        seed: row.try_get(3)?,
        confirmed: row.try_get::<i16, _>(4)? != 0,
        last_step: row.try_get(5)?,
        created_at: Time::from_millis(row.try_get(6)?),
        last_used_at: row.try_get::<Option<i64>, _>(7)?.map(Time::from_millis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secrets::hash_token, store::Store};

    #[tokio::test]
    async fn a_step_and_a_recovery_code_are_taken_once_and_by_their_account() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let (anna, ben) = (Login::from("anna@example.org"), Login::from("ben@example.org"));
        let at = Time::from_millis(1_000);
        let row = AuthenticatorRow {
            id: FactorId("a".to_owned()),
            account: anna.clone(),
            name: "Phone".to_owned(),
            seed: vec![1, 2, 3],
            confirmed: false,
            last_step: 0,
            created_at: at,
            last_used_at: None,
        };
        let mut tx = store.write().await.unwrap();
        insert_authenticator(&mut tx, &row).await.unwrap();
        assert_eq!(authenticators(&mut tx, &anna).await.unwrap(), std::slice::from_ref(&row));
        assert!(!has_authenticator(&mut tx, &anna).await.unwrap());
        assert!(take_step(&mut tx, &row.id, 7, at).await.unwrap());
        assert!(has_authenticator(&mut tx, &anna).await.unwrap());
        for taken in [7, 6] {
            assert!(!take_step(&mut tx, &row.id, taken, at).await.unwrap());
        }
        assert!(take_step(&mut tx, &row.id, 8, at).await.unwrap());
        assert!(!remove_authenticator(&mut tx, &ben, &row.id).await.unwrap());

        let [first, second] = ["first", "second"].map(hash_token);
        replace_recovery_codes(&mut tx, &anna, &[first, second], at).await.unwrap();
        assert!(!use_recovery_code(&mut tx, &ben, &first, at).await.unwrap());
        assert!(use_recovery_code(&mut tx, &anna, &first, at).await.unwrap());
        assert!(!use_recovery_code(&mut tx, &anna, &first, at).await.unwrap());
        let left = RecoveryCodes { left: 1, created_at: Some(at), last_used_at: Some(at) };
        assert_eq!(recovery_codes(&mut tx, &anna).await.unwrap(), left);
        replace_recovery_codes(&mut tx, &anna, &[first], at).await.unwrap();
        assert!(!use_recovery_code(&mut tx, &anna, &second, at).await.unwrap());

        remove_unconfirmed(&mut tx, &anna).await.unwrap();
        assert_eq!(authenticators(&mut tx, &anna).await.unwrap().len(), 1, "a confirmed one stays");
        remove_all(&mut tx, &anna).await.unwrap();
        assert!(authenticators(&mut tx, &anna).await.unwrap().is_empty());
        assert_eq!(recovery_codes(&mut tx, &anna).await.unwrap(), RecoveryCodes::default());
    }
}
