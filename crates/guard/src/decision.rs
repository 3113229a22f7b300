//! What a sign-in or a submission is answered, and why.
//!
//! The order of a decision: blocks set by hand are absolute; then access rules; then, for submissions, sending
//! limits. What comes later is asked only where nothing before it refuses.

use std::{net::IpAddr, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{Against, Country, Protocol, RuleId, RuleSet, Scope, Visitor},
    block::{Block, BlockId, BlockSet, Target},
    limit::{KnownNetworks, LimitAction, LimitSet},
    limiter::{Lease, Limiter, Reached, Reservation, Sender},
};

/// Everything that decisions are made from. Immutable: a change makes a new one, which shares what stays.
#[derive(Debug, Default)]
pub struct Policy {
    pub blocks: BlockSet,
    pub rules: Arc<RuleSet>,
    pub limits: Arc<LimitSet>,
    pub known: Arc<KnownNetworks>,
    pub passes: Vec<Pass>,
}

/// An admin who was let in from the server's own shell: blocks and access rules don't count for them on web and
/// api.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// In lower case.
    pub login: Arc<str>,
    pub until: Timestamp,
}

/// Somebody who wants to sign in or to hand in a message.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// In lower case; none for a submission without authentication.
    pub login: Option<&'a str>,
    pub protocol: Protocol,
    pub address: Option<IpAddr>,
    /// Where the address is; none where that is not known.
    pub country: Option<Country>,
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

/// One cause of a decision. With `would`, it is report-only and decided nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing speaks against it.
    NothingAgainst,
    /// A block refuses it.
    Blocked { block: BlockId, target: Target, expires_at: Option<Timestamp> },
    /// A deny rule refuses it.
    Denied { rule: RuleId, would: bool },
    /// None of a scope's allow rules lets it in; the first of them stands for all.
    NotAllowed { scope: Scope, rule: RuleId, would: bool },
    /// A sending limit is reached.
    LimitReached { reached: Reached, would: bool },
    /// An admin was let in from the server's own shell.
    Passed { until: Timestamp },
}

/// Decides on a sign-in, over any protocol, before the password is known.
pub fn sign_in(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp) -> Decision<SignInVerdict> {
    decide(attempt, policy, now, SignInVerdict::Allow, SignInVerdict::Refuse)
}

/// Decides on a request of somebody who signed in before. Blocks refuse sign-ins, not what goes on.
pub fn session(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp) -> Decision<SignInVerdict> {
    by_rules(attempt, policy, now, SignInVerdict::Allow, SignInVerdict::Refuse)
}

/// Decides on a submission by who sends it and from where, without counting anything.
pub fn submission(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp) -> Decision<SubmissionVerdict> {
    let mut decision = decide(attempt, policy, now, SubmissionVerdict::Accept, SubmissionVerdict::Reject);
    let suspending = policy.blocks.suspending(attempt.login, now);
    if !suspending.is_empty() {
        decision.verdict = SubmissionVerdict::Reject;
        decision.reasons.extend(suspending.into_iter().map(blocked));
        tidy(&mut decision.reasons);
    }
    decision
}

/// Decides on so many recipients more of a message, and reserves them. The leases must be written down before the
/// message goes on.
pub fn sending(
    attempt: &Attempt<'_>,
    policy: &Policy,
    recipients: u32,
    message: &mut Reservation,
    limiter: &mut Limiter,
    now: Timestamp,
) -> (Decision<SubmissionVerdict>, Vec<Lease>) {
    let mut decision = submission(attempt, policy, now);
    let Some(login) = attempt.login.filter(|_| decision.verdict == SubmissionVerdict::Accept) else {
        return (decision, Vec::new());
    };
    if policy.limits.is_empty() {
        return (decision, Vec::new());
    }
    let sender = Sender { login, address: attempt.address };
    let answer = limiter.reserve(&policy.limits, &policy.known, &sender, recipients, message, now);
    if let Some(action) = answer.stopped() {
        decision.verdict = action.into();
    }
    let reached = answer.reached.into_iter().map(|reached| {
        let would = !reached.limit.enforced;
        Reason::LimitReached { reached, would }
    });
    decision.reasons.extend(reached);
    tidy(&mut decision.reasons);
    (decision, answer.leases)
}

