//! App passwords of accounts, and where accounts' own passwords are refused beside them.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_guard::{
    access::{Protocol as GuardProtocol, Scope},
    app_password::{MAIL_PROTOCOLS, MainPasswords as GuardMainPasswords},
};
use mailcup_policy as terms;
use mailcup_wire::{
    AppPassword, AppPasswordGrant, AppPasswordId, Code, Login, MainPasswordChange, MainPasswordScope,
    MainPasswords, NewAppPassword, PolicyScope, Problem, Protocol, Time,
};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::SqliteConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accounts::lower,
    auth::{Reader, Writer},
    body::{Json, Path},
    client::Client,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    app_passwords::{LiveAppPassword, keep},
    audit::{self, Actor},
    mail_sessions::Whose,
    secrets, setup,
    store::{StoreError, accounts, app_passwords},
};

/// App passwords of one account that are not revoked; a person has no more programs.
const MOST: usize = 50;
const MOST_NETWORKS: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(main_passwords, change_main_password))
}

/// An account's app passwords, revoked ones too, newest first. The passwords are not in it.
#[utoipa::path(
    get, path = "/v1/accounts/{login}/app-passwords", tag = "app-passwords",
    params(("login" = String, Path)), responses((status = 200, body = Vec<AppPassword>)),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(login): Path<Login>,
) -> Answer<Json<Vec<AppPassword>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(of_account(&app, &mut connection, &lower(&login)).await?))
}

/// Draws an app password for an account; it is shown this once.
#[utoipa::path(
    post, path = "/v1/accounts/{login}/app-passwords", tag = "app-passwords",
    params(("login" = String, Path)), request_body = NewAppPassword,
    responses((status = 201, body = AppPasswordGrant), (status = 404)),
    extensions(("x-permission" = json!("write"))),
)]
async fn create(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Path(login): Path<Login>,
    Json(new): Json<NewAppPassword>,
) -> Answer<(StatusCode, Json<AppPasswordGrant>)> {
    let made = make(&app, &Actor::of(&caller, client), lower(&login), new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Revokes an app password at once. One that is revoked already stays so.
#[utoipa::path(
    delete, path = "/v1/app-passwords/{id}", tag = "app-passwords", params(("id" = String, Path)),
    responses((status = 200, body = AppPassword), (status = 404)),
    extensions(("x-permission" = json!("write"))),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Path(id): Path<AppPasswordId>,
) -> Answer<Json<AppPassword>> {
    end(&app, &Actor::of(&caller, client), &id, |_| true).await.map(Json)
}

/// Where accounts' own passwords are refused to mail clients.
#[utoipa::path(
    get, path = "/v1/main-passwords", tag = "app-passwords", responses((status = 200, body = MainPasswords)),
    extensions(("x-permission" = json!("read"))),
)]
async fn main_passwords(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<MainPasswords>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(MainPasswords { scopes: app_passwords::main_passwords(&mut connection).await? }))
}

/// Says for one scope whether accounts' own passwords are refused to mail clients; in force at once.
///
/// Mail servers that were not set up for app passwords go on as before. Where accounts that have no app password would
/// be refused from now on, it needs `confirm`.
#[utoipa::path(
    put, path = "/v1/main-passwords", tag = "app-passwords", request_body = MainPasswordChange,
    responses(
        (status = 200, body = MainPasswords),
        (status = 409, description = "Accounts without an app password would be refused"),
    ),
    extensions(("x-permission" = json!("write"))),
)]
async fn change_main_password(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
    Json(change): Json<MainPasswordChange>,
) -> Answer<Json<MainPasswords>> {
    let scope = tidy(change.scope)?;
    let actor = Actor::of(&caller, client);
    let mut tx = app.log.begin().await?;
    let before = app_passwords::main_passwords(tx.connection()).await?;
    app_passwords::put_main_password(tx.connection(), &scope, change.refused).await?;
    let scopes = app_passwords::main_passwords(tx.connection()).await?;
    if !change.confirm {
        must_leave_nobody_without(&app, tx.connection(), &before, &scopes).await?;
    }
    let details = json!({ "scope": scope, "refused": change.refused });
    audit::record(&mut tx, &actor, "main_password.change", scope_name(&scope), &details).await?;
    let (shared, said) = (Arc::clone(&app), guard_scopes(&scopes));
    tx.after_commit(move || shared.app_passwords.swap_main(said));
    tx.commit().await?;
    Ok(Json(MainPasswords { scopes }))
}

