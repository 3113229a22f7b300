//! Every filter, held against a plain walk over all events.

use mailcup_wire::{
    Account, AccountOrigin, AdminAction, Event, EventBody, EventKind, LineageStep, Network, Outcome,
    OutcomeFilter, Protocol, Reason, ReasonCode, SignIn, Submission, SubmissionOutcome, SystemFact, Time,
    desktop::{EventQuery, Filter, Span, Term, Test},
};
use proptest::prelude::*;

use super::{passes::passes, *};
use crate::{key::ConsoleKey, profile::ServiceId};

const LOGINS: [&str; 5] =
    ["anna@example.org", "bert@example.org", "annabel@example.net", "o'neil_x@example.org", "%"];
const ADDRESSES: [&str; 5] = ["203.0.113.7", "203.0.113.9", "198.51.100.1", "2001:db8::1", "2001:db8:0:1::1"];
const NETWORKS: [&str; 5] = ["203.0.113.0/24", "203.0.113.7", "2001:db8::/64", "0.0.0.0/0", "10.0.0.0/8"];
const PROTOCOLS: [Protocol; 3] = [Protocol::Imap, Protocol::Web, Protocol::Submission];
const WORDS: [&str; 4] = ["password", "block list", "Thunderbird", "anna exam"];
const MINUTE: i64 = 60_000;
const START: i64 = 1_764_000_000_000;

fn body() -> impl Strategy<Value = EventBody> {
    let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Refused, Outcome::Challenged];
    let ends = [SubmissionOutcome::Accepted, SubmissionOutcome::Held, SubmissionOutcome::Abandoned];
    let login = proptest::sample::select(LOGINS.as_slice());
    let address = proptest::option::of(proptest::sample::select(ADDRESSES.as_slice()));
    let reason = proptest::sample::select(vec!["wrong password", "on the block list", "nothing against it"]);
    (0..9usize, login, address, proptest::sample::select(PROTOCOLS.as_slice()), 0..4usize, reason).prop_map(
        move |(kind, login, address, protocol, outcome, reason)| {
            let address = address.map(|text| text.parse().unwrap());
            let reason = Reason { code: ReasonCode::WrongPassword, text: reason.to_owned(), block: None };
            match kind {
                0 => EventBody::System(SystemFact::Stopped),
                1 => EventBody::Admin(AdminAction {
                    admin: "a1".into(),
                    login: login.into(),
                    action: "block.create".to_owned(),
                    target: "somebody".to_owned(),
                    address,
                }),
                2 => EventBody::Submission(Submission {
                    login: Some(login.into()),
                    address,
                    sender: None,
                    recipients: 1,
                    outcome: ends[outcome % 3],
                    reasons: vec![reason],
                    size: 0,
                }),
                3 => EventBody::Account(Account {
                    login: login.into(),
                    name: "Somebody".to_owned(),
                    origin: AccountOrigin::ByHand,
                    created_at: Time::from_millis(0),
                    note: String::new(),
                    version: 1,
                }),
                _ => EventBody::SignIn(SignIn {
                    login: login.into(),
                    protocol,
                    address,
                    outcome: outcomes[outcome],
                    reasons: vec![reason],
                    server: None,
                    client: (outcome == 0).then(|| "Thunderbird".to_owned()),
                    tls: true,
                }),
            }
        },
    )
}

/// A log whose clock mostly goes on and sometimes jumps.
fn log() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((body(), -90 * MINUTE..120 * MINUTE), 1..120).prop_map(|bodies| {
        let mut at = START;
        let event = |(place, (body, step)): (usize, (EventBody, i64))| {
            at += step;
            let epoch = if place < 40 { "a" } else { "b" };
            let id = format!("{epoch}:{}", place + 1).parse().unwrap();
            Event { id, at: Time::from_millis(at), body }
        };
        bodies.into_iter().enumerate().map(event).collect()
    })
}

