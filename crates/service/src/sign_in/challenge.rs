//! Sign-ins that wait for their second factor. They live in memory alone: a restart ends them, and whoever
//! was signing in begins anew.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;
use mailcup_wire::{AdminId, ChallengeId, Code, DeviceName, FactorKind, Login, Problem, SessionId, Time};

use crate::{http::problem::HttpProblem, proof::Thumbprint, secrets::TokenHash};

/// A code and its challenge are good for this long (NIST SP 800-63B-4: at most 10 minutes).
pub(super) const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Wrong tries before a challenge is over.
pub(super) const TRIES: u32 = 3;

/// Codes sent for one challenge at most.
const SENDINGS: u32 = 4;

/// Challenges of one admin at a time; an older one is over when another begins.
const PER_ADMIN: usize = 5;

/// From where alone a challenge can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    /// The device's key.
    pub key: Option<Thumbprint>,
    /// The session in which factors are given again; none at a sign-in.
    pub session: Option<SessionId>,
}

/// A sign-in whose password was right.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub admin: AdminId,
    pub login: Login,
    /// The stored password that was right; another one ends the sign-in.
    pub password: String,
    pub device: DeviceName,
    pub bound: Bound,
    pub factors: Vec<FactorKind>,
    /// Hash of the code that was sent last.
    pub code: Option<TokenHash>,
    pub sendings: u32,
    pub tries_left: u32,
    pub expires_at: Time,
    /// When the next code may be sent.
    pub send_again_at: Time,
}

/// All challenges that wait.
#[derive(Debug, Default)]
pub struct Challenges {
    waiting: Mutex<HashMap<ChallengeId, Pending>>,
}

impl Pending {
    /// Refuses whoever did not begin this. They learn no more than that there is none of their own.
    pub(super) fn must_be_of(&self, bound: &Bound) -> Result<(), HttpProblem> {
        if self.bound == *bound { Ok(()) } else { Err(over()) }
    }

    /// Allows another code to be sent, later each time.
    pub(super) fn sends(&mut self, now: Time) -> Result<(), HttpProblem> {
        if self.sendings >= SENDINGS {
            return Err(
                Problem::new(Code::TooMany, "No more codes are sent for this sign-in; begin anew.").into()
            );
        }
        let left = self.send_again_at.as_millis() - now.as_millis();
        if left > 0 {
            let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
            return Err(Problem::new(Code::TooMany, format!("Wait {seconds} seconds for another code."))
                .with(mailcup_wire::Details::RetryAfter { seconds })
                .into());
        }
        self.sendings += 1;
        self.send_again_at = Time::from_millis(now.as_millis() + (15_000 << self.sendings));
        Ok(())
    }
}

impl Challenges {
    /// Lets a challenge wait.
    pub(super) fn begin(&self, id: ChallengeId, pending: Pending, now: Time) {
        self.change(|waiting| {
            waiting.retain(|_, other| now < other.expires_at);
            let mut own: Vec<_> = waiting
                .iter()
                .filter(|(_, other)| other.admin == pending.admin)
                .map(|(id, other)| (other.expires_at, id.clone()))
                .collect();
            own.sort();
            let surplus = (own.len() + 1).saturating_sub(PER_ADMIN);
            for (_, oldest) in own.into_iter().take(surplus) {
                waiting.remove(&oldest);
            }
            waiting.insert(id, pending);
        });
    }

    /// Works on a challenge that still waits.
    pub(super) fn with<T>(
        &self,
        id: &ChallengeId,
        now: Time,
        work: impl FnOnce(&mut Pending) -> T,
    ) -> Result<T, HttpProblem> {
        self.change(|waiting| match waiting.get_mut(id) {
            Some(pending) if now < pending.expires_at && pending.tries_left > 0 => Ok(work(pending)),
            _ => {
                waiting.remove(id);
                Err(over())
            }
        })
    }

    /// Takes a try; what is left of them is counted before the answer is looked at.
    pub(super) fn try_once(&self, id: &ChallengeId, now: Time) -> Result<Pending, HttpProblem> {
        self.with(id, now, |pending| {
            pending.tries_left -= 1;
            pending.clone()
        })
    }

    /// Ends a challenge; false if another answer ended it before.
    pub(super) fn end(&self, id: &ChallengeId) -> bool {
        self.change(|waiting| waiting.remove(id).is_some())
    }

    /// Ends the challenges of an admin from those devices.
    pub fn end_of(&self, admin: &AdminId, from: impl Fn(&DeviceName) -> bool) {
        self.change(|waiting| {
            waiting.retain(|_, pending| pending.admin != *admin || !from(&pending.device));
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<ChallengeId, Pending>) -> T) -> T {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is said about a challenge that is no more.
pub(super) fn over() -> HttpProblem {
    Problem::new(Code::ChallengeOver, "This sign-in is over; begin anew.").into()
}
