//! What a change of the access rules would do to a sign-in: the same for a dry run over a million stored ones and
//! for the check that nobody locks themselves out.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    access::RuleSet,
    decision::{self, Attempt, Policy, Reason, SignInVerdict},
};

/// Two policies side by side. Blocks are not a part of it: they come and go by themselves.
#[derive(Debug)]
pub struct Replay {
    before: Policy,
    after: Policy,
}

/// How the two differ about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Both let it in, or neither does.
    Same,
    /// Only the change refuses it.
    Refused,
    /// Only the change lets it in.
    LetIn,
}

impl Replay {
    pub fn new(before: impl Into<Arc<RuleSet>>, after: impl Into<Arc<RuleSet>>) -> Self {
        let policy = |rules| Policy { rules, ..Policy::default() };
        Self { before: policy(before.into()), after: policy(after.into()) }
    }

    pub fn effect(&self, attempt: &Attempt<'_>, at: Timestamp) -> Effect {
        let refused_after = !self.refusal_after(attempt, at).is_empty();
        match (self.is_refused_before(attempt, at), refused_after) {
            (false, true) => Effect::Refused,
            (true, false) => Effect::LetIn,
            (true, true) | (false, false) => Effect::Same,
        }
    }

    pub fn is_refused_before(&self, attempt: &Attempt<'_>, at: Timestamp) -> bool {
        decision::sign_in(attempt, &self.before, at).verdict == SignInVerdict::Refuse
    }

    /// What refuses the attempt after the change; empty where it is let in.
    pub fn refusal_after(&self, attempt: &Attempt<'_>, at: Timestamp) -> Vec<Reason> {
        let decision = decision::sign_in(attempt, &self.after, at);
        if decision.verdict != SignInVerdict::Refuse {
            return Vec::new();
        }
        decision.reasons.into_iter().filter(|reason| !reason.is_report_only()).collect()
    }

    /// Whether the effect on an attempt hangs on when it was.
    pub fn depends_on_time(&self) -> bool {
        let timed = |policy: &Policy| {
            policy.rules.rules().iter().any(|rule| rule.schedule.is_some() || rule.expires_at.is_some())
        };
        timed(&self.before) || timed(&self.after)
    }

    /// Rules as they are after the change.
    pub fn after(&self) -> &RuleSet {
        &self.after.rules
    }
}
