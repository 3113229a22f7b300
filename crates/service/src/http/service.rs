//! The service about itself: health, readiness, metrics, its API's description.

use std::sync::Arc;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::body::Json;
use crate::app::App;

/// Health alone, for the public listener.
pub(super) fn health() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz))
}

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(openapi_document))
}

/// Whether the process runs.
#[utoipa::path(
    get, path = "/healthz", tag = "service", responses((status = 200, body = String)),
    extensions(("x-permission" = json!("open"))),
)]
async fn healthz() -> &'static str {
    "ok\n"
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service", responses((status = 200, body = Object)),
    extensions(("x-permission" = json!("open"))),
)]
async fn openapi_document() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "max-age=60")], Json(super::openapi()))
}
