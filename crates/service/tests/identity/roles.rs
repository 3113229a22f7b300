//! Roles and keys, held for every operation of the OpenAPI document.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use mailcup_wire::{Admin, AuditPage, Code, Details, EventPage};
use serde_json::{Value, json};

use crate::support::{LOGIN, PASSWORD, Service, ended};

/// What anybody may call. To open another operation is a decision: make it here too.
const OPEN: [&str; 9] = [
    "get /healthz",
    "get /readyz",
    "get /v1/openapi.json",
    "get /v1/service",
    "post /v1/invitations/accept",
    "post /v1/setup",
    "post /v1/sign-in",
    "post /v1/sign-in/{challenge}/answer",
    "post /v1/sign-in/{challenge}/resend",
];

struct Operation {
    method: Method,
    path: String,
    permission: String,
}

fn operations() -> Vec<Operation> {
    let document = mailcup_service::http::openapi();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let permission = operation["x-permission"].as_str();
            let permission = permission.unwrap_or_else(|| panic!("{method} {path} has no x-permission"));
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                permission: permission.to_owned(),
            });
        }
    }
    assert!(operations.len() > 50, "{}", operations.len());
    operations
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method.as_str().to_lowercase(), self.path)
    }

    /// Calls it with something in every place; what it is hardly matters to who may call.
    async fn status(&self, service: &Service, token: &str) -> StatusCode {
        let path: String = self.path.split('{').enumerate().fold(String::new(), |path, (index, part)| {
            if index == 0 { part.to_owned() } else { path + "x" + part.split_once('}').unwrap().1 }
        });
        let mut request = Request::builder().method(self.method.clone()).uri(path);
        request = request.header(header::HOST, "localhost").header(header::IF_MATCH, "\"0\"");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request = request.header(header::CONTENT_TYPE, "application/json");
        // The body is not read: a stream has no end.
        service.raw(request.body(Body::from("{}")).unwrap()).await.status()
    }
}

#[test]
fn only_what_is_meant_to_be_is_open_and_reading_changes_nothing() {
    let mut open = BTreeSet::new();
    for operation in operations() {
        let (name, permission) = (operation.name(), operation.permission.as_str());
        match permission {
            "open" => {
                open.insert(name);
            }
            "session" => {
                let own = operation.path.starts_with("/v1/me/") || operation.path == "/v1/session";
                // What an admin has read is told also when they may read no longer.
                assert!(
                    own || name == "post /v1/backups/reads",
                    "{name}: what is not the caller's own needs read, write or owner"
                );
            }
            "read" => assert_eq!(operation.method, Method::GET, "{name}"),
            "write" | "owner" => assert_ne!(operation.method, Method::GET, "{name}"),
            "policy" => assert!(operation.path.starts_with("/policy/"), "{name}"),
            "mail" => assert!(
                operation.path.starts_with("/repo/") || operation.path == "/v1/backups/mirror",
                "{name}"
            ),
            other => panic!("{name}: there is no permission {other}"),
        }
    }
    assert_eq!(open, OPEN.map(str::to_owned).into());
}

