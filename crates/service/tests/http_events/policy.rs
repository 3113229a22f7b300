//! Access rules, sending limits and known networks over the API, and what mail servers are answered by them.

use axum::http::{Method, StatusCode};
use mailcup_wire::{
    AccessRule, AccessTerms, AuditPage, Code, Details, EventBody, Outcome, PolicyChanged, PolicyItem,
    PolicyState, ReasonCode, SendingLimit, SignIn,
};
use serde_json::{Value, json};

use crate::support::{Answer, Service};

pub const ANNA: &str = "anna@example.org";
const OFFICE: &str = "127.0.0.5";
const ELSEWHERE: &str = "127.0.0.9";

fn terms(action: &str, networks: &[&str], mode: &str) -> Value {
    json!({
        "scope": { "kind": "account", "login": ANNA }, "action": action, "protocols": ["imap", "submission"],
        "networks": networks, "enabled": true, "mode": mode,
    })
}

fn limit() -> Value {
    json!({
        "scope": { "kind": "organization" }, "measure": { "kind": "recipients", "window": "hour" },
        "per": "account", "known": null, "others": 10, "action": "reject", "enabled": true,
        "mode": "enforced",
    })
}

fn create(terms: &Value) -> Value {
    json!({ "rules": [{ "kind": "create", "terms": terms }] })
}

impl Service {
    async fn change(&self, change: Value) -> Answer {
        self.call("write", Method::POST, "/v1/policy", Some(&change)).await
    }

