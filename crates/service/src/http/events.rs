//! The event log, by pages and as a stream.

mod stream;

use std::{fmt::Write as _, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use mailcup_wire::{Code, Details, EventFilter, EventId, EventPage, FieldProblem, Network, Problem, Time};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{auth::Reader, body::Query, problem::Answer};
use crate::{
    app::App,
    event_log::EventLog,
    store::{
        events,
        search::{self, Found, Patience},
    },
    stream::write_event,
};

const LIMIT: u32 = 100;
const HIGHEST_LIMIT: u32 = 1000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(stream::stream))
}

/// Which events. Lists are separated by commas.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Events after this one, oldest first (`EPOCH:SEQ`); takes no filter.
    after: Option<String>,
    /// Events from about this moment on (RFC 3339), oldest first, where there is no `after` yet; takes no filter.
    since: Option<String>,
    /// Events before this one, newest first (`EPOCH:SEQ`); empty for the newest of all.
    before: Option<String>,
    /// At most 1000; 100 if not given.
    limit: Option<u32>,
    /// From this moment on (RFC 3339).
    from: Option<String>,
    /// Before this moment (RFC 3339).
    until: Option<String>,
    /// A login, or a part of one.
    account: Option<String>,
    /// An address or network.
    network: Option<String>,
    /// Protocols, such as `imap,pop3`.
    protocols: Option<String>,
    /// Outcomes, such as `failed,refused`.
    outcomes: Option<String>,
    /// Kinds, such as `sign_in,submission`.
    kinds: Option<String>,
    /// Words that must all occur.
    text: Option<String>,
}

/// A page of events: after a cursor and oldest first, or with `before` or any filter newest first.
///
/// A search that finds little in the time that a page may take ends with a short page, even an empty one, whose
/// `next` says where to go on. Without any parameter it begins at the oldest event that is kept. A cursor that this log never had is
/// answered `epoch_diverged`, with the lineage in which to find the last common event.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(EventsQuery),
    responses((status = 200, body = EventPage), (status = 409, description = "The cursor has diverged")),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader, Query(query): Query<EventsQuery>) -> Answer<Response> {
    let limit = query.limit.unwrap_or(LIMIT).clamp(1, HIGHEST_LIMIT);
    let filter = query.filter()?;
    let backward = query.before.is_some() || filter != EventFilter::default();
    if (backward && (query.after.is_some() || query.since.is_some()))
        || (query.after.is_some() && query.since.is_some())
    {
        return Err(Problem::new(
            Code::BadRequest,
            "after and since go with no filter and not with before or each other; to read filtered events, page \
             back with before.",
        )
        .into());
    }
    let readers = app.log.store().read();
    let head = app.log.head_seq();
    let found = if backward {
        let before = query.before.as_deref().filter(|text| !text.is_empty());
        let before = before.map(|text| cursor(&app.log, "before", text)).transpose()?;
        let before = Some(before.unwrap_or(head + 1));
        search::search(readers, &filter, before, limit, Patience::default()).await?
    } else {
        let after = query.after.as_deref().map(|text| cursor(&app.log, "after", text)).transpose()?;
        let since = match moment("since", query.since.as_deref())? {
            Some(since) => search::before_moment(readers, since).await?,
            None => 0,
        };
        let mut rows = events::after(readers, after.unwrap_or(since), head, limit + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.seq);
        Found { rows, next }
    };
    Ok(page(&app.log, &found, head))
}

/// The number that a cursor stands at in this log.
fn cursor(log: &EventLog, field: &str, text: &str) -> Result<u64, Problem> {
    let id: EventId = text.parse().map_err(|error| invalid(field, &error))?;
    log.lineage().resume(&id, log.head_seq()).map_err(|diverged| {
        let lineage = log.lineage().steps().to_vec();
        Problem::new(
            Code::EpochDiverged,
            format!("{diverged}: the service was restored from an older copy, or is another one."),
        )
        .with(Details::Lineage { lineage })
    })
}

/// Writes the page around the stored bodies, which are JSON already.
fn page(log: &EventLog, found: &Found, head: u64) -> Response {
    let rows = &found.rows;
    let bytes: usize = rows.iter().map(|row| row.body.len() + 96).sum();
    let mut text = String::with_capacity(bytes + 96);
    text.push_str(r#"{"events":["#);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_event(&mut text, log.lineage().epoch_of(row.seq), row.seq, row.at, &row.body);
    }
    // Writing to a string can't fail.
    let _ = write!(text, r#"],"head":"{}","more":{}"#, log.id_of(head), found.next.is_some());
    if let Some(next) = found.next {
        let _ = write!(text, r#","next":"{}""#, log.id_of(next));
    }
    text.push('}');
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from(text)).into_response()
}

impl EventsQuery {
    fn filter(&self) -> Result<EventFilter, Problem> {
        Ok(EventFilter {
            from: moment("from", self.from.as_deref())?,
            until: moment("until", self.until.as_deref())?,
            account: self.account.clone().filter(|text| !text.is_empty()),
            network: match &self.network {
                Some(text) => Some(text.parse::<Network>().map_err(|error| invalid("network", &error))?),
                None => None,
            },
            protocols: words("protocols", self.protocols.as_deref())?,
            outcomes: words("outcomes", self.outcomes.as_deref())?,
            kinds: words("kinds", self.kinds.as_deref())?,
            text: self.text.clone().filter(|text| !text.trim().is_empty()),
        })
    }
}

fn moment(field: &str, text: Option<&str>) -> Result<Option<Time>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let moment = text.parse::<jiff::Timestamp>();
    moment.map(|moment| Some(moment.into())).map_err(|_| {
        invalid(
            field,
            &format!("“{}” is not a time like 2026-11-24T08:00:00Z", super::paging::shortened(text)),
        )
    })
}

fn words<T: DeserializeOwned>(field: &str, text: Option<&str>) -> Result<Vec<T>, Problem> {
    let words = text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| serde_json::from_value(word.into()).map_err(|error| invalid(field, &error))).collect()
}

fn invalid(field: &str, message: &dyn ToString) -> Problem {
    let message = message.to_string();
    Problem::new(Code::Invalid, format!("{field}: {message}"))
        .with(Details::Fields { fields: vec![FieldProblem { field: field.to_owned(), message }] })
}
