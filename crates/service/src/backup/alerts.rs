//! What about backups wants a person's eye.

use jiff::{SignedDuration, Timestamp};
use mailcup_guard::alert::{BackupConcern, Subject};
use mailcup_wire::{BackupJob, BackupOutcome, BackupWork, Code, Problem, Proven};

use super::{jobs::Newest, schedule};
use crate::event_log::LogTransaction;

/// So old is no newest snapshot: a day's, and half of another.
const STALE: SignedDuration = SignedDuration::from_hours(36);

/// A target may be so long without a newer snapshot.
const BEHIND: SignedDuration = SignedDuration::from_hours(48);

/// A service that was down has this long to make up for what it missed.
const AFTER_START: SignedDuration = SignedDuration::from_hours(1);

/// Fewer messages, or accounts, that are gone are no alert.
const FEW_MESSAGES: u64 = 50;
const FEW_ACCOUNTS: u64 = 2;

/// Growth is unusual above this many bytes, and this many times what is usual.
const LITTLE: u64 = 100_000_000;
const TIMES: u64 = 5;

/// So many snapshots say what is usual, the newest of them; fewer than the second say nothing.
const USUAL_OF: usize = 14;
const FEW_SNAPSHOTS: usize = 3;

/// A snapshot beside those before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    pub messages_before: u64,
    /// Neither moved nor flagged anew.
    pub messages_gone: u64,
    pub accounts_before: u64,
    pub accounts_gone: u64,
    /// By how much the repository grew, and by how much with earlier snapshots, the newest last.
    pub stored: u64,
    pub stored_before: Vec<u64>,
}

impl Compared {
    /// Whether more than so many percent are gone.
    pub fn is_mass_deletion(&self, percent: u32) -> bool {
        let more = |gone: u64, before: u64| gone * 100 > before * u64::from(percent);
        (self.messages_gone >= FEW_MESSAGES && more(self.messages_gone, self.messages_before))
            || (self.accounts_gone >= FEW_ACCOUNTS && more(self.accounts_gone, self.accounts_before))
    }

    pub fn is_unusual_growth(&self) -> bool {
        let mut usual: Vec<u64> = self.stored_before.iter().rev().take(USUAL_OF).copied().collect();
        if usual.len() < FEW_SNAPSHOTS {
            return false;
        }
        usual.sort_unstable();
        let median = usual[usual.len() / 2];
        self.stored > LITTLE && self.stored > TIMES * median
    }
}

/// Whether there was no snapshot for too long.
pub fn is_missed(newest: Newest, started_at: Timestamp, now: Timestamp) -> bool {
    let Some(set_up) = newest.set_up else { return false };
    let newest = newest.snapshot.map_or(set_up.0, |at| at.0.max(set_up.0));
    now.duration_since(newest) > STALE && now.duration_since(started_at) >= AFTER_START
}

/// Whether a target lacks the newest snapshot for too long.
pub fn is_behind(
    added: Timestamp,
    copied: Option<Timestamp>,
    newest: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let lacks = newest.is_some_and(|newest| copied.is_none_or(|copied| copied < newest));
    lacks && now.duration_since(copied.map_or(added, |copied| copied.max(added))) > BEHIND
}

