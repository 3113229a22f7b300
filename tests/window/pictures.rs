//! Every page in both themes and two sizes in the real web view, with a month of sign-ins.
//! `MAILCUP_PICTURES=FOLDER` keeps the pictures.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    service::{Service, ServiceConfig, write_history},
    traffic::history,
    wait,
};
use mailcup_wire::{BlockTarget, MailServerKind, NewBlock};
use thirtyfour::By;

use crate::first_run::{connected, outbox_code};
use crate::page::{Page, SOON};
use crate::reports::Reporter;

const SIZES: [(u32, u32); 2] = [(1024, 700), (1600, 1000)];

/// What stands out to the right of the window, if anything does, once nothing moves any more.
const OVERFLOW: &str = "const done = arguments[arguments.length - 1]; \
                        const wide = innerWidth + 1; \
                        const outside = () => document.documentElement.scrollWidth <= wide ? [] : \
                        [...document.querySelectorAll('body *')].filter((it) => \
                        it.getBoundingClientRect().right > wide).map((it) => it.outerHTML.slice(0, 200)); \
                        const moving = document.getAnimations().filter((it) => \
                        it.effect?.getComputedTiming().endTime !== Infinity); \
                        Promise.allSettled(moving.map((it) => it.finished)).then(() => done(outside()))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_in_both_themes_and_sizes_under_the_windows_policy() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("service");
    a_month(&data_dir);
    let config = ServiceConfig { data_dir: Some(data_dir), ..ServiceConfig::default() };
    let service = Service::start(config).await.unwrap();
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
    let config = DesktopConfig { width: 1600, height: 1000, ..DesktopConfig::default() };
    let desktop = Desktop::start(config).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    page.watch_faults().await;

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
        ("backups", "/backups".to_owned(), "Nothing is backed up"),
        ("backups-copy", "/backups/copy".to_owned(), "Nothing of the backups is on this computer"),
        ("settings-drafts", "/settings/drafts".to_owned(), "No drafts"),
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
        for (width, height) in SIZES {
            page.set_window_rect(0, 0, width, height).await.unwrap();
            for (name, address, words) in &pages {
                page.go(address).await;
                page.see(words).await;
                if *name == "overview" {
                    let drawn = async || page.find(By::Css("main canvas")).await.ok();
                    wait::until("the chart", SOON, drawn).await.unwrap();
                }
                let name = format!("{name}-{}-{width}.png", theme.to_lowercase());
                let overflow = page.execute_async(OVERFLOW, Vec::new()).await.unwrap();
                assert_eq!(overflow.json(), &serde_json::json!([]), "{name} is wider than the window");
                keep(&page, &name).await;
            }
        }
    }
    page.must_be_faultless().await;
    page.quit().await;
}

fn a_month(data_dir: &Path) {
    let until = jiff::Timestamp::now();
    let from = until - jiff::SignedDuration::from_hours(24 * 30);
    let logins = ["anna", "ben", "clara", "david", "emma", "hana", "ivan", "oksana", "sales", "support"];
    let logins = logins.iter().map(|name| format!("{name}@example.org"));
    write_history(data_dir, history(7, logins, from, until, 6_000)).unwrap();
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
