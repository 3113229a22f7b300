//! Alerts that are put off, noted and answered with blocks.

use axum::http::{Method, StatusCode};
use mailcup_guard::alert::Subject;
use mailcup_wire::{
    Alert, AlertDeed, AlertState, AuditPage, Block, Code, EventBody, Page, Role, ServiceHealth, Severity,
    Time,
};
use serde_json::{Value, json};

use crate::support::{Answer, Service};

impl Service {
    /// Five different wrong passwords, and the alert that they raise.
    async fn guessed(&self) -> Alert {
        for mark in 0..5 {
            self.report("anna@x", "203.0.113.9", &format!("{mark:x}"), false, false).await;
        }
        let page: Page<Alert> = self.get("/v1/alerts").await.json();
        page.items[0].clone()
    }

    async fn change_alert(&self, caller: &str, alert: &Alert, change: Value) -> Answer {
        let (path, etag) = (format!("/v1/alerts/{}", alert.id), format!("\"{}\"", alert.version));
        self.send(caller, Method::PATCH, &path, &[("if-match", &etag)], change.to_string()).await
    }

    fn hence(&self, seconds: i64) -> Time {
        Time::from_millis(self.app.clock.now().as_millis() + seconds * 1000)
    }
}

#[tokio::test]
async fn an_alert_is_put_off_noted_and_brought_back_and_its_history_tells_who_did_what() {
    let service = Service::start().await;
    let (boss, alert) = (service.sign_in("boss@x", Role::Admin), service.guessed().await);
    let evening = service.hence(3600);
    let snooze = json!({ "snooze": { "kind": "until", "at": evening }, "note": "Asked Anna" });
    let snoozed: Alert = service.change_alert(&boss, &alert, snooze.clone()).await.json();
    assert_eq!((snoozed.state, snoozed.snoozed_until), (AlertState::Open, Some(evening)));

    // Somebody else saw it as it was before.
    let late = service.change_alert("write", &alert, json!({ "state": "resolved" })).await;
    assert_eq!((late.status, late.problem().code), (StatusCode::PRECONDITION_FAILED, Code::Stale));

    let noted: Alert =
        service.change_alert("write", &snoozed, json!({ "note": "It was her phone" })).await.json();
    assert_eq!((noted.state, noted.snoozed_until), (snoozed.state, snoozed.snoozed_until));
    let woken: Alert =
        service.change_alert(&boss, &noted, json!({ "snooze": { "kind": "end" } })).await.json();
    assert_eq!(woken.snoozed_until, None);
    let seen: Alert = service.change_alert(&boss, &woken, json!({ "state": "acknowledged" })).await.json();
    let again: Alert = service.change_alert(&boss, &seen, snooze).await.json();
    assert_eq!(again.state, AlertState::Open, "what was acknowledged comes back as open");
    let resolved: Alert = service.change_alert(&boss, &again, json!({ "state": "resolved" })).await.json();
    assert_eq!(resolved.snoozed_until, None);

    let deeds: Vec<_> = resolved.history.iter().map(|step| (step.deed.clone(), step.login.clone())).collect();
    let by_boss = |deed| (deed, Some("boss@x".into()));
    assert_eq!(
        deeds,
        [
            by_boss(AlertDeed::Snoozed { until: evening }),
            (AlertDeed::Noted, None),
            by_boss(AlertDeed::Woken),
            by_boss(AlertDeed::State),
            by_boss(AlertDeed::Snoozed { until: evening }),
            by_boss(AlertDeed::State),
        ]
    );
    assert_eq!(resolved.history[1].note.as_deref(), Some("It was her phone"));
    let stored: Alert = service.get(&format!("/v1/alerts/{}", alert.id)).await.json();
    assert_eq!(stored, resolved);
    let audit: AuditPage = service.get("/v1/audit").await.json();
    let mut actions: Vec<_> = audit.entries.iter().map(|entry| entry.action.as_str()).collect();
    actions.dedup();
    assert_eq!(
        actions,
        ["alert.snooze", "alert.note", "alert.wake", "alert.acknowledge", "alert.snooze", "alert.resolve"]
    );
    service.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_about_an_alert_is_refused_and_changes_nothing() {
    let service = Service::start().await;
    let alert = service.guessed().await;
    let until = |at: Time| json!({ "snooze": { "kind": "until", "at": at } });
    let both = json!({ "state": "resolved", "snooze": { "kind": "end" } });
    let too_long = json!({ "note": "x".repeat(2001) });
    for change in [
        json!({}),
        json!({ "note": "  " }),
        both,
        too_long,
        until(service.hence(0)),
        until(service.hence(400 * 86_400)),
    ] {
        let answer = service.change_alert("write", &alert, change.clone()).await;
        assert_eq!(
            (answer.status, answer.problem().code),
            (StatusCode::UNPROCESSABLE_ENTITY, Code::Invalid),
            "{change}"
        );
    }
    let unread = service.change_alert("read", &alert, json!({ "note": "n" })).await;
    assert_eq!(unread.problem().code, Code::Forbidden);
    let now: Alert = service.get(&format!("/v1/alerts/{}", alert.id)).await.json();
    assert_eq!(now, alert);
    let resolved: Alert = service.change_alert("write", &alert, json!({ "state": "resolved" })).await.json();
    let late = service.change_alert("write", &resolved, until(service.hence(60))).await;
    assert_eq!(late.problem().code, Code::Conflict);
    service.stop().await;
}

#[tokio::test]
async fn a_snooze_ends_when_the_alert_grows_graver_not_when_it_only_grows() {
    let service = Service::start().await;
    service.app.log.raise(Subject::OutboxStuck, false).await.unwrap();
    let alerts: Page<Alert> = service.get("/v1/alerts").await.json();
    let until = service.hence(3600);
    let snooze = json!({ "snooze": { "kind": "until", "at": until } });
    let snoozed: Alert = service.change_alert("write", &alerts.items[0], snooze).await.json();
    let path = format!("/v1/alerts/{}", snoozed.id);

    service.app.log.raise(Subject::OutboxStuck, false).await.unwrap();
    let grown: Alert = service.get(&path).await.json();
    assert_eq!((grown.count, grown.snoozed_until), (2, Some(until)));
    service.app.log.raise(Subject::OutboxStuck, true).await.unwrap();
    let graver: Alert = service.get(&path).await.json();
    assert_eq!((graver.severity, graver.snoozed_until), (Severity::Critical, None));
    let last = graver.history.last().unwrap();
    assert_eq!((&last.deed, last.admin.as_ref()), (&AlertDeed::Woken, None));
    // Whoever puts it off now has not seen that.
    let late = service.change_alert("write", &grown, json!({ "state": "resolved" })).await;
    assert_eq!(late.problem().code, Code::Stale);
    service.stop().await;
}

#[tokio::test]
async fn a_block_that_answers_an_alert_stands_in_its_history() {
    let service = Service::start().await;
    let (boss, alert) = (service.sign_in("boss@x", Role::Admin), service.guessed().await);
    let target = json!({ "kind": "address", "address": "203.0.113.9" });
    let wanted = |id: &str| json!({ "target": target, "alert": id }).to_string();
    let nowhere = service.send(&boss, Method::POST, "/v1/blocks", &[], wanted("none")).await;
    assert_eq!(nowhere.problem().code, Code::NotFound);
    assert_eq!(service.allow("bert@x", "203.0.113.9").await, 0, "then there is no block either");

    let block: Block = service.send(&boss, Method::POST, "/v1/blocks", &[], wanted(&alert.id.0)).await.json();
    let now: Alert = service.get(&format!("/v1/alerts/{}", alert.id)).await.json();
    let step = now.history.last().unwrap();
    assert_eq!(step.deed, AlertDeed::Blocked { block: block.id.clone(), target: block.target.clone() });
    assert_eq!((step.state, step.login.clone()), (AlertState::Open, Some("boss@x".into())));
    let events = service.events("?kinds=alert,block&limit=10").await.events;
    let told = events.iter().any(|event| matches!(&event.body, EventBody::Alert(told) if *told == now));
    assert!(told, "{events:?}");
    service.stop().await;
}

#[tokio::test]
async fn the_service_says_how_it_stands_and_nothing_secret() {
    let service = Service::start().await;
    service.report("anna@x", "203.0.113.9", "1", false, false).await;
    let started = service.app.clock.now();
    service.app.clock.set(service.hence(90));
    let answer = service.call("read", Method::GET, "/v1/service/health", None).await;
    let health: ServiceHealth = answer.json();
    assert_eq!((health.started_at, health.at), (started, service.app.clock.now()));
    assert!(health.database.0 > 10_000, "{health:?}");
    assert!(health.disk.is_some_and(|disk| disk.free.0 > 0 && disk.free <= disk.size));
    assert_eq!(health.mail_servers.len(), 1);
    assert_eq!((health.outbox.waiting, health.outbox.last_error), (0, None));
    let folder = service.app.config.data_dir.display().to_string();
    assert!(!answer.text.contains(&folder) && !answer.text.contains("anna"), "{}", answer.text);
    service.stop().await;
}
