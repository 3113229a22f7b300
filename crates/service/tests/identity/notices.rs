//! Mails to account owners after authorizations, and the link in them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Extension,
    http::{Method, Request, StatusCode, header},
};
use mailcup_lab::outbox::readable;
use mailcup_service::{
    http::{self, client::Peer},
    notices::{Follower, MAILS_AN_HOUR},
};
use mailcup_wire::{
    AccountNotices, Alert, AlertKind, AlertState, Block, BlockTarget, Code, NoticeMode, NoticeSettings,
    OutboxStatus, Outcome, Page, Protocol, Severity, SignIn,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    settings::{MAIL, dead_relay},
    support::{LOGIN, Service},
};

const ANNA: &str = "anna@example.org";
const SETTINGS: &str = "/v1/settings/notices";
const OF_ANNA: &str = "/v1/accounts/anna@example.org/notices";

/// What the public listener answered.
struct Shown {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    text: String,
}

impl Service {
    async fn authorize(&self, login: &str, address: &str, protocol: Protocol) {
        let sign_in = SignIn {
            login: login.into(),
            protocol,
            address: address.parse().ok(),
            outcome: Outcome::Succeeded,
            reasons: Vec::new(),
            server: Some("dovecot".to_owned()),
            client: Some(r#""name" "Thunderbird""#.to_owned()),
            tls: true,
            place: None,
        };
        self.app.log.append_sign_in(sign_in, None).await.unwrap();
    }

    async fn follower(&self) -> Follower {
        Follower::begin(Arc::clone(&self.app)).await.unwrap()
    }

    async fn waiting(&self, owner: &str) -> u32 {
        self.get(owner, "/v1/outbox").await.json::<OutboxStatus>().waiting
    }

    /// Subject and text of the notices that went out, once nothing waits.
    async fn notices(&self, owner: &str) -> Vec<String> {
        let sent = async {
            while self.waiting(owner).await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), sent).await.unwrap();
        let mails = self.mails().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
        let mut notices: Vec<_> = mails.filter(|mail| mail.contains("signed in to")).collect();
        notices.sort();
        notices
    }

    async fn set(&self, owner: &str, path: &str, body: Value) -> crate::support::Answer {
        let etag = self.get(owner, path).await.etag.unwrap();
        self.send(owner, Method::PUT, path, &[("if-match", &etag)], body).await
    }

    async fn public(&self, method: Method, path: &str) -> Shown {
        let peer = Peer { address: SocketAddr::from(([198, 51, 100, 9], 1)), tls: true };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "login.example.org")
            .header(header::ORIGIN, "https://login.example.org");
        let router = http::public(&self.app).layer(Extension(peer));
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Shown { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn blocks(&self, owner: &str) -> Vec<Block> {
        self.get(owner, "/v1/blocks").await.json::<Page<Block>>().items
    }

    async fn not_me_alerts(&self, owner: &str) -> Vec<Alert> {
        let page: Page<Alert> = self.get(owner, "/v1/alerts").await.json();
        page.items.into_iter().filter(|alert| alert.kind == AlertKind::NotMe).collect()
    }
}

/// The link in a mail, whose lines may be folded.
fn link(mail: &str) -> String {
    let mail = readable(mail);
    let begin = mail.find("https://login.example.org").unwrap();
    let link = mail[begin..].split_whitespace().next().unwrap();
    link.strip_prefix("https://login.example.org").unwrap().to_owned()
}

async fn with_public_url() -> (Service, mailcup_wire::SetupDone) {
    let url = "https://login.example.org".parse().unwrap();
    Service::start_with(|config| config.public_url = Some(url)).await.owned().await
}

#[tokio::test]
async fn authorizations_of_one_kind_are_one_mail_within_the_window_whatever_restarts() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    let mut follower = service.follower().await;
    follower.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 0, "what happened before notices began is no news");

    for _ in 0..300 {
        service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    }
    follower.catch_up().await.unwrap();
    let first = service.notices(owner).await;
    assert_eq!(first.len(), 1);
    for part in
        ["To: anna@example.org", "over IMAP from 9.9.9.9", "24 November 2026, 08:00 (UTC)", "Thunderbird"]
    {
        assert!(first[0].contains(part), "{part}: {}", first[0]);
    }
    assert!(!first[0].contains("http"), "there is no link where nobody knows the public address");

    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    let mut restarted = service.follower().await;
    restarted.catch_up().await.unwrap();
    follower.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 1);

    service.authorize(ANNA, "9.9.9.9", Protocol::Submission).await;
    service.authorize(ANNA, "2620:fe::9", Protocol::Imap).await;
    service.authorize(ANNA, "2620:fe::a", Protocol::Imap).await;
    service.authorize(LOGIN, "9.9.9.9", Protocol::Api).await;
    restarted.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 3, "another protocol and another network, but no admin");

    service.advance(24 * 3600);
    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    service.follower().await.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 4, "the window is over");
    let of_anna: AccountNotices = service.get(owner, OF_ANNA).await.json();
    assert_eq!(of_anna.last_sent_at, Some(service.clock.now()));
}

