use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::Arc,
};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};

use super::{Attempt, Cause, Message, Password, attack::Attack, people::Person, rhythm};
use crate::clients::MailProtocol;

const DAY: f64 = 86_400.0;

/// What a plan is made of.
#[derive(Debug, Clone)]
pub struct PlanConfig {
    pub seed: u64,
    pub logins: Vec<String>,
    /// When the plan begins.
    pub from: Timestamp,
    /// Attempts of all people together on an average day, attacks not counted.
    pub per_day: f64,
    /// Attacks that begin on an average day, at any hour.
    pub attacks_per_day: f64,
    /// Whether people keep office hours; else it is always the busiest hour.
    pub office_hours: bool,
}

impl PlanConfig {
    /// A few dozen sign-ins a day for each account, and some attacks.
    pub fn new(seed: u64, logins: impl IntoIterator<Item = String>, from: Timestamp) -> Self {
        let logins: Vec<String> = logins.into_iter().collect();
        let accounts = f64::from(u32::try_from(logins.len()).unwrap_or(u32::MAX));
        Self { seed, logins, from, per_day: accounts * 30.0, attacks_per_day: 4.0, office_hours: true }
    }
}

/// An endless run of attempts in the order of time; the same for the same configuration.
#[derive(Debug)]
pub struct Plan {
    rng: Xoshiro256PlusPlus,
    people: Vec<Person>,
    /// Sums of the people's activity up to each.
    shares: Vec<f64>,
    peak_per_second: f64,
    attacks_per_second: f64,
    office_hours: bool,
    next_usual: Timestamp,
    next_attack: Timestamp,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
}

impl Plan {
    /// # Panics
    /// Without any login, or when a rate is not above zero; no attacks at all is possible, with 0.
    pub fn new(config: &PlanConfig) -> Self {
        assert!(!config.logins.is_empty() && config.per_day > 0.0, "a plan needs people who sign in");
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(config.seed);
        let people: Vec<Person> = config.logins.iter().map(|login| Person::new(&mut rng, login)).collect();
        let shares = people
            .iter()
            .scan(0.0, |sum, person| {
                *sum += person.activity;
                Some(*sum)
            })
            .collect();
        let mean = if config.office_hours { rhythm::mean_weight() } else { 1.0 };
        let mut plan = Self {
            rng,
            people,
            shares,
            peak_per_second: config.per_day / DAY / mean,
            attacks_per_second: config.attacks_per_day / DAY,
            office_hours: config.office_hours,
            next_usual: config.from,
            next_attack: config.from,
            due: BinaryHeap::new(),
            order: 0,
        };
        plan.schedule_usual();
        plan.schedule_attack();
        plan
    }

    fn schedule_usual(&mut self) {
        let from = self.next_usual;
        self.next_usual = if self.office_hours {
            rhythm::next(&mut self.rng, from, self.peak_per_second)
        } else {
            rhythm::later(from, rhythm::gap(&mut self.rng, self.peak_per_second))
        };
    }

    fn schedule_attack(&mut self) {
        self.next_attack = if self.attacks_per_second > 0.0 {
            rhythm::later(self.next_attack, rhythm::gap(&mut self.rng, self.attacks_per_second))
        } else {
            Timestamp::MAX
        };
    }

    fn put(&mut self, at: Timestamp, what: What) {
        self.order += 1;
        self.due.push(Reverse(Due { at, order: self.order, what }));
    }

