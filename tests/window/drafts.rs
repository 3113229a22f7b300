//! An edit made while the service is away, against what another admin changed meanwhile.

use std::process::Command;

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::AlertSettings;
use reqwest::Method;
use thirtyfour::By;

use crate::first_run::{connected, outbox_code};
use crate::page::{Page, SOON};
use crate::pictures::keep;

const ALERTS: &str = "/v1/settings/alerts";

/// Both are shown, neither is lost, not by a `kill -9` either, and nothing is applied before the admin says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offline_draft_is_shown_beside_what_changed_meanwhile_and_applied_as_chosen() {
    let mut service = Service::start(ServiceConfig::default()).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let before = rules(&owner).await;
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    page.go("/settings/notifications").await;
    page.see("Failures of one account").await;
    service.stop();
    page.see("What you save is kept as a draft").await;
    page.fill("Failures of one account", "8").await;
    page.fill("Accounts from one network", "20").await;
    page.press("Save as a draft").await;
    page.see("Kept as a draft. It is not in effect.").await;
    page.see("Draft. In effect: 5").await;
    keep(&page, "draft-kept.png").await;
    kill(&page).await;

    service.run().await.unwrap();
    set_rules(&owner, [before[0], 3, 30]).await;
    let page = Page::open(&desktop).await;
    page.see("1 draft is not in effect.").await;
    page.press("Look at them").await;
    page.see("Conflict: both changed the same").await;
    assert_eq!(rules(&owner).await, [before[0], 3, 30], "nothing is applied by itself");
    page.press("Compare").await;
    page.see("Choose for each that both changed, first.").await;
    assert_eq!(cells(&page, "Failures of one account").await, ["5", "8", "5"]);
    assert_eq!(cells(&page, "Accounts from one network").await, ["5", "20", "3"]);
    assert_eq!(cells(&page, "Within minutes").await, ["10", "10", "30"]);
    keep(&page, "draft-conflict.png").await;

    // It changes once more while one looks: nothing is sent over what nobody has seen.
    set_rules(&owner, [before[0], 4, 30]).await;
    choose_draft(&page, "Accounts from one network").await;
    page.press("Apply what is chosen").await;
    page.see("It was changed again before your draft was applied.").await;
    assert_eq!(cells(&page, "Accounts from one network").await, ["5", "20", "4"]);
    assert_eq!(rules(&owner).await, [before[0], 4, 30]);
    choose_draft(&page, "Accounts from one network").await;
    page.press("Apply what is chosen").await;
    page.see("Applied: When an alert is raised").await;
    page.see("No drafts").await;
    assert_eq!(rules(&owner).await, [8, 20, 30]);
    page.quit().await;
}

async fn rules(owner: &Api) -> [u32; 3] {
    let now: AlertSettings = owner.get(ALERTS).await.unwrap();
    [now.account_failures, now.network_accounts, now.window_minutes]
}

/// What another admin does.
async fn set_rules(owner: &Api, [account_failures, network_accounts, window_minutes]: [u32; 3]) {
    let wanted = AlertSettings { account_failures, network_accounts, window_minutes, version: 0 };
    let _: AlertSettings = owner.change(Method::PUT, ALERTS, &wanted).await.unwrap();
}

/// The values of a row: before, in the draft, in effect.
async fn cells(page: &Page, row: &str) -> Vec<String> {
    let path = format!("//tr[th[normalize-space()='{row}']]/td");
    let mut texts = Vec::new();
    for cell in page.find_all(By::XPath(path)).await.unwrap().iter().take(3) {
        texts.push(cell.text().await.unwrap());
    }
    texts
}

async fn choose_draft(page: &Page, row: &str) {
    let path = format!("//*[@role='radiogroup' and @aria-label='Keep for {row}']//*[@role='radio'][1]");
    page.find(By::XPath(path)).await.unwrap().click().await.unwrap();
}

/// `kill -9` of the console.
async fn kill(page: &Page) {
    let pid = page.pid().to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let ended = wait::until("the console is gone", SOON, async || {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.is_empty().then_some(())
    });
    ended.await.unwrap();
}
