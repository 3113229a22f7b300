//! When backups, proofs and rehearsals are made by themselves.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil, tz::TimeZone};
use mailcup_guard::alert::{BackupConcern, Subject};
use mailcup_wire::{BackupOutcome, BackupWork, NewBackupJob, Time};

use super::{alerts, copies, jobs};
use crate::{
    app::App,
    audit::Actor,
    config::BackupConfig,
    store::{StoreError, backup_jobs},
};

/// A day's backup begins up to so much later than it is due, so that servers that share a disk don't all begin at once.
pub const JITTER_MILLIS: i64 = 30 * 60 * 1000;

/// A backup that was missed isn't made up for before the service has run for so long.
const CATCH_UP: SignedDuration = SignedDuration::from_mins(5);

/// One that failed is tried again after so long.
const RETRY: SignedDuration = SignedDuration::from_hours(1);

/// What the repository holds is looked at as often: by hand, too, snapshots are made and backups set up.
const LOOK: Duration = Duration::from_mins(5);

const NAMES_DAYS: u32 = 7;

/// What is proven after each backup.
const DAILY: [NewBackupJob; 2] = [NewBackupJob::ProveStructure, NewBackupJob::ProveData { all: false }];

/// When the day's backup is due.
#[derive(Debug, Clone)]
pub struct Plan {
    pub time: civil::Time,
    pub zone: TimeZone,
    /// By how much later it begins.
    pub jitter: SignedDuration,
}

/// What is known of backups until now.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// Of the service.
    pub started_at: Timestamp,
    /// The newest snapshot.
    pub newest: Option<Timestamp>,
    /// When the schedule last began a backup, whatever came of it.
    pub tried: Option<Timestamp>,
}

/// When the next backup begins: not before now only if it isn't overdue.
pub fn next(plan: &Plan, past: Past, now: Timestamp) -> Timestamp {
    let due = last_due(plan, now);
    if past.newest.is_some_and(|newest| newest >= due) {
        return next_due(plan, now) + plan.jitter;
    }
    let retry = past.tried.filter(|tried| *tried >= due).map(|tried| tried + RETRY);
    let earliest = (due + plan.jitter).max(past.started_at + CATCH_UP);
    retry.map_or(earliest, |retry| earliest.max(retry))
}

/// A day of the reading of all data.
pub fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// The days whose shares are to be read today, so that none is passed over when the service didn't run.
pub fn days_due(last: Option<i64>, today: i64, days: u32) -> Vec<i64> {
    let first = last.map_or(today, |last| (last + 1).min(today));
    (first.max(today - i64::from(days) + 1)..=today).collect()
}

/// Whether something that is done every so many days is due; half a day early, since no day's backup takes as long as
/// another's.
fn is_due(last: Option<Timestamp>, now: Timestamp, days: u32) -> bool {
    let every = SignedDuration::from_hours(24 * i64::from(days) - 12);
    days > 0 && last.is_none_or(|last| now.duration_since(last) >= every)
}

fn last_due(plan: &Plan, now: Timestamp) -> Timestamp {
    let today = now.to_zoned_datetime(plan.zone.clone()).date();
    [today, before(today)].into_iter().map(|day| due_on(plan, day)).find(|due| *due <= now).unwrap_or(now)
}

fn next_due(plan: &Plan, now: Timestamp) -> Timestamp {
    let today = now.to_zoned_datetime(plan.zone.clone()).date();
    let tomorrow = today.checked_add(1.day()).unwrap_or(today);
    [today, tomorrow].into_iter().map(|day| due_on(plan, day)).find(|due| *due > now).unwrap_or(now)
}

fn before(day: civil::Date) -> civil::Date {
    day.checked_sub(1.day()).unwrap_or(day)
}

/// A time that a day lacks, as summer time begins, is the same while later.
fn due_on(plan: &Plan, day: civil::Date) -> Timestamp {
    let due = day.to_datetime(plan.time).to_zoned_datetime(plan.zone.clone());
    due.map_or(Timestamp::MAX, |due| due.timestamp())
}

/// Makes backups when they are due, until the service stops.
pub async fn run(app: Arc<App>) {
    let Some(config) = app.config.backup.clone() else { return };
    loop {
        let ended = app.backups.ended();
        look(&app, &config).await;
        copy_what_is_due(&app).await;
        let next = next_at(&app, &config);
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => continue,
            // There may be a first snapshot now, or a new one to copy.
            () = ended => continue,
            () = reaches(&app, next) => {}
        }
        // By hand, meanwhile?
        look(&app, &config).await;
        if next_at(&app, &config).is_none_or(|next| next > app.clock.now()) {
            continue;
        }
        if app.stop.run_until_cancelled(app.backups.freed()).await.is_some() {
            app.backups.tries(app.clock.now().0);
            round(&app, &config).await;
        }
    }
}

