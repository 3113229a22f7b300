//! What runs again and again: roll-ups and retention, counts of mail servers, an eye on the clock.
//!
//! Blocks need no job: their expiry is judged at every decision.

use std::{fmt, sync::Arc, time::Duration};

use jiff::SignedDuration;
use mailcup_wire::{EventBody, SystemFact, Time};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    app::App,
    event_log::EventLog,
    store::{StoreError, event_index, rollups},
    web_sign_in,
};

const EVERY: Duration = Duration::from_mins(1);

/// A difference between the clock and the time that passed, from which it counts as a jump.
const JUMP: SignedDuration = SignedDuration::from_secs(5);

/// Events rolled up in one transaction: many, since many events share the pages that this writes to.
const ROLL_UP: u32 = 5000;

/// Events indexed in one transaction: few enough that appends hardly wait.
const INDEX: u32 = 2000;

/// Indexing that takes longer than this tells how far it is, as often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Events deleted in one transaction, so that appends hardly wait.
const EXPIRE: u32 = 1000;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// Runs all jobs until the service stops.
pub async fn run(app: Arc<App>) {
    let mut tick = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clock_watch = ClockWatch::begin(app.clock.now(), std::time::Instant::now());
    let mut day = day_of(app.clock.now());
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Some(jump) = clock_watch.check(app.clock.now(), std::time::Instant::now()) {
            let seconds = i32::try_from(jump.as_secs()).unwrap_or(i32::MAX);
            tracing::warn!(seconds, "the clock jumped");
            report("clock", app.log.append(&EventBody::System(SystemFact::ClockJumped { seconds })).await);
        }
        report("mail servers", app.mail_servers.flush(app.log.store()).await);
        report("index", app.stop.run_until_cancelled(index(&app.log)).await.unwrap_or(Ok(())));
        report("web sessions", web_sign_in::forget_expired(&app).await);
        report("roll-up", roll_up(&app.log).await);
        let places = Arc::clone(&app.places);
        report("places", tokio::task::spawn_blocking(move || places.renew()).await);
        if std::mem::replace(&mut day, day_of(app.clock.now())) != day {
            app.risk.expire(app.clock.now());
        }
        let days = i64::from(app.settings.retention.load().event_days);
        let cutoff = Time::from_millis(app.clock.now().as_millis() - days * MILLIS_PER_DAY);
        report("retention", expire(&app.log, cutoff).await);
    }
}

/// Indexes all events, so that they are found by account, address and class.
pub async fn index(log: &EventLog) -> Result<(), StoreError> {
    let mut told = Instant::now();
    loop {
        let mut tx = log.store().write().await?;
        let Some(done) = event_index::index(&mut tx, INDEX).await? else { return Ok(()) };
        tx.commit().await?;
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            tracing::info!(
                "indexed {done} of {} events; pages by a filter are slower until the end",
                log.head_seq()
            );
        }
    }
}

/// Counts all events into their days.
pub async fn roll_up(log: &EventLog) -> Result<(), StoreError> {
    loop {
        let mut tx = log.store().write().await?;
        let counted = rollups::roll_up(&mut tx, ROLL_UP).await?;
        if counted == 0 {
            return Ok(());
        }
        tx.commit().await?;
    }
}

/// Deletes events from before `cutoff`, as far as they are rolled up, and records how many. Of what the service
/// recorded only a run of the oldest events goes, so that the numbers of those kept have no gap but where imported
/// events, which are older than their neighbours, went before. Rests as long as it worked, so that half of
/// the time is left to those who append.
pub async fn expire(log: &EventLog, cutoff: Time) -> Result<u32, StoreError> {
    let mut count = 0u32;
    loop {
        let mut tx = log.store().write().await?;
        let begun = std::time::Instant::now();
        let mut expired = rollups::expire(&mut tx, cutoff, EXPIRE).await?;
        if expired == 0 {
            expired = rollups::expire_imported(&mut tx, cutoff, EXPIRE).await?;
        }
        if expired == 0 {
            break;
        }
        tx.commit().await?;
        count = count.saturating_add(expired);
        tokio::time::sleep(begun.elapsed()).await;
    }
    if count > 0 {
        log.append(&EventBody::System(SystemFact::EventsExpired { count })).await?;
    }
    Ok(count)
}

fn day_of(now: Time) -> i64 {
    now.as_millis().div_euclid(MILLIS_PER_DAY)
}

fn report<T, E: fmt::Display>(job: &str, result: Result<T, E>) {
    if let Err(error) = result {
        tracing::error!(job, %error, "a job failed; it will be tried again");
    }
}

/// Compares the clock with the time that passes.
#[derive(Debug)]
struct ClockWatch {
    clock: Time,
    passed: std::time::Instant,
}

impl ClockWatch {
    fn begin(clock: Time, passed: std::time::Instant) -> Self {
        Self { clock, passed }
    }

    /// By how much the clock jumped since the last look, forward if positive.
    fn check(&mut self, clock: Time, passed: std::time::Instant) -> Option<SignedDuration> {
        let by_clock = clock.0.duration_since(self.clock.0);
        let by_passing = SignedDuration::try_from(passed.duration_since(self.passed)).unwrap_or_default();
        *self = Self::begin(clock, passed);
        let jump = by_clock - by_passing;
        (jump.abs() >= JUMP).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_noticed_once() {
        let begin = std::time::Instant::now();
        let at = |seconds: i64| Time::from_millis(1_000_000_000 + seconds * 1000);
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut watch = ClockWatch::begin(at(0), begin);
        assert_eq!(watch.check(at(60), after(60)), None);
        assert_eq!(watch.check(at(20), after(120)), Some(SignedDuration::from_secs(-100)));
        assert_eq!(watch.check(at(81), after(180)), None);
        assert_eq!(watch.check(at(3741), after(240)), Some(SignedDuration::from_hours(1)));
    }
}
