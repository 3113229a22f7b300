//! The policy of second factors: required from a day with grace, who is covered, reminders, resets.

use axum::http::{Method, StatusCode};
use mailcup_wire::{
    Challenge, Code, FactorAsk, FactorCoverage, FactorKind, FactorPerson, FactorPolicy, FactorReminders,
    FactorWant, ReasonCode, SessionGrant, Time, UnansweredCode,
};
use serde_json::{Value, json};

use crate::support::{Answer, LOGIN, PASSWORD, Service};

const BERT: &str = "bert@example.org";
const DAY: i64 = 86_400;

impl Service {
    fn in_days(&self, days: i64) -> Time {
        Time::from_millis(self.clock.now().as_millis() + days * DAY * 1000)
    }

    async fn say(&self, token: &str, scope: Value, rule: Value, confirm: bool) -> Answer {
        let body = json!({ "scope": scope, "rule": rule, "confirm": confirm });
        self.call(token, Method::PUT, "/v1/second-factors/policy", body).await
    }

    async fn require_of(&self, token: &str, role: &str, from: Time, grace_days: u16) -> Answer {
        let rule = json!({ "require": "required", "from": from, "grace_days": grace_days });
        self.say(token, json!({ "kind": "role", "role": role }), rule, false).await
    }

    async fn covered(&self, token: &str, query: &str) -> FactorCoverage {
        self.get(token, &format!("/v1/second-factors/coverage{query}")).await.json()
    }

    async fn person(&self, token: &str, login: &str) -> FactorPerson {
        let found = self.covered(token, &format!("?text={login}")).await;
        assert_eq!(found.counts.found, 1, "{found:?}");
        found.people.into_iter().next().unwrap()
    }

    async fn account(&self, token: &str, login: &str, address: Option<&str>) {
        let new = self.call(token, Method::POST, "/v1/accounts", json!({ "login": login, "name": "" })).await;
        assert_eq!(new.status, StatusCode::CREATED, "{}", new.text);
        let path = format!("/v1/accounts/{login}/notices");
        let body =
            json!({ "mode": null, "zone": null, "address": address, "last_sent_at": null, "version": 0 });
        let set = self.send(token, Method::PUT, &path, &[("if-match", "\"0\"")], body).await;
        assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    }

    async fn reset(&self, token: &str, admin: &str) -> Answer {
        self.call(token, Method::DELETE, &format!("/v1/admins/{admin}/factors"), Value::Null).await
    }
}

#[tokio::test]
async fn an_authenticator_is_required_from_a_day_on_with_grace() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let bert = service.admin(owner, BERT, "admin").await;
    assert_eq!(service.person(owner, BERT).await.ask, FactorAsk::Code);

    let (from, until) = (service.in_days(1), service.in_days(3));
    let said = service.require_of(owner, "admin", from, 2).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
    assert_eq!(said.json::<FactorPolicy>().scopes.len(), 1);
    let lacks = service.person(owner, BERT).await.lacks.unwrap();
    assert_eq!((lacks.what, lacks.since, lacks.until), (FactorWant::Authenticator, from, until));

    // Before the day, and in its grace: the sign-in works, and says until when.
    for _ in 0..2 {
        let before = service.mails();
        let challenge: Challenge = service.challenge(BERT, PASSWORD, "device-of-admin").await.json();
        assert_eq!(challenge.enrol_by, Some(until));
        let code = service.mailed_code(&before).await;
        let done = service.answer(&challenge, FactorKind::Email, &code).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        service.advance(DAY + DAY / 4);
    }

    // After it, a code by mail is no longer enough: no sign-in, and no mail.
    service.advance(DAY);
    let mails = service.mails().len();
    let refused = service.challenge(BERT, PASSWORD, "device-of-admin").await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, Code::FactorRequired));
    assert!(refused.text.contains("Ask an owner to reset"), "{}", refused.text);
    assert_eq!(service.mails().len(), mails);
    let owner = service.sign_in(LOGIN, PASSWORD, "owners-device").await.token;
    let events = service.get(&owner, "/v1/events?limit=1000").await;
    let recorded = serde_json::to_value(ReasonCode::FactorMissing).unwrap();
    assert!(events.text.contains(recorded.as_str().unwrap()));
    assert_eq!(service.person(&owner, BERT).await.ask, FactorAsk::Refuse);

    // A session that was there stays, and is the way to enrol.
    service.give_again(&bert.token).await;
    let enrolment = service.enrol(&bert.token).await;
    let challenge: Challenge = service.challenge(BERT, PASSWORD, "device-of-admin").await.json();
    assert_eq!((challenge.factors, challenge.enrol_by), (vec![FactorKind::Authenticator], None));
    let path = format!("/v1/sign-in/{}/resend", challenge.id);
    let by_mail = service.call("", Method::POST, &path, Value::Null).await;
    assert_eq!(by_mail.code(), Code::Conflict, "{}", by_mail.text);
    let covered = service.person(&owner, BERT).await;
    assert_eq!((covered.ask, covered.lacks), (FactorAsk::Strong, None));
    assert!(covered.last_used_at.is_some());
    let path = format!("/v1/me/factors/{}", enrolment.id);
    let last = service.call(&bert.token, Method::DELETE, &path, Value::Null).await;
    assert_eq!(last.code(), Code::Conflict, "the last one stays: {}", last.text);
}

