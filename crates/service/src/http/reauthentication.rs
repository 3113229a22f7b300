//! Password and second factor again, which sensitive changes need.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{Challenge, ChallengeAnswer, ChallengeId, Reauthentication};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::SignedIn,
    body::{Json, Path},
    client::Client,
    problem::Answer,
};
use crate::{app::App, sign_in::again};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(resend)).routes(routes!(answer))
}

/// Gives the password again; asks for a second factor. Changes that answer `reauthentication_required` need both.
#[utoipa::path(
    post, path = "/v1/me/reauthentication", tag = "me", responses((status = 200, body = Challenge)),
    extensions(("x-permission" = json!("session"))),
)]
async fn begin(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Json(request): Json<Reauthentication>,
) -> Answer<Json<Challenge>> {
    again::begin(&app, client, &session, request.password.into()).await.map(Json)
}

/// Sends the one-time code by mail, anew or for the first time.
#[utoipa::path(
    post, path = "/v1/me/reauthentication/{challenge}/resend", tag = "me",
    params(("challenge" = String, Path)), responses((status = 200, body = Challenge)),
    extensions(("x-permission" = json!("session"))),
)]
async fn resend(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Path(id): Path<ChallengeId>,
) -> Answer<Json<Challenge>> {
    again::send_code(&app, client, &session, &id).await.map(Json)
}

/// Answers with a second factor; for ten minutes this session may do what needs one.
#[utoipa::path(
    post, path = "/v1/me/reauthentication/{challenge}/answer", tag = "me",
    params(("challenge" = String, Path)), responses((status = 204)),
    extensions(("x-permission" = json!("session"))),
)]
async fn answer(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Path(id): Path<ChallengeId>,
    Json(request): Json<ChallengeAnswer>,
) -> Answer<StatusCode> {
    again::answer(&app, client, &session, &id, &request).await?;
    Ok(StatusCode::NO_CONTENT)
}
