//! A log of ten million events, filled step by step from a seed: what of the service grows with it. At each
//! size how fast events are appended, how long a start takes and what it holds in memory, how long pages and
//! filters take, how fast a console catches up; at the end the roll-ups, and the retention of a day and of a
//! month while events go on coming.
//!
//! `cargo bench --workspace --features custom-protocol --bench history [-- EVENTS…]`; without sizes it fills
//! to one, five and ten million, which takes some minutes and 5 GB in the temporary folder.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod ask;
mod fill;
mod upkeep;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mailcup_lab::service::{Api, Service, ServiceConfig};
use mailcup_service::store::Store;

use self::fill::Past;

const SIZES: [u64; 3] = [1_000_000, 5_000_000, 10_000_000];

fn main() {
    let sizes: Vec<u64> =
        std::env::args().skip(1).filter_map(|argument| argument.replace('_', "").parse().ok()).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(&sizes));
}

async fn measure(sizes: &[u64]) {
    let folder = tempfile::Builder::new().prefix("mailcup-history-").tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let last = sizes.iter().copied().max().expect("a size");
    let mut past = Past::new(last);
    println!("An empty log");
    let empty = folder.path().join("empty");
    fill::append_live(&empty, 0).await;
    let program = program(folder.path());
    must_share_a_database(&empty, &program).await;
    let mut token = None;
    for size in sizes {
        fill::fill(&data_dir, &mut past, *size).await;
        fill::append_live(&data_dir, *size).await;
        let service = started(&data_dir, &program).await;
        if token.is_none() {
            let owner = service.set_up().await.expect("setup");
            token = owner.token().map(str::to_owned);
        }
        let api = service.api().with_token(token.as_deref().expect("a session"));
        let pid = service.pid().expect("it runs");
        ask::questions(&api, past.landmarks(), pid).await;
        ask::catch_up(&api, &service.endpoints().http).await;
        held(&service, "after that");
    }
    upkeep::roll_ups(&data_dir).await;
    upkeep::retention(&data_dir, "a day", 1).await;
    upkeep::retention(&data_dir, "a month", 30).await;
}

/// mailcupd as it was built with this: whoever builds meanwhile puts another one in its place.
fn program(folder: &Path) -> PathBuf {
    let program = folder.join("mailcupd");
    std::fs::copy(env!("CARGO_BIN_EXE_mailcupd"), &program).expect("a copy of mailcupd");
    program
}

/// The log is written by this and by mailcupd in turn. Better found out now than after ten million events.
async fn must_share_a_database(data_dir: &Path, program: &Path) {
    let again = "they are not of one build, start `cargo xtask bench history` again";
    if let Err(error) = Service::start(config(data_dir, program)).await {
        panic!("mailcupd does not take the database of this benchmark; {again}: {error}");
    }
    match Store::open(data_dir).await {
        Ok(store) => store.close().await,
        Err(error) => panic!("this benchmark does not take the database of mailcupd; {again}: {error}"),
    }
}

/// From starting the process to its line on stdout, and to its first answer.
async fn started(data_dir: &Path, program: &Path) -> Service {
    let begun = Instant::now();
    let service = Service::start(config(data_dir, program)).await.expect("mailcupd starts");
    let ready = begun.elapsed();
    let api: Api = service.api();
    api.service_info().await.expect("an answer");
    println!("  start: ready after {}, first answer after {}", millis(ready), millis(begun.elapsed()));
    held(&service, "after the start");
    service
}

fn held(service: &Service, when: &str) {
    let pid = service.pid().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let kilobytes = |field: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("proc(5)");
        line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().expect("proc(5)")
    };
    println!("  memory {when}: {} MB resident", kilobytes("VmRSS") / 1024);
}

fn config(data_dir: &Path, program: &Path) -> ServiceConfig {
    ServiceConfig {
        program: Some(program.to_owned()),
        data_dir: Some(data_dir.to_owned()),
        ..ServiceConfig::default()
    }
}

/// Milliseconds, as a table shows them.
pub fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

/// User and system time of a process so far (fields 14 and 15 of its stat, in hundredths of a second): on a
/// machine that does other things too, it says more than the clock.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("proc(5)");
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("proc(5)"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Microseconds of this process's time for each of so many.
pub fn cpu_each(since: Duration, count: u64) -> String {
    let used = cpu(std::process::id()).saturating_sub(since);
    format!("{:.1} µs CPU each", used.as_secs_f64() * 1e6 / number(count))
}

/// A count, for rates.
pub fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Size of the database with its side files.
pub fn on_disk(data_dir: &Path) -> u64 {
    let files = std::fs::read_dir(data_dir).expect("the folder").flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum::<u64>() / 1_000_000
}
