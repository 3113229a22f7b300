//! Browsers as devices: each is known by a cookie that the service signed, and is verified for an account once a second
//! factor was given from it.
//!
//! The cookie opens nothing. A verified device is asked for a second factor where a sign-in from elsewhere would be
//! refused as a stolen password's, and what strangers try at its account brings it no captcha (device cookies, OWASP).

use std::sync::Arc;

use data_encoding::HEXLOWER;
use mailcup_wire::{DeviceId, Login};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Browser, Which, end_sessions};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    secrets::{self, ServerKey},
    store::{StoreError, account_devices},
};

const PURPOSE: &str = "device cookie";

/// The value of a device's cookie: its id and a code under the server's key.
pub fn signed(key: &ServerKey, device: &DeviceId) -> SecretString {
    format!("{device}.{}", HEXLOWER.encode(key.authenticate(PURPOSE, &device.0).as_bytes())).into()
}

/// The device of a cookie that is ours.
pub fn read(key: &ServerKey, cookie: &SecretString) -> Option<DeviceId> {
    let (id, _) = cookie.expose_secret().split_once('.')?;
    let device = DeviceId(id.to_owned());
    secrets::same(&signed(key, &device), cookie.expose_secret()).then_some(device)
}

/// One that nobody has yet.
pub fn new() -> DeviceId {
    DeviceId(secrets::new_id())
}

/// Whether a second factor of this account was given from this browser.
pub async fn is_verified(app: &App, browser: &Browser, account: &Login) -> Result<bool, StoreError> {
    let Some(device) = &browser.device else { return Ok(false) };
    let mut connection = app.store.read().acquire().await?;
    let found = account_devices::get(&mut connection, account, device).await?;
    Ok(found.is_some_and(|device| device.verified_at.is_some()))
}

/// Forgets a device of an account and ends its sessions, and records who did it; false if there is none such. For the
/// transaction's commit.
pub async fn revoke(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    actor: &Actor,
    account: &Login,
    device: &DeviceId,
) -> Result<bool, StoreError> {
    let Some(row) = account_devices::get(tx.connection(), account, device).await? else { return Ok(false) };
    account_devices::delete(tx.connection(), account, device).await?;
    let details = json!({ "device": device, "name": row.name });
    audit::record(tx, actor, "account_device.revoke", &account.0, &details).await?;
    end_sessions(app, tx, actor, account, Which::On(device.clone())).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_known_by_a_cookie_of_this_server_alone() {
        let [own, other] = [(); 2].map(|()| {
            let folder = tempfile::tempdir().unwrap();
            ServerKey::open(folder.path()).unwrap()
        });
        let device = new();
        let cookie = signed(&own, &device);
        assert_eq!(read(&own, &cookie), Some(device.clone()));
        assert_eq!(read(&other, &cookie), None);
        let (_, code) = cookie.expose_secret().split_once('.').unwrap();
        for forged in [
            format!("{}.{code}", new()),
            format!("{device}."),
            format!("{device}"),
            format!("{device}.{}", "0".repeat(64)),
            format!("{cookie}0", cookie = cookie.expose_secret()),
            String::new(),
        ] {
            assert_eq!(read(&own, &forged.clone().into()), None, "{forged}");
        }
    }
}
