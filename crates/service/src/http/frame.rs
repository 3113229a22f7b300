//! What happens around every request: a name for it, the check of Host and Origin, a limit to its time, a
//! catch for faults of ours, headers, a line in the log, metrics.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use mailcup_wire::{Code, Problem};

use super::{
    hosts, imports,
    problem::{self, HttpProblem},
};
use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer carries. No answer is a page yet, so nothing may be loaded, framed or sniffed.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The middleware around what mail servers ask with their key: checks, limits and counts, without the headers
/// and names that only browsers and people need.
pub(super) async fn lean(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    static ASKED: LazyLock<metrics::Counter> = LazyLock::new(
        || metrics::counter!("mailcup_http_requests_total", "method" => "POST", "route" => "/policy/dovecot", "status" => "200"),
    );
    let response = answer(&app, request, next).await;
    let status = response.status();
    if status == StatusCode::OK {
        ASKED.increment(1);
    } else {
        tracing::debug!(status = status.as_u16(), "a mail server's request was not answered as it hoped");
        let status = status.as_u16().to_string();
        metrics::counter!("mailcup_http_requests_total", "method" => "POST", "route" => "/policy/dovecot", "status" => status)
            .increment(1);
    }
    response
}

/// The middleware.
pub(super) async fn frame(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = new_request_id();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = problem::named(id.clone(), answer(&app, request, next)).await;

    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    record(&id, &method, route, response.status().as_u16(), started);
    response
}

async fn answer(app: &App, request: Request, next: Next) -> Response {
    if let Err(problem) = hosts::check(&app.hosts, &request) {
        return problem.into_response();
    }
    let limit = if request.uri().path() == imports::PATH { app.limits.import } else { app.limits.request };
    let inner = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, inner).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            tracing::error!(panic = panic_message(&*panic), "a handler panicked");
            HttpProblem::from(Problem::new(
                Code::Internal,
                "The service failed at this request; its log says more under the request's id.",
            ))
            .into_response()
        }
        Err(_) => {
            let problem =
                Problem::new(Code::Unavailable, "The request took too long, or its body came too slowly.");
            let mut response = HttpProblem::from(problem).into_response();
            // What is left of a slow body would be waited for otherwise.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

fn record(id: &str, method: &Method, route: &str, status: u16, started: Instant) {
    let elapsed = started.elapsed();
    tracing::debug!(id, %method, route, status, micros = elapsed.as_micros(), "request");
    let (method, status) = (known(method), status.to_string());
    metrics::counter!(
        "mailcup_http_requests_total", "method" => method, "route" => route.to_owned(), "status" => status
    )
    .increment(1);
    metrics::histogram!("mailcup_http_request_seconds", "route" => route.to_owned()).record(elapsed);
}

/// A method as a label: a client may send any word as one, and each would be counted for ever.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Names a request in the log: unique within this process, and hardly the same in another.
fn new_request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::LazyLock<u32> = std::sync::LazyLock::new(rand::random);
    format!("{:08x}-{:x}", *START, NEXT.fetch_add(1, Ordering::Relaxed))
}
