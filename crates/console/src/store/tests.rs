//! Every filter, held against a plain walk over all events.

use mailcup_wire::{
    Account, AccountOrigin, AdminAction, Event, EventBody, EventId, EventKind, LineageStep, Network, Outcome,
    OutcomeFilter, Protocol, Reason, ReasonCode, SignIn, Submission, SubmissionOutcome, SystemFact, Time,
    desktop::{
        CompletionField, CompletionQuery, EventQuery, Filter, Group, GroupBy, GroupOrder, GroupQuery, Span,
        Term, Test, TimelineQuery,
    },
};
use proptest::prelude::*;

mod naive;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use self::naive::passes;
use super::*;
use crate::key::ConsoleKey;

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
            let reason = Reason::new(ReasonCode::WrongPassword, reason);
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
                    place: None,
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
                    place: None,
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

fn at(folder: &Path) -> (PathBuf, StoreKey) {
    (folder.join("store.db"), ConsoleKey::generate().store_key(&mailcup_wire::ServiceId::from("one")))
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

/// All logins that the copy has seen once it took in this log.
fn known(log: &[Event]) -> BTreeSet<String> {
    log.iter().filter_map(|event| login_of(&event.body)).map(|login| login.0.clone()).collect()
}

/// Asks everything that can be asked under a filter. `expected` are the events that pass, newest first.
async fn answers_agree(readers: &Readers, filter: &Filter, expected: &[Event]) -> Result<(), TestCaseError> {
    prop_assert_eq!(&walked(readers, filter).await, expected, "{:?}", filter);
    let count = readers.count_events(filter.clone(), None, now()).await.unwrap();
    prop_assert_eq!((count.events as usize, count.exact), (expected.len(), true), "{:?}", filter);
    let count = readers.count_events(filter.clone(), Some(3), now()).await.unwrap();
    prop_assert_eq!((count.events as usize, count.exact), (expected.len().min(3), expected.len() <= 3));
    for offset in [0, 1, expected.len() / 2, expected.len()] {
        let page = readers.events_at(filter.clone(), offset.try_into().unwrap(), 5, now()).await.unwrap();
        let rest = expected.get(offset..).unwrap_or_default();
        prop_assert_eq!(&page.events, &rest[..rest.len().min(5)], "at {} of {:?}", offset, filter);
        prop_assert_eq!(page.more, rest.len() > 5);
    }
    if let Some(middle) = expected.get(expected.len() / 2) {
        let position = readers.event_position(filter.clone(), middle.id.clone(), now()).await.unwrap();
        prop_assert_eq!(position as usize, expected.len() / 2);
        let query =
            EventQuery { filter: filter.clone(), before: None, after: Some(middle.id.clone()), limit: 500 };
        let newer = readers.events(query, now()).await.unwrap().events;
        prop_assert_eq!(&newer, &expected[..expected.len() / 2]);
    }
    groups_agree(readers, filter, expected).await?;
    timelines_agree(readers, filter, expected).await
}

async fn groups_agree(readers: &Readers, filter: &Filter, expected: &[Event]) -> Result<(), TestCaseError> {
    for by in [GroupBy::Account, GroupBy::Network, GroupBy::Hour] {
        for order in [GroupOrder::Newest, GroupOrder::Most, GroupOrder::Refused] {
            let wanted = naive::groups(expected, by, order);
            let mut found = Vec::new();
            loop {
                let offset = found.len().try_into().unwrap();
                let query = GroupQuery { filter: filter.clone(), by, order, limit: 4, offset };
                let list = readers.event_groups(query, now()).await.unwrap();
                found.extend(list.groups);
                if !list.more {
                    break;
                }
            }
            // Equal ones may stand in any order.
            let rank = |groups: &[Group]| -> Vec<_> {
                groups.iter().map(|it| (it.last_at, it.events, it.refused)).collect()
            };
            if order == GroupOrder::Newest {
                let last = |groups: &[Group]| groups.iter().map(|it| it.last_at).collect::<Vec<_>>();
                prop_assert_eq!(last(&found), last(&wanted));
            } else {
                prop_assert_eq!(rank(&found).len(), rank(&wanted).len());
            }
            let sorted = |mut groups: Vec<Group>| {
                groups.sort_by(|a, b| a.key.cmp(&b.key));
                groups
            };
            prop_assert_eq!(sorted(found), sorted(wanted), "{:?} of {:?}", by, filter);
        }
    }
    Ok(())
}

async fn timelines_agree(
    readers: &Readers,
    filter: &Filter,
    expected: &[Event],
) -> Result<(), TestCaseError> {
    for (from, until, buckets, step) in
        [(0, 60, 60, 60), (-100, 1_440, 24, 7_200), (-10_000, 100_000, 200, 43_200)]
    {
        let (from, until) = (after_start(from), after_start(until));
        let query = TimelineQuery { filter: filter.clone(), from, until, buckets };
        let wanted = naive::timeline(expected, &query, step);
        let found = readers.event_timeline(query, now()).await.unwrap();
        prop_assert_eq!(found.step_seconds, step);
        prop_assert_eq!(found.points, wanted, "{:?}", filter);
    }
    Ok(())
}

async fn completions_agree(readers: &Readers, log: &[Event]) -> Result<(), TestCaseError> {
    use CompletionField::{Account, Device, Domain, Network};
    for (field, text) in [(Account, "a"), (Account, ""), (Domain, "net"), (Network, "203"), (Device, "th")] {
        let query = CompletionQuery { field, text: text.to_owned(), limit: 50 };
        let found = readers.complete(query).await.unwrap();
        prop_assert!(found.is_sorted_by_key(|completion| std::cmp::Reverse(completion.events)));
        let found: BTreeMap<_, _> = found.into_iter().map(|it| (it.value, it.events)).collect();
        prop_assert_eq!(found, naive::completions(log, field, text));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_query_answers_what_a_walk_over_all_events_finds(
        log in log(),
        filters in proptest::collection::vec(filter(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (path, key) = at(folder.path());
            let mut store = Store::open(&path, &key).unwrap();
            for batch in log.chunks(31) {
                store.apply(batch.to_vec(), Time::from_millis(0)).await.unwrap();
            }
            // The same once more changes nothing.
            prop_assert!(store.apply(log.clone(), Time::from_millis(0)).await.unwrap().is_none());
            let known = known(&log);
            for (place, filter) in filters.iter().enumerate() {
                if place == filters.len() / 2 {
                    // What was kept for a quick start says the same.
                    store.close().await;
                    store = Store::open(&path, &key).unwrap();
                }
                let passing = log.iter().rev().filter(|event| passes(event, filter, now(), &known));
                answers_agree(&store.readers(), filter, &passing.cloned().collect::<Vec<_>>()).await?;
            }
            completions_agree(&store.readers(), &log).await
        })?;
    }

    #[test]
    fn pruning_and_another_course_of_the_log_leave_exactly_the_rest(
        log in log(),
        kept in 0..40u64,
        oldest in 0..60i64,
        filter in filter(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (path, key) = at(folder.path());
            let store = Store::open(&path, &key).unwrap();
            store.apply(log.clone(), Time::from_millis(0)).await.unwrap();
            let oldest = after_start(oldest * 30);
            while store.prune(oldest).await.unwrap() {}
            let rest: Vec<_> = log.iter().rev().filter(|event| event.at >= oldest).cloned().collect();
            let (everything, known) = (Filter::default(), known(&log));
            answers_agree(&store.readers(), &everything, &rest).await?;

            let lineage = vec![
                LineageStep { epoch: "a".into(), first_seq: 1 },
                LineageStep { epoch: "c".into(), first_seq: kept + 1 },
            ];
            let dropped = store.follow(lineage).await.unwrap() as usize;
            let before = rest.len();
            let rest: Vec<_> = rest.into_iter().filter(|event| event.id.seq <= kept).collect();
            prop_assert_eq!(dropped, before - rest.len());
            answers_agree(&store.readers(), &everything, &rest).await?;
            let cursor = store.cursor().await.unwrap().map_or(0, |id| id.seq);
            prop_assert_eq!(cursor, kept.min(log.len() as u64));
            prop_assert_eq!(store.readers().figures(now()).await.unwrap().events as usize, rest.len());

            store.close().await;
            prop_assert!(store.readers().events_at(everything, 0, 1, now()).await.is_err());
            let store = Store::open(&path, &key).unwrap();
            let passing = rest.iter().filter(|event| passes(event, &filter, now(), &known));
            answers_agree(&store.readers(), &filter, &passing.cloned().collect::<Vec<_>>()).await?;
            // And it goes on from there.
            let event = log[0].clone();
            let id = EventId { epoch: "c".into(), seq: kept + 1 };
            let next = Event { id, at: now(), ..event };
            store.apply(vec![next.clone()], Time::from_millis(0)).await.unwrap();
            let page = store.readers().events_at(Filter::default(), 0, 1, now()).await.unwrap();
            prop_assert_eq!(page.events, vec![next]);
            Ok(())
        })?;
    }
}

/// What is kept of the index for the next start lies between what was removed.
#[tokio::test]
async fn what_pruning_drops_of_the_kept_index_is_kept_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = at(folder.path());
    let store = Store::open(&path, &key).unwrap();
    let event = |seq: u64| Event {
        id: format!("a:{seq}").parse().unwrap(),
        at: if seq == 1 || seq == 70 { after_start(-1) } else { after_start(1) },
        body: EventBody::System(SystemFact::Stopped),
    };
    let kept = async || {
        let count = "SELECT count(*) FROM event_columns";
        store.read(move |reader| Ok(reader.query_row(count, [], |row| row.get::<_, u32>(0))?)).await.unwrap()
    };
    store.apply((1..=100).map(event).collect(), Time::from_millis(0)).await.unwrap();
    assert_eq!(kept().await, 3);
    store.prune(after_start(0)).await.unwrap();
    assert_eq!(kept().await, 3);
}

