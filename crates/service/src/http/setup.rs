//! The first run.

use std::sync::Arc;

use axum::extract::State;
use mailcup_wire::{Setup, SetupDone};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{body::Json, client::Client, problem::Answer, proof::Proven};
use crate::{app::App, setup};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(set_up))
}

/// Makes the organization and its owner; needs the setup token, and works once. A DPoP proof (RFC 9449) binds the
/// session to the device's key.
#[utoipa::path(
    post, path = "/v1/setup", tag = "setup", responses((status = 200, body = SetupDone)),
    extensions(("x-permission" = json!("open"))),
)]
async fn set_up(
    State(app): State<Arc<App>>,
    client: Client,
    proven: Proven,
    Json(request): Json<Setup>,
) -> Answer<Json<SetupDone>> {
    setup::set_up(&app, client, proven, request).await.map(Json)
}