#[tokio::test]
async fn every_operation_is_closed_to_whoever_may_not_call_it() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let auditor = service.admin(owner, "audit@example.org", "auditor").await.token;
    let admin = service.admin(owner, "admin@example.org", "admin").await.token;
    let (policy, read, write) = (
        service.key(owner, "policy").await,
        service.key(owner, "read").await,
        service.key(owner, "write").await,
    );
    let ended = service.sign_in(LOGIN, PASSWORD, "a-device-that-left").await.token;
    service.call(&ended, Method::DELETE, "/v1/session", Value::Null).await;
    let state = async || {
        let audit: AuditPage = service.get(owner, "/v1/audit?limit=500").await.json();
        let events: EventPage = service.get(owner, "/v1/events?limit=1").await.json();
        (audit.head, events.head)
    };

    let before = state().await;
    let (refused, unknown) = (StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED);
    for operation in operations() {
        let name = operation.name();
        let permission = operation.permission.as_str();
        if permission == "open" {
            continue;
        }
        for token in ["", "mcs_never", "mck_never", ended.as_str()] {
            assert_eq!(operation.status(&service, token).await, unknown, "nobody: {name}");
        }
        if permission != "policy" {
            assert_eq!(operation.status(&service, &policy).await, refused, "policy-only key: {name}");
        }
        if !["read", "session"].contains(&permission) {
            assert_eq!(operation.status(&service, &auditor).await, refused, "auditor: {name}");
        }
        if permission == "mail" {
            assert_eq!(operation.status(&service, owner).await, refused, "owner: {name}");
        }
        if !["read", "session", "write"].contains(&permission) {
            assert_eq!(operation.status(&service, &admin).await, refused, "admin: {name}");
            if permission != "policy" {
                assert_eq!(operation.status(&service, &write).await, refused, "key to write: {name}");
            }
        }
        if permission != "read" {
            assert_eq!(operation.status(&service, &read).await, refused, "key to read: {name}");
        }
    }
    assert_eq!(state().await, before, "what was refused left a trace");

    for operation in operations() {
        let allowed = |status: StatusCode| status != refused && status != unknown;
        let name = operation.name();
        match operation.permission.as_str() {
            "read" => {
                for (who, token) in [("auditor", &auditor), ("key to read", &read), ("key to write", &write)]
                {
                    assert!(allowed(operation.status(&service, token).await), "{who}: {name}");
                }
            }
            "policy" => assert!(allowed(operation.status(&service, &policy).await), "{name}"),
            "write" => assert!(allowed(operation.status(&service, &admin).await), "{name}"),
            "owner" => assert!(allowed(operation.status(&service, owner).await), "{name}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn another_role_takes_effect_at_once_and_the_last_owner_stays() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let grant = service.admin(owner, "anna@example.org", "admin").await;
    let path = format!("/v1/admins/{}", grant.admin.id);
    let etag = service.get(owner, &path).await.etag.unwrap();
    let stream = service.stream(&grant.token).await;
    let demote = json!({ "role": "auditor" });
    let changed = service.send(owner, Method::PATCH, &path, &[("if-match", &etag)], demote.clone()).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    ended(stream).await;
    let body = json!({ "server": "dovecot" });
    let snippet = service.call(&grant.token, Method::POST, "/v1/mail-servers/snippet", body).await;
    assert_eq!(snippet.code(), Code::Forbidden);
    assert_eq!(service.get(&grant.token, "/v1/events").await.status, StatusCode::OK);

    let stale = service.send(owner, Method::PATCH, &path, &[("if-match", &etag)], demote).await;
    assert_eq!((stale.status, stale.code()), (StatusCode::PRECONDITION_FAILED, Code::Stale));
    match stale.problem().details {
        Some(Details::Current { etag: current, value }) => {
            assert_eq!(Some(current), changed.etag);
            assert_eq!(serde_json::from_value::<Admin>(value).unwrap(), changed.json::<Admin>());
        }
        other => panic!("{other:?}"),
    }
    let blind = service.call(owner, Method::PATCH, &path, json!({ "name": "N" })).await;
    assert_eq!(blind.code(), Code::PreconditionRequired);

    let own = format!("/v1/admins/{}", done.grant.admin.id);
    let last = service.send(owner, Method::PATCH, &own, &[("if-match", "\"1\"")], json!({ "role": "admin" }));
    assert_eq!(last.await.code(), Code::Conflict);
    assert_eq!(service.call(owner, Method::DELETE, &own, Value::Null).await.code(), Code::Conflict);

    let stream = service.stream(&grant.token).await;
    assert_eq!(service.call(owner, Method::DELETE, &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    ended(stream).await;
    assert_eq!(service.get(&grant.token, "/v1/session").await.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_revoked_key_works_nowhere() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let secret = service.key(owner, "read").await;
    let stream = service.stream(&secret).await;
    let keys: Value = service.get(owner, "/v1/api-keys").await.json();
    assert!(!keys.to_string().contains(&secret));
    let path = format!("/v1/api-keys/{}", keys[0]["id"].as_str().unwrap());
    assert_eq!(service.call(owner, Method::DELETE, &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    ended(stream).await;
    assert_eq!(service.get(&secret, "/v1/events").await.code(), Code::Unauthenticated);
    assert_eq!(service.call(owner, Method::DELETE, &path, Value::Null).await.code(), Code::NotFound);
}

/// Renew it with `mailcupd openapi > docs/openapi.json`.
#[test]
fn the_committed_openapi_document_is_the_codes() {
    let committed = "../../docs/openapi.json";
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(committed).unwrap()).unwrap();
    assert!(
        committed == mailcup_service::http::openapi(),
        "docs/openapi.json is stale; renew it with: cargo run --bin mailcupd openapi > docs/openapi.json"
    );
}