    async fn changed(&self, change: Value) -> PolicyChanged {
        let answer = self.change(change).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    async fn policy(&self) -> PolicyState {
        self.call("read", Method::GET, "/v1/policy", None).await.json()
    }

    async fn newest_sign_in(&self) -> SignIn {
        let page = self.events("?kinds=sign_in&limit=1").await;
        match page.events.into_iter().next().unwrap().body {
            EventBody::SignIn(sign_in) => sign_in,
            other => panic!("{other:?}"),
        }
    }
}

fn rule(changed: &PolicyChanged) -> &AccessRule {
    match &changed.items[..] {
        [PolicyItem::AccessRule(rule)] => rule,
        other => panic!("{other:?}"),
    }
}

fn codes(sign_in: &SignIn) -> Vec<ReasonCode> {
    sign_in.reasons.iter().map(|reason| reason.code).collect()
}

#[tokio::test]
async fn a_rule_holds_for_the_next_attempt_and_events_name_it() {
    let service = Service::start().await;
    let changed = service.changed(create(&terms("allow", &[OFFICE], "enforced"))).await;
    let made = rule(&changed).clone();
    assert_eq!((service.allow(ANNA, OFFICE).await, service.allow(ANNA, ELSEWHERE).await), (0, -1));
    assert_eq!(service.allow("ben@example.org", ELSEWHERE).await, 0, "it is for Anna alone");
    service.report(ANNA, ELSEWHERE, "0a1", false, true).await;
    let refused = service.newest_sign_in().await;
    assert_eq!((refused.outcome, codes(&refused)), (Outcome::Refused, vec![ReasonCode::RuleNotAllowed]));
    assert_eq!(refused.reasons[0].rule.as_ref(), Some(&made.id));

    let both = terms("allow", &[OFFICE, ELSEWHERE], "enforced");
    let edit = json!({ "kind": "update", "id": made.id, "version": 1, "terms": both });
    let changed = service.changed(json!({ "rules": [edit] })).await;
    assert_eq!((rule(&changed).version, rule(&changed).mode_since), (2, made.mode_since));
    assert_eq!(service.allow(ANNA, ELSEWHERE).await, 0);

    let gone = service.changed(json!({ "rules": [{ "kind": "delete", "id": made.id, "version": 2 }] })).await;
    assert!(rule(&gone).deleted_at.is_some() && service.policy().await.rules.is_empty());
    assert_eq!(service.allow(ANNA, "203.0.113.9").await, 0);
    let path = format!("/v1/access-rules/{}", made.id);
    assert_eq!(service.get(&path).await.json::<AccessRule>(), *rule(&gone), "events still name it");
    let back =
        service.changed(json!({ "rules": [{ "kind": "restore", "id": made.id, "version": 3 }] })).await;
    assert_eq!(service.policy().await.rules, [rule(&back).clone()]);
    assert_eq!(service.allow(ANNA, "203.0.113.9").await, -1);
    assert_eq!(service.get("/v1/access-rules/nothing").await.problem().code, Code::NotFound);
    service.stop().await;
}

#[tokio::test]
async fn a_report_only_rule_refuses_nothing_and_stands_in_every_event() {
    let service = Service::start().await;
    let changed = service.changed(create(&terms("deny", &[ELSEWHERE], "report_only"))).await;
    assert_eq!(service.allow(ANNA, ELSEWHERE).await, 0);
    service.report(ANNA, ELSEWHERE, "0a1", true, false).await;
    let let_in = service.newest_sign_in().await;
    assert_eq!(let_in.outcome, Outcome::Succeeded);
    assert_eq!(codes(&let_in), [ReasonCode::Credentials, ReasonCode::RuleWouldDeny]);
    assert_eq!(let_in.reasons[1].rule.as_ref(), Some(&rule(&changed).id));
    service.report(ANNA, ELSEWHERE, "0a2", false, false).await;
    assert_eq!(
        codes(&service.newest_sign_in().await),
        [ReasonCode::WrongPassword, ReasonCode::RuleWouldDeny]
    );
    service.report(ANNA, OFFICE, "0a1", true, false).await;
    assert_eq!(codes(&service.newest_sign_in().await), [ReasonCode::Credentials]);
    service.stop().await;
}

#[tokio::test]
async fn a_change_is_made_whole_or_not_at_all_and_never_over_somebody_elses() {
    let service = Service::start().await;
    let wrong = AccessTerms {
        networks: Vec::new(),
        ..serde_json::from_value(terms("allow", &[OFFICE], "enforced")).unwrap()
    };
    let mut wrong = serde_json::to_value(wrong).unwrap();
    wrong["note"] = "x".repeat(5000).into();
    let mixed = json!({ "limits": [{ "kind": "create", "terms": limit() }],
        "rules": [{ "kind": "create", "terms": terms("deny", &[OFFICE], "enforced") },
                  { "kind": "create", "terms": wrong }] });
    let problem = service.change(mixed).await.problem();
    let Some(Details::Fields { fields }) = &problem.details else { panic!("{problem:?}") };
    assert_eq!((problem.code, &fields[0].field[..]), (Code::Invalid, "rules.1.note"));
    assert_eq!(service.policy().await, empty(), "nothing of it was made");

    let networks = json!([{ "scope": { "kind": "organization" }, "version": 0, "networks": ["10.0.0.0/8"] }]);
    let all = json!({ "limits": [{ "kind": "create", "terms": limit() }], "known_networks": networks,
        "rules": [{ "kind": "create", "terms": terms("deny", &[ELSEWHERE], "enforced") }] });
    let changed = service.changed(all).await;
    let state = service.policy().await;
    assert_eq!((state.rules.len(), state.limits.len(), state.known_networks.len()), (1, 1, 1));
    let log = service.events("?kinds=policy").await;
    let mut logged: Vec<_> = log.events.into_iter().map(|event| event.body).collect();
    logged.reverse();
    assert_eq!(logged, changed.items.iter().cloned().map(EventBody::Policy).collect::<Vec<_>>());
    let path = format!("/v1/sending-limits/{}", state.limits[0].id);
    assert_eq!(service.get(&path).await.json::<SendingLimit>(), state.limits[0]);
    let audit: AuditPage = service.get("/v1/audit").await.json();
    assert_eq!(audit.entries.last().unwrap().action, "policy.change");
    assert_eq!(
        audit.entries.last().unwrap().target,
        "access rule of anna@example.org, sending limit of everybody, known networks of everybody"
    );

    let old = json!({ "kind": "delete", "id": state.rules[0].id, "version": 9 });
    let problem =
        service.change(json!({ "rules": [old], "limits": [{ "kind": "create", "terms": limit() }] }));
    let problem = problem.await.problem();
    assert_eq!(problem.code, Code::Stale);
    let Some(Details::Current { value, .. }) = problem.details else { panic!() };
    assert_eq!(serde_json::from_value::<PolicyState>(value).unwrap(), state);
    let delete = json!({ "rules": [{ "kind": "delete", "id": state.rules[0].id, "version": 1 }] });
    service.changed(delete.clone()).await;
    assert_eq!(service.change(delete).await.problem().code, Code::Stale, "somebody else deleted it");
    let unknown = json!({ "rules": [{ "kind": "delete", "id": "nothing", "version": 1 }] });
    assert_eq!(service.change(unknown).await.problem().code, Code::NotFound);
    assert_eq!(service.change(json!({})).await.problem().code, Code::BadRequest);
    service.stop().await;
}

#[tokio::test]
async fn the_policy_is_what_it_was_after_a_restart() {
    let service = Service::start().await;
    let networks = json!([{ "scope": { "kind": "organization" }, "version": 0, "networks": ["10.0.0.0/8"] }]);
    service
        .changed(json!({ "limits": [{ "kind": "create", "terms": limit() }], "known_networks": networks,
            "rules": [{ "kind": "create", "terms": terms("allow", &[OFFICE], "enforced") }] }))
        .await;
    let before = service.policy().await;
    let service = service.restart().await;
    assert_eq!(service.policy().await, before);
    assert_eq!((service.allow(ANNA, OFFICE).await, service.allow(ANNA, ELSEWHERE).await), (0, -1));
    let policy = service.app.policy.load();
    assert_eq!((policy.limits.limits().len(), policy.known.holds(ANNA, "10.1.1.1".parse().ok())), (1, true));
    service.stop().await;
}

fn empty() -> PolicyState {
    PolicyState { rules: Vec::new(), limits: Vec::new(), known_networks: Vec::new(), trial: None }
}
