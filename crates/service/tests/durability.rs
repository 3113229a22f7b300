//! The real program is killed, and its disk is filled, while mail servers report sign-ins.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use mailcup_lab::{
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{Alert, AlertKind, Event, EventBody, EventPage, MailServerKind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

async fn start(program: Option<PathBuf>) -> (Service, Api, Api) {
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_mailcupd").into());
    let service =
        Service::start(ServiceConfig { program: Some(program), ..ServiceConfig::default() }).await.unwrap();
    let disk = disk_of(&service);
    if disk != service.data_dir() {
        std::fs::copy(disk.join("setup-token"), service.data_dir().join("setup-token")).unwrap();
    }
    let owner = service.set_up().await.unwrap();
    let snippet = owner.snippet(MailServerKind::Dovecot).await.unwrap().text;
    let line = snippet.lines().find(|line| line.starts_with("auth_policy_server_api_header")).unwrap();
    let key = line.rsplit(' ').next().unwrap().to_owned();
    let server = service.api().with_token(&key);
    (service, owner, server)
}

/// The data folder as the service itself sees it.
fn disk_of(service: &Service) -> PathBuf {
    let seen =
        PathBuf::from(format!("/proc/{}/root{}", service.pid().unwrap(), service.data_dir().display()));
    if seen.metadata().unwrap().dev() == service.data_dir().metadata().unwrap().dev() {
        service.data_dir().to_owned()
    } else {
        seen
    }
}

/// Reports a failed sign-in; none when the service did not answer.
async fn report(server: &Api, login: &str, mark: u32) -> Option<StatusCode> {
    let body = json!({
        "device_id": "", "login": login, "protocol": "imap", "pwhash": format!("{:03x}", mark % 4096),
        "remote": format!("203.0.113.{}", mark % 250), "session_id": "s", "tls": false,
        "success": false, "policy_reject": false,
    });
    let request = server.request(Method::POST, "/policy/dovecot?command=report").json(&body);
    request.send().await.ok().map(|response| response.status())
}

async fn all_events(owner: &Api) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map_or_else(String::new, |event| format!("&after={}", event.id));
        let page: EventPage = owner.get(&format!("/v1/events?limit=1000{after}")).await.unwrap();
        events.extend(page.events);
        if !page.more {
            return events;
        }
    }
}

fn sign_ins(events: &[Event]) -> BTreeMap<String, usize> {
    let mut logins = BTreeMap::new();
    for event in events {
        if let EventBody::SignIn(sign_in) = &event.body
            && sign_in.server.is_some()
        {
            *logins.entry(sign_in.login.0.clone()).or_default() += 1;
        }
    }
    logins
}

fn assert_gapless(events: &[Event]) {
    assert!(events.iter().map(|event| event.id.seq).eq(1..=events.len() as u64), "the numbers have gaps");
    assert!(events.is_sorted_by_key(|event| event.at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_report_survives_kill_9_once_and_in_order() {
    const KILLS: usize = 8;
    let (mut service, owner, server) = start(None).await;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let done = Arc::new(AtomicBool::new(false));
    let number = Arc::new(AtomicU32::new(0));
    let floods: Vec<_> = (0..16)
        .map(|_| {
            let (server, answered) = (server.clone(), Arc::clone(&answered));
            let (done, number) = (Arc::clone(&done), Arc::clone(&number));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    // One account is attacked, so that its alert must count through all of it.
                    let login = if number % 4 == 0 { "anna@x".to_owned() } else { format!("user{number}@x") };
                    match report(&server, &login, number).await {
                        Some(StatusCode::OK) => answered.lock().unwrap().push(login),
                        Some(status) => panic!("{status}"),
                        None => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            })
        })
        .collect();
    for kill in 1..=KILLS {
        // Somewhere within the flood, at no moment of ours.
        let enough = kill * 150 + usize::from(rand::random::<u8>());
        wait::until("the flood stands still", PATIENCE, async || {
            (answered.lock().unwrap().len() >= enough).then_some(())
        })
        .await
        .unwrap();
        service.kill();
        service.run().await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.await.unwrap();
    }
    let events = all_events(&owner).await;
    assert_gapless(&events);
    let stored = sign_ins(&events);
    let mut expected = BTreeMap::<String, usize>::new();
    for login in answered.lock().unwrap().iter() {
        *expected.entry(login.clone()).or_default() += 1;
    }
    for (login, count) in &expected {
        let found = stored.get(login).copied().unwrap_or(0);
        // A report may have been written and its answer lost.
        let unsure = if login == "anna@x" { 16 * KILLS } else { 0 };
        assert!((*count..=count + unsure).contains(&found), "{login}: {count} answered, {found} stored");
    }
    assert!(stored.iter().all(|(login, count)| login == "anna@x" || *count == 1));

    // The alert counts exactly the events that are there.
    let alerts: Vec<Alert> = owner.list("/v1/alerts").await.unwrap();
    let alerts: Vec<_> = alerts
        .iter()
        .filter(|alert| alert.kind == AlertKind::RepeatedFailures && alert.login == Some("anna@x".into()))
        .collect();
    assert_eq!(alerts.len(), 1);
    let now: Alert = owner.get(&format!("/v1/alerts/{}", alerts[0].id)).await.unwrap();
    assert_eq!(now.count as usize, stored["anna@x"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_outlived() {
    // The service sees its data folder on a small disk of its own.
    let folder = tempfile::TempDir::new().unwrap();
    let program = folder.path().join("mailcupd-on-a-small-disk");
    let script = format!(
        "#!/bin/sh\nexec unshare --user --map-root-user --mount sh -c '\
         for last; do :; done; data=\"$3\"; mkdir -p \"$data\"; mount -t tmpfs -o size=12m tmpfs \"$data\"; \
         exec {} \"$@\"' mailcupd \"$@\"\n",
        env!("CARGO_BIN_EXE_mailcupd")
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (service, owner, server) = start(Some(program)).await;
    assert_eq!(report(&server, "before@x", 1).await, Some(StatusCode::OK));

    let filler = disk_of(&service).join("filler");
    let full = std::fs::write(&filler, vec![0; 32 * 1024 * 1024]);
    assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    let mut told = None;
    for number in 0..500 {
        let login = format!("during{number}@x");
        let body = json!({ "login": login, "protocol": "imap", "remote": "203.0.113.9", "success": false });
        let request = server.request(Method::POST, "/policy/dovecot?command=report").json(&body);
        let response = request.send().await.unwrap();
        if response.status() != StatusCode::OK {
            told = Some((number, response.json::<Value>().await.unwrap()));
            break;
        }
    }
    let (written, problem) = told.unwrap();
    assert_eq!((&problem["code"], &problem["status"]), (&json!("storage_full"), &json!(507)), "{problem}");
    // Decisions and reading go on.
    let body = json!({ "login": "a@x", "protocol": "imap", "remote": "203.0.113.9" });
    let allow =
        server.request(Method::POST, "/policy/dovecot?command=allow").json(&body).send().await.unwrap();
    assert_eq!(allow.json::<Value>().await.unwrap()["status"], 0);
    assert_gapless(&all_events(&owner).await);

    std::fs::remove_file(&filler).unwrap();
    wait::until("the service does not recover", PATIENCE, async || {
        (report(&server, "after@x", 2).await == Some(StatusCode::OK)).then_some(())
    })
    .await
    .unwrap();
    let events = all_events(&owner).await;
    assert_gapless(&events);
    let stored = sign_ins(&events);
    assert_eq!((stored["before@x"], stored["after@x"]), (1, 1));
    assert_eq!(stored.keys().filter(|login| login.starts_with("during")).count(), written);
}
