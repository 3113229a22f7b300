//! Alerts: the inbox, and what admins do about it.

use std::sync::Arc;

use axum::extract::State;
use mailcup_guard::inbox::Refusal;
use mailcup_wire::{Alert, AlertChange, AlertId, AlertState, Code, Login, Page, Problem, Snooze, Time};
use serde::Deserialize;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Reader, Writer},
    body::{Json, Path, Query},
    client::Client,
    etag::{self, IfMatch, Versioned},
    paging::{self, Paging},
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::{AlertChangeError, current_alert},
    risk,
    store::alerts,
};

/// Longest note, in characters.
const LONGEST_NOTE: usize = 2000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, change))
}

#[derive(Debug, Deserialize)]
struct AlertsQuery {
    /// States, such as `open,acknowledged`; all if not given.
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Alerts, the latest first.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "alerts",
    params(("state" = Option<String>, Query, description = "States, such as `open,acknowledged`"), Paging),
    responses((status = 200, body = Page<Alert>)), extensions(("x-permission" = json!("read"))),
)]
async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    Query(query): Query<AlertsQuery>,
) -> Answer<Json<Page<Alert>>> {
    let states = states(query.state.as_deref())?;
    let before = query.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = paging::limit(query.limit);
    let alerts = alerts::list(app.log.store().read(), &states, before, limit + 1).await?;
    Ok(Json(paging::page(alerts, limit, |alert| format!("{}-{}", alert.last_at.as_millis(), alert.id))))
}

/// An alert, with its count up to now.
#[utoipa::path(
    get, path = "/v1/alerts/{id}", tag = "alerts", params(("id" = String, Path)),
    responses((status = 200, body = Alert), (status = 404)), extensions(("x-permission" = json!("read"))),
)]
async fn get(State(app): State<Arc<App>>, _: Reader, Path(id): Path<AlertId>) -> Answer<Versioned<Alert>> {
    let row = current_alert(&app.log, &id).await?.ok_or_else(not_found)?;
    Ok(Versioned { version: row.alert.version, value: row.alert })
}

/// Acknowledges, resolves or reopens an alert, puts it off or brings it back, or writes a note into its
/// history. It is stale only if somebody else did something about it; counts may have grown.
#[utoipa::path(
    patch, path = "/v1/alerts/{id}", tag = "alerts", params(("id" = String, Path)), request_body = AlertChange,
    responses((status = 200, body = Alert), (status = 404), (status = 412)),
    extensions(("x-permission" = json!("write"))),
)]
async fn change(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Path(id): Path<AlertId>,
    IfMatch(expected): IfMatch,
    Json(change): Json<AlertChange>,
) -> Answer<Versioned<Alert>> {
    if change.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Err(Problem::new(Code::Invalid, "A note has at most 2000 characters.").into());
    }
    let known = if change.was_owner { current_alert(&app.log, &id).await? } else { None };
    let owner = known.map(|row| owner(&row.alert)).transpose()?;
    let mut tx = app.log.begin().await?;
    let alert = tx.change_alert(&id, &change, caller.admin(), expected).await.map_err(refusal)?;
    let actor = Actor::of(&caller, client);
    if let Some(login) = &owner {
        risk::owner::vouch(&app, &mut tx, &actor, login, &alert).await?;
    }
    let action = match (change.state, &change.snooze) {
        _ if change.was_owner => "alert.was_owner",
        (Some(AlertState::Open), _) => "alert.reopen",
        (Some(AlertState::Acknowledged), _) => "alert.acknowledge",
        (Some(AlertState::Resolved), _) => "alert.resolve",
        (None, Some(Snooze::Until { .. })) => "alert.snooze",
        (None, Some(Snooze::End)) => "alert.wake",
        (None, None) => "alert.note",
    };
    audit::record(
        &mut tx,
        &actor,
        action,
        &alert.title,
        &json!({ "alert": id, "note": change.note, "snoozed_until": alert.snoozed_until }),
    )
    .await?;
    tx.commit().await?;
    Ok(Versioned { version: alert.version, value: alert })
}

/// The account of whose owner it can be said that it was them.
fn owner(alert: &Alert) -> Result<Login, Problem> {
    alert.login.clone().filter(|_| alert.may_be_owner()).ok_or_else(|| {
        Problem::new(
            Code::Conflict,
            "Of this alert it can't be said that it was the account's owner: it is about no single account, or came \
             from more addresses than one person has. Resolve it, and make an access rule where one is needed.",
        )
    })
}

/// Why nothing was done about an alert.
pub(super) fn refusal(error: AlertChangeError) -> HttpProblem {
    match error {
        AlertChangeError::NotFound => not_found().into(),
        AlertChangeError::Stale(alert) => etag::stale(alert.version, &*alert).into(),
        AlertChangeError::Store(error) => error.into(),
        AlertChangeError::Unclear => Problem::new(
            Code::Invalid,
            "Say what to do: a state, a snooze or a note; a state and a snooze don't go together, and that it was the \
             owner resolves it.",
        )
        .into(),
        AlertChangeError::Refused(why @ Refusal::Resolved) => Problem::new(Code::Conflict, said(why)).into(),
        AlertChangeError::Refused(why @ (Refusal::Past | Refusal::TooFar)) => {
            Problem::field("snooze.at", said(why)).into()
        }
    }
}

/// A cause as a sentence.
fn said(why: Refusal) -> String {
    let text = why.to_string();
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

fn states(text: Option<&str>) -> Result<Vec<AlertState>, Problem> {
    let Some(text) = text else {
        return Ok(vec![AlertState::Open, AlertState::Acknowledged, AlertState::Resolved]);
    };
    let states = text.split(',').map(|word| serde_json::from_value(word.trim().into()));
    states.collect::<Result<_, _>>().map_err(|_| {
        Problem::new(Code::Invalid, "state lists open, acknowledged or resolved, separated by commas.")
    })
}

fn read_cursor(text: &str) -> Result<(Time, AlertId), Problem> {
    let (at, id) = text.split_once('-').ok_or_else(paging::wrong_cursor)?;
    let at = at.parse().map_err(|_| paging::wrong_cursor())?;
    Ok((Time::from_millis(at), id.into()))
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is no such alert.")
}
