//! What a filter says, read off the event itself.

use mailcup_wire::{
    Event, EventBody, ReasonCode, Time,
    desktop::{Filter, Span, Test},
};

use super::class::{Class, address_of, login_of, words_of};

pub fn passes(event: &Event, filter: &Filter, now: Time) -> bool {
    let (from, until) = limits(filter.span.as_ref(), now);
    event.at.as_millis() >= from
        && event.at.as_millis() < until
        && filter
            .terms
            .iter()
            .filter(|term| says_something(&term.test))
            .all(|term| passes_test(&event.body, &term.test) != term.not)
}

/// Milliseconds; the second is exclusive.
pub fn limits(span: Option<&Span>, now: Time) -> (i64, i64) {
    match span {
        None => (i64::MIN, i64::MAX),
        Some(Span::Between { from, until }) => {
            (from.map_or(i64::MIN, Time::as_millis), until.map_or(i64::MAX, Time::as_millis))
        }
        Some(Span::Last { minutes }) => (now.as_millis() - i64::from(*minutes) * 60_000, i64::MAX),
    }
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

fn passes_test(body: &EventBody, test: &Test) -> bool {
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
        Test::Account { any } => login().is_some_and(|login| holds(&login, any)),
        Test::Domain { any } => login().is_some_and(|login| {
            let domain = login.rsplit_once('@').map_or("", |(_, domain)| domain);
            any.iter().any(|it| it.trim().trim_start_matches('@').eq_ignore_ascii_case(domain))
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

fn codes_of(body: &EventBody) -> impl Iterator<Item = ReasonCode> {
    let reasons = match body {
        EventBody::SignIn(sign_in) => sign_in.reasons.as_slice(),
        EventBody::Submission(submission) => submission.reasons.as_slice(),
        _ => &[],
    };
    reasons.iter().map(|reason| reason.code)
}
