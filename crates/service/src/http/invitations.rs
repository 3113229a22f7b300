//! Invitations: an owner names somebody, who sets a password with a code that works once.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use jiff::SignedDuration;
use mailcup_wire::{
    Admin, AdminId, Code, Invitation, InvitationAnswer, InvitationGrant, InvitationId, NewInvitation,
    Problem, Time,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, Fresh, OwnerOnly, Reader},
    body::{Json, Path},
    client::Client,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    mail::text,
    outbox, passwords,
    secrets::{self, TokenHash},
    setup,
    store::{
        StoreError,
        admins::{self, AdminRow},
        invitations,
    },
    throttle::Whose,
};

const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
const CODE_PREFIX: &str = "mci_";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(resend))
        .routes(routes!(accept))
}

/// Invitations that nobody has accepted, expired ones too, newest first.
#[utoipa::path(
    get, path = "/v1/invitations", tag = "invitations", responses((status = 200, body = Vec<Invitation>)),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<Vec<Invitation>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(invitations::all(&mut connection).await?))
}

/// Invites somebody. The code goes out by mail; it works once and for seven days.
#[utoipa::path(
    post, path = "/v1/invitations", tag = "invitations",
    responses((status = 201, body = InvitationGrant), (status = 409)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn create(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Json(new): Json<NewInvitation>,
) -> Answer<(StatusCode, Json<InvitationGrant>)> {
    let now = app.clock.now();
    let invitation = Invitation {
        id: InvitationId(secrets::new_id()),
        login: setup::acceptable_login("login", &new.login.0)?,
        name: setup::acceptable_name("name", &new.name)?,
        email: setup::acceptable_email("email", &new.email)?,
        role: new.role,
        created_at: now,
        created_by_login: Some(session.login.clone()),
        expires_at: Time::from(now.0 + LIFE),
    };
    let (code, hash) = new_code();
    let mut tx = app.log.begin().await?;
    let exists = admins::by_login(tx.connection(), &invitation.login).await?.is_some();
    if exists || !invitations::insert(tx.connection(), &hash, &invitation).await? {
        let what = if exists { "There is an admin" } else { "There is an invitation for" };
        return Err(Problem::new(Code::Conflict, format!("{what} {} already.", invitation.login)).into());
    }
    let actor = Actor::of(&Caller::Admin(session), client);
    let details = json!({ "id": invitation.id, "role": invitation.role });
    audit::record(&mut tx, &actor, "invitation.create", &invitation.login.0, &details).await?;
    Ok((StatusCode::CREATED, Json(send(&app, tx, invitation, &code).await?)))
}

/// Sends an invitation with another code; the one before works no more.
#[utoipa::path(
    post, path = "/v1/invitations/{id}/resend", tag = "invitations", params(("id" = String, Path)),
    responses((status = 200, body = InvitationGrant), (status = 404)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn resend(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    Path(id): Path<InvitationId>,
) -> Answer<Json<InvitationGrant>> {
    let (code, hash) = new_code();
    let mut tx = app.log.begin().await?;
    let mut invitation =
        invitations::get(tx.connection(), &id).await?.ok_or_else(|| HttpProblem::from(no_invitation()))?;
    invitation.expires_at = Time::from(app.clock.now().0 + LIFE);
    invitations::renew(tx.connection(), &id, &hash, invitation.expires_at).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    let details = json!({ "id": id });
    audit::record(&mut tx, &actor, "invitation.resend", &invitation.login.0, &details).await?;
    Ok(Json(send(&app, tx, invitation, &code).await?))
}

/// Revokes an invitation; its code works no more.
#[utoipa::path(
    delete, path = "/v1/invitations/{id}", tag = "invitations", params(("id" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("owner"))),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    Path(id): Path<InvitationId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let invitation =
        invitations::get(tx.connection(), &id).await?.ok_or_else(|| HttpProblem::from(no_invitation()))?;
    invitations::delete(tx.connection(), &id).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    audit::record(&mut tx, &actor, "invitation.revoke", &invitation.login.0, &json!({ "id": id })).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts an invitation by setting a password. The admin then signs in as any other.
#[utoipa::path(
    post, path = "/v1/invitations/accept", tag = "invitations",
    responses((status = 201, body = Admin), (status = 422)), extensions(("x-permission" = json!("open"))),
)]
async fn accept(
    State(app): State<Arc<App>>,
    client: Client,
    Json(answer): Json<InvitationAnswer>,
) -> Answer<(StatusCode, Json<Admin>)> {
    app.must_be_set_up()?;
    let network = Whose::network(client.address);
    app.throttle.take(network.clone())?;
    let code = secrets::hash_token(answer.code.trim());
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let invitation = living(&app, invitations::by_code(&mut connection, &code).await?)?;
    drop(connection);
    app.throttle.give_back(network);
    passwords::acceptable("password", &answer.password, &invitation.login.0)?;
    let password = app.passwords.hash(answer.password.into()).await?;

    let mut tx = app.log.begin().await?;
    // It may have been accepted, revoked or sent again meanwhile.
    let invitation = living(&app, invitations::by_code(tx.connection(), &code).await?)?;
    if admins::by_login(tx.connection(), &invitation.login).await?.is_some() {
        let taken = format!("There is an admin {} already.", invitation.login);
        return Err(Problem::new(Code::Conflict, taken).into());
    }
    invitations::delete(tx.connection(), &invitation.id).await?;
    let admin = Admin {
        id: AdminId(secrets::new_id()),
        login: invitation.login,
        name: invitation.name,
        email: invitation.email,
        role: invitation.role,
        reads_mail: false,
        created_at: app.clock.now(),
        last_sign_in_at: None,
        version: 1,
    };
    admins::insert(tx.connection(), &AdminRow { admin: admin.clone(), password }).await?;
    let actor = Actor::admin(&admin, client.address);
    let details = json!({ "id": invitation.id, "admin": admin.id, "role": admin.role });
    audit::record(&mut tx, &actor, "invitation.accept", &admin.login.0, &details).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(admin)))
}

