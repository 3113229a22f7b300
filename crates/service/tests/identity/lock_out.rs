//! Changes that lock somebody out: refused, on trial, returned, kept, and the way in from the server's shell.

use std::{sync::Arc, time::Duration};

use axum::http::{Method, StatusCode};
use mailcup_service::local::{self, Request};
use mailcup_wire::{
    Alert, AlertKind, AuditPage, Challenge, Code, Details, EventBody, EventPage, FactorKind, LockOut, Page,
    PolicyChanged, PolicyItem, PolicyState, ReasonCode, SessionGrant, Trial, TrialState,
};
use serde_json::{Value, json};

use crate::support::{Answer, LOGIN, PASSWORD, Service, ended};

const HERE: &str = "192.0.2.200";
const ELSEWHERE: &str = "203.0.113.5";

/// Denies the network from which the tests call.
fn deny_here() -> Value {
    deny("192.0.2.0/24", None)
}

fn deny(network: &str, confirm: Option<bool>) -> Value {
    let terms = json!({
        "scope": { "kind": "organization" }, "action": "deny", "protocols": ["api"], "networks": [network],
        "enabled": true, "mode": "enforced",
    });
    json!({ "rules": [{ "kind": "create", "terms": terms }], "confirm_lock_out": confirm.unwrap_or(false) })
}

fn confirmed(mut change: Value) -> Value {
    change["confirm_lock_out"] = true.into();
    change
}

impl Service {
    async fn change(&self, token: &str, change: Value) -> Answer {
        self.call(token, Method::POST, "/v1/policy", change).await
    }

    /// As if called from another address.
    async fn from(&self, address: &str, token: &str, method: Method, path: &str) -> Answer {
        self.send(token, method, path, &[("x-forwarded-for", address)], Value::Null).await
    }

