//! What a change of the policy would have done to stored sign-ins and submissions. Rows are replayed piece by piece,
//! so that nobody waits for the index meanwhile.

mod result;
mod sending;
mod sign_ins;
mod tally;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use mailcup_guard::replay::Replay;
use mailcup_wire::{
    Time,
    desktop::{DryRun, Span},
};

pub use self::sending::SendingReplay;
pub(super) use self::{
    result::{places_of, small},
    sending::{End, Sent, sent},
    sign_ins::{address, only},
};
use self::{sending::replay_submissions, sign_ins::replay_sign_ins};
use super::{Readers, Result, sieve::limits};

const MOST_STEPS: i64 = 119;
const DAY_SECONDS: i64 = 86_400;
const STEPS_SECONDS: [i64; 13] =
    [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, DAY_SECONDS];

/// What is to be replayed; none where the change does not touch it.
pub struct Question {
    pub sign_ins: Option<Replay>,
    pub submissions: Option<SendingReplay>,
    pub span: Span,
    pub now: Time,
}

/// How far a dry run is, and whether it is still wanted.
#[derive(Debug, Default)]
pub struct Watch {
    done: AtomicU32,
    total: AtomicU32,
    cancelled: AtomicBool,
}

/// The time that is replayed, and how it is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// In milliseconds.
    from: i64,
    /// Exclusive.
    until: i64,
    step: i64,
}

impl Watch {
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Rows done, and all of them.
    pub fn progress(&self) -> (u32, u32) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    fn expect(&self, rows: u32) {
        self.total.fetch_add(rows, Ordering::Relaxed);
    }

    fn add(&self, rows: u32) {
        self.done.fetch_add(rows, Ordering::Relaxed);
    }
}

impl Readers {
    /// Replays stored events; none if it was cancelled.
    pub async fn dry_run(&self, question: Question, watch: Arc<Watch>) -> Result<Option<DryRun>> {
        let indexed = Arc::clone(&self.indexed);
        self.run(move |reader| {
            let began = Instant::now();
            let copy_from = indexed.with(reader, |index| Ok(index.earliest()))?;
            let course = Course::new(&question, copy_from);
            let sign_ins = replay_sign_ins(&indexed, reader, question.sign_ins.as_ref(), course, &watch)?;
            let submissions = match &question.submissions {
                Some(replay) => Some(replay_submissions(&indexed, reader, replay, course, &watch)?),
                None => None,
            };
            if watch.is_cancelled() {
                return Ok(None);
            }
            Ok(Some(DryRun {
                from: Time::from_millis(course.from),
                until: Time::from_millis(course.until),
                copy_from: copy_from.map(Time::from_millis),
                sign_ins,
                submissions,
                took_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            }))
        })
        .await
    }
}

impl Course {
    fn new(question: &Question, copy_from: Option<i64>) -> Self {
        let (from, until) = limits(Some(&question.span), question.now);
        let until = until.min(question.now.as_millis().saturating_add(1));
        let from = if from == i64::MIN { copy_from.unwrap_or(until).min(until) } else { from.min(until) };
        let span = until.saturating_sub(from);
        let wanted = span.div_euclid(MOST_STEPS * 1_000) + 1;
        let days = wanted.div_euclid(DAY_SECONDS) + 1;
        let step = STEPS_SECONDS.into_iter().find(|step| *step >= wanted).unwrap_or(days * DAY_SECONDS);
        Self { from, until, step: step * 1_000 }
    }

    /// A time that is not divided.
    pub(super) fn between(from: i64, until: i64) -> Self {
        Self { from, until, step: DAY_SECONDS * 1_000 }
    }

    /// Where the first step begins.
    fn begin(&self) -> i64 {
        self.from.div_euclid(self.step) * self.step
    }

    fn step_of(&self, at: i64) -> usize {
        usize::try_from((at - self.begin()).div_euclid(self.step)).unwrap_or_default()
    }

    fn steps(&self) -> usize {
        self.step_of(self.until.saturating_sub(1).max(self.from)) + 1
    }

    fn step_seconds(&self) -> u32 {
        u32::try_from(self.step / 1_000).unwrap_or(u32::MAX)
    }
}
