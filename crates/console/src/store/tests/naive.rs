//! What every query must answer, read off the events themselves.

use std::collections::{BTreeMap, BTreeSet};

use mailcup_wire::{
    Event, EventBody, OutcomeFilter, Reason, ReasonCode, Time,
    desktop::{CompletionField, Filter, Group, GroupBy, GroupOrder, Test, TimelinePoint, TimelineQuery},
};

use crate::store::{
    class::{Class, address_of, login_of, other_words_of},
    index::network_around,
    sieve::limits,
};

/// `known` are all logins that the copy ever saw.
pub fn passes(event: &Event, filter: &Filter, now: Time, known: &BTreeSet<String>) -> bool {
    let (from, until) = limits(filter.span.as_ref(), now);
    event.at.as_millis() >= from
        && event.at.as_millis() < until
        && filter
            .terms
            .iter()
            .filter(|term| says_something(&term.test))
            .all(|term| passes_test(&event.body, &term.test, known) != term.not)
}

fn says_something(test: &Test) -> bool {
    match test {
        Test::Kind { any } => !any.is_empty(),
        Test::Protocol { any } => !any.is_empty(),
        Test::Outcome { any } => !any.is_empty(),
        Test::Reason { any } => !any.is_empty(),
        Test::Account { any } | Test::Domain { any } | Test::Device { any } => {
            any.iter().any(|text| !text.trim().is_empty())
        }
        Test::Network { any } => !any.is_empty(),
        Test::Text { words } => words.chars().any(char::is_alphanumeric),
    }
}

fn passes_test(body: &EventBody, test: &Test, known: &BTreeSet<String>) -> bool {
    let class = Class::of(body);
    let login = || login_of(body).map(|login| login.0.to_lowercase());
    let holds = |text: &str, any: &[String]| {
        let given = any.iter().map(|part| part.trim().to_lowercase()).filter(|part| !part.is_empty());
        given.into_iter().any(|part| text.contains(&part))
    };
    match test {
        Test::Kind { any } => any.contains(&class.kind),
        Test::Protocol { any } => class.protocol.is_some_and(|it| any.contains(&it)),
        Test::Outcome { any } => class.outcome.is_some_and(|it| any.contains(&it)),
        Test::Reason { any } => codes_of(body).any(|code| any.contains(&code)),
        Test::Account { any } => login().is_some_and(|login| {
            let any = any.iter().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
            any.into_iter().any(|text| {
                let is_whole = text.contains('@') && !text.starts_with('@') && known.contains(&text);
                if is_whole { login == text } else { login.contains(&text) }
            })
        }),
        Test::Domain { any } => login().is_some_and(|login| {
            let domain = login.rsplit_once('@').map(|(_, domain)| domain);
            domain.is_some_and(|domain| {
                any.iter().any(|it| it.trim().trim_start_matches('@').eq_ignore_ascii_case(domain))
            })
        }),
        Test::Network { any } => {
            address_of(body).is_some_and(|address| any.iter().any(|network| network.contains(address)))
        }
        Test::Device { any } => match body {
            EventBody::SignIn(sign_in) => {
                sign_in.client.as_ref().is_some_and(|client| holds(&client.to_lowercase(), any))
            }
            _ => false,
        },
        Test::Text { words } => {
            let all = words_of(body).to_lowercase();
            let all: Vec<&str> = all.split(|c: char| !c.is_alphanumeric()).collect();
            let wanted = words.to_lowercase();
            let mut wanted = wanted.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            wanted.all(|wanted| all.iter().any(|word| word.starts_with(wanted)))
        }
    }
}

fn words_of(body: &EventBody) -> String {
    let mut words: Vec<String> = reasons_of(body).iter().map(|reason| reason.text.clone()).collect();
    words.extend(login_of(body).map(|login| login.0.clone()));
    words.extend(address_of(body).map(|address| address.to_string()));
    match body {
        EventBody::SignIn(sign_in) => words.extend(sign_in.client.iter().chain(&sign_in.server).cloned()),
        EventBody::Submission(submission) => words.extend(submission.sender.clone()),
        _ => words.extend(other_words_of(body)),
    }
    words.join(" ")
}