    async fn on_trial(&self, owner: &str) -> Trial {
        let answer = self.change(owner, confirmed(deny_here())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let trial = answer.json::<PolicyChanged>().trial.unwrap();
        assert_eq!((trial.state, trial.began_at), (TrialState::Running, self.clock.now()));
        trial
    }

    async fn policy(&self, token: &str) -> PolicyState {
        self.from(ELSEWHERE, token, Method::GET, "/v1/policy").await.json()
    }

    /// Waits until the change is taken back.
    async fn returned(&self) {
        let mut changes = self.app.policy.changes();
        let gone = async {
            while self.app.policy.compiled().state.trial.is_some() {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    }

    async fn alerts(&self, token: &str) -> Vec<AlertKind> {
        let page: Page<Alert> =
            self.from(ELSEWHERE, token, Method::GET, "/v1/alerts?state=open").await.json();
        page.items.iter().map(|alert| alert.kind).collect()
    }
}

fn lock_out(answer: &Answer) -> LockOut {
    let problem = answer.problem();
    assert_eq!((answer.status, problem.code), (StatusCode::CONFLICT, Code::LocksOut), "{}", answer.text);
    match problem.details {
        Some(Details::LockOut { lock_out, minutes: 10 }) => *lock_out,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_owner_who_denies_their_own_network_is_warned_and_back_after_ten_minutes() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let warned = lock_out(&service.change(owner, deny_here()).await);
    assert!(warned.yourself);
    assert_eq!((warned.address, &warned.owners[..]), (HERE.parse().ok(), &[LOGIN.into()][..]));
    assert_eq!(warned.reasons.iter().map(|it| it.code).collect::<Vec<_>>(), [ReasonCode::RuleDenied]);
    assert!(service.policy(owner).await.rules.is_empty(), "nothing was changed");

    let stream = service.stream(owner).await;
    let trial = service.on_trial(owner).await;
    ended(stream).await;
    let refused = service.get(owner, "/v1/session").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, Code::RefusedHere));
    assert_eq!(service.policy(owner).await.trial, Some(trial.clone()), "another network is let in");

    let without_id = |answer: &Answer| {
        let mut body: Value = answer.json();
        body.as_object_mut().unwrap().remove("request_id");
        (answer.status, body)
    };
    let right = service.challenge(LOGIN, PASSWORD, "owners-device").await;
    let wrong = service.challenge(LOGIN, "a wrong password of theirs", "owners-device").await;
    assert_eq!(without_id(&right), without_id(&wrong), "it tells a stranger nothing");

    service.advance(10 * 60 - 1);
    tokio::task::yield_now().await;
    assert_eq!(service.get(owner, "/v1/session").await.code(), Code::RefusedHere);
    service.advance(1);
    service.returned().await;
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK, "the session stayed");
    let state = service.policy(owner).await;
    assert!(state.rules.is_empty() && state.trial.is_none());
    assert_eq!(service.alerts(owner).await, [AlertKind::PolicyReturned]);
    let audit: AuditPage = service.get(owner, "/v1/audit").await.json();
    let last = audit.entries.last().unwrap();
    assert_eq!((&last.action[..], &last.login), ("policy.trial.return", &None));
    let events: EventPage = service.get(owner, "/v1/events?kinds=policy").await.json();
    let newest = &events.events[0].body;
    let EventBody::Policy(PolicyItem::Trial(over)) = newest else { panic!("{newest:?}") };
    assert_eq!((&over.id, over.state, over.ended_at), (&trial.id, TrialState::Returned, Some(trial.ends_at)));
}

#[tokio::test]
async fn who_still_gets_in_keeps_the_change_or_takes_it_back() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let key = service.key(owner, "write").await;
    assert_eq!(
        service.call(&key, Method::POST, "/v1/policy/trial/keep", json!({})).await.code(),
        Code::NotFound
    );
    service.on_trial(owner).await;
    let (keep, take_back) = ("/v1/policy/trial/keep", "/v1/policy/trial/return");
    assert_eq!(service.call(owner, Method::POST, keep, json!({})).await.code(), Code::RefusedHere);
    assert_eq!(service.call(&key, Method::POST, keep, json!({})).await.code(), Code::Conflict);
    let back = service.call(&key, Method::POST, take_back, json!({})).await;
    assert_eq!(back.json::<Trial>().state, TrialState::Returned);
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK);

    service.on_trial(owner).await;
    let kept: Trial = service.from(ELSEWHERE, owner, Method::POST, keep).await.json();
    assert_eq!((kept.state, kept.ended_by_login), (TrialState::Kept, Some(LOGIN.into())));
    service.advance(3600);
    let service = service.restart_after(0).await;
    let state = service.policy(owner).await;
    assert_eq!((state.rules.len(), state.trial), (1, None));
    assert_eq!(service.get(owner, "/v1/session").await.code(), Code::RefusedHere);
    assert_eq!(service.alerts(owner).await, [], "nothing returned by itself");
}

#[tokio::test]
async fn a_trial_outlives_a_restart_and_one_that_ended_meanwhile_returns_at_the_start() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let trial = service.on_trial(owner).await;
    let service = service.restart_after(5 * 60).await;
    assert_eq!(service.policy(owner).await.trial, Some(trial));
    assert_eq!(service.get(owner, "/v1/session").await.code(), Code::RefusedHere);
    let service = service.restart_after(5 * 60).await;
    service.returned().await;
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK);
    assert_eq!(service.alerts(owner).await, [AlertKind::PolicyReturned]);
}