/// An account's app passwords, revoked ones too, newest first.
pub(crate) async fn of_account(
    app: &App,
    connection: &mut SqliteConnection,
    login: &Login,
) -> Result<Vec<AppPassword>, StoreError> {
    let mut list = app_passwords::of_account(connection, login).await?;
    for app_password in &mut list {
        if let Some((at, from)) = app.app_passwords.get(&app_password.id).and_then(|it| it.last_use()) {
            (app_password.last_used_at, app_password.last_used_from) = (Some(at), from);
        }
    }
    Ok(list)
}

/// Draws an app password.
pub(crate) async fn make(
    app: &Arc<App>,
    actor: &Actor,
    login: Login,
    new: NewAppPassword,
) -> Answer<AppPasswordGrant> {
    let app_password = described(new, login, actor, app.clock.now())?;
    let login = &app_password.login;
    let password = secrets::new_app_password();
    let secret = keep(&app.server_key, login, &password);
    let mut tx = app.log.begin().await?;
    if accounts::get(tx.connection(), login).await?.is_none() {
        return Err(Problem::new(Code::NotFound, "There is no such account; add it first.").into());
    }
    let former = app_passwords::of_account(tx.connection(), login).await?;
    if former.iter().filter(|it| it.revoked_at.is_none()).count() >= MOST {
        let message = format!("An account has at most {MOST} app passwords; revoke one that nobody needs.");
        return Err(Problem::new(Code::Conflict, message).into());
    }
    app_passwords::insert(tx.connection(), &secret, &app_password).await?;
    let details = json!({ "app_password": app_password });
    audit::record(&mut tx, actor, "app_password.create", &target(&app_password), &details).await?;
    let (shared, stored) = (Arc::clone(app), app_password.clone());
    tx.after_commit(move || shared.app_passwords.begin(secret, &stored));
    tx.commit().await?;
    let password = password.expose_secret().to_owned();
    Ok(AppPasswordGrant { app_password, password })
}

/// Revokes an app password at once, if it is one of those `among` which it is looked for. One that is revoked already
/// stays so.
pub(crate) async fn end(
    app: &Arc<App>,
    actor: &Actor,
    id: &AppPasswordId,
    among: impl Fn(&AppPassword) -> bool,
) -> Answer<AppPassword> {
    let mut tx = app.log.begin().await?;
    let mut app_password = app_passwords::get(tx.connection(), id)
        .await?
        .filter(|it| among(it))
        .ok_or_else(|| Problem::new(Code::NotFound, "There is no such app password."))?;
    if app_password.revoked_at.is_some() {
        return Ok(app_password);
    }
    if let Some((at, from)) = app.app_passwords.get(id).and_then(|it| it.last_use()) {
        app_passwords::used(tx.connection(), id, at, from).await?;
        (app_password.last_used_at, app_password.last_used_from) = (Some(at), from);
    }
    let now = app.clock.now();
    (app_password.revoked_at, app_password.revoked_by_login) = (Some(now), actor.login());
    app_passwords::revoke(tx.connection(), id, now, actor.login().as_ref()).await?;
    let details = json!({ "id": id });
    audit::record(&mut tx, actor, "app_password.revoke", &target(&app_password), &details).await?;
    let (shared, id) = (Arc::clone(app), id.clone());
    tx.after_commit(move || shared.app_passwords.end(&id));
    tx.commit().await?;
    // Dovecot can't tell which password opened a session; the others' programs come back by themselves.
    app.mail_sessions.end(Whose::Account(app_password.login.clone()));
    Ok(app_password)
}

