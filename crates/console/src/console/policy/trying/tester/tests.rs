use mailcup_wire::{
    AccessTerms, BlockId, Event, EventBody, LimitMeasure, LimitPer, LimitTerms, LimitWindow, PolicyChange,
    PolicyMode, PolicyScope, RuleEdit, SendingLimit, Submission, SubmissionOutcome,
};

use super::*;
use crate::{
    key::ConsoleKey,
    store::{Lists, Store},
};

const START: i64 = 1_764_000_000_000;

fn after_start(minutes: i64) -> Time {
    Time::from_millis(START + minutes * 60_000)
}

fn terms(action: AccessAction, scope: PolicyScope, network: &str) -> AccessTerms {
    AccessTerms {
        scope,
        action,
        protocols: Vec::new(),
        networks: vec![network.parse().unwrap()],
        countries: Vec::new(),
        schedule: None,
        expires_at: None,
        note: String::new(),
        enabled: true,
        mode: PolicyMode::Enforced,
    }
}

fn rule(id: &str, terms: AccessTerms) -> AccessRule {
    AccessRule {
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

/// 10 recipients an hour from networks that are not known.
fn limit() -> SendingLimit {
    SendingLimit {
        id: "l1".into(),
        terms: LimitTerms {
            scope: PolicyScope::Organization,
            measure: LimitMeasure::Recipients { window: LimitWindow::Hour },
            per: LimitPer::Account,
            known: None,
            others: Some(10),
            burst: None,
            action: mailcup_wire::LimitAction::Defer,
            text: None,
            note: String::new(),
            enabled: true,
            mode: PolicyMode::Enforced,
        },
        mode_since: after_start(0),
        created_at: after_start(0),
        created_by_login: None,
        changed_at: after_start(0),
        changed_by_login: None,
        deleted_at: None,
        version: 1,
    }
}

fn sent(seq: u64, minutes: i64, recipients: u32, outcome: SubmissionOutcome) -> Event {
    let body = EventBody::Submission(Submission {
        login: Some("anna@example.org".into()),
        address: "203.0.113.7".parse().ok(),
        sender: None,
        recipients,
        outcome,
        reasons: Vec::new(),
        size: 0,
        place: None,
    });
    Event { id: format!("a:{seq}").parse().unwrap(), at: after_start(minutes), body }
}

async fn stage(folder: &tempfile::TempDir, rules: Vec<AccessRule>, blocks: Vec<Block>) -> Store {
    let key = ConsoleKey::generate().store_key(&"one".into());
    let store = Store::open(&folder.path().join("store.db"), &key).unwrap();
    let policy = PolicyState { rules, limits: vec![limit()], known_networks: Vec::new(), trial: None };
    let lists = Lists { blocks, policy: Some(policy), ..Lists::default() };
    store.take_lists(lists, false).await.unwrap();
    store
}

fn question(protocol: Protocol, address: &str) -> DecisionQuestion {
    DecisionQuestion {
        login: " Anna@Example.org".into(),
        protocol,
        address: address.parse().ok(),
        at: None,
        recipients: None,
        change: None,
    }
}

async fn asked(store: &Store, question: DecisionQuestion) -> DecisionAnswer {
    decide(&store.readers(), question, after_start(60)).await.unwrap()
}

/// Rules in the order of the steps, with what keeps them from matching.
fn rules_of(answer: &DecisionAnswer) -> Vec<(String, Vec<RuleMiss>)> {
    let rules = answer.steps.iter().filter_map(|step| match step {
        DecisionStep::Rule { rule, misses } => Some((rule.id.0.clone(), misses.clone())),
        _ => None,
    });
    rules.collect()
}

fn list_of(answer: &DecisionAnswer) -> (Option<PolicyScope>, Option<RuleId>) {
    let list = answer.steps.iter().find_map(|step| match step {
        DecisionStep::List { scope, matched } => Some((scope.clone(), matched.clone())),
        _ => None,
    });
    list.expect("a decision names its list")
}

#[tokio::test]
async fn every_rule_of_a_login_is_a_step_with_what_keeps_it_from_matching() {
    let anna = || PolicyScope::Account { login: "anna@example.org".into() };
    let bert = PolicyScope::Account { login: "bert@example.org".into() };
    let off = AccessTerms {
        enabled: false,
        ..terms(AccessAction::Deny, PolicyScope::Organization, "203.0.113.0/24")
    };
    let all = vec![
        rule("org", terms(AccessAction::Allow, PolicyScope::Organization, "0.0.0.0/0")),
        rule("anna", terms(AccessAction::Allow, anna(), "198.51.100.0/24")),
        rule("bert", terms(AccessAction::Deny, bert, "0.0.0.0/0")),
        rule("off", off),
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = stage(&folder, all, Vec::new()).await;
    let refused = asked(&store, question(Protocol::Imap, "203.0.113.7")).await;
    assert_eq!(refused.verdict, DecisionVerdict::Refuse);
    let wanted = [
        ("off".to_owned(), vec![RuleMiss::SwitchedOff]),
        ("anna".to_owned(), vec![RuleMiss::OtherNetwork]),
        ("org".to_owned(), Vec::new()),
    ];
    assert_eq!(rules_of(&refused), wanted);
    assert_eq!(list_of(&refused), (Some(anna()), None), "the account's list decides alone");

    let allowed = asked(&store, question(Protocol::Imap, "198.51.100.9")).await;
    assert_eq!(allowed.verdict, DecisionVerdict::Allow);
    assert_eq!(list_of(&allowed), (Some(anna()), Some("anna".into())));

    // As if the account's list were gone and the rule that is off were on.
    let on = terms(AccessAction::Deny, PolicyScope::Organization, "203.0.113.0/24");
    let change = PolicyChange {
        rules: vec![
            RuleEdit::Delete { id: "anna".into(), version: 1 },
            RuleEdit::Update { id: "off".into(), version: 1, terms: on },
        ],
        ..PolicyChange::default()
    };
    let changed = DecisionQuestion { change: Some(change), ..question(Protocol::Imap, "203.0.113.7") };
    let changed = asked(&store, changed).await;
    assert_eq!(changed.verdict, DecisionVerdict::Refuse);
    assert!(changed.steps.contains(&DecisionStep::Denied { by: Some("off".into()) }));
    assert_eq!(list_of(&changed), (Some(PolicyScope::Organization), Some("org".into())));
}

#[tokio::test]
async fn blocks_in_force_are_named_and_refuse_before_all_else() {
    let block = |id: &str, expires: Option<i64>, lifted: Option<i64>| Block {
        id: BlockId::from(id),
        target: BlockTarget::Network { network: "203.0.113.0/24".parse().unwrap() },
        note: String::new(),
        created_at: after_start(0),
        created_by: None,
        created_by_login: None,
        expires_at: expires.map(after_start),
        lifted_at: lifted.map(after_start),
        lifted_by_login: None,
        cause: None,
        version: 1,
    };
    let blocks =
        vec![block("now", Some(61), None), block("over", Some(60), None), block("lifted", None, Some(9))];
    let folder = tempfile::tempdir().unwrap();
    let store = stage(&folder, Vec::new(), blocks).await;
    let answer = asked(&store, question(Protocol::Web, "203.0.113.7")).await;
    assert_eq!(answer.verdict, DecisionVerdict::Refuse);
    let DecisionStep::Blocks { refusing } = &answer.steps[0] else { panic!("{answer:?}") };
    assert_eq!(refusing.iter().map(|it| it.id.0.as_str()).collect::<Vec<_>>(), ["now"]);
    assert_eq!(asked(&store, question(Protocol::Web, "198.51.100.1")).await.verdict, DecisionVerdict::Allow);
}

#[tokio::test]
async fn a_message_counts_with_what_was_sent_in_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let store = stage(&folder, Vec::new(), Vec::new()).await;
    let events = vec![
        sent(1, -5, 6, SubmissionOutcome::Accepted),
        sent(2, 10, 4, SubmissionOutcome::Accepted),
        sent(3, 20, 3, SubmissionOutcome::Accepted),
        sent(4, 30, 9, SubmissionOutcome::Rejected),
        sent(5, 31, 9, SubmissionOutcome::Abandoned),
    ];
    store.apply(events, Time::from_millis(0)).await.unwrap();
    for (recipients, verdict) in [(3, DecisionVerdict::Allow), (4, DecisionVerdict::Defer)] {
        let message = DecisionQuestion {
            recipients: Some(recipients),
            ..question(Protocol::Submission, "203.0.113.7")
        };
        let answer = asked(&store, message).await;
        assert_eq!(answer.verdict, verdict);
        let DecisionStep::Limit { known, used, of, reached, .. } = answer.steps.last().unwrap() else {
            panic!("{answer:?}")
        };
        assert_eq!((*known, *used, *of), (false, 7, Some(10)));
        assert_eq!(*reached, verdict == DecisionVerdict::Defer);
    }
    // Another account has a count of its own.
    let other = DecisionQuestion {
        login: "bert@example.org".into(),
        recipients: Some(10),
        ..question(Protocol::Submission, "203.0.113.7")
    };
    assert_eq!(asked(&store, other).await.verdict, DecisionVerdict::Allow);
}