/// When the next backup begins by itself; none while there is none to be made.
pub fn next_at(app: &App, config: &BackupConfig) -> Option<Time> {
    let tried = app.backups.tried();
    let newest = app.backups.newest();
    newest.set_up?;
    let plan = Plan { time: config.time, zone: TimeZone::system(), jitter: app.backups.jitter };
    let past = Past { started_at: app.started_at.0, newest: newest.snapshot.map(|at| at.0), tried };
    Some(Time::from(next(&plan, past, app.clock.now().0)))
}

async fn reaches(app: &App, at: Option<Time>) {
    match at {
        Some(at) => app.clock.reaches(at).await,
        None => std::future::pending().await,
    }
}

async fn look(app: &Arc<App>, config: &BackupConfig) {
    let (looking, config) = (Arc::clone(app), config.clone());
    let look = move || looking.backups.look(&looking.config.data_dir, &config);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(look).await {
        tracing::warn!(%error, "the snapshots can't be listed");
    }
    let missed = alerts::is_missed(app.backups.newest(), app.started_at.0, app.clock.now().0);
    tell(app, BackupConcern::Missed, missed, "There is a recent snapshot.").await;
    match copies::targets(app).await {
        Ok(targets) => {
            let is_behind = targets.iter().any(|target| target.overdue);
            tell(app, BackupConcern::Copy, is_behind, "Each target has a copy of the newest snapshot.").await;
        }
        Err(error) => tracing::error!(%error, "how copies of the backups stand is not known"),
    }
}

/// Raises what stands, and settles what doesn't, once.
async fn tell(app: &App, concern: BackupConcern, stands: bool, why_settled: &str) {
    if !app.backups.is_news(concern, stands) {
        return;
    }
    let subject = Subject::Backup(concern);
    let told = async {
        let mut tx = app.log.begin().await?;
        if stands {
            tx.raise(subject, false);
        } else if !tx.settle(&subject, why_settled) {
            return Ok(());
        }
        tx.commit().await.map(|_| ())
    };
    if let Err::<(), StoreError>(error) = told.await {
        tracing::error!(%error, ?concern, "what stands about backups, or no longer does, was not recorded");
    }
}

/// Begins a copy if a target lacks the newest snapshot, unless it was tried a short while ago. Its end is seen at the
/// next look.
async fn copy_what_is_due(app: &Arc<App>) {
    let newest = app.backups.newest().snapshot;
    let now = app.clock.now().0;
    let is_due = copies::targets(app).await.is_ok_and(|targets| {
        targets.iter().any(|target| copies::is_due(target, newest, app.started_at, now))
    });
    if !is_due || app.backups.running().is_some() {
        return;
    }
    if let Err(problem) = jobs::begin(app, NewBackupJob::Copy { target: None }, Actor::default()).await {
        tracing::warn!("a copy that is due did not begin: {}", problem.problem().message);
    }
}

/// The day's backup, and what is due to be proven after it.
async fn round(app: &Arc<App>, config: &BackupConfig) {
    if !matches!(work(app, NewBackupJob::BackUp).await, Some(BackupOutcome::BackedUp(_))) {
        return;
    }
    if copies::targets(app).await.is_ok_and(|targets| !targets.is_empty())
        && app.stop.run_until_cancelled(app.backups.freed()).await.is_some()
    {
        work(app, NewBackupJob::Copy { target: None }).await;
    }
    let due = match due_after(app, config).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(%error, "what was proven last isn't known; the daily proofs are made");
            DAILY.to_vec()
        }
    };
    for new in due {
        if app.stop.run_until_cancelled(app.backups.freed()).await.is_none() {
            return;
        }
        work(app, new).await;
    }
}

async fn due_after(app: &App, config: &BackupConfig) -> Result<Vec<NewBackupJob>, StoreError> {
    let mut connection = app.store.read().acquire().await?;
    let mut due = DAILY.to_vec();
    let rare = [
        (NewBackupJob::ProveNames, BackupWork::ProveNames, NAMES_DAYS),
        (NewBackupJob::Drill, BackupWork::Drill, config.drill_days),
    ];
    for (new, work, days) in rare {
        let last = backup_jobs::results(&mut connection, work, 1).await?;
        if is_due(last.first().map(|job| job.begun_at.0), app.clock.now().0, days) {
            due.push(new);
        }
    }
    Ok(due)
}

