//! What to paste into a mail server's configuration.

use std::sync::Arc;

use axum::extract::State;
use mailcup_wire::{MailServerSnippet, SnippetRequest};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{auth::Writer, body::Json, client::Client, problem::Answer};
use crate::{app::App, audit::Actor, local};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(mint))
}

/// The configuration for this install, with a freshly minted, policy-only key.
#[utoipa::path(
    post, path = "/v1/mail-servers/snippet", tag = "mail-servers",
    responses((status = 200, body = MailServerSnippet)), extensions(("x-permission" = json!("write"))),
)]
async fn mint(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Json(request): Json<SnippetRequest>,
) -> Answer<Json<MailServerSnippet>> {
    local::snippet(&app, &Actor::of(&caller, client), request.server, request.when_down).await.map(Json)
}
