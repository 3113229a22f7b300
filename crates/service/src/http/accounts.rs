//! Accounts: by hand, imported, or discovered from sign-ins.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mailcup_guard::account::{self as guard, Fault};
use mailcup_wire::{
    Account, AccountChange, AccountImport, AccountImportResult, AccountOrigin, Code, Details, EventBody,
    FieldProblem, Login, NewAccount, Page, Problem, Time,
};
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Reader, Writer},
    body::{Json, Path, Query},
    client::Client,
    etag::{IfMatch, Versioned},
    paging::{self, Paging},
    problem::Answer,
};
use crate::{
    app::App,
    audit::{self, Actor},
    store::{StoreError, accounts},
};

/// Accounts in one import.
const LARGEST_IMPORT: usize = 100_000;
/// Bytes of an import's body.
const LARGEST_IMPORT_BODY: usize = 32 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    let import = OpenApiRouter::new()
        .routes(routes!(import))
        .layer(axum::extract::DefaultBodyLimit::max(LARGEST_IMPORT_BODY));
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, change)).merge(import)
}

#[derive(Debug, Deserialize)]
struct AccountsQuery {
    text: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Accounts by login.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts",
    params(("text" = Option<String>, Query, description = "A part of the login or name"), Paging),
    responses((status = 200, body = Page<Account>)), extensions(("x-permission" = json!("read"))),
)]
async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    Query(query): Query<AccountsQuery>,
) -> Answer<Json<Page<Account>>> {
    let limit = paging::limit(query.limit);
    let after = query.cursor.as_deref().unwrap_or_default();
    let text = query.text.as_deref().unwrap_or_default();
    let found = accounts::list(app.log.store().read(), text, after, limit + 1).await?;
    Ok(Json(paging::page(found, limit, |account| account.login.0.clone())))
}

/// An account.
#[utoipa::path(
    get, path = "/v1/accounts/{login}", tag = "accounts", params(("login" = String, Path)),
    responses((status = 200, body = Account), (status = 404)), extensions(("x-permission" = json!("read"))),
)]
async fn get(State(app): State<Arc<App>>, _: Reader, Path(login): Path<Login>) -> Answer<Versioned<Account>> {
    let mut connection = app.log.store().read().acquire().await.map_err(StoreError::from)?;
    let account = accounts::get(&mut connection, &lower(&login)).await?.ok_or_else(not_found)?;
    Ok(Versioned { version: account.version, value: account })
}

/// Adds an account.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", request_body = NewAccount,
    responses((status = 201, body = Account), (status = 409)), extensions(("x-permission" = json!("write"))),
)]
async fn create(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Json(new): Json<NewAccount>,
) -> Answer<Response> {
    let account = account(new, "", AccountOrigin::ByHand, app.clock.now())?;
    let mut tx = app.log.begin().await?;
    if !accounts::add(tx.connection(), &account).await? {
        return Err(Problem::new(Code::Conflict, "An account with this login exists.").into());
    }
    tx.append(&EventBody::Account(account.clone()));
    let target = &account.login.0;
    audit::record(&mut tx, &Actor::of(&caller, client), "account.create", target, &json!({})).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Versioned { version: account.version, value: account }).into_response())
}

/// Changes an account's name or note.
#[utoipa::path(
    patch, path = "/v1/accounts/{login}", tag = "accounts", params(("login" = String, Path)),
    request_body = AccountChange, responses((status = 200, body = Account), (status = 404), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn change(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path(login): Path<Login>,
    if_match: IfMatch,
    Json(change): Json<AccountChange>,
) -> Answer<Versioned<Account>> {
    check("", change.name.as_deref().unwrap_or_default(), change.note.as_deref().unwrap_or_default())?;
    let mut tx = app.log.begin().await?;
    let mut account = accounts::get(tx.connection(), &lower(&login)).await?.ok_or_else(not_found)?;
    if_match.check(account.version, &account)?;
    account.name = change.name.unwrap_or(account.name);
    account.note = change.note.unwrap_or(account.note);
    account.version += 1;
    accounts::change(tx.connection(), &account).await?;
    tx.append(&EventBody::Account(account.clone()));
    let target = &account.login.0;
    audit::record(&mut tx, &Actor::of(&caller, client), "account.change", target, &json!({})).await?;
    tx.commit().await?;
    Ok(Versioned { version: account.version, value: account })
}

/// Adds many accounts at once, all or none. Those that are known stay as they are.
#[utoipa::path(
    post, path = "/v1/accounts/import", tag = "accounts", request_body = AccountImport,
    responses((status = 200, body = AccountImportResult), (status = 422)),
    extensions(("x-permission" = json!("write"))),
)]
async fn import(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Json(import): Json<AccountImport>,
) -> Answer<Json<AccountImportResult>> {
    if import.accounts.len() > LARGEST_IMPORT {
        return Err(Problem::new(Code::TooLarge, "At most 100,000 accounts can be imported at once.").into());
    }
    let now = app.clock.now();
    let accounts: Vec<_> = (0usize..)
        .zip(import.accounts)
        .map(|(index, new)| account(new, &format!("accounts.{index}."), AccountOrigin::Imported, now))
        .collect::<Result<_, _>>()?;
    let mut result = AccountImportResult { added: 0, known: 0 };
    let mut tx = app.log.begin().await?;
    for account in &accounts {
        if accounts::add(tx.connection(), account).await? {
            result.added += 1;
            tx.append(&EventBody::Account(account.clone()));
        } else {
            result.known += 1;
        }
    }
    let target = format!("{} accounts", result.added);
    audit::record(&mut tx, &Actor::of(&caller, client), "account.import", &target, &json!({})).await?;
    tx.commit().await?;
    Ok(Json(result))
}

fn account(new: NewAccount, path: &str, origin: AccountOrigin, now: Time) -> Result<Account, Problem> {
    let login = guard::login(&new.login.0).map_err(|fault| wrong(&format!("{path}login"), fault))?;
    check(path, &new.name, &new.note)?;
    Ok(Account { login: Login(login), name: new.name, origin, created_at: now, note: new.note, version: 1 })
}

fn check(path: &str, name: &str, note: &str) -> Result<(), Problem> {
    guard::name(name).map_err(|fault| wrong(&format!("{path}name"), fault))?;
    guard::note(note).map_err(|fault| wrong(&format!("{path}note"), fault))
}

/// A login of a path or a body as accounts are kept.
pub(super) fn lower(login: &Login) -> Login {
    Login(login.0.trim().to_lowercase())
}

fn wrong(field: &str, fault: Fault) -> Problem {
    let message = fault.to_string();
    let fields = vec![FieldProblem { field: field.to_owned(), message: message.clone() }];
    Problem::new(Code::Invalid, format!("{field}: {message}")).with(Details::Fields { fields })
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is no such account.")
}
