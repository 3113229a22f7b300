//! What is kept of the policy, and what is tried with it, held against a plain reading.

mod plain;

use std::{collections::BTreeMap, sync::Arc};

use mailcup_guard::{
    limit::Measure,
    limiter::{self, Key, Pool},
    replay::Replay,
};
use mailcup_policy::{known_networks, limit_set, rule_set};
use mailcup_wire::{
    AccessAction, AccessRule, AccessTerms, Event, EventBody, KnownNetworks, LimitAction, LimitMeasure,
    LimitPer, LimitTerms, LimitWindow, Outcome, Place, PolicyItem, PolicyMode, PolicyScope, PolicyState,
    Protocol, Reason, ReasonCode, SendingLimit, SignIn, Submission, SubmissionOutcome, Time, Trial,
    TrialState,
    desktop::{DryRun, Filter, Span},
};
use proptest::prelude::*;

use self::plain::{Plain, plain, plain_sending};
use super::{START, after_start, at, now};
use crate::store::{Lists, Question, Readers, SendingReplay, Store, Watch};

const LOGINS: [&str; 4] = ["anna@example.org", "bert@example.org", "carla@example.net", "dora@example.net"];
const ADDRESSES: [(&str, Option<&str>); 5] = [
    ("203.0.113.7", Some("DE")),
    ("203.0.113.9", Some("DE")),
    ("198.51.100.1", Some("UA")),
    ("2001:db8::1", None),
    ("2001:db8:0:1::1", Some("FR")),
];
const NETWORKS: [&str; 5] =
    ["203.0.113.0/24", "203.0.113.7", "198.51.100.0/24", "2001:db8::/64", "0.0.0.0/0"];

pub fn terms(action: AccessAction, networks: &[&str]) -> AccessTerms {
    AccessTerms {
        scope: PolicyScope::Organization,
        action,
        protocols: Vec::new(),
        networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
        countries: Vec::new(),
        schedule: None,
        expires_at: None,
        note: String::new(),
        enabled: true,
        mode: PolicyMode::Enforced,
    }
}

pub fn rule(id: &str, version: u32, terms: AccessTerms) -> AccessRule {
    AccessRule {
        id: id.into(),
        terms,
        mode_since: after_start(0),
        created_at: after_start(0),
        created_by_login: None,
        changed_at: after_start(0),
        changed_by_login: None,
        deleted_at: None,
        version,
    }
}

fn limit(id: &str, terms: LimitTerms) -> SendingLimit {
    SendingLimit {
        id: id.into(),
        terms,
        mode_since: after_start(0),
        created_at: after_start(0),
        created_by_login: None,
        changed_at: after_start(0),
        changed_by_login: None,
        deleted_at: None,
        version: 1,
    }
}

fn event(seq: usize, minutes: i64, body: EventBody) -> Event {
    Event { id: format!("a:{}", seq + 1).parse().unwrap(), at: after_start(minutes), body }
}

fn trial(state: TrialState) -> Trial {
    Trial {
        id: "t1".into(),
        admin: None,
        login: None,
        change: "A rule was added.".to_owned(),
        lock_out: mailcup_wire::LockOut {
            yourself: true,
            address: None,
            owners: Vec::new(),
            reasons: Vec::new(),
        },
        began_at: after_start(0),
        ends_at: after_start(10),
        state,
        ended_at: None,
        ended_by_login: None,
    }
}

