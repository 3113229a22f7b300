//! Who may read the mail in snapshots, and what is written down about it.

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use mailcup_service::{backup, config::Config};
use mailcup_snapshots::KeepRules;
use mailcup_wire::{Admin, AuditPage, Backups, Code, MirrorGrant, SetupDone};
use serde_json::{Value, json};

use crate::support::{Service, ended};

async fn with_backups() -> (Service, SetupDone) {
    let service = Service::start_with(|config: &mut Config| {
        config.backup = Some(mailcup_service::config::BackupConfig {
            repository: config.data_dir.join("repository"),
            mail: None,
            keep: KeepRules { daily: 7, weekly: 0, monthly: 0, yearly: 0 },
            time: jiff::civil::time(2, 30, 0, 0),
            data_read_days: 7,
            drill_days: 0,
            deletion_percent: 20,
        });
    });
    let (service, done) = service.await.owned().await;
    let config = service.app.config.clone();
    let init = move || {
        let wrap = |phrase: &_| backup::wrap_from_file(&config.data_dir, phrase);
        backup::init(&config.data_dir, config.backup.as_ref().unwrap(), wrap).map(drop)
    };
    tokio::task::spawn_blocking(init).await.unwrap().unwrap();
    (service, done)
}

/// Gives the permission, or takes it away.
async fn permit(service: &Service, owner: &str, path: &str, reads_mail: bool) -> crate::support::Answer {
    let etag = service.get(owner, path).await.etag.unwrap();
    let change = json!({ "reads_mail": reads_mail });
    service.send(owner, Method::PATCH, path, &[("if-match", &etag)], change).await
}

#[tokio::test]
async fn reading_mail_is_a_permission_of_its_own_that_owners_give() {
    let (service, done) = with_backups().await;
    let owner = &done.grant.token;
    let auditor = service.admin(owner, "audit@example.org", "auditor").await;
    let path = format!("/v1/admins/{}", auditor.admin.id);
    let reads = async |token: &str| {
        let shown: Backups = service.get(token, "/v1/backups").await.json();
        let listed = service.get(token, "/repo/keys/").await.status;
        assert_eq!(listed == StatusCode::OK, shown.may_read_mail);
        shown.may_read_mail
    };
    assert!(!reads(owner).await && !reads(&auditor.token).await, "no role brings it along");
    assert_eq!(
        service.call(owner, Method::POST, "/v1/backups/mirror", Value::Null).await.code(),
        Code::Forbidden
    );

    let stream = service.stream(&auditor.token).await;
    let changed = permit(&service, owner, &path, true).await;
    assert!(changed.json::<Admin>().reads_mail, "{}", changed.text);
    ended(stream).await;
    assert!(reads(&auditor.token).await && !reads(owner).await);
    let grant: MirrorGrant =
        service.call(&auditor.token, Method::POST, "/v1/backups/mirror", Value::Null).await.json();
    assert!(grant.master_key.len() > 80 && grant.repository.len() == 64);

    // Also after a restart, and not with a factor of long ago.
    let service = service.restart_after(3600).await;
    let listed = service.get(&auditor.token, "/repo/keys/").await;
    assert_eq!(
        listed.code(),
        Code::Conflict,
        "allowed, though this configuration has no backups: {}",
        listed.text
    );
    let stale = service.call(&auditor.token, Method::POST, "/v1/backups/mirror", Value::Null).await;
    assert_eq!(stale.code(), Code::ReauthenticationRequired);
    let too_late = permit(&service, owner, &path, false).await;
    assert_eq!(too_late.code(), Code::ReauthenticationRequired);

    let audit: AuditPage = service.get(owner, "/v1/audit?limit=500").await.json();
    let details = |action: &str| {
        let entry = audit.entries.iter().rfind(|entry| entry.action == action).unwrap();
        (entry.login.clone().unwrap().0, serde_json::from_str::<Value>(&entry.details).unwrap())
    };
    assert_eq!(details("admin.change").1["reads_mail"], true);
    let (who, what) = details("backup.mirror");
    assert_eq!((who.as_str(), &what["repository"]), ("audit@example.org", &json!(grant.repository)));
    assert!(!audit.entries.iter().any(|entry| entry.details.contains(&grant.master_key)));
}

