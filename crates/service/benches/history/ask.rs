//! Asking for pages and filters over HTTP, and catching up by the stream.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use mailcup_lab::service::Api;
use mailcup_wire::{EventId, EventPage};
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};

use crate::{cpu, fill::Landmarks, millis, number};

const TIMES: usize = 20;
const CAUGHT_UP: u64 = 200_000;

pub async fn questions(api: &Api, landmarks: &Landmarks, pid: u32) {
    let newest: EventPage = api.get("/v1/events?before=&limit=1").await.expect("the newest");
    let oldest: EventPage = api.get("/v1/events?limit=1").await.expect("the oldest");
    let (first, last) = (oldest.events[0].id.seq, newest.head.seq);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut anywhere = || rng.random_range(first..last);
    let mut cursors = Vec::new();
    for _ in 0..TIMES {
        let seq = anywhere();
        cursors.push(cursor(api, &newest.head, seq).await);
    }
    let at = |cursor: &Option<EventId>| cursor.as_ref().map(ToString::to_string).unwrap_or_default();
    let attacker = landmarks.attacker.as_str();
    let near = attacker.rsplit_once('.').map_or(attacker.to_owned(), |(net, _)| format!("{net}.0/24"));
    let middle = landmarks.middle.expect("an attack");
    let next_day = mailcup_wire::Time::from_millis(middle.as_millis() + 86_400_000);
    let busy = &landmarks.busy;
    let fixed = [
        ("newest", "before=".to_owned()),
        ("account", format!("account={busy}")),
        ("account, failed", format!("account={busy}&outcomes=failed")),
        ("part of accounts", "account=user-199".to_owned()),
        ("account that is none", "account=nobody@nowhere.example".to_owned()),
        ("address", format!("network={attacker}")),
        ("network /24", format!("network={near}")),
        ("network /8", "network=100.0.0.0/8".to_owned()),
        ("network that never was", "network=192.0.2.0/24".to_owned()),
        ("failed", "outcomes=failed".to_owned()),
        ("challenged (none)", "outcomes=challenged".to_owned()),
        ("pop3, failed", "protocols=pop3&outcomes=failed".to_owned()),
        ("webmail (old half)", "protocols=web".to_owned()),
        ("alerts", "kinds=alert".to_owned()),
        ("admin actions", "kinds=admin".to_owned()),
        ("a day", format!("from={middle}&until={next_day}")),
        ("a day, account", format!("from={middle}&until={next_day}&account={busy}")),
        ("text, common", "text=thunderbird".to_owned()),
        ("text, rare", format!("text={attacker}")),
        ("text, none", "text=xylophone".to_owned()),
        ("text, account", format!("text=wrong&account={busy}")),
    ];
    println!("  {:<26}{:>10}{:>10}{:>10}{:>8}", "page of 100", "p50", "p95", "CPU", "events");
    let after: Vec<String> =
        cursors.iter().map(|cursor| format!("/v1/events?after={}&limit=1000", at(cursor))).collect();
    timed(api, pid, "after a cursor, 1,000", &after).await;
    let before: Vec<String> =
        cursors.iter().map(|cursor| format!("/v1/events?before={}", at(cursor))).collect();
    timed(api, pid, "before a cursor", &before).await;
    for (name, query) in fixed {
        timed(api, pid, name, &vec![format!("/v1/events?{query}"); TIMES]).await;
    }
}

/// Reads the stream from far behind the end.
pub async fn catch_up(api: &Api, http: &str) {
    let newest: EventPage = api.get("/v1/events?before=&limit=1").await.expect("the newest");
    let behind = CAUGHT_UP.min(newest.head.seq - 1);
    let from = cursor(api, &newest.head, newest.head.seq - behind).await.expect("a cursor");
    let client = reqwest::Client::new();
    let request = client
        .get(format!("http://{http}/v1/events/stream"))
        .bearer_auth(api.token().expect("a session"))
        .header("last-event-id", from.to_string());
    let begun = Instant::now();
    let mut stream = request.send().await.expect("the stream").bytes_stream();
    let end = format!("id: {}\n", newest.head).into_bytes();
    let mut bytes = 0;
    let mut kept: Vec<u8> = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.expect("more of the stream");
        bytes += chunk.len() as u64;
        kept.extend_from_slice(&chunk);
        if kept.windows(end.len()).any(|window| window == end) {
            break;
        }
        kept.drain(..kept.len().saturating_sub(end.len()));
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "  catching up by the stream: {:.0} events/s, {:.0} MB/s",
        number(behind) / seconds,
        number(bytes) / 1e6 / seconds
    );
}

/// The event before `seq + 1`, whatever its epoch.
async fn cursor(api: &Api, head: &EventId, seq: u64) -> Option<EventId> {
    // Nearly all events were written in a few epochs: the one that knows the number is found by trying.
    let mut epoch = head.epoch.clone();
    loop {
        let id = EventId { epoch: epoch.clone(), seq };
        let asked: Result<EventPage, _> = api.get(&format!("/v1/events?after={id}&limit=1")).await;
        match asked {
            Ok(_) => return Some(id),
            Err(mailcup_lab::service::ApiError::Problem { problem, .. }) => {
                let Some(mailcup_wire::Details::Lineage { lineage }) = problem.details else { return None };
                let step = lineage.iter().rev().find(|step| step.first_seq <= seq)?;
                epoch = step.epoch.clone();
            }
            Err(_) => return None,
        }
    }
}

async fn timed(api: &Api, pid: u32, name: &str, paths: &[String]) {
    let mut took = Vec::with_capacity(paths.len());
    let mut found = 0;
    let used = cpu(pid);
    for path in paths {
        let begun = Instant::now();
        let page: EventPage = api.get(path).await.expect("a page");
        took.push(begun.elapsed());
        found = page.events.len();
        if begun.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    let used = cpu(pid).saturating_sub(used) / u32::try_from(took.len()).unwrap_or(1);
    took.sort();
    let at = |percent: usize| millis(took[(took.len() * percent / 100).min(took.len() - 1)]);
    println!("  {name:<26}{:>10}{:>10}{:>10}{found:>8}", at(50), at(95), millis(used));
}
