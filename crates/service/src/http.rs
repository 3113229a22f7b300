//! The HTTP interface: routes, and what all of them have in common.

mod account;
mod account_devices;
mod accounts;
pub(crate) mod admins;
mod alerts;
pub(crate) mod api_keys;
pub(crate) mod app_passwords;
mod audit;
pub mod auth;
mod backup_targets;
mod backups;
mod block_lists;
pub(crate) mod blocks;
pub mod body;
pub mod client;
mod devices;
pub mod etag;
mod events;
mod frame;
pub mod hosts;
mod imports;
mod invitations;
mod mail_servers;
pub(crate) mod me;
mod not_me;
mod notices;
mod openapi;
mod page;
pub mod paging;
mod places;
mod policy;
pub mod problem;
pub mod proof;
mod reauthentication;
mod repository;
mod second_factors;
mod service;
mod settings;
mod setup;
mod sign_in;
mod snippet;
mod web_sessions;
mod web_sign_in;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, Uri},
    middleware,
};
use mailcup_wire::{API_VERSION, Code, Problem};
use utoipa::openapi::{InfoBuilder, OpenApiBuilder};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::problem::HttpProblem;
use crate::app::App;

/// Dovecot's requests hold well under 1 KiB.
const MAIL_SERVER_BODY: usize = 16 * 1024;

/// The private listener: the API, Dovecot's policy, metrics.
pub fn private(app: &Arc<App>) -> Router {
    let (api, _) = api().split_for_parts();
    let framed = api
        .layer(DefaultBodyLimit::max(app.limits.body))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(app), frame::frame));
    let (mail_servers, _) = mail_servers_routes().split_for_parts();
    let lean = mail_servers
        .layer(DefaultBodyLimit::max(MAIL_SERVER_BODY))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(app), frame::lean));
    framed.merge(lean).with_state(Arc::clone(app))
}

/// The public listener: what strangers may reach.
pub fn public(app: &Arc<App>) -> Router {
    Router::new()
        .merge(service::health())
        .merge(not_me::routes())
        .merge(web_sign_in::routes())
        .merge(account::routes())
        .layer(DefaultBodyLimit::max(app.limits.body))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(app), frame::frame))
        .with_state(Arc::clone(app))
}

/// The OpenAPI document of the private listener.
pub fn openapi() -> serde_json::Value {
    openapi::complete(&api().merge(mail_servers_routes()).into_openapi())
}

/// What mail servers ask, hundreds of times a second: they are no browsers and need no more than an answer.
fn mail_servers_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(crate::policy::dovecot::dovecot))
        .routes(routes!(crate::policy::app_password::grant))
        .routes(routes!(crate::policy::app_password::introspect))
}

/// All routes of the API, each with its description.
fn api() -> OpenApiRouter<Arc<App>> {
    let info = InfoBuilder::new()
        .title("mailcupd")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Guards an organization's mail accounts. Every operation says in `x-permission` who may call it: \
             `open` (anybody), `session` (any signed-in admin), `read`, `write`, `owner`, `mail` (whoever may \
             read the mail in snapshots), or `policy` (a mail server's key).",
        ))
        .build();
    let document = OpenApiBuilder::new().info(info).build();
    OpenApiRouter::with_openapi(document)
        .merge(service::routes())
        .merge(accounts::routes())
        .merge(account_devices::routes())
        .merge(web_sessions::routes())
        .merge(alerts::routes())
        .merge(blocks::routes())
        .merge(block_lists::routes())
        .merge(policy::routes())
        .merge(events::routes())
        .merge(imports::routes())
        .merge(mail_servers::routes())
        .merge(notices::routes())
        .merge(places::routes())
        .merge(setup::routes())
        .merge(sign_in::routes())
        .merge(me::routes())
        .merge(devices::routes())
        .merge(reauthentication::routes())
        .merge(admins::routes())
        .merge(invitations::routes())
        .merge(api_keys::routes())
        .merge(app_passwords::routes())
        .merge(second_factors::routes())
        .merge(settings::routes())
        .merge(audit::routes())
        .merge(backups::routes())
        .merge(backup_targets::routes())
        .merge(repository::routes())
        .merge(snippet::routes())
}

/// The session's admin was removed this very moment.
fn gone() -> HttpProblem {
    Problem::new(Code::Unauthenticated, "The session has ended. Sign in again.").into()
}

fn setup_needed() -> HttpProblem {
    Problem::new(Code::SetupNeeded, "The service has no owner yet; set it up first.").into()
}

async fn not_found(uri: Uri) -> HttpProblem {
    let first = uri.path().split('/').nth(1).unwrap_or_default();
    let is_version = first
        .strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    if is_version && first != API_VERSION {
        return Problem::new(
            Code::UnknownVersion,
            format!(
                "This service speaks API version {API_VERSION}, not {first}; use a console that fits it."
            ),
        )
        .into();
    }
    Problem::new(Code::NotFound, "There is nothing under this path.").into()
}

async fn method_not_allowed() -> HttpProblem {
    HttpProblem::from(Problem::new(
        Code::BadRequest,
        "This path does not take this method; the Allow header lists those that it takes.",
    ))
    .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
