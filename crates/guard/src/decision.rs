//! What a sign-in or a submission is answered, and why.
//!
//! The order of a decision: blocks set by hand are absolute; what comes after them (access rules, risk,
//! sending limits) is asked only where no block refuses.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::block::{BlockId, BlockSet, Target};

/// Everything that decisions are made from. Immutable: a change makes a new one.
#[derive(Debug, Default)]
pub struct Policy {
    pub blocks: BlockSet,
}

/// Somebody who wants to sign in or to hand in a message.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// In lower case; none for a submission without authentication.
    pub login: Option<&'a str>,
    pub address: Option<IpAddr>,
}

/// What was decided, with all that led to it, most important first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<V> {
    pub verdict: V,
    pub reasons: Vec<Reason>,
}

/// The answer to a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInVerdict {
    /// Go on; the password still decides.
    Allow,
    /// Go on after a wait.
    Delay(SignedDuration),
    /// Ask for a second factor.
    Challenge,
    /// As if the password were wrong.
    Refuse,
}

/// The answer to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionVerdict {
    Accept,
    /// Come back later.
    Defer,
    /// Take it, but do not send it on before a person agrees.
    Hold,
    Reject,
}

/// One cause of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing speaks against it.
    NothingAgainst,
    /// A block refuses it.
    Blocked { block: BlockId, target: Target, expires_at: Option<Timestamp> },
}

/// Decides on a sign-in, over any protocol, before the password is known.
pub fn sign_in(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp) -> Decision<SignInVerdict> {
    decide(attempt, policy, now, SignInVerdict::Allow, SignInVerdict::Refuse)
}

/// Decides on a message, for one recipient or as a whole.
pub fn submission(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp) -> Decision<SubmissionVerdict> {
    decide(attempt, policy, now, SubmissionVerdict::Accept, SubmissionVerdict::Reject)
}

fn decide<V>(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp, pass: V, refuse: V) -> Decision<V> {
    let blocks = policy.blocks.matching(attempt.address, attempt.login, now);
    if blocks.is_empty() {
        return Decision { verdict: pass, reasons: vec![Reason::NothingAgainst] };
    }
    let reasons = blocks
        .into_iter()
        .map(|block| Reason::Blocked {
            block: block.id.clone(),
            target: block.target.clone(),
            expires_at: block.expires_at,
        })
        .collect();
    Decision { verdict: refuse, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    #[test]
    fn a_block_refuses_sign_ins_and_rejects_submissions_and_is_named() {
        let block =
            Block { id: BlockId("b1".into()), target: Target::Account("a@x".into()), expires_at: None };
        let policy = Policy { blocks: BlockSet::new([block]) };
        let attempt = Attempt { login: Some("a@x"), address: "203.0.113.7".parse().ok() };
        let now = Timestamp::UNIX_EPOCH;
        let decision = sign_in(&attempt, &policy, now);
        assert_eq!(decision.verdict, SignInVerdict::Refuse);
        assert!(matches!(&decision.reasons[..], [Reason::Blocked { block, .. }] if &*block.0 == "b1"));
        assert_eq!(submission(&attempt, &policy, now).verdict, SubmissionVerdict::Reject);

        let other = Attempt { login: Some("b@x"), ..attempt };
        assert_eq!(sign_in(&other, &policy, now).verdict, SignInVerdict::Allow);
        assert_eq!(sign_in(&other, &policy, now).reasons, [Reason::NothingAgainst]);
    }
}
