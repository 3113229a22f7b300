//! Rows of the devices that admins signed in from.

use mailcup_wire::{Address, AdminId, DeviceId, DeviceName, Time};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    StoreError,
    codes::{address_bytes, address_from_bytes},
    whole,
};

/// A device of an admin.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    pub id: DeviceId,
    pub name: String,
    pub first_at: Time,
    pub last_at: Time,
    pub address: Option<Address>,
    pub verified_at: Option<Time>,
    pub version: u32,
}

/// A sign-in from a device.
#[derive(Debug, Clone, Copy)]
pub struct SignedInFrom<'a> {
    pub device: &'a DeviceName,
    pub address: Option<Address>,
    pub at: Time,
    /// Whether a second factor was given.
    pub verified: bool,
}

/// Notes a sign-in; answers whether the admin had never used the device. A name that was given to it stays.
pub async fn remember(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    from: SignedInFrom<'_>,
) -> Result<bool, StoreError> {
    let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM devices WHERE admin = $1 AND device = $2")
        .bind(admin.0.as_str())
        .bind(from.device.id.as_str())
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO devices (admin, device, name, first_at, last_at, address, verified_at) \
         VALUES ($1, $2, $3, $4, $4, $5, $6) ON CONFLICT (admin, device) DO UPDATE SET \
         last_at = excluded.last_at, address = excluded.address, \
         verified_at = COALESCE(devices.verified_at, excluded.verified_at)",
    )
    .bind(admin.0.as_str())
    .bind(from.device.id.as_str())
    .bind(from.device.name.as_str())
    .bind(from.at.as_millis())
    .bind(from.address.map(|address| address_bytes(address.ip()).to_vec()))
    .bind(from.verified.then_some(from.at.as_millis()))
    .execute(connection)
    .await?;
    Ok(known == 0)
}

/// Notes when a device was last there.
pub async fn seen(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    device: &str,
    at: Time,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE devices SET last_at = $3 WHERE admin = $1 AND device = $2 AND last_at < $3")
        .bind(admin.0.as_str())
        .bind(device)
        .bind(at.as_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// All devices of an admin, the one that signed in last first.
pub async fn of(connection: &mut SqliteConnection, admin: &AdminId) -> Result<Vec<DeviceRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT device, name, first_at, last_at, address, verified_at, version FROM devices WHERE admin = $1 \
         ORDER BY last_at DESC, device",
    )
    .bind(admin.0.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(device).collect()
}

/// Gives a device another name.
pub async fn rename(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    (device, name): (&DeviceId, &str),
) -> Result<(), StoreError> {
    sqlx::query("UPDATE devices SET name = $3, version = version + 1 WHERE admin = $1 AND device = $2")
        .bind(admin.0.as_str())
        .bind(device.0.as_str())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a device.
pub async fn delete(
    connection: &mut SqliteConnection,
    admin: &AdminId,
    device: &DeviceId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM devices WHERE admin = $1 AND device = $2")
        .bind(admin.0.as_str())
        .bind(device.0.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

fn device(row: &SqliteRow) -> Result<DeviceRow, StoreError> {
    let address: Option<Vec<u8>> = row.try_get(4)?;
    Ok(DeviceRow {
        id: DeviceId(row.try_get(0)?),
        name: row.try_get(1)?,
        first_at: Time::from_millis(row.try_get(2)?),
        last_at: Time::from_millis(row.try_get(3)?),
        address: address.and_then(|bytes| address_from_bytes(&bytes)).map(Address::from),
        verified_at: row.try_get::<Option<i64>, _>(5)?.map(Time::from_millis),
        version: whole(row.try_get(6)?),
    })
}
