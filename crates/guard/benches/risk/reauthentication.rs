//! How often people are asked again, if nearly all attackers are to be noticed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use jiff::Timestamp;
use mailcup_guard::risk::{Client, History, Origin, SignIn, Value};

use crate::{
    chance::Chance,
    place,
    population::{self, Attacker, Event},
};

const ACCOUNTS: u32 = 60_000;

/// Medians after 12 and after 39 sign-ins, for the three attackers (Wiefling et al. 2022).
const PUBLISHED: [(f64, [[u32; 2]; 3]); 3] =
    [(0.98, [[1, 1], [2, 1], [2, 2]]), (0.99, [[2, 1], [3, 2], [4, 3]]), (0.995, [[3, 2], [4, 3], [5, 4]])];

const ATTACKERS: [Attacker; 3] = [Attacker::Naive, Attacker::Vpn, Attacker::Targeted];

/// An account's scores in the order of its sign-ins; and those of attackers, at each of them.
#[derive(Default)]
struct Scores {
    own: BTreeMap<u32, Vec<f64>>,
    attackers: [Vec<f64>; 3],
}

pub fn measure() {
    let mut chance = Chance::new(6);
    let events = population::generate(ACCOUNTS, &mut chance);
    let is = population::marginals(&events, ACCOUNTS);
    println!("{} sign-ins of {ACCOUNTS} invented accounts; in parentheses what was published", events.len());
    let [median, ninth, last] = is.sign_ins;
    println!("  sign-ins of an account: median {median} (2), p90 {ninth} (9), p99 {last} (28)");
    println!("  never seen user agents: {:.1} % (52 %)", is.never_seen_agents * 100.0);
    println!("  quietest hour to busiest: {:.2} (5 to 33, 0.15)", is.quietest_hour);
    let [saturday, sunday] = is.weekend.map(|share| share * 100.0);
    println!("  days of the weekend: {saturday:.1} % and {sunday:.1} % (12 to 13 %)");
    println!("Median of times asked again, after 12 and 39 sign-ins; in parentheses what was published:");
    report(&score(&events, |_| true, &mut chance));
    println!("Of accounts of the first country alone (a question that came up after the figures above):");
    let abroad: BTreeSet<u32> =
        events.iter().filter(|event| event.country != 0).map(|event| event.account).collect();
    report(&score(&events, |account| !abroad.contains(&account), &mut chance));
}

fn report(scores: &Scores) {
    for (rate, published) in PUBLISHED {
        print!("  {rate} of attackers noticed:");
        for ((attacker, scores_of), published) in ATTACKERS.iter().zip(&scores.attackers).zip(published) {
            let threshold = threshold(scores_of, rate);
            let [few, many] = [12, 39].map(|count| asked_again(&scores.own, threshold, count));
            print!("  {attacker:?} {few}, {many} ({}, {})", published[0], published[1]);
        }
        println!();
    }
    for count in [12, 39] {
        let accounts = scores.own.values().filter(|own| own.len() + 1 >= count).count();
        println!("  accounts with at least {count} sign-ins: {accounts}");
    }
}

fn score(events: &[Event], counts: impl Fn(u32) -> bool, chance: &mut Chance) -> Scores {
    let logins: Vec<String> = (0..ACCOUNTS).map(|account| account.to_string()).collect();
    let frequent: BTreeSet<u32> = {
        let mut times = BTreeMap::<u32, u32>::new();
        for event in events.iter().filter(|event| counts(event.account)) {
            *times.entry(event.account).or_default() += 1;
        }
        times.into_iter().filter(|(_, count)| *count >= 12).map(|(account, _)| account).collect()
    };
    let mut history = History::default();
    let mut scores = Scores::default();
    for event in events {
        let login = &logins[event.account as usize];
        if frequent.contains(&event.account)
            && let Some(score) = history.score(&sign_in(login, event))
        {
            scores.own.entry(event.account).or_default().push(score.0);
            for (attacker, scores) in ATTACKERS.into_iter().zip(&mut scores.attackers) {
                let attack = population::attack(attacker, event, chance);
                scores.extend(history.score(&sign_in(login, &attack)).map(|score| score.0));
            }
        }
        history.learn(&sign_in(login, event));
    }
    scores
}

/// The score that this share of attackers reaches.
fn threshold(scores: &[f64], rate: f64) -> f64 {
    let mut scores = scores.to_vec();
    scores.sort_by(f64::total_cmp);
    let below = f64::from(u32::try_from(scores.len()).unwrap_or(u32::MAX)) * (1.0 - rate);
    scores
        .iter()
        .copied()
        .zip(1u32..)
        .find(|(_, count)| f64::from(*count) > below)
        .map_or(0.0, |(score, _)| score)
}

/// The median of accounts with so many sign-ins at least.
fn asked_again(own: &BTreeMap<u32, Vec<f64>>, threshold: f64, count: usize) -> usize {
    let frequent = own.values().filter_map(|scores| scores.get(..count - 1));
    let mut times: Vec<usize> =
        frequent.map(|scores| scores.iter().filter(|score| **score >= threshold).count()).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}

fn sign_in<'a>(login: &'a str, event: &Event) -> SignIn<'a> {
    // A /64 for each address of each provider.
    let network = (u128::from(event.country * 1000 + event.provider) << 32) + u128::from(event.address);
    let value = |number: u32| Some(Value::of(&number));
    SignIn {
        at: Timestamp::from_second(1_700_006_400 + i64::from(event.at)).expect("a time"),
        login,
        origin: Some(Origin {
            address: IpAddr::V6(Ipv6Addr::from_bits(network << 64)),
            system: Some(event.country * 1000 + event.provider),
            country: place::country(event.country),
        }),
        client: Some(Client {
            agent: Value::of(&event.agent),
            browser: value(event.browser * 1000 + event.version),
            system: value(event.system),
            device: value(event.system % 2),
        }),
        device: None,
    }
}