impl From<LimitAction> for SubmissionVerdict {
    fn from(action: LimitAction) -> Self {
        match action {
            LimitAction::Hold => Self::Hold,
            LimitAction::Defer => Self::Defer,
            LimitAction::Reject => Self::Reject,
        }
    }
}

impl Reason {
    /// Whether it decided nothing.
    pub fn is_report_only(&self) -> bool {
        match self {
            Self::NothingAgainst | Self::Blocked { .. } | Self::Passed { .. } => false,
            Self::Denied { would, .. }
            | Self::NotAllowed { would, .. }
            | Self::LimitReached { would, .. } => *would,
        }
    }
}

fn decide<V>(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp, pass: V, refuse: V) -> Decision<V> {
    let blocks = policy.blocks.matching(attempt.address, attempt.login, now);
    if !blocks.is_empty() && passed_until(attempt, policy, now).is_none() {
        return Decision { verdict: refuse, reasons: blocks.into_iter().map(blocked).collect() };
    }
    by_rules(attempt, policy, now, pass, refuse)
}

fn blocked(block: &Block) -> Reason {
    Reason::Blocked { block: block.id.clone(), target: block.target.clone(), expires_at: block.expires_at }
}

fn by_rules<V>(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp, pass: V, refuse: V) -> Decision<V> {
    if let Some(until) = passed_until(attempt, policy, now) {
        return Decision { verdict: pass, reasons: vec![Reason::Passed { until }] };
    }
    let mut reasons = Vec::new();
    let mut refused = false;
    if let Some(login) = attempt.login.filter(|_| !policy.rules.is_empty()) {
        let visitor =
            Visitor { login, protocol: attempt.protocol, address: attempt.address, country: attempt.country };
        let judgement = policy.rules.judge(&visitor, now);
        refused = !judgement.against.is_empty();
        reasons.extend(judgement.against.into_iter().map(|against| reason(against, false)));
        reasons.extend(judgement.reported.into_iter().map(|against| reason(against, true)));
    }
    if !refused {
        reasons.push(Reason::NothingAgainst);
        tidy(&mut reasons);
    }
    Decision { verdict: if refused { refuse } else { pass }, reasons }
}

fn passed_until(attempt: &Attempt<'_>, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    match attempt.protocol {
        Protocol::Web | Protocol::Api => {
            let login = attempt.login?;
            let passes = policy.passes.iter().filter(|pass| &*pass.login == login && now < pass.until);
            passes.map(|pass| pass.until).max()
        }
        Protocol::Imap | Protocol::Pop3 | Protocol::Submission | Protocol::Sieve => None,
    }
}

fn reason(against: Against, would: bool) -> Reason {
    match against {
        Against::Denied(rule) => Reason::Denied { rule, would },
        Against::NotAllowed { scope, rule } => Reason::NotAllowed { scope, rule, would },
    }
}

