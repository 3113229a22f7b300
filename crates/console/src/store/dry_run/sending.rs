//! Submissions under two sets of limits, in order of time.

use std::ops::ControlFlow;

use mailcup_guard::{
    limit::{KnownNetworks, LimitAction, LimitSet},
    limiter::{Limiter, Reservation, Sender},
};
use mailcup_wire::{EventKind, OutcomeFilter, Time, desktop::SubmissionEffect};
use rusqlite::Connection;

use super::{
    Course, Watch,
    result::{self, small},
    sign_ins::{count, only},
    tally::{Refused, Tally},
};
use crate::store::{
    Result,
    events::classes,
    index::{Cause, Index, Indexed},
    sieve::Sieve,
};

/// The longest window of a limit: what was sent before the time that is looked at still counts in it.
const BEFORE_MILLIS: i64 = 86_400_000;
const LOOK_UP_EVERY: usize = 1_024;

/// Limits and known networks before a change and after it.
#[derive(Debug)]
pub struct SendingReplay {
    pub before: (LimitSet, KnownNetworks),
    pub after: (LimitSet, KnownNetworks),
}

/// A stored submission, by the numbers of the index.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub seq: i64,
    pub at: i64,
    pub login: u32,
    pub address: u32,
    pub recipients: u32,
    pub end: End,
}

/// How a submission ended, as far as limits ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Accepted,
    /// By a limit.
    Stopped,
    /// By something else, or abandoned: it counts nowhere.
    Other,
}

/// A message as a whole is too much, or goes out as a whole: at which of its recipients a client would have been
/// stopped is not stored.
pub fn replay_submissions(
    indexed: &Indexed,
    reader: &Connection,
    replay: &SendingReplay,
    course: Course,
    watch: &Watch,
) -> Result<SubmissionEffect> {
    let early = Course { from: course.from.saturating_sub(BEFORE_MILLIS), ..course };
    let sent = indexed.with(reader, |index| sent(reader, index, early))?;
    watch.expect(small(sent.len()));
    let mut tried = Tried::default();
    let (mut before, mut after) = (Side::new(&replay.before, &sent), Side::new(&replay.after, &sent));
    for piece in sent.chunks(LOOK_UP_EVERY) {
        if watch.is_cancelled() {
            break;
        }
        indexed.look(|index| {
            for message in piece {
                let (now, then) = (before.stop(index, message), after.stop(index, message));
                if message.at >= course.from {
                    tried.count(index, message, now, then, &course);
                }
            }
        })?;
        watch.add(small(piece.len()));
    }
    indexed.with(reader, |index| tried.effect(reader, index, &course))
}

/// Submissions of accounts within the time, in its order.
pub fn sent(reader: &Connection, index: &Index, course: Course) -> Result<Vec<Sent>> {
    let sieve =
        Sieve::new(reader, index, &only(EventKind::Submission, course), Time::from_millis(course.until))?;
    let classes = classes();
    let by_limit: Vec<bool> = index
        .explanations
        .iter()
        .map(|explanation| {
            let causes = explanation.as_ref().map(|it| it.causes.as_slice()).unwrap_or_default();
            causes.iter().any(|cause| matches!(cause, Cause::Limit { would: false, .. }))
        })
        .collect();
    let mut sent = Vec::new();
    index.walk(&sieve, i64::MIN, i64::MAX, |row| {
        let outcome = classes.get(usize::from(row.class)).copied().flatten().and_then(|class| class.outcome);
        let stopped = by_limit.get(row.explanation as usize).copied().unwrap_or_default();
        let end = match outcome {
            Some(OutcomeFilter::Allowed) => End::Accepted,
            Some(OutcomeFilter::Refused) if stopped => End::Stopped,
            _ => End::Other,
        };
        if row.login > 0 && end != End::Other {
            let (seq, at, login, address) = (row.seq, row.at, row.login, row.address);
            sent.push(Sent { seq, at, login, address, recipients: 0, end });
        }
        ControlFlow::Continue(())
    });
    add_recipients(reader, &mut sent)?;
    sent.sort_by_key(|message| (message.at, message.seq));
    Ok(sent)
}

