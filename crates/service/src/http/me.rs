//! What is an admin's own: password, second factors, sessions.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{
    Admin, AuthenticatorConfirmation, AuthenticatorEnrolment, Code, Factor, FactorId, FactorKind,
    PasswordChange, Problem, RecoveryCodes, Role, Session, SessionId,
};
use serde_json::json;
use sqlx::SqliteConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, Fresh, SignedIn},
    body::{Json, Path},
    client::Client,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    authenticator, passwords,
    second_factors::is_required_of,
    sessions::LiveSession,
    setup, sign_in,
    store::{
        StoreError, admins, factors,
        second_factors::{self, Person},
    },
    throttle::Whose,
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(change_password))
        .routes(routes!(list_factors))
        .routes(routes!(enrol_authenticator))
        .routes(routes!(confirm_authenticator))
        .routes(routes!(remove_factor))
        .routes(routes!(renew_recovery_codes))
        .routes(routes!(list_sessions, end_other_sessions))
        .routes(routes!(end_session))
}

/// Changes the password; ends all other sessions.
#[utoipa::path(
    put, path = "/v1/me/password", tag = "me", responses((status = 204)),
    extensions(("x-permission" = json!("session"))),
)]
async fn change_password(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(SignedIn(session)): Fresh<SignedIn>,
    Json(change): Json<PasswordChange>,
) -> Answer<StatusCode> {
    let guess = Whose::guess(client.address, &session.login.0);
    app.throttle.take(guess.clone())?;
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &session.admin).await?.ok_or_else(super::gone)?;
    drop(connection);
    if !app.passwords.check(change.current.into(), Some(&row.password)).await? {
        return Err(Problem::field("current", "The current password is wrong.").into());
    }
    app.throttle.give_back(guess);
    passwords::acceptable("new", &change.new, &session.login.0)?;
    let hash = app.passwords.hash(change.new.into()).await?;
    let mut tx = app.log.begin().await?;
    admins::set_password(tx.connection(), &session.admin, &hash).await?;
    sign_in::end_all(&app, &mut tx, &session.admin, Some(&session.id)).await?;
    let actor = actor(&session, client);
    audit::record(&mut tx, &actor, "password.change", &session.login.0, &json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The second factors of the admin who asks.
#[utoipa::path(
    get, path = "/v1/me/factors", tag = "me", responses((status = 200, body = Vec<Factor>)),
    extensions(("x-permission" = json!("session"))),
)]
async fn list_factors(State(app): State<Arc<App>>, SignedIn(session): SignedIn) -> Answer<Json<Vec<Factor>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &session.admin).await?.ok_or_else(super::gone)?;
    Ok(Json(factors_of(&mut connection, &row.admin).await?))
}

/// The second factors of an admin.
pub(crate) async fn factors_of(
    connection: &mut SqliteConnection,
    admin: &Admin,
) -> Result<Vec<Factor>, StoreError> {
    let person = Person::Admin(&admin.id);
    let mut list = vec![email_factor(connection, admin).await?];
    for row in factors::authenticators(connection, person).await? {
        if row.confirmed {
            list.push(Factor {
                name: row.name().to_owned(),
                id: row.id,
                kind: FactorKind::Authenticator,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                left: None,
            });
        }
    }
    let codes = factors::recovery_codes(connection, person).await?;
    if let Some(created_at) = codes.created_at {
        list.push(Factor {
            id: FactorId("recovery-codes".to_owned()),
            kind: FactorKind::RecoveryCode,
            name: "Recovery codes".to_owned(),
            created_at,
            last_used_at: codes.last_used_at,
            left: Some(codes.left),
        });
    }
    Ok(list)
}

/// Begins to add an authenticator app; it is of use after its confirmation.
#[utoipa::path(
    post, path = "/v1/me/factors/authenticator", tag = "me",
    responses((status = 200, body = AuthenticatorEnrolment)),
    extensions(("x-permission" = json!("session"))),
)]
async fn enrol_authenticator(
    State(app): State<Arc<App>>,
    Fresh(SignedIn(session)): Fresh<SignedIn>,
) -> Answer<Json<AuthenticatorEnrolment>> {
    let person = Person::Admin(&session.admin);
    Ok(Json(authenticator::begin(&app, person, &session.login, None).await?))
}