#[tokio::test]
async fn the_newest_version_of_a_piece_stays_and_deleted_ones_are_only_found_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = at(folder.path());
    let store = Store::open(&path, &key).unwrap();
    assert!(!store.knows_policy().await.unwrap());
    let deny = terms(AccessAction::Deny, &["203.0.113.0/24"]);
    let state = PolicyState {
        rules: vec![rule("r2", 3, deny.clone()), rule("r1", 1, deny.clone())],
        limits: Vec::new(),
        known_networks: Vec::new(),
        trial: None,
    };
    store.take_policy(state.clone()).await.unwrap();
    assert!(store.knows_policy().await.unwrap());
    let known = KnownNetworks {
        scope: PolicyScope::Organization,
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        changed_at: after_start(1),
        changed_by_login: None,
        version: 1,
    };
    let gone = AccessRule { deleted_at: Some(after_start(1)), ..rule("r1", 2, deny.clone()) };
    let items = [
        PolicyItem::AccessRule(rule("r2", 2, terms(AccessAction::Allow, &[]))),
        PolicyItem::AccessRule(gone.clone()),
        PolicyItem::KnownNetworks(known.clone()),
        PolicyItem::Trial(trial(TrialState::Running)),
    ];
    let events = items.into_iter().enumerate().map(|(seq, it)| event(seq, 1, EventBody::Policy(it)));
    let applied = store.apply(events.collect(), Time::from_millis(0)).await.unwrap().unwrap();
    assert!(applied.changed.policy);
    // A list that was asked for a moment ago does not take back what the stream has told since.
    store.take_policy(state.clone()).await.unwrap();
    let readers = store.readers();
    let policy = readers.policy().await.unwrap();
    assert_eq!(policy.rules, [rule("r2", 3, deny.clone())]);
    assert_eq!(policy.known_networks, [known]);
    assert_eq!(readers.access_rule("r1".into()).await.unwrap(), Some(gone));
    assert_eq!(readers.figures(now()).await.unwrap().trial, Some(trial(TrialState::Running)));
    store.take_policy_items(vec![PolicyItem::Trial(trial(TrialState::Kept))]).await.unwrap();
    assert_eq!(readers.figures(now()).await.unwrap().trial, None);
    // The service was restored from an older copy.
    let older = PolicyState { rules: vec![rule("r2", 1, deny)], ..state };
    store.take_lists(Lists { policy: Some(older.clone()), ..Lists::default() }, true).await.unwrap();
    assert_eq!(readers.policy().await.unwrap(), older);
}

#[tokio::test]
async fn where_an_address_is_follows_its_newest_event_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = at(folder.path());
    let store = Store::open(&path, &key).unwrap();
    let sign_in = |country: Option<&str>| {
        let place = country.map(|code| Place { country: Some(code.to_owned()), ..Place::default() });
        EventBody::SignIn(SignIn { place, ..sign_in("anna@example.org", "203.0.113.7") })
    };
    let ip: mailcup_wire::Address = "203.0.113.7".parse().unwrap();
    let told = [(None, None), (Some("DE"), Some("DE")), (Some("UA"), Some("UA")), (None, Some("UA"))];
    for (seq, (country, wanted)) in told.into_iter().enumerate() {
        store.apply(vec![event(seq, 0, sign_in(country))], Time::from_millis(0)).await.unwrap();
        let place = store.readers().place_of(ip).await.unwrap();
        assert_eq!(place.and_then(|place| place.country).as_deref(), wanted);
    }
    store.close().await;
    let store = Store::open(&path, &key).unwrap();
    let from = store.readers().where_from(Filter::default(), now()).await.unwrap();
    assert_eq!((from.countries[0].country.as_str(), from.countries[0].allowed, from.unknown), ("UA", 4, 0));
    assert!(store.readers().has_places().await.unwrap());
}

fn sign_in(login: &str, address: &str) -> SignIn {
    SignIn {
        login: login.into(),
        protocol: Protocol::Imap,
        address: address.parse().ok(),
        outcome: Outcome::Succeeded,
        reasons: Vec::new(),
        server: None,
        client: None,
        tls: true,
        place: None,
    }
}

fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        Just(Reason::new(ReasonCode::NothingAgainst, "nothing")),
        Just(Reason::new(ReasonCode::BlockedAddress, "blocked")),
        (0..3u8, any::<bool>()).prop_map(|(rule, would)| {
            let code = if would { ReasonCode::RuleWouldDeny } else { ReasonCode::RuleDenied };
            Reason { rule: Some(format!("r{rule}").into()), ..Reason::new(code, "a rule") }
        }),
        (0..2u8, any::<bool>()).prop_map(|(limit, would)| {
            let code = if would { ReasonCode::LimitWouldReach } else { ReasonCode::LimitReached };
            Reason { limit: Some(format!("l{limit}").into()), ..Reason::new(code, "a limit") }
        }),
    ]
}

fn body() -> impl Strategy<Value = EventBody> {
    let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Refused, Outcome::Challenged];
    let ends = [SubmissionOutcome::Accepted, SubmissionOutcome::Rejected, SubmissionOutcome::Abandoned];
    let from = proptest::option::weighted(0.9, proptest::sample::select(ADDRESSES.as_slice()));
    let protocols = proptest::sample::select(vec![Protocol::Imap, Protocol::Web, Protocol::Submission]);
    let login = proptest::sample::select(LOGINS.as_slice());
    (0..12usize, login, from, protocols, proptest::collection::vec(reason(), 0..3), 1..6u32).prop_map(
        move |(kind, login, from, protocol, reasons, recipients)| {
            let place = from.and_then(|(_, country)| country).map(|country| Place {
                country: Some(country.to_owned()),
                asn: Some(64_500),
                network: Some("Example Net".to_owned()),
            });
            let address = from.map(|(text, _)| text.parse().unwrap());
            if kind < 8 {
                let outcome = outcomes[kind % 4];
                let base = sign_in(login, "");
                return EventBody::SignIn(SignIn { protocol, address, outcome, reasons, place, ..base });
            }
            EventBody::Submission(Submission {
                login: Some(login.into()),
                address,
                sender: None,
                recipients,
                outcome: ends[kind % 3],
                reasons,
                size: 0,
                place,
            })
        },
    )
}

fn log() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((body(), 0..9i64), 1..150).prop_map(|bodies| {
        let mut minutes = 0;
        let next = |(seq, (body, step)): (usize, (EventBody, i64))| {
            minutes += step;
            event(seq, minutes, body)
        };
        bodies.into_iter().enumerate().map(next).collect()
    })
}

fn scope() -> impl Strategy<Value = PolicyScope> {
    prop_oneof![
        Just(PolicyScope::Organization),
        Just(PolicyScope::Domain { domain: "example.org".to_owned() }),
        Just(PolicyScope::Account { login: "anna@example.org".into() }),
    ]
}

fn rules() -> impl Strategy<Value = Vec<AccessRule>> {
    let networks = proptest::sample::subsequence(NETWORKS.to_vec(), 0..3);
    let countries = proptest::sample::subsequence(vec!["DE", "UA", "FR"], 0..2);
    let expires = proptest::option::weighted(0.2, (0..600i64).prop_map(after_start));
    let one = (any::<bool>(), networks, countries, scope(), expires, any::<bool>()).prop_map(
        |(allow, networks, countries, scope, expires_at, enforced)| AccessTerms {
            scope,
            countries: countries.into_iter().map(str::to_owned).collect(),
            expires_at,
            mode: if enforced { PolicyMode::Enforced } else { PolicyMode::ReportOnly },
            ..terms(if allow { AccessAction::Allow } else { AccessAction::Deny }, &networks)
        },
    );
    proptest::collection::vec(one, 0..5).prop_map(|all| {
        let named = all.into_iter().enumerate();
        named.map(|(place, terms)| rule(&format!("r{place}"), 1, terms)).collect()
    })
}

