//! The API over events and what derives from them, and the mail servers' endpoints, on a service without
//! listeners.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
mod block_lists;
mod policy;
mod support;

use axum::http::{Method, StatusCode};
use mailcup_service::{jobs, store::rollups};
use mailcup_wire::{
    AccountImportResult, Alert, AlertState, Block, Code, Details, Event, EventBody, EventPage, MailServer,
    Outcome, Page, ReasonCode, Role, SubmissionOutcome, SystemFact, Time,
};
use serde_json::{Value, json};
use support::{Answer, Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn attempt(login: &str, remote: &str, pwhash: &str) -> Value {
    json!({
        "device_id": "", "login": login, "protocol": "imap", "pwhash": pwhash, "remote": remote,
        "session_id": "s", "tls": true,
    })
}

impl Service {
    async fn allow(&self, login: &str, remote: &str) -> i64 {
        let body = attempt(login, remote, "0a1");
        let answer = self.call("policy", Method::POST, "/policy/dovecot?command=allow", Some(&body)).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.json::<Value>()["status"].as_i64().unwrap()
    }

    async fn report(&self, login: &str, remote: &str, pwhash: &str, success: bool, policy_reject: bool) {
        let mut body = attempt(login, remote, pwhash);
        body["success"] = success.into();
        body["policy_reject"] = policy_reject.into();
        let answer = self.call("policy", Method::POST, "/policy/dovecot?command=report", Some(&body)).await;
        assert_eq!((answer.status, &answer.text[..]), (StatusCode::OK, r#"{"status":0,"msg":""}"#));
    }

    async fn events(&self, query: &str) -> EventPage {
        let answer = self.get(&format!("/v1/events{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("write", Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("write", Method::POST, path, Some(&body)).await
    }
}

#[tokio::test]
async fn dovecot_is_answered_and_every_attempt_is_one_event_with_its_reasons() {
    let service = Service::start().await;
    for mark in 0..5 {
        assert_eq!(service.allow("Anna@Example.org", "203.0.113.9").await, 0);
        service.report("Anna@Example.org", "203.0.113.9", &format!("{mark:03x}"), false, false).await;
    }
    let alerts: Page<Alert> = service.get("/v1/alerts?state=open").await.json();
    assert_eq!(alerts.items.iter().map(|alert| alert.count).collect::<Vec<_>>(), [5]);

    let block = json!({ "target": { "kind": "address", "address": "203.0.113.9" }, "note": "attack" });
    let answer = service.post("/v1/blocks", block).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let block: Block = answer.json();
    assert_eq!(service.allow("anna@example.org", "203.0.113.9").await, -1);
    assert_eq!(service.allow("anna@example.org", "203.0.113.5").await, 0);
    service.report("anna@example.org", "203.0.113.9", "0a1", false, true).await;
    service.report("anna@example.org", "203.0.113.5", "0a1", true, false).await;

    let page = service.events("?kinds=sign_in&account=anna&limit=2").await;
    let seen: Vec<_> = page
        .events
        .iter()
        .map(|event| match &event.body {
            EventBody::SignIn(it) => (it.outcome, it.reasons[0].code, it.reasons[0].block.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Outcome::Succeeded, ReasonCode::Credentials, None),
            (Outcome::Refused, ReasonCode::BlockedAddress, Some(block.id.clone())),
        ]
    );
    assert!(page.more);

    let path = format!("/v1/blocks/{}", block.id);
    let lifted: Block = service.call("write", Method::DELETE, &path, None).await.json();
    assert!(lifted.lifted_at.is_some());
    assert_eq!(service.allow("anna@example.org", "203.0.113.9").await, 0);
    let servers: Page<MailServer> = service.get("/v1/mail-servers").await.json();
    assert_eq!(
        servers.items.iter().map(|server| (&server.name[..], server.requests)).collect::<Vec<_>>(),
        [("policy", 15)]
    );
    // Whatever was changed is in the log, and in the audit log.
    let kinds: Vec<_> =
        service.events("?kinds=block,account").await.events.iter().map(|e| e.body.kind()).collect();
    assert_eq!(kinds.len(), 3);
    service.stop().await;
}

#[tokio::test]
async fn bad_requests_of_a_mail_server_are_told_what_is_wrong() {
    let service = Service::start().await;
    let path = "/policy/dovecot?command=allow";
    let good = attempt("a@x", "203.0.113.9", "");
    for (key, path, body, status, code) in [
        ("nobody", path, good.to_string(), 401, Code::Unauthenticated),
        ("read", path, good.to_string(), 403, Code::Forbidden),
        ("policy", "/policy/dovecot?command=ask", good.to_string(), 400, Code::BadRequest),
        ("policy", path, "{\"login\":".to_owned(), 400, Code::BadRequest),
        ("policy", path, "{}".to_owned(), 400, Code::BadRequest),
        ("policy", path, good.to_string().replace("imap", "gopher"), 400, Code::BadRequest),
        ("policy", path, "x".repeat(300_000), 413, Code::TooLarge),
        ("policy", "/v1/events", String::new(), 405, Code::BadRequest),
    ] {
        let answer = service.send(key, Method::POST, path, &[], body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().code),
            (status, code),
            "{key} {path} {}",
            answer.text
        );
    }
    assert_eq!(service.call("policy", Method::GET, "/v1/events", None).await.status, StatusCode::FORBIDDEN);
    service.stop().await;
}

#[tokio::test]
async fn pages_go_both_ways_and_a_foreign_cursor_has_diverged() {
    let service = Service::start().await;
    for number in 0..25 {
        service
            .report(&format!("user{number}@x"), &format!("203.0.113.{number}"), "1", number % 2 == 0, false)
            .await;
    }
    let mut seen = Vec::new();
    let mut page = service.events("?limit=7").await;
    loop {
        seen.extend(page.events.iter().map(|event| event.id.seq));
        if !page.more {
            break;
        }
        page = service.events(&format!("?limit=7&after={}", page.events.last().unwrap().id)).await;
    }
    assert_eq!(seen, (1..=page.head.seq).collect::<Vec<_>>());

    let all = |query: &'static str| {
        let service = &service;
        async move { service.events(query).await.events }
    };
    let newest = all("?before=&limit=1").await;
    assert_eq!(newest[0].id, page.head);
    assert_eq!(all("?outcomes=failed").await.len(), 12);
    assert_eq!(all("?kinds=sign_in&network=203.0.113.0/28").await.len(), 16);
    // The same whether no, all or some events are indexed.
    let by_account = async || {
        let exact = all("?kinds=sign_in&account=user2@x").await;
        (exact.len(), all("?kinds=sign_in&account=USER2").await.len(), exact[0].id.seq)
    };
    let unindexed = by_account().await;
    assert_eq!((unindexed.0, unindexed.1), (1, 6));
    jobs::index(&service.app.log).await.unwrap();
    assert_eq!(by_account().await, unindexed);
    service.report("user2@x", "203.0.113.1", "1", true, false).await;
    assert_eq!(by_account().await, (2, 7, service.app.log.head_seq()));
    assert_eq!(all("?kinds=sign_in&account=user2@x&limit=1").await.len(), 1);
    assert_eq!(all("?text=user7%20wrong").await.len(), 1);
    assert_eq!(all("?protocols=pop3").await.len(), 0);
    assert_eq!(all("?from=2100-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(all("?since=2026-11-24T08:00:00Z&limit=1").await[0].id.seq, 1);
    assert!(all("?since=2100-01-01T00:00:00Z").await.len() <= 1, "only what is not indexed yet");

    let head = service.app.log.head();
    for (query, code) in [
        (format!("?after={}:{}", head.epoch, head.seq + 1), Code::EpochDiverged),
        ("?after=0123456789abcdef:1".to_owned(), Code::EpochDiverged),
        ("?after=nonsense".to_owned(), Code::Invalid),
        ("?outcomes=lost".to_owned(), Code::Invalid),
        ("?network=203.0.113.0/40".to_owned(), Code::Invalid),
        ("?from=yesterday".to_owned(), Code::Invalid),
        ("?limit=many".to_owned(), Code::BadRequest),
        ("?colour=red".to_owned(), Code::BadRequest),
        (format!("?after={head}&kinds=sign_in"), Code::BadRequest),
        (format!("?after={head}&since=2026-11-24T08:00:00Z"), Code::BadRequest),
    ] {
        let problem = service.get(&format!("/v1/events{query}")).await.problem();
        assert_eq!(problem.code, code, "{query}");
        if code == Code::EpochDiverged {
            let Some(Details::Lineage { lineage }) = problem.details else { panic!("no lineage") };
            assert_eq!(lineage.last().unwrap().epoch, head.epoch);
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn the_stream_resumes_follows_and_ends_with_its_session() {
    let service = Service::start().await;
    for number in 0..3 {
        service.report(&format!("user{number}@x"), "203.0.113.1", "1", false, false).await;
    }
    let first = service.events("?limit=1").await.events.remove(0);
    let token = service.sign_in("boss@x", Role::Auditor);
    let mut stream = service.stream(&token, Some(&first.id)).await;
    let hello = stream.next_frame().await.unwrap();
    assert_eq!(hello.0, "hello");
    assert_eq!(serde_json::from_str::<Value>(&hello.1).unwrap()["head"], service.app.log.head().to_string());
    let mut heard = Vec::new();
    let hears =
        |frame: Option<(String, String)>| serde_json::from_str::<Event>(&frame.unwrap().1).unwrap().id.seq;
    while heard.last() != Some(&service.app.log.head_seq()) {
        heard.push(hears(stream.next_frame().await));
    }
    for number in 0..200 {
        service.report(&format!("user{number}@x"), "203.0.113.1", "1", false, false).await;
    }
    while heard.last() != Some(&service.app.log.head_seq()) {
        heard.push(hears(stream.next_frame().await));
    }
    assert_eq!(heard, (2..=service.app.log.head_seq()).collect::<Vec<_>>());

    service.app.sessions.end(|session| session.login.0 == "boss@x");
    assert_eq!(stream.next_frame().await, None);
    let diverged = service.call("read", Method::GET, "/v1/events/stream?after=0123:4", None).await;
    assert_eq!(diverged.problem().code, Code::EpochDiverged);
    service.stop().await;
}

#[tokio::test]
async fn alerts_and_blocks_change_under_their_etag_and_nobody_blocks_themselves_unawares() {
    let service = Service::start().await;
    for mark in 0..5 {
        service.report("anna@x", "203.0.113.9", &format!("{mark:x}"), false, false).await;
    }
    let alerts: Page<Alert> = service.get("/v1/alerts").await.json();
    let path = format!("/v1/alerts/{}", alerts.items[0].id);
    let change = |etag: &'static str, state: &str| {
        let body = json!({ "state": state, "note": "seen" }).to_string();
        let (service, path) = (&service, &path);
        async move { service.send("write", Method::PATCH, path, &[("if-match", etag)], body).await }
    };
    let answer = change("\"1\"", "resolved").await;
    assert_eq!((answer.status, answer.etag.as_deref()), (StatusCode::OK, Some("\"2\"")));
    let stale = change("\"1\"", "open").await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let Some(Details::Current { etag, value }) = stale.problem().details else { panic!("no current state") };
    assert_eq!((etag.as_str(), &value["state"]), ("\"2\"", &json!("resolved")));
    let reopened: Alert = change("\"2\"", "open").await.json();
    assert_eq!((reopened.state, reopened.history.len()), (AlertState::Open, 2));
    let without =
        service.send("write", Method::PATCH, &path, &[], json!({ "state": "open" }).to_string()).await;
    assert_eq!(without.problem().code, Code::PreconditionRequired);

    let boss = service.sign_in("boss@x", Role::Admin);
    let block = |target: Value, confirm: bool| {
        let body = json!({ "target": target, "confirm_self": confirm }).to_string();
        let (service, boss) = (&service, &boss);
        async move { service.send(boss, Method::POST, "/v1/blocks", &[], body).await }
    };
    for target in [
        json!({ "kind": "account", "login": "Boss@x" }),
        json!({ "kind": "address", "address": "192.0.2.200" }),
        json!({ "kind": "network", "network": "192.0.0.0/8" }),
    ] {
        assert_eq!(block(target, false).await.problem().code, Code::Conflict);
    }
    let own: Block = block(json!({ "kind": "account", "login": "Boss@x" }), true).await.json();
    assert_eq!(own.created_by_login, Some("boss@x".into()));
    assert_eq!(service.allow("boss@x", "203.0.113.1").await, -1);

    // A block ends by itself.
    let path = format!("/v1/blocks/{}", own.id);
    let end = Time::from_millis(service.app.clock.now().as_millis() + 1000);
    let body = json!({ "expires_at": end }).to_string();
    let answer = service.send("write", Method::PATCH, &path, &[("if-match", "\"1\"")], body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(service.allow("boss@x", "203.0.113.1").await, -1);
    service.app.clock.set(end);
    assert_eq!(service.allow("boss@x", "203.0.113.1").await, 0);
    let active: Page<Block> = service.get("/v1/blocks").await.json();
    assert!(active.items.is_empty());
    let past = service.post("/v1/blocks", json!({ "target": own.target, "expires_at": end })).await;
    assert_eq!(past.problem().code, Code::Invalid);
    service.stop().await;
}

#[tokio::test]
async fn accounts_are_imported_paged_and_changed() {
    let service = Service::start().await;
    let accounts: Vec<_> =
        (0..250).map(|n| json!({ "login": format!("User{n:03}@x"), "name": "N" })).collect();
    let done = service.post("/v1/accounts/import", json!({ "accounts": accounts })).await;
    assert_eq!(done.json::<AccountImportResult>(), AccountImportResult { added: 250, known: 0 });
    let again = json!({ "accounts": [{ "login": "user000@x" }, { "login": "new@x" }] });
    let done = service.post("/v1/accounts/import", again).await;
    assert_eq!(done.json::<AccountImportResult>(), AccountImportResult { added: 1, known: 1 });
    let bad = json!({ "accounts": [{ "login": "fine@x" }, { "login": "not fine" }] });
    let Some(Details::Fields { fields }) = service.post("/v1/accounts/import", bad).await.problem().details
    else {
        panic!("no fields")
    };
    assert_eq!(fields[0].field, "accounts.1.login");

    let first: Page<Value> = service.get("/v1/accounts?text=USER&limit=200").await.json();
    let rest: Page<Value> =
        service.get(&format!("/v1/accounts?text=user&limit=200&cursor={}", first.next.unwrap())).await.json();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (200, 50, None));
    let body = json!({ "note": "left" }).to_string();
    let changed =
        service.send("write", Method::PATCH, "/v1/accounts/new@x", &[("if-match", "\"1\"")], body).await;
    assert_eq!(changed.json::<Value>()["note"], "left");
    assert_eq!(
        service.post("/v1/accounts", json!({ "login": "new@x" })).await.problem().code,
        Code::Conflict
    );
    service.stop().await;
}

#[tokio::test]
async fn postfix_is_answered_from_the_same_policy_and_recorded() {
    let service = Service::start().await;
    let block = json!({ "target": { "kind": "account", "login": "spammer@x" } });
    assert_eq!(service.post("/v1/blocks", block).await.status, StatusCode::CREATED);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(mailcup_service::policy::postfix::serve(
        mailcup_service::policy::postfix::Listener::Tcp(listener),
        service.app.clone(),
        service.app.stop.clone(),
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut ask = async |state: &str, instance: &str, login: &str| {
        let request = format!(
            "request=smtpd_access_policy\nprotocol_state={state}\nclient_address=203.0.113.9\nsender=a@x\n\
             recipient_count=1\ninstance={instance}\nsize=9\nsasl_username={login}\n\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 256];
        let read = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    assert_eq!(ask("RCPT", "1", "anna@x").await, "action=DUNNO\n\n");
    assert_eq!(ask("END-OF-MESSAGE", "1", "anna@x").await, "action=DUNNO\n\n");
    assert!(ask("RCPT", "2", "spammer@x").await.starts_with("action=554 5.7.1 "));
    let page = service.events("?kinds=submission").await;
    let outcomes: Vec<_> = page
        .events
        .iter()
        .map(|event| match &event.body {
            EventBody::Submission(it) => it.outcome,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(outcomes, [SubmissionOutcome::Rejected, SubmissionOutcome::Accepted]);
    service.stop().await;
    served.await.unwrap();
}

#[tokio::test]
async fn old_events_leave_roll_ups_and_no_gap() {
    let service = Service::start().await;
    for number in 0..30 {
        service.report(&format!("user{number}@x"), "203.0.113.1", "1", false, false).await;
    }
    let before = service.app.clock.now();
    let cutoff = Time::from_millis(before.as_millis() + 1000);
    service.app.clock.set(Time::from_millis(before.as_millis() + 86_400_000));
    service.report("late@x", "203.0.113.1", "1", false, false).await;
    // Nothing goes that is not counted yet.
    assert_eq!(jobs::expire(&service.app.log, cutoff).await.unwrap(), 0);
    jobs::roll_up(&service.app.log).await.unwrap();
    let expired = jobs::expire(&service.app.log, cutoff).await.unwrap();
    assert!(expired >= 30);
    let mut connection = service.app.store.read().acquire().await.unwrap();
    assert_eq!(rollups::total(&mut connection).await.unwrap(), 31);
    drop(connection);
    let kept = service.events("").await;
    assert_eq!(kept.events[0].id.seq, u64::from(expired) + 1);
    assert!(kept.events.windows(2).all(|pair| pair[0].id.seq + 1 == pair[1].id.seq));
    let fact = EventBody::System(SystemFact::EventsExpired { count: expired });
    assert!(kept.events.iter().any(|event| event.body == fact));
    service.stop().await;
}

#[tokio::test]
async fn an_event_that_is_not_yet_the_head_is_not_shown() {
    let service = Service::start().await;
    service.report("anna@example.org", "203.0.113.1", "0a1", false, false).await;
    let known = service.events("?limit=100").await;
    // A commit is in the database a moment before the log counts it.
    let mut tx = service.app.store.write().await.unwrap();
    sqlx::query(
        "INSERT INTO events (seq, at, kind, body) SELECT seq + 1, at, kind, body FROM events ORDER BY seq DESC LIMIT 1",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    for query in ["?limit=100", "?before=&limit=100"] {
        let mut page = service.events(query).await;
        page.events.sort_by_key(|event| event.id.seq);
        assert_eq!(
            (page.events, page.more, &page.head),
            (known.events.clone(), false, &known.head),
            "{query}"
        );
    }
    assert!(service.events(&format!("?after={}", known.head)).await.events.is_empty());
}