    /// What somebody does at `next_usual`, with what may follow from it put into the queue.
    fn usual(&mut self) -> Attempt {
        let at = self.next_usual;
        let busy = if self.office_hours { rhythm::weight(at) } else { 1.0 };
        let total = self.shares.last().copied().unwrap_or_default();
        let point = self.rng.random::<f64>() * total;
        let index = self.shares.partition_point(|sum| *sum < point).min(self.people.len() - 1);
        let person = &self.people[index];
        let address = person.address(&mut self.rng, busy);
        let (program, program_protocol) = person.program(&mut self.rng);
        let (protocol, message) = match self.rng.random_range(0..100) {
            0..18 => (MailProtocol::Submission, Some(message(&mut self.rng))),
            18 => (MailProtocol::Sieve, None),
            _ => (program_protocol, None),
        };
        let right = Attempt {
            at,
            login: Arc::clone(&person.login),
            password: Password::Right,
            protocol,
            address,
            program: Some(program),
            message,
            cause: Cause::Usual,
        };
        match self.rng.random_range(0..1000) {
            0..12 => self.mistype(right),
            12 => self.go_stale(right),
            _ => right,
        }
    }

    /// One or two wrong passwords, and then the right one.
    fn mistype(&mut self, right: Attempt) -> Attempt {
        let wrong = |rng: &mut Xoshiro256PlusPlus, at| Attempt {
            at,
            password: Password::Wrong(rng.random_range(0..50)),
            message: None,
            cause: Cause::Mistyped,
            ..right.clone()
        };
        let first = wrong(&mut self.rng, right.at);
        let mut at = right.at;
        for _ in 0..self.rng.random_range(0..2) {
            at = rhythm::later(at, self.rng.random_range(3.0..15.0));
            let again = wrong(&mut self.rng, at);
            self.put(at, What::Attempt(again));
        }
        at = rhythm::later(at, self.rng.random_range(5.0..25.0));
        self.put(at, What::Attempt(Attempt { at, ..right }));
        first
    }

    /// The same wrong password every few minutes, for some hours.
    fn go_stale(&mut self, right: Attempt) -> Attempt {
        let password = Password::Wrong(self.rng.random_range(50..60));
        let stale = Attempt { password, message: None, cause: Cause::Stale, ..right };
        let mut at = stale.at;
        for _ in 0..self.rng.random_range(10..40) {
            at = rhythm::later(at, self.rng.random_range(240.0..360.0));
            self.put(at, What::Attempt(Attempt { at, ..stale.clone() }));
        }
        stale
    }
}

impl Iterator for Plan {
    type Item = Attempt;

    fn next(&mut self) -> Option<Attempt> {
        loop {
            let due = self.due.peek().map_or(Timestamp::MAX, |Reverse(due)| due.at);
            if due < self.next_usual.min(self.next_attack) {
                let Reverse(due) = self.due.pop()?;
                return Some(match due.what {
                    What::Attempt(attempt) => attempt,
                    What::Attack(mut attack) => {
                        let (attempt, next) = attack.step(&mut self.rng, due.at, &self.people);
                        if let Some(next) = next {
                            self.put(next, What::Attack(attack));
                        }
                        attempt
                    }
                });
            }
            if self.next_attack <= self.next_usual {
                let attack = Attack::begin(&mut self.rng, &self.people);
                self.put(self.next_attack, What::Attack(Box::new(attack)));
                self.schedule_attack();
                continue;
            }
            let attempt = self.usual();
            self.schedule_usual();
            return (attempt.at < Timestamp::MAX).then_some(attempt);
        }
    }
}

/// About `count` attempts spread over the span by its rhythm, a tenth of them attacks.
///
/// The count is met to a few parts in a hundred; no attempt lies outside the span.
pub fn history(
    seed: u64,
    logins: impl IntoIterator<Item = String>,
    from: Timestamp,
    until: Timestamp,
    count: u32,
) -> impl Iterator<Item = Attempt> {
    let days = (until.duration_since(from).as_secs_f64() / DAY).max(1.0 / DAY);
    let per_day = f64::from(count) / days;
    let config = PlanConfig {
        // Some attempts are followed by others: mistyped and stale passwords.
        per_day: (per_day * 0.9 / FOLLOWED).max(0.01),
        attacks_per_day: per_day * 0.1 / ATTACK_LENGTH,
        ..PlanConfig::new(seed, logins, from)
    };
    Plan::new(&config).take_while(move |attempt| attempt.at < until)
}

