//! What a dry run must answer, by a walk over all events.

use std::collections::BTreeMap;

use mailcup_guard::{
    access::{Country, Visitor},
    limit::LimitSet,
    limiter::{Limiter, Reservation, Sender},
};
use mailcup_policy::{known_networks, protocol, rule_set};
use mailcup_wire::{AccessRule, Event, EventBody, Outcome, ReasonCode, SubmissionOutcome, Time};

use crate::store::tests::after_start;

/// What a dry run must answer, read off the events themselves.
#[derive(Debug, Default, PartialEq)]
pub struct Plain {
    pub looked_at: u32,
    pub refused: u32,
    pub failed_refused: u32,
    pub let_in: u32,
    /// Refused and all successes.
    pub accounts: BTreeMap<String, (u32, u32)>,
}

pub fn plain(log: &[Event], before: &[AccessRule], after: &[AccessRule], from: Time, until: Time) -> Plain {
    let (before, after) = (rule_set(before), rule_set(after));
    let mut plain = Plain::default();
    let within = |event: &&Event| event.at >= from && event.at < until;
    for event in log.iter().filter(within) {
        let EventBody::SignIn(sign_in) = &event.body else { continue };
        // Where the address is by now.
        let country = log.iter().rev().find_map(|event| match &event.body {
            EventBody::SignIn(it) if it.address == sign_in.address => it.place.as_ref(),
            EventBody::Submission(it) if it.address == sign_in.address => it.place.as_ref(),
            _ => None,
        });
        let country = country.filter(|_| sign_in.address.is_some()).and_then(|it| it.country.clone());
        let visitor = Visitor {
            login: &sign_in.login.0,
            protocol: protocol(sign_in.protocol),
            address: sign_in.address.map(mailcup_wire::Address::ip),
            country: country.and_then(|code| Country::read(&code)),
        };
        let refuses =
            |rules: &mailcup_guard::access::RuleSet| !rules.judge(&visitor, event.at.0).against.is_empty();
        plain.looked_at += 1;
        let succeeded = matches!(sign_in.outcome, Outcome::Succeeded | Outcome::Challenged);
        let account = plain.accounts.entry(sign_in.login.0.clone()).or_default();
        account.1 += u32::from(succeeded);
        match (refuses(&before), refuses(&after)) {
            (false, true) if succeeded => {
                plain.refused += 1;
                account.0 += 1;
            }
            (false, true) => plain.failed_refused += u32::from(sign_in.outcome == Outcome::Failed),
            (true, false) if sign_in.outcome == Outcome::Refused => {
                let blocked = sign_in.reasons.iter().any(|it| it.code == ReasonCode::BlockedAddress);
                plain.let_in += u32::from(!blocked);
            }
            _ => {}
        }
    }
    plain.accounts.retain(|_, (refused, _)| *refused > 0);
    plain
}

/// Held messages, their recipients, and messages that were stopped and would have gone out.
pub fn plain_sending(
    log: &[Event],
    before: &LimitSet,
    after: &LimitSet,
    from: Time,
    until: Time,
) -> (u32, u32, u32) {
    let known = known_networks(&[]);
    let (mut first, mut second) = (Limiter::new(after_start(0).0), Limiter::new(after_start(0).0));
    let (mut held, mut recipients, mut let_out) = (0, 0, 0);
    let day_before = Time::from_millis(from.as_millis() - 86_400_000);
    for event in log.iter().filter(|event| event.at >= day_before && event.at < until) {
        let EventBody::Submission(message) = &event.body else { continue };
        let by_limit = message.reasons.iter().any(|it| it.code == ReasonCode::LimitReached);
        let counts = match message.outcome {
            SubmissionOutcome::Accepted => true,
            SubmissionOutcome::Rejected => by_limit,
            _ => false,
        };
        let Some(login) = message.login.as_ref().filter(|_| counts) else { continue };
        let sender = Sender { login: &login.0, address: message.address.map(mailcup_wire::Address::ip) };
        let stops = |limiter: &mut Limiter, limits: &LimitSet| {
            let mut message_so_far = Reservation::default();
            let answer =
                limiter.reserve(limits, &known, &sender, message.recipients, &mut message_so_far, event.at.0);
            answer.stopped().is_some()
        };
        let (now, then) = (stops(&mut first, before), stops(&mut second, after));
        if event.at < from {
            continue;
        }
        match (now, then, message.outcome) {
            (false, true, SubmissionOutcome::Accepted) => {
                held += 1;
                recipients += message.recipients;
            }
            (true, false, SubmissionOutcome::Rejected) => let_out += 1,
            _ => {}
        }
    }
    (held, recipients, let_out)
}