#[tokio::test]
async fn a_policy_outlives_a_restart_and_is_an_owners_alone() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let bert = service.admin(owner, BERT, "admin").await;
    let until = service.in_days(2);
    assert_eq!(service.require_of(&bert.token, "admin", until, 2).await.code(), Code::Forbidden);
    assert_eq!(service.require_of(owner, "admin", service.in_days(0), 2).await.status, StatusCode::OK);
    let service = service.restart_after(DAY).await;
    let challenge: Challenge = service.challenge(BERT, PASSWORD, "device-of-admin").await.json();
    assert_eq!(challenge.enrol_by, Some(until));
}

#[tokio::test]
async fn owners_are_never_locked_out_by_the_policy() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let now = service.in_days(0);
    let refused = service.require_of(owner, "owner", now, 7).await;
    assert_eq!(refused.code(), Code::Conflict, "{}", refused.text);
    assert!(refused.text.contains("First add an authenticator"), "{}", refused.text);
    assert_eq!(service.get(owner, "/v1/second-factors/policy").await.json::<FactorPolicy>().scopes, []);

    service.enrol(owner).await;
    assert_eq!(service.require_of(owner, "owner", now, 7).await.status, StatusCode::OK);
    // The only owner who has one can't be taken away by another who has none.
    let other = service.admin(owner, "paul@example.org", "owner").await;
    let olga = &done.grant.admin.id.0;
    assert_eq!(service.reset(&other.token, olga).await.code(), Code::Conflict);
    let path = format!("/v1/admins/{olga}");
    let removed = service.call(&other.token, Method::DELETE, &path, Value::Null).await;
    assert_eq!(removed.code(), Code::Conflict, "{}", removed.text);
    let demote = json!({ "role": "admin" });
    let demoted = service.send(&other.token, Method::PATCH, &path, &[("if-match", "\"1\"")], demote).await;
    assert_eq!(demoted.code(), Code::Conflict, "{}", demoted.text);
    // What was refused changed nothing.
    assert_eq!(service.person(owner, LOGIN).await.ask, FactorAsk::Strong);
    service.enrol(&other.token).await;
    assert_eq!(service.reset(&other.token, olga).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_reset_takes_factors_and_sessions_tells_the_admin_and_gives_time() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    let bert = service.admin(owner, BERT, "admin").await;
    service.enrol(&bert.token).await;
    let from = service.in_days(-30);
    assert_eq!(service.require_of(owner, "admin", from, 3).await.status, StatusCode::OK);

    assert_eq!(service.reset(owner, &done.grant.admin.id.0).await.code(), Code::Conflict, "not one's own");
    assert_eq!(service.reset(owner, "nobody").await.code(), Code::NotFound);
    assert_eq!(service.reset(&bert.token, &done.grant.admin.id.0).await.code(), Code::Forbidden);
    service.advance(20 * DAY / 2);
    let owner = service.sign_in(LOGIN, PASSWORD, "owners-device").await.token;
    let before = service.mails();
    assert_eq!(service.reset(&owner, &bert.admin.id.0).await.status, StatusCode::NO_CONTENT);
    let told = service.mail(&before, "has taken away your authenticators").await;
    assert!(told.contains(LOGIN) && told.contains("7 December 2026"), "{told}");
    assert_eq!(service.get(&bert.token, "/v1/session").await.code(), Code::Unauthenticated);
    let audit = service.get(&owner, "/v1/audit").await;
    assert!(audit.text.contains("factor.reset"), "{}", audit.text);

    let before = service.mails();
    let challenge: Challenge = service.challenge(BERT, PASSWORD, "device-of-admin").await.json();
    assert_eq!(challenge.factors, [FactorKind::Email]);
    assert_eq!(challenge.enrol_by, Some(service.in_days(3)));
    let code = service.mailed_code(&before).await;
    let again: SessionGrant = service.answer(&challenge, FactorKind::Email, &code).await.json();
    service.enrol(&again.token).await;
}

