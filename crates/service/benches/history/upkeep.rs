//! Whether roll-ups are right, and what a day's retention takes while events go on coming.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mailcup_service::{jobs, store::rollups};
use mailcup_wire::Time;

use crate::{
    fill::{close, open, sign_in},
    millis, on_disk,
};

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

/// Deletes the oldest day while others append.
pub async fn retention(data_dir: &Path) {
    let (log, writing) = open(data_dir).await;
    let oldest: i64 = sqlx::query_scalar("SELECT at FROM events ORDER BY seq LIMIT 1")
        .fetch_one(log.store().read())
        .await
        .expect("the oldest");
    let cutoff = Time::from_millis(oldest + MILLIS_PER_DAY);
    let before = on_disk(data_dir);
    let stop = Arc::new(AtomicBool::new(false));
    let alone = appends(&log, Duration::from_secs(3)).await;
    let (going_on, until) = (log.clone(), Arc::clone(&stop));
    let meanwhile = tokio::spawn(async move {
        let (mut count, mut slowest) = (0_u32, Duration::ZERO);
        let begun = Instant::now();
        while !until.load(Ordering::Relaxed) {
            let begun = Instant::now();
            going_on.append_sign_in(sign_in(u64::from(count % 100)), None).await.expect("appended");
            slowest = slowest.max(begun.elapsed());
            count += 1;
        }
        (f64::from(count) / begun.elapsed().as_secs_f64(), slowest)
    });
    let begun = Instant::now();
    let expired = jobs::expire(&log, cutoff).await.expect("expired");
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (rate, slowest) = meanwhile.await.expect("appends");
    println!(
        "Retention of a day: {expired} events in {}; one writer meanwhile {rate:.0} appends/s (slowest {}), \
         without it {:.0}/s (slowest {})",
        millis(took),
        millis(slowest),
        alone.0,
        millis(alone.1)
    );
    close(log, writing).await;
    println!("On disk: {before} MB before, {} MB after; freed pages are used again", on_disk(data_dir));
}

async fn appends(log: &mailcup_service::event_log::EventLog, span: Duration) -> (f64, Duration) {
    let begun = Instant::now();
    let (mut count, mut slowest) = (0_u32, Duration::ZERO);
    while begun.elapsed() < span {
        let one = Instant::now();
        log.append_sign_in(sign_in(u64::from(count % 100)), None).await.expect("appended");
        slowest = slowest.max(one.elapsed());
        count += 1;
    }
    (f64::from(count) / begun.elapsed().as_secs_f64(), slowest)
}