/// Raises and settles alerts by how a job ended. `proofs` are the results of each kind of proof until now, this job's,
/// too, the newest first.
pub fn judge(
    tx: &mut LogTransaction,
    job: &BackupJob,
    compared: Option<&Compared>,
    deletion_percent: u32,
    proofs: &[BackupJob],
) {
    use BackupConcern::{Damaged, Deletion, Drill, Failed, Growth, Missed};
    let subject = Subject::Backup;
    match (job.work, &job.outcome) {
        (BackupWork::BackUp, Some(BackupOutcome::BackedUp(_))) => {
            tx.settle(&subject(Failed), "A snapshot was made.");
            tx.settle(&subject(Missed), "A snapshot was made.");
            if compared.is_some_and(|compared| compared.is_mass_deletion(deletion_percent)) {
                tx.raise(subject(Deletion), false);
            }
            if compared.is_some_and(Compared::is_unusual_growth) {
                tx.raise(subject(Growth), false);
            }
        }
        (BackupWork::BackUp, Some(BackupOutcome::Failed { problem })) if is_failure(problem) => {
            tx.raise(subject(Failed), false);
        }
        (BackupWork::Drill, Some(BackupOutcome::Drilled(report))) => {
            if report.checks.iter().all(|check| check.passed) {
                tx.settle(&subject(Drill), "A rehearsal brought everything back.");
            } else {
                tx.raise(subject(Drill), false);
            }
        }
        (BackupWork::Drill, Some(BackupOutcome::Failed { problem })) if is_failure(problem) => {
            tx.raise(subject(Drill), false);
        }
        (_, Some(BackupOutcome::Proven(proven))) if proven.fault_count > 0 => {
            tx.raise(subject(Damaged), true);
        }
        (_, Some(BackupOutcome::Proven(_))) if !is_damaged(proofs) => {
            tx.settle(&subject(Damaged), "Proven again, and whole.");
        }
        _ => {}
    }
}

/// Whether damage that was found was not proven to be mended since, by a proof that looked at the same.
pub fn is_damaged(proofs: &[BackupJob]) -> bool {
    let proven = |job: &'_ BackupJob| match &job.outcome {
        Some(BackupOutcome::Proven(proven)) => Some(proven.clone()),
        _ => None,
    };
    proofs.iter().any(|job| {
        let Some(found) = proven(job).filter(|found| found.fault_count > 0) else { return false };
        let mended = proofs.iter().filter(|later| later.work == job.work && later.begun_at > job.begun_at);
        let mended = mended.filter_map(|later| Some((later, proven(later)?)));
        !mended
            .into_iter()
            .any(|(later, clean)| clean.fault_count == 0 && covers((later, &clean), (job, &found)))
    })
}

/// Whether the one looked at all that the other did.
fn covers((later, clean): (&BackupJob, &Proven), (job, found): (&BackupJob, &Proven)) -> bool {
    match (&clean.share, &found.share) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(clean), Some(found)) => {
            // A day reads the packs whose number leaves the day's rest.
            let rests = |job: &BackupJob, part: u32, of: u32| {
                let today = schedule::day(job.begun_at.0);
                (0..i64::from(part))
                    .map(move |ago| (today - ago).rem_euclid(i64::from(of.max(1))))
                    .collect::<Vec<_>>()
            };
            let looked = rests(later, clean.part, clean.of);
            clean.of == found.of && rests(job, found.part, found.of).iter().all(|rest| looked.contains(rest))
        }
    }
}

/// Not so where other work was under way, or there was nothing to work on yet.
fn is_failure(problem: &Problem) -> bool {
    !matches!(problem.code, Code::Conflict | Code::BadRequest)
}

#[cfg(test)]
mod tests {
    use mailcup_wire::{BackupJobId, BackupProgress, Bytes, DataShare, Time};

    use super::*;

    fn gone(messages: (u64, u64), accounts: (u64, u64)) -> Compared {
        Compared {
            messages_before: messages.1,
            messages_gone: messages.0,
            accounts_before: accounts.1,
            accounts_gone: accounts.0,
            ..Compared::default()
        }
    }

    #[test]
    fn much_that_is_gone_is_told_and_daily_tidying_is_not() {
        for (compared, is_told) in [
            (gone((201, 1000), (0, 10)), true),
            (gone((200, 1000), (0, 10)), false),
            (gone((49, 60), (0, 10)), false),
            (gone((50, 60), (0, 10)), true),
            (gone((0, 1000), (3, 10)), true),
            (gone((0, 1000), (2, 10)), false),
            (gone((0, 1000), (1, 2)), false),
            (gone((0, 0), (0, 0)), false),
        ] {
            assert_eq!(compared.is_mass_deletion(20), is_told, "{compared:?}");
        }
    }

