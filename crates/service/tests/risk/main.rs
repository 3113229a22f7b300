//! Attacks on a real Dovecot and Postfix from addresses of the world, and the blocks that the service sets by itself.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod many_networks;
mod stage;

use std::collections::HashSet;

use mailcup_lab::outbox::Outbox;
use mailcup_wire::{
    Alert, AlertDeed, AlertKind, AlertState, Block, BlockCause, BlockTarget, Outcome, ReasonCode, Severity,
};
use reqwest::Method;
use serde_json::json;

use crate::stage::{BERLIN, HOME, LAGOS, Stage, THIEF, blocked_by_itself};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_one_password_is_kept_from_that_account() {
    let mut stage = Stage::set(true).await;
    stage.has_account("anna").await;
    for number in 0..10 {
        assert!(!stage.tries("anna", THIEF, &format!("guess {number}")).await.accepted);
    }
    let block = stage.block().await;
    let login = stage.servers.account("anna").login.as_str().into();
    let network = THIEF.parse::<mailcup_wire::Network>().unwrap();
    assert_eq!(block.target, BlockTarget::AccountNetwork { login, network });
    assert_eq!(block.cause, Some(BlockCause::BruteForce));
    assert_eq!(block.note, format!("10 wrong passwords for this account came from {THIEF} within an hour."));
    let minutes = block.expires_at.unwrap().0.duration_since(block.created_at.0).as_secs_f64() / 60.0;
    assert!((9.0..=10.0).contains(&minutes), "{minutes}");
    assert!(blocked_by_itself(&stage.alert(AlertKind::RepeatedFailures).await, &block));
    assert_eq!(stage.owner.alerts().await.unwrap().len(), 1, "one attack, one alert");

    // It looks like a wrong password, and holds for that account from there alone.
    assert!(!stage.knows("anna", THIEF).await);
    assert_eq!(stage.latest(THIEF, 11).await.reasons[0].code, ReasonCode::BlockedAccount);
    assert!(stage.knows("anna", HOME).await);
    assert!(stage.knows("ben", THIEF).await);

    // It holds after a restart, and is lifted with one click.
    stage.service.stop();
    stage.service.run().await.unwrap();
    assert!(!stage.knows("anna", THIEF).await);
    stage.owner.request(Method::DELETE, &format!("/v1/blocks/{}", block.id)).send().await.unwrap();
    assert!(stage.knows("anna", THIEF).await);

    // What was forgiven with it does not come back with a restart.
    stage.service.stop();
    stage.service.run().await.unwrap();
    assert!(stage.knows("anna", THIEF).await);
    assert!(stage.blocks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sprays_passwords_is_kept_from_all_accounts() {
    let stage = Stage::set(true).await;
    let names: Vec<_> =
        stage.servers.accounts().iter().map(|account| account.login.replace("@example.org", "")).collect();
    for name in &names {
        assert!(!stage.tries(name, THIEF, "Summer2026").await.accepted);
    }
    let block = stage.block().await;
    assert_eq!(block.target, BlockTarget::Address { address: THIEF.parse().unwrap() });
    assert_eq!(block.cause, Some(BlockCause::PasswordSpraying));
    let alert = stage.alert(AlertKind::NetworkFailures).await;
    assert!(blocked_by_itself(&alert, &block), "{alert:?}");
    for name in ["anna", "ben"] {
        assert!(!stage.knows(name, THIEF).await);
        assert!(stage.knows(name, HOME).await);
    }
    // The same one tries another account: a longer block only once this one is over.
    assert_eq!(stage.blocks().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_report_only_what_would_be_refused_is_said_and_nothing_is_done() {
    let stage = Stage::set(false).await;
    stage.has_account("anna").await;
    for number in 0..12 {
        assert!(!stage.tries("anna", THIEF, &format!("guess {number}")).await.accepted);
    }
    assert!(stage.knows("anna", THIEF).await);
    let sign_in = stage.latest(THIEF, 13).await;
    assert_eq!(sign_in.outcome, Outcome::Succeeded);
    let codes: Vec<_> = sign_in.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [ReasonCode::Credentials, ReasonCode::RiskWouldRefuse]);
    assert!(stage.blocks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_password_opens_nothing_in_another_country_and_its_owner_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::of_anna_in_berlin(folder.path()).await;
    assert!(!stage.knows("anna", LAGOS).await);
    let refused = stage.latest(LAGOS, 1).await;
    let reason = &refused.reasons[0];
    assert_eq!((refused.outcome, reason.code), (Outcome::Refused, ReasonCode::StolenPassword), "{refused:?}");
    let alert = stage.alert(AlertKind::StolenPassword).await;
    assert_eq!((alert.severity, alert.count), (Severity::Critical, 1));
    let block = stage.block().await;
    assert_eq!(block.cause, Some(BlockCause::StolenPassword));
    for evidence in ["The account was let in at least", "The account never signed in from NG before."] {
        assert!(block.note.contains(evidence) && reason.text.contains(evidence), "{}", block.note);
    }
    assert!(blocked_by_itself(&alert, &block));

    assert!(stage.knows("anna", BERLIN).await, "its owner goes on");
    // Whoever only guesses learns nothing from it.
    assert!(!stage.tries("anna", "41.190.7.7", "guess").await.accepted);
    let guess = stage.latest("41.190.7.7", 1).await;
    assert_eq!(guess.reasons[0].code, ReasonCode::WrongPassword);
    assert_eq!(stage.blocks().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_password_stops_sending_and_its_owner_goes_on_reading() {
    const SUSPENDED: &str = "550 5.7.1";
    let mut stage = Stage::set(true).await;
    stage.has_account("anna").await;
    for _ in 0..3 {
        assert_eq!(stage.sends("anna", THIEF, 20).await, None);
    }
    let block = stage.block().await;
    let login: mailcup_wire::Login = stage.servers.account("anna").login.as_str().into();
    assert_eq!(block.target, BlockTarget::Sending { login: login.clone() });
    assert_eq!((block.cause, block.expires_at), (Some(BlockCause::SendingBurst), None));
    assert_eq!(
        block.note,
        format!(
            "60 recipients within two hours from networks that the account does not use, {THIEF} the latest; in its \
             busiest hour before there were 0."
        )
    );
    let alert = stage.alert(AlertKind::StolenPassword).await;
    assert_eq!((alert.severity, &alert.login), (Severity::Critical, &Some(login)));
    let told =
        Outbox::of(stage.service.data_dir()).mail(&HashSet::new(), "Nothing is sent from").await.unwrap();
    assert!(
        told.contains(THIEF) && told.contains("60 recipients") && told.contains("anna@example.org"),
        "{told}"
    );
    assert!(blocked_by_itself(&alert, &block));

    for address in [THIEF, HOME] {
        let told = stage.sends("anna", address, 1).await.unwrap();
        assert!(told.starts_with(SUSPENDED) && told.contains("suspended"), "{told}");
        assert!(stage.knows("anna", address).await, "reading goes on");
    }
    assert_eq!(stage.sends("clara", THIEF, 1).await, None, "others send");
    stage.service.stop();
    stage.service.run().await.unwrap();
    assert!(stage.sends("anna", HOME, 1).await.is_some());

    let path = format!("/v1/blocks/{}", block.id);
    stage.owner.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(stage.sends("anna", HOME, 20).await, None, "it counts anew");
    assert_eq!(stage.sends("anna", HOME, 20).await, None);
    assert_eq!(stage.blocks().await, []);
    let alerts = stage.owner.alerts().await.unwrap();
    assert_eq!(alerts.iter().filter(|alert| alert.kind == AlertKind::StolenPassword).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_only_suspends_nobody() {
    let stage = Stage::set(false).await;
    stage.has_account("anna").await;
    for _ in 0..5 {
        assert_eq!(stage.sends("anna", THIEF, 20).await, None);
    }
    assert_eq!(stage.blocks().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_the_owner_is_let_in_from_there_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::of_anna_in_berlin(folder.path()).await;
    assert!(!stage.knows("anna", LAGOS).await);
    let block = stage.block().await;
    let alert = stage.alert(AlertKind::StolenPassword).await;
    let change = json!({ "was_owner": true, "state": "resolved" });
    let path = format!("/v1/alerts/{}", alert.id);
    let resolved: Alert = stage.owner.change(Method::PATCH, &path, &change).await.unwrap();
    assert_eq!(resolved.state, AlertState::Resolved);
    assert_eq!(resolved.history.last().unwrap().deed, AlertDeed::WasOwner);
    assert_eq!(stage.blocks().await, []);
    let lifted: Block = stage.owner.get(&format!("/v1/blocks/{}", block.id)).await.unwrap();
    assert!(lifted.lifted_at.is_some() && lifted.lifted_by_login.is_some());

    assert!(stage.knows("anna", LAGOS).await);
    stage.service.stop();
    stage.service.run().await.unwrap();
    assert!(stage.knows("anna", LAGOS).await, "it is known after a restart, too");
    // Where somebody else guesses from there, the owner goes on.
    for number in 0..12 {
        assert!(!stage.tries("anna", LAGOS, &format!("guess {number}")).await.accepted);
    }
    assert!(stage.knows("anna", LAGOS).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_attack_on_many_accounts_nobody_can_say_that_it_was_the_owner() {
    let stage = Stage::set(true).await;
    for name in ["anna", "ben", "clara", "david", "emma", "felix"] {
        stage.tries(name, THIEF, "guess").await;
    }
    let alert = stage.alert(AlertKind::NetworkFailures).await;
    let change = json!({ "was_owner": true });
    let path = format!("/v1/alerts/{}", alert.id);
    let refused = stage.owner.change::<Alert>(Method::PATCH, &path, &change).await.unwrap_err();
    assert!(refused.to_string().contains("more addresses than one person has"), "{refused}");
    let alert: Alert = stage.owner.get(&path).await.unwrap();
    assert_eq!(alert.state, AlertState::Open);
}
