//! Attacks, each a run of attempts that unfolds one by one.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use jiff::Timestamp;
use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};

use super::{Attempt, Cause, Password, people::Person, rhythm};
use crate::clients::MailProtocol;

/// Names that attackers try everywhere, whether or not the account exists.
const COMMON_NAMES: [&str; 8] = ["admin", "info", "test", "support", "sales", "office", "scan", "backup"];

/// A running attack.
#[derive(Debug)]
pub(super) struct Attack {
    cause: Cause,
    /// Only attacks on one account have one.
    target: Option<Arc<str>>,
    /// The last byte is chosen anew for each attempt where the attack has a whole network.
    network: [u8; 3],
    hosts: u8,
    protocol: MailProtocol,
    /// Attempts still to come.
    left: u32,
    per_second: f64,
    guesses: u32,
    /// Whether the last attempt gets in.
    finds_password: bool,
}

impl Attack {
    pub(super) fn begin(rng: &mut Xoshiro256PlusPlus, people: &[Person]) -> Self {
        let protocol = match rng.random_range(0..10) {
            0..5 => MailProtocol::Submission,
            5..9 => MailProtocol::Imap,
            _ => MailProtocol::Pop3,
        };
        let common = |rng: &mut Xoshiro256PlusPlus, cause, network, hosts, left, per_second| Self {
            cause,
            target: None,
            network,
            hosts,
            protocol,
            left,
            per_second,
            guesses: rng.random_range(0..1000),
            finds_password: false,
        };
        match rng.random_range(0..10) {
            0..4 => {
                let network = [203, 0, 113];
                let left = rng.random_range(12..120);
                let mut attack = common(rng, Cause::OneAccount, network, 1, left, 0.4);
                attack.target = Some(Arc::clone(&people[rng.random_range(0..people.len())].login));
                attack.finds_password = rng.random_bool(0.08);
                attack
            }
            4..8 => {
                let network = [198, 51, 100];
                let (hosts, left) = (rng.random_range(1..16), rng.random_range(20..150));
                common(rng, Cause::OneNetwork, network, hosts, left, 0.6)
            }
            _ => {
                let left = rng.random_range(80..300);
                common(rng, Cause::Distributed, [198, 19, 0], u8::MAX, left, 0.02)
            }
        }
    }

    /// The attempt that is due, and when the next one is.
    pub(super) fn step(
        &mut self,
        rng: &mut Xoshiro256PlusPlus,
        at: Timestamp,
        people: &[Person],
    ) -> (Attempt, Option<Timestamp>) {
        self.left = self.left.saturating_sub(1);
        self.guesses += 1;
        let [a, b, c] = self.network;
        let host = if self.hosts == 1 { 66 } else { rng.random_range(1..=self.hosts) };
        let third = if self.cause == Cause::Distributed { rng.random() } else { c };
        let last = self.left == 0;
        let attempt = Attempt {
            at,
            login: self.target.clone().unwrap_or_else(|| somebody(rng, people)),
            password: if last && self.finds_password {
                Password::Right
            } else {
                Password::Wrong(self.guesses)
            },
            protocol: self.protocol,
            address: IpAddr::V4(Ipv4Addr::new(a, b, third, host)),
            program: None,
            message: None,
            cause: self.cause,
        };
        (attempt, (!last).then(|| rhythm::later(at, rhythm::gap(rng, self.per_second))))
    }
}

fn somebody(rng: &mut Xoshiro256PlusPlus, people: &[Person]) -> Arc<str> {
    let person = &people[rng.random_range(0..people.len())].login;
    if rng.random_bool(0.45) {
        let domain = person.split_once('@').map_or("example.org", |(_, domain)| domain);
        let name = COMMON_NAMES[rng.random_range(0..COMMON_NAMES.len())];
        return format!("{name}@{domain}").into();
    }
    Arc::clone(person)
}
