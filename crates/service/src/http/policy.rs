//! Access rules, sending limits and known networks.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use mailcup_wire::{
    AccessRule, Code, LimitId, PolicyChange, PolicyChanged, PolicyState, Problem, RuleId, SendingLimit, Trial,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Reader, Writer},
    body::{Json, Path},
    client::Client,
    etag::Versioned,
    problem::Answer,
};
use crate::{
    app::App,
    audit::Actor,
    policy::{change, trial},
    store::{StoreError, policy as rows},
};

/// Some 100,000 networks.
const LARGEST_CHANGE: usize = 4 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    let change = OpenApiRouter::new().routes(routes!(change)).layer(DefaultBodyLimit::max(LARGEST_CHANGE));
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(access_rule))
        .routes(routes!(sending_limit))
        .routes(routes!(keep))
        .routes(routes!(take_back))
        .merge(change)
}

/// All of the policy at one moment. Deleted rules and limits are not in it.
#[utoipa::path(
    get, path = "/v1/policy", tag = "rules", responses((status = 200, body = PolicyState)),
    extensions(("x-permission" = json!("read"))),
)]
async fn get(State(app): State<Arc<App>>, _: Reader) -> Json<PolicyState> {
    Json(PolicyState::clone(&app.policy.compiled().state))
}

/// Changes rules, limits and known networks: all that is named, or nothing.
///
/// Each edit names the version that it was made from. A change that would refuse whoever makes it, or leave no
/// owner a way in, is answered with `locks_out` unless it is confirmed; it then returns by itself after ten
/// minutes unless somebody keeps it.
#[utoipa::path(
    post, path = "/v1/policy", tag = "rules", request_body = PolicyChange,
    responses(
        (status = 200, body = PolicyChanged),
        (status = 404, description = "There is no such rule or limit"),
        (status = 409, description = "It locks somebody out, or another change that does is on trial"),
    ),
    extensions(("x-permission" = json!("write"))),
)]
async fn change(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Json(change): Json<PolicyChange>,
) -> Answer<Json<PolicyChanged>> {
    change::make(&app, &caller, client, change).await.map(Json)
}

/// Keeps the change that is on trial; it no longer returns by itself.
///
/// Only a session can: that it is answered shows that the changed rules let an admin in.
#[utoipa::path(
    post, path = "/v1/policy/trial/keep", tag = "rules",
    responses((status = 200, body = Trial), (status = 404, description = "No change is on trial")),
    extensions(("x-permission" = json!("write"))),
)]
async fn keep(State(app): State<Arc<App>>, Writer(caller): Writer, client: Client) -> Answer<Json<Trial>> {
    trial::keep(&app, &Actor::of(&caller, client)).await.map(Json)
}

/// Takes back the change that is on trial, at once. What somebody changed since is left as it is.
#[utoipa::path(
    post, path = "/v1/policy/trial/return", tag = "rules",
    responses((status = 200, body = Trial), (status = 404, description = "No change is on trial")),
    extensions(("x-permission" = json!("write"))),
)]
async fn take_back(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
) -> Answer<Json<Trial>> {
    trial::take_back_now(&app, &Actor::of(&caller, client)).await.map(Json)
}

/// An access rule, deleted or not.
#[utoipa::path(
    get, path = "/v1/access-rules/{id}", tag = "rules", params(("id" = String, Path)),
    responses((status = 200, body = AccessRule), (status = 404)), extensions(("x-permission" = json!("read"))),
)]
async fn access_rule(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(id): Path<RuleId>,
) -> Answer<Versioned<AccessRule>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let rule = rows::rule(&mut connection, &id).await?;
    let value = rule.ok_or_else(|| Problem::new(Code::NotFound, "There is no such access rule."))?;
    Ok(Versioned { version: value.version, value })
}

/// A sending limit, deleted or not.
#[utoipa::path(
    get, path = "/v1/sending-limits/{id}", tag = "rules", params(("id" = String, Path)),
    responses((status = 200, body = SendingLimit), (status = 404)),
    extensions(("x-permission" = json!("read"))),
)]
async fn sending_limit(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(id): Path<LimitId>,
) -> Answer<Versioned<SendingLimit>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let limit = rows::limit(&mut connection, &id).await?;
    let value = limit.ok_or_else(|| Problem::new(Code::NotFound, "There is no such sending limit."))?;
    Ok(Versioned { version: value.version, value })
}
