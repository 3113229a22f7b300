//! Every page in both themes in the real web view. `MAILCUP_PICTURES=FOLDER` keeps the pictures.

use std::{fs, path::PathBuf};

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    service::{Service, ServiceConfig},
};
use mailcup_wire::{BlockTarget, MailServerKind, NewBlock};

use crate::first_run::{connected, outbox_code};
use crate::page::Page;
use crate::reports::Reporter;

const WATCH_POLICY: &str = "window.refused = []; document.addEventListener('securitypolicyviolation', \
                            event => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_draws_in_both_themes_under_the_windows_policy() {
    let service = Service::start(ServiceConfig::default()).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let reporter = Reporter::from_snippet(&service.snippet(MailServerKind::Dovecot).await.unwrap());
    a_day(&reporter).await;
    let target = BlockTarget::Address { address: "198.51.100.23".parse().unwrap() };
    let block = NewBlock {
        target,
        expires_at: None,
        note: "Guesses passwords".into(),
        confirm_self: false,
        alert: None,
    };
    owner.block(&block).await.unwrap();
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    page.execute(WATCH_POLICY, Vec::new()).await.unwrap();

    let alert = owner.alerts().await.unwrap().first().unwrap().id.clone();
    let event = owner.all_events(None).await.unwrap().last().unwrap().id.clone();
    let pages = [
        ("overview", "/overview".to_owned(), "Sign-ins and submissions"),
        ("alerts", "/alerts".to_owned(), "Alerts"),
        ("alert", format!("/alerts/{alert}"), "History"),
        ("activity", "/activity".to_owned(), "Activity"),
        ("event", format!("/activity/{event}"), "Facts"),
        ("blocks", "/blocks".to_owned(), "198.51.100.23"),
        ("accounts", "/accounts".to_owned(), "anna@example.org"),
        ("account", "/accounts/ben%40example.org".to_owned(), "Networks"),
        ("admins", "/admins".to_owned(), "Invite"),
        ("keys", "/keys".to_owned(), "API keys"),
        ("audit", "/audit".to_owned(), "nbroken"),
        ("settings-services", "/settings/services".to_owned(), "Add a service"),
        ("settings-notifications", "/settings/notifications".to_owned(), "Quiet hours"),
        ("settings-lock", "/settings/lock".to_owned(), "Set a passphrase"),
        ("settings-mail", "/settings/mail".to_owned(), "How mail leaves"),
        ("settings-factors", "/settings/factors".to_owned(), "Recovery codes"),
        ("settings-servers", "/settings/servers".to_owned(), "Dovecot"),
        ("settings-about", "/settings/about".to_owned(), "Version"),
        ("settings-appearance", "/settings/appearance".to_owned(), "Start when I log in"),
    ];
    for theme in ["Light", "Dark"] {
        page.go("/settings/appearance").await;
        page.press(theme).await;
        for (name, address, words) in &pages {
            page.go(address).await;
            page.see(words).await;
            keep(&page, &format!("{name}-{}.png", theme.to_lowercase())).await;
        }
    }
    let refused = page.execute("return window.refused", Vec::new()).await.unwrap();
    assert_eq!(refused.json(), &serde_json::json!([]), "the page breaks the window's own policy");
    page.quit().await;
}

/// What a small organization's day looks like: people, a forgotten password, two attacks.
async fn a_day(reporter: &Reporter) {
    for n in 0..40 {
        let name = ["anna", "ben", "clara", "david", "emma"][n % 5];
        let protocol = ["imap", "imap", "smtp", "pop3"][n % 4];
        let login = format!("{name}@example.org");
        let address = format!("192.0.2.{}", 10 + n % 5);
        assert!(reporter.report(&login, &address, protocol, "right", true).await);
    }
    reporter.failure("clara@example.org", "192.0.2.12", "old password").await;
    reporter.attack("ben@example.org", "198.51.100.23").await;
    for name in ["info", "admin", "sales", "office", "test", "backup"] {
        reporter.failure(&format!("{name}@example.org"), "203.0.113.66", "summer2026").await;
    }
}

/// Keeps the page's picture where pictures are kept.
pub async fn keep(page: &Page, name: &str) {
    let Some(folder) = std::env::var_os("MAILCUP_PICTURES").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).unwrap();
    page.painted(&folder.join(name)).await;
}