/// Attempts that come of one that is planned, on average.
const FOLLOWED: f64 = 1.0 + 0.012 * 1.5 + 0.001 * 24.5;
/// Attempts of an attack, on average.
const ATTACK_LENGTH: f64 = 0.4 * 65.5 + 0.4 * 84.5 + 0.2 * 189.5;

fn message(rng: &mut Xoshiro256PlusPlus) -> Message {
    let recipients = match rng.random_range(0..100) {
        0..80 => 1,
        80..97 => rng.random_range(2..8),
        _ => rng.random_range(8..60),
    };
    Message { recipients, size: rng.random_range(200..6_000) }
}

#[derive(Debug)]
enum What {
    Attempt(Attempt),
    Attack(Box<Attack>),
}

#[derive(Debug)]
struct Due {
    at: Timestamp,
    /// First put, first served among those due at the same time.
    order: u64,
    what: What,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        net::IpAddr,
    };

    use super::*;

    const MONDAY: &str = "2026-11-02T00:00:00Z";

    fn logins(count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|i| format!("user-{i}@example.org"))
    }

    fn config(seed: u64) -> PlanConfig {
        PlanConfig::new(seed, logins(100), MONDAY.parse().unwrap())
    }

    #[test]
    fn the_same_seed_gives_the_same_plan_in_the_order_of_time() {
        let plan = |seed| Plan::new(&config(seed)).take(20_000).collect::<Vec<_>>();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        assert!(plan(7).is_sorted_by_key(|attempt| attempt.at));
    }

    #[test]
    fn a_week_looks_like_life() {
        let week: Vec<Attempt> = history(
            1,
            logins(100),
            MONDAY.parse().unwrap(),
            "2026-11-09T00:00:00Z".parse().unwrap(),
            100_000,
        )
        .collect();
        let share = |test: &dyn Fn(&Attempt) -> bool| {
            f64::from(u32::try_from(week.iter().filter(|a| test(a)).count()).unwrap()) / 100_000.0
        };
        assert!((0.95..1.05).contains(&share(&|_| true)), "{}", week.len());
        assert!(
            (0.06..0.14).contains(&share(&|a| a.cause.is_attack())),
            "{}",
            share(&|a| a.cause.is_attack())
        );
        let weekend = share(&|a| !a.cause.is_attack() && a.at >= "2026-11-07T00:00:00Z".parse().unwrap());
        assert!((0.08..0.15).contains(&weekend), "{weekend}");
        let by_night = share(&|a| !a.cause.is_attack() && rhythm::weight(a.at) < 0.2);
        assert!(by_night < 0.15, "{by_night}");
        for cause in [
            Cause::Usual,
            Cause::Mistyped,
            Cause::Stale,
            Cause::OneAccount,
            Cause::OneNetwork,
            Cause::Distributed,
        ] {
            assert!(week.iter().any(|a| a.cause == cause), "{cause:?}");
        }
    }

    #[test]
    fn people_stay_where_they_are_usual_and_attackers_do_not_share_their_addresses() {
        let attempts: Vec<Attempt> = Plan::new(&config(3)).take(50_000).collect();
        let (attacks, honest): (Vec<_>, Vec<_>) = attempts.iter().partition(|a| a.cause.is_attack());
        let attackers: BTreeSet<IpAddr> = attacks.iter().map(|a| a.address).collect();
        assert!(honest.iter().all(|a| !attackers.contains(&a.address)));
        let mut fixed: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
        for attempt in &honest {
            let mobile = matches!(attempt.address, IpAddr::V4(v4) if v4.octets()[0] == 100);
            if !mobile {
                fixed.entry(&attempt.login).or_default().insert(attempt.address);
            }
        }
        assert!(fixed.values().all(|addresses| addresses.len() <= 2));
        let stale: Vec<_> = attempts.iter().filter(|a| a.cause == Cause::Stale).collect();
        assert!(stale.iter().all(|a| matches!(a.password, Password::Wrong(50..60))));
    }
}
