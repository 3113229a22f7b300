//! Rows of the browsers in which accounts signed in on the web.

use mailcup_wire::{AccountDevice, Address, DeviceId, Login, Network, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    StoreError,
    codes::{address_bytes, address_from_bytes},
};

/// Devices of an account that are kept, the ones that signed in last.
const MOST: i64 = 100;

/// A sign-in from a device.
#[derive(Debug, Clone, Copy)]
pub struct SignedInFrom<'a> {
    pub device: &'a DeviceId,
    /// What the browser calls itself.
    pub name: &'a str,
    pub address: Option<Address>,
    pub at: Time,
    /// Whether a second factor was given.
    pub verified: bool,
}

/// Notes a sign-in; a name that its owner gave to the device stays.
pub async fn remember(
    connection: &mut SqliteConnection,
    account: &Login,
    from: SignedInFrom<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_devices (account, device, name, first_at, last_at, address, verified_at) \
         VALUES ($1, $2, $3, $4, $4, $5, $6) ON CONFLICT (account, device) DO UPDATE SET \
         last_at = excluded.last_at, address = excluded.address, \
         verified_at = COALESCE(account_devices.verified_at, excluded.verified_at)",
    )
    .bind(account.0.as_str())
    .bind(from.device.0.as_str())
    .bind(from.name)
    .bind(from.at.as_millis())
    .bind(from.address.map(|address| address_bytes(address.ip()).to_vec()))
    .bind(from.verified.then_some(from.at.as_millis()))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM account_devices WHERE account = $1 AND device NOT IN \
         (SELECT device FROM account_devices WHERE account = $1 ORDER BY last_at DESC, device LIMIT $2)",
    )
    .bind(account.0.as_str())
    .bind(MOST)
    .execute(connection)
    .await?;
    Ok(())
}

/// A device of an account.
pub async fn get(
    connection: &mut SqliteConnection,
    account: &Login,
    device: &DeviceId,
) -> Result<Option<AccountDevice>, StoreError> {
    let row = sqlx::query(
        "SELECT device, name, first_at, last_at, address, verified_at FROM account_devices \
         WHERE account = $1 AND device = $2",
    )
    .bind(account.0.as_str())
    .bind(device.0.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(shown).transpose()
}

/// All devices of an account, the one that signed in last first.
pub async fn of(
    connection: &mut SqliteConnection,
    account: &Login,
) -> Result<Vec<AccountDevice>, StoreError> {
    let rows = sqlx::query(
        "SELECT device, name, first_at, last_at, address, verified_at FROM account_devices \
         WHERE account = $1 ORDER BY last_at DESC, device",
    )
    .bind(account.0.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(shown).collect()
}

/// Gives a device another name; false if there is none such.
pub async fn rename(
    connection: &mut SqliteConnection,
    account: &Login,
    device: &DeviceId,
    name: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE account_devices SET name = $3 WHERE account = $1 AND device = $2")
        .bind(account.0.as_str())
        .bind(device.0.as_str())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets a device; false if there is none such.
pub async fn delete(
    connection: &mut SqliteConnection,
    account: &Login,
    device: &DeviceId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM account_devices WHERE account = $1 AND device = $2")
        .bind(account.0.as_str())
        .bind(device.0.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets the devices with which the account signed in last from there.
pub async fn delete_from(
    connection: &mut SqliteConnection,
    account: &Login,
    network: Network,
) -> Result<(), StoreError> {
    for device in of(&mut *connection, account).await? {
        if device.address.is_some_and(|address| network.contains(address)) {
            delete(&mut *connection, account, &device.id).await?;
        }
    }
    Ok(())
}

/// No device of the account counts as verified any more.
pub async fn distrust_all(connection: &mut SqliteConnection, account: &Login) -> Result<(), StoreError> {
    sqlx::query("UPDATE account_devices SET verified_at = NULL WHERE account = $1")
        .bind(account.0.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

fn shown(row: &SqliteRow) -> Result<AccountDevice, StoreError> {
    let address: Option<Vec<u8>> = row.try_get(4)?;
    Ok(AccountDevice {
        id: DeviceId(row.try_get(0)?),
        name: row.try_get(1)?,
        first_at: Time::from_millis(row.try_get(2)?),
        last_at: Time::from_millis(row.try_get(3)?),
        address: address.and_then(|bytes| address_from_bytes(&bytes)).map(Address::from),
        verified_at: row.try_get::<Option<i64>, _>(5)?.map(Time::from_millis),
    })
}
