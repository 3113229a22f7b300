//! Where addresses are, and whose data says so.

use std::sync::Arc;

use axum::extract::State;
use mailcup_wire::{Address, Code, PlaceAnswer, PlaceSource, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::Reader,
    body::{Json, Path},
    problem::Answer,
};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(sources)).routes(routes!(place))
}

/// Whose data of places the service has, with the attribution that they ask for; empty if it has none.
#[utoipa::path(
    get, path = "/v1/places", tag = "places", responses((status = 200, body = Vec<PlaceSource>)),
    extensions(("x-permission" = json!("read"))),
)]
async fn sources(State(app): State<Arc<App>>, _: Reader) -> Json<Vec<PlaceSource>> {
    Json(app.places.sources())
}

/// Where an address is. Nothing is known of one that is private, special or for documentation.
#[utoipa::path(
    get, path = "/v1/places/{address}", tag = "places", params(("address" = String, Path)),
    responses((status = 200, body = PlaceAnswer), (status = 400, description = "It is no address")),
    extensions(("x-permission" = json!("read"))),
)]
async fn place(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(address): Path<String>,
) -> Answer<Json<PlaceAnswer>> {
    let address: Address = address.parse().map_err(|_| {
        Problem::new(Code::BadRequest, "This is not an IP address; write it like 203.0.113.7 or 2001:db8::1.")
    })?;
    let place = app.places.of(address.ip()).unwrap_or_default();
    Ok(Json(PlaceAnswer { place, sources: app.places.sources() }))
}
