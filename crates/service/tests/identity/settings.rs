//! Settings, and what they do.

use axum::http::{Method, StatusCode};
use mailcup_wire::{
    Alert, AlertKind, AlertSettings, AlertState, Code, Details, MailSettings, MailTransport, OutboxStatus,
    Page, TestMailResult,
};
use serde_json::{Value, json};

use crate::support::{Answer, LOGIN, PASSWORD, Service};

pub const MAIL: &str = "/v1/settings/mail";
const RELAY_PASSWORD: &str = "what only the relay may know";

/// Mail settings with a relay at which nobody listens.
pub fn dead_relay() -> Value {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    json!({
        "from": "mailcup@example.org",
        "relay": {
            "host": "127.0.0.1", "port": port, "security": "none", "username": "u", "password": "relay secret",
        },
    })
}

impl Service {
    async fn put(&self, token: &str, path: &str, version: u32, body: Value) -> Answer {
        self.put_tagged(token, path, &format!("\"{version}\""), body).await
    }

    async fn put_tagged(&self, token: &str, path: &str, etag: &str, body: Value) -> Answer {
        self.send(token, Method::PUT, path, &[("if-match", etag)], body).await
    }

    /// The alert about mail that does not get out, once it is in this state.
    async fn outbox_alert(&self, token: &str, state: AlertState) -> Alert {
        let found = async {
            loop {
                let page: Page<Alert> = self.get(token, "/v1/alerts").await.json();
                let is_it = |alert: &Alert| alert.kind == AlertKind::OutboxStuck && alert.state == state;
                if let Some(alert) = page.items.into_iter().find(is_it) {
                    return alert;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), found).await.unwrap()
    }
}

#[tokio::test]
async fn a_relay_that_is_down_loses_no_mail_and_raises_an_alert_until_mail_gets_out() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let before: MailSettings = service.get(owner, MAIL).await.json();
    assert!(matches!(before.transport, MailTransport::Local { .. }));
    let set = service.put(owner, MAIL, before.version, dead_relay()).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    match set.json::<MailSettings>().transport {
        MailTransport::Relay(relay) => assert!(relay.has_password),
        other @ MailTransport::Local { .. } => panic!("{other:?}"),
    }
    assert!(!set.text.contains("relay secret"));
    let stale = service.put(owner, MAIL, before.version, dead_relay()).await;
    assert_eq!(stale.code(), Code::Stale);

    let test = service.call(owner, Method::POST, "/v1/settings/mail/test", json!({ "to": LOGIN })).await;
    let test: TestMailResult = test.json();
    assert!(!test.accepted && test.answer.contains("refused"), "{test:?}");

    // The notice about a new device, unlike a code, is worth sending later.
    let challenge = service.challenge(LOGIN, PASSWORD, "new-device").await.json();
    let code = &done.recovery_codes.codes[0];
    let grant = service.answer(&challenge, mailcup_wire::FactorKind::RecoveryCode, code).await;
    assert_eq!(grant.status, StatusCode::OK, "{}", grant.text);
    service.advance(11 * 60);
    service.app.outbox.wake();
    service.outbox_alert(owner, AlertState::Open).await;
    let mails = service.mails();
    let local = json!({ "from": "mailcup@example.org", "relay": null });
    assert_eq!(service.put(owner, MAIL, before.version + 1, local).await.status, StatusCode::OK);
    service.mail(&mails, "New device").await;
    service.outbox_alert(owner, AlertState::Resolved).await;
    let status: OutboxStatus = service.get(owner, "/v1/outbox").await.json();
    assert_eq!(status.waiting, 0);
}

