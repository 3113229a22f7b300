//! The usage of accounts, held against a walk over all events.

use std::collections::BTreeMap;

use mailcup_wire::{
    AccountOrigin, Block, BlockTarget, EventId, LineageStep, Protocol, Reason,
    desktop::{AccountOrder, AccountQuery, AccountState, AccountUsage, LastSignIn},
};
use proptest::prelude::*;

use super::*;
use crate::{
    key::ConsoleKey,
    store::{Lists, MIGRATIONS},
};

const LOGINS: [&str; 3] = ["anna@example.org", "bert@example.org", "nobody@example.org"];
const ADDRESSES: [&str; 5] = ["203.0.113.7", "203.0.113.9", "198.51.100.1", "2001:db8::1", "2001:db8:0:1::1"];
const HOUR: i64 = 3_600_000;
const START: i64 = 1_764_000_000_000;

fn account(login: &str) -> Account {
    Account {
        login: login.into(),
        name: String::new(),
        origin: AccountOrigin::Discovered,
        created_at: Time::from_millis(START),
        note: String::new(),
        version: 1,
    }
}

fn body() -> impl Strategy<Value = EventBody> {
    let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Refused, Outcome::Challenged];
    (0..10usize, 0..3usize, proptest::option::weighted(0.9, 0..5usize), 0..2usize, 0..4usize).prop_map(
        move |(kind, login, address, protocol, outcome)| match kind {
            0 if login < 2 => EventBody::Account(account(LOGINS[login])),
            _ => EventBody::SignIn(SignIn {
                login: LOGINS[login].into(),
                protocol: [Protocol::Imap, Protocol::Submission][protocol],
                address: address.map(|place| ADDRESSES[place].parse().unwrap()),
                outcome: outcomes[outcome],
                reasons: Vec::<Reason>::new(),
                server: None,
                client: None,
                tls: true,
                place: None,
            }),
        },
    )
}

fn log() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((body(), -HOUR..48 * HOUR), 1..80).prop_map(|bodies| {
        let mut at = START;
        let event = |(place, (body, step)): (usize, (EventBody, i64))| {
            at += step;
            let id = EventId { epoch: "a".into(), seq: place as u64 + 1 };
            Event { id, at: Time::from_millis(at), body }
        };
        bodies.into_iter().enumerate().map(event).collect()
    })
}

/// What the events say of an account; `last` is its last sign-in.
fn walked<'a>(
    kept: impl Iterator<Item = &'a Event>,
    last: Option<&Event>,
    login: &str,
    from: i64,
) -> AccountUsage {
    let mut usage = AccountUsage::default();
    let (mut networks, mut protocols) = (BTreeSet::new(), BTreeSet::new());
    for event in kept {
        let EventBody::SignIn(sign_in) = &event.body else { continue };
        if sign_in.login.0 != login {
            continue;
        }
        match sign_in.outcome {
            Outcome::Succeeded => {
                networks.extend(sign_in.address.map(|address| match address.ip() {
                    std::net::IpAddr::V4(v4) => format!("{:?}", &v4.octets()[..3]),
                    std::net::IpAddr::V6(v6) => format!("{:?}", &v6.segments()[..4]),
                }));
                protocols.insert(sign_in.protocol);
            }
            Outcome::Failed => usage.failed += u32::from(event.at.as_millis() >= from),
            Outcome::Refused => usage.refused += u32::from(event.at.as_millis() >= from),
            Outcome::Challenged => {}
        }
    }
    usage.networks = u32::try_from(networks.len()).unwrap();
    usage.protocols = protocols.into_iter().collect();
    usage.last_sign_in = last.map(|event| {
        let EventBody::SignIn(sign_in) = &event.body else { panic!() };
        LastSignIn { at: event.at, address: sign_in.address, protocol: sign_in.protocol }
    });
    usage
}

fn last_of<'a>(events: impl Iterator<Item = &'a Event>, login: &str) -> Option<&'a Event> {
    events
        .filter(|event| {
            matches!(&event.body, EventBody::SignIn(it) if it.login.0 == login && it.outcome == Outcome::Succeeded)
        })
        .last()
}

fn query() -> AccountQuery {
    AccountQuery {
        text: String::new(),
        state: None,
        order: AccountOrder::Login,
        descending: false,
        offset: 0,
        limit: 100,
    }
}

async fn listed(store: &Store) -> BTreeMap<String, AccountUsage> {
    let list = store.readers().list_accounts(query(), Time::from_millis(START)).await.unwrap();
    assert_eq!(list.total as usize, list.accounts.len());
    list.accounts.into_iter().map(|row| (row.account.login.0, row.usage)).collect()
}

