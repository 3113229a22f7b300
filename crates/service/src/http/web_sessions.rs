//! Browsers in which an account is signed in through the hosted pages.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{Code, Login, Problem, SessionId, WebSession};
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
    mail_sessions::Whose,
    web_sign_in::{self, Which},
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, end_all)).routes(routes!(end))
}

/// An account's sessions on the web, newest first.
#[utoipa::path(
    get, path = "/v1/accounts/{login}/sessions", tag = "accounts", params(("login" = String, Path)),
    responses((status = 200, body = Vec<WebSession>)), extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader, Path(login): Path<Login>) -> Json<Vec<WebSession>> {
    Json(app.web_sessions.of(&lower(&login)).iter().map(|session| session.shown()).collect())
}

/// Ends a session, from its next request on.
#[utoipa::path(
    delete, path = "/v1/accounts/{login}/sessions/{id}", tag = "accounts",
    params(("login" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("write"))),
)]
async fn end(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path((login, id)): Path<(Login, SessionId)>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let actor = Actor::of(&caller, client);
    let ended = web_sign_in::end_sessions(&app, &mut tx, &actor, &lower(&login), Which::One(id)).await?;
    if ended == 0 {
        return Err(Problem::new(Code::NotFound, "There is no such session, or it has ended.").into());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every session of an account on the web, from its next request on, and those of mail programs where the service
/// can: a program that knows the password comes back.
#[utoipa::path(
    delete, path = "/v1/accounts/{login}/sessions", tag = "accounts", params(("login" = String, Path)),
    responses((status = 204)), extensions(("x-permission" = json!("write"))),
)]
async fn end_all(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path(login): Path<Login>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let (actor, login) = (Actor::of(&caller, client), lower(&login));
    web_sign_in::end_sessions(&app, &mut tx, &actor, &login, Which::All).await?;
    tx.commit().await?;
    app.mail_sessions.end(Whose::Account(login));
    Ok(StatusCode::NO_CONTENT)
}