/// What decided comes first, and nothing speaks against it only where nothing did.
fn tidy(reasons: &mut Vec<Reason>) {
    if reasons.iter().any(|reason| *reason != Reason::NothingAgainst && !reason.is_report_only()) {
        reasons.retain(|reason| *reason != Reason::NothingAgainst);
    }
    reasons.sort_by_key(Reason::is_report_only);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Action, Protocols, Rule},
        limit::{Limit, LimitId, Measure, Per, Window},
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn attempt(login: &'static str) -> Attempt<'static> {
        Attempt {
            login: Some(login),
            protocol: Protocol::Submission,
            address: "203.0.113.7".parse().ok(),
            country: None,
        }
    }

    fn deny(id: &str, enforced: bool) -> Rule {
        Rule {
            id: RuleId(id.into()),
            scope: Scope::Organization,
            action: Action::Deny,
            protocols: Protocols::ANY,
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            countries: Vec::new(),
            schedule: None,
            expires_at: None,
            enforced,
        }
    }

    #[test]
    fn suspended_sending_rejects_messages_and_nothing_else() {
        let block =
            Block { id: BlockId("b".into()), target: Target::Sending("a@x".into()), expires_at: None };
        let policy = Policy { blocks: BlockSet::new([block.clone()]), ..Policy::default() };
        assert_eq!(sign_in(&attempt("a@x"), &policy, NOW).verdict, SignInVerdict::Allow);
        let decision = submission(&attempt("a@x"), &policy, NOW);
        assert_eq!(decision, Decision { verdict: SubmissionVerdict::Reject, reasons: vec![blocked(&block)] });
        assert_eq!(submission(&attempt("b@x"), &policy, NOW).verdict, SubmissionVerdict::Accept);
    }

    #[test]
    fn a_block_refuses_sign_ins_and_rejects_submissions_and_is_named() {
        let block =
            Block { id: BlockId("b1".into()), target: Target::Account("a@x".into()), expires_at: None };
        let rules = RuleSet::new([deny("r", false)]).into();
        let policy = Policy { blocks: BlockSet::new([block]), rules, ..Policy::default() };
        let decision = sign_in(&attempt("a@x"), &policy, NOW);
        assert_eq!(decision.verdict, SignInVerdict::Refuse);
        assert!(matches!(&decision.reasons[..], [Reason::Blocked { block, .. }] if &*block.0 == "b1"));
        assert_eq!(submission(&attempt("a@x"), &policy, NOW).verdict, SubmissionVerdict::Reject);

        let other = sign_in(&attempt("b@x"), &policy, NOW);
        assert_eq!(other.verdict, SignInVerdict::Allow);
        assert!(matches!(&other.reasons[..], [Reason::NothingAgainst, Reason::Denied { would: true, .. }]));
    }

    #[test]
    fn a_rule_refuses_where_no_block_does() {
        let policy = Policy { rules: RuleSet::new([deny("r", true)]).into(), ..Policy::default() };
        let decision = sign_in(&attempt("a@x"), &policy, NOW);
        assert_eq!(decision.verdict, SignInVerdict::Refuse);
        assert_eq!(decision.reasons, [Reason::Denied { rule: RuleId("r".into()), would: false }]);
        // Mail that nobody signed in for is not a sign-in.
        let stranger = Attempt { login: None, ..attempt("a@x") };
        assert_eq!(submission(&stranger, &policy, NOW).verdict, SubmissionVerdict::Accept);
    }

    #[test]
    fn a_pass_counts_on_web_and_api_alone_and_ends() {
        let until = Timestamp::from_second(900).unwrap();
        let block =
            Block { id: BlockId("b".into()), target: Target::Account("a@x".into()), expires_at: None };
        let policy = Policy {
            blocks: BlockSet::new([block]),
            rules: RuleSet::new([deny("r", true)]).into(),
            passes: vec![Pass { login: "a@x".into(), until }],
            ..Policy::default()
        };
        let api = Attempt { protocol: Protocol::Api, ..attempt("a@x") };
        assert_eq!(sign_in(&api, &policy, NOW).reasons, [Reason::Passed { until }]);
        assert_eq!(sign_in(&api, &policy, until).verdict, SignInVerdict::Refuse);
        assert_eq!(sign_in(&attempt("a@x"), &policy, NOW).verdict, SignInVerdict::Refuse);
        let other = Attempt { login: Some("b@x"), ..api };
        assert_eq!(sign_in(&other, &policy, NOW).verdict, SignInVerdict::Refuse);
    }

    #[test]
    fn a_limit_stops_a_submission_that_nothing_else_refuses() {
        let limit = Limit {
            id: LimitId("l".into()),
            scope: Scope::Organization,
            measure: Measure::Recipients(Window::Hour),
            per: Per::Account,
            known: None,
            others: Some(1),
            burst: None,
            action: LimitAction::Hold,
            text: None,
            enforced: true,
        };
        let policy = Policy { limits: LimitSet::new([limit]).into(), ..Policy::default() };
        let (mut limiter, mut message) = (Limiter::new(NOW), Reservation::default());
        let mut ask = || sending(&attempt("a@x"), &policy, 1, &mut message, &mut limiter, NOW);
        let (first, leases) = ask();
        assert_eq!((first.verdict, leases.len()), (SubmissionVerdict::Accept, 1));
        let (second, _) = ask();
        assert_eq!(second.verdict, SubmissionVerdict::Hold);
        assert!(matches!(&second.reasons[..], [Reason::LimitReached { would: false, .. }]));
    }
}
