//! Sign-ins of invented people with the marginals that were published of a single sign-on with 4.3 million accounts
//! (Wiefling et al. 2022): sign-ins of an account median 2, 90th percentile 9, 99th 28; 52 % of honest sign-ins with
//! a user agent string that nobody sent before; 5 a minute at night, 33 by day; 12 to 13 % on a day of a weekend.
//!
//! Written before anything was tuned to it. What was not published is assumed: how people move between networks, how
//! often addresses and programs change.

use std::collections::BTreeSet;

use crate::chance::Chance;

/// Days that the sign-ins spread over.
const DAYS: u32 = 365;
const COUNTRIES: u32 = 40;
/// Of the accounts in the first country.
const IN_THE_FIRST: f64 = 0.75;
/// Providers of each country; the first have most customers.
const PROVIDERS: u32 = 20;
/// Addresses that a provider gives out.
const POOL: u32 = 60_000;
/// Addresses behind which a mobile carrier has its customers.
const CARRIER_POOL: u32 = 4000;
const BROWSERS: u32 = 6;
const SYSTEMS: u32 = 5;
/// A browser has a new version every so many days.
const RELEASE: u32 = 42;
const NEVER_SEEN_AGENT: f64 = 0.52;

/// A sign-in, each level with a number for its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Seconds since the first day began.
    pub at: u32,
    pub account: u32,
    pub country: u32,
    pub provider: u32,
    pub address: u32,
    pub agent: u32,
    pub browser: u32,
    pub version: u32,
    pub system: u32,
}

/// Who attacks, by what they know. All send what many send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attacker {
    /// Nothing: any country, any provider.
    Naive,
    /// The country.
    Vpn,
    /// Country, provider, browser and system.
    Targeted,
}

/// What was generated, to be held against what was published.
#[derive(Debug, Clone, Copy)]
pub struct Marginals {
    /// Median, 90th and 99th percentile.
    pub sign_ins: [usize; 3],
    pub never_seen_agents: f64,
    /// The quietest hour's share of the busiest.
    pub quietest_hour: f64,
    /// Shares of the two days of the weekend.
    pub weekend: [f64; 2],
}

struct Person {
    country: u32,
    home: u32,
    carrier: u32,
    work: Option<u32>,
    home_address: u32,
    work_address: u32,
    /// Browser and system, the one used most first.
    clients: [(u32, u32); 2],
    agents: [u32; 2],
}

/// All sign-ins in the order of time.
pub fn generate(accounts: u32, chance: &mut Chance) -> Vec<Event> {
    let mut events = Vec::new();
    let mut agents = 0;
    for account in 0..accounts {
        let mut person = Person::new(chance);
        let mut times: Vec<u32> = (0..count(chance)).map(|_| time(chance)).collect();
        times.sort_unstable();
        for at in times {
            events.push(person.sign_in(account, at, &mut agents, chance));
        }
    }
    events.sort_by_key(|event| (event.at, event.account));
    events
}

/// What an attacker sends for the account of a sign-in.
pub fn attack(attacker: Attacker, victim: &Event, chance: &mut Chance) -> Event {
    let country = match attacker {
        Attacker::Naive => country(chance),
        Attacker::Vpn | Attacker::Targeted => victim.country,
    };
    let provider = match attacker {
        Attacker::Naive | Attacker::Vpn => chance.zipf(PROVIDERS),
        Attacker::Targeted => victim.provider,
    };
    let (browser, system) = match attacker {
        Attacker::Naive | Attacker::Vpn => (chance.zipf(BROWSERS), chance.zipf(SYSTEMS)),
        Attacker::Targeted => (victim.browser, victim.system),
    };
    let version = version(victim.at);
    Event {
        country,
        provider,
        address: chance.below(POOL),
        agent: common_agent(browser, version, system),
        browser,
        version,
        system,
        ..*victim
    }
}

