//! Browsers that accounts signed in with through the hosted pages.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{AccountDevice, Code, DeviceId, Login, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accounts::lower,
    auth::{Reader, Writer},
    body::{Json, Path},
    client::Client,
    problem::Answer,
};
use crate::{
    app::App,
    audit::Actor,
    store::{StoreError, account_devices},
    web_sign_in::device,
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(revoke))
}

/// The browsers that an account signed in with, the one that signed in last first.
#[utoipa::path(
    get, path = "/v1/accounts/{login}/devices", tag = "accounts", params(("login" = String, Path)),
    responses((status = 200, body = Vec<AccountDevice>)), extensions(("x-permission" = json!("read"))),
)]
async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(login): Path<Login>,
) -> Answer<Json<Vec<AccountDevice>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(account_devices::of(&mut connection, &lower(&login)).await?))
}

/// Forgets a browser of an account and ends its sessions. It may sign in again, and is then a new one.
#[utoipa::path(
    delete, path = "/v1/accounts/{login}/devices/{id}", tag = "accounts",
    params(("login" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("write"))),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path((login, id)): Path<(Login, DeviceId)>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    if !device::revoke(&app, &mut tx, &Actor::of(&caller, client), &lower(&login), &id).await? {
        return Err(Problem::new(Code::NotFound, "This account has no such browser.").into());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
