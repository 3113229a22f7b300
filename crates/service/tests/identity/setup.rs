//! The first run.

use std::os::unix::fs::PermissionsExt;

use axum::http::{Method, StatusCode};
use mailcup_wire::{AuditPage, Code, Organization, Role, ServiceInfo, SetupDone, WhoAmI};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{LOGIN, Service, setup};

#[tokio::test]
async fn setup_needs_the_token_and_works_once() {
    let service = Service::start().await;
    assert!(service.get("", "/v1/service").await.json::<ServiceInfo>().setup_needed);
    let file = service.setup_token_file();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let token = service.app.setup_token.get().unwrap().token().expose_secret().to_owned();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), token);

    let post = |body| service.call("", Method::POST, "/v1/setup", body);
    assert_eq!(post(setup("")).await.code(), Code::SetupToken);
    assert_eq!(post(setup("wrong")).await.code(), Code::SetupToken);
    let mut weak = setup(&token);
    weak["owner"]["password"] = "short".into();
    assert_eq!(post(weak).await.field(), "owner.password");
    let mut nowhere = setup(&token);
    nowhere["domains"] = json!([]);
    assert_eq!(post(nowhere).await.field(), "domains");
    assert_eq!(service.challenge(LOGIN, "whatever", "device-1").await.code(), Code::SetupNeeded);

    let done: SetupDone = post(setup(&token)).await.json();
    let owner = &done.grant.token;
    assert_eq!(done.recovery_codes.codes.len(), 10);
    assert!(!file.exists());
    let me: WhoAmI = service.get(owner, "/v1/session").await.json();
    assert_eq!((me.admin.role, &me.admin.login.0[..]), (Role::Owner, LOGIN));
    assert!(me.session.current);
    let organization: Organization = service.get(owner, "/v1/organization").await.json();
    assert_eq!(organization.domains, ["example.org"]);
    assert_eq!(post(setup(&token)).await.code(), Code::SetupDone);
    assert!(!service.get("", "/v1/service").await.json::<ServiceInfo>().setup_needed);
    assert_eq!(service.get(owner, "/v1/alerts").await.json::<serde_json::Value>()["items"], json!([]));

    let audit: AuditPage = service.get(owner, "/v1/audit").await.json();
    assert_eq!(audit.entries[0].action, "service.set_up");
}

#[tokio::test]
async fn guesses_of_the_token_are_slowed_down() {
    let service = Service::start().await;
    for _ in 0..6 {
        service.call("", Method::POST, "/v1/setup", setup("guess")).await;
    }
    let answer = service.call("", Method::POST, "/v1/setup", setup("guess")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::TOO_MANY_REQUESTS, Code::TooMany));
    assert!(answer.retry_after.is_some());
}
