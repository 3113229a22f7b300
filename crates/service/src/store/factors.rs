//! Rows of second factors: authenticators and recovery codes of admins and of accounts, and ways in opened on the
//! server's shell. Passkeys are rows of their own ([`super::passkeys`]), but count here.

use mailcup_wire::{AdminId, FactorId, Login, Time};
use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, second_factors::Person};
use crate::secrets::TokenHash;

/// An authenticator app's enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorRow {
    pub id: FactorId,
    /// None of admins, who don't name theirs.
    pub name: Option<String>,
    /// The seed, sealed with the server key.
    pub seed: Vec<u8>,
    pub confirmed: bool,
    pub last_step: i64,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
}

impl AuthenticatorRow {
    /// What its owner calls it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("Authenticator app")
    }
}

/// Somebody's recovery codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryCodes {
    pub left: u32,
    pub created_at: Option<Time>,
    pub last_used_at: Option<Time>,
}

/// Where somebody's factors are, and the column that says whose.
struct Tables {
    authenticators: &'static str,
    recovery_codes: &'static str,
    /// Only accounts have any.
    passkeys: Option<&'static str>,
    whose: &'static str,
    name: &'static str,
}

impl Person<'_> {
    fn tables(self) -> Tables {
        match self {
            Self::Admin(_) => Tables {
                authenticators: "authenticators",
                recovery_codes: "recovery_codes",
                passkeys: None,
                whose: "admin",
                name: "NULL",
            },
            Self::Account(_) => Tables {
                authenticators: "account_authenticators",
                recovery_codes: "account_recovery_codes",
                passkeys: Some("account_passkeys"),
                whose: "account",
                name: "name",
            },
        }
    }
}

