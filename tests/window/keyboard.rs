//! Every page by keys alone in the real window, and the focus never lost.

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    service::{Service, ServiceConfig},
    wait,
};
use mailcup_wire::{BlockTarget, MailServerKind, NewBlock};
use serde::Deserialize;
use thirtyfour::{Key, TypingData};

use crate::first_run::{connected, outbox_code};
use crate::page::{Page, SOON};
use crate::reports::Reporter;

/// So many stops of the Tab key are looked at on each page.
const STOPS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_and_its_first_details_by_keys_alone() {
    let service = Service::start(ServiceConfig::default()).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let reporter = Reporter::from_snippet(&service.snippet(MailServerKind::Dovecot).await.unwrap());
    reporter.attack("ben@example.org", "198.51.100.23").await;
    let block = NewBlock {
        target: BlockTarget::Address { address: "198.51.100.23".parse().unwrap() },
        expires_at: None,
        note: "Guesses passwords".into(),
        confirm_self: false,
        alert: None,
    };
    owner.block(&block).await.unwrap();
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;

    let pages = page.execute(PAGES, Vec::new()).await.unwrap();
    let pages: Vec<String> = serde_json::from_value(pages.json().clone()).unwrap();
    assert!(pages.len() >= 4, "{pages:?}");
    let mut opened = 0;
    for name in &pages {
        press(&page, Key::Control + "k").await;
        press(&page, name.as_str()).await;
        press(&page, Key::Enter).await;
        let title = wait::until(name, SOON, async || (title(&page).await == *name).then_some(()));
        title.await.unwrap();
        for _ in 0..STOPS {
            press(&page, Key::Tab).await;
        }
        if rows(&page).await > 0 {
            details_and_back(&page, name).await;
            opened += 1;
        }
    }
    assert!(opened >= 3, "only {opened} of {pages:?} had rows");
    page.quit().await;
}

const PAGES: &str = "return [...document.querySelectorAll('.sidebar nav a .word')].map(a => a.textContent)";
const TITLE: &str = "return document.querySelector('main h1')?.textContent ?? ''";
const ROWS: &str = "return document.querySelectorAll('[role=grid] [role=row][tabindex]').length";
const FOCUS: &str = "
    const element = document.activeElement;
    const ringed = (one) => one && getComputedStyle(one).outlineStyle !== 'none';
    const box = element.getBoundingClientRect();
    return {
        name: element.outerHTML.slice(0, 160),
        role: element.getAttribute('role') ?? '',
        lost: element === document.body,
        seen: Boolean(ringed(element) || ringed(element.parentElement) || ringed(element.closest('dialog'))),
        in_view: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    }";

#[derive(Deserialize)]
struct Focus {
    name: String,
    role: String,
    lost: bool,
    seen: bool,
    in_view: bool,
}

/// Presses a key; within a moment something in view has the focus, and shows it.
async fn press(page: &Page, keys: impl Into<TypingData>) {
    page.active_element().await.unwrap().send_keys(keys).await.unwrap();
    let settled = wait::until("the focus is seen", SOON, async || {
        let focus = focus(page).await;
        (!focus.lost && focus.seen && focus.in_view).then_some(())
    });
    assert!(settled.await.is_ok(), "the focus is lost or not seen: {}", focus(page).await.name);
}

/// Opens the first row, which has an address of its own, closes it, and is on the row again.
async fn details_and_back(page: &Page, name: &str) {
    let before = page.address().await;
    let mut steps = 0;
    while focus(page).await.role != "row" {
        press(page, Key::Shift + Key::Tab).await;
        steps += 1;
        assert!(steps < 2 * STOPS, "{name}: no way back to the rows");
    }
    press(page, Key::Home).await;
    press(page, Key::Enter).await;
    let opened = wait::until("details", SOON, async || (page.address().await != before).then_some(()));
    opened.await.unwrap();
    press(page, Key::Escape).await;
    let closed = wait::until("the list", SOON, async || (page.address().await == before).then_some(()));
    closed.await.unwrap();
    assert_eq!(focus(page).await.role, "row", "{name}");
}

async fn focus(page: &Page) -> Focus {
    let said = page.execute(FOCUS, Vec::new()).await.unwrap();
    serde_json::from_value(said.json().clone()).unwrap()
}

async fn title(page: &Page) -> String {
    let said = page.execute(TITLE, Vec::new()).await.unwrap();
    said.json().as_str().unwrap_or_default().trim().to_owned()
}

async fn rows(page: &Page) -> u64 {
    let said = page.execute(ROWS, Vec::new()).await.unwrap();
    said.json().as_u64().unwrap_or_default()
}