fn limits() -> impl Strategy<Value = Vec<SendingLimit>> {
    let windows = proptest::sample::select(vec![LimitWindow::Minute, LimitWindow::Hour, LimitWindow::Day]);
    let one = (scope(), any::<bool>(), windows, 0..8u32, proptest::option::of(0..12u32));
    proptest::collection::vec(one, 0..4).prop_map(|all| {
        let build = |(place, (scope, messages, window, others, known)): (usize, _)| {
            limit(
                &format!("l{place}"),
                LimitTerms {
                    scope,
                    measure: if messages {
                        LimitMeasure::Messages { window }
                    } else {
                        LimitMeasure::Recipients { window }
                    },
                    per: if place % 2 == 0 { LimitPer::Account } else { LimitPer::AccountAndAddress },
                    known,
                    others: Some(others),
                    burst: None,
                    action: LimitAction::Hold,
                    text: None,
                    note: String::new(),
                    enabled: true,
                    mode: PolicyMode::Enforced,
                },
            )
        };
        all.into_iter().enumerate().map(build).collect()
    })
}

async fn tried(readers: &Readers, question: Question) -> DryRun {
    readers.dry_run(question, Arc::default()).await.unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_dry_run_finds_what_a_plain_reading_of_all_events_finds(
        log in log(),
        before in rules(),
        after in rules(),
        limits_before in limits(),
        limits_after in limits(),
        from in 0..300i64,
        length in 1..600i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (path, key) = at(folder.path());
            let store = Store::open(&path, &key).unwrap();
            store.apply(log.clone(), Time::from_millis(0)).await.unwrap();
            let (from, until) = (after_start(from), after_start(from + length));
            let sending = |limits: &[SendingLimit]| (limit_set(limits), known_networks(&[]));
            let dry_run = tried(&store.readers(), Question {
                sign_ins: Some(Replay::new(rule_set(&before), rule_set(&after))),
                submissions: Some(SendingReplay {
                    before: sending(&limits_before),
                    after: sending(&limits_after),
                }),
                span: Span::Between { from: Some(from), until: Some(until) },
                now: after_start(100_000),
            }).await;
            let effect = dry_run.sign_ins;
            let accounts = effect.accounts.iter().map(|it| (it.login.0.clone(), (it.refused, it.of)));
            let found = Plain {
                looked_at: effect.looked_at,
                refused: effect.refused,
                failed_refused: effect.failed_refused,
                let_in: effect.let_in,
                accounts: accounts.collect(),
            };
            prop_assert_eq!(found, plain(&log, &before, &after, from, until));
            prop_assert_eq!(effect.steps.iter().map(|it| it.refused).sum::<u32>(), effect.refused);
            prop_assert_eq!(effect.steps.iter().map(|it| it.let_in).sum::<u32>(), effect.let_in);
            prop_assert!(effect.steps.len() <= 120);
            prop_assert_eq!(effect.networks.iter().map(|it| it.refused).sum::<u32>(), effect.refused);
            prop_assert_eq!(effect.samples.len(), (effect.refused as usize).min(20));
            let sent = dry_run.submissions.unwrap();
            let wanted = plain_sending(
                &log, &sending(&limits_before).0, &sending(&limits_after).0, from, until,
            );
            prop_assert_eq!((sent.held, sent.recipients, sent.let_out), wanted);
            Ok(())
        })?;
    }

    #[test]
    fn effects_count_the_events_whose_reasons_name_a_rule(log in log()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (path, key) = at(folder.path());
            let store = Store::open(&path, &key).unwrap();
            store.apply(log.clone(), Time::from_millis(0)).await.unwrap();
            store.close().await;
            let store = Store::open(&path, &key).unwrap();
            let effects = store.readers().policy_effects(after_start(2_000)).await.unwrap();
            let mut wanted: BTreeMap<String, (u32, u32)> = BTreeMap::new();
            for event in &log {
                let (EventBody::SignIn(SignIn { reasons, .. })
                    | EventBody::Submission(Submission { reasons, .. })) = &event.body else { continue };
                for reason in reasons {
                    let Some(rule) = &reason.rule else { continue };
                    let sum = wanted.entry(rule.0.clone()).or_default();
                    *(if reason.code == ReasonCode::RuleDenied { &mut sum.0 } else { &mut sum.1 }) += 1;
                }
            }
            let found = effects.rules.into_iter().map(|it| (it.rule.0, (it.refused, it.would_refuse)));
            prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), wanted);
            Ok(())
        })?;
    }

    #[test]
    fn counts_are_what_was_accepted_within_the_window(
        log in log(),
        limits in limits(),
        minutes in 0..600i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (path, key) = at(folder.path());
            let store = Store::open(&path, &key).unwrap();
            store.apply(log.clone(), Time::from_millis(0)).await.unwrap();
            let asked_at = after_start(minutes);
            let known = || known_networks(&[KnownNetworks {
                scope: PolicyScope::Organization,
                networks: vec!["203.0.113.0/24".parse().unwrap()],
                changed_at: asked_at,
                changed_by_login: None,
                version: 1,
            }]);
            let counts = store.readers().counts(limit_set(&limits), known(), asked_at).await.unwrap();
            let mut wanted: BTreeMap<Key, u32> = BTreeMap::new();
            for (at, message) in accepted(&log).filter(|(at, _)| *at <= asked_at) {
                let login: Arc<str> = message.login.as_ref().unwrap().0.as_str().into();
                let ip = message.address.map(mailcup_wire::Address::ip);
                let pool = if known().holds(&login, ip) { Pool::Known } else { Pool::Others };
                for limit in limit_set(&limits).applying(&login) {
                    let length = limit.measure.window().unwrap().length();
                    if asked_at.0.duration_since(at.0) < length {
                        let messages = matches!(limit.measure, Measure::Messages(_));
                        *wanted.entry(limiter::key(limit, pool, &login, ip)).or_default() +=
                            if messages { 1 } else { message.recipients };
                    }
                }
            }
            let found: BTreeMap<Key, u32> =
                counts.by_key.iter().map(|(key, count)| (key.clone(), count.used)).collect();
            prop_assert_eq!(found, wanted);
            prop_assert!(counts.by_key.values().all(|count| count.frees_at > asked_at));

            let senders = store.readers().sending_networks(String::new(), 50, known(), asked_at).await.unwrap();
            let mut messages: BTreeMap<String, u32> = BTreeMap::new();
            for (_, message) in accepted(&log).filter(|(at, _)| *at <= asked_at) {
                *messages.entry(message.login.as_ref().unwrap().0.clone()).or_default() += 1;
            }
            prop_assert!(senders.is_sorted_by_key(|it| std::cmp::Reverse(it.messages)));
            let found = senders.into_iter().map(|it| (it.login.0, it.messages));
            prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), messages);
            Ok(())
        })?;
    }
}

