use mailcup_wire::{AccessAction, PolicyScope};

use super::*;

fn terms(note: &str) -> AccessTerms {
    AccessTerms {
        scope: PolicyScope::Account { login: " Anna@Example.org".into() },
        action: AccessAction::Deny,
        protocols: Vec::new(),
        networks: vec!["203.0.113.0/24".parse().unwrap()],
        countries: vec!["de".to_owned()],
        schedule: None,
        expires_at: None,
        note: note.to_owned(),
        enabled: true,
        mode: PolicyMode::Enforced,
    }
}

fn empty() -> PolicyState {
    PolicyState { rules: Vec::new(), limits: Vec::new(), known_networks: Vec::new(), trial: None }
}

fn apply(
    state: PolicyState,
    deleted: &Deleted,
    change: PolicyChange,
    now: i64,
) -> Result<Applied, ChangeError> {
    let mut next = 0;
    let mut new_id = || {
        next += 1;
        format!("id-{now}-{next}")
    };
    let login = Login("owner@example.org".to_owned());
    applied(
        state,
        deleted,
        change,
        Stamp { now: Time::from_millis(now), by: Some(&login), new_id: &mut new_id },
    )
}

fn rules(edits: Vec<RuleEdit>) -> PolicyChange {
    PolicyChange { rules: edits, ..PolicyChange::default() }
}

#[test]
fn a_rule_is_tidied_created_changed_deleted_and_restored() {
    let none = Deleted::default();
    let made = apply(empty(), &none, rules(vec![RuleEdit::Create { terms: terms(" a ") }]), 1).unwrap();
    let rule = made.state.rules[0].clone();
    assert_eq!(rule.terms.scope, PolicyScope::Account { login: "anna@example.org".into() });
    assert_eq!((rule.terms.note.as_str(), rule.terms.countries[0].as_str(), rule.version), ("a", "DE", 1));

    let mut report_only = terms("b");
    report_only.mode = PolicyMode::ReportOnly;
    let update = RuleEdit::Update { id: rule.id.clone(), version: 1, terms: report_only };
    let changed = apply(made.state, &none, rules(vec![update]), 2).unwrap();
    let second = changed.state.rules[0].clone();
    assert_eq!(
        (second.version, second.mode_since, second.created_at),
        (2, Time::from_millis(2), Time::from_millis(1))
    );

    let delete = RuleEdit::Delete { id: rule.id.clone(), version: 2 };
    let gone = apply(changed.state, &none, rules(vec![delete]), 3).unwrap();
    assert!(gone.state.rules.is_empty());
    let PolicyItem::AccessRule(deleted) = gone.items[0].clone() else { panic!("no rule") };
    assert!(deleted.deleted_at.is_some());

    let undo = inverse(&gone.former, &gone.items);
    assert_eq!(undo.rules, [RuleEdit::Restore { id: rule.id, version: 3 }]);
    let kept = Deleted { rules: vec![deleted], limits: Vec::new() };
    let back = apply(gone.state, &kept, undo, 4).unwrap();
    assert_eq!((back.state.rules[0].version, back.state.rules[0].terms.note.as_str()), (4, "b"));
}

#[test]
fn what_was_taken_back_is_as_it_was() {
    let none = Deleted::default();
    let known = KnownNetworksEdit {
        scope: PolicyScope::Organization,
        version: 0,
        networks: vec!["10.0.0.0/8".parse().unwrap()],
    };
    let mut change = rules(vec![RuleEdit::Create { terms: terms("a") }]);
    change.known_networks.push(known);
    let made = apply(empty(), &none, change, 1).unwrap();
    let back = apply(made.state, &none, inverse(&made.former, &made.items), 2).unwrap();
    assert!(back.state.rules.is_empty());
    assert_eq!(back.state.known_networks[0].networks, []);
    assert_eq!(back.state.known_networks[0].version, 2);
}

#[test]
fn a_change_is_made_wholly_or_not_at_all() {
    let none = Deleted::default();
    let made = apply(empty(), &none, rules(vec![RuleEdit::Create { terms: terms("a") }]), 1).unwrap();
    let id = made.state.rules[0].id.clone();
    let stale = RuleEdit::Delete { id: id.clone(), version: 7 };
    assert_eq!(apply(made.state.clone(), &none, rules(vec![stale]), 2).unwrap_err(), ChangeError::Stale);
    let unknown = RuleEdit::Delete { id: "x".into(), version: 1 };
    assert_eq!(apply(made.state.clone(), &none, rules(vec![unknown]), 2).unwrap_err(), ChangeError::NotFound);
    let delete = RuleEdit::Delete { id, version: 1 };
    let twice = rules(vec![delete.clone(), delete]);
    assert_eq!(apply(made.state.clone(), &none, twice, 2).unwrap_err(), ChangeError::Twice);
    assert_eq!(apply(made.state, &none, PolicyChange::default(), 2).unwrap_err(), ChangeError::Empty);
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let mut bad = terms("a");
    bad.countries = vec!["Germany".to_owned()];
    bad.scope = PolicyScope::Domain { domain: "a b".to_owned() };
    let change = rules(vec![RuleEdit::Create { terms: terms("fine") }, RuleEdit::Create { terms: bad }]);
    let Err(ChangeError::Invalid(problems)) = apply(empty(), &Deleted::default(), change, 1) else {
        panic!("accepted")
    };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["rules.1.scope.domain", "rules.1.countries"]);
}
