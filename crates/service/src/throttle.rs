//! Slows down guessing: after some failures each further one makes the next try wait longer.

use std::{net::IpAddr, time::Duration};

use mailcup_wire::{Address, Code, Details, Problem};
use moka::sync::Cache;

use crate::{clock::Clock, http::problem::HttpProblem};

/// Failures are forgotten after this long without one.
const MEMORY: Duration = Duration::from_hours(1);

/// The longest wait, in milliseconds.
const LONGEST: i64 = 15 * 60 * 1000;

/// The longest wait of a whole network: an office must not be locked out by one of its machines.
const LONGEST_OF_A_NETWORK: i64 = 30 * 1000;

/// Whose failures count together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    /// One client network at one login.
    Guess(Option<IpAddr>, String),
    /// One client network at all logins.
    Network(Option<IpAddr>),
    /// An admin's second factor, from everywhere.
    Codes(String),
    /// Mails with codes to an admin.
    Mails(String),
    /// The setup token.
    Setup,
}

/// Counts failures in memory.
#[derive(Debug)]
pub struct Throttle {
    clock: Clock,
    failures: Cache<Whose, Failures>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    /// Milliseconds since 1970.
    wait_until: i64,
}

impl Whose {
    pub fn guess(address: Option<Address>, login: &str) -> Self {
        Self::Guess(client(address), login.chars().take(256).collect())
    }

    pub fn network(address: Option<Address>) -> Self {
        Self::Network(client(address))
    }

    /// Failures that cost nothing yet.
    fn free(&self) -> u32 {
        match self {
            Self::Guess(..) | Self::Setup => 5,
            Self::Network(_) => 30,
            Self::Codes(_) => 6,
            Self::Mails(_) => 10,
        }
    }

    fn longest(&self) -> i64 {
        match self {
            Self::Guess(..) | Self::Setup | Self::Codes(_) | Self::Mails(_) => LONGEST,
            Self::Network(_) => LONGEST_OF_A_NETWORK,
        }
    }
}

impl Throttle {
    pub fn new(clock: Clock) -> Self {
        let failures = Cache::builder().max_capacity(100_000).time_to_idle(MEMORY).build();
        Self { clock, failures }
    }

    /// Refuses while a wait is on.
    pub fn check(&self, whose: &Whose) -> Result<(), HttpProblem> {
        let Some(failures) = self.failures.get(whose) else { return Ok(()) };
        let left = failures.wait_until - self.clock.now().as_millis();
        if left <= 0 {
            return Ok(());
        }
        let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
        Err(Problem::new(Code::TooMany, format!("Too many tries; wait {seconds} seconds."))
            .with(Details::RetryAfter { seconds })
            .into())
    }

    /// Counts a failure.
    pub fn failed(&self, whose: Whose) {
        let now = self.clock.now().as_millis();
        let (free, longest) = (whose.free(), whose.longest());
        self.failures.entry(whose).and_upsert_with(|before| {
            let count = before.map_or(0, |entry| entry.into_value().count) + 1;
            let wait = match count.checked_sub(free) {
                None | Some(0) => 0,
                Some(over) => longest.min(1000i64 << over.min(20)),
            };
            Failures { count, wait_until: now + wait }
        });
    }

    /// Forgets failures after a success.
    pub fn succeeded(&self, whose: &Whose) {
        self.failures.invalidate(whose);
    }
}

fn client(address: Option<Address>) -> Option<IpAddr> {
    address.map(|address| address.client_network().net().network())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailcup_wire::Time;

    #[test]
    fn waits_grow_end_and_are_forgotten_after_a_success() {
        let clock = Clock::fixed(Time::from_millis(0));
        let throttle = Throttle::new(clock.clone());
        let anna = Whose::guess("203.0.113.7".parse().ok(), "anna@example.org");
        for _ in 0..5 {
            throttle.check(&anna).unwrap();
            throttle.failed(anna.clone());
        }
        throttle.check(&anna).unwrap();
        throttle.failed(anna.clone());
        assert!(throttle.check(&anna).is_err());
        let elsewhere = Whose::guess("198.51.100.7".parse().ok(), "anna@example.org");
        throttle.check(&elsewhere).unwrap();
        clock.set(Time::from_millis(2_000));
        throttle.check(&anna).unwrap();
        for _ in 0..30 {
            throttle.failed(anna.clone());
        }
        clock.set(Time::from_millis(2_000 + LONGEST));
        throttle.check(&anna).unwrap();
        throttle.failed(anna.clone());
        throttle.succeeded(&anna);
        throttle.check(&anna).unwrap();
    }
}