fn open(folder: &std::path::Path) -> Store {
    let key = ConsoleKey::generate().store_key(&mailcup_wire::ServiceId::from("one"));
    Store::open(&folder.join("store.db"), &key).unwrap()
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn usage_is_what_a_walk_over_all_events_finds(
        log in log(), batch in 1..40usize, now in 0..2000i64, oldest in 0..1500i64, kept in 0..80u64,
    ) {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path());
            let lists = Lists { accounts: vec![account(LOGINS[0])], ..Lists::default() };
            store.take_lists(lists, false).await.unwrap();
            for part in log.chunks(batch) {
                store.apply(part.to_vec(), Time::from_millis(0)).await.unwrap();
                // Counts go both ways with the clock.
                store.roll_usage(Time::from_millis(START + (2000 - now) * HOUR)).await.unwrap();
            }
            let now = Time::from_millis(START + now * HOUR);
            store.roll_usage(now).await.unwrap();
            let from = now.as_millis() - 30 * DAY_MILLIS;
            let known: BTreeSet<&str> = std::iter::once(LOGINS[0])
                .chain(log.iter().filter_map(|event| match &event.body {
                    EventBody::Account(account) => Some(account.login.0.as_str()),
                    _ => None,
                }))
                .collect();
            let expected = |kept: &[&Event], last: &dyn Fn(&str) -> Option<Event>| -> BTreeMap<String, AccountUsage> {
                known.iter().map(|login| {
                    ((*login).to_owned(), walked(kept.iter().copied(), last(login).as_ref(), login, from))
                }).collect()
            };
            let all: Vec<_> = log.iter().collect();
            let last = |login: &str| last_of(log.iter(), login).cloned();
            prop_assert_eq!(listed(&store).await, expected(&all, &last));

            let oldest = Time::from_millis(START + oldest * HOUR);
            while store.prune(oldest).await.unwrap() {}
            let rest: Vec<_> = log.iter().filter(|event| event.at >= oldest).collect();
            prop_assert_eq!(listed(&store).await, expected(&rest, &last));

            store.follow(vec![
                LineageStep { epoch: "a".into(), first_seq: 1 },
                LineageStep { epoch: "c".into(), first_seq: kept + 1 },
            ]).await.unwrap();
            let rest: Vec<_> = rest.into_iter().filter(|event| event.id.seq <= kept).collect();
            let last = |login: &str| match last_of(log.iter(), login) {
                Some(event) if event.id.seq <= kept => Some(event.clone()),
                _ => last_of(rest.iter().copied(), login).cloned(),
            };
            prop_assert_eq!(listed(&store).await, expected(&rest, &last));
            Ok(())
        })?;
    }

    #[test]
    fn a_copy_that_is_older_than_the_table_is_filled(log in log()) {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path());
            store.apply(log.clone(), Time::from_millis(0)).await.unwrap();
            let before = listed(&store).await;
            store.write(|writer| {
                writer.execute_batch("DROP TABLE account_usage; DROP TABLE account_networks;")?;
                writer.execute_batch(MIGRATIONS[super::super::USAGE as usize - 1])?;
                super::fill_all(writer)
            }).await.unwrap();
            prop_assert_eq!(listed(&store).await, before);
            Ok(())
        })?;
    }
}

#[test]
fn accounts_are_found_ordered_and_paged() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let named = |login: &str, name: &str| Account { name: name.to_owned(), ..account(login) };
        let lists = Lists {
            policy: None,
            accounts: vec![
                named("c@example.org", "anna"),
                named("a_b@example.org", ""),
                named("a@x.net", "Zoe"),
            ],
            blocks: vec![Block {
                id: "b1".into(),
                target: BlockTarget::Account { login: "a@x.net".into() },
                note: String::new(),
                created_at: Time::from_millis(START),
                created_by: None,
                created_by_login: None,
                expires_at: Some(Time::from_millis(START + HOUR)),
                lifted_at: None,
                lifted_by_login: None,
                cause: None,
                version: 1,
            }],
            alerts: Vec::new(),
        };
        store.take_lists(lists, false).await.unwrap();
        let at = |query: AccountQuery, now: i64| {
            let readers = store.readers();
            async move {
                let list = readers.list_accounts(query, Time::from_millis(now)).await.unwrap();
                let logins: Vec<_> = list.accounts.into_iter().map(|row| row.account.login.0).collect();
                (logins.join(" "), list.total)
            }
        };
        let now = START;
        let some = |text: &str| AccountQuery { text: text.to_owned(), ..query() };
        assert_eq!(at(query(), now).await, ("a@x.net a_b@example.org c@example.org".into(), 3));
        assert_eq!(at(some("A_"), now).await, ("a_b@example.org".into(), 1));
        assert_eq!(at(some("ANN"), now).await, ("c@example.org".into(), 1));
        let by_name = AccountQuery { order: AccountOrder::Name, ..query() };
        assert_eq!(at(by_name.clone(), now).await.0, "c@example.org a@x.net a_b@example.org");
        let second = AccountQuery { offset: 1, limit: 1, descending: true, ..by_name };
        assert_eq!(at(second, now).await, ("c@example.org".into(), 3));
        let state = |state| AccountQuery { state: Some(state), ..query() };
        assert_eq!(at(state(AccountState::Blocked), now).await, ("a@x.net".into(), 1));
        assert_eq!(at(state(AccountState::Blocked), now + HOUR).await.1, 0);
        assert_eq!(at(state(AccountState::Alert), now).await.1, 0);
        assert_eq!(at(state(AccountState::Dormant), now + 90 * DAY_MILLIS).await.1, 0);
        assert_eq!(at(state(AccountState::Dormant), now + 90 * DAY_MILLIS + 1).await.1, 3);
        // Another course of the log knows only one of them.
        let lists = Lists { accounts: vec![named("c@example.org", "anna")], ..Lists::default() };
        store.take_lists(lists, true).await.unwrap();
        assert_eq!(at(query(), now).await, ("c@example.org".into(), 1));
    });
}