fn test() -> impl Strategy<Value = Test> {
    let outcomes = vec![OutcomeFilter::Allowed, OutcomeFilter::Failed, OutcomeFilter::Refused];
    let kinds = vec![EventKind::SignIn, EventKind::Submission, EventKind::Admin, EventKind::System];
    let reasons = vec![ReasonCode::WrongPassword, ReasonCode::BlockedAddress, ReasonCode::NothingAgainst];
    let some = |texts: &'static [&'static str]| {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        proptest::sample::subsequence(texts, 0..=2)
    };
    let networks: Vec<Network> = NETWORKS.iter().map(|text| text.parse().unwrap()).collect();
    prop_oneof![
        proptest::sample::subsequence(kinds, 0..=2).prop_map(|any| Test::Kind { any }),
        proptest::sample::subsequence(PROTOCOLS.to_vec(), 0..=2).prop_map(|any| Test::Protocol { any }),
        proptest::sample::subsequence(outcomes, 0..=2).prop_map(|any| Test::Outcome { any }),
        proptest::sample::subsequence(reasons, 0..=2).prop_map(|any| Test::Reason { any }),
        some(&["anna", "anna@example.org", "_x", "%", "example", "nobody", "ANNA", " "])
            .prop_map(|any| Test::Account { any }),
        some(&["example.org", "@Example.net", "example", ""]).prop_map(|any| Test::Domain { any }),
        proptest::sample::subsequence(networks, 0..=2).prop_map(|any| Test::Network { any }),
        some(&["thunder", "MAIL", "%"]).prop_map(|any| Test::Device { any }),
        proptest::sample::select(WORDS.as_slice()).prop_map(|words| Test::Text { words: words.to_owned() }),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let time = || proptest::option::of((0..60i64).prop_map(|half_hour| after_start(half_hour * 30)));
    let between = (time(), time()).prop_map(|(from, until)| Span::Between { from, until });
    let last = (0..3_000u32).prop_map(|minutes| Span::Last { minutes });
    let term = (any::<bool>(), test()).prop_map(|(not, test)| Term { not, test });
    (proptest::option::weighted(0.5, prop_oneof![between, last]), proptest::collection::vec(term, 0..4))
        .prop_map(|(span, terms)| Filter { span, terms })
}

fn after_start(minutes: i64) -> Time {
    Time::from_millis(START + minutes * MINUTE)
}

/// When the tests ask.
fn now() -> Time {
    after_start(1_000)
}

fn open(folder: &Path) -> Store {
    let key = ConsoleKey::generate().store_key(&ServiceId::random());
    Store::open(&folder.join("store.db"), &key).unwrap()
}

/// All pages under a filter, one after the other.
async fn walked(readers: &Readers, filter: &Filter) -> Vec<Event> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let query = EventQuery { filter: filter.clone(), before, after: None, limit: 7 };
        let page = readers.events(query, now()).await.unwrap();
        before = page.events.last().map(|event| event.id.clone());
        all.extend(page.events);
        if !page.more {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn pages_and_counts_are_what_a_walk_over_all_events_finds(
        log in log(),
        filters in proptest::collection::vec(filter(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path());
            for batch in log.chunks(31) {
                store.apply(batch.to_vec(), Time::from_millis(0)).await.unwrap();
            }
            // The same once more changes nothing.
            prop_assert!(store.apply(log.clone(), Time::from_millis(0)).await.unwrap().is_none());
            for filter in &filters {
                let expected: Vec<Event> =
                    log.iter().rev().filter(|event| passes(event, filter, now())).cloned().collect();
                prop_assert_eq!(&walked(&store.readers(), filter).await, &expected, "{:?}", filter);
                let count = store.readers().count_events(filter.clone(), None, now()).await.unwrap();
                prop_assert_eq!(count.events as usize, expected.len(), "{:?}", filter);
            }
            Ok(())
        })?;
    }

    #[test]
    fn pruning_and_another_course_of_the_log_leave_exactly_the_rest(log in log(), kept in 0..40u64, oldest in 0..60i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path());
            store.apply(log.clone(), Time::from_millis(0)).await.unwrap();
            let oldest = Time::from_millis(START + oldest * 30 * MINUTE);
            while store.prune(oldest).await.unwrap() {}
            let rest: Vec<_> = log.iter().rev().filter(|event| event.at >= oldest).cloned().collect();
            let everything = Filter::default();
            prop_assert_eq!(&walked(&store.readers(), &everything).await, &rest);

            let lineage = vec![
                LineageStep { epoch: "a".into(), first_seq: 1 },
                LineageStep { epoch: "c".into(), first_seq: kept + 1 },
            ];
            store.follow(lineage).await.unwrap();
            let rest: Vec<_> = rest.into_iter().filter(|event| event.id.seq <= kept).collect();
            prop_assert_eq!(&walked(&store.readers(), &everything).await, &rest);
            let counted = store.readers().count_events(everything, None, now()).await.unwrap();
            prop_assert_eq!(counted.events as usize, rest.len());
            let cursor = store.cursor().await.unwrap().map_or(0, |id| id.seq);
            prop_assert_eq!(cursor, kept.min(log.len() as u64));
            Ok(())
        })?;
    }
}