fn accepted(log: &[Event]) -> impl Iterator<Item = (Time, &Submission)> {
    log.iter().filter_map(|event| match &event.body {
        EventBody::Submission(it) if it.outcome == SubmissionOutcome::Accepted => Some((event.at, it)),
        _ => None,
    })
}

#[tokio::test]
async fn a_cancelled_dry_run_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = at(folder.path());
    let store = Store::open(&path, &key).unwrap();
    let body = || EventBody::SignIn(sign_in("anna@example.org", "203.0.113.7"));
    let events = (0..100).map(|seq| event(seq, 1, body())).collect();
    store.apply(events, Time::from_millis(0)).await.unwrap();
    let question = || Question {
        sign_ins: Some(Replay::new(rule_set(&[]), rule_set(&[]))),
        submissions: None,
        span: Span::Between { from: Some(Time::from_millis(START)), until: None },
        now: now(),
    };
    let watch = Arc::new(Watch::default());
    watch.cancel();
    assert_eq!(store.readers().dry_run(question(), watch).await.unwrap(), None);
    let watch = Arc::new(Watch::default());
    let done = store.readers().dry_run(question(), Arc::clone(&watch)).await.unwrap().unwrap();
    assert_eq!((done.sign_ins.looked_at, watch.progress()), (100, (100, 100)));
}
