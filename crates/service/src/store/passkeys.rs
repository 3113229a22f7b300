//! Rows of accounts' passkeys.

use mailcup_wire::{FactorId, Login, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::StoreError;

/// A passkey of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    pub id: FactorId,
    pub name: String,
    /// The credential's id, which its device chose.
    pub credential: Vec<u8>,
    /// A `COSE_Key`.
    pub key: Vec<u8>,
    pub counter: u32,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
}

/// Adds one; false if its credential is known already, of whichever account.
pub async fn insert(
    connection: &mut SqliteConnection,
    account: &Login,
    row: &PasskeyRow,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO account_passkeys (id, account, name, credential, public_key, counter, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential) DO NOTHING",
    )
    .bind(row.id.0.as_str())
    .bind(account.0.as_str())
    .bind(row.name.as_str())
    .bind(row.credential.as_slice())
    .bind(row.key.as_slice())
    .bind(i64::from(row.counter))
    .bind(row.created_at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// An account's passkeys, oldest first.
pub async fn of(connection: &mut SqliteConnection, account: &Login) -> Result<Vec<PasskeyRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, name, credential, public_key, counter, created_at, last_used_at FROM account_passkeys \
         WHERE account = $1 ORDER BY created_at, id",
    )
    .bind(account.0.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(passkey).collect()
}

/// Notes that one signed, and counts on from `known`; false if somebody else did so meanwhile.
pub async fn count_on(
    connection: &mut SqliteConnection,
    id: &FactorId,
    known: u32,
    next: u32,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE account_passkeys SET counter = $3, last_used_at = $4 WHERE id = $1 AND counter = $2",
    )
    .bind(id.0.as_str())
    .bind(i64::from(known))
    .bind(i64::from(next))
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives a passkey of this account another name; false if there is none such.
pub async fn rename(
    connection: &mut SqliteConnection,
    account: &Login,
    id: &FactorId,
    name: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE account_passkeys SET name = $3 WHERE account = $1 AND id = $2")
        .bind(account.0.as_str())
        .bind(id.0.as_str())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a passkey of this account; false if there is none such.
pub async fn remove(
    connection: &mut SqliteConnection,
    account: &Login,
    id: &FactorId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM account_passkeys WHERE account = $1 AND id = $2")
        .bind(account.0.as_str())
        .bind(id.0.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn passkey(row: &SqliteRow) -> Result<PasskeyRow, StoreError> {
    Ok(PasskeyRow {
        id: FactorId(row.try_get(0)?),
        name: row.try_get(1)?,
        credential: row.try_get(2)?,
        key: row.try_get(3)?,
        counter: super::whole(row.try_get(4)?),
        created_at: Time::from_millis(row.try_get(5)?),
        last_used_at: row.try_get::<Option<i64>, _>(6)?.map(Time::from_millis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_credential_is_known_once_and_counts_on_from_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let (anna, ben) = (Login::from("anna@example.org"), Login::from("ben@example.org"));
        let at = Time::from_millis(1_000);
        let row = PasskeyRow {
            id: FactorId("a".to_owned()),
            name: "Laptop".to_owned(),
            credential: vec![1, 2, 3],
            key: vec![4, 5],
            counter: u32::MAX - 1,
            created_at: at,
            last_used_at: None,
        };
        let mut tx = store.write().await.unwrap();
        assert!(insert(&mut tx, &anna, &row).await.unwrap());
        assert_eq!(of(&mut tx, &anna).await.unwrap(), std::slice::from_ref(&row));
        let copy = PasskeyRow { id: FactorId("b".to_owned()), ..row.clone() };
        assert!(!insert(&mut tx, &ben, &copy).await.unwrap());
        assert!(of(&mut tx, &ben).await.unwrap().is_empty());

        assert!(!count_on(&mut tx, &row.id, 7, 8, at).await.unwrap());
        assert!(count_on(&mut tx, &row.id, row.counter, u32::MAX, at).await.unwrap());
        assert!(!count_on(&mut tx, &row.id, row.counter, u32::MAX, at).await.unwrap());
        for (account, is_theirs) in [(&ben, false), (&anna, true)] {
            assert_eq!(rename(&mut tx, account, &row.id, "Old laptop").await.unwrap(), is_theirs);
        }
        let used = PasskeyRow {
            name: "Old laptop".to_owned(),
            counter: u32::MAX,
            last_used_at: Some(at),
            ..row.clone()
        };
        assert_eq!(of(&mut tx, &anna).await.unwrap(), [used]);
        for (account, is_theirs) in [(&ben, false), (&anna, true), (&anna, false)] {
            assert_eq!(remove(&mut tx, account, &row.id).await.unwrap(), is_theirs);
        }
    }
}
