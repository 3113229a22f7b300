//! The forty filters.

use mailcup_wire::{
    EventKind, OutcomeFilter, Protocol, ReasonCode, Time,
    desktop::{Filter, Span, Term, Test},
};

/// When the log of the benchmark ends.
const END: i64 = 1_771_776_000_000;
const DAY: i64 = 86_400_000;

/// When is asked.
pub fn now() -> Time {
    Time::from_millis(END)
}

pub fn refused() -> Filter {
    terms(vec![outcome(OutcomeFilter::Refused)])
}

pub fn all() -> Vec<(&'static str, Filter)> {
    let mut all = single();
    all.extend(negated());
    all.extend(combined());
    all.extend(in_time());
    assert_eq!(all.len(), 40);
    all
}

fn single() -> Vec<(&'static str, Filter)> {
    vec![
        ("everything", Filter::default()),
        ("one account", terms(vec![account("anna17@example.org")])),
        ("part of a login", terms(vec![account("olena")])),
        ("part of no login", terms(vec![account("zzz-nobody")])),
        ("a large domain", terms(vec![domain("example.org")])),
        ("a small domain", terms(vec![domain("rare.example")])),
        ("one address", terms(vec![network("203.0.0.37")])),
        ("a /24", terms(vec![network("203.5.1.0/24")])),
        ("a /8", terms(vec![network("203.0.0.0/8")])),
        ("all of IPv4", terms(vec![network("0.0.0.0/0")])),
        ("a /64", terms(vec![network("2001:db8:0:12::/64")])),
        ("a network of nobody", terms(vec![network("10.0.0.0/8")])),
        ("wrong passwords", terms(vec![reason(ReasonCode::WrongPassword)])),
        ("a reason that no event has", terms(vec![reason(ReasonCode::WrongCode)])),
        ("refused", refused()),
        ("a rare kind", terms(vec![kind(EventKind::System)])),
        ("pop3", terms(vec![protocol(Protocol::Pop3)])),
        ("a device", terms(vec![device("thunderbird")])),
        ("a frequent word", terms(vec![text("password")])),
        ("a rare word", terms(vec![text("alias4711")])),
        ("four words", terms(vec![text("anna example org wrong")])),
        ("words of an address", terms(vec![text("203 0 113")])),
        ("words that never meet", terms(vec![text("thunderbird blocked until")])),
    ]
}

fn negated() -> Vec<(&'static str, Filter)> {
    vec![
        ("not one account", terms(vec![not(account("anna17@example.org"))])),
        ("not a large domain", terms(vec![not(domain("example.org"))])),
        ("not a /8", terms(vec![not(network("203.0.0.0/8"))])),
        ("not a frequent word", terms(vec![not(text("password"))])),
        ("neither sign-ins nor messages", {
            terms(vec![not(kind(EventKind::SignIn)), not(kind(EventKind::Submission))])
        }),
        ("not allowed and no wrong password", {
            terms(vec![not(outcome(OutcomeFilter::Allowed)), not(reason(ReasonCode::WrongPassword))])
        }),
    ]
}

fn combined() -> Vec<(&'static str, Filter)> {
    vec![
        ("an account, refused", terms(vec![account("bert"), outcome(OutcomeFilter::Refused)])),
        ("a network, allowed by imap", {
            terms(vec![network("198.51.0.0/16"), outcome(OutcomeFilter::Allowed), protocol(Protocol::Imap)])
        }),
        ("a network without allowed ones", {
            terms(vec![network("203.0.0.0/8"), outcome(OutcomeFilter::Allowed)])
        }),
        ("a word and a rare kind", terms(vec![text("block"), kind(EventKind::Admin)])),
        ("a device, not its usual network", {
            terms(vec![device("outlook"), not(network("198.51.0.0/16"))])
        }),
        ("a word, a domain, no device", {
            terms(vec![text("wrong"), domain("clinic.example"), not(device("mail"))])
        }),
    ]
}

fn in_time() -> Vec<(&'static str, Filter)> {
    let day = |first: i64, days: i64| {
        Some(Span::Between {
            from: Some(Time::from_millis(END - first * DAY)),
            until: Some(Time::from_millis(END - (first - days) * DAY)),
        })
    };
    let within = |span: Option<Span>, terms: Vec<Term>| Filter { span, terms };
    vec![
        ("the last hour", within(Some(Span::Last { minutes: 60 }), Vec::new())),
        ("a day two months ago, refused", within(day(60, 1), vec![outcome(OutcomeFilter::Refused)])),
        ("a week, a word", within(day(40, 7), vec![text("blocked")])),
        ("the first day, a rare account", within(day(90, 1), vec![account("julia499")])),
        ("a month, not a domain", within(day(80, 30), vec![not(domain("example.org"))])),
    ]
}

fn terms(terms: Vec<Term>) -> Filter {
    Filter { span: None, terms }
}

fn not(term: Term) -> Term {
    Term { not: true, ..term }
}

fn term(test: Test) -> Term {
    Term { not: false, test }
}

fn account(text: &str) -> Term {
    term(Test::Account { any: vec![text.to_owned()] })
}

fn domain(text: &str) -> Term {
    term(Test::Domain { any: vec![text.to_owned()] })
}

fn network(text: &str) -> Term {
    term(Test::Network { any: vec![text.parse().unwrap()] })
}

fn reason(code: ReasonCode) -> Term {
    term(Test::Reason { any: vec![code] })
}

fn outcome(outcome: OutcomeFilter) -> Term {
    term(Test::Outcome { any: vec![outcome] })
}

fn kind(kind: EventKind) -> Term {
    term(Test::Kind { any: vec![kind] })
}

fn protocol(protocol: Protocol) -> Term {
    term(Test::Protocol { any: vec![protocol] })
}

fn device(text: &str) -> Term {
    term(Test::Device { any: vec![text.to_owned()] })
}

fn text(words: &str) -> Term {
    term(Test::Text { words: words.to_owned() })
}
