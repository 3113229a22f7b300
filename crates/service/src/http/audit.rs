//! The audit log.

use std::sync::Arc;

use axum::extract::State;
use data_encoding::HEXLOWER;
use mailcup_wire::AuditPage;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Reader,
    body::{Json, Query},
    problem::Answer,
};
use crate::{
    app::App,
    store::{StoreError, audit},
};

const MOST: i64 = 500;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// The number after which to begin; 0 for the first entry.
    #[serde(default)]
    after: u32,
    /// At most 500; 100 when it is not given.
    limit: Option<u32>,
}

/// Entries of the audit log, oldest first, each chained to the one before it.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(After), responses((status = 200, body = AuditPage)),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader, Query(query): Query<After>) -> Answer<Json<AuditPage>> {
    let limit = query.limit.map_or(100, i64::from).clamp(1, MOST);
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let mut entries = audit::after(&mut connection, i64::from(query.after), limit + 1).await?;
    let more = entries.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        entries.pop();
    }
    let head = audit::head(&mut connection).await?.map(|(_, hash)| HEXLOWER.encode(&hash));
    Ok(Json(AuditPage { entries, head, more }))
}
