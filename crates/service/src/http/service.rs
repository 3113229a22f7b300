//! The service about itself: what it is, health, readiness, metrics, its API's description.

use std::sync::Arc;

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use data_encoding::HEXLOWER;
use mailcup_wire::{API_VERSION, Code, Problem, ServiceHealth, ServiceInfo};
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Reader,
    body::{Json, Query},
    problem::Answer,
};
use crate::{app::App, disk, metrics, secrets, store::StoreError};

/// Health alone, for the public listener.
pub(super) fn health() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(healthz))
}

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(about))
        .routes(routes!(standing))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(prometheus))
        .routes(routes!(openapi_document))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Challenge {
    /// Anything, at most 256 characters; answered with a proof by a service that a console started.
    challenge: Option<String>,
}

/// What anybody may know.
#[utoipa::path(
    get, path = "/v1/service", tag = "service", params(Challenge),
    responses((status = 200, body = ServiceInfo)), extensions(("x-permission" = json!("open"))),
)]
async fn about(State(app): State<Arc<App>>, Query(query): Query<Challenge>) -> Answer<Json<ServiceInfo>> {
    let challenge = query.challenge.filter(|challenge| challenge.len() <= 256);
    let proof = match (&app.launch_token, challenge) {
        (Some(token), Some(challenge)) => {
            Some(HEXLOWER.encode(&secrets::hmac(token.expose_secret().as_bytes(), &[&challenge])))
        }
        _ => None,
    };
    Ok(Json(ServiceInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: API_VERSION.to_owned(),
        setup_needed: app.needs_setup(),
        proof,
    }))
}

/// How the service stands, and what it works with: for an admin who looks whether all is well.
#[utoipa::path(
    get, path = "/v1/service/health", tag = "service", responses((status = 200, body = ServiceHealth)),
    extensions(("x-permission" = json!("read"))),
)]
async fn standing(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<ServiceHealth>> {
    Ok(Json(ServiceHealth {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: app.clock.now(),
        started_at: app.started_at,
        database: app.store.size().await?,
        disk: disk::of(&app.config.data_dir).await,
        mail_servers: app.mail_servers.all(),
        outbox: app.outbox.status().await?,
    }))
}

/// Whether the process runs.
#[utoipa::path(
    get, path = "/healthz", tag = "service", responses((status = 200, body = String)),
    extensions(("x-permission" = json!("open"))),
)]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can work: the database answers, and the end has not begun.
#[utoipa::path(
    get, path = "/readyz", tag = "service", responses((status = 200, body = String)),
    extensions(("x-permission" = json!("open"))),
)]
async fn readyz(State(app): State<Arc<App>>) -> Answer<&'static str> {
    if app.stop.is_cancelled() {
        return Err(Problem::new(Code::Unavailable, "The service is shutting down.").into());
    }
    app.store.read().acquire().await.map_err(StoreError::from)?;
    Ok("ready\n")
}

/// Figures for Prometheus. Its key needs the scope read.
#[utoipa::path(
    get, path = "/metrics", tag = "service", responses((status = 200, body = String)),
    extensions(("x-permission" = json!("read"))),
)]
async fn prometheus(State(app): State<Arc<App>>, _: Reader) -> Answer<impl IntoResponse> {
    let text = metrics::render(&app).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service", responses((status = 200, body = Object)),
    extensions(("x-permission" = json!("open"))),
)]
async fn openapi_document() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "max-age=60")], Json(super::openapi()))
}
