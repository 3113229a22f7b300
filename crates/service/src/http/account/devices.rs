//! Browsers that the owner signed in with, known by their cookies.

use std::sync::Arc;

use axum::extract::{Form, Query, State, rejection::QueryRejection};
use jiff::tz::TimeZone;
use mailcup_wire::{AccountDevice, DeviceId};
use maud::{Markup, html};
use serde_json::json;
use sqlx::SqliteConnection;

use super::{Answer, Fault, IdForm, Inside, NameForm, factors::Which, overview::moment, rename_page};
use crate::{
    app::App,
    audit,
    http::web_sign_in::{Submitted, go, trouble},
    setup,
    store::{StoreError, account_devices},
    web_sign_in::device,
};

const RENAME: &str = "/account/devices/rename";
const RENAMING: (&str, &str) = ("Rename a browser", RENAME);
const REVOKE: &str = "/account/devices/revoke";

const NO_DEVICE: Fault = Fault::Missing("There is no such browser of yours.");

pub(super) async fn ask_for_name(
    State(app): State<Arc<App>>,
    inside: Inside,
    which: Result<Query<Which>, QueryRejection>,
) -> Answer {
    let Query(Which { id }) = which.map_err(|_| Fault::Unreadable)?;
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let found = account_devices::get(&mut connection, inside.account(), &DeviceId(id)).await?;
    let device = found.ok_or(NO_DEVICE)?;
    Ok(rename_page(&app, &inside, RENAMING, (&device.id.0, &device.name), None))
}

pub(super) async fn rename(State(app): State<Arc<App>>, inside: Inside, form: Submitted<NameForm>) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let (id, account) = (DeviceId(form.id), inside.account());
    let name = match setup::acceptable_name("name", &form.name) {
        Ok(name) => name,
        Err(problem) => {
            return Ok(rename_page(&app, &inside, RENAMING, (&id.0, &form.name), Some(&trouble(&problem))));
        }
    };
    let mut tx = app.log.begin().await?;
    if !account_devices::rename(tx.connection(), account, &id, &name).await? {
        return Err(NO_DEVICE);
    }
    let details = json!({ "device": id });
    audit::record(&mut tx, &inside.actor(), "account_device.rename", &account.0, &details).await?;
    tx.commit().await?;
    Ok(go("/account?done=device-renamed#devices", []))
}

pub(super) async fn revoke(State(app): State<Arc<App>>, inside: Inside, form: Submitted<IdForm>) -> Answer {
    let Form(form) = form?;
    inside.own(&app, &form.token)?;
    let id = DeviceId(form.id);
    let is_this = inside.session.device.as_ref() == Some(&id);
    let mut tx = app.log.begin().await?;
    if !device::revoke(&app, &mut tx, &inside.actor(), inside.account(), &id).await? {
        return Err(NO_DEVICE);
    }
    tx.commit().await?;
    Ok(go(if is_this { "/sign-out" } else { "/account?done=device-revoked#devices" }, []))
}

/// The part of the page that lists them.
pub(super) async fn section(
    app: &App,
    connection: &mut SqliteConnection,
    inside: &Inside,
    zone: &TimeZone,
) -> Result<Markup, StoreError> {
    let devices = account_devices::of(connection, inside.account()).await?;
    let token = inside.form_token(app);
    Ok(html! {
        section #devices aria-labelledby="devices-title" {
            h2 #devices-title { "Known browsers" }
            p.quiet {
                "A browser is verified once you gave a second factor in it. From a verified one you can still sign in where \
                 somebody else with your password would be refused."
            }
            @if devices.is_empty() {
                p.quiet { "None yet: this browser is known from its next sign-in on." }
            } @else {
                ul.list { @for device in &devices { (line(device, inside, &token, zone)) } }
            }
        }
    })
}

fn line(device: &AccountDevice, inside: &Inside, token: &str, zone: &TimeZone) -> Markup {
    let since = moment(device.first_at, zone);
    html! {
        li {
            p { b { (device.name) } @if inside.session.device.as_ref() == Some(&device.id) { " (this browser)" } }
            p.quiet {
                @match device.verified_at {
                    Some(at) => { "Verified on " (moment(at, zone)) ". " }
                    None => { "Not verified. " }
                }
                "First signed in on " (since) ", last on " (moment(device.last_at, zone))
                @if let Some(address) = device.address { " from " (address) }
                "."
            }
            form method="post" action=(REVOKE) {
                input type="hidden" name="token" value=(token);
                input type="hidden" name="id" value=(device.id.0);
                p.row {
                    a href={ (RENAME) "?id=" (device.id) } aria-label={ "Rename " (device.name) ", known since " (since) } { "Rename" }
                }
                button.plain aria-label={ "Forget " (device.name) ", known since " (since) } { "Forget and sign out" }
            }
        }
    }
}
