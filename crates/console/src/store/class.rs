//! What an event is filtered, grouped and found by: kind, outcome and protocol as one number, and its login,
//! address, explanation, device and words.

use mailcup_wire::{
    Address, BlockTarget, EventBody, EventKind, Login, Outcome, OutcomeFilter, Place, PolicyItem,
    PolicyScope, Protocol, Reason, ReasonCode, SubmissionOutcome,
};

use super::index::{Cause, Device, Explanation};

// In the order of their numbers.
const KINDS: [EventKind; 8] = [
    EventKind::SignIn,
    EventKind::Submission,
    EventKind::Alert,
    EventKind::Block,
    EventKind::Account,
    EventKind::Admin,
    EventKind::System,
    EventKind::Policy,
];
const OUTCOMES: [OutcomeFilter; 5] = [
    OutcomeFilter::Allowed,
    OutcomeFilter::Failed,
    OutcomeFilter::Refused,
    OutcomeFilter::Challenged,
    OutcomeFilter::Abandoned,
];
const PROTOCOLS: [Protocol; 6] =
    [Protocol::Web, Protocol::Api, Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Sieve];

const SIGN_IN_OUTCOMES: [OutcomeFilter; 4] =
    [OutcomeFilter::Allowed, OutcomeFilter::Failed, OutcomeFilter::Refused, OutcomeFilter::Challenged];
const SUBMISSION_OUTCOMES: [OutcomeFilter; 3] =
    [OutcomeFilter::Allowed, OutcomeFilter::Refused, OutcomeFilter::Abandoned];
const OTHER_KINDS: [EventKind; 6] = [
    EventKind::Alert,
    EventKind::Block,
    EventKind::Account,
    EventKind::Admin,
    EventKind::System,
    EventKind::Policy,
];

/// What is filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    pub kind: EventKind,
    pub outcome: Option<OutcomeFilter>,
    pub protocol: Option<Protocol>,
}

impl Class {
    pub fn of(body: &EventBody) -> Self {
        let (outcome, protocol) = match body {
            EventBody::SignIn(sign_in) => (Some(sign_in_outcome(sign_in.outcome)), Some(sign_in.protocol)),
            EventBody::Submission(submission) => {
                (Some(submission_outcome(submission.outcome)), Some(Protocol::Submission))
            }
            EventBody::Alert(_)
            | EventBody::Block(_)
            | EventBody::Account(_)
            | EventBody::Policy(_)
            | EventBody::Admin(_)
            | EventBody::System(_) => (None, None),
        };
        Self { kind: body.kind(), outcome, protocol }
    }

    /// Every class that an event may have.
    pub fn all() -> impl Iterator<Item = Self> {
        let sign_ins = PROTOCOLS.into_iter().flat_map(|protocol| {
            SIGN_IN_OUTCOMES.into_iter().map(move |outcome| Self {
                kind: EventKind::SignIn,
                outcome: Some(outcome),
                protocol: Some(protocol),
            })
        });
        let submissions = SUBMISSION_OUTCOMES.into_iter().map(|outcome| Self {
            kind: EventKind::Submission,
            outcome: Some(outcome),
            protocol: Some(Protocol::Submission),
        });
        let others = OTHER_KINDS.into_iter().map(|kind| Self { kind, outcome: None, protocol: None });
        sign_ins.chain(submissions).chain(others)
    }

    /// The class of such a number.
    pub fn numbered(number: u16) -> Option<Self> {
        let (kind, outcome, protocol) = (number >> 8, number >> 4 & 15, number & 15);
        let kind = *KINDS.get(usize::from(kind).checked_sub(1)?)?;
        let outcome = match outcome {
            0 => None,
            no => Some(*OUTCOMES.get(usize::from(no) - 1)?),
        };
        let protocol = match protocol {
            0 => None,
            no => Some(*PROTOCOLS.get(usize::from(no) - 1)?),
        };
        Some(Self { kind, outcome, protocol })
    }