/// Commits, and mails the code in place of one before that still waits; shows it where mail stays on the
/// service's own disk.
async fn send(
    app: &Arc<App>,
    mut tx: LogTransaction,
    invitation: Invitation,
    code: &SecretString,
) -> Answer<InvitationGrant> {
    let organization = app.settings.organization_name();
    let by = invitation.created_by_login.as_ref().map_or("an owner", |login| &login.0);
    let days = u32::try_from(LIFE.as_hours() / 24).unwrap_or_default();
    let to = text::Invited { organization: &organization, name: &invitation.name, to: &invitation.email, by };
    let mail = text::invitation(&to, code.expose_secret(), days);
    let mail = outbox::post_until(app, &mut tx, &mail, Some(invitation.expires_at)).await?;
    invitations::mailed(tx.connection(), &invitation.id, &mail).await?;
    tx.commit().await?;
    let is_local = app.settings.mail.load().stored.relay.is_none();
    Ok(InvitationGrant { invitation, code: is_local.then(|| code.expose_secret().to_owned()) })
}

fn living(app: &App, invitation: Option<Invitation>) -> Result<Invitation, HttpProblem> {
    let now = app.clock.now();
    invitation.filter(|invitation| now < invitation.expires_at).ok_or_else(|| {
        let over = "This code is wrong or over: used, sent again, revoked, or older than seven days. Ask for \
                    another invitation.";
        Problem::field("code", over).into()
    })
}

fn new_code() -> (SecretString, TokenHash) {
    let code = secrets::new_token(CODE_PREFIX);
    let hash = secrets::hash_token(code.expose_secret());
    (code, hash)
}

fn no_invitation() -> Problem {
    Problem::new(Code::NotFound, "There is no such invitation; it was accepted or revoked.")
}
