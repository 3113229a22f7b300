//! Every filter, held against a plain walk over all events.

use mailcup_wire::{
    Account, AccountOrigin, AdminAction, Event, EventBody, EventFilter, EventKind, LineageStep, Outcome,
    OutcomeFilter, Protocol, Reason, ReasonCode, SignIn, Submission, SubmissionOutcome, SystemFact, Time,
    desktop::EventQuery,
};
use proptest::prelude::*;

use super::*;
use crate::{key::ConsoleKey, profile::ServiceId};

const LOGINS: [&str; 5] =
    ["anna@example.org", "bert@example.org", "annabel@example.net", "o'neil_x@example.org", "%"];
const ADDRESSES: [&str; 5] = ["203.0.113.7", "203.0.113.9", "198.51.100.1", "2001:db8::1", "2001:db8:0:1::1"];
const NETWORKS: [&str; 5] = ["203.0.113.0/24", "203.0.113.7", "2001:db8::/64", "0.0.0.0/0", "10.0.0.0/8"];
const PROTOCOLS: [Protocol; 3] = [Protocol::Imap, Protocol::Web, Protocol::Submission];
const WORDS: [&str; 4] = ["password", "block list", "Thunderbird", "anna exam"];
const MINUTE: i64 = 60_000;

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
        let mut at = 1_764_000_000_000;
        let event = |(place, (body, step)): (usize, (EventBody, i64))| {
            at += step;
            let epoch = if place < 40 { "a" } else { "b" };
            let id = format!("{epoch}:{}", place + 1).parse().unwrap();
            Event { id, at: Time::from_millis(at), body }
        };
        bodies.into_iter().enumerate().map(event).collect()
    })
}

fn filter() -> impl Strategy<Value = EventFilter> {
    let outcomes = vec![OutcomeFilter::Allowed, OutcomeFilter::Failed, OutcomeFilter::Refused];
    let kinds = vec![EventKind::SignIn, EventKind::Submission, EventKind::Admin, EventKind::System];
    let time = || proptest::option::weighted(0.3, (0..60i64).prop_map(|hour| hour * 60 * MINUTE / 2));
    let account = vec!["anna", "anna@example.org", "_x", "%", "example", "nobody", "ANNA"];
    (
        (time(), time()),
        proptest::option::weighted(0.4, proptest::sample::select(account)),
        proptest::option::weighted(0.4, proptest::sample::select(NETWORKS.as_slice())),
        proptest::sample::subsequence(PROTOCOLS.to_vec(), 0..=2),
        proptest::sample::subsequence(outcomes, 0..=2),
        proptest::sample::subsequence(kinds, 0..=2),
        proptest::option::weighted(0.3, proptest::sample::select(WORDS.as_slice())),
    )
        .prop_map(|((from, until), account, network, protocols, outcomes, kinds, text)| {
            let time = |offset: i64| Time::from_millis(1_764_000_000_000 + offset);
            EventFilter {
                from: from.map(time),
                until: until.map(time),
                account: account.map(str::to_owned),
                network: network.map(|text| text.parse().unwrap()),
                protocols,
                outcomes,
                kinds,
                text: text.map(str::to_owned),
            }
        })
}

/// What the filter says, read off the event itself.
fn passes(event: &Event, filter: &EventFilter) -> bool {
    let (login, address, protocol, outcome) = match &event.body {
        EventBody::SignIn(it) => {
            let outcome = match it.outcome {
                Outcome::Succeeded => OutcomeFilter::Allowed,
                Outcome::Failed => OutcomeFilter::Failed,
                Outcome::Refused => OutcomeFilter::Refused,
                Outcome::Challenged => OutcomeFilter::Challenged,
            };
            (Some(&it.login), it.address, Some(it.protocol), Some(outcome))
        }
        EventBody::Submission(it) => {
            let outcome = match it.outcome {
                SubmissionOutcome::Accepted => OutcomeFilter::Allowed,
                SubmissionOutcome::Abandoned => OutcomeFilter::Abandoned,
                _ => OutcomeFilter::Refused,
            };
            (it.login.as_ref(), it.address, Some(Protocol::Submission), Some(outcome))
        }
        EventBody::Admin(it) => (Some(&it.login), it.address, None, None),
        EventBody::Account(it) => (Some(&it.login), None, None, None),
        _ => (None, None, None, None),
    };
    let words = class::words_of(&event.body).to_lowercase();
    let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric()).collect();
    let has_word = |wanted: &str| words.iter().any(|word| word.starts_with(&wanted.to_lowercase()));
    filter.from.is_none_or(|from| event.at >= from)
        && filter.until.is_none_or(|until| event.at < until)
        && filter
            .account
            .as_ref()
            .is_none_or(|text| login.is_some_and(|login| login.0.contains(&text.to_lowercase())))
        && filter.network.is_none_or(|network| address.is_some_and(|address| network.contains(address)))
        && (filter.protocols.is_empty() || protocol.is_some_and(|it| filter.protocols.contains(&it)))
        && (filter.outcomes.is_empty() || outcome.is_some_and(|it| filter.outcomes.contains(&it)))
        && (filter.kinds.is_empty() || filter.kinds.contains(&event.body.kind()))
        && filter.text.as_ref().is_none_or(|text| text.split(' ').all(has_word))
}

fn open(folder: &Path) -> Store {
    let key = ConsoleKey::generate().store_key(&ServiceId::random());
    Store::open(&folder.join("store.db"), &key).unwrap()
}

/// All pages under a filter, one after the other.
async fn walked(readers: &Readers, filter: &EventFilter) -> Vec<Event> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let query = EventQuery { filter: filter.clone(), before, limit: 7 };
        let page = readers.events(query).await.unwrap();
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
                    log.iter().rev().filter(|event| passes(event, filter)).cloned().collect();
                prop_assert_eq!(&walked(&store.readers(), filter).await, &expected, "{:?}", filter);
                let count = store.readers().count_events(filter.clone()).await.unwrap();
                prop_assert_eq!(count as usize, expected.len(), "{:?}", filter);
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
            let oldest = Time::from_millis(1_764_000_000_000 + oldest * 30 * MINUTE);
            while store.prune(oldest).await.unwrap() {}
            let rest: Vec<_> = log.iter().rev().filter(|event| event.at >= oldest).cloned().collect();
            let everything = EventFilter::default();
            prop_assert_eq!(&walked(&store.readers(), &everything).await, &rest);

            let lineage = vec![
                LineageStep { epoch: "a".into(), first_seq: 1 },
                LineageStep { epoch: "c".into(), first_seq: kept + 1 },
            ];
            store.follow(lineage).await.unwrap();
            let rest: Vec<_> = rest.into_iter().filter(|event| event.id.seq <= kept).collect();
            prop_assert_eq!(&walked(&store.readers(), &everything).await, &rest);
            let counted = store.readers().count_events(everything).await.unwrap();
            prop_assert_eq!(counted as usize, rest.len());
            let cursor = store.cursor().await.unwrap().map_or(0, |id| id.seq);
            prop_assert_eq!(cursor, kept.min(log.len() as u64));
            Ok(())
        })?;
    }
}
