//! `kill -9` of the service, of the console, and of both, at random moments of a storm of sign-ins.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use mailcup_lab::{
    desktop::{App, Desktop, DesktopConfig},
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{Alert, Event, EventBody, MailServerKind, Protocol, desktop::EventList};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::first_run::{connected, keep_codes, outbox_code, set_up};
use crate::page::{CONSOLE, Page, SOON};
use crate::reports::Reporter;

const SEED: u64 = 4;
const KILLS: usize = 20;
const EVENTS: u32 = 20_000;
const SENDERS: u32 = 8;
/// One of so many sign-ins of a sender is an attack; each has to be told of.
const ATTACK_EVERY: u32 = 833;
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_and_no_alert_is_lost() {
    let mut service = Service::start(ServiceConfig::default()).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let reporter = Reporter::from_snippet(&service.snippet(MailServerKind::Dovecot).await.unwrap());
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    page.quit().await;
    desktop.notifications.forget();

    let attacks = (0..SENDERS).map(|sender| (0..EVENTS / SENDERS).filter(|n| is_attack(sender, *n)).count());
    let attacks = u32::try_from(attacks.sum::<usize>()).unwrap();
    let storm = Storm::begin(&reporter);
    let mut random = StdRng::seed_from_u64(SEED);
    let mut kills = Vec::new();
    let mut console = Some(start(&desktop));
    for kill in 0..KILLS {
        let share = EVENTS / u32::try_from(KILLS + 1).unwrap();
        let at = share * u32::try_from(kill).unwrap() + random.random_range(0..share);
        storm.await_sent(at).await;
        let (kills_service, kills_console) = [(true, false), (false, true), (true, true)][kill % 3];
        kills.push(Instant::now());
        if kills_service {
            service.kill();
        }
        if kills_console {
            console.take().unwrap().kill();
        }
        if kills_service {
            service.run().await.unwrap();
        }
        if kills_console {
            console = Some(start(&desktop));
        }
    }
    let answered = storm.end().await;

    let events = owner.all_events(None).await.unwrap();
    assert_recorded(&events, &answered);
    let victims = owner.alerts().await.unwrap().into_iter().filter_map(|alert| alert.login);
    let mut victims: Vec<_> = victims.filter(|login| login.0.starts_with("victim-")).collect();
    victims.sort();
    assert_eq!(victims.len(), attacks as usize, "an alert for each attack: {victims:?}");
    victims.dedup();
    assert_eq!(victims.len(), attacks as usize, "one alert for each attack");
    let told = wait::until("every attack is told of", PATIENCE, async || {
        (told_of(&desktop) >= attacks).then_some(())
    });
    let told = told.await.map(|()| told_of(&desktop));
    let calls: Vec<_> =
        desktop.notifications.calls().into_iter().map(|n| (n.id, n.summary, n.body)).collect();
    let repeats = told.expect("every attack is told of") - attacks;
    let within_a_call = kills_within_a_call(&desktop, &kills);
    eprintln!(
        "{} reports answered, {} events; {attacks} attacks, {repeats} told twice; {within_a_call} of {KILLS} kills within a call",
        answered.iter().map(Vec::len).sum::<usize>(),
        events.len(),
    );
    assert!(repeats <= within_a_call, "{repeats} told twice, {within_a_call} killed in the call: {calls:#?}");
    drop(console);
    assert_same(&desktop, &owner).await;
}

/// The embedded service dies: the console starts it again and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_service_is_started_again() {
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = Page::open(&desktop).await;
    set_up(&page).await;
    keep_codes(&page).await;
    page.press("Show what to paste").await;
    let reporter = Reporter::from_snippet(&page.copied("Dovecot configuration").await);
    page.press("Open the console").await;
    reporter.failure("before@example.org", "198.51.100.1", "a").await;
    page.see("before@example.org").await;

    let named =
        |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|n| n.trim() == "mailcupd");
    let mailcupd = page.processes().into_iter().find(named).unwrap();
    let killed = std::process::Command::new("kill").args(["-9", &mailcupd.to_string()]).status().unwrap();
    assert!(killed.success());
    page.see("was started again").await;
    reporter.failure("after@example.org", "198.51.100.1", "a").await;
    page.see("after@example.org").await;

    // The console dies without a word: its service must not stay behind.
    let mailcupd = page.processes().into_iter().find(named).unwrap();
    page.into_window().kill().await.unwrap();
    let ended =
        wait::until("the service ends with its console", SOON, async || (!named(&mailcupd)).then_some(()));
    ended.await.unwrap();
    let page = Page::open(&desktop).await;
    page.see("Up to date").await;
    page.go("/activity").await;
    page.see("after@example.org").await;
    page.quit().await;
}

fn start(desktop: &Desktop) -> App {
    desktop.launch(Path::new(CONSOLE), &["--in-tray"], &[]).unwrap()
}

fn is_attack(sender: u32, n: u32) -> bool {
    n % ATTACK_EVERY == sender * ATTACK_EVERY / SENDERS
}

