//! Against a service that fails or misleads.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use mailcup_wire::{LockOut, PolicyState, ProblemDetails, SystemFact, Trial, TrialState};

use super::*;
use crate::{key::ConsoleKey, stand_in};

/// What is said by a sync of an empty copy with a service that answers `page` whenever asked for events; none
/// for a failure.
async fn sync(
    folder: &tempfile::TempDir,
    page: impl Fn() -> Option<EventPage> + Send + 'static,
) -> mpsc::Receiver<News> {
    let answer = move |path: &str| {
        if path == "/v1/policy" {
            let state = PolicyState {
                rules: Vec::new(),
                limits: Vec::new(),
                known_networks: Vec::new(),
                trial: None,
            };
            return (200, serde_json::to_string(&state).unwrap());
        }
        if !path.starts_with("/v1/events?") {
            return (200, r#"{"items":[],"next":null}"#.to_owned());
        }
        page().map_or((500, String::new()), |page| (200, serde_json::to_string(&page).unwrap()))
    };
    sync_with(folder, answer).await
}

/// What is said by a sync of an empty copy with a service that answers this to each path.
async fn sync_with(
    folder: &tempfile::TempDir,
    answer: impl Fn(&str) -> (u16, String) + Send + 'static,
) -> mpsc::Receiver<News> {
    let api = stand_in::service(answer);
    let key = ConsoleKey::generate().store_key(&"one".into());
    let store = Store::open(&folder.path().join("store.db"), &key).unwrap();
    let (news, heard) = mpsc::channel(16);
    let (clock, stop) = (Clock::default(), CancellationToken::new());
    let target = Target::Store(store);
    let sync = Sync { api: api.await, target, clock, news, stop, audit: Asking::default() };
    tokio::spawn(sync.run());
    heard
}

/// What is said until the service is given up for now.
async fn until_offline(mut heard: mpsc::Receiver<News>) -> (Vec<News>, String) {
    let mut before = Vec::new();
    let waiting = async {
        loop {
            match heard.recv().await.unwrap() {
                News::Link(Link::Offline { why, .. }) => return why,
                other => before.push(other),
            }
        }
    };
    let why = tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    (before, why)
}

/// With these events, and further ones to come.
fn page(seqs: &[u64]) -> EventPage {
    let event = |seq: &u64| Event {
        id: format!("a:{seq}").parse().unwrap(),
        at: Clock::default().now(),
        body: EventBody::System(SystemFact::Stopped),
    };
    let events = seqs.iter().map(event).collect();
    EventPage { events, head: "a:9".parse().unwrap(), more: true, next: None }
}

#[tokio::test]
async fn a_service_whose_pages_lead_nowhere_is_not_asked_for_them_for_ever() {
    for pages in [[&[][..], &[]], [&[1, 2], &[2]]] {
        let (folder, asked) = (tempfile::tempdir().unwrap(), AtomicUsize::new(0));
        let heard = sync(&folder, move || {
            let asked = asked.fetch_add(1, Ordering::SeqCst);
            Some(page(pages[asked.min(1)]))
        });
        let (_, why) = until_offline(heard.await).await;
        assert_eq!(why, leads_nowhere().message);
    }
}

#[tokio::test]
async fn what_was_taken_in_before_a_page_failed_is_told() {
    let (folder, pages) = (tempfile::tempdir().unwrap(), AtomicU64::new(0));
    let heard = sync(&folder, move || match pages.fetch_add(1, Ordering::SeqCst) + 1 {
        seq @ 1..=2 => Some(page(&[seq])),
        _ => None,
    });
    let (before, _) = until_offline(heard.await).await;
    let told =
        before.iter().filter(|it| matches!(it, News::Applied { applied, .. } if applied.changed.events));
    assert_eq!(told.count(), 2, "{before:?}");
}

#[tokio::test]
async fn a_console_that_is_refused_says_until_when_and_is_live_again_once_it_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let began_at = Clock::default().now();
    // It returns before the pauses between tries would have grown so long.
    let ends_at = Time::from_millis(began_at.as_millis() + 1_500);
    let lock_out = LockOut { yourself: true, address: None, owners: Vec::new(), reasons: Vec::new() };
    let trial = Trial {
        id: "t1".into(),
        admin: None,
        login: None,
        change: "A rule was added.".to_owned(),
        lock_out,
        began_at,
        ends_at,
        state: TrialState::Running,
        ended_at: None,
        ended_by_login: None,
    };
    let policy =
        PolicyState { rules: Vec::new(), limits: Vec::new(), known_networks: Vec::new(), trial: Some(trial) };
    let mut heard = sync_with(&folder, move |path| match path {
        "/v1/policy" => (200, serde_json::to_string(&policy).unwrap()),
        "/v1/events/stream" => (200, "event: hello\ndata: {}\n\n".to_owned()),
        path if !path.starts_with("/v1/events?") => (200, r#"{"items":[],"next":null}"#.to_owned()),
        _ if Clock::default().now() < ends_at => {
            let problem = ProblemDetails {
                r#type: String::new(),
                title: String::new(),
                status: 403,
                detail: "Not from here.".to_owned(),
                code: Code::RefusedHere,
                details: None,
                request_id: None,
            };
            (403, serde_json::to_string(&problem).unwrap())
        }
        _ => (200, serde_json::to_string(&EventPage { more: false, ..page(&[1]) }).unwrap()),
    })
    .await;
    let mut links = Vec::new();
    let waiting = async {
        while links.last() != Some(&Link::Live) {
            if let News::Link(link) = heard.recv().await.unwrap() {
                links.push(link);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    let refused =
        |link: &Link| matches!(link, Link::RefusedHere { returns_at: Some(at), .. } if *at == ends_at);
    assert!(refused(&links[0]), "{links:?}");
    assert!(links.iter().all(|link| refused(link) || *link == Link::Live), "{links:?}");
}
