//! A stolen password that sends mail: told by how the account itself sends. Suspends sending for that account alone;
//! reading goes on.
//!
//! Whoever is suspected is suspended by the caller, and may send again once a person says so.
//!
//! What an account is used to is learned from its own earlier days. Whoever stays below three times its busiest hour,
//! and within the networks and countries of its days, is not noticed here: sending limits are for that. A thief who
//! goes slowly raises what counts as usual; it halves in 90 days without such an hour.

use std::{collections::HashMap, fmt, sync::Arc};

use foldhash::fast::RandomState;
use ipnet::IpNet;
use jiff::Timestamp;

use crate::{
    access::Country,
    client::{client_network, shown},
    risk::Origin,
};

/// Recipients within an hour that are no burst for anybody.
pub const NO_BURST: u32 = 50;

/// Times the account's busiest hour that are.
const BURST: u32 = 3;

/// Networks and countries in a day that are too many for nobody.
const NETWORKS: usize = 8;
const COUNTRIES: usize = 3;

/// Remembered of a day.
const REMEMBERED: usize = 64;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const HALVED_AFTER: i64 = 90;

/// A message that was handed in.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    pub at: Timestamp,
    /// In lower case.
    pub login: &'a str,
    pub origin: Option<Origin>,
    pub recipients: u32,
    /// Whether the account is known good on the network.
    pub known: bool,
}

/// Why sending is suspended. Shown as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// More than the account ever sent, from networks where it is not known good.
    Burst { network: IpNet, recipients: u32, usual: u32 },
    /// Sent from more networks in a day than ever.
    ManyNetworks { networks: usize, usual: usize },
    /// Sent from more countries in a day than ever.
    ManyCountries { countries: usize, usual: usize },
}

/// How accounts send.
#[derive(Debug, Clone, Default)]
pub struct Senders {
    /// Logins that a mail server let in: nobody can choose many of them so that they collide.
    accounts: HashMap<Arc<str>, Sender, RandomState>,
}

#[derive(Debug, Clone, Default)]
struct Sender {
    /// Number of the hour since 1970, and recipients of it and of the one before it.
    hour: i64,
    recipients: [Recipients; 2],
    /// Number of the day since 1970.
    day: i64,
    networks: Vec<IpNet>,
    countries: Vec<Country>,
    usual: Usual,
    suspended: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Recipients {
    all: u32,
    /// From networks where the account is not known good.
    elsewhere: u32,
}

/// The most of any earlier day.
#[derive(Debug, Clone, Copy, Default)]
struct Usual {
    recipients: u32,
    /// The day of that hour.
    since: i64,
    networks: usize,
    countries: usize,
}

impl Senders {
    /// Takes in a message and says whether it shows that somebody else sends. Says nothing of an account that is
    /// suspended.
    pub fn submitted(&mut self, submission: &Submission<'_>) -> Option<Suspicion> {
        if !self.accounts.contains_key(submission.login) {
            self.accounts.insert(submission.login.into(), Sender::default());
        }
        let sender = self.accounts.get_mut(submission.login)?;
        if sender.suspended {
            return None;
        }
        sender.turn(submission.at);
        sender.count(submission);
        sender.suspicion(submission)
    }

    /// Notes that an account may not send until it is resumed. What it hands in meanwhile counts nowhere.
    pub fn suspended(&mut self, login: &str) {
        self.accounts.entry(login.into()).or_default().suspended = true;
    }

    /// Lets an account send again. What it was suspended for does not count any more, and is not learned either.
    pub fn resumed(&mut self, login: &str) {
        if let Some(sender) = self.accounts.get_mut(login) {
            sender.suspended = false;
            sender.recipients = Default::default();
            sender.networks.clear();
            sender.countries.clear();
        }
    }

    /// Forgets an account.
    pub fn forget(&mut self, login: &str) {
        self.accounts.remove(login);
    }
}

impl Sender {
    /// Begins the hour and day of that time, and learns from those that are over. A clock that is set back changes
    /// nothing.
    fn turn(&mut self, at: Timestamp) {
        let (hour, day) = (at.as_second().div_euclid(HOUR), at.as_second().div_euclid(DAY));
        if hour > self.hour {
            let over = self.recipients[0];
            if over.all > self.usual.recipients {
                self.usual.recipients = over.all;
                self.usual.since = self.day;
            }
            let next = hour == self.hour + 1;
            self.recipients = [Recipients::default(), if next { over } else { Recipients::default() }];
            self.hour = hour;
        }
        if day > self.day {
            self.usual.networks = self.usual.networks.max(self.networks.len());
            self.usual.countries = self.usual.countries.max(self.countries.len());
            self.networks.clear();
            self.countries.clear();
            if day - self.usual.since > HALVED_AFTER {
                self.usual.recipients /= 2;
                self.usual.since = day;
            }
            self.day = day;
        }
    }

    fn count(&mut self, submission: &Submission<'_>) {
        let now = &mut self.recipients[0];
        now.all = now.all.saturating_add(submission.recipients);
        if submission.known {
            return;
        }
        now.elsewhere = now.elsewhere.saturating_add(submission.recipients);
        let Some(origin) = submission.origin else { return };
        remember(&mut self.networks, client_network(origin.address));
        if let Some(country) = origin.country {
            remember(&mut self.countries, country);
        }
    }