/// Sign-ins from several mail servers at once.
struct Storm {
    sent: Arc<AtomicU32>,
    done: Arc<AtomicBool>,
    senders: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Storm {
    fn begin(reporter: &Reporter) -> Self {
        let (sent, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let senders = (0..SENDERS).map(|sender| {
            let (reporter, sent) = (reporter.clone(), Arc::clone(&sent));
            tokio::spawn(async move {
                let mut answered = Vec::new();
                let mut random = StdRng::seed_from_u64(SEED + u64::from(sender));
                for n in 0..EVENTS / SENDERS {
                    let login = format!("s{sender}-{n:05}@example.org");
                    let address = format!("2001:db8:{:x}:{:x}::1", random.next_u32() >> 16, n);
                    if reporter.try_failure(&login, &address, "wrong").await {
                        answered.push(login);
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                    if is_attack(sender, n) {
                        reporter.attack(&format!("victim-{sender}-{n}@example.org"), &address).await;
                    }
                }
                answered
            })
        });
        Self { senders: senders.collect(), sent, done }
    }

    async fn await_sent(&self, count: u32) {
        let sent = wait::until("the storm goes on", PATIENCE, async || {
            (self.sent.load(Ordering::Relaxed) >= count).then_some(())
        });
        sent.await.unwrap();
    }

    /// What was answered, by sender, in order.
    async fn end(self) -> Vec<Vec<String>> {
        self.done.store(true, Ordering::Relaxed);
        let mut answered = Vec::new();
        for sender in self.senders {
            answered.push(sender.await.unwrap());
        }
        answered
    }
}

/// Every answered report is there, once, in order.
fn assert_recorded(events: &[Event], answered: &[Vec<String>]) {
    let mut place = BTreeMap::new();
    let mut last = 0;
    for event in events {
        assert_eq!(event.id.seq, last + 1, "the log has no gap");
        last = event.id.seq;
        if let EventBody::SignIn(sign_in) = &event.body
            && sign_in.protocol == Protocol::Imap
        {
            let twice = place.insert(sign_in.login.0.clone(), event.id.seq);
            assert!(twice.is_none() || !sign_in.login.0.starts_with('s'), "{} twice", sign_in.login);
        }
    }
    for of_one_sender in answered {
        let places: Vec<_> = of_one_sender.iter().map(|login| place.get(login).copied()).collect();
        assert!(places.iter().all(Option::is_some), "an answered report is lost");
        assert!(places.is_sorted(), "reports are out of order");
    }
}

/// The console's copy is the service's log, event by event, with all its alerts.
async fn assert_same(desktop: &Desktop, owner: &Api) {
    let page = Page::open(desktop).await;
    page.see("Up to date").await;
    let events = owner.all_events(None).await.unwrap();
    let head = events.last().unwrap().id.clone();
    let newest = json!({ "query": { "limit": 1 } });
    let whole = wait::until("the copy has the newest event", PATIENCE, async || {
        let list: EventList = ask(&page, "events", &newest).await;
        (list.events.first()?.id == head).then_some(())
    });
    whole.await.unwrap();
    let mut here = Vec::new();
    loop {
        let before = here.last().map(|event: &Event| event.id.clone());
        let list: EventList =
            ask(&page, "events", &json!({ "query": { "limit": 500, "before": before } })).await;
        here.extend(list.events);
        if !list.more {
            break;
        }
    }
    here.reverse();
    assert_eq!(here.len(), events.len(), "as many events here as there");
    for (here, there) in here.iter().zip(&events) {
        assert_eq!(here, there);
    }
    let states = json!({ "states": ["open", "acknowledged", "resolved"] });
    let by_id =
        |alerts: Vec<Alert>| alerts.into_iter().map(|it| (it.id.0.clone(), it)).collect::<BTreeMap<_, _>>();
    let (here, there) = (by_id(ask(&page, "alerts", &states).await), by_id(owner.alerts().await.unwrap()));
    assert!(!there.is_empty());
    assert_eq!(here, there);
    page.quit().await;
}

/// What the desktop core answers to a command, as the pages ask it.
async fn ask<T: DeserializeOwned>(page: &Page, command: &str, arguments: &Value) -> T {
    let script = "const done = arguments[arguments.length - 1]; \
                  window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1]).then(done)";
    let answer = page.execute_async(script, vec![json!(command), arguments.clone()]).await.unwrap();
    serde_json::from_value(answer.json().clone()).unwrap()
}

/// Of how many alerts the notifications spoke, each by its last text.
fn told_of(desktop: &Desktop) -> u32 {
    let mut last = BTreeMap::new();
    for call in desktop.notifications.calls() {
        let chain = if call.replaces == 0 { call.at } else { last_of(&last, call.replaces) };
        last.insert((call.id, chain), call.summary);
    }
    last.values().map(|summary| counted(summary)).sum()
}

fn last_of(chains: &BTreeMap<(u32, Instant), String>, id: u32) -> Instant {
    let known: BTreeSet<_> = chains.keys().filter(|(known, _)| *known == id).map(|(_, at)| *at).collect();
    known.into_iter().next_back().unwrap_or_else(Instant::now)
}

/// "3 more alerts: …" and "3 alerts you have not seen" stand for three, one about a victim for one; the rest
/// (the service was away) for none.
fn counted(summary: &str) -> u32 {
    let number = summary.split(' ').next().and_then(|word| word.parse().ok());
    match number {
        Some(count) if summary.contains("alerts") => count,
        _ => u32::from(summary.contains("victim-")),
    }
}

/// Kills so close after a call that the console may not have noted its answer.
fn kills_within_a_call(desktop: &Desktop, kills: &[Instant]) -> u32 {
    let close = Duration::from_millis(100);
    let calls = desktop.notifications.calls();
    let struck = |kill: &&Instant| {
        calls.iter().any(|call| kill.checked_duration_since(call.at).is_some_and(|after| after < close))
    };
    u32::try_from(kills.iter().filter(struck).count()).unwrap()
}