#[tokio::test]
async fn a_relay_elsewhere_needs_tls_and_settings_that_make_no_sense_are_refused() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let mut elsewhere = dead_relay();
    elsewhere["relay"]["host"] = "smtp.example.org".into();
    assert_eq!(service.put(owner, MAIL, 0, elsewhere).await.field(), "relay.security");
    let mut nameless = dead_relay();
    nameless["from"] = "nobody".into();
    assert_eq!(service.put(owner, MAIL, 0, nameless).await.field(), "from");

    let path = "/v1/settings/alerts";
    let mut alerts: AlertSettings = service.get(owner, path).await.json();
    alerts.account_failures = 1;
    assert_eq!(service.put(owner, path, 0, json!(alerts)).await.field(), "account_failures");
    alerts.account_failures = 2;
    let set: AlertSettings = service.put(owner, path, 0, json!(alerts)).await.json();
    assert_eq!((set.account_failures, set.version), (2, 1));
    for password in ["a first guess", "a second guess"] {
        service.challenge(LOGIN, password, "new-device").await;
    }
    let page: Page<Alert> = service.get(owner, "/v1/alerts").await.json();
    assert_eq!(page.items.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [AlertKind::RepeatedFailures]);
}

#[tokio::test]
async fn whoever_changes_what_another_changed_first_gets_how_it_stands() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let changes = [
        ("/v1/organization", json!({ "name": "Example 2", "domains": ["example.org", "Example.NET."] })),
        ("/v1/settings/mail", json!({ "from": "guard@example.org", "relay": null })),
        (
            "/v1/settings/alerts",
            json!({ "account_failures": 7, "network_accounts": 4, "window_minutes": 15, "version": 99 }),
        ),
        ("/v1/settings/retention", json!({ "event_days": 30, "version": 99 })),
    ];
    for (path, change) in changes {
        let before = service.get(owner, path).await.etag.unwrap();
        let blind = service.call(owner, Method::PUT, path, change.clone()).await;
        assert_eq!(blind.status, StatusCode::PRECONDITION_REQUIRED, "{path}");
        let changed = service.put_tagged(owner, path, &before, change.clone()).await;
        assert_eq!(changed.status, StatusCode::OK, "{path}: {}", changed.text);
        assert_ne!(changed.etag.as_ref(), Some(&before), "{path}");

        let late = service.put_tagged(owner, path, &before, change.clone()).await;
        assert_eq!((late.status, late.code()), (StatusCode::PRECONDITION_FAILED, Code::Stale), "{path}");
        let now = service.get(owner, path).await;
        assert_eq!(now.json::<Value>(), changed.json::<Value>(), "{path}");
        match late.problem().details {
            Some(Details::Current { etag, value }) => {
                assert_eq!((Some(etag), value), (now.etag.clone(), now.json()), "{path}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
    let organization: Value = service.get(owner, "/v1/organization").await.json();
    assert_eq!(organization["domains"], json!(["example.org", "example.net"]));
}

#[tokio::test]
async fn the_relays_password_never_leaves_and_goes_to_its_host_alone() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let path = "/v1/settings/mail";
    let relay = |host: &str, password: Value| {
        json!({ "from": "mailcup@example.org", "relay": {
            "host": host, "port": 587, "security": "start_tls", "username": "mailcup", "password": password,
        } })
    };
    let set = async |body: Value| {
        let etag = service.get(owner, path).await.etag.unwrap();
        let answer = service.put_tagged(owner, path, &etag, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer
    };
    let has_password =
        |answer: &Answer| answer.json::<Value>()["transport"]["has_password"].as_bool().unwrap();
    let answer = set(relay("smtp.example.net", json!(RELAY_PASSWORD))).await;
    assert!(has_password(&answer) && !answer.text.contains(RELAY_PASSWORD), "{}", answer.text);
    for path in [path, "/v1/audit", "/v1/events", "/metrics"] {
        let text = service.get(owner, path).await.text;
        assert!(!text.contains(RELAY_PASSWORD), "{path}");
    }
    let folder = service.setup_token_file().parent().unwrap().to_owned();
    for file in ["mailcup.db", "mailcup.db-wal"] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let found = bytes.windows(RELAY_PASSWORD.len()).any(|window| window == RELAY_PASSWORD.as_bytes());
        assert!(!found, "{file} holds the password");
    }
    assert!(has_password(&set(relay("smtp.example.net", Value::Null)).await), "it stays for its host");
    assert!(!has_password(&set(relay("smtp.elsewhere.example", Value::Null)).await), "and goes to no other");
}
