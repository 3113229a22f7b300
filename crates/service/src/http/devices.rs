//! The devices that an admin signed in from, with their sessions.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{Code, Device, DeviceChange, DeviceId, Problem};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, SignedIn},
    body::{Json, Path},
    client::Client,
    etag::{IfMatch, Versioned},
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    sessions::LiveSession,
    setup, sign_in,
    store::{
        StoreError,
        devices::{self, DeviceRow},
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(rename, revoke))
}

/// The devices of the admin who asks, the one that was there last first.
#[utoipa::path(
    get, path = "/v1/me/devices", tag = "me", responses((status = 200, body = Vec<Device>)),
    extensions(("x-permission" = json!("session"))),
)]
async fn list(State(app): State<Arc<App>>, SignedIn(session): SignedIn) -> Answer<Json<Vec<Device>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    app.sessions.end_expired();
    let rows = devices::of(&mut connection, &session.admin).await?;
    let mut list: Vec<Device> = rows.into_iter().map(|row| shown(&app, row, &session)).collect();
    list.sort_by_key(|device| std::cmp::Reverse(device.last_seen_at));
    Ok(Json(list))
}

/// Gives a device a name; its sessions keep the one that it gave itself.
#[utoipa::path(
    patch, path = "/v1/me/devices/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 200, body = Device), (status = 404), (status = 412)),
    extensions(("x-permission" = json!("session"))),
)]
async fn rename(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Path(id): Path<DeviceId>,
    version: IfMatch,
    Json(change): Json<DeviceChange>,
) -> Answer<Versioned<Device>> {
    let name = setup::acceptable_name("name", &change.name)?;
    let mut tx = app.log.begin().await?;
    let rows = devices::of(tx.connection(), &session.admin).await?;
    let mut row = rows.into_iter().find(|row| row.id == id).ok_or_else(no_device)?;
    version.check(row.version, &shown(&app, row.clone(), &session))?;
    devices::rename(tx.connection(), &session.admin, (&id, &name)).await?;
    let details = json!({ "id": id, "before": row.name });
    audit::record(&mut tx, &actor(&session, client), "device.rename", &name, &details).await?;
    tx.commit().await?;
    row.name = name;
    row.version += 1;
    let version = row.version;
    Ok(Versioned { value: shown(&app, row, &session), version })
}

/// Revokes a device: its sessions end, open streams included. It may sign in again, as a new device.
#[utoipa::path(
    delete, path = "/v1/me/devices/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 204), (status = 404)), extensions(("x-permission" = json!("session"))),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    client: Client,
    SignedIn(session): SignedIn,
    Path(id): Path<DeviceId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let rows = devices::of(tx.connection(), &session.admin).await?;
    let row = rows.into_iter().find(|row| row.id == id).ok_or_else(no_device)?;
    devices::delete(tx.connection(), &session.admin, &id).await?;
    sign_in::end_device(&app, &mut tx, &session.admin, &id).await?;
    let actor = actor(&session, client);
    audit::record(&mut tx, &actor, "device.revoke", &row.name, &json!({ "id": id })).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(app: &App, row: DeviceRow, asking: &LiveSession) -> Device {
    let sessions = app.sessions.of(&asking.admin);
    let own = sessions.iter().filter(|session| session.device.id == row.id.0);
    let sessions: Vec<_> = own.map(|session| session.shown_to(&asking.id)).collect();
    let last = sessions.iter().map(|session| session.last_seen_at).max();
    Device {
        current: sessions.iter().any(|session| session.current),
        id: row.id,
        name: row.name,
        first_seen_at: row.first_at,
        last_seen_at: last.map_or(row.last_at, |last| last.max(row.last_at)),
        address: row.address,
        place: row.address.and_then(|address| app.places.of(address.ip())).unwrap_or_default(),
        verified_at: row.verified_at,
        version: row.version,
        sessions,
    }
}

fn actor(session: &Arc<LiveSession>, client: Client) -> Actor {
    Actor::of(&Caller::Admin(Arc::clone(session)), client)
}

fn no_device() -> HttpProblem {
    Problem::new(Code::NotFound, "There is no such device; it may have been revoked.").into()
}