fn codes_of(body: &EventBody) -> impl Iterator<Item = ReasonCode> {
    reasons_of(body).iter().map(|reason| reason.code)
}

fn reasons_of(body: &EventBody) -> &[Reason] {
    match body {
        EventBody::SignIn(sign_in) => &sign_in.reasons,
        EventBody::Submission(submission) => &submission.reasons,
        _ => &[],
    }
}

/// Of events that pass, newest first.
pub fn groups(events: &[Event], by: GroupBy, order: GroupOrder) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for event in events {
        let key = match by {
            GroupBy::Account => login_of(&event.body).map(|login| login.0.clone()),
            GroupBy::Network => address_of(&event.body).map(|address| network_around(address).to_string()),
            GroupBy::Hour => {
                let hour = event.at.as_millis().div_euclid(3_600_000) * 3_600_000;
                Some(Time::from_millis(hour).to_string())
            }
        };
        let Some(key) = key else { continue };
        let empty = || Group {
            key: key.clone(),
            events: 0,
            allowed: 0,
            failed: 0,
            refused: 0,
            first_at: event.at,
            last_at: event.at,
        };
        let group = groups.entry(key.clone()).or_insert_with(empty);
        group.events += 1;
        count_outcome(&event.body, [&mut group.allowed, &mut group.failed, &mut group.refused]);
        group.first_at = group.first_at.min(event.at);
        group.last_at = group.last_at.max(event.at);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        let rank = |group: &Group| match order {
            GroupOrder::Newest => 0,
            GroupOrder::Most => group.events,
            GroupOrder::Refused => group.refused,
        };
        (rank(b), b.last_at).cmp(&(rank(a), a.last_at))
    });
    groups
}

pub fn timeline(events: &[Event], query: &TimelineQuery, step_seconds: u32) -> Vec<TimelinePoint> {
    let step = i64::from(step_seconds) * 1_000;
    let mut points = BTreeMap::new();
    for event in events.iter().filter(|event| event.at >= query.from && event.at < query.until) {
        let Some(protocol) = Class::of(&event.body).protocol else { continue };
        let begins = event.at.as_millis().div_euclid(step) * step;
        let empty =
            || TimelinePoint { at: Time::from_millis(begins), protocol, allowed: 0, failed: 0, refused: 0 };
        let point = points.entry((begins, protocol)).or_insert_with(empty);
        count_outcome(&event.body, [&mut point.allowed, &mut point.failed, &mut point.refused]);
    }
    points.into_values().filter(|point| point.allowed + point.failed + point.refused > 0).collect()
}

pub fn completions(events: &[Event], field: CompletionField, text: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for event in events {
        let login = login_of(&event.body).map(|login| login.0.clone());
        let value = match field {
            CompletionField::Account => login,
            CompletionField::Domain => {
                login.and_then(|login| login.rsplit_once('@').map(|(_, domain)| domain.to_owned()))
            }
            CompletionField::Network => {
                address_of(&event.body).map(|address| network_around(address).to_string())
            }
            CompletionField::Device => match &event.body {
                EventBody::SignIn(sign_in) => sign_in.client.clone(),
                _ => None,
            },
        };
        if let Some(value) = value.filter(|value| value.to_lowercase().contains(text)) {
            *counts.entry(value).or_default() += 1;
        }
    }
    counts
}

fn count_outcome(body: &EventBody, [allowed, failed, refused]: [&mut u32; 3]) {
    match Class::of(body).outcome {
        Some(OutcomeFilter::Allowed) => *allowed += 1,
        Some(OutcomeFilter::Failed) => *failed += 1,
        Some(OutcomeFilter::Refused) => *refused += 1,
        Some(OutcomeFilter::Challenged | OutcomeFilter::Abandoned) | None => {}
    }
}