#[tokio::test]
async fn coverage_says_who_lacks_what_and_each_is_reminded_once_a_day() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    service.account(owner, "anna@example.org", Some("anna@example.net")).await;
    service.account(owner, "ben@example.org", None).await;
    service.account(owner, "carl@example.com", Some("Carl@example.com")).await;
    let everybody = service.covered(owner, "").await;
    assert_eq!((everybody.counts.people, everybody.counts.missing), (4, 0));
    // Olga's codes go to the mailbox that she signs in with, too.
    assert_eq!(everybody.counts.own_mailbox, 3, "{everybody:?}");

    let until = service.in_days(5);
    let rule = json!({
        "require": "required", "from": service.in_days(0), "grace_days": 5, "outside_address": true,
    });
    let organization = json!({ "kind": "organization" });
    assert_eq!(service.say(owner, organization.clone(), rule, false).await.status, StatusCode::OK);
    let domain = json!({ "kind": "domain", "domain": "Example.com" });
    let off = service.say(owner, domain, json!({ "require": "off" }), false).await;
    assert_eq!(off.status, StatusCode::OK, "{}", off.text);
    assert_eq!(service.person(owner, "carl").await.ask, FactorAsk::Nothing);
    let anna = service.person(owner, "anna").await;
    assert_eq!((anna.ask, anna.own_mailbox, anna.lacks), (FactorAsk::Code, false, None));
    let missing = service.covered(owner, "?missing=true").await;
    assert_eq!(missing.counts.found, 1);
    assert_eq!(missing.people[0].login.0, "ben@example.org");
    let lacks = missing.people[0].lacks.as_ref().unwrap();
    assert_eq!((lacks.what, lacks.until), (FactorWant::OutsideAddress, until));
    // Pages go on where the one before ended.
    let mut logins = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let page = service.covered(owner, &format!("?limit=1&cursor={cursor}")).await;
        logins.extend(page.people.iter().map(|person| person.login.0.clone()));
        next = page.next;
    }
    assert_eq!(logins, [LOGIN, "anna@example.org", "ben@example.org", "carl@example.com"]);

    let remind = async || {
        let answer = service.call(owner, Method::POST, "/v1/second-factors/reminders", Value::Null).await;
        answer.json::<FactorReminders>()
    };
    let before = service.mails();
    let first = remind().await;
    assert_eq!((first.sent, first.told_lately), (1, 0));
    let mail = service.mail(&before, "something is missing").await;
    assert!(mail.contains("ben@example.org") && mail.contains("29 November 2026"), "{mail}");
    let second = remind().await;
    assert_eq!((second.sent, second.told_lately), (0, 1));
    assert_eq!(service.covered(owner, "").await.counts.to_remind, 0);
    service.advance(DAY);
    assert_eq!(remind().await.sent, 1);
}

#[tokio::test]
async fn who_would_be_refused_at_once_is_asked_about_first() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    service.account(owner, "ben@example.org", None).await;
    service.advance(8 * DAY);
    let owner = service.sign_in(LOGIN, PASSWORD, "owners-device").await.token;
    let rule = json!({
        "require": "required", "from": service.in_days(-8), "grace_days": 7, "outside_address": true,
    });
    let scope = json!({ "kind": "account", "login": "ben@example.org" });
    let asked = service.say(&owner, scope.clone(), rule.clone(), false).await;
    assert_eq!((asked.code(), asked.field()), (Code::Invalid, "confirm".to_owned()));
    assert_eq!(service.say(&owner, scope, rule, true).await.status, StatusCode::OK);
    assert_eq!(service.person(&owner, "ben").await.ask, FactorAsk::Refuse);
    for (rule, field) in [
        (json!({ "require": "off" }), "rule.require"),
        (json!({ "require": "required", "from": service.in_days(0), "grace_days": 0 }), "rule.grace_days"),
    ] {
        let role = json!({ "kind": "role", "role": "auditor" });
        assert_eq!(service.say(&owner, role, rule, false).await.field(), field);
    }
}

#[tokio::test]
async fn a_code_that_was_asked_for_and_never_given_is_listed() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    service.admin(owner, BERT, "admin").await;
    let list = async || {
        let answer = service.get(owner, "/v1/second-factors/unanswered").await;
        answer.json::<Vec<UnansweredCode>>()
    };
    service.advance(60);
    let asked = service.challenge(BERT, PASSWORD, "another-device").await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(list().await, [], "it may still be given");
    service.advance(601);
    let found = list().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].login.0.as_str(), found[0].count), (BERT, 1));
    mailcup_service::jobs::index(&service.app.log).await.unwrap();
    assert_eq!(list().await, found, "indexed or not");
    service.advance(7 * DAY);
    assert_eq!(list().await, []);
}