    /// As it stands in the database; never changes for a class.
    pub fn number(self) -> i64 {
        let kind = match self.kind {
            EventKind::SignIn => 1,
            EventKind::Submission => 2,
            EventKind::Alert => 3,
            EventKind::Block => 4,
            EventKind::Account => 5,
            EventKind::Admin => 6,
            EventKind::System => 7,
            EventKind::Policy => 8,
        };
        let outcome = match self.outcome {
            None => 0,
            Some(OutcomeFilter::Allowed) => 1,
            Some(OutcomeFilter::Failed) => 2,
            Some(OutcomeFilter::Refused) => 3,
            Some(OutcomeFilter::Challenged) => 4,
            Some(OutcomeFilter::Abandoned) => 5,
        };
        let protocol = self.protocol.map_or(0, protocol_number);
        kind << 8 | outcome << 4 | protocol
    }
}

/// A protocol as the lowest bits of a class have it.
pub fn protocol_number(protocol: Protocol) -> i64 {
    match protocol {
        Protocol::Web => 1,
        Protocol::Api => 2,
        Protocol::Imap => 3,
        Protocol::Pop3 => 4,
        Protocol::Submission => 5,
        Protocol::Sieve => 6,
    }
}

/// The protocol of such a number.
pub fn protocol_of(number: i64) -> Option<Protocol> {
    PROTOCOLS.into_iter().find(|protocol| protocol_number(*protocol) == number)
}

/// The login that an event is about.
pub fn login_of(body: &EventBody) -> Option<&Login> {
    match body {
        EventBody::SignIn(sign_in) => Some(&sign_in.login),
        EventBody::Submission(submission) => submission.login.as_ref(),
        EventBody::Alert(alert) => alert.login.as_ref(),
        EventBody::Block(block) => match &block.target {
            BlockTarget::Account { login }
            | BlockTarget::AccountNetwork { login, .. }
            | BlockTarget::Sending { login } => Some(login),
            BlockTarget::Address { .. } | BlockTarget::Network { .. } => None,
        },
        EventBody::Account(account) => Some(&account.login),
        EventBody::Admin(action) => Some(&action.login),
        EventBody::Policy(item) => match item {
            PolicyItem::AccessRule(rule) => login_of_scope(&rule.terms.scope),
            PolicyItem::SendingLimit(limit) => login_of_scope(&limit.terms.scope),
            PolicyItem::KnownNetworks(known) => login_of_scope(&known.scope),
            PolicyItem::Trial(trial) => trial.login.as_ref(),
        },
        EventBody::System(_) => None,
    }
}

fn login_of_scope(scope: &PolicyScope) -> Option<&Login> {
    match scope {
        PolicyScope::Account { login } => Some(login),
        PolicyScope::Organization | PolicyScope::Domain { .. } => None,
    }
}

/// The address that an event came from or is about.
pub fn address_of(body: &EventBody) -> Option<Address> {
    match body {
        EventBody::SignIn(sign_in) => sign_in.address,
        EventBody::Submission(submission) => submission.address,
        EventBody::Alert(alert) => alert.addresses.first().copied(),
        EventBody::Block(block) => match &block.target {
            BlockTarget::Address { address } => Some(*address),
            BlockTarget::Network { network } | BlockTarget::AccountNetwork { network, .. } => {
                Some(network.net().network().into())
            }
            BlockTarget::Account { .. } | BlockTarget::Sending { .. } => None,
        },
        EventBody::Admin(action) => action.address,
        EventBody::Account(_) | EventBody::Policy(_) | EventBody::System(_) => None,
    }
}

/// Why an event ended as it did, in codes and words; none if it says nothing of it.
pub fn explanation_of(body: &EventBody) -> Option<Explanation> {
    let reasons = match body {
        EventBody::SignIn(sign_in) => &sign_in.reasons,
        EventBody::Submission(submission) => &submission.reasons,
        EventBody::Alert(_)
        | EventBody::Block(_)
        | EventBody::Account(_)
        | EventBody::Policy(_)
        | EventBody::Admin(_)
        | EventBody::System(_) => return None,
    };
    let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    let codes = reasons.iter().map(|reason| reason.code).collect();
    let causes = reasons.iter().filter_map(cause_of).collect();
    (!reasons.is_empty()).then(|| Explanation { codes, words: texts.join(" "), causes })
}

