use mailcup_wire::{
    AccessAction, AccessRule, AccessTerms, Burst, LimitAction, LimitEdit, LimitMeasure, LimitPer, LimitTerms,
    LimitWindow, PolicyMode, PolicyScope, PolicyState, Protocol, RuleEdit, Schedule, SendingLimit, Time,
    Weekday,
    desktop::{PolicyFormat, PolicyPart},
};
use proptest::prelude::*;

use super::*;

const AT: Time = Time(jiff::Timestamp::UNIX_EPOCH);

fn rule(terms: AccessTerms) -> AccessRule {
    AccessRule {
        id: "r".into(),
        terms,
        mode_since: AT,
        created_at: AT,
        created_by_login: None,
        changed_at: AT,
        changed_by_login: None,
        deleted_at: None,
        version: 1,
    }
}

fn limit(terms: LimitTerms) -> SendingLimit {
    SendingLimit {
        id: "l".into(),
        terms,
        mode_since: AT,
        created_at: AT,
        created_by_login: None,
        changed_at: AT,
        changed_by_login: None,
        deleted_at: None,
        version: 1,
    }
}

fn state(rules: Vec<AccessTerms>, limits: Vec<LimitTerms>) -> PolicyState {
    PolicyState {
        rules: rules.into_iter().map(rule).collect(),
        limits: limits.into_iter().map(limit).collect(),
        known_networks: Vec::new(),
        trial: None,
    }
}

fn access() -> AccessTerms {
    AccessTerms {
        scope: PolicyScope::Account { login: "anna@example.org".into() },
        action: AccessAction::Allow,
        protocols: vec![Protocol::Imap, Protocol::Submission],
        networks: vec!["203.0.113.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        countries: vec!["DE".to_owned(), "UA".to_owned()],
        schedule: Some(Schedule {
            days: vec![Weekday::Monday, Weekday::Friday],
            from: "08:00".to_owned(),
            until: "18:30".to_owned(),
            zone: "Europe/Berlin".to_owned(),
        }),
        expires_at: Some(Time::from_millis(1_800_000_000_000)),
        note: "Office, \"new\" one;\nsecond line = here, ok".to_owned(),
        enabled: false,
        mode: PolicyMode::Enforced,
    }
}

fn sending() -> LimitTerms {
    LimitTerms {
        scope: PolicyScope::Domain { domain: "example.org".to_owned() },
        measure: LimitMeasure::Recipients { window: LimitWindow::Hour },
        per: LimitPer::AccountAndAddress,
        known: None,
        others: Some(0),
        burst: Some(Burst { count: 5, seconds: 10 }),
        action: LimitAction::Reject,
        text: Some("Too much, call us".to_owned()),
        note: String::new(),
        enabled: true,
        mode: PolicyMode::ReportOnly,
    }
}

fn empty() -> PolicyState {
    state(Vec::new(), Vec::new())
}

#[test]
fn files_read_back_what_they_write() {
    let all = state(vec![access()], vec![sending()]);
    for format in [PolicyFormat::Toml, PolicyFormat::Csv] {
        let rules = read(&write(&all, PolicyPart::Rules, format), PolicyPart::Rules, &empty());
        assert_eq!((rules.format, rules.bad_lines), (format, Vec::new()));
        assert_eq!(rules.change.rules, [RuleEdit::Create { terms: access() }]);
        let limits = read(&write(&all, PolicyPart::Limits, format), PolicyPart::Limits, &empty());
        assert_eq!(limits.bad_lines, Vec::new());
        assert_eq!(limits.change.limits, [LimitEdit::Create { terms: sending() }]);
        let again = read(&write(&all, PolicyPart::Rules, format), PolicyPart::Rules, &all);
        assert_eq!((again.new, again.known), (0, 1));
    }
}

#[test]
fn bad_rows_are_named_by_line_and_the_others_read() {
    let text = "# ours\n[[access_rule]]\nscope = \"@x.org\"\naction = \"deny\"\nnetworks = [\"10.0.0.0/8\"]\n\n\
        [[access_rule]]\nscope = \"a@x.org\"\naction = \"refuse\"\nnetworks = [\"10.0.0.0/40\"]\ncolour = 3\n";
    let import = read(text, PolicyPart::Rules, &empty());
    assert_eq!((import.new, import.bad), (1, 3));
    assert!(import.bad_lines.iter().all(|bad| bad.line == 7), "{:?}", import.bad_lines);
    let fields: Vec<_> = import.bad_lines.iter().filter_map(|bad| bad.field.as_deref()).collect();
    assert_eq!(fields, ["colour", "action", "networks"]);

    let text = "scope;action;networks\norganization;deny;10.0.0.0/8 192.0.2.0/24\nb@x.org;deny;nowhere\n;;\n";
    let import = read(text, PolicyPart::Rules, &empty());
    assert_eq!((import.new, import.bad, import.bad_lines[0].line), (1, 1, 3));
}

#[test]
fn broken_toml_says_where() {
    let import = read("[[access_rule]]\nscope = \n", PolicyPart::Rules, &empty());
    assert_eq!((import.new, import.bad, import.bad_lines[0].line), (0, 1, 2));
    let import = read("[[sending_limit]]\nscope = \"organization\"\n", PolicyPart::Rules, &empty());
    assert_eq!(import.bad_lines[0].field.as_deref(), Some("sending_limit"));
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,300}", lines in prop::collection::vec("(scope|action|\\[\\[access_rule\\]\\]|=|\"|,|;|10\\.0\\.0\\.0/8|\n){1,20}", 0..10)) {
        for text in [text, lines.join("\n")] {
            let _ = read(&text, PolicyPart::Rules, &empty());
            let _ = read(&text, PolicyPart::Limits, &empty());
        }
    }
}
