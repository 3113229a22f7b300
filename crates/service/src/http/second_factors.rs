//! The policy of second factors, who is covered, and what is done about those who are not.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_guard::second_factor::Policy;
use mailcup_wire::{
    AdminId, Code, FactorAsk, FactorBefore, FactorCoverage, FactorPerson, FactorPolicy, FactorPolicyChange,
    FactorReminders, FactorRequirement, FactorRule, FactorScope, FactorScopeRule, Login, PolicyScope,
    Problem, Role, UnansweredCode,
};
use serde::Deserialize;
use serde_json::json;
use sqlx::SqliteConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    app_passwords::tidy,
    auth::{Caller, Fresh, OwnerOnly, Reader, Writer},
    body::{Json, Path, Query},
    client::Client,
    paging,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    mail::{
        notice,
        text::{self, FactorsReset},
    },
    notices::Owner,
    outbox,
    second_factors::{
        self,
        coverage::{self, People, Question},
        reminders, unanswered,
    },
    sign_in,
    store::{StoreError, account_devices, accounts, admins, factors, second_factors as rows},
    web_sign_in::{self, Which},
};

/// The longest grace, in days.
const LONGEST_GRACE: u16 = 90;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(policy, change_policy))
        .routes(routes!(covered))
        .routes(routes!(remind))
        .routes(routes!(unanswered_codes))
        .routes(routes!(reset))
        .routes(routes!(reset_account))
}

/// What sign-ins must give beside the password, by scope.
#[utoipa::path(
    get, path = "/v1/second-factors/policy", tag = "second-factors",
    responses((status = 200, body = FactorPolicy)), extensions(("x-permission" = json!("read"))),
)]
async fn policy(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<FactorPolicy>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(FactorPolicy { scopes: rows::rules(&mut connection).await? }))
}

/// Says for one scope what sign-ins must give; in force at once.
///
/// Refused where it would leave no owner with what it requires of owners. Where people would be refused from now on, it
/// needs `confirm`.
#[utoipa::path(
    put, path = "/v1/second-factors/policy", tag = "second-factors", request_body = FactorPolicyChange,
    responses(
        (status = 200, body = FactorPolicy),
        (status = 409, description = "No owner has what it requires of owners"),
        (status = 422, description = "People would be refused from now on: it needs `confirm`"),
    ),
    extensions(("x-permission" = json!("owner"))),
)]
async fn change_policy(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Json(change): Json<FactorPolicyChange>,
) -> Answer<Json<FactorPolicy>> {
    let actor = Actor::of(&Caller::Admin(session), client);
    let scope = tidy_scope(change.scope)?;
    let rule = change.rule.map(|rule| tidy_rule(&scope, rule)).transpose()?;
    let mut tx = app.log.begin().await?;
    match &rule {
        Some(rule) => {
            let (changed_at, changed_by_login) = (app.clock.now(), actor.login());
            let said =
                FactorScopeRule { scope: scope.clone(), rule: rule.clone(), changed_at, changed_by_login };
            rows::put_rule(tx.connection(), &said).await?;
        }
        None => rows::delete_rule(tx.connection(), &scope).await?,
    }
    let scopes = rows::rules(tx.connection()).await?;
    let next = second_factors::policy(&scopes);
    second_factors::keep_an_able_owner(tx.connection(), &next).await?;
    if !change.confirm {
        must_refuse_nobody_anew(&app, tx.connection(), &next).await?;
    }
    let details = json!({ "scope": scope, "rule": rule });
    audit::record(&mut tx, &actor, "second_factor.policy", &scope_name(&scope), &details).await?;
    let shared = Arc::clone(&app);
    tx.after_commit(move || shared.second_factors.swap(next));
    tx.commit().await?;
    Ok(Json(FactorPolicy { scopes }))
}

