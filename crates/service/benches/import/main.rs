//! What importing a log costs: lines parsed a second on one core, and events stored a second beside bare inserts of the
//! same rows in the same portions.
//!
//! `cargo xtask bench import -- LINES`. The log is made from a seed, as a server of some thousand accounts writes it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod written;

use std::{
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use mailcup_guard::alert::Rules;
use mailcup_service::{
    clock::Clock,
    event_log::EventLog,
    log_import::{
        gathering::{Found, Gathering},
        reading::{self, PORTION},
        stamps::Calendar,
    },
    store::{
        Store,
        events::{self, NewEvent},
    },
};
use mailcup_wire::{ImportReport, Time};

const LINES: u32 = 1_000_000;
const ROUNDS: usize = 3;

fn main() {
    let lines = std::env::args().skip(1).find_map(|argument| argument.replace('_', "").parse().ok());
    let log = written::log(lines.unwrap_or(LINES));
    println!("a log of {} MB", log.len() / 1_000_000);
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let (report, events, took) = parse(&log);
        println!(
            "parsed {} lines in {took:?}: {:.0} lines/s on one thread; {} events, {} lines not understood",
            report.lines,
            rate(report.lines as usize, took),
            events.len(),
            report.not_understood
        );
        found = events;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let bare = runtime.block_on(insert(&found));
        let stored = runtime.block_on(store(&found));
        let count = found.len();
        let part = bare.as_secs_f64() / stored.as_secs_f64();
        best = best.min(part);
        println!(
            "bare inserts {:.0} events/s, import {:.0} events/s: {part:.2} of it",
            rate(count, bare),
            rate(count, stored)
        );
    }
    println!("the least of these: {best:.2}");
    let known = runtime.block_on(store_twice(&found));
    println!("the same events again: {:.0} events/s, none stored", rate(found.len(), known));
}

fn parse(log: &[u8]) -> (ImportReport, Vec<Found>, Duration) {
    let mut calendar = Calendar::new(TimeZone::UTC, Time::from_millis(written::UNTIL), None);
    let (mut gathering, mut report) = (Gathering::default(), ImportReport::default());
    let mut all = Vec::new();
    let begun = Instant::now();
    reading::read(log, &mut calendar, &mut gathering, &mut report, |found, _| {
        all.extend(found);
        ControlFlow::Continue(())
    })
    .expect("a log");
    gathering.finish();
    all.extend(gathering.take());
    (report, all, begun.elapsed())
}

/// The rows alone, ready to be written.
async fn insert(found: &[Found]) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).await.expect("a store");
    let portions: Vec<Vec<(Time, NewEvent)>> = found
        .chunks(PORTION)
        .map(|portion| {
            let row = |one: &Found| {
                let event = NewEvent::new(&one.body, None);
                (one.at, NewEvent { print: Some(one.print), ..event })
            };
            portion.iter().map(row).collect()
        })
        .collect();
    let begun = Instant::now();
    let mut seq = 1;
    for portion in &portions {
        let mut tx = store.write().await.expect("a transaction");
        events::insert(&mut tx, seq, portion).await.expect("inserts");
        tx.commit().await.expect("a commit");
        seq += portion.len() as u64;
    }
    let took = begun.elapsed();
    store.close().await;
    took
}

/// As an import does it, from what was read to what is durable.
async fn store(found: &[Found]) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, writing) = open(folder.path()).await;
    let (took, stored) = append(&log, found).await;
    assert_eq!(stored as usize, found.len(), "all are new");
    close(log, writing).await;
    took
}

async fn store_twice(found: &[Found]) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, writing) = open(folder.path()).await;
    append(&log, found).await;
    let (took, stored) = append(&log, found).await;
    assert_eq!(stored, 0, "none is new");
    close(log, writing).await;
    took
}

async fn append(log: &EventLog, found: &[Found]) -> (Duration, u32) {
    // Not measured: the import owns what it read.
    let portions: Vec<Vec<_>> = found
        .chunks(PORTION)
        .map(|portion| portion.iter().map(|one| (one.at, one.body.clone(), one.print)).collect())
        .collect();
    let begun = Instant::now();
    let mut stored = 0;
    for portion in portions {
        stored += log.append_imported(portion).await.expect("stored");
    }
    (begun.elapsed(), stored)
}

async fn open(folder: &Path) -> (EventLog, tokio::task::JoinHandle<()>) {
    let store = Store::open(folder).await.expect("a store");
    EventLog::open(store, Clock::system(), Rules::default()).await.expect("a log")
}

async fn close(log: EventLog, writing: tokio::task::JoinHandle<()>) {
    log.close().await.expect("closed");
    writing.await.expect("it ended with the log");
    log.store().close().await;
}

fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.as_secs_f64()
}
