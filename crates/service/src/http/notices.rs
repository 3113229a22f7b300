//! When account owners get mails after authorizations.

use std::sync::Arc;

use axum::extract::State;
use jiff::tz::TimeZone;
use mailcup_wire::{AccountNotices, Code, Login, NoticeSettings, NoticeSettingsChange, Problem};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accounts::lower,
    auth::{Reader, Writer},
    body::{Json, Path},
    client::Client,
    etag::{IfMatch, Versioned},
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    settings::{NOTICES, swap},
    setup,
    store::{self, StoreError, accounts, notices},
};

/// A window of a week is the longest.
const LONGEST_WINDOW: u32 = 168;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(settings, set_settings)).routes(routes!(of_account, set_of_account))
}

/// When account owners get mails, unless their account has settings of its own.
#[utoipa::path(
    get, path = "/v1/settings/notices", tag = "settings", responses((status = 200, body = NoticeSettings)),
    extensions(("x-permission" = json!("read"))),
)]
async fn settings(State(app): State<Arc<App>>, _: Reader) -> Versioned<NoticeSettings> {
    let current = app.settings.notices.load().as_ref().clone();
    Versioned { version: current.version, value: current }
}

/// Changes when account owners get mails.
#[utoipa::path(
    put, path = "/v1/settings/notices", tag = "settings",
    responses((status = 200, body = NoticeSettings), (status = 412)), extensions(("x-permission" = json!("write"))),
)]
async fn set_settings(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    version: IfMatch,
    Json(change): Json<NoticeSettingsChange>,
) -> Answer<Versioned<NoticeSettings>> {
    let NoticeSettingsChange { mode, window_hours, zone } = change;
    if !(1..=LONGEST_WINDOW).contains(&window_hours) {
        let message = format!("This must be between 1 and {LONGEST_WINDOW} hours.");
        return Err(Problem::field("window_hours", message).into());
    }
    let zone = acceptable_zone(&zone)?;
    let mut tx = app.log.begin().await?;
    let current = app.settings.notices.load_full();
    version.check(current.version, &*current)?;
    let next = NoticeSettings { mode, window_hours, zone, version: current.version + 1 };
    store::settings::put(tx.connection(), NOTICES, &next, next.version).await?;
    audit::record(&mut tx, &Actor::of(&caller, client), "settings.notices", "notices", &json!(next)).await?;
    let (shared, stored) = (Arc::clone(&app), next.clone());
    tx.after_commit(move || swap(&shared.settings.notices, stored));
    tx.commit().await?;
    Ok(Versioned { version: next.version, value: next })
}

/// How one account's mails differ from the organization's.
#[utoipa::path(
    get, path = "/v1/accounts/{login}/notices", tag = "accounts", params(("login" = String, Path)),
    responses((status = 200, body = AccountNotices), (status = 404)), extensions(("x-permission" = json!("read"))),
)]
async fn of_account(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(login): Path<Login>,
) -> Answer<Versioned<AccountNotices>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let account = accounts::get(&mut connection, &lower(&login)).await?.ok_or_else(not_found)?;
    let current = notices::of_account(&mut connection, &account.login).await?;
    Ok(Versioned { version: current.version, value: current })
}

/// Changes how one account's mails differ. The version and `last_sent_at` in the body do not matter; If-Match does.
#[utoipa::path(
    put, path = "/v1/accounts/{login}/notices", tag = "accounts", params(("login" = String, Path)),
    responses((status = 200, body = AccountNotices), (status = 404), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn set_of_account(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Path(login): Path<Login>,
    version: IfMatch,
    Json(change): Json<AccountNotices>,
) -> Answer<Versioned<AccountNotices>> {
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let zone = given(change.zone).map(|zone| acceptable_zone(&zone)).transpose()?;
    let address = given(change.address).map(|to| setup::acceptable_email("address", &to)).transpose()?;
    let mut tx = app.log.begin().await?;
    let account = accounts::get(tx.connection(), &lower(&login)).await?.ok_or_else(not_found)?;
    let current = notices::of_account(tx.connection(), &account.login).await?;
    version.check(current.version, &current)?;
    let next = AccountNotices {
        mode: change.mode,
        zone,
        address,
        last_sent_at: current.last_sent_at,
        version: current.version + 1,
    };
    notices::put_of_account(tx.connection(), &account.login, &next).await?;
    let details = json!({ "mode": next.mode, "zone": next.zone, "address": next.address });
    let actor = Actor::of(&caller, client);
    audit::record(&mut tx, &actor, "account.notices", &account.login.0, &details).await?;
    tx.commit().await?;
    Ok(Versioned { version: next.version, value: next })
}

fn acceptable_zone(zone: &str) -> Result<String, HttpProblem> {
    let zone = zone.trim();
    // A path, say, is no name of a zone whatever lies there.
    let named = !zone.is_empty() && zone.len() <= 64 && !zone.starts_with(['/', '.']);
    match TimeZone::get(zone) {
        Ok(_) if named => Ok(zone.to_owned()),
        _ => Err(Problem::field("zone", "There is no such time zone; write it like Europe/Berlin.").into()),
    }
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is no such account.")
}
