//! A change of the rules, replayed over all stored sign-ins; 10,000 networks before it and 10,000 after.

use std::{net::Ipv4Addr, sync::Arc, time::Instant};

use mailcup_console_core::local_copy::{Question, Readers, SendingReplay, Watch};
use mailcup_guard::replay::Replay;
use mailcup_policy::{known_networks, limit_set, rule_set};
use mailcup_wire::{
    AccessAction, AccessRule, AccessTerms, LimitAction, LimitMeasure, LimitPer, LimitTerms, LimitWindow,
    Network, PolicyMode, PolicyScope, Schedule, SendingLimit, Time, desktop::Span,
};

const NETWORKS: u32 = 10_000;
const ROUNDS: usize = 5;

pub async fn measure(readers: &Readers, newest: Time) {
    println!();
    let timed = Schedule {
        days: Vec::new(),
        from: "08:00".to_owned(),
        until: "18:00".to_owned(),
        zone: "Europe/Berlin".to_owned(),
    };
    for (name, schedule) in [("dry run of a rule", None), ("the same within hours", Some(timed))] {
        let (before, after) = (rules(4, None), rules(3, schedule));
        let question = || Question {
            sign_ins: Some(Replay::new(rule_set(&before), rule_set(&after))),
            submissions: None,
            span: Span::Between { from: None, until: None },
            now: newest,
        };
        run(readers, name, question).await;
    }
    let limits = |recipients| [limit(recipients)];
    let question = || Question {
        sign_ins: None,
        submissions: Some(SendingReplay {
            before: (limit_set(&limits(1_000)), known_networks(&[])),
            after: (limit_set(&limits(5)), known_networks(&[])),
        }),
        span: Span::Between { from: None, until: None },
        now: newest,
    };
    run(readers, "dry run of a limit", question).await;
}

async fn run(readers: &Readers, name: &str, question: impl Fn() -> Question) {
    let mut times = Vec::new();
    let mut said = String::new();
    for _ in 0..ROUNDS {
        let question = question();
        let began = Instant::now();
        let done = readers.dry_run(question, Arc::new(Watch::default())).await.unwrap().unwrap();
        times.push(began.elapsed());
        said = format!("{} sign-ins, {} refused", done.sign_ins.looked_at, done.sign_ins.refused);
        if let Some(sent) = done.submissions {
            said = format!("{} submissions, {} stopped", sent.looked_at, sent.rejected);
        }
    }
    super::row(&format!("{name}: {said}"), times);
}

/// An allow rule of the organization, and as many others for accounts, with all networks together; one of so many
/// networks is allowed.
fn rules(one_of: u32, schedule: Option<Schedule>) -> Vec<AccessRule> {
    let network = |no: u32| -> Network {
        let address = Ipv4Addr::from(0xc633_6400 + no * 5 * one_of);
        format!("{address}/30").parse().unwrap()
    };
    let organization =
        rule("all", PolicyScope::Organization, (0..NETWORKS / 2).map(network).collect(), schedule);
    let accounts = (0..NETWORKS / 20).map(|account| {
        let scope = PolicyScope::Account { login: format!("anna{account}@example.org").into() };
        rule(&format!("r{account}"), scope, (account * 10..account * 10 + 10).map(network).collect(), None)
    });
    std::iter::once(organization).chain(accounts).collect()
}

fn rule(id: &str, scope: PolicyScope, networks: Vec<Network>, schedule: Option<Schedule>) -> AccessRule {
    let at = Time::from_millis(0);
    AccessRule {
        id: id.into(),
        terms: AccessTerms {
            scope,
            action: AccessAction::Allow,
            protocols: Vec::new(),
            networks,
            countries: Vec::new(),
            schedule,
            expires_at: None,
            note: String::new(),
            enabled: true,
            mode: PolicyMode::Enforced,
        },
        mode_since: at,
        created_at: at,
        created_by_login: None,
        changed_at: at,
        changed_by_login: None,
        deleted_at: None,
        version: 1,
    }
}

fn limit(recipients: u32) -> SendingLimit {
    let at = Time::from_millis(0);
    SendingLimit {
        id: "l".into(),
        terms: LimitTerms {
            scope: PolicyScope::Organization,
            measure: LimitMeasure::Recipients { window: LimitWindow::Day },
            per: LimitPer::Account,
            known: None,
            others: Some(recipients),
            burst: None,
            action: LimitAction::Reject,
            text: None,
            note: String::new(),
            enabled: true,
            mode: PolicyMode::Enforced,
        },
        mode_since: at,
        created_at: at,
        created_by_login: None,
        changed_at: at,
        changed_by_login: None,
        deleted_at: None,
        version: 1,
    }
}
