//! Filling the log: the past in large portions, and the present as mail servers bring it.

use std::{path::Path, time::Instant};

use mailcup_guard::alert::{PasswordMark, Rules};
use mailcup_lab::traffic::{Attempt, history};
use mailcup_service::{
    clock::Clock,
    event_log::EventLog,
    history::PastEvent,
    jobs,
    store::{Store, events::NewEvent},
};
use mailcup_wire::{EventBody, Outcome, Protocol, Time};
use tokio::task::{JoinHandle, JoinSet};

use crate::{cpu, cpu_each, millis, number, on_disk};

const SEED: u64 = 1;
const ACCOUNTS: u64 = 2_000;
const DAYS: i64 = 390;
const PORTION: usize = 5_000;

/// Writers at once, as connections of a mail server, and what each brings.
const WRITERS: u64 = 64;
const LIVE_EACH: u64 = 300;

/// What happened before, from a seed.
pub struct Past {
    attempts: Box<dyn Iterator<Item = Attempt>>,
    written: u64,
    /// Up to where people came by webmail, which was given up then.
    webmail_until: u64,
    landmarks: Landmarks,
}

/// What to ask for.
#[derive(Debug, Clone, Default)]
pub struct Landmarks {
    pub busy: String,
    pub attacker: String,
    pub middle: Option<Time>,
}

impl Past {
    pub fn new(events: u64) -> Self {
        let until = jiff::Timestamp::now();
        let from = until - jiff::SignedDuration::from_hours(24 * DAYS);
        let logins = (0..ACCOUNTS).map(|account| format!("user-{account}@example.org"));
        // A submission after a sign-in makes two events of one attempt.
        let attempts = u32::try_from(events * 9 / 10).expect("fewer events");
        let attempts = Box::new(history(SEED, logins, from, until, attempts));
        Self { attempts, written: 0, webmail_until: events / 2, landmarks: Landmarks::default() }
    }

    pub fn landmarks(&self) -> &Landmarks {
        &self.landmarks
    }

    fn portion(&mut self) -> Vec<(Time, NewEvent)> {
        let mut portion = Vec::with_capacity(PORTION + 1);
        while portion.len() < PORTION
            && let Some(attempt) = self.attempts.next()
        {
            if attempt.cause.is_attack() {
                self.landmarks.attacker = attempt.address.to_string();
                self.landmarks.middle = Some(attempt.at.into());
            } else {
                self.landmarks.busy = attempt.login.to_string();
            }
            for line in attempt.past("lab") {
                let mut event: PastEvent = serde_json::from_value(line).expect("an event");
                if self.written < self.webmail_until
                    && let EventBody::SignIn(sign_in) = &mut event.body
                    && sign_in.protocol == Protocol::Imap
                    && sign_in.outcome == Outcome::Succeeded
                {
                    sign_in.protocol = Protocol::Web;
                }
                portion.push((event.at, NewEvent::new(&event.body, event.mark)));
            }
        }
        self.written += portion.len() as u64;
        portion
    }
}

/// Fills the log to `size` events and counts them into their days.
pub async fn fill(data_dir: &Path, past: &mut Past, size: u64) {
    let (log, writing) = open(data_dir).await;
    let begun = Instant::now();
    let mut appending = std::time::Duration::ZERO;
    let before = past.written;
    while past.written < size {
        let portion = past.portion();
        if portion.is_empty() {
            break;
        }
        let portion_begun = Instant::now();
        log.append_past(portion).await.expect("appended");
        appending += portion_begun.elapsed();
    }
    let count = number(past.written - before);
    println!("\n{} million events", number(past.written) / 1e6);
    println!(
        "  filled in {:.0} s; portions of {PORTION}: {:.0} events/s",
        begun.elapsed().as_secs_f64(),
        count / appending.as_secs_f64()
    );
    let (begun, used) = (Instant::now(), cpu(std::process::id()));
    jobs::index(&log).await.expect("indexed");
    let (indexed, by_index) = (begun.elapsed(), cpu_each(used, past.written - before));
    let used = cpu(std::process::id());
    jobs::roll_up(&log).await.expect("rolled up");
    let rolled_up = begun.elapsed().saturating_sub(indexed);
    println!(
        "  indexed: {:.0} events/s, {by_index}; rolled up: {:.0} events/s, {}",
        count / indexed.as_secs_f64(),
        count / rolled_up.as_secs_f64(),
        cpu_each(used, past.written - before)
    );
    close(log, writing).await;
    println!("  on disk: {} MB", on_disk(data_dir));
}

/// Appends sign-ins of now from many writers, each waiting until its event is on disk.
pub async fn append_live(data_dir: &Path, size: u64) {
    let opening = Instant::now();
    let (log, writing) = open(data_dir).await;
    let opened = opening.elapsed();
    let (begun, used) = (Instant::now(), cpu(std::process::id()));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let log = log.clone();
        writers.spawn(async move {
            let mut slowest = std::time::Duration::ZERO;
            for n in 0..LIVE_EACH {
                let account = (writer * 131 + n * 17) % ACCOUNTS;
                let begun = Instant::now();
                let sign_in = sign_in(account);
                log.append_sign_in(sign_in, None::<PasswordMark>).await.expect("appended");
                slowest = slowest.max(begun.elapsed());
            }
            slowest
        });
    }
    let slowest = writers.join_all().await.into_iter().max().unwrap_or_default();
    let rate = number(WRITERS * LIVE_EACH) / begun.elapsed().as_secs_f64();
    let used = cpu_each(used, WRITERS * LIVE_EACH);
    let rolling = Instant::now();
    jobs::index(&log).await.expect("indexed");
    jobs::roll_up(&log).await.expect("rolled up");
    println!(
        "  beyond {size}: {WRITERS} writers append {rate:.0} events/s, {used}, slowest {}; indexing and rolling up these {} \
         takes {}; \
         opening the log took {}",
        millis(slowest),
        WRITERS * LIVE_EACH,
        millis(rolling.elapsed()),
        millis(opened),
    );
    close(log, writing).await;
}

pub fn sign_in(account: u64) -> mailcup_wire::SignIn {
    let text = format!(
        r#"{{"login":"user-{account}@example.org","protocol":"imap","address":"198.18.{}.{}","outcome":"succeeded",
            "reasons":[{{"code":"credentials","text":"The password was right.","block":null}}],
            "server":"lab","client":null,"tls":true}}"#,
        account / 250,
        account % 250
    );
    serde_json::from_str(&text).expect("a sign-in")
}

pub async fn open(data_dir: &Path) -> (EventLog, JoinHandle<()>) {
    let store = Store::open(data_dir).await.expect("the store");
    EventLog::open(store, Clock::system(), Rules::default()).await.expect("the log")
}

pub async fn close(log: EventLog, writing: JoinHandle<()>) {
    log.close().await.expect("closed");
    writing.await.expect("its end");
    log.store().close().await;
}
