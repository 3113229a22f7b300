//! What is sent, counted: guard's limiter, and the journal that lets its counts survive a crash.
//!
//! One lock holds both, so that the journal has what was admitted in the order in which it was, and before anybody
//! is told.

pub mod hit;
mod journal;

use std::{
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use mailcup_guard::{
    decision::{self, Attempt, Decision, Policy, SubmissionVerdict},
    limiter::{GivenBack, Limiter, Record, Reservation},
};

use self::journal::Journal;

/// Counts of all that is sent under limits.
#[derive(Debug)]
pub struct Sending(Mutex<State>);

#[derive(Debug)]
struct State {
    limiter: Limiter,
    journal: Journal,
    /// Since when nothing can be written down, so that it is said once and not at each message.
    mute: bool,
}

/// The folder of the journal within the data folder.
const FOLDER: &str = "sending";

impl Sending {
    /// Counts again what the journal in `data_dir` says.
    pub fn open(data_dir: &Path, now: Timestamp) -> io::Result<Self> {
        let (mut journal, records) = Journal::open(&data_dir.join(FOLDER))?;
        let mut limiter = Limiter::restore(records, now);
        if let Err(error) = journal.rewrite(&limiter.records(now)) {
            tracing::warn!(%error, "the journal of sending limits stays as long as it is");
        }
        Ok(Self(Mutex::new(State { limiter, journal, mute: false })))
    }

    /// Decides on so many recipients more of a message, and reserves them once that is written down. What can't be
    /// written down is deferred: after a crash it would not have counted.
    pub fn reserve(
        &self,
        attempt: &Attempt<'_>,
        policy: &Policy,
        recipients: u32,
        message: &mut Reservation,
        now: Timestamp,
    ) -> Decision<SubmissionVerdict> {
        if attempt.login.is_none_or(|login| policy.limits.applying(login).len() == 0) {
            return decision::submission(attempt, policy, now);
        }
        let mut state = self.lock();
        let State { limiter, journal, mute } = &mut *state;
        let (decision, leases) = decision::sending(attempt, policy, recipients, message, limiter, now);
        if leases.is_empty() {
            return decision;
        }
        match journal.append(leases.into_iter().map(Record::Lease)) {
            Ok(()) => {
                if std::mem::take(mute) {
                    tracing::info!("the journal of sending limits can be written again");
                }
                decision
            }
            Err(error) => {
                limiter.undo(message);
                if !std::mem::replace(mute, true) {
                    tracing::error!(
                        %error,
                        file = %journal.file().display(),
                        "messages under sending limits are deferred: what they count can't be written down"
                    );
                }
                Decision { verdict: SubmissionVerdict::Defer, reasons: Vec::new() }
            }
        }
    }

    /// The message has so many recipients: what was reserved beyond that is free again.
    pub fn settle(&self, message: &mut Reservation, recipients: u32, now: Timestamp) {
        let mut state = self.lock();
        let given_back = state.limiter.settle(message, recipients, now);
        state.note(given_back);
    }

    /// The message does not go out: what was reserved is free again.
    pub fn release(&self, message: Reservation, now: Timestamp) {
        let mut state = self.lock();
        let given_back = state.limiter.release(message, now);
        state.note(given_back);
    }

    /// Forgets what is gone and shortens the journal when it has grown long; for now and then. It may wait for the
    /// disk; decisions meanwhile don't.
    pub fn tend(&self, now: Timestamp) -> io::Result<()> {
        let rewriting = {
            let mut state = self.lock();
            state.limiter.sweep(now);
            if !state.journal.is_long() {
                return Ok(());
            }
            let records = state.limiter.records(now);
            (state.journal.begin_anew()?, records)
        };
        let (rewriting, records) = rewriting;
        let size = rewriting.write(&records)?;
        self.lock().journal.rewritten(size);
        Ok(())
    }

    /// Carries what was written down to the disk itself. The journal survives the end of this process without it,
    /// but not a power cut.
    pub fn sync(&self) -> io::Result<()> {
        let file = self.lock().journal.unsynced()?;
        file.map_or(Ok(()), |file| file.sync_data())
    }

    /// Writes down exactly what counts.
    pub fn close(&self, now: Timestamp) -> io::Result<()> {
        let mut state = self.lock();
        let records = state.limiter.records(now);
        state.journal.rewrite(&records)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is not noted counts on after a crash, which admits nothing too much.
    fn note(&mut self, given_back: Vec<GivenBack>) {
        if given_back.is_empty() {
            return;
        }
        if let Err(error) = self.journal.append(given_back.into_iter().map(Record::GivenBack)) {
            tracing::warn!(%error, "what was given back to sending limits was not written down");
        }
    }
}

#[cfg(test)]
mod tests;
