//! Admins' sign-ins that wait for their second factor. They live in memory alone: a restart ends them, and whoever
//! was signing in begins anew.

use std::sync::{Mutex, PoisonError};

use mailcup_guard::one_time_code::{Attempt, Attempts, NotSent, Over};
use mailcup_wire::{
    AdminId, ChallengeId, Code, Details, DeviceName, FactorKind, Login, Problem, SessionId, Time,
};

use crate::{http::problem::HttpProblem, proof::Thumbprint, secrets::TokenHash};

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
    /// Until when an authenticator must be set up that is required and not there.
    pub enrol_by: Option<Time>,
}

/// A sign-in with its tries and its code.
pub(super) type Waiting = Attempt<Pending, TokenHash>;

/// All challenges that wait.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<Attempts<ChallengeId, Pending, TokenHash>>);

impl Challenges {
    /// Lets a challenge wait.
    pub(super) fn begin(&self, id: ChallengeId, pending: Pending, now: Time) {
        let owner = pending.admin.0.clone();
        self.with(|attempts| attempts.begin(id, &owner, pending, now.0));
    }

    /// A challenge that still waits. Whoever did not begin it learns no more than that there is none of their own.
    pub(super) fn of(&self, bound: &Bound, id: &ChallengeId, now: Time) -> Result<Waiting, HttpProblem> {
        let waiting = self.with(|attempts| attempts.get(id, now.0).cloned()).map_err(over)?;
        if waiting.about.bound == *bound { Ok(waiting) } else { Err(over(Over)) }
    }

    /// Takes in the code that is sent now.
    pub(super) fn send(&self, id: &ChallengeId, code: TokenHash, now: Time) -> Result<Waiting, HttpProblem> {
        self.with(|attempts| attempts.send(id, code, now.0)).map_err(|refusal| not_sent(refusal, now))
    }

    /// Takes a try; what is left of them is counted before the answer is looked at.
    pub(super) fn try_once(&self, id: &ChallengeId, now: Time) -> Result<Waiting, HttpProblem> {
        self.with(|attempts| attempts.take_try(id, now.0)).map_err(over)
    }

    /// Ends a challenge; false if another answer ended it before.
    pub(super) fn end(&self, id: &ChallengeId) -> bool {
        self.with(|attempts| attempts.finish(id)).is_some()
    }

    /// Ends the challenges of an admin from those devices.
    pub fn end_of(&self, admin: &AdminId, from: impl Fn(&DeviceName) -> bool) {
        self.with(|attempts| attempts.end(|pending| pending.admin == *admin && from(&pending.device)));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Attempts<ChallengeId, Pending, TokenHash>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is said about a challenge that is no more.
pub(crate) fn over(_: Over) -> HttpProblem {
    Problem::new(Code::ChallengeOver, "This sign-in is over; begin anew.").into()
}

/// What is said about a wrong code.
pub(crate) fn wrong_code(tries_left: u32) -> HttpProblem {
    if tries_left == 0 {
        return over(Over);
    }
    Problem::new(Code::WrongCode, "The code is wrong.").with(Details::TriesLeft { tries: tries_left }).into()
}

/// What is said of a factor that was wrong.
pub(crate) fn wrong(kind: FactorKind, tries_left: u32) -> HttpProblem {
    if kind != FactorKind::Passkey || tries_left == 0 {
        return wrong_code(tries_left);
    }
    let text = "That passkey was not taken. Take the one that you set up here, or choose another way.";
    Problem::new(Code::WrongCode, text).with(Details::TriesLeft { tries: tries_left }).into()
}

/// What is said where no code is sent.
pub(crate) fn not_sent(refusal: NotSent, now: Time) -> HttpProblem {
    match refusal {
        NotSent::Over(gone) => over(gone),
        NotSent::NoMore => {
            Problem::new(Code::TooMany, "No more codes are sent for this sign-in; begin anew.").into()
        }
        NotSent::Wait(until) => {
            let left = Time::from(until).as_millis() - now.as_millis();
            let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
            Problem::new(Code::TooMany, format!("Wait {seconds} seconds for another code."))
                .with(Details::RetryAfter { seconds })
                .into()
        }
    }
}