/// Of submissions from the newest number to the oldest.
fn add_recipients(reader: &Connection, sent: &mut [Sent]) -> Result<()> {
    let (Some(newest), Some(oldest)) = (sent.first(), sent.last()) else { return Ok(()) };
    let mut statement = reader
        .prepare_cached("SELECT seq, recipients FROM submissions WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq")?;
    let mut rows = statement.query([oldest.seq, newest.seq])?;
    let mut waiting = sent.iter_mut().rev().peekable();
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        while waiting.next_if(|message| message.seq < seq).is_some() {}
        if let Some(message) = waiting.next_if(|message| message.seq == seq) {
            message.recipients = row.get(1)?;
        }
    }
    Ok(())
}

/// One side of the replay.
struct Side<'a> {
    set: &'a LimitSet,
    known: &'a KnownNetworks,
    limiter: Limiter,
}

impl<'a> Side<'a> {
    fn new((set, known): &'a (LimitSet, KnownNetworks), sent: &[Sent]) -> Self {
        let began = Time::from_millis(sent.first().map_or(0, |message| message.at)).0;
        Self { set, known, limiter: Limiter::new(began) }
    }

    /// What becomes of a message; none: it goes out, and counts.
    fn stop(&mut self, index: &Index, message: &Sent) -> Option<LimitAction> {
        if self.set.is_empty() {
            return None;
        }
        let sender = Sender {
            login: index.logins.get(message.login as usize),
            address: super::sign_ins::address(index, message.address),
        };
        let mut reservation = Reservation::default();
        let answer = self.limiter.reserve(
            self.set,
            self.known,
            &sender,
            message.recipients,
            &mut reservation,
            Time::from_millis(message.at).0,
        );
        answer.stopped()
    }
}

#[derive(Default)]
struct Tried {
    looked_at: u32,
    rejected: u32,
    deferred: u32,
    held: u32,
    recipients: u32,
    /// Messages by login.
    messages: Vec<u32>,
    tally: Tally,
}

impl Tried {
    fn count(
        &mut self,
        index: &Index,
        message: &Sent,
        before: Option<LimitAction>,
        after: Option<LimitAction>,
        course: &Course,
    ) {
        self.looked_at += 1;
        if message.end == End::Accepted {
            count(&mut self.messages, message.login);
        }
        match (before, after, message.end) {
            (None, Some(action), End::Accepted) => {
                match action {
                    LimitAction::Reject => self.rejected += 1,
                    LimitAction::Defer => self.deferred += 1,
                    LimitAction::Hold => self.held += 1,
                }
                self.recipients = self.recipients.saturating_add(message.recipients);
                let network = index.network_of.get(message.address as usize).copied().unwrap_or_default();
                let (seq, at, login) = (message.seq, message.at, message.login);
                self.tally.refuse(course, &Refused { seq, at, login, network });
            }
            (Some(_), None, End::Stopped) => self.tally.let_in(course, message.at),
            _ => {}
        }
    }

    fn effect(self, reader: &Connection, index: &Index, course: &Course) -> Result<SubmissionEffect> {
        let of = |login: u32| self.messages.get(login as usize).copied().unwrap_or_default();
        let named = result::named(reader, index, &self.tally, course, of)?;
        Ok(SubmissionEffect {
            looked_at: self.looked_at,
            rejected: self.rejected,
            deferred: self.deferred,
            held: self.held,
            recipients: self.recipients,
            let_out: self.tally.let_in,
            accounts: named.accounts,
            accounts_total: named.accounts_total,
            steps: named.steps,
            step_seconds: course.step_seconds(),
            samples: named.samples,
        })
    }
}
