//! Blocks set by hand.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use mailcup_wire::{
    Block, BlockChange, BlockId, BlockTarget, Code, Details, EventBody, FieldProblem, Login, NewBlock, Page,
    Problem, Time,
};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    alerts,
    auth::{Caller, Reader, Writer},
    body::{Json, Path, Query},
    client::Client,
    etag::{IfMatch, Versioned},
    paging::{self, Paging},
    problem::Answer,
};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    mail_sessions::Whose,
    policy::{guard_target, would_refuse},
    store::{StoreError, blocks},
};

/// Longest note, in characters.
const LONGEST_NOTE: usize = 2000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, change, lift))
}

/// The blocks in force, oldest first.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "blocks", params(Paging),
    responses((status = 200, body = Page<Block>)), extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader, Query(paging): Query<Paging>) -> Json<Page<Block>> {
    let limit = paging.limit();
    let active = app.policy.active_blocks(app.clock.now());
    let key = |block: &Block| format!("{}-{}", block.created_at.as_millis(), block.id);
    let begin = match &paging.cursor {
        Some(cursor) => active.iter().position(|block| key(block) == *cursor).map_or(0, |last| last + 1),
        None => 0,
    };
    let rest = active.into_iter().skip(begin).take(limit as usize + 1).collect();
    Json(paging::page(rest, limit, key))
}

/// A block, in force or not.
#[utoipa::path(
    get, path = "/v1/blocks/{id}", tag = "blocks", params(("id" = String, Path)),
    responses((status = 200, body = Block), (status = 404)), extensions(("x-permission" = json!("read"))),
)]
async fn get(State(app): State<Arc<App>>, _: Reader, Path(id): Path<BlockId>) -> Answer<Versioned<Block>> {
    let mut connection = app.log.store().read().acquire().await.map_err(StoreError::from)?;
    let block = blocks::get(&mut connection, &id).await?.ok_or_else(not_found)?;
    Ok(Versioned { version: block.version, value: block })
}

/// Blocks an address, a network or an account, at once and for all protocols; or what an account sends.
///
/// A block that would refuse whoever sets it needs `confirm_self`.
#[utoipa::path(
    post, path = "/v1/blocks", tag = "blocks", request_body = NewBlock,
    responses((status = 201, body = Block), (status = 409, description = "It would refuse yourself")),
    extensions(("x-permission" = json!("write"))),
)]
async fn create(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Json(new): Json<NewBlock>,
) -> Answer<Response> {
    let now = app.clock.now();
    check(&new.note, new.expires_at, now)?;
    let target = tidy(new.target)?;
    let own_login = caller.admin().map(|(_, login)| login.0);
    if !new.confirm_self && would_refuse(&target, own_login.as_deref(), client.address) {
        return Err(Problem::new(
            Code::Conflict,
            "This block would refuse you yourself. Set confirm_self to do it all the same.",
        )
        .into());
    }
    let (created_by, created_by_login) = caller.admin().unzip();
    let block = Block {
        id: BlockId(format!("{:016x}", rand::random::<u64>())),
        target,
        note: new.note,
        created_at: now,
        created_by,
        created_by_login,
        expires_at: new.expires_at,
        lifted_at: None,
        lifted_by_login: None,
        cause: None,
        version: 1,
    };
    let mut tx = app.log.begin().await?;
    if let Some(alert) = &new.alert {
        tx.answer_with(alert, &block, caller.admin()).await.map_err(alerts::refusal)?;
    }
    let block = write(&app, tx, &caller, client, "block.create", block).await?;
    Ok((StatusCode::CREATED, Versioned { version: block.version, value: block }).into_response())
}

/// Changes when a block ends, or its note.
#[utoipa::path(
    patch, path = "/v1/blocks/{id}", tag = "blocks", params(("id" = String, Path)), request_body = BlockChange,
    responses((status = 200, body = Block), (status = 404), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn change(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path(id): Path<BlockId>,
    if_match: IfMatch,
    Json(change): Json<BlockChange>,
) -> Answer<Versioned<Block>> {
    let now = app.clock.now();
    check(change.note.as_deref().unwrap_or_default(), change.expires_at, now)?;
    let mut tx = app.log.begin().await?;
    let mut block = blocks::get(tx.connection(), &id).await?.ok_or_else(not_found)?;
    if_match.check(block.version, &block)?;
    if block.lifted_at.is_some() {
        return Err(Problem::new(Code::Conflict, "The block was lifted; set a new one.").into());
    }
    block.expires_at = change.expires_at;
    block.note = change.note.unwrap_or(block.note);
    block.version += 1;
    let block = write(&app, tx, &caller, client, "block.change", block).await?;
    Ok(Versioned { version: block.version, value: block })
}

/// Lifts a block at once. One that is lifted already stays so.
#[utoipa::path(
    delete, path = "/v1/blocks/{id}", tag = "blocks", params(("id" = String, Path)),
    responses((status = 200, body = Block), (status = 404)), extensions(("x-permission" = json!("write"))),
)]
async fn lift(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path(id): Path<BlockId>,
) -> Answer<Versioned<Block>> {
    let mut tx = app.log.begin().await?;
    let mut block = blocks::get(tx.connection(), &id).await?.ok_or_else(not_found)?;
    if block.lifted_at.is_none() {
        block.lifted_at = Some(app.clock.now());
        block.lifted_by_login = caller.admin().map(|(_, login)| login);
        block.version += 1;
        block = write(&app, tx, &caller, client, "block.lift", block).await?;
    }
    Ok(Versioned { version: block.version, value: block })
}

