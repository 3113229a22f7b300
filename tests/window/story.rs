//! An attack from its beginning to its end, as an admin sees it: notification, alert with evidence, what was done
//! automatically, and the admin's word from the notification while the window is hidden. `MAILCUP_PICTURES=FOLDER`
//! keeps a picture of each step.

use std::{env, fs, path::PathBuf};

use mailcup_lab::{
    clients::{MailProtocol, sign_in},
    desktop::{Desktop, DesktopConfig, Notification},
    mail_servers::MailServersConfig,
    places::{country_of, write_countries},
    service::ServiceConfig,
    stage::Stage,
    wait,
};
use mailcup_wire::{Alert, AlertDeed, AlertState, Block, RiskSettings};
use reqwest::Method;
use serde_json::json;

use crate::first_run::{code_from_mailbox, connected};
use crate::hidden::{close_window, is_shown, shows};
use crate::page::{Page, SOON};

/// In Germany, and in Nigeria.
const HOME: &str = "141.20.1.1";
const ELSEWHERE: &str = "41.190.1.1";

struct Story {
    desktop: Desktop,
    stage: Stage,
    page: Page,
    folder: PathBuf,
    _places: tempfile::TempDir,
}

impl Story {
    async fn begin() -> Self {
        let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
        let places = tempfile::tempdir().unwrap();
        let countries = places.path().join("countries.mmdb");
        write_countries(&countries, country_of).unwrap();
        let env = vec![("MAILCUP_PLACES_COUNTRY".to_owned(), countries.display().to_string())];
        let service = ServiceConfig { env, ..ServiceConfig::default() };
        let stage = Stage::start(MailServersConfig::default(), service).await.unwrap();
        let risk = json!({ "level": "balanced", "enforced": true, "version": 0 });
        let _: RiskSettings = stage.owner.change(Method::PUT, "/v1/settings/risk", &risk).await.unwrap();
        let page =
            connected(&desktop, &stage.service, async || code_from_mailbox(&stage.servers).await).await;
        let folder = env::var_os("MAILCUP_PICTURES")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("story"), PathBuf::from);
        fs::create_dir_all(&folder).unwrap();
        Self { desktop, stage, page, folder, _places: places }
    }

    async fn picture(&self, name: &str) {
        self.page.painted(&self.folder.join(format!("story-{name}.png"))).await;
    }

    async fn lets_in(&self, name: &str, from: &str, password: &str) -> bool {
        let login = &self.stage.servers.account(name).login;
        let ports = self.stage.servers.ports();
        sign_in(ports, MailProtocol::Imap, from.parse().unwrap(), login, password).await.unwrap().accepted
    }

    /// Guesses as often as it takes; answers the notification.
    async fn attack(&self, name: &str) -> Notification {
        for number in 0..12 {
            assert!(!self.lets_in(name, ELSEWHERE, &format!("guess {number}")).await);
        }
        let is_about = |note: &Notification| note.summary.contains(&self.stage.servers.account(name).login);
        self.desktop.notifications.await_one(SOON, is_about).await.unwrap()
    }

    /// The alert about an account, if it stands as is wanted.
    async fn alert_now(&self, name: &str, is_wanted: impl Fn(&Alert) -> bool) -> Option<Alert> {
        let login = &self.stage.servers.account(name).login;
        let is_about = |alert: &Alert| alert.login.as_ref().is_some_and(|it| it.0 == *login);
        let alerts = self.stage.owner.alerts().await.unwrap();
        alerts.into_iter().find(|alert| is_about(alert) && is_wanted(alert))
    }

    /// The same, once it does.
    async fn alert(&self, name: &str, is_wanted: impl Fn(&Alert) -> bool) -> Alert {
        wait::until("an alert", SOON, async || self.alert_now(name, &is_wanted).await).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attack_is_told_stopped_explained_and_settled() {
    let story = Story::begin().await;
    let password = story.stage.servers.account("ben").password.clone();
    assert!(story.lets_in("ben", HOME, &password).await);
    story.page.go("/activity").await;
    story.page.see(HOME).await;
    story.page.see("Allowed").await;
    story.picture("1-calm").await;

    close_window(&story.desktop).await;
    let note = story.attack("ben").await;
    let labels: Vec<_> = note.actions.iter().map(|(_, label)| label.as_str()).collect();
    assert_eq!(labels, ["Open", "Block the address", "It was them", "Open"], "{note:?}");
    let alert = story.alert("ben", is_stopped).await;
    assert_eq!(alert.addresses_total, 1);
    assert!(!story.lets_in("ben", ELSEWHERE, &password).await, "it was blocked by itself");
    assert!(story.lets_in("ben", HOME, &password).await, "and its owner goes on");

    story
        .desktop
        .notifications
        .press(note.id, "open", SOON, async || shows(&story.desktop).await)
        .await
        .unwrap();
    story.page.see("Blocked now").await;
    assert!(story.page.address().await.contains(&alert.id.to_string()));
    story.picture("2-alert").await;
    story.page.see("Nigeria: 0 signed in").await;
    let where_from = "document.querySelector('section[aria-label=\"Where from\"]').scrollIntoView()";
    story.page.execute(where_from, Vec::new()).await.unwrap();
    story.picture("2-where-from").await;
    story.page.go("/blocks").await;
    story.page.see("wrong passwords for this account").await;
    story.picture("3-blocked").await;

    // Ben calls: it was his new phone.
    story.page.go(&format!("/alerts/{}", alert.id)).await;
    story.page.press("It was them").await;
    let settled = story.alert("ben", is_settled).await;
    assert_eq!(settled.id, alert.id, "one alert from beginning to end");
    assert_eq!(story.stage.owner.list::<Block>("/v1/blocks").await.unwrap(), []);
    assert!(story.lets_in("ben", ELSEWHERE, &password).await);
    story.page.go(&format!("/alerts/{}", alert.id)).await;
    story.page.see("said that it was the owner").await;
    story.picture("4-settled").await;
    story.page.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_it_was_them_is_said_from_the_notification_of_a_hidden_window() {
    let story = Story::begin().await;
    let password = story.stage.servers.account("ben").password.clone();
    assert!(story.lets_in("ben", HOME, &password).await);
    story.page.go("/activity").await;
    story.page.see(HOME).await;
    close_window(&story.desktop).await;
    let note = story.attack("ben").await;
    story.alert("ben", is_stopped).await;
    let is_done = async || story.alert_now("ben", is_settled).await.is_some();
    story.desktop.notifications.press(note.id, "it-was-them", SOON, is_done).await.unwrap();
    let settled = story.alert("ben", is_settled).await;
    let said = settled.history.iter().find(|step| step.deed == AlertDeed::WasOwner).unwrap();
    assert!(said.login.is_some() && said.note.as_deref().unwrap().contains("from the notification"));
    assert!(story.lets_in("ben", ELSEWHERE, &password).await);
    is_shown(&story.desktop, false).await;
    story.desktop.tray.click("Open MailCup Console").await.unwrap();
    is_shown(&story.desktop, true).await;
    story.page.quit().await;
}

/// Whether the service blocked the attacker by itself.
fn is_stopped(alert: &Alert) -> bool {
    alert.history.iter().any(|step| matches!(step.deed, AlertDeed::Blocked { .. }) && step.admin.is_none())
}

fn is_settled(alert: &Alert) -> bool {
    alert.state == AlertState::Resolved
}
