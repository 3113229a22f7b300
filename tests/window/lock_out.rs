//! A change of the rules that locks out whoever makes it, and the ways back.

use std::time::Duration;

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    moved_clock::MovedClock,
    service::{OWNER, Service, ServiceConfig},
};

use crate::first_run::{connected, outbox_code};
use crate::page::Page;
use crate::pictures::keep;

/// Ten minutes, and what the service may take to notice.
const AFTER_THE_TRIAL: Duration = Duration::from_secs(10 * 60 + 5);

/// The owner is warned, does it all the same, is refused, and is back without anybody touching the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_denies_their_own_network_is_back_by_themselves() {
    let clock = MovedClock::new().unwrap();
    let (service, _desktop, page) = signed_in(&clock).await;
    deny_own_network(&page).await;
    page.see("This locks you out").await;
    page.see("127.0.0.1").await;
    page.see("returns by itself after 10 minutes").await;
    keep(&page, "lock-out-warning.png").await;
    lock_out(&page).await;

    page.see("refuses you from here").await;
    keep(&page, "lock-out-refused.png").await;
    page.go("/activity").await;
    // The copy stays readable meanwhile.
    page.see("Signed in").await;
    clock.set_ahead(AFTER_THE_TRIAL).unwrap();
    page.see("Up to date").await;
    page.see_no_more("refuses you from here").await;
    page.go("/rules").await;
    page.see("Everybody may sign in from anywhere").await;
    page.go("/alerts").await;
    page.see("returned by itself").await;
    keep(&page, "lock-out-returned.png").await;
    drop(service);
    page.quit().await;
}

/// On the server's own shell, one admin is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_is_locked_out_is_let_in_from_the_servers_shell() {
    let clock = MovedClock::new().unwrap();
    let (service, _desktop, page) = signed_in(&clock).await;
    deny_own_network(&page).await;
    lock_out(&page).await;
    page.see("refuses you from here").await;
    let folder = service.data_dir().to_string_lossy();
    let said = service.command(&["admin", "recover", OWNER.login, "--data-dir", &folder]).await.unwrap();
    assert!(said.contains("passes all blocks and access rules"), "{said}");
    page.see("Up to date").await;
    page.press("Take it back now").await;
    page.see("The change was taken back").await;
    page.go("/alerts").await;
    page.see("let in from the server").await;
    page.quit().await;
}

async fn signed_in(clock: &MovedClock) -> (Service, Desktop, Page) {
    let service =
        Service::start(ServiceConfig { env: clock.env(), ..ServiceConfig::default() }).await.unwrap();
    service.set_up().await.unwrap();
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    (service, desktop, page)
}

/// Fills in a rule that denies this computer, enforced, and saves it.
async fn deny_own_network(page: &Page) {
    page.go("/rules/new").await;
    page.press("Deny").await;
    page.fill("Networks", "127.0.0.1").await;
    page.press("Enforced").await;
    page.press("Save").await;
}

async fn lock_out(page: &Page) {
    page.see("Lock out for now").await;
    page.fill(&format!("Type {}", OWNER.login), OWNER.login).await;
    page.press("Lock out for now").await;
}