#[tokio::test]
async fn a_relay_that_is_down_loses_no_notice_and_doubles_none() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let mut follower = service.follower().await;
    assert_eq!(service.set(owner, MAIL, dead_relay()).await.status, StatusCode::OK);
    for address in ["9.9.9.9", "1.1.1.1", "8.8.8.8"] {
        service.authorize(ANNA, address, Protocol::Imap).await;
    }
    follower.catch_up().await.unwrap();
    // Whoever follows next begins where this one came to.
    service.follower().await.catch_up().await.unwrap();
    assert_eq!(service.waiting(owner).await, 3);
    let local = json!({ "from": "mailcup@example.org", "relay": null });
    assert_eq!(service.set(owner, MAIL, local).await.status, StatusCode::OK);
    // A try that was under way may put a mail off once more.
    let tried_again = async {
        while service.waiting(owner).await > 0 {
            service.advance(60);
            service.app.outbox.wake();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), tried_again).await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 3);
}

#[tokio::test]
async fn an_owner_is_told_only_of_new_networks_daily_or_never_where_the_account_says_so() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let mut follower = service.follower().await;
    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    let mode = |mode: &str| json!({ "mode": mode, "zone": "Europe/Berlin", "address": "anna@home.example" });

    assert_eq!(service.set(owner, OF_ANNA, mode("new_networks")).await.status, StatusCode::OK);
    service.authorize(ANNA, "9.9.9.9", Protocol::Submission).await;
    service.authorize(ANNA, "1.1.1.1", Protocol::Imap).await;
    follower.catch_up().await.unwrap();
    let told = service.notices(owner).await;
    assert_eq!(told.len(), 2, "the first ever, and one from another network");
    assert!(
        told[0].contains("To: anna@home.example") && told[0].contains("09:00 (Europe/Berlin)"),
        "{}",
        told[0]
    );

    assert_eq!(service.set(owner, OF_ANNA, mode("daily")).await.status, StatusCode::OK);
    for _ in 0..3 {
        service.authorize(ANNA, "8.8.8.8", Protocol::Imap).await;
    }
    service.authorize(ANNA, "8.8.4.4", Protocol::Pop3).await;
    follower.catch_up().await.unwrap();
    service.advance(22 * 3600);
    follower.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 2, "it is not eight o'clock yet");
    service.advance(3600);
    follower.catch_up().await.unwrap();
    service.follower().await.catch_up().await.unwrap();
    let daily: Vec<_> =
        service.notices(owner).await.into_iter().filter(|mail| !told.contains(mail)).collect();
    assert_eq!(daily.len(), 1);
    assert!(daily[0].contains("since yesterday: 4") && daily[0].contains("8.8.4.4, POP3"), "{}", daily[0]);
    service.advance(24 * 3600);
    follower.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 3, "nothing happened, nothing is sent");

    assert_eq!(service.set(owner, OF_ANNA, mode("off")).await.status, StatusCode::OK);
    service.authorize(ANNA, "1.0.0.1", Protocol::Imap).await;
    follower.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), 3);
}

#[tokio::test]
async fn mails_to_one_owner_have_a_bound_and_the_last_one_says_so() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let mut follower = service.follower().await;
    for host in 1..=40 {
        service.authorize(ANNA, &format!("9.9.9.{host}"), Protocol::Imap).await;
        follower.catch_up().await.unwrap();
    }
    let told = service.notices(owner).await;
    assert_eq!(told.len(), MAILS_AN_HOUR as usize + 1);
    assert_eq!(told.iter().filter(|mail| mail.contains("no more mails this hour")).count(), 1);
    service.advance(3600);
    service.authorize(ANNA, "9.9.9.40", Protocol::Imap).await;
    follower.catch_up().await.unwrap();
    assert_eq!(service.notices(owner).await.len(), MAILS_AN_HOUR as usize + 2);
}