/// Does it to its end; none if it couldn't begin.
async fn work(app: &Arc<App>, new: NewBackupJob) -> Option<BackupOutcome> {
    match jobs::begin(app, new, Actor::default()).await {
        Ok(begun) => begun.ended.await.ok(),
        Err(problem) => {
            tracing::warn!("a backup by schedule did not begin: {}", problem.problem().message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plan(jitter: i64) -> Plan {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Plan { time: civil::time(2, 30, 0, 0), zone, jitter: SignedDuration::from_mins(jitter) }
    }

    fn past(started: &str, newest: Option<&str>, tried: Option<&str>) -> Past {
        Past { started_at: at(started), newest: newest.map(at), tried: tried.map(at) }
    }

    #[test]
    fn a_backup_is_made_each_day_at_its_time_and_a_little_later() {
        let running = past("2026-11-01T00:00:00Z", Some("2026-11-24T01:45:00Z"), None);
        // Made today: tomorrow. Half past two in Berlin is half past one.
        assert_eq!(next(&plan(17), running, at("2026-11-24T09:00:00Z")), at("2026-11-25T01:47:00Z"));
        assert_eq!(next(&plan(17), running, at("2026-11-25T01:29:59Z")), at("2026-11-25T01:47:00Z"));
        // Due, and not before the jitter is over.
        assert_eq!(next(&plan(17), running, at("2026-11-25T01:31:00Z")), at("2026-11-25T01:47:00Z"));
        assert_eq!(next(&plan(17), running, at("2026-11-25T05:00:00Z")), at("2026-11-25T01:47:00Z"));
        // One that was made by hand before it was due counts for the day before.
        let by_hand = Past { newest: Some(at("2026-11-25T01:00:00Z")), ..running };
        assert_eq!(next(&plan(0), by_hand, at("2026-11-25T02:00:00Z")), at("2026-11-25T01:30:00Z"));
    }

    #[test]
    fn a_day_without_a_backup_is_made_up_for_some_minutes_after_a_start() {
        let asleep = past("2026-11-25T07:00:00Z", Some("2026-11-23T01:45:00Z"), None);
        assert_eq!(next(&plan(3), asleep, at("2026-11-25T07:00:01Z")), at("2026-11-25T07:05:00Z"));
        // Also the first of all.
        let new = past("2026-11-25T07:00:00Z", None, None);
        assert_eq!(next(&plan(3), new, at("2026-11-25T07:00:01Z")), at("2026-11-25T07:05:00Z"));
        // Started right before it is due: at its time.
        let early = past("2026-11-25T01:28:00Z", Some("2026-11-24T01:45:00Z"), None);
        assert_eq!(next(&plan(20), early, at("2026-11-25T01:28:10Z")), at("2026-11-25T01:50:00Z"));
    }

    #[test]
    fn one_that_failed_is_tried_again_after_an_hour_and_the_next_day_at_its_time() {
        let failed = past("2026-11-01T00:00:00Z", Some("2026-11-24T01:45:00Z"), Some("2026-11-25T01:35:00Z"));
        assert_eq!(next(&plan(5), failed, at("2026-11-25T01:36:00Z")), at("2026-11-25T02:35:00Z"));
        assert_eq!(next(&plan(5), failed, at("2026-11-26T01:31:00Z")), at("2026-11-26T01:35:00Z"));
    }

    #[test]
    fn summer_time_neither_loses_nor_doubles_a_day() {
        // 2:30 doesn't exist on 28 March 2027, and happens twice on 31 October.
        for (day, first, last) in [
            ("28 March", "2027-03-27T12:00:00Z", "2027-03-30T12:00:00Z"),
            ("31 October", "2027-10-30T12:00:00Z", "2027-11-02T12:00:00Z"),
        ] {
            let (mut now, mut made) = (at(first), Vec::new());
            let mut known = past("2027-01-01T00:00:00Z", Some(first), None);
            while now < at(last) {
                if next(&plan(0), known, now) <= now {
                    made.push(now);
                    known.newest = Some(now);
                }
                now += SignedDuration::from_mins(10);
            }
            assert_eq!(made.len(), 3, "{day}: {made:?}");
        }
    }

    #[test]
    fn all_data_are_read_in_time_though_days_are_missed() {
        assert_eq!(days_due(None, 100, 7), [100]);
        assert_eq!(days_due(Some(99), 100, 7), [100]);
        assert_eq!(days_due(Some(100), 100, 7), [100], "again, if it is asked for");
        assert_eq!(days_due(Some(97), 100, 7), [98, 99, 100]);
        assert_eq!(days_due(Some(1), 100, 7), (94..=100).collect::<Vec<_>>());
        assert!(is_due(Some(at("2026-11-18T03:10:00Z")), at("2026-11-25T03:00:00Z"), 7));
        assert!(!is_due(Some(at("2026-11-19T03:10:00Z")), at("2026-11-25T03:00:00Z"), 7));
        assert!(is_due(None, at("2026-11-25T03:00:00Z"), 7) && !is_due(None, at("2026-11-25T03:00:00Z"), 0));
    }
}