fn cause_of(reason: &Reason) -> Option<Cause> {
    let would = matches!(
        reason.code,
        ReasonCode::RuleWouldDeny | ReasonCode::RuleWouldNotAllow | ReasonCode::LimitWouldReach
    );
    let rule = reason.rule.clone().map(|id| Cause::Rule { id, would });
    rule.or_else(|| reason.limit.clone().map(|id| Cause::Limit { id, would }))
}

/// Where an event says that its address is.
pub fn place_of(body: &EventBody) -> Option<&Place> {
    let place = match body {
        EventBody::SignIn(sign_in) => sign_in.place.as_ref(),
        EventBody::Submission(submission) => submission.place.as_ref(),
        EventBody::Alert(_)
        | EventBody::Block(_)
        | EventBody::Account(_)
        | EventBody::Policy(_)
        | EventBody::Admin(_)
        | EventBody::System(_) => None,
    };
    place.filter(|place| **place != Place::default())
}

pub fn device_of(body: &EventBody) -> Option<Device> {
    let EventBody::SignIn(sign_in) = body else { return None };
    let device = Device {
        client: sign_in.client.clone().unwrap_or_default(),
        server: sign_in.server.clone().unwrap_or_default(),
    };
    (!device.client.is_empty() || !device.server.is_empty()).then_some(device)
}

/// The words by which an event is found beyond its login, address, explanation and device.
pub fn other_words_of(body: &EventBody) -> Option<String> {
    let own = match body {
        EventBody::SignIn(_) => return None,
        EventBody::Submission(submission) => {
            let login = submission.login.as_ref().map(|login| login.0.as_str());
            return submission.sender.clone().filter(|sender| Some(sender.as_str()) != login);
        }
        EventBody::Alert(alert) => format!("{} {}", alert.title, alert.text),
        EventBody::Block(block) => block.note.clone(),
        EventBody::Account(account) => format!("{} {}", account.name, account.note),
        EventBody::Policy(item) => policy_words(item),
        EventBody::Admin(action) => format!("{} {}", action.action, action.target),
        EventBody::System(fact) => serde_json::to_string(fact).unwrap_or_default(),
    };
    let login = login_of(body).map(|login| login.0.clone());
    let address = address_of(body).map(|address| address.to_string());
    Some(login.into_iter().chain(address).chain([own]).collect::<Vec<_>>().join(" "))
}

fn policy_words(item: &PolicyItem) -> String {
    match item {
        PolicyItem::AccessRule(rule) => {
            let networks = rule.terms.networks.iter().take(20).map(ToString::to_string);
            networks.chain([rule.terms.note.clone()]).collect::<Vec<_>>().join(" ")
        }
        PolicyItem::SendingLimit(limit) => limit.terms.note.clone(),
        PolicyItem::KnownNetworks(known) => {
            known.networks.iter().take(20).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        PolicyItem::Trial(trial) => trial.change.clone(),
    }
}

fn sign_in_outcome(outcome: Outcome) -> OutcomeFilter {
    match outcome {
        Outcome::Succeeded => OutcomeFilter::Allowed,
        Outcome::Failed => OutcomeFilter::Failed,
        Outcome::Refused => OutcomeFilter::Refused,
        Outcome::Challenged => OutcomeFilter::Challenged,
    }
}

fn submission_outcome(outcome: SubmissionOutcome) -> OutcomeFilter {
    match outcome {
        SubmissionOutcome::Accepted => OutcomeFilter::Allowed,
        SubmissionOutcome::Deferred | SubmissionOutcome::Held | SubmissionOutcome::Rejected => {
            OutcomeFilter::Refused
        }
        SubmissionOutcome::Abandoned => OutcomeFilter::Abandoned,
    }
}