/// Writes a block with its events; in force once it is durable.
async fn write(
    app: &Arc<App>,
    mut tx: LogTransaction,
    caller: &Caller,
    client: Client,
    action: &str,
    block: Block,
) -> Answer<Block> {
    put(app, &mut tx, &Actor::of(caller, client), action, &block).await?;
    tx.commit().await?;
    Ok(block)
}

/// Writes a block with its events into a transaction; in force from its commit on.
pub(crate) async fn put(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    actor: &Actor,
    action: &str,
    block: &Block,
) -> Result<(), StoreError> {
    put_all(app, tx, actor, action, std::slice::from_ref(block)).await
}

/// The same for several at once, which are in force together.
pub(crate) async fn put_all(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    actor: &Actor,
    action: &str,
    set: &[Block],
) -> Result<(), StoreError> {
    for block in set {
        blocks::put(tx.connection(), block).await?;
        tx.append(&EventBody::Block(block.clone()));
        audit::record(tx, actor, action, &words(&block.target), &json!({ "block": block })).await?;
    }
    let (app, set) = (Arc::clone(app), set.to_vec());
    tx.after_commit(move || {
        // Suspended sending that is given an end is lifted by the clock, and nobody tells.
        let is_over = |block: &&Block| {
            let may_send_soon =
                matches!(block.target, BlockTarget::Sending { .. }) && block.expires_at.is_some();
            block.lifted_at.is_some() || may_send_soon
        };
        for block in set.iter().filter(is_over) {
            app.risk.lifted(&guard_target(&block.target));
        }
        let begins = |block: &&Block| block.version == 1;
        let begun: Vec<_> = set.iter().filter(begins).filter_map(|block| Whose::of(&block.target)).collect();
        app.policy.put(set, app.clock.now());
        // Only now nobody gets in again.
        for whose in begun {
            app.mail_sessions.end(whose);
        }
    });
    Ok(())
}

fn check(note: &str, expires_at: Option<Time>, now: Time) -> Result<(), Problem> {
    if expires_at.is_some_and(|end| end <= now) {
        return Err(wrong("expires_at", "A block must end in the future, or have no end."));
    }
    if note.chars().count() > LONGEST_NOTE {
        return Err(wrong("note", "A note has at most 2000 characters."));
    }
    Ok(())
}

/// Logins are compared in lower case.
fn tidy(target: BlockTarget) -> Result<BlockTarget, Problem> {
    match target {
        BlockTarget::Account { login } => Ok(BlockTarget::Account { login: tidy_login(&login)? }),
        BlockTarget::AccountNetwork { login, network } => {
            Ok(BlockTarget::AccountNetwork { login: tidy_login(&login)?, network })
        }
        BlockTarget::Sending { login } => Ok(BlockTarget::Sending { login: tidy_login(&login)? }),
        BlockTarget::Address { .. } | BlockTarget::Network { .. } => Ok(target),
    }
}

fn tidy_login(login: &Login) -> Result<Login, Problem> {
    let login = login.0.trim().to_lowercase();
    if login.is_empty() || login.len() > 320 {
        return Err(wrong("target.login", "A login has 1 to 320 characters."));
    }
    Ok(Login(login))
}

fn words(target: &BlockTarget) -> String {
    match target {
        BlockTarget::Address { address } => format!("address {address}"),
        BlockTarget::Network { network } => format!("network {network}"),
        BlockTarget::Account { login } => format!("account {login}"),
        BlockTarget::AccountNetwork { login, network } => format!("account {login} from {network}"),
        BlockTarget::Sending { login } => format!("sending of {login}"),
    }
}

fn wrong(field: &str, message: &str) -> Problem {
    let fields = vec![FieldProblem { field: field.to_owned(), message: message.to_owned() }];
    Problem::new(Code::Invalid, message).with(Details::Fields { fields })
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is no such block.")
}
