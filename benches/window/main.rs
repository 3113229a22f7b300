//! The console with a million events, in the real window: the first sync, opening Activity, filters, scrolling,
//! start-up and memory.
//!
//! `cargo xtask bench window`; `-- EVENTS` for another size. Needs an optimized build: figures of another one
//! say nothing. With `MAILCUP_EACH` set it tells each filter's figures.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says where")]

mod activity;
mod first_sync;
mod start;

use std::{error::Error, time::Duration};

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig, Window},
    service::{Service, ServiceConfig, write_history},
    traffic::history,
};
use serde_json::Value;

#[path = "../../tests/window/first_run.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod first_run;
#[path = "../../tests/window/page.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod page;

const EVENTS: u32 = 1_000_000;
const ACCOUNTS: u32 = 2_000;
/// The console keeps 90 days.
const DAYS: i64 = 85;
const SEED: u64 = 1;
/// An attempt makes so many events: a submission follows many sign-ins.
const EVENTS_OF_AN_ATTEMPT: f64 = 1.16;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let events = std::env::args().skip(1).find_map(|argument| argument.replace('_', "").parse().ok());
    let events: u32 = events.unwrap_or(EVENTS);
    let folder = tempfile::Builder::new().prefix("mailcup-window-").tempdir()?;
    let data_dir = folder.path().join("service");
    let written = write_history(&data_dir, past(events))?;
    let service =
        Service::start(ServiceConfig { data_dir: Some(data_dir), ..ServiceConfig::default() }).await?;
    service.set_up().await?;
    let desktop = Desktop::start(DesktopConfig { width: 1600, height: 1000, keyring: true }).await?;
    println!("{written} events of {ACCOUNTS} accounts over {DAYS} days");

    let page = first_sync::measure(&desktop, &service, written).await;
    activity::measure(&page).await;
    page.quit().await;
    start::measure(&desktop).await;
    Ok(())
}

fn past(events: u32) -> impl Iterator<Item = mailcup_lab::traffic::Attempt> {
    let until = jiff::Timestamp::now();
    let from = until - jiff::SignedDuration::from_hours(24 * DAYS);
    let logins = (0..ACCOUNTS).map(|account| format!("user-{account}@example.org"));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "about so many")]
    let attempts = (f64::from(events) / EVENTS_OF_AN_ATTEMPT) as u32;
    history(SEED, logins, from, until, attempts)
}

/// Makes the window's own measurements at hand.
async fn prepare(window: &Window) {
    window.set_script_timeout(Duration::from_mins(3)).await.unwrap();
    window.execute(include_str!("page.js"), Vec::new()).await.unwrap();
}

/// What one of them answers.
async fn measured(window: &Window, call: &str) -> Value {
    let script = format!(
        "const done = arguments[arguments.length - 1]; \
         Promise.resolve(window.measured.{call}).then(done, (error) => done({{ error: String(error) }}))"
    );
    let answer = window.execute_async(script, Vec::new()).await.unwrap().json().clone();
    assert!(answer.get("error").is_none(), "{call}: {answer}");
    answer
}

/// A row of the table; what it should be stands behind.
fn row(name: &str, figure: &str, target: &str) {
    println!("{name:<52}{figure:>28}   {target}");
}

/// The value below which so many of a hundred lie.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get((values.len() * percent / 100).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}
