//! What a score costs, and what is remembered, with 100,000 accounts of 40 sign-ins each.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mailcup_guard::{
    access::Protocol,
    risk::{
        Client, History, Origin, SignIn, Value,
        lately::Lately,
        signals::{Attempt, Level, Password, Stance, assess},
    },
};

use crate::{chance::Chance, place};

const ACCOUNTS: u32 = 100_000;
const EACH: u32 = 40;
const ASKED: u32 = 200_000;
const BATCH: usize = 5_000;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn measure() {
    let mut chance = Chance::new(5);
    let mut history = History::default();
    let logins: Vec<String> = (0..ACCOUNTS).map(|account| format!("person{account}@example.org")).collect();
    let homes: Vec<u32> = (0..ACCOUNTS).map(|_| chance.below(1 << 24)).collect();
    let begun = Instant::now();
    for day in 0..EACH {
        for account in 0..ACCOUNTS as usize {
            history.learn(&sign_in(&logins[account], homes[account], day, &mut chance));
        }
    }
    let learned = begun.elapsed() / (ACCOUNTS * EACH);
    let asked: Vec<SignIn<'_>> = (0..ASKED)
        .map(|_| {
            let account = chance.below(ACCOUNTS) as usize;
            sign_in(&logins[account], homes[account], EACH, &mut chance)
        })
        .collect();
    let lately = Lately::default();
    let stance = Stance { level: Level::Balanced, enforced: true };
    let scored = each(&asked, |ask| history.score(ask).is_some());
    // Whoever is known good is not judged further.
    let is_known = |ask: &SignIn<'_>| {
        ask.origin.is_some_and(|origin| history.known().is_known(ask.login, origin.address, None, ask.at))
    };
    let strangers: Vec<SignIn<'_>> = asked.iter().copied().filter(|ask| !is_known(ask)).collect();
    let judged = each(&strangers, |ask| {
        let attempt = Attempt {
            sign_in: *ask,
            protocol: Protocol::Imap,
            password: Password::Right,
            coordinates: None,
            hidden_by: None,
        };
        !assess(&attempt, &history, &lately, stance).known
    });
    let memory = history.memory();
    println!("{} accounts with {} sign-ins together", memory.accounts, memory.sign_ins);
    println!(
        "to learn a sign-in: {learned:?}; to score one: {scored}; to judge one by all signals: {judged}"
    );
    println!("memory: {} bytes an account, {} MB in all", memory.bytes / memory.accounts, memory.bytes >> 20);
}

/// What one costs: the median and the worst of batches.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn each(asked: &[SignIn<'_>], mut ask: impl FnMut(&SignIn<'_>) -> bool) -> String {
    let mut batches: Vec<Duration> = asked
        .chunks_exact(BATCH)
        .map(|batch| {
            let begun = Instant::now();
            let answered = batch.iter().filter(|one| ask(one)).count();
            assert!(answered > BATCH / 4, "{answered} of {BATCH} were answered");
            begun.elapsed() / u32::try_from(BATCH).unwrap_or(u32::MAX)
        })
        .collect();
    batches.sort_unstable();
    let worst = batches.last().copied().unwrap_or_default();
    format!("{:?} (at worst {worst:?})", batches[batches.len() / 2])
}

fn sign_in<'a>(login: &'a str, home: u32, day: u32, chance: &mut Chance) -> SignIn<'a> {
    let address = if chance.happens(0.5) { home } else { chance.below(1 << 24) };
    let at = i64::from(day) * 86_400 + i64::from(chance.below(86_400)) + 1_700_000_000;
    // Half of all clients send a string of their own.
    let agent = if chance.happens(0.5) { chance.below(u32::MAX) } else { chance.zipf(200) };
    let browser = agent % 40;
    SignIn {
        at: Timestamp::from_second(at).expect("a time"),
        login,
        origin: Some(Origin {
            address: IpAddr::from((0x0b00_0000 + address).to_be_bytes()),
            system: Some(address >> 12),
            country: place::country(address >> 18),
        }),
        client: Some(Client {
            agent: Value::of(&agent),
            browser: Some(Value::of(&browser)),
            system: Some(Value::of(&(browser % 7))),
            device: Some(Value::of(&(browser % 3))),
        }),
        device: None,
    }
}
