//! Admins.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{
    Admin, AdminAccess, AdminChange, AdminId, Code, InvitationId, NewAdmin, Problem, Role, SessionId,
};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, Fresh, OwnerOnly, Reader},
    body::{Json, Path},
    client::Client,
    etag::{IfMatch, Versioned},
    me,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    mail::text::{self, EmailChanged},
    outbox, passwords, second_factors, secrets, setup, sign_in,
    store::{
        self, StoreError,
        admins::{self, AdminRow},
        invitations,
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change, remove))
        .routes(routes!(access))
        .routes(routes!(end_sessions))
        .routes(routes!(end_session))
}

/// All admins.
#[utoipa::path(
    get, path = "/v1/admins", tag = "admins", responses((status = 200, body = Vec<Admin>)),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<Vec<Admin>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(admins::all(&mut connection).await?.into_iter().map(|row| row.admin).collect()))
}

/// One admin.
#[utoipa::path(
    get, path = "/v1/admins/{id}", tag = "admins", params(("id" = String, Path)),
    responses((status = 200, body = Admin)), extensions(("x-permission" = json!("read"))),
)]
async fn one(State(app): State<Arc<App>>, _: Reader, Path(id): Path<AdminId>) -> Answer<Versioned<Admin>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &id).await?.ok_or_else(no_admin)?;
    Ok(versioned(row.admin))
}

/// Adds an admin.
#[utoipa::path(
    post, path = "/v1/admins", tag = "admins", responses((status = 201, body = Admin)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn create(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Json(new): Json<NewAdmin>,
) -> Answer<(StatusCode, Versioned<Admin>)> {
    let actor = Actor::of(&Caller::Admin(session), client);
    let admin = add(&app, &actor, new).await?;
    Ok((StatusCode::CREATED, versioned(admin)))
}

/// Changes an admin. Of another e-mail address the old one is told. Whether they may read the mail in snapshots is a permission of its own, which no role brings along. Another role takes effect at once, in open streams too; invitations by a former owner end.
#[utoipa::path(
    patch, path = "/v1/admins/{id}", tag = "admins", params(("id" = String, Path)),
    responses((status = 200, body = Admin), (status = 412)), extensions(("x-permission" = json!("owner"))),
)]
async fn change(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Path(id): Path<AdminId>,
    version: IfMatch,
    Json(change): Json<AdminChange>,
) -> Answer<Versioned<Admin>> {
    let mut tx = app.log.begin().await?;
    let mut admin = admins::get(tx.connection(), &id).await?.ok_or_else(no_admin)?.admin;
    version.check(admin.version, &admin)?;
    let (before, read_mail, old_email) = (admin.role, admin.reads_mail, admin.email.clone());
    if let Some(name) = change.name {
        admin.name = setup::acceptable_name("name", &name)?;
    }
    if let Some(email) = change.email {
        admin.email = setup::acceptable_email("email", &email)?;
    }
    if let Some(role) = change.role {
        admin.role = role;
    }
    if let Some(reads_mail) = change.reads_mail {
        admin.reads_mail = reads_mail;
    }
    admin.version += 1;
    let mut ended = Vec::new();
    if before == Role::Owner && admin.role != Role::Owner {
        keep_an_owner(&mut tx).await?;
        ended = invitations::delete_by(tx.connection(), &admin.login).await?;
    }
    admins::update(tx.connection(), &admin).await?;
    if before != admin.role {
        let policy = app.second_factors.policy();
        second_factors::keep_an_able_owner(tx.connection(), &policy).await?;
        // Whoever comes to a role has the time to set up what it requires.
        let until = second_factors::time_from(&app, admin.role, app.clock.now());
        store::second_factors::grant_time(tx.connection(), &admin.id, until).await?;
    }
    let actor = Actor::of(&Caller::Admin(session), client);
    let mut details = json!({ "name": admin.name, "email": admin.email, "role": admin.role });
    if read_mail != admin.reads_mail {
        details["reads_mail"] = json!(admin.reads_mail);
    }
    name_ended(&mut details, &ended);
    audit::record(&mut tx, &actor, "admin.change", &admin.login.0, &details).await?;
    if old_email != admin.email {
        let organization = app.settings.organization_name();
        let mail = text::email_changed(&EmailChanged {
            organization: &organization,
            name: &admin.name,
            to: &old_email,
            at: app.clock.now().0,
            address: client.address.map(mailcup_wire::Address::ip),
        });
        outbox::post(&app, &mut tx, &mail).await?;
    }
    if (before, read_mail) != (admin.role, admin.reads_mail) {
        let (app, admin) = (Arc::clone(&app), admin.clone());
        tx.after_commit(move || app.sessions.change_admin(&admin));
    }
    tx.commit().await?;
    Ok(versioned(admin))
}