    #[test]
    fn growth_is_measured_by_what_is_usual() {
        let mega = 1_000_000;
        let grown = |stored, before: &[u64]| {
            let stored_before = before.iter().map(|bytes| bytes * mega).collect();
            Compared { stored: stored * mega, stored_before, ..Compared::default() }.is_unusual_growth()
        };
        assert!(grown(501, &[9000, 100, 90, 100, 110]));
        assert!(!grown(500, &[9000, 100, 90, 100, 110]));
        assert!(!grown(99, &[1, 1, 1, 1]), "too little to matter");
        assert!(!grown(5000, &[1, 1]), "too few to say what is usual");
        let mut long_ago = vec![9000; 30];
        long_ago.extend([1; 14]);
        assert!(grown(101, &long_ago));
    }

    #[test]
    fn a_snapshot_is_missed_after_a_day_and_a_half_unless_the_service_just_came_back() {
        let at = |hours: i64| Time::from_millis(hours * 3_600_000);
        let newest = |snapshot: Option<i64>| Newest { set_up: Some(at(0)), snapshot: snapshot.map(at) };
        assert!(!is_missed(Newest::default(), at(0).0, at(999).0), "not set up");
        assert!(!is_missed(newest(Some(10)), at(0).0, at(46).0));
        assert!(is_missed(newest(Some(10)), at(0).0, at(47).0));
        assert!(
            !is_missed(newest(Some(10)), at(99).0, at(99).0)
                && is_missed(newest(Some(10)), at(99).0, at(100).0)
        );
        assert!(!is_missed(newest(None), at(0).0, at(36).0) && is_missed(newest(None), at(0).0, at(37).0));
    }

    #[test]
    fn a_target_is_behind_once_it_lacks_a_newer_snapshot_for_two_days() {
        let at = |hours: i64| Time::from_millis(hours * 3_600_000).0;
        let behind = |copied: Option<i64>, newest: Option<i64>, now| {
            is_behind(at(10), copied.map(at), newest.map(at), at(now))
        };
        assert!(!behind(None, None, 999), "there is nothing to copy");
        assert!(!behind(None, Some(5), 58) && behind(None, Some(5), 59));
        assert!(!behind(Some(20), Some(19), 999), "it has all there is");
        assert!(!behind(Some(20), Some(21), 68) && behind(Some(20), Some(21), 69));
    }

    fn proof(work: BackupWork, day: i64, share: Option<u32>, fault_count: u32) -> BackupJob {
        let share = share.map(|part| DataShare { part, of: 7 });
        let proven =
            Proven { files: 0, bytes: Bytes(0), snapshots: 0, share, faults: Vec::new(), fault_count };
        BackupJob {
            id: BackupJobId(String::new()),
            work,
            begun_at: Time::from_millis(day * 86_400_000),
            by: None,
            progress: BackupProgress::default(),
            ended_at: None,
            outcome: Some(BackupOutcome::Proven(proven)),
        }
    }

    #[test]
    fn damage_is_mended_once_the_same_was_looked_at_again() {
        use BackupWork::{ProveData, ProveNames};
        let data = |day, share, faults| proof(ProveData, day, share, faults);
        assert!(!is_damaged(&[]) && !is_damaged(&[data(1, Some(1), 0)]));
        assert!(is_damaged(&[data(1, Some(1), 2)]));
        assert!(is_damaged(&[data(2, Some(1), 0), data(1, Some(1), 2)]), "another day's share");
        assert!(!is_damaged(&[data(8, Some(1), 0), data(1, Some(1), 2)]), "the same day of the week");
        assert!(!is_damaged(&[data(9, Some(2), 0), data(1, Some(1), 2)]), "two days' shares");
        assert!(!is_damaged(&[data(2, None, 0), data(1, Some(1), 2)]));
        assert!(is_damaged(&[data(8, Some(1), 0), data(1, None, 2)]));
        assert!(is_damaged(&[proof(ProveNames, 2, None, 0), data(1, None, 2)]), "another kind of proof");
    }
}