#[tokio::test]
async fn no_other_change_keeps_a_trial_from_letting_people_in_again() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let key = service.key(owner, "write").await;
    service.on_trial(owner).await;
    // Both would refuse after the return, although nobody is let in now who would be refused by them.
    let again = service.change(&key, confirmed(deny("192.0.2.128/25", None))).await;
    assert_eq!(again.code(), Code::Conflict, "{}", again.text);
    let rule = service.policy(owner).await.rules.remove(0);
    let mut terms = serde_json::to_value(&rule.terms).unwrap();
    terms["note"] = "the same under another version".into();
    let edit = |terms: &Value, version: u32| json!({ "rules": [{ "kind": "update", "id": rule.id, "version": version, "terms": terms }] });
    assert_eq!(service.change(&key, edit(&terms, 1)).await.code(), Code::Conflict);
    // What locks nobody out is made, and stays when the trial returns.
    terms["networks"] = json!(["198.51.100.0/24"]);
    assert_eq!(service.change(&key, edit(&terms, 1)).await.status, StatusCode::OK);
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK);
    service.advance(10 * 60);
    service.returned().await;
    let rules = service.policy(owner).await.rules;
    assert_eq!(rules.iter().map(|rule| rule.version).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_key_locks_out_the_last_owner_alone() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let key = service.key(owner, "write").await;
    let by_key = lock_out(&service.change(&key, deny_here()).await);
    assert!(!by_key.yourself && by_key.address.is_none());
    assert_eq!(by_key.owners, [LOGIN.into()]);
    // An auditor is let in, but owns nothing.
    service.admin(owner, "audit@example.org", "auditor").await;
    lock_out(&service.change(&key, deny_here()).await);
    // Where the owner signed in from lately counts, signed out or not.
    let grant = sign_in_from(&service, ELSEWHERE).await;
    assert_eq!(
        service.from(ELSEWHERE, &grant.token, Method::DELETE, "/v1/session").await.status.as_u16(),
        204
    );
    assert!(lock_out(&service.change(owner, deny_here()).await).owners.is_empty(), "only yourself");
    let changed = service.change(&key, deny_here()).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(changed.json::<PolicyChanged>().trial, None);
    lock_out(&service.change(&key, deny("203.0.113.0/24", None)).await);
    service.advance(31 * 86_400);
    // The owner's only way in lately is the one that is refused already.
    let changed = service.change(&key, deny("203.0.113.0/24", None)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
}

async fn sign_in_from(service: &Service, address: &str) -> SessionGrant {
    let from = [("x-forwarded-for", address)];
    let before = service.mails();
    let body =
        json!({ "login": LOGIN, "password": PASSWORD, "device": { "id": "elsewhere", "name": "Laptop" } });
    let challenge: Challenge = service.send("", Method::POST, "/v1/sign-in", &from, body).await.json();
    let code = service.mailed_code(&before).await;
    let path = format!("/v1/sign-in/{}/answer", challenge.id);
    service.send("", Method::POST, &path, &from, json!({ "factor": "email", "code": code })).await.json()
}

#[tokio::test]
async fn recover_passes_access_rules_for_that_admin_for_fifteen_minutes() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let anna = service.admin(owner, "anna@example.org", "admin").await.token;
    service.on_trial(owner).await;
    service.from(ELSEWHERE, owner, Method::POST, "/v1/policy/trial/keep").await;
    assert_eq!(service.get(owner, "/v1/session").await.code(), Code::RefusedHere);

    let listener = local::listen(&service.app.config).unwrap();
    tokio::spawn(local::serve(listener, Arc::clone(&service.app)));
    let before = service.mails();
    let recover = Request::Recover { login: LOGIN.to_owned(), password: None };
    let said = local::ask(service.app.config.clone(), recover).await.unwrap();
    assert!(said.contains("passes all blocks and access rules"), "{said}");
    service.mail(&before, "Emergency access").await;
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK, "sessions get through");
    assert_eq!(service.get(&anna, "/v1/session").await.code(), Code::RefusedHere, "for that admin alone");
    assert!(service.alerts(owner).await.contains(&AlertKind::AdminRecovered));
    let code = said.lines().map(str::trim).find(|line| line.contains('-') && !line.contains(' ')).unwrap();
    let challenge: Challenge = service.challenge(LOGIN, PASSWORD, "owners-device").await.json();
    let grant = service.answer(&challenge, FactorKind::RecoveryCode, code).await;
    assert_eq!(grant.status, StatusCode::OK, "{}", grant.text);

    service.advance(15 * 60 - 1);
    assert_eq!(service.get(owner, "/v1/session").await.status, StatusCode::OK);
    service.advance(1);
    assert_eq!(service.get(owner, "/v1/session").await.code(), Code::RefusedHere);
}
