//! Blocks that are set by themselves, as narrow as they stop the attack.
//!
//! *Whom.* A network that sprays passwords is blocked as a whole: its address (or /64), or the /24 around it where its
//! neighbours take part. Everything else blocks one account from one client network. Where another account is known
//! good on the network (an office, a home), only the account that is attacked is blocked there; an account is never
//! blocked where it is known good itself, and nobody anywhere by what others try against them.
//!
//! *How long.* From ten minutes to a week, longer each time; for each quiet week after a block, one time is forgiven.
//! When a network is blocked, what it failed with is forgotten, so that whoever mistyped can go on after it.
//! Lifting a block forgives all; that it was the owner is said with [`History::vouch`].
//!
//! *Bounds.* At most [`CASES`] targets are remembered; of more, those are forgotten whose blocks end first. An attacker
//! with that many networks starts again with ten minutes.

pub mod sending;

use std::{collections::BTreeMap, fmt};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use crate::{
    block::Target,
    client::client_network,
    decision::SignInVerdict,
    risk::{
        History,
        known::network_around,
        lately::Lately,
        signals::{Assessment, Attempt, Password, Signal},
    },
};

/// How long the first block of a target lasts, the second, and so on; the last for all that follow.
pub const DURATIONS: [SignedDuration; 5] = [
    SignedDuration::from_mins(10),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(7 * 24),
];

/// Quiet time that forgives one block.
pub const FORGIVEN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Targets whose blocks are remembered.
pub const CASES: usize = 20_000;

/// Blocked addresses of a /24 after which all of it is blocked.
const NEIGHBOURS: usize = 3;

/// Why a block was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    PasswordSpraying,
    BruteForce,
    DistributedGuessing,
    /// Used from so many places in a day that it is no single person's any more.
    SharedPassword,
    /// The password was right, and too much speaks against its owner.
    StolenPassword,
}

/// A block to be set.
#[derive(Debug, Clone, PartialEq)]
pub struct AutomaticBlock {
    pub target: Target,
    pub cause: Cause,
    /// The weightiest first.
    pub evidence: Vec<Signal>,
    /// The how manieth of the target it is, from 1.
    pub strike: u32,
    pub expires_at: Timestamp,
}

/// The targets that were blocked, and how often.
#[derive(Debug, Clone, Default)]
pub struct Defence {
    cases: BTreeMap<Target, Case>,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    strikes: u32,
    expires_at: Timestamp,
}

impl Defence {
    /// The block that a sign-in calls for, if it was refused for its risk. To be asked after a wrong password was
    /// taken into `lately`, and after a refusal. While a target is blocked, it is not blocked again.
    pub fn consider(
        &mut self,
        attempt: &Attempt<'_>,
        found: &Assessment,
        history: &History,
        lately: &mut Lately,
    ) -> Option<AutomaticBlock> {
        let sign_in = &attempt.sign_in;
        let address = sign_in.origin?.address;
        if found.answer() != SignInVerdict::Refuse
            || history.known().is_network_known(sign_in.login, address, sign_in.at)
        {
            return None;
        }
        let cause = Cause::of(attempt.password, &found.signals)?;
        let network = client_network(address);
        let mut target = Target::AccountNetwork(sign_in.login.to_owned(), network);
        if let Some(Signal::PasswordSpraying { network, .. }) = found.signals.first()
            && history.known().residents(*network) == 0
        {
            target = self.widened(*network, history, sign_in.at);
        }
        if self.cases.get(&target).is_some_and(|case| sign_in.at < case.expires_at) {
            return None;
        }
        let strike = self.next_strike(&target, sign_in.at);
        let expires_at = sign_in.at.saturating_add(duration(strike)).unwrap_or(Timestamp::MAX);
        self.remember(target.clone(), cause, Case { strikes: strike, expires_at }, lately);
        Some(AutomaticBlock { target, cause, evidence: found.signals.clone(), strike, expires_at })
    }

    /// Takes in a block that was set at a time before this state began, in the order of time, and after what `lately`
    /// took in until then.
    pub fn resume(
        &mut self,
        target: Target,
        cause: Cause,
        set_at: Timestamp,
        expires_at: Timestamp,
        lately: &mut Lately,
    ) {
        let strikes = self.next_strike(&target, set_at);
        self.remember(target, cause, Case { strikes, expires_at }, lately);
    }