/// Refuses a change after which accounts that have no app password can't be opened by mail clients any more.
async fn must_leave_nobody_without(
    app: &App,
    connection: &mut SqliteConnection,
    before: &[MainPasswordScope],
    after: &[MainPasswordScope],
) -> Result<(), HttpProblem> {
    let now = app.clock.now();
    let living = app.app_passwords.all();
    let usable = |it: &&Arc<LiveAppPassword>| it.limits.expires_at.is_none_or(|end| now.0 < end);
    let with: std::collections::HashSet<&str> =
        living.iter().filter(usable).map(|it| it.login.0.as_str()).collect();
    let [before, after] = [before, after].map(|said| GuardMainPasswords::new(guard_scopes(said)));
    let refused =
        |main: &GuardMainPasswords, login: &str| main.refused_by(login, GuardProtocol::Imap).is_some();
    let logins = accounts::logins(connection).await?;
    let newly = logins.iter().filter(|login| refused(&after, login) && !refused(&before, login));
    let (with, without): (Vec<_>, Vec<_>) = newly.partition(|login| with.contains(login.as_str()));
    if without.is_empty() {
        return Ok(());
    }
    let (count, of) = (without.len(), with.len() + without.len());
    let message = format!(
        "{count} of the {of} accounts that this is for have no app password: their mail programs could not sign in \
         any more. Make app passwords for them first, or set confirm to do it all the same."
    );
    Err(Problem::new(Code::Conflict, message).into())
}

/// What each scope says, as guard has it.
pub(crate) fn guard_scopes(scopes: &[MainPasswordScope]) -> Vec<(Scope, bool)> {
    scopes.iter().map(|it| (terms::scope(&it.scope), it.refused)).collect()
}

fn described(
    new: NewAppPassword,
    login: Login,
    actor: &Actor,
    now: Time,
) -> Result<AppPassword, HttpProblem> {
    let mut protocols = new.protocols;
    if protocols.is_empty() {
        protocols = vec![Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Sieve];
    }
    protocols.sort_unstable();
    protocols.dedup();
    if !protocols.iter().all(|it| MAIL_PROTOCOLS.contains(&terms::protocol(*it))) {
        let message = "An app password is for imap, pop3, submission and sieve.";
        return Err(Problem::field("protocols", message).into());
    }
    let mut networks = new.networks;
    networks.sort_unstable();
    networks.dedup();
    if networks.len() > MOST_NETWORKS {
        let message = format!("An app password has at most {MOST_NETWORKS} networks.");
        return Err(Problem::field("networks", message).into());
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        let message = "An app password must end in the future, or have no end.";
        return Err(Problem::field("expires_at", message).into());
    }
    Ok(AppPassword {
        id: AppPasswordId(secrets::new_id()),
        login,
        name: setup::acceptable_name("name", &new.name)?,
        protocols,
        networks,
        expires_at: new.expires_at,
        created_at: now,
        created_by_login: actor.login(),
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
        revoked_by_login: None,
    })
}

/// A scope as it is kept, if it names something.
pub(super) fn tidy(scope: PolicyScope) -> Result<PolicyScope, HttpProblem> {
    let wrong = |field: &str, what: &str| HttpProblem::from(Problem::field(field, format!("Name {what}.")));
    match scope {
        PolicyScope::Organization => Ok(PolicyScope::Organization),
        PolicyScope::Domain { domain } => {
            let domain = domain.trim().trim_start_matches('@').to_lowercase();
            if domain.is_empty() || domain.len() > 253 || domain.contains(char::is_whitespace) {
                return Err(wrong("scope.domain", "a domain, such as example.org"));
            }
            Ok(PolicyScope::Domain { domain })
        }
        PolicyScope::Account { login } => {
            Ok(PolicyScope::Account { login: setup::acceptable_login("scope.login", &login.0)? })
        }
    }
}

fn scope_name(scope: &PolicyScope) -> &str {
    match scope {
        PolicyScope::Organization => "everybody",
        PolicyScope::Domain { domain } => domain,
        PolicyScope::Account { login } => &login.0,
    }
}

fn target(app_password: &AppPassword) -> String {
    format!("{} of {}", app_password.name, app_password.login)
}