/// Confirms a new authenticator app with a code from it.
#[utoipa::path(
    post, path = "/v1/me/factors/authenticator/confirm", tag = "me", responses((status = 204)),
    extensions(("x-permission" = json!("session"))),
)]
async fn confirm_authenticator(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Json(confirmation): Json<AuthenticatorConfirmation>,
) -> Answer<StatusCode> {
    let codes = Whose::Codes(session.admin.0.clone());
    app.throttle.take(codes.clone())?;
    let now = app.clock.now();
    let mut tx = app.log.begin().await?;
    let person = Person::Admin(&session.admin);
    let rows = factors::authenticators(tx.connection(), person).await?;
    let row =
        rows.iter().find(|row| row.id == confirmation.id).ok_or_else(|| HttpProblem::from(no_factor()))?;
    let (key, code) = (&app.server_key, &confirmation.code);
    if !authenticator::take_step(key, tx.connection(), person, row, code, now).await? {
        return Err(Problem::field(
            "code",
            "The code is wrong. Take the one that the app shows now, and check that the phone's clock is right.",
        )
        .into());
    }
    app.throttle.give_back(codes);
    audit::record(&mut tx, &actor(&session, client), "factor.add", "authenticator", &json!({ "id": row.id }))
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an authenticator app. An owner keeps the last one, since codes by e-mail alone are a step back, and so does
/// whoever must have one by policy.
#[utoipa::path(
    delete, path = "/v1/me/factors/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204)), extensions(("x-permission" = json!("session"))),
)]
async fn remove_factor(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(SignedIn(session)): Fresh<SignedIn>,
    Path(id): Path<FactorId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let person = Person::Admin(&session.admin);
    if !factors::remove_authenticator(tx.connection(), person, &id).await? {
        return Err(no_factor().into());
    }
    let must_keep = session.role == Role::Owner || is_required_of(&app, session.role);
    if must_keep && !factors::has_authenticator(tx.connection(), person).await? {
        return Err(last_factor().into());
    }
    audit::record(&mut tx, &actor(&session, client), "factor.remove", "authenticator", &json!({ "id": id }))
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes new recovery codes; the old ones work no more.
#[utoipa::path(
    post, path = "/v1/me/recovery-codes", tag = "me", responses((status = 200, body = RecoveryCodes)),
    extensions(("x-permission" = json!("session"))),
)]
async fn renew_recovery_codes(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(SignedIn(session)): Fresh<SignedIn>,
) -> Answer<Json<RecoveryCodes>> {
    let mut tx = app.log.begin().await?;
    let codes = setup::new_recovery_codes(&app, &mut tx, Person::Admin(&session.admin)).await?;
    let actor = actor(&session, client);
    audit::record(&mut tx, &actor, "factor.renew", "recovery codes", &json!({})).await?;
    tx.commit().await?;
    Ok(Json(codes))
}

/// The sessions of the admin who asks, newest first.
#[utoipa::path(
    get, path = "/v1/me/sessions", tag = "me", responses((status = 200, body = Vec<Session>)),
    extensions(("x-permission" = json!("session"))),
)]
async fn list_sessions(
    State(app): State<Arc<App>>,
    SignedIn(session): SignedIn,
) -> Answer<Json<Vec<Session>>> {
    app.sessions.end_expired();
    let sessions = app.sessions.of(&session.admin);
    Ok(Json(sessions.iter().map(|other| other.shown_to(&session.id)).collect()))
}

/// Ends all other sessions of the admin who asks.
#[utoipa::path(
    delete, path = "/v1/me/sessions", tag = "me", responses((status = 204)),
    extensions(("x-permission" = json!("session"))),
)]
async fn end_other_sessions(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    sign_in::end_all(&app, &mut tx, &session.admin, Some(&session.id)).await?;
    let actor = actor(&session, client);
    audit::record(&mut tx, &actor, "session.end_others", &session.login.0, &json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of the admin who asks.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204)), extensions(("x-permission" = json!("session"))),
)]
async fn end_session(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Path(id): Path<SessionId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    if !sign_in::end_one(&app, &mut tx, &actor(&session, client), &session.admin, &id).await? {
        return Err(no_session().into());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn actor(session: &Arc<LiveSession>, client: Client) -> Actor {
    Actor::of(&Caller::Admin(Arc::clone(session)), client)
}

async fn email_factor(connection: &mut SqliteConnection, admin: &Admin) -> Result<Factor, StoreError> {
    let last_used_at =
        second_factors::used_at(connection, Person::Admin(&admin.id), FactorKind::Email).await?;
    Ok(Factor {
        id: FactorId("email".to_owned()),
        kind: FactorKind::Email,
        name: admin.email.clone(),
        created_at: admin.created_at,
        last_used_at,
        left: None,
    })
}

pub(super) fn no_session() -> Problem {
    Problem::new(Code::NotFound, "There is no such session; it may have ended.")
}

fn last_factor() -> Problem {
    Problem::new(
        Code::Conflict,
        "The last authenticator of an owner, or of an admin who must have one by policy, stays. Add the new one first, \
         then remove this one.",
    )
}

fn no_factor() -> Problem {
    Problem::new(Code::NotFound, "There is no such authenticator. Codes by e-mail can't be removed.")
}
