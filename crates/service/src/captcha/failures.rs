//! Failures of the last hour, in memory.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use mailcup_guard::captcha::{self, Hour};
use mailcup_wire::{Address, Login};
use moka::{Entry, ops::compute::Op, sync::Cache};

/// Counts at the same time; those that are asked for most stay.
const MOST: u64 = 100_000;

#[derive(Debug)]
pub(super) struct Failures(Cache<Counted, Hour>);

/// Whose failures an attempt's would be.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    network: Counted,
    account: Counted,
    both: Counted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    Network(Option<IpAddr>),
    Account(String),
    Both(Option<IpAddr>, String),
}

impl Whose {
    pub(super) fn new(address: Option<Address>, login: &Login) -> Self {
        let network = address.map(|address| address.client_network().net().network());
        let login: String = login.0.chars().take(256).collect();
        Self {
            network: Counted::Network(network),
            account: Counted::Account(login.clone()),
            both: Counted::Both(network, login),
        }
    }
}

impl Default for Failures {
    fn default() -> Self {
        let life = Duration::from_secs(captcha::MEMORY.unsigned_abs().as_secs());
        Self(Cache::builder().max_capacity(MOST).time_to_live(life).build())
    }
}

impl Failures {
    /// How many there are; counts one more.
    pub(super) fn take(&self, whose: &Whose, now: Timestamp) -> captcha::Failures {
        let add = |counted: &Counted| {
            let mut count = 0;
            self.0.entry(counted.clone()).and_compute_with(|before| {
                let mut hour = before.map(Entry::into_value).unwrap_or_default();
                count = hour.count(now);
                hour.add(now);
                Op::Put(hour)
            });
            count
        };
        whose.each(add)
    }

    pub(super) fn count(&self, whose: &Whose, now: Timestamp) -> captcha::Failures {
        whose.each(|counted| self.0.get(counted).map_or(0, |hour| hour.count(now)))
    }

    /// Takes back what was counted at that time.
    pub(super) fn take_back(&self, whose: &Whose, at: Timestamp) {
        for counted in [&whose.network, &whose.account, &whose.both] {
            self.0.entry(counted.clone()).and_compute_with(|before| match before.map(Entry::into_value) {
                Some(mut hour) => {
                    hour.take_back(at);
                    Op::Put(hour)
                }
                None => Op::Nop,
            });
        }
    }

    /// Forgets those of a network at an account.
    pub(super) fn forget(&self, whose: &Whose) {
        self.0.invalidate(&whose.both);
    }
}

impl Whose {
    fn each(&self, mut count: impl FnMut(&Counted) -> u32) -> captcha::Failures {
        captcha::Failures {
            of_the_network: count(&self.network),
            for_the_account: count(&self.account),
            of_the_network_at_the_account: count(&self.both),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_counts_for_its_network_its_account_and_both_until_it_is_no_failure() {
        let failures = Failures::default();
        let whose = |address: &str, login: &str| Whose::new(address.parse().ok(), &login.into());
        let (now, home) = (Timestamp::UNIX_EPOCH, whose("2001:db8::1", "anna@example.org"));
        assert_eq!(failures.take(&home, now), captcha::Failures::default());
        failures.take(&whose("2001:db8::2", "ben@example.org"), now);
        failures.take(&whose("203.0.113.7", "anna@example.org"), now);
        let count = |of_the_network, for_the_account, of_the_network_at_the_account| captcha::Failures {
            of_the_network,
            for_the_account,
            of_the_network_at_the_account,
        };
        assert_eq!(failures.count(&home, now), count(2, 2, 1));
        failures.take_back(&home, now);
        assert_eq!(failures.count(&home, now), count(1, 1, 0));
        let elsewhere = whose("203.0.113.7", "anna@example.org");
        failures.forget(&elsewhere);
        assert_eq!(failures.count(&elsewhere, now), count(1, 1, 0));
    }
}