/// A copy as it was written before events had explanations and devices.
#[tokio::test]
async fn an_older_copy_is_numbered_when_it_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = at(folder.path());
    let body = r#"{"type":"sign_in","login":"anna@example.org","protocol":"imap","address":"203.0.113.7",
        "outcome":"failed","reasons":[{"code":"wrong_password","text":"wrong password","block":null}],
        "server":"mail","client":"Thunderbird","tls":true}"#;
    {
        let writer =
            connect(&path, &key, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
        for sql in &MIGRATIONS[..3] {
            writer.execute_batch(sql).unwrap();
        }
        writer
            .execute_batch(
                "PRAGMA user_version = 3; INSERT INTO epochs VALUES (1, 'a', 1, 1); \
                 INSERT INTO logins VALUES (1, 'anna@example.org'); \
                 INSERT INTO addresses VALUES (1, x'00000000000000000000FFFFCB007107'); \
                 INSERT INTO events VALUES (1, 1, 1764000000000, 291, 1, 1); \
                 INSERT INTO event_words (rowid, words) VALUES (1, 'anna example org wrong password');",
            )
            .unwrap();
        writer.execute("INSERT INTO event_bodies VALUES (1, ?1)", [body]).unwrap();
    }
    let store = Store::open(&path, &key).unwrap();
    let count = async |test: Test| {
        let filter = Filter { span: None, terms: vec![Term { not: false, test }] };
        store.readers().count_events(filter, None, now()).await.unwrap().events
    };
    assert_eq!(count(Test::Text { words: "anna thunder wrong mail 113".to_owned() }).await, 1);
    assert_eq!(count(Test::Reason { any: vec![ReasonCode::WrongPassword] }).await, 1);
    assert_eq!(count(Test::Device { any: vec!["bird".to_owned()] }).await, 1);
    assert_eq!(count(Test::Text { words: "nothing".to_owned() }).await, 0);
}
