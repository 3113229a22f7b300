//! What a change of the access rules would do to a sign-in: the same for a dry run over a million stored ones and
//! for the check that nobody locks themselves out.

use jiff::Timestamp;

use crate::{
    access::RuleSet,
    decision::{self, Attempt, Policy, SignInVerdict},
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
    pub fn new(before: RuleSet, after: RuleSet) -> Self {
        let policy = |rules| Policy { rules, ..Policy::default() };
        Self { before: policy(before), after: policy(after) }
    }

    pub fn effect(&self, attempt: &Attempt<'_>, at: Timestamp) -> Effect {
        let refuses = |policy| decision::sign_in(attempt, policy, at).verdict == SignInVerdict::Refuse;
        match (refuses(&self.before), refuses(&self.after)) {
            (false, true) => Effect::Refused,
            (true, false) => Effect::LetIn,
            (true, true) | (false, false) => Effect::Same,
        }
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