#[derive(Debug, Deserialize)]
struct CoverageQuery {
    text: Option<String>,
    missing: Option<bool>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Who has which factors, where their codes go, and who lacks what the policy requires.
#[utoipa::path(
    get, path = "/v1/second-factors/coverage", tag = "second-factors",
    params(
        ("text" = Option<String>, Query, description = "A part of the login, the name or the address"),
        ("missing" = Option<bool>, Query, description = "Only those who lack something"),
        paging::Paging,
    ),
    responses((status = 200, body = FactorCoverage)), extensions(("x-permission" = json!("read"))),
)]
async fn covered(
    State(app): State<Arc<App>>,
    _: Reader,
    Query(query): Query<CoverageQuery>,
) -> Answer<Json<FactorCoverage>> {
    let question = Question {
        text: query.text.unwrap_or_default().trim().to_lowercase(),
        missing: query.missing.unwrap_or_default(),
        cursor: query.cursor,
        limit: paging::limit(query.limit) as usize,
    };
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let policy = app.second_factors.policy();
    let everybody = People::read(&mut connection).await?.under(&app, &policy);
    Ok(Json(coverage::answer(everybody, &question, app.clock.now())))
}

/// Mails everybody who lacks what the policy requires: at most one mail a day to each, and 500 at once.
#[utoipa::path(
    post, path = "/v1/second-factors/reminders", tag = "second-factors",
    responses((status = 200, body = FactorReminders)), extensions(("x-permission" = json!("write"))),
)]
async fn remind(
    State(app): State<Arc<App>>,
    client: Client,
    Writer(caller): Writer,
) -> Answer<Json<FactorReminders>> {
    reminders::send(&app, &Actor::of(&caller, client)).await.map(Json)
}

/// Right passwords of the last week whose code was never given, the newest first.
#[utoipa::path(
    get, path = "/v1/second-factors/unanswered", tag = "second-factors",
    responses((status = 200, body = Vec<UnansweredCode>)), extensions(("x-permission" = json!("read"))),
)]
async fn unanswered_codes(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<Vec<UnansweredCode>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok(Json(unanswered::list(&mut connection, app.clock.now()).await?))
}

