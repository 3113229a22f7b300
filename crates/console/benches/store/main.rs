//! The local copy at a million events: how fast it takes them in, how soon it opens, and how long the queries of
//! the pages take, each over a committed list of filters.
//!
//! `cargo bench --workspace --features custom-protocol --bench store [-- EVENTS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a failed step ends the benchmark")]

mod dry_run;
mod filters;
mod log;

use std::{
    fs,
    time::{Duration, Instant},
};

use mailcup_console_core::local_copy::{ConsoleKey, Readers, Store};
use mailcup_wire::{
    EventId, Time,
    desktop::{
        CompletionField, CompletionQuery, EventQuery, Filter, GroupBy, GroupOrder, GroupQuery, TimelineQuery,
    },
};

const EVENTS: u64 = 1_000_000;
const BATCH: usize = 1_000;
const ROUNDS: usize = 5;
const PAGE: u32 = 100;

fn main() {
    let events = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(EVENTS);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(events));
}

async fn measure(events: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let key = ConsoleKey::generate().store_key(&"measured".into());
    let store = Store::open(&path, &key).unwrap();
    let newest = fill(&store, events).await;
    store.close().await;
    println!("file: {} MB", fs::metadata(&path).unwrap().len() / 1_000_000);

    let before = memory();
    let began = Instant::now();
    let store = Store::open(&path, &key).unwrap();
    let readers = store.readers();
    first_page(&readers, Filter::default()).await;
    println!("open and first page: {:.0?}; memory +{} MB", began.elapsed(), memory().saturating_sub(before));

    println!("\n{:<44} {:>9} {:>9} {:>9}", "", "p50", "p95", "max");
    pages(&readers).await;
    counts(&readers).await;
    places(&readers, events).await;
    timelines(&readers, newest).await;
    groups(&readers).await;
    completions(&readers).await;
    last_page(&readers, events).await;
    dry_run::measure(&readers, newest).await;
    store.close().await;
}

async fn fill(store: &Store, events: u64) -> Time {
    let mut log = log::Log::new(events);
    let mut took = Duration::ZERO;
    let mut slowest = Duration::ZERO;
    let mut newest = Time::from_millis(0);
    let mut cpu = Duration::ZERO;
    loop {
        let batch: Vec<_> = log.by_ref().take(BATCH).collect();
        let Some(last) = batch.last() else { break };
        newest = last.at;
        let (began, cpu_before) = (Instant::now(), cpu_time());
        store.apply(batch, Time::from_millis(0)).await.unwrap();
        took += began.elapsed();
        cpu += cpu_time().saturating_sub(cpu_before);
        slowest = slowest.max(began.elapsed());
    }
    let rate = |time: Duration| f64::from(u32::try_from(events).unwrap()) / time.as_secs_f64();
    println!(
        "{events} events taken in: {took:.1?}, {:.0}/s; CPU {cpu:.1?}, {:.0}/s; slowest batch of {BATCH} {slowest:.0?}",
        rate(took),
        rate(cpu)
    );
    newest
}

async fn pages(readers: &Readers) {
    let mut all = Vec::new();
    let mut slowest = Vec::new();
    for (name, filter) in filters::all() {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            first_page(readers, filter.clone()).await;
            times.push(began.elapsed());
        }
        slowest.push((times.iter().max().copied().unwrap(), name));
        all.append(&mut times);
    }
    row("first page of 100, 40 filters", all);
    slowest.sort();
    for (time, name) in slowest.iter().rev().take(3) {
        println!("    {name}: {time:.1?}");
    }
}

async fn counts(readers: &Readers) {
    let mut times = Vec::new();
    for (_, filter) in filters::all() {
        let began = Instant::now();
        readers.count_events(filter, None, filters::now()).await.unwrap();
        times.push(began.elapsed());
    }
    row("exact count, 40 filters", times);
}

async fn places(readers: &Readers, events: u64) {
    let mut times = Vec::new();
    for step in 0..50 {
        let offset = u32::try_from(events * step / 50).unwrap();
        let began = Instant::now();
        readers.events_at(Filter::default(), offset, PAGE, filters::now()).await.unwrap();
        times.push(began.elapsed());
    }
    row("page at any place, unfiltered", times);
    let mut times = Vec::new();
    for (_, filter) in filters::all() {
        let count = readers.count_events(filter.clone(), None, filters::now()).await.unwrap();
        let began = Instant::now();
        readers.events_at(filter, count.events / 2, PAGE, filters::now()).await.unwrap();
        times.push(began.elapsed());
    }
    row("page at the middle, 40 filters", times);
}

async fn timelines(readers: &Readers, newest: Time) {
    for (name, days) in [("24 hours", 1), ("7 days", 7), ("90 days", 90)] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS * 4 {
            let from = Time::from_millis(newest.as_millis() - days * 86_400_000);
            let query = TimelineQuery { filter: Filter::default(), from, until: newest, buckets: 120 };
            let began = Instant::now();
            readers.event_timeline(query, filters::now()).await.unwrap();
            times.push(began.elapsed());
        }
        row(&format!("timeline of {name}"), times);
    }
}

async fn groups(readers: &Readers) {
    for by in [GroupBy::Account, GroupBy::Network, GroupBy::Hour] {
        let mut times = Vec::new();
        for order in [GroupOrder::Newest, GroupOrder::Most, GroupOrder::Refused] {
            for filter in [Filter::default(), filters::refused()] {
                let query = GroupQuery { filter, by, order, limit: PAGE, offset: 200 };
                let began = Instant::now();
                readers.event_groups(query, filters::now()).await.unwrap();
                times.push(began.elapsed());
            }
        }
        row(&format!("groups by {by:?}"), times);
    }
}

async fn completions(readers: &Readers) {
    use CompletionField::{Account, Device, Domain, Network};
    for field in [Account, Domain, Network, Device] {
        let mut times = Vec::new();
        for text in ["", "a", "an", "20", "thunder", "nothing like it"] {
            let query = CompletionQuery { field, text: text.to_owned(), limit: 10 };
            let began = Instant::now();
            readers.complete(query).await.unwrap();
            times.push(began.elapsed());
        }
        row(&format!("completion of {field:?}"), times);
    }
}

/// As an export reads: page after page.
async fn last_page(readers: &Readers, events: u64) {
    let mut times = Vec::new();
    for step in 1..20 {
        let before = Some(EventId { epoch: log::EPOCH.into(), seq: events * step / 20 });
        let query = EventQuery { filter: filters::refused(), before, after: None, limit: 500 };
        let began = Instant::now();
        readers.events(query, filters::now()).await.unwrap();
        times.push(began.elapsed());
    }
    row("page of 500 refused ones, anywhere", times);
}

async fn first_page(readers: &Readers, filter: Filter) {
    let query = EventQuery { filter, before: None, after: None, limit: PAGE };
    readers.events(query, filters::now()).await.unwrap();
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    println!("{name:<44} {:>9.1?} {:>9.1?} {:>9.1?}", at(50), at(95), at(100));
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    // In hundredths of a second.
    Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// Of this process, in MB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() / 1_000
}