/// Removes an admin; ends their sessions, the invitations by them, and one that would bring them back.
#[utoipa::path(
    delete, path = "/v1/admins/{id}", tag = "admins", params(("id" = String, Path)),
    responses((status = 204)), extensions(("x-permission" = json!("owner"))),
)]
async fn remove(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Path(id): Path<AdminId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let admin = admins::get(tx.connection(), &id).await?.ok_or_else(no_admin)?.admin;
    if admin.role == Role::Owner {
        keep_an_owner(&mut tx).await?;
    }
    sign_in::end_all(&app, &mut tx, &id, None).await?;
    admins::delete(tx.connection(), &id).await?;
    store::second_factors::forget(tx.connection(), &id).await?;
    second_factors::keep_an_able_owner(tx.connection(), &app.second_factors.policy()).await?;
    let mut ended = invitations::delete_by(tx.connection(), &admin.login).await?;
    ended.extend(invitations::delete_for(tx.connection(), &admin.login).await?);
    let actor = Actor::of(&Caller::Admin(session), client);
    let mut details = json!({ "role": admin.role });
    name_ended(&mut details, &ended);
    audit::record(&mut tx, &actor, "admin.remove", &admin.login.0, &details).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How an admin signs in, and where they are signed in.
#[utoipa::path(
    get, path = "/v1/admins/{id}/access", tag = "admins", params(("id" = String, Path)),
    responses((status = 200, body = AdminAccess)), extensions(("x-permission" = json!("read"))),
)]
async fn access(
    State(app): State<Arc<App>>,
    Reader(caller): Reader,
    Path(id): Path<AdminId>,
) -> Answer<Json<AdminAccess>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let row = admins::get(&mut connection, &id).await?.ok_or_else(no_admin)?;
    let factors = me::factors_of(&mut connection, &row.admin).await?;
    app.sessions.end_expired();
    let asking = match &caller {
        Caller::Admin(session) => session.id.clone(),
        Caller::Key(_) => SessionId(String::new()),
    };
    let sessions = app.sessions.of(&id).iter().map(|session| session.shown_to(&asking)).collect();
    Ok(Json(AdminAccess { factors, sessions }))
}

/// Ends one session of an admin.
#[utoipa::path(
    delete, path = "/v1/admins/{id}/sessions/{session}", tag = "admins",
    params(("id" = String, Path), ("session" = String, Path)), responses((status = 204), (status = 404)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn end_session(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    Path((id, ended)): Path<(AdminId, SessionId)>,
) -> Answer<StatusCode> {
    let actor = Actor::of(&Caller::Admin(session), client);
    let mut tx = app.log.begin().await?;
    if !sign_in::end_one(&app, &mut tx, &actor, &id, &ended).await? {
        return Err(me::no_session().into());
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of an admin.
#[utoipa::path(
    delete, path = "/v1/admins/{id}/sessions", tag = "admins", params(("id" = String, Path)),
    responses((status = 204)), extensions(("x-permission" = json!("owner"))),
)]
async fn end_sessions(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    Path(id): Path<AdminId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let admin = admins::get(tx.connection(), &id).await?.ok_or_else(no_admin)?.admin;
    sign_in::end_all(&app, &mut tx, &id, None).await?;
    let actor = Actor::of(&Caller::Admin(session), client);
    audit::record(&mut tx, &actor, "session.end_all", &admin.login.0, &json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds an admin, whoever asked for it. An invitation that would have done so ends.
pub(crate) async fn add(app: &App, actor: &Actor, new: NewAdmin) -> Result<Admin, HttpProblem> {
    let admin = Admin {
        id: AdminId(secrets::new_id()),
        login: setup::acceptable_login("login", &new.login.0)?,
        name: setup::acceptable_name("name", &new.name)?,
        email: setup::acceptable_email("email", &new.email)?,
        role: new.role,
        reads_mail: false,
        created_at: app.clock.now(),
        last_sign_in_at: None,
        version: 1,
    };
    passwords::acceptable("password", &new.password, &admin.login.0)?;
    let password = app.passwords.hash(new.password.into()).await?;
    let mut tx = app.log.begin().await?;
    if admins::by_login(tx.connection(), &admin.login).await?.is_some() {
        return Err(
            Problem::new(Code::Conflict, format!("There is an admin {} already.", admin.login)).into()
        );
    }
    admins::insert(tx.connection(), &AdminRow { admin: admin.clone(), password }).await?;
    let ended = invitations::delete_for(tx.connection(), &admin.login).await?;
    let mut details = json!({ "id": admin.id, "role": admin.role });
    name_ended(&mut details, &ended);
    audit::record(&mut tx, actor, "admin.create", &admin.login.0, &details).await?;
    tx.commit().await?;
    Ok(admin)
}

/// The invitations that ended with what an entry of the audit log tells.
fn name_ended(details: &mut Value, ended: &[InvitationId]) {
    if !ended.is_empty() {
        details["ended_invitations"] = json!(ended);
    }
}

async fn keep_an_owner(tx: &mut LogTransaction) -> Result<(), HttpProblem> {
    if admins::owners(tx.connection()).await? > 1 {
        return Ok(());
    }
    Err(Problem::new(Code::Conflict, "This is the last owner; make somebody else an owner first.").into())
}

fn versioned(admin: Admin) -> Versioned<Admin> {
    let version = admin.version;
    Versioned { value: admin, version }
}

fn no_admin() -> HttpProblem {
    Problem::new(Code::NotFound, "There is no such admin.").into()
}
