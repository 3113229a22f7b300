//! Whether roll-ups are right, and what retention takes while events go on coming.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use mailcup_service::{event_log::EventLog, jobs, store::rollups};
use mailcup_wire::Time;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    cpu, cpu_each,
    fill::{close, open, sign_in},
    millis, number, on_disk,
};

/// Connections of a mail server at once.
const WRITERS: u64 = 8;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// Counts the events of some days anew.
pub async fn roll_ups(data_dir: &Path) {
    let (log, writing) = open(data_dir).await;
    jobs::roll_up(&log).await.expect("rolled up");
    let readers = log.store().read();
    let mut connection = readers.acquire().await.expect("a connection");
    let total = rollups::total(&mut connection).await.expect("the total");
    let counted: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE outcome IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .expect("the events");
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM rollups").fetch_one(&mut *connection).await.expect("rows");
    println!("\nRoll-ups: {total} counted, {counted} events with an outcome, {rows} rows");
    assert_eq!(i64::try_from(total).expect("a count"), counted, "roll-ups count every event once");
    drop(connection);
    close(log, writing).await;
}

/// Deletes the oldest days while others append.
pub async fn retention(data_dir: &Path, span: &str, days: i64) {
    let (log, writing) = open(data_dir).await;
    let oldest = oldest(&log).await;
    let cutoff = Time::from_millis(oldest.as_millis() + days * MILLIS_PER_DAY);
    let before = on_disk(data_dir);
    let without = append_until(&log, &after(Duration::from_secs(3))).await;
    let stop = CancellationToken::new();
    let meanwhile = {
        let (log, stop) = (log.clone(), stop.clone());
        tokio::spawn(async move { append_until(&log, &stop).await })
    };
    let (begun, used) = (Instant::now(), cpu(std::process::id()));
    let expired = jobs::expire(&log, cutoff).await.expect("expired");
    let (took, used) = (begun.elapsed(), cpu_each(used, u64::from(expired)));
    stop.cancel();
    let meanwhile = meanwhile.await.expect("appends");
    println!(
        "Retention of {span}: {expired} events in {} ({:.0} events/s, {used} with the appends)\n  \
         {WRITERS} writers meanwhile: {meanwhile}; without it: {without}",
        millis(took),
        f64::from(expired) / took.as_secs_f64(),
    );
    assert!(expired > 0, "the oldest days have events");
    assert!(self::oldest(&log).await >= cutoff, "nothing older is left");
    close(log, writing).await;
    println!("  on disk: {before} MB before, {} MB after; freed pages are used again", on_disk(data_dir));
}

async fn oldest(log: &EventLog) -> Time {
    let at = sqlx::query_scalar("SELECT at FROM events ORDER BY seq LIMIT 1").fetch_one(log.store().read());
    Time::from_millis(at.await.expect("the oldest"))
}

fn after(span: Duration) -> CancellationToken {
    let stop = CancellationToken::new();
    let over = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(span).await;
        over.cancel();
    });
    stop
}

/// What writers together saw of their appends.
struct Appends {
    rate: f64,
    took: Vec<Duration>,
}

impl std::fmt::Display for Appends {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at =
            |percent: usize| millis(self.took[(self.took.len() * percent / 100).min(self.took.len() - 1)]);
        write!(out, "{:.0} appends/s, p50 {}, p99 {}, slowest {}", self.rate, at(50), at(99), at(100))
    }
}

/// Each writer appends one event after the other, at least one.
async fn append_until(log: &EventLog, stop: &CancellationToken) -> Appends {
    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (log, stop) = (log.clone(), stop.clone());
        writers.spawn(async move {
            let mut took = Vec::new();
            while took.is_empty() || !stop.is_cancelled() {
                let one = Instant::now();
                log.append_sign_in(sign_in(writer), None).await.expect("appended");
                took.push(one.elapsed());
            }
            took
        });
    }
    let mut took = writers.join_all().await.concat();
    took.sort_unstable();
    Appends { rate: number(took.len() as u64) / begun.elapsed().as_secs_f64(), took }
}
