//! The page itself.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use jiff::tz::TimeZone;
use mailcup_wire::Time;
use maud::html;
use serde::Deserialize;

use super::{Fault, Inside, app_passwords, devices, factors, sessions};
use crate::{app::App, http::page::page, mail::notice, store::StoreError};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    done: String,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    inside: Inside,
    Query(wish): Query<Wish>,
) -> Result<Response, Fault> {
    let organization = app.settings.organization_name();
    let owner = inside.owner(&app).await?;
    let zone = owner.as_ref().map_or(TimeZone::UTC, |owner| owner.zone.clone());
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let app_passwords = app_passwords::section(&app, &mut connection, &inside, &zone).await?;
    let factors = factors::section(&app, &mut connection, &inside, owner.as_ref(), &zone).await?;
    let devices = devices::section(&app, &mut connection, &inside, &zone).await?;
    drop(connection);
    let content = html! {
        @if let Some(done) = done(&wish.done) { p.done role="status" { (done) } }
        p { "Signed in to " (organization) " as " b { (inside.account().0) } "." }
        p {
            a href="/account/sign-ins" { "Sign-in history" } " · " a href="/sign-out" { "Sign out" }
        }
        (factors)
        (sessions::section(&app, &inside, &zone))
        (devices)
        (app_passwords)
    };
    Ok(page(StatusCode::OK, "Your account", &content))
}

/// A moment in the owner's zone.
pub(super) fn moment(at: Time, zone: &TimeZone) -> String {
    notice::moment(&at.0.to_zoned_datetime(zone.clone()))
}

/// What a change says that led here.
fn done(what: &str) -> Option<&'static str> {
    match what {
        "sessions" => Some("Done. Whoever used that browser is signed out."),
        "authenticator" => Some("The authenticator is set up: you are asked for its codes from now on."),
        "passkey" => Some("The passkey is set up: you are asked for it from now on."),
        "device-renamed" => Some("The browser has its new name."),
        "device-revoked" => Some("Done. That browser is signed out, and is a new one if it signs in again."),
        "renamed" => Some("The passkey has its new name."),
        "passkey-removed" => Some("The passkey is removed: it signs nobody in any more."),
        "removed" => Some("The authenticator is removed: its codes sign nobody in any more."),
        "revoked" => Some("The app password is revoked: it opens nothing any more."),
        _ => None,
    }
}
