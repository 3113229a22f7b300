//! Signing in, and out.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{Challenge, ChallengeAnswer, ChallengeId, SessionGrant, SignInRequest, WhoAmI};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, SignedIn},
    body::{Json, Path},
    client::Client,
    problem::Answer,
    proof::Proven,
};
use crate::{
    app::App,
    audit::Actor,
    sign_in,
    store::{StoreError, admins},
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(begin))
        .routes(routes!(resend))
        .routes(routes!(answer))
        .routes(routes!(who_am_i, sign_out))
}

/// Begins a sign-in with a password; asks for a second factor. A DPoP proof (RFC 9449) binds the sign-in and its
/// session to the device's key.
#[utoipa::path(
    post, path = "/v1/sign-in", tag = "sign-in", responses((status = 200, body = Challenge)),
    extensions(("x-permission" = json!("open"))),
)]
async fn begin(
    State(app): State<Arc<App>>,
    client: Client,
    proven: Proven,
    Json(request): Json<SignInRequest>,
) -> Answer<Json<Challenge>> {
    app.must_be_set_up()?;
    sign_in::begin(&app, client, proven, request).await.map(Json)
}

/// Sends the one-time code by mail, anew or for the first time.
#[utoipa::path(
    post, path = "/v1/sign-in/{challenge}/resend", tag = "sign-in",
    params(("challenge" = String, Path)), responses((status = 200, body = Challenge)),
    extensions(("x-permission" = json!("open"))),
)]
async fn resend(
    State(app): State<Arc<App>>,
    client: Client,
    proven: Proven,
    Path(id): Path<ChallengeId>,
) -> Answer<Json<Challenge>> {
    sign_in::send_code(&app, client, proven, &id).await.map(Json)
}

/// Answers with a second factor; gives the session. The proof must be by the key that began the sign-in.
#[utoipa::path(
    post, path = "/v1/sign-in/{challenge}/answer", tag = "sign-in",
    params(("challenge" = String, Path)), responses((status = 200, body = SessionGrant)),
    extensions(("x-permission" = json!("open"))),
)]
async fn answer(
    State(app): State<Arc<App>>,
    client: Client,
    proven: Proven,
    Path(id): Path<ChallengeId>,
    Json(request): Json<ChallengeAnswer>,
) -> Answer<Json<SessionGrant>> {
    sign_in::answer(&app, client, proven, &id, request).await.map(Json)
}

/// The admin and session that ask.
#[utoipa::path(
    get, path = "/v1/session", tag = "sign-in", responses((status = 200, body = WhoAmI)),
    extensions(("x-permission" = json!("session"))),
)]
async fn who_am_i(State(app): State<Arc<App>>, SignedIn(session): SignedIn) -> Answer<Json<WhoAmI>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &session.admin).await?.ok_or_else(super::gone)?;
    Ok(Json(WhoAmI { admin: row.admin, session: session.shown_to(&session.id) }))
}

/// Signs out: the token works nowhere from now on.
#[utoipa::path(
    delete, path = "/v1/session", tag = "sign-in", responses((status = 204)),
    extensions(("x-permission" = json!("session"))),
)]
async fn sign_out(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
) -> Answer<StatusCode> {
    // Ended in memory first: whatever happens next, the token is worth nothing.
    app.sessions.end(|other| other.id == session.id);
    let mut tx = app.log.begin().await?;
    let actor = Actor::of(&Caller::Admin(Arc::clone(&session)), client);
    sign_in::delete_one(&mut tx, &actor, &session).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