    /// Forgives a target all that it did. Its block is the caller's to take away.
    pub fn lifted(&mut self, target: &Target, lately: &mut Lately) {
        self.cases.remove(target);
        lately.forgive(target);
    }

    fn next_strike(&self, target: &Target, at: Timestamp) -> u32 {
        self.cases.get(target).map_or(0, |case| case.left_at(at)) + 1
    }

    fn remember(&mut self, target: Target, cause: Cause, case: Case, lately: &mut Lately) {
        match cause {
            Cause::PasswordSpraying | Cause::BruteForce => lately.forgive(&target),
            // Each network is only a part of it; the whole goes on.
            Cause::DistributedGuessing | Cause::SharedPassword | Cause::StolenPassword => {}
        }
        if self.cases.len() >= CASES {
            self.forget_some();
        }
        self.cases.insert(target, case);
    }

    /// The network around instead of one more address of it, unless somebody is known good there.
    fn widened(&self, network: IpNet, history: &History, now: Timestamp) -> Target {
        let around = network_around(network.addr());
        let blocked = |address: std::net::IpAddr| {
            let case = self.cases.get(&Target::Address(address));
            case.is_some_and(|case| now.duration_since(case.expires_at) < SignedDuration::from_hours(24))
        };
        let neighbours = around.hosts().filter(|address| *address != network.addr() && blocked(*address));
        if around != network
            && neighbours.take(NEIGHBOURS - 1).count() == NEIGHBOURS - 1
            && history.known().residents(around) == 0
        {
            return Target::Network(around);
        }
        match network {
            IpNet::V4(v4) if v4.prefix_len() == 32 => Target::Address(network.addr()),
            IpNet::V4(_) | IpNet::V6(_) => Target::Network(network),
        }
    }

    fn forget_some(&mut self) {
        let mut ends: Vec<Timestamp> = self.cases.values().map(|case| case.expires_at).collect();
        ends.sort_unstable();
        let end = ends.get(CASES / 10).copied().unwrap_or(Timestamp::MAX);
        self.cases.retain(|_, case| case.expires_at > end);
    }
}

impl Case {
    /// Strikes that are not forgiven yet.
    fn left_at(&self, now: Timestamp) -> u32 {
        let weeks = now.duration_since(self.expires_at).as_secs() / FORGIVEN_AFTER.as_secs();
        self.strikes.saturating_sub(u32::try_from(weeks.max(0)).unwrap_or(u32::MAX))
    }
}

impl Cause {
    /// Its name to programs; never changes.
    pub fn code(self) -> &'static str {
        match self {
            Self::PasswordSpraying => "password_spraying",
            Self::BruteForce => "brute_force",
            Self::DistributedGuessing => "distributed_guessing",
            Self::SharedPassword => "shared_password",
            Self::StolenPassword => "stolen_password",
        }
    }

    /// With the right password it is no guessing any more.
    fn of(password: Password, signals: &[Signal]) -> Option<Self> {
        let attack = signals.iter().find_map(|signal| match signal {
            Signal::PasswordSpraying { .. } => Some(Self::PasswordSpraying),
            Signal::BruteForce { .. } => Some(Self::BruteForce),
            Signal::DistributedGuessing { .. } => Some(Self::DistributedGuessing),
            Signal::ManyCountries { .. }
            | Signal::ManyNetworks { .. }
            | Signal::Unusual { .. }
            | Signal::NewCountry { .. }
            | Signal::ImpossibleTravel { .. }
            | Signal::HiddenNetwork { .. }
            | Signal::OffHours { .. }
            | Signal::Dormant { .. } => None,
        });
        let many =
            |signal: &Signal| matches!(signal, Signal::ManyCountries { .. } | Signal::ManyNetworks { .. });
        match password {
            Password::NotRight => attack,
            Password::Right if signals.iter().any(many) => Some(Self::SharedPassword),
            Password::Right => Some(Self::StolenPassword),
        }
    }
}

impl fmt::Display for AutomaticBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<String> = self.evidence.iter().map(ToString::to_string).collect();
        f.write_str(&sentences.join(" "))
    }
}

fn duration(strike: u32) -> SignedDuration {
    let index = usize::try_from(strike.saturating_sub(1)).unwrap_or(usize::MAX);
    DURATIONS.get(index).copied().unwrap_or(DURATIONS[DURATIONS.len() - 1])
}

#[cfg(test)]
mod tests;