#[tokio::test]
async fn settings_of_notices_are_versioned_and_checked() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let settings: NoticeSettings = service.get(owner, SETTINGS).await.json();
    assert_eq!((settings.mode, settings.window_hours, &*settings.zone), (NoticeMode::Every, 24, "UTC"));
    for (body, field) in [
        (json!({ "mode": "every", "window_hours": 0, "zone": "UTC" }), "window_hours"),
        (json!({ "mode": "every", "window_hours": 169, "zone": "UTC" }), "window_hours"),
        (json!({ "mode": "every", "window_hours": 24, "zone": "Europe/Atlantis" }), "zone"),
        (json!({ "mode": "every", "window_hours": 24, "zone": "/etc/passwd" }), "zone"),
    ] {
        let answer = service.set(owner, SETTINGS, body).await;
        assert_eq!(answer.code(), Code::Invalid);
        assert!(answer.text.contains(field), "{}", answer.text);
    }
    let next = json!({ "mode": "off", "window_hours": 1, "zone": "Europe/Kyiv" });
    assert_eq!(service.set(owner, SETTINGS, next.clone()).await.status, StatusCode::OK);
    let stale = service.send(owner, Method::PUT, SETTINGS, &[("if-match", "\"0\"")], next).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);

    assert_eq!(service.get(owner, OF_ANNA).await.status, StatusCode::NOT_FOUND);
    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    let wrong = json!({ "mode": null, "zone": null, "address": "not an address" });
    assert_eq!(service.set(owner, OF_ANNA, wrong).await.code(), Code::Invalid);
    let right = service.set(owner, OF_ANNA, json!({ "mode": "daily" })).await.json::<AccountNotices>();
    assert_eq!((right.mode, right.version), (Some(NoticeMode::Daily), 1));
}

#[tokio::test]
async fn opening_the_link_does_nothing_and_its_button_acts_once() {
    let (service, done) = with_public_url().await;
    let owner = &done.grant.token;
    let mut follower = service.follower().await;
    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    follower.catch_up().await.unwrap();
    let path = link(&service.notices(owner).await[0]);

    for method in [Method::GET, Method::HEAD, Method::GET] {
        let shown = service.public(method, &path).await;
        assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
        assert_eq!(shown.headers[header::CACHE_CONTROL], "no-store");
        let policy = shown.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
        assert!(!shown.text.contains("<script"));
    }
    assert!(service.blocks(owner).await.is_empty() && service.not_me_alerts(owner).await.is_empty());

    let pressed = service.public(Method::POST, &path).await;
    assert_eq!(pressed.status, StatusCode::OK, "{}", pressed.text);
    assert!(pressed.text.contains("25 November 2026, 08:00 UTC"), "{}", pressed.text);
    let blocks = service.blocks(owner).await;
    let network = "9.9.9.9".parse().unwrap();
    assert_eq!(blocks[0].target, BlockTarget::AccountNetwork { login: ANNA.into(), network });
    assert_eq!((blocks[0].created_by.as_ref(), blocks.len()), (None, 1));
    let alerts = service.not_me_alerts(owner).await;
    assert_eq!((alerts[0].severity, alerts[0].state), (Severity::Critical, AlertState::Open));
    assert_eq!(alerts[0].login.as_ref().unwrap().0, ANNA);
    let audit = service.get(owner, "/v1/audit?limit=10").await.text;
    assert!(audit.contains("notice.not_me") && audit.contains("198.51.100.9"), "{audit}");

    for method in [Method::POST, Method::GET] {
        let again = service.public(method, &path).await;
        assert!(again.text.contains("This was done already"), "{}", again.text);
    }
    assert_eq!(service.blocks(owner).await.len(), 1);
    assert_eq!(service.not_me_alerts(owner).await[0].count, 1);
}

#[tokio::test]
async fn a_link_that_is_forged_or_too_old_says_so_and_does_nothing() {
    let (service, done) = with_public_url().await;
    let owner = &done.grant.token;
    let mut follower = service.follower().await;
    service.authorize(ANNA, "9.9.9.9", Protocol::Imap).await;
    follower.catch_up().await.unwrap();
    let path = link(&service.notices(owner).await[0]);
    for forged in ["/not-me".to_owned(), "/not-me?t=x".to_owned(), path[..path.len() - 1].to_owned()] {
        for method in [Method::GET, Method::POST] {
            let shown = service.public(method, &forged).await;
            assert_eq!(shown.status, StatusCode::NOT_FOUND);
            assert!(shown.text.contains("This link doesn"), "{}", shown.text);
        }
    }
    service.advance(7 * 24 * 3600);
    let late = service.public(Method::POST, &path).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(service.blocks(owner).await.is_empty());
}

#[tokio::test]
async fn whoever_reads_an_admins_mailbox_can_not_lock_the_admin_out() {
    let (service, done) = with_public_url().await;
    let owner = &done.grant.token;
    let mut follower = service.follower().await;
    service.authorize(LOGIN, "9.9.9.9", Protocol::Imap).await;
    follower.catch_up().await.unwrap();
    let path = link(&service.notices(owner).await[0]);
    let pressed = service.public(Method::POST, &path).await;
    assert!(pressed.text.contains("The administrators were told") && !pressed.text.contains("Until"));
    assert_eq!(service.get(owner, "/v1/blocks").await.status, StatusCode::UNAUTHORIZED, "sessions end");
    assert!(service.app.policy.active_blocks(service.clock.now()).is_empty());
}