pub fn marginals(events: &[Event], accounts: u32) -> Marginals {
    let mut counts = vec![0usize; accounts as usize];
    let mut seen = BTreeSet::new();
    let (mut never, mut hours, mut days) = (0u32, [0u32; 24], [0u32; 7]);
    for event in events {
        counts[event.account as usize] += 1;
        never += u32::from(seen.insert(event.agent));
        hours[(event.at / 3600 % 24) as usize] += 1;
        days[(event.at / 86_400 % 7) as usize] += 1;
    }
    counts.sort_unstable();
    let at = |share: usize| counts[counts.len() * share / 100];
    let all = f64::from(u32::try_from(events.len()).unwrap_or(u32::MAX));
    let busiest = f64::from(hours.iter().max().copied().unwrap_or(1));
    let quietest = f64::from(hours.iter().min().copied().unwrap_or(0));
    Marginals {
        sign_ins: [at(50), at(90), at(99)],
        never_seen_agents: f64::from(never) / all,
        quietest_hour: quietest / busiest,
        weekend: [f64::from(days[5]) / all, f64::from(days[6]) / all],
    }
}

impl Person {
    fn new(chance: &mut Chance) -> Self {
        let browser = chance.zipf(BROWSERS);
        Self {
            country: country(chance),
            home: chance.zipf(PROVIDERS),
            carrier: chance.zipf(PROVIDERS),
            work: chance.happens(0.4).then(|| chance.zipf(PROVIDERS)),
            home_address: chance.below(POOL),
            work_address: chance.below(POOL),
            clients: [(browser, chance.zipf(SYSTEMS)), (chance.zipf(BROWSERS), chance.zipf(SYSTEMS))],
            agents: [0; 2],
        }
    }

    fn sign_in(&mut self, account: u32, at: u32, agents: &mut u32, chance: &mut Chance) -> Event {
        let travels = chance.happens(0.01);
        let country = if travels { country(chance) } else { self.country };
        let (provider, address) = match (chance.share(), self.work) {
            _ if travels => (chance.zipf(PROVIDERS), chance.below(POOL)),
            (share, Some(work)) if share < 0.2 => (work, self.work_address),
            (share, _) if share < 0.45 => (self.carrier, POOL + chance.below(CARRIER_POOL)),
            _ => {
                if chance.happens(0.1) {
                    self.home_address = chance.below(POOL);
                }
                (self.home, self.home_address)
            }
        };
        let which = usize::from(chance.happens(0.25));
        let (browser, system) = self.clients[which];
        let version = version(at);
        if self.agents[which] == 0 || chance.happens(0.3) {
            self.agents[which] = common_agent(browser, version, system);
        }
        if chance.happens(NEVER_SEEN_AGENT) {
            *agents += 1;
            self.agents[which] = 1_000_000 + *agents;
        }
        let agent = self.agents[which];
        Event { at, account, country, provider, address, agent, browser, version, system }
    }
}

/// How many sign-ins an account has: lognormal, by the published percentiles.
fn count(chance: &mut Chance) -> u32 {
    let many = (0.72 + 1.14 * normal(chance)).exp().round();
    (1..2000).find(|count| f64::from(*count) >= many).unwrap_or(2000)
}

fn time(chance: &mut Chance) -> u32 {
    loop {
        let day = chance.below(DAYS);
        let kept = if day % 7 >= 5 { 0.84 } else { 1.0 };
        if !chance.happens(kept) {
            continue;
        }
        let second = chance.below(86_400);
        let hour = f64::from(second) / 3600.0;
        // Least at four in the morning, most at four in the afternoon.
        let busy = 0.5 - 0.5 * ((hour - 4.0) / 24.0 * std::f64::consts::TAU).cos();
        if chance.happens(5.0 / 33.0 + (1.0 - 5.0 / 33.0) * busy) {
            return day * 86_400 + second;
        }
    }
}

fn country(chance: &mut Chance) -> u32 {
    if chance.happens(IN_THE_FIRST) { 0 } else { 1 + chance.zipf(COUNTRIES - 1) }
}

fn version(at: u32) -> u32 {
    at / 86_400 / RELEASE
}

fn common_agent(browser: u32, version: u32, system: u32) -> u32 {
    1 + (version * BROWSERS + browser) * SYSTEMS + system
}

/// Of a normal distribution with mean 0 and deviation 1 (Box and Muller).
fn normal(chance: &mut Chance) -> f64 {
    let radius = (-2.0 * (1.0 - chance.share()).ln()).sqrt();
    radius * (std::f64::consts::TAU * chance.share()).cos()
}