    fn suspicion(&self, submission: &Submission<'_>) -> Option<Suspicion> {
        let address = submission.origin.map(|origin| origin.address).filter(|_| !submission.known)?;
        let [now, before] = self.recipients;
        let (recipients, usual) = (now.elsewhere.saturating_add(before.elsewhere), self.usual.recipients);
        if recipients > NO_BURST.max(usual.saturating_mul(BURST)) {
            return Some(Suspicion::Burst { network: client_network(address), recipients, usual });
        }
        let (countries, usual) = (self.countries.len(), self.usual.countries);
        if countries > COUNTRIES.max(usual + 1) {
            return Some(Suspicion::ManyCountries { countries, usual });
        }
        let (networks, usual) = (self.networks.len(), self.usual.networks);
        (networks > NETWORKS.max(usual + 2)).then_some(Suspicion::ManyNetworks { networks, usual })
    }
}

impl Suspicion {
    /// Its name to programs; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Burst { .. } => "sending_burst",
            Self::ManyNetworks { .. } => "sending_many_networks",
            Self::ManyCountries { .. } => "sending_many_countries",
        }
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst { network, recipients, usual } => write!(
                f,
                "{recipients} recipients within two hours from networks that the account does not use, {} the \
                 latest; in its busiest hour before there were {usual}.",
                shown(*network)
            ),
            Self::ManyNetworks { networks, usual } => write!(
                f,
                "Mail was sent from {networks} networks in a day that the account does not use; before, from {usual} \
                 at most."
            ),
            Self::ManyCountries { countries, usual } => write!(
                f,
                "Mail was sent from {countries} countries in a day on networks that the account does not use; before, \
                 from {usual} at most."
            ),
        }
    }
}

fn remember<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if list.len() < REMEMBERED && !list.contains(&value) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const START: i64 = 1_699_920_000;

    fn sent(
        day: i64,
        minute: i64,
        address: &str,
        country: &str,
        recipients: u32,
        known: bool,
    ) -> Submission<'static> {
        let address: IpAddr = address.parse().unwrap();
        Submission {
            at: Timestamp::from_second(START + day * DAY + minute * 60).unwrap(),
            login: "anna@x",
            origin: Some(Origin { address, system: None, country: Country::read(country) }),
            recipients,
            known,
        }
    }

    fn used_for_a_month() -> Senders {
        let mut senders = Senders::default();
        for day in 0..30 {
            for message in 0..4 {
                let home = sent(day, message * 10, "203.0.113.7", "DE", 10, true);
                assert_eq!(senders.submitted(&home), None);
            }
        }
        senders
    }

    #[test]
    fn a_burst_from_a_new_network_is_told_until_suspended_and_counts_anew_when_resumed() {
        let mut senders = used_for_a_month();
        let stolen = |minute| sent(31, minute, "198.51.100.1", "NG", 20, false);
        for minute in 0..6 {
            assert_eq!(senders.submitted(&stolen(minute)), None);
        }
        let found = senders.submitted(&stolen(6)).unwrap();
        assert_eq!(
            found.to_string(),
            "140 recipients within two hours from networks that the account does not use, 198.51.100.1 the \
             latest; in its busiest hour before there were 40."
        );
        assert!(senders.submitted(&stolen(7)).is_some(), "it goes on while nobody does anything");
        senders.suspended("anna@x");
        assert_eq!(senders.submitted(&stolen(7)), None, "it was said");
        senders.resumed("anna@x");
        assert_eq!(senders.submitted(&stolen(8)), None, "it counts anew");
    }

    #[test]
    fn its_own_newsletter_from_home_is_no_theft() {
        let mut senders = used_for_a_month();
        assert_eq!(senders.submitted(&sent(31, 0, "203.0.113.7", "DE", 2000, true)), None);
        // Once it was usual, it is so on the way, too.
        assert_eq!(senders.submitted(&sent(32, 0, "198.51.100.1", "DE", 2000, false)), None);
    }

    #[test]
    fn a_slow_thief_from_many_places_shows_by_countries_and_networks() {
        let countries = ["NG", "BR", "VN", "RU", "IN", "ID"];
        let mut senders = used_for_a_month();
        let stolen = |number: usize, countries: &[&'static str]| {
            let country = countries[number % countries.len()];
            sent(31, i64::try_from(number).unwrap(), &format!("198.51.100.{number}"), country, 1, false)
        };
        let found = (0..20).find_map(|number| senders.submitted(&stolen(number, &countries)));
        assert_eq!(found, Some(Suspicion::ManyCountries { countries: 4, usual: 0 }));
        let mut senders = used_for_a_month();
        let found = (0..20).find_map(|number| senders.submitted(&stolen(number, &["DE"])));
        assert_eq!(found, Some(Suspicion::ManyNetworks { networks: 9, usual: 0 }));
    }

    #[test]
    fn who_roams_each_day_may_roam_a_little_more() {
        let mut senders = Senders::default();
        for day in 0..30 {
            for number in 0..8 {
                let phone = sent(day, number, &format!("198.51.100.{}", day * 8 + number), "DE", 1, false);
                assert_eq!(senders.submitted(&phone), None);
            }
        }
        for number in 0..10 {
            assert_eq!(
                senders.submitted(&sent(31, number, &format!("192.0.2.{number}"), "DE", 1, false)),
                None
            );
        }
        assert!(senders.submitted(&sent(31, 11, "192.0.2.11", "DE", 1, false)).is_some());
    }
}
