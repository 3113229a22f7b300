//! Logs of mail servers, sent as they are.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
};
use futures_util::StreamExt as _;
use jiff::tz::TimeZone;
use mailcup_wire::{Code, ImportReport, Problem, Time};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Writer,
    body::{Json, Query},
    client::Client,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::Actor,
    log_import::{
        gathering::{Found, Gathering},
        keep::{self, Bounds},
        reading::{self, ReadError},
        source,
        stamps::Calendar,
    },
    store::StoreError,
};

pub(super) const PATH: &str = "/v1/imports";

/// Bytes of a log, as it is sent.
const LARGEST: u64 = 4 << 30;

/// Pieces of the body, and portions of events, that wait.
const AHEAD: usize = 4;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(import))
}

/// What the log does not say itself.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct About {
    /// The file's name, for the audit log.
    #[serde(default)]
    name: String,
    /// Of stamps that name none, such as `Europe/Berlin`; UTC when it is not given.
    time_zone: Option<String>,
    /// Of the first line, where stamps name none; else it follows from `written_at`.
    year: Option<i16>,
    /// When the log was written last; now when it is not given.
    #[param(value_type = Option<String>, format = DateTime)]
    written_at: Option<Time>,
    /// Also take what the service has recorded itself.
    #[serde(default)]
    also_recorded: bool,
}

/// Imports a log of Dovecot and Postfix: the body as the file is, also packed by gzip or zstd.
///
/// The same log again changes nothing. Where the connection breaks, what was stored until then stays.
#[utoipa::path(
    post, path = "/v1/imports", tag = "events", params(About),
    request_body(content = String, content_type = "application/octet-stream", description = "The log"),
    responses(
        (status = 200, body = ImportReport), (status = 400, description = "It is no log"),
        (status = 413, description = "It is larger than 4 GiB"),
    ),
    extensions(("x-permission" = json!("write"))),
)]
async fn import(
    State(app): State<Arc<App>>,
    Writer(caller): Writer,
    client: Client,
    Query(about): Query<About>,
    body: Body,
) -> Answer<Json<ImportReport>> {
    let calendar = calendar(&about, app.clock.now())?;
    let (pieces, waiting) = mpsc::channel(AHEAD);
    let (portions, told) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || read(Pieces::of(waiting), calendar, &portions));
    // On its own, so that what is stored is noted also when nobody waits any longer.
    let bounds = Bounds::of(&app, about.also_recorded);
    let name = about.name.chars().filter(|letter| !letter.is_control()).take(200).collect();
    let storing = tokio::spawn(store(Arc::clone(&app), Actor::of(&caller, client), name, bounds, told));
    feed(body, pieces).await?;
    let read = reading.await.map_err(|_| failed())?;
    let report = storing.await.map_err(|_| failed())??;
    match read {
        Ok(()) => Ok(Json(report)),
        Err(error) => Err(Problem::new(Code::BadRequest, format!("The log was not read: {error}.")).into()),
    }
}

fn calendar(about: &About, now: Time) -> Result<Calendar, Problem> {
    let zone = match about.time_zone.as_deref() {
        None | Some("") => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|_| {
            Problem::new(Code::BadRequest, "time_zone is none that is known; give one like Europe/Berlin.")
        })?,
    };
    if about.year.is_some_and(|year| !(1990..=2200).contains(&year)) {
        return Err(Problem::new(Code::BadRequest, "year must be between 1990 and 2200."));
    }
    Ok(Calendar::new(zone, about.written_at.unwrap_or(now).min(now), about.year))
}

/// Hands the body over, piece by piece.
async fn feed(body: Body, pieces: mpsc::Sender<Bytes>) -> Result<(), HttpProblem> {
    let mut body = body.into_data_stream();
    let mut size = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(Code::BadRequest, format!("The body broke off: {error}; what came is stored."))
        })?;
        size += piece.len() as u64;
        if size > LARGEST {
            return Err(Problem::new(Code::TooLarge, "A log has at most 4 GiB; send it in parts.").into());
        }
        if pieces.send(piece).await.is_err() {
            // The reader has ended, and says why.
            break;
        }
    }
    Ok(())
}

fn read(
    pieces: Pieces,
    mut calendar: Calendar,
    portions: &mpsc::Sender<(Vec<Found>, ImportReport)>,
) -> Result<(), ReadError> {
    let mut gathering = Gathering::default();
    let mut report = ImportReport::default();
    let log = source::unpack(pieces)?;
    reading::read(log, &mut calendar, &mut gathering, &mut report, |found, report| {
        match portions.blocking_send((found, report.clone())) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    gathering.finish();
    gathering.tell(&mut report);
    portions.blocking_send((gathering.take(), report)).map_err(|_| ReadError::Cancelled)
}

async fn store(
    app: Arc<App>,
    actor: Actor,
    name: String,
    bounds: Bounds,
    mut told: mpsc::Receiver<(Vec<Found>, ImportReport)>,
) -> Result<ImportReport, StoreError> {
    let mut report = ImportReport::default();
    while let Some((found, seen)) = told.recv().await {
        report = ImportReport { events: report.events, ..seen };
        report.events += keep::keep(&app, found, bounds).await?;
    }
    keep::note(&app, &actor, &name, &report).await?;
    Ok(report)
}

fn failed() -> Problem {
    Problem::new(Code::Internal, "The import failed; the service's log says more.")
}

/// A body as a blocking reader.
struct Pieces {
    waiting: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Pieces {
    fn of(waiting: mpsc::Receiver<Bytes>) -> Self {
        Self { waiting, piece: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.waiting.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.piece.len());
        into[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}
