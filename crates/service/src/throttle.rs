//! Slows down guessing: after some failures each further one makes the next try wait longer.

use std::{net::IpAddr, time::Duration};

use mailcup_wire::{Address, Code, Details, Problem};
use moka::{Entry, ops::compute::Op, sync::Cache};

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
    /// Captchas of one client network.
    Captchas(Option<IpAddr>),
    /// Pictures that are drawn for one client network.
    Pictures(Option<IpAddr>),
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

impl Failures {
    fn and_one_more(self, now: i64, free: u32, longest: i64) -> Self {
        let count = self.count.saturating_add(1);
        let wait = match count.checked_sub(free) {
            None | Some(0) => 0,
            Some(over) => longest.min(1000i64 << over.min(20)),
        };
        Self { count, wait_until: now + wait }
    }
}

impl Whose {
    pub fn guess(address: Option<Address>, login: &str) -> Self {
        Self::Guess(client(address), login.chars().take(256).collect())
    }

    pub fn network(address: Option<Address>) -> Self {
        Self::Network(client(address))
    }

    pub fn captchas(address: Option<Address>) -> Self {
        Self::Captchas(client(address))
    }

    pub fn pictures(address: Option<Address>) -> Self {
        Self::Pictures(client(address))
    }

    /// Failures that cost nothing yet.
    fn free(&self) -> u32 {
        match self {
            Self::Guess(..) | Self::Setup => 5,
            Self::Network(_) | Self::Captchas(_) => 30,
            Self::Codes(_) => 6,
            Self::Mails(_) => 10,
            Self::Pictures(_) => 60,
        }
    }

    fn longest(&self) -> i64 {
        match self {
            Self::Guess(..) | Self::Setup | Self::Codes(_) | Self::Mails(_) => LONGEST,
            Self::Network(_) | Self::Captchas(_) | Self::Pictures(_) => LONGEST_OF_A_NETWORK,
        }
    }
}

impl Throttle {
    pub fn new(clock: Clock) -> Self {
        let failures = Cache::builder().max_capacity(100_000).time_to_idle(MEMORY).build();
        Self { clock, failures }
    }

    /// Counts a try as a failure before it is looked at, and refuses it while a wait is on; both in one step,
    /// so that tries at the same time are counted one after the other. [`Throttle::give_back`] takes it back.
    pub fn take(&self, whose: Whose) -> Result<(), HttpProblem> {
        let now = self.clock.now().as_millis();
        let (free, longest) = (whose.free(), whose.longest());
        let mut left = 0;
        self.failures.entry(whose).and_compute_with(|before| {
            let before = before.map_or_else(Failures::default, Entry::into_value);
            left = before.wait_until - now;
            if left > 0 { Op::Nop } else { Op::Put(before.and_one_more(now, free, longest)) }
        });
        if left <= 0 {
            return Ok(());
        }
        let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
        Err(Problem::new(Code::TooMany, format!("Too many tries; wait {seconds} seconds."))
            .with(Details::RetryAfter { seconds })
            .into())
    }

    /// The try was none: what it counted is taken back, and its wait.
    pub fn give_back(&self, whose: Whose) {
        self.failures.entry(whose).and_compute_with(|before| match before.map(Entry::into_value) {
            Some(Failures { count, .. }) if count > 1 => {
                Op::Put(Failures { count: count - 1, wait_until: 0 })
            }
            Some(_) => Op::Remove,
            None => Op::Nop,
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
        for _ in 0..6 {
            throttle.take(anna.clone()).unwrap();
        }
        assert!(throttle.take(anna.clone()).is_err());
        let elsewhere = Whose::guess("198.51.100.7".parse().ok(), "anna@example.org");
        throttle.take(elsewhere).unwrap();
        let mut now = 0;
        for _ in 0..30 {
            now += LONGEST;
            clock.set(Time::from_millis(now));
            throttle.take(anna.clone()).unwrap();
            assert!(throttle.take(anna.clone()).is_err());
        }
        throttle.succeeded(&anna);
        throttle.take(anna).unwrap();
    }

    #[test]
    fn what_was_no_failure_is_given_back() {
        let throttle = Throttle::new(Clock::fixed(Time::from_millis(0)));
        let anna = Whose::guess("203.0.113.7".parse().ok(), "anna@example.org");
        for _ in 0..100 {
            throttle.take(anna.clone()).unwrap();
            throttle.give_back(anna.clone());
        }
        for _ in 0..6 {
            throttle.take(anna.clone()).unwrap();
        }
        assert!(throttle.take(anna).is_err());
    }
}
