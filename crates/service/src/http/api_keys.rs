//! API keys.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use mailcup_wire::{ApiKey, ApiKeyGrant, ApiKeyId, Code, NewApiKey, Problem, Scope};
use secrecy::ExposeSecret;
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{Caller, Fresh, OwnerOnly, Reader},
    body::{Json, Path},
    client::Client,
    problem::{Answer, HttpProblem},
};
use crate::{
    app::App,
    audit::{self, Actor},
    keys::KEY_PREFIX,
    secrets, setup,
    store::{StoreError, keys},
};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// All keys, revoked ones too, newest first. The secrets are not in it.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "api-keys", responses((status = 200, body = Vec<ApiKey>)),
    extensions(("x-permission" = json!("read"))),
)]
async fn list(State(app): State<Arc<App>>, _: Reader) -> Answer<Json<Vec<ApiKey>>> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let mut list: Vec<ApiKey> = keys::all(&mut connection).await?.into_iter().map(|(_, key)| key).collect();
    for live in app.keys.all() {
        if let Some(key) = list.iter_mut().find(|key| key.id == live.id) {
            key.last_used_at = live.last_used_at();
        }
    }
    Ok(Json(list))
}

/// Makes a key; its secret is shown once.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "api-keys", responses((status = 201, body = ApiKeyGrant)),
    extensions(("x-permission" = json!("owner"))),
)]
async fn create(
    State(app): State<Arc<App>>,
    client: Client,
    Fresh(OwnerOnly(session)): Fresh<OwnerOnly>,
    Json(new): Json<NewApiKey>,
) -> Answer<(StatusCode, Json<ApiKeyGrant>)> {
    let actor = Actor::of(&Caller::Admin(session), client);
    Ok((StatusCode::CREATED, Json(mint(&app, &actor, &new.name, new.scopes).await?)))
}

/// Revokes a key at once.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "api-keys", params(("id" = String, Path)),
    responses((status = 204)), extensions(("x-permission" = json!("owner"))),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    client: Client,
    OwnerOnly(session): OwnerOnly,
    Path(id): Path<ApiKeyId>,
) -> Answer<StatusCode> {
    let mut tx = app.log.begin().await?;
    let name = keys::all(tx.connection()).await?.into_iter().find(|(_, key)| key.id == id);
    let name = name.map(|(_, key)| key.name).unwrap_or_default();
    if !keys::revoke(tx.connection(), &id, app.clock.now()).await? {
        return Err(Problem::new(Code::NotFound, "There is no such key, or it was revoked before.").into());
    }
    let actor = Actor::of(&Caller::Admin(session), client);
    audit::record(&mut tx, &actor, "api_key.revoke", &name, &json!({ "id": id })).await?;
    let shared = Arc::clone(&app);
    tx.after_commit(move || shared.keys.end(&id));
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mints a key, whoever asked for it.
pub(crate) async fn mint(
    app: &Arc<App>,
    actor: &Actor,
    name: &str,
    mut scopes: Vec<Scope>,
) -> Result<ApiKeyGrant, HttpProblem> {
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(
            Problem::field("scopes", "A key needs at least one scope: policy, read, write or mail.").into()
        );
    }
    let key = ApiKey {
        id: ApiKeyId(secrets::new_id()),
        name: setup::acceptable_name("name", name)?,
        scopes,
        created_at: app.clock.now(),
        created_by_login: actor.login(),
        last_used_at: None,
        revoked_at: None,
    };
    let secret = secrets::new_token(KEY_PREFIX);
    let hash = secrets::hash_token(secret.expose_secret());
    let mut tx = app.log.begin().await?;
    keys::insert(tx.connection(), &hash, &key).await?;
    let details = json!({ "id": key.id, "scopes": key.scopes });
    audit::record(&mut tx, actor, "api_key.create", &key.name, &details).await?;
    let (shared, stored) = (Arc::clone(app), key.clone());
    tx.after_commit(move || shared.keys.begin_stored(hash, &stored));
    tx.commit().await?;
    Ok(ApiKeyGrant { key, secret: secret.expose_secret().to_owned() })
}
