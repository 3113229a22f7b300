//! Finding events, beside looking at each of them: indexed or not, by short pages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use mailcup_guard::alert::Rules;
use mailcup_service::{
    clock::Clock,
    event_log::EventLog,
    jobs,
    store::{
        Store, event_index,
        events::{self, NewEvent},
        search::{self, Patience},
    },
};
use mailcup_wire::{
    Address, Event, EventBody, EventFilter, EventKind, Outcome, OutcomeFilter, Protocol, SignIn, SystemFact,
    Time,
};
use tempfile::TempDir;

const BEGIN: i64 = 1_764_000_000_000;

/// No time at all, and few events at once.
const HASTY: Patience = Patience { time: Duration::ZERO, at_least: 150 };

#[tokio::test]
async fn the_index_finds_what_looking_at_every_event_finds() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let (log, writing) = EventLog::open(store.clone(), Clock::system(), Rules::default()).await.unwrap();
    log.append_past((0..1200).map(past).collect()).await.unwrap();
    // The first of it is indexed, the rest not yet; then all.
    let mut tx = store.write().await.unwrap();
    event_index::index(&mut tx, 700).await.unwrap();
    tx.commit().await.unwrap();
    for indexed in ["a part", "all"] {
        let rows = events::after(store.read(), 0, u64::MAX >> 1, 10_000).await.unwrap();
        let all: Vec<Event> = rows
            .iter()
            .map(|row| Event {
                id: log.id_of(row.seq),
                at: row.at,
                body: serde_json::from_str(&row.body).unwrap(),
            })
            .collect();
        for (filter, matches) in filters() {
            let expected: Vec<u64> =
                all.iter().rev().filter(|event| matches(event)).map(|event| event.id.seq).collect();
            for patience in [Patience::default(), HASTY] {
                let found = all_pages(&store, &filter, patience).await;
                assert_eq!(found, expected, "{indexed} indexed: {filter:?}");
            }
        }
        jobs::index(&log).await.unwrap();
    }
    log.close().await.unwrap();
    writing.await.unwrap();
}

async fn all_pages(store: &Store, filter: &EventFilter, patience: Patience) -> Vec<u64> {
    let (mut seqs, mut before) = (Vec::new(), None);
    loop {
        let found = search::search(store.read(), filter, before, 7, patience).await.unwrap();
        seqs.extend(found.rows.iter().map(|row| row.seq));
        before = found.next;
        if before.is_none() {
            return seqs;
        }
    }
}

/// One event a minute: sign-ins of ten accounts from many addresses, and now and then a fact.
fn past(number: u32) -> (Time, NewEvent) {
    let at = Time::from_millis(BEGIN + i64::from(number) * 60_000);
    let body = if number.is_multiple_of(211) {
        EventBody::System(SystemFact::Stopped)
    } else {
        EventBody::SignIn(SignIn {
            login: format!("user-{}@example.org", number % 10).as_str().into(),
            protocol: if number.is_multiple_of(97) { Protocol::Pop3 } else { Protocol::Imap },
            address: (!number.is_multiple_of(5)).then(|| address(number)),
            outcome: if number.is_multiple_of(13) { Outcome::Failed } else { Outcome::Succeeded },
            reasons: Vec::new(),
            server: Some(format!("server {}", number % 100)),
            client: None,
            tls: true,
            place: None,
        })
    };
    (at, NewEvent::new(&body, None))
}

fn address(number: u32) -> Address {
    let text = format!("10.{}.{}.{}", number % 3, number % 7, number % 250);
    text.parse::<std::net::IpAddr>().unwrap().into()
}

type Matches = fn(&Event) -> bool;

fn filters() -> Vec<(EventFilter, Matches)> {
    fn sign_in(event: &Event) -> Option<&SignIn> {
        if let EventBody::SignIn(it) = &event.body { Some(it) } else { None }
    }
    fn octet(event: &Event, place: usize) -> Option<u8> {
        match sign_in(event)?.address?.ip() {
            std::net::IpAddr::V4(v4) => Some(v4.octets()[place]),
            std::net::IpAddr::V6(_) => None,
        }
    }
    let all = EventFilter::default;
    let one: Matches = |event| match &event.body {
        EventBody::SignIn(it) => it.login.0 == "user-3@example.org",
        EventBody::Account(it) => it.login.0 == "user-3@example.org",
        _ => false,
    };
    let span = (Time::from_millis(BEGIN + 300 * 60_000), Time::from_millis(BEGIN + 800 * 60_000));
    vec![
        (all(), |_| true),
        (EventFilter { account: Some("USER-3@example.org".into()), ..all() }, one),
        (EventFilter { account: Some("user-3".into()), ..all() }, one),
        (EventFilter { account: Some("nobody".into()), ..all() }, |_| false),
        (EventFilter { network: Some("10.2.0.0/16".parse().unwrap()), ..all() }, |event| {
            octet(event, 1) == Some(2)
        }),
        (EventFilter { network: Some("10.0.0.0/8".parse().unwrap()), ..all() }, |event| {
            octet(event, 0) == Some(10)
        }),
        (EventFilter { kinds: vec![EventKind::System], ..all() }, |event| {
            event.body.kind() == EventKind::System
        }),
        (
            EventFilter { protocols: vec![Protocol::Pop3], outcomes: vec![OutcomeFilter::Failed], ..all() },
            |event| {
                sign_in(event)
                    .is_some_and(|it| it.protocol == Protocol::Pop3 && it.outcome == Outcome::Failed)
            },
        ),
        (EventFilter { from: Some(span.0), until: Some(span.1), ..all() }, |event| {
            (300..800).contains(&((event.at.as_millis() - BEGIN) / 60_000))
        }),
        (EventFilter { text: Some("SERVER 37\",\"client".into()), ..all() }, |event| {
            sign_in(event).is_some_and(|it| it.server.as_ref().is_some_and(|name| name.ends_with("37")))
        }),
        (
            EventFilter {
                account: Some("user-3@example.org".into()),
                outcomes: vec![OutcomeFilter::Failed],
                from: Some(span.0),
                ..all()
            },
            |event| {
                sign_in(event)
                    .is_some_and(|it| it.login.0 == "user-3@example.org" && it.outcome == Outcome::Failed)
                    && event.at.as_millis() >= BEGIN + 300 * 60_000
            },
        ),
    ]
}
