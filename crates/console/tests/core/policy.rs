//! Access rules and sending limits: changed by the console, in effect in the service, and taken back.

use std::time::Duration;

use mailcup_console_core::Console;
use mailcup_lab::wait;
use mailcup_wire::{
    AccessAction, AccessTerms, Code, PolicyChange, PolicyMode, PolicyScope, Protocol, RuleEdit,
    desktop::{
        DecisionQuestion, DecisionVerdict, DryRunOutcome, DryRunQuestion, LearnQuestion, Link, PolicyExport,
        PolicyFormat, PolicyPart, PolicySaved, Span, View,
    },
};

use super::{
    desk::{Desk, set_up},
    reports,
};

fn terms(action: AccessAction, network: &str) -> AccessTerms {
    AccessTerms {
        scope: PolicyScope::Organization,
        action,
        protocols: Vec::new(),
        networks: vec![network.parse().unwrap()],
        countries: Vec::new(),
        schedule: None,
        expires_at: None,
        note: "Nobody of ours is there.".to_owned(),
        enabled: true,
        mode: PolicyMode::Enforced,
    }
}

fn change(edit: RuleEdit) -> PolicyChange {
    PolicyChange { rules: vec![edit], ..PolicyChange::default() }
}

/// The change that takes it back.
async fn saved(console: &Console, change: PolicyChange) -> PolicyChange {
    match console.save_policy(change).await.unwrap() {
        PolicySaved::Done { undo, trial: None } => undo,
        other => panic!("{other:?}"),
    }
}

fn tried(change: PolicyChange) -> DryRunQuestion {
    DryRunQuestion { change, span: Span::Last { minutes: 60 } }
}

async fn refused_by(console: &Console, change: PolicyChange) -> u32 {
    match console.dry_run(tried(change)).await.unwrap() {
        DryRunOutcome::Done { dry_run } => dry_run.sign_ins.failed_refused,
        DryRunOutcome::Cancelled => panic!("nobody cancelled it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_tried_saved_taken_back_and_restored() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let reports = reports(&console).await;
    reports.failure("anna@example.org", "203.0.113.9", 1).await;
    let deny = || terms(AccessAction::Deny, "203.0.113.0/24");
    let tried = wait::until("the failure in the copy", Duration::from_secs(10), async || {
        Some(refused_by(&console, change(RuleEdit::Create { terms: deny() })).await)
            .filter(|refused| *refused > 0)
    });
    assert_eq!(tried.await.unwrap(), 1);

    let undo = saved(&console, change(RuleEdit::Create { terms: deny() })).await;
    let policy = console.policy().await.unwrap();
    assert_eq!(policy.rules[0].terms, deny(), "the copy has it without waiting for the stream");
    assert!(reports.is_refused("anna@example.org", "203.0.113.9").await);
    reports.refusal("anna@example.org", "203.0.113.9").await;
    let question = DecisionQuestion {
        login: "anna@example.org".into(),
        protocol: Protocol::Imap,
        address: "203.0.113.9".parse().ok(),
        at: None,
        recipients: None,
        change: None,
    };
    assert_eq!(console.decide(question.clone()).await.unwrap().verdict, DecisionVerdict::Refuse);
    let effects = wait::until("the refusal among the effects", Duration::from_secs(10), async || {
        console.policy().await.ok()?.rule_effects.into_iter().find(|it| it.refused > 0)
    });
    assert_eq!(effects.await.unwrap().rule, policy.rules[0].id);

    let again = saved(&console, undo.clone()).await;
    assert!(console.policy().await.unwrap().rules.is_empty());
    assert!(!reports.is_refused("anna@example.org", "203.0.113.9").await);
    assert_eq!(console.save_policy(undo).await.unwrap(), PolicySaved::Stale);
    saved(&console, again).await;
    assert_eq!(console.policy().await.unwrap().rules[0].terms, deny());

    let export = PolicyExport {
        format: PolicyFormat::Toml,
        of: PolicyPart::Rules,
        rules: Vec::new(),
        limits: Vec::new(),
    };
    let path = folder.path().join("rules.toml");
    console.write_policy(path.display().to_string(), export).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let import = console.preview_policy_import(text, PolicyPart::Rules).await.unwrap();
    assert_eq!((import.new, import.known, import.bad), (0, 1, 0));
    console.shut_down().await.unwrap();
}

fn is_refused(view: &View) -> bool {
    let link = view.service.as_ref().map(|it| &it.link);
    matches!(link, Some(Link::RefusedHere { returns_at: Some(_), .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_locks_its_maker_out_is_asked_about_and_shown_until_it_returns() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let deny = change(RuleEdit::Create { terms: terms(AccessAction::Deny, "127.0.0.0/8") });
    let asked = console.save_policy(deny.clone()).await.unwrap();
    let PolicySaved::LocksOut { lock_out, minutes } = asked else { panic!("{asked:?}") };
    assert!(lock_out.yourself && minutes == 10, "{lock_out:?}");
    assert!(console.policy().await.unwrap().rules.is_empty());

    let confirmed = PolicyChange { confirm_lock_out: true, ..deny.clone() };
    let done = console.save_policy(confirmed).await.unwrap();
    let PolicySaved::Done { trial: Some(trial), .. } = done else { panic!("{done:?}") };
    let view = desk.view_with(is_refused).await;
    assert_eq!(view.trial.map(|trial| trial.id), Some(trial.id));
    let refused = console.keep_trial().await.unwrap_err();
    assert_eq!(refused.code, Code::RefusedHere);
    // What lies in the copy can be tried all the same.
    assert_eq!(
        refused_by(&console, change(RuleEdit::Create { terms: terms(AccessAction::Deny, "10.0.0.0/8") }))
            .await,
        0
    );
    let learned = console.learn(LearnQuestion {
        scope: PolicyScope::Organization,
        protocols: Vec::new(),
        days: 30,
        min_days: 1,
    });
    assert_eq!(learned.await.unwrap().terms.mode, PolicyMode::ReportOnly);
    console.shut_down().await.unwrap();
}
