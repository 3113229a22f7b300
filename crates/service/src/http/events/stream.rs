use std::{convert::Infallible, fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use tokio::{
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::cursor;
use crate::{
    app::App,
    event_log::EventLog,
    http::{
        auth::{self, Caller, Reader},
        body::Query,
        client::Client,
        problem::Answer,
    },
    store::{StoreError, events},
    stream::{Batch, write_frame},
};

const PING: Duration = Duration::from_secs(15);

/// Events read from the store at once while a console catches up.
const CATCH_UP: u32 = 500;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Begin after this event (`EPOCH:SEQ`); the header Last-Event-ID goes before it. Without both the stream
    /// begins with the next event.
    after: Option<String>,
}

/// Events as they become durable: server-sent events named `event`, with the event's id as their id.
///
/// First comes `hello` with the newest event and the lineage; every 15 seconds a comment. The stream ends when
/// the session or key does, or when access rules no longer let the session in.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events", params(StreamQuery),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 409, description = "The cursor has diverged"),
    ),
    extensions(("x-permission" = json!("read"))),
)]
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    Reader(caller): Reader,
    client: Client,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    // Listens before it looks at the log, so that no event falls between.
    let live = app.log.hub().listen();
    let last_event_id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let position = match last_event_id.or(query.after.as_deref()) {
        Some(text) => cursor(&app.log, "after", text)?,
        None => app.log.head_seq(),
    };
    let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let following = Following {
        log: app.log.clone(),
        live,
        position,
        behind: true,
        hello: true,
        ping,
        ended: caller.ended().clone(),
        stop: app.stop.clone(),
        policy: app.policy.changes(),
        caller,
        client,
        app,
    };
    let body = stream::unfold(following, |mut following| async move {
        let bytes = following.next().await?;
        Some((Ok::<_, Infallible>(bytes), following))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A console that follows the log.
struct Following {
    log: EventLog,
    live: Receiver<Arc<Batch>>,
    /// The last event that it was sent.
    position: u64,
    /// Whether there may be events that only the store has.
    behind: bool,
    hello: bool,
    ping: Interval,
    ended: CancellationToken,
    stop: CancellationToken,
    policy: watch::Receiver<()>,
    caller: Caller,
    client: Client,
    app: Arc<App>,
}

impl Following {
    /// What to send next; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.hello) {
            return Some(self.greet());
        }
        loop {
            if self.ended.is_cancelled() || self.stop.is_cancelled() || !self.is_let_in() {
                return None;
            }
            if self.behind {
                match self.catch_up().await {
                    Ok(Some(bytes)) => return Some(bytes),
                    Ok(None) => self.behind = false,
                    Err(error) => {
                        tracing::error!(%error, "a stream ended: the log can't be read");
                        return None;
                    }
                }
            }
            let received = tokio::select! {
                biased;
                () = self.ended.cancelled() => return None,
                () = self.stop.cancelled() => return None,
                received = self.live.recv() => received,
                // Judged anew above.
                changed = self.policy.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return None,
                },
                _ = self.ping.tick() => {
                    // A schedule may have ended.
                    return self.is_let_in().then(|| Bytes::from_static(b": ping\n\n"));
                }
            };
            match received {
                Ok(batch) if batch.last_seq() <= self.position => {}
                Ok(batch) if batch.first_seq > self.position + 1 => self.behind = true,
                Ok(batch) => {
                    let bytes = batch.frames_after(self.position)?;
                    self.position = batch.last_seq();
                    return Some(bytes);
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn is_let_in(&self) -> bool {
        match &self.caller {
            Caller::Admin(session) => auth::is_let_in(&self.app, session, self.client),
            Caller::Key(_) => true,
        }
    }

    fn greet(&self) -> Bytes {
        let lineage = serde_json::to_string(self.log.lineage().steps()).unwrap_or_default();
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = write!(
            text,
            "event: hello\ndata: {{\"head\":\"{}\",\"lineage\":{lineage}}}\n\n",
            self.log.head()
        );
        text.into()
    }

    async fn catch_up(&mut self) -> Result<Option<Bytes>, StoreError> {
        let head = self.log.head_seq();
        let rows = events::after(self.log.store().read(), self.position, head, CATCH_UP).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.position = last.seq;
        let mut text = String::new();
        for row in &rows {
            write_frame(&mut text, self.log.lineage().epoch_of(row.seq), row.seq, row.at, &row.body);
        }
        Ok(Some(text.into()))
    }
}