#[tokio::test]
async fn mail_that_was_read_is_written_down_once_and_without_its_content() {
    let (service, done) = with_backups().await;
    let owner = &done.grant.token;
    let read = |id: &str| {
        json!({
            "id": id, "at": "2026-11-23T10:00:00Z", "snapshot": "ab".repeat(32), "account": "anna@example.org",
            "what": "exported", "messages": 3, "folder": "INBOX", "subject": "never kept",
        })
    };
    for ids in [&["1", "2"][..], &["2", "3"]] {
        let told = json!({ "reads": ids.iter().map(|id| read(id)).collect::<Vec<_>>() });
        let answer = service.call(owner, Method::POST, "/v1/backups/reads", told).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    }
    let audit: AuditPage = service.get(owner, "/v1/audit?limit=500").await.json();
    let reads: Vec<_> = audit.entries.iter().filter(|entry| entry.action == "mail.read").collect();
    assert_eq!((reads.len(), reads[0].target.as_str()), (3, "anna@example.org"));
    let details: Value = serde_json::from_str(&reads[0].details).unwrap();
    assert_eq!(
        details,
        json!({
            "at": "2026-11-23T10:00:00Z", "snapshot": "ab".repeat(32), "folder": "INBOX", "what": "exported",
            "messages": 3,
        })
    );
    let nameless = json!({ "reads": [read("")] });
    assert_eq!(service.call(owner, Method::POST, "/v1/backups/reads", nameless).await.code(), Code::Invalid);
    let many = json!({ "reads": (0..1001).map(|id| read(&id.to_string())).collect::<Vec<_>>() });
    let refused = service.call(owner, Method::POST, "/v1/backups/reads", many).await;
    assert!(matches!(refused.code(), Code::Invalid | Code::TooLarge), "{}", refused.text);
}

#[tokio::test]
async fn the_repository_is_read_by_keys_and_nothing_else_is_reached() {
    let (service, done) = with_backups().await;
    let owner = &done.grant.token;
    let key = service.key(owner, "mail").await;
    for (path, status) in [
        ("/repo/keys/", StatusCode::OK),
        ("/repo/locks/", StatusCode::OK),
        ("/repo/nothing/", StatusCode::NOT_FOUND),
        ("/repo/keys/config", StatusCode::NOT_FOUND),
        ("/repo/keys/..%2Fconfig", StatusCode::NOT_FOUND),
        ("/repo/..%2F/", StatusCode::NOT_FOUND),
        ("/repo/keys/%2Fetc%2Fpasswd", StatusCode::NOT_FOUND),
        ("/repo/", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(service.get(&key, path).await.status, status, "{path}");
    }
    assert_eq!(service.get(&key, "/v1/events").await.code(), Code::Forbidden, "it reads nothing else");
    let names: Vec<String> = service.get(&key, "/repo/keys/").await.json();
    let path = format!("/repo/keys/{}", names[0]);
    for method in [Method::POST, Method::DELETE, Method::PUT] {
        assert_eq!(
            service.call(&key, method, &path, Value::Null).await.status,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
    let capitals = format!("/repo/keys/{}", names[0].to_uppercase());
    assert_eq!(service.get(&key, &capitals).await.status, StatusCode::NOT_FOUND);

    let request =
        Request::builder().method(Method::HEAD).uri("/repo/config").header(header::HOST, "localhost");
    let config = service.raw(request.header("x-api-key", &key).body(Body::empty()).unwrap()).await;
    assert_eq!(config.status(), StatusCode::OK);
    assert!(config.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse::<u32>().unwrap() > 100);

    let whole = service.get(&key, &path).await.text;
    let ask = async |method: Method, range: &str| {
        let request = Request::builder().method(method).uri(&path).header(header::HOST, "localhost");
        let request = request.header("x-api-key", &key).header(header::RANGE, range);
        let response = service.raw(request.body(Body::empty()).unwrap()).await;
        let (parts, body) = response.into_parts();
        let said = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        (parts.status, said(header::CONTENT_LENGTH), said(header::CONTENT_RANGE), body)
    };
    let (status, length, range, body) = ask(Method::GET, "bytes=5-14").await;
    assert_eq!((status, length.as_deref()), (StatusCode::PARTIAL_CONTENT, Some("10")));
    assert_eq!((range, body.as_str()), (Some(format!("bytes 5-14/{}", whole.len())), &whole[5..15]));
    let (status, .., body) = ask(Method::GET, "bytes=-7").await;
    assert_eq!((status, body.as_str()), (StatusCode::PARTIAL_CONTENT, &whole[whole.len() - 7..]));
    let (status, _, range, _) = ask(Method::GET, "bytes=99999999-").await;
    assert_eq!(
        (status, range),
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(format!("bytes */{}", whole.len())))
    );
    let (status, length, _, body) = ask(Method::HEAD, "lines=1-2").await;
    assert_eq!((status, length, body.as_str()), (StatusCode::OK, Some(whole.len().to_string()), ""));
}