pub async fn insert_authenticator(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    row: &AuthenticatorRow,
) -> Result<(), StoreError> {
    let Tables { authenticators, whose, .. } = person.tables();
    let (column, value) = if row.name.is_some() { (", name", ", $7") } else { ("", "") };
    let sql = format!(
        "INSERT INTO {authenticators} (id, {whose}, seed, confirmed, last_step, created_at{column}) \
         VALUES ($1, $2, $3, $4, $5, $6{value})"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .bind(row.id.0.as_str())
        .bind(person.id())
        .bind(row.seed.as_slice())
        .bind(i16::from(row.confirmed))
        .bind(row.last_step)
        .bind(row.created_at.as_millis());
    if let Some(name) = &row.name {
        query = query.bind(name.as_str());
    }
    query.execute(connection).await?;
    Ok(())
}

/// Somebody's authenticators, oldest first, confirmed or not.
pub async fn authenticators(
    connection: &mut SqliteConnection,
    person: Person<'_>,
) -> Result<Vec<AuthenticatorRow>, StoreError> {
    let Tables { authenticators, whose, name, .. } = person.tables();
    let sql = format!(
        "SELECT id, {name}, seed, confirmed, last_step, created_at, last_used_at FROM {authenticators} \
         WHERE {whose} = $1 ORDER BY created_at, id"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(person.id()).fetch_all(connection).await?;
    rows.iter().map(authenticator).collect()
}

/// Whether somebody has an authenticator that was confirmed.
pub async fn has_authenticator(
    connection: &mut SqliteConnection,
    person: Person<'_>,
) -> Result<bool, StoreError> {
    let Tables { authenticators, whose, .. } = person.tables();
    let sql = format!("SELECT COUNT(*) FROM {authenticators} WHERE {whose} = $1 AND confirmed = 1");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(person.id()).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Whether somebody has a factor that no reader of their mail can give: an authenticator that was confirmed, or a
/// passkey. Recovery codes stand in for one.
pub async fn has_own(connection: &mut SqliteConnection, person: Person<'_>) -> Result<bool, StoreError> {
    Ok(has_authenticator(connection, person).await? || has_passkey(connection, person).await?)
}

/// Whether somebody has a passkey.
pub async fn has_passkey(connection: &mut SqliteConnection, person: Person<'_>) -> Result<bool, StoreError> {
    let Tables { passkeys, whose, .. } = person.tables();
    let Some(passkeys) = passkeys else { return Ok(false) };
    let sql = format!("SELECT COUNT(*) FROM {passkeys} WHERE {whose} = $1");
    let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(person.id()).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Takes a code's time step; false if it or a later one was taken before. Confirms the authenticator.
pub async fn take_step(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    id: &FactorId,
    step: i64,
    at: Time,
) -> Result<bool, StoreError> {
    let Tables { authenticators, whose, .. } = person.tables();
    let sql = format!(
        "UPDATE {authenticators} SET last_step = $3, last_used_at = $4, confirmed = 1 \
         WHERE {whose} = $1 AND id = $2 AND last_step < $3"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(person.id()).bind(id.0.as_str());
    let done = query.bind(step).bind(at.as_millis()).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}

/// Removes an authenticator of this person; false if there was none.
pub async fn remove_authenticator(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    id: &FactorId,
) -> Result<bool, StoreError> {
    let Tables { authenticators, whose, .. } = person.tables();
    let sql = format!("DELETE FROM {authenticators} WHERE {whose} = $1 AND id = $2");
    let query = sqlx::query(AssertSqlSafe(sql)).bind(person.id()).bind(id.0.as_str());
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// Removes enrolments that were never confirmed.
pub async fn remove_unconfirmed(
    connection: &mut SqliteConnection,
    person: Person<'_>,
) -> Result<(), StoreError> {
    let Tables { authenticators, whose, .. } = person.tables();
    let sql = format!("DELETE FROM {authenticators} WHERE {whose} = $1 AND confirmed = 0");
    sqlx::query(AssertSqlSafe(sql)).bind(person.id()).execute(connection).await?;
    Ok(())
}

/// Takes away every authenticator, passkey and recovery code of somebody.
pub async fn remove_all(connection: &mut SqliteConnection, person: Person<'_>) -> Result<(), StoreError> {
    let Tables { authenticators, recovery_codes, passkeys, whose, .. } = person.tables();
    for table in [authenticators, recovery_codes].into_iter().chain(passkeys) {
        let sql = format!("DELETE FROM {table} WHERE {whose} = $1");
        sqlx::query(AssertSqlSafe(sql)).bind(person.id()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Replaces all recovery codes of somebody.
pub async fn replace_recovery_codes(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    hashes: &[TokenHash],
    at: Time,
) -> Result<(), StoreError> {
    let Tables { recovery_codes, whose, .. } = person.tables();
    let sql = format!("DELETE FROM {recovery_codes} WHERE {whose} = $1");
    sqlx::query(AssertSqlSafe(sql)).bind(person.id()).execute(&mut *connection).await?;
    for hash in hashes {
        let sql = format!("INSERT INTO {recovery_codes} ({whose}, hash, created_at) VALUES ($1, $2, $3)");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(person.id()).bind(hash.as_bytes());
        query.bind(at.as_millis()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// What there is of somebody's recovery codes.
pub async fn recovery_codes(
    connection: &mut SqliteConnection,
    person: Person<'_>,
) -> Result<RecoveryCodes, StoreError> {
    let Tables { recovery_codes, whose, .. } = person.tables();
    let sql = format!(
        "SELECT COUNT(*) - COUNT(used_at), MIN(created_at), MAX(used_at) FROM {recovery_codes} \
         WHERE {whose} = $1"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(person.id()).fetch_one(connection).await?;
    let time = |column| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(column)?.map(Time::from_millis));
    Ok(RecoveryCodes { left: super::whole(row.try_get(0)?), created_at: time(1)?, last_used_at: time(2)? })
}

/// Uses up a recovery code; false if it is none of this person's or was used before.
pub async fn use_recovery_code(
    connection: &mut SqliteConnection,
    person: Person<'_>,
    hash: &TokenHash,
    at: Time,
) -> Result<bool, StoreError> {
    let Tables { recovery_codes, whose, .. } = person.tables();
    let sql = format!(
        "UPDATE {recovery_codes} SET used_at = $3 WHERE {whose} = $1 AND hash = $2 AND used_at IS NULL"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(person.id()).bind(hash.as_bytes());
    Ok(query.bind(at.as_millis()).execute(connection).await?.rows_affected() > 0)
}

/// Opens a way in until `expires_at`, with a code that works once.
pub async fn open_recovery(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    hash: &TokenHash,
    expires_at: Time,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO recoveries (admin, hash, expires_at) VALUES ($1, $2, $3)")
        .bind(admin.0.as_str())
        .bind(hash.as_bytes())
        .bind(expires_at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a way in is open for an admin at `now`.
pub async fn is_recovering(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    now: Time,
) -> Result<bool, StoreError> {
    let open: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM recoveries WHERE admin = $1 AND expires_at > $2")
            .bind(admin.0.as_str())
            .bind(now.as_millis())
            .fetch_one(connection)
            .await?;
    Ok(open > 0)
}

/// Admins for whom a way in is open at `now`, and until when.
pub async fn ways_in(connection: &mut SqliteConnection, now: Time) -> Result<Vec<(Login, Time)>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT a.login, MAX(r.expires_at) FROM recoveries r JOIN admins a ON a.id = r.admin \
         WHERE r.expires_at > $1 GROUP BY a.login",
    )
    .bind(now.as_millis())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(login, until)| (Login(login), Time::from_millis(until))).collect())
}

/// Uses up the code of an open way in; false if there is none such.
pub async fn use_recovery(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    hash: &TokenHash,
    at: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE recoveries SET used_at = $3 \
         WHERE admin = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3",
    )
    .bind(admin.0.as_str())
    .bind(hash.as_bytes())
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

fn authenticator(row: &SqliteRow) -> Result<AuthenticatorRow, StoreError> {
    Ok(AuthenticatorRow {
        id: FactorId(row.try_get(0)?),
        name: row.try_get(1)?,
        seed: row.try_get(2)?,
        confirmed: row.try_get::<i16, _>(3)? != 0,
        last_step: row.try_get(4)?,
        created_at: Time::from_millis(row.try_get(5)?),
        last_used_at: row.try_get::<Option<i64>, _>(6)?.map(Time::from_millis),
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
        let (anna, ben) = (Person::Account(&anna), Person::Account(&ben));
        let at = Time::from_millis(1_000);
        let row = AuthenticatorRow {
            id: FactorId("a".to_owned()),
            name: Some("Phone".to_owned()),
            seed: vec![1, 2, 3],
            confirmed: false,
            last_step: 0,
            created_at: at,
            last_used_at: None,
        };
        let mut tx = store.write().await.unwrap();
        insert_authenticator(&mut tx, anna, &row).await.unwrap();
        assert_eq!(authenticators(&mut tx, anna).await.unwrap(), std::slice::from_ref(&row));
        assert!(!has_authenticator(&mut tx, anna).await.unwrap());
        assert!(!take_step(&mut tx, ben, &row.id, 7, at).await.unwrap());
        assert!(take_step(&mut tx, anna, &row.id, 7, at).await.unwrap());
        assert!(has_authenticator(&mut tx, anna).await.unwrap());
        for taken in [7, 6] {
            assert!(!take_step(&mut tx, anna, &row.id, taken, at).await.unwrap());
        }
        assert!(take_step(&mut tx, anna, &row.id, 8, at).await.unwrap());
        assert!(!remove_authenticator(&mut tx, ben, &row.id).await.unwrap());

        let [first, second] = ["first", "second"].map(hash_token);
        replace_recovery_codes(&mut tx, anna, &[first, second], at).await.unwrap();
        assert!(!use_recovery_code(&mut tx, ben, &first, at).await.unwrap());
        assert!(use_recovery_code(&mut tx, anna, &first, at).await.unwrap());
        assert!(!use_recovery_code(&mut tx, anna, &first, at).await.unwrap());
        let left = RecoveryCodes { left: 1, created_at: Some(at), last_used_at: Some(at) };
        assert_eq!(recovery_codes(&mut tx, anna).await.unwrap(), left);
        replace_recovery_codes(&mut tx, anna, &[first], at).await.unwrap();
        assert!(!use_recovery_code(&mut tx, anna, &second, at).await.unwrap());

        remove_unconfirmed(&mut tx, anna).await.unwrap();
        assert_eq!(authenticators(&mut tx, anna).await.unwrap().len(), 1, "a confirmed one stays");
        remove_all(&mut tx, anna).await.unwrap();
        assert!(authenticators(&mut tx, anna).await.unwrap().is_empty());
        assert_eq!(recovery_codes(&mut tx, anna).await.unwrap(), RecoveryCodes::default());
    }
}