/// Takes away another admin's authenticators and recovery codes, ends their sessions, and gives them time to set up
/// new ones. They are told by mail.
#[utoipa::path(
    delete, path = "/v1/admins/{id}/factors", tag = "second-factors", params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 409)), extensions(("x-permission" = json!("owner"))),
)]
async fn reset(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Path(id): Path<AdminId>,
) -> Answer<StatusCode> {
    if session.admin == id {
        let message = "Your own factors are not reset: add and remove them in Settings, My factors.";
        return Err(Problem::new(Code::Conflict, message).into());
    }
    let by = session.login.clone();
    let actor = Actor::of(&Caller::Admin(session), client);
    let now = app.clock.now();
    let mut tx = app.log.begin().await?;
    let admin = admins::get(tx.connection(), &id)
        .await?
        .ok_or_else(|| Problem::new(Code::NotFound, "There is no such admin."))?
        .admin;
    factors::remove_all(tx.connection(), rows::Person::Admin(&id)).await?;
    second_factors::keep_an_able_owner(tx.connection(), &app.second_factors.policy()).await?;
    let until = second_factors::time_from(&app, admin.role, now);
    rows::grant_time(tx.connection(), &id, until).await?;
    sign_in::end_all(&app, &mut tx, &id, None).await?;
    audit::record(&mut tx, &actor, "factor.reset", &admin.login.0, &json!({ "until": until })).await?;
    let organization = app.settings.organization_name();
    let mail = text::factors_reset(&FactorsReset {
        organization: &organization,
        name: &admin.name,
        to: &admin.email,
        by: &by.0,
        at: now.0,
        until: second_factors::is_required_of(&app, admin.role).then_some(until.0),
    });
    outbox::post(&app, &mut tx, &mail).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes away an account's authenticators, passkeys and recovery codes and ends its sessions on the web. Its owner is
/// told by mail.
#[utoipa::path(
    delete, path = "/v1/accounts/{login}/factors", tag = "second-factors", params(("login" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("owner"))),
)]
async fn reset_account(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Path(login): Path<Login>,
) -> Answer<StatusCode> {
    let login = Login(login.0.trim().to_lowercase());
    let by = session.login.clone();
    let actor = Actor::of(&Caller::Admin(session), client);
    let mut tx = app.log.begin().await?;
    if accounts::get(tx.connection(), &login).await?.is_none() {
        return Err(Problem::new(Code::NotFound, "There is no such account.").into());
    }
    factors::remove_all(tx.connection(), rows::Person::Account(&login)).await?;
    app.web_sign_in.end_of(&login);
    web_sign_in::end_sessions(&app, &mut tx, &actor, &login, Which::All).await?;
    account_devices::distrust_all(tx.connection(), &login).await?;
    audit::record(&mut tx, &actor, "account_factor.reset", &login.0, &json!({})).await?;
    let settings = app.settings.notices.load_full();
    if let Some(owner) = Owner::reach(&app, tx.connection(), &login, &settings).await? {
        let organization = app.settings.organization_name();
        outbox::post(&app, &mut tx, &notice::factors_reset(&owner.to, &organization, &login, &by.0)).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a change after which people can't sign in any more who can now.
async fn must_refuse_nobody_anew(
    app: &App,
    connection: &mut SqliteConnection,
    next: &Policy,
) -> Result<(), HttpProblem> {
    let people = People::read(connection).await?;
    let (before, after) = (people.under(app, &app.second_factors.policy()), people.under(app, next));
    let is_refused = |person: &FactorPerson| person.ask == FactorAsk::Refuse;
    let newly: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| !is_refused(before) && is_refused(after))
        .collect();
    let Some(((_, first), count)) = newly.first().zip(Some(newly.len())) else { return Ok(()) };
    let who = match count {
        1 => format!("{} lacks what it requires and could not sign in any more.", first.login),
        _ => format!("{count} people lack what it requires and could not sign in any more."),
    };
    let message =
        format!("{who} Take a later day or more days of grace, or set confirm to do it all the same.");
    Err(Problem::field("confirm", message).into())
}

fn tidy_rule(scope: &FactorScope, rule: FactorRule) -> Result<FactorRule, HttpProblem> {
    let is_of_role = matches!(scope, FactorScope::Role { .. });
    match rule {
        FactorRule::Off if is_of_role => {
            let message = "An admin gives at least a code by mail: choose optional or required.";
            Err(Problem::field("rule.require", message).into())
        }
        FactorRule::Off | FactorRule::Optional => Ok(rule),
        FactorRule::Required(required) => {
            if !(1..=LONGEST_GRACE).contains(&required.grace_days) {
                let message = format!("The grace is 1 to {LONGEST_GRACE} days.");
                return Err(Problem::field("rule.grace_days", message).into());
            }
            // What says something about accounts alone is not kept of a role.
            let (before, outside_address) = if is_of_role {
                (FactorBefore::Code, false)
            } else {
                (required.before, required.outside_address)
            };
            Ok(FactorRule::Required(FactorRequirement { before, outside_address, ..required }))
        }
    }
}

fn tidy_scope(scope: FactorScope) -> Result<FactorScope, HttpProblem> {
    let scope = match scope {
        FactorScope::Role { role } => return Ok(FactorScope::Role { role }),
        FactorScope::Organization => PolicyScope::Organization,
        FactorScope::Domain { domain } => PolicyScope::Domain { domain },
        FactorScope::Account { login } => PolicyScope::Account { login },
    };
    Ok(match tidy(scope)? {
        PolicyScope::Organization => FactorScope::Organization,
        PolicyScope::Domain { domain } => FactorScope::Domain { domain },
        PolicyScope::Account { login } => FactorScope::Account { login },
    })
}

fn scope_name(scope: &FactorScope) -> String {
    match scope {
        FactorScope::Organization => "every account".to_owned(),
        FactorScope::Domain { domain } => format!("accounts of {domain}"),
        FactorScope::Account { login } => login.0.clone(),
        FactorScope::Role { role: Role::Owner } => "owners".to_owned(),
        FactorScope::Role { role: Role::Admin } => "admins".to_owned(),
        FactorScope::Role { role: Role::Auditor } => "auditors".to_owned(),
    }
}
