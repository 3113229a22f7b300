//! What speaks against a sign-in, in words that a person understands, and what it is answered.
//!
//! Each signal has a weight; their sum is compared with the thresholds of a level. An account on a network (and
//! device, where it tells one) where it is known good is never refused here, whatever is tried against it elsewhere.
//!
//! A sign-in is judged twice. Before its password is looked at, only attacks on passwords count, and what is odd about
//! it where there is such an attack: what looks odd with a wrong password is nobody's sign-in. Once the password is
//! right, all of it counts: then it is stolen, or its owner is on a journey.

use std::fmt;

use ipnet::IpNet;
use jiff::SignedDuration;

use super::{
    Familiar, Habits, History, Score, SignIn,
    known::network_around,
    lately::{Coordinates, Lately, Located, Span},
};
use crate::{
    access::{Country, Protocol},
    client::{client_network, shown},
    decision::SignInVerdict,
};

/// Somebody who wants to sign in, with all that is known about where they come from.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub sign_in: SignIn<'a>,
    pub protocol: Protocol,
    pub password: Password,
    /// None where the place is not known: then no distance speaks against anybody.
    pub coordinates: Option<Coordinates>,
    /// What is known to hide who comes from the network.
    pub hidden_by: Option<HiddenBy>,
}

/// What is known of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Password {
    /// It was not looked at yet, or was wrong.
    NotRight,
    Right,
}

/// Networks behind which anybody may be, the most hidden last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HiddenBy {
    Vpn,
    /// Servers for rent.
    Hosting,
    Tor,
}

/// One thing that speaks against a sign-in. Shown as a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Signal {
    /// The account is used in other ways.
    Unusual { score: Score },
    /// The account was never in this country.
    NewCountry { country: Country },
    /// From where it was let in last, nobody gets here so soon. Two programs of one person may do it, one left at home
    /// and one travelling. It is plain where no jet is as fast, the place is not only where a server stands, and the
    /// account doesn't know the program.
    ImpossibleTravel { kilometres: u32, minutes: u32, plain: bool },
    /// The account doesn't use this provider, and anybody may be behind it.
    HiddenNetwork { by: HiddenBy },
    /// One network fails on many accounts.
    PasswordSpraying { network: IpNet, accounts: usize, within: Span },
    /// One network tries many passwords for the account.
    BruteForce { network: IpNet, passwords: usize, within: Span },
    /// Many networks try many passwords for the account.
    DistributedGuessing { networks: usize, passwords: usize },
    /// The account was let in from many countries today.
    ManyCountries { countries: usize },
    /// The account was let in from many networks today.
    ManyNetworks { networks: usize },
    /// It never signs in at this hour.
    OffHours { hour: i8 },
    /// It had not signed in for long.
    Dormant { days: u32 },
}

/// How much must speak against a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Refuses only what is plainly an attack.
    Cautious,
    #[default]
    Balanced,
    Strict,
    Custom(Thresholds),
}

/// Sums of weights from which on something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    pub delay: u32,
    /// On the web alone.
    pub challenge: u32,
    pub refuse: u32,
}

/// How signals are acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stance {
    pub level: Level,
    /// Otherwise nothing is done, and what would have been is reported.
    pub enforced: bool,
}

/// What was found about a sign-in.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The sum of the signals' weights.
    pub score: u32,
    /// The weightiest first.
    pub signals: Vec<Signal>,
    /// Whether the account is known good there.
    pub known: bool,
    /// What it is answered, or would be.
    pub verdict: SignInVerdict,
    pub enforced: bool,
}

/// Days after which an account counts as dormant.
const DORMANT: u32 = 60;

/// Days of history before hours say something.
const HOURS_NEED: u32 = 14;

/// As fast as people travel, km/h; and how far off a place may be where it is not known better, km.
const FASTEST: f64 = 1000.0;
const NEAR: f64 = 500.0;

/// More than so many in a day were seen of accounts that many used (Google 2014, and others since).
pub const COUNTRIES_A_DAY: usize = 5;
pub const NETWORKS_A_DAY: usize = 20;

/// Judges a sign-in.
pub fn assess(attempt: &Attempt<'_>, history: &History, lately: &Lately, stance: Stance) -> Assessment {
    let SignIn { at, login, origin, device, .. } = attempt.sign_in;
    let known = origin.is_some_and(|origin| history.known().is_known(login, origin.address, device, at));
    let mut signals = attacks(attempt, lately);
    if !known && (attempt.password == Password::Right || !signals.is_empty()) {
        signals.extend(oddities(attempt, history, lately));
    }
    signals.sort_by_key(|signal| std::cmp::Reverse(signal.weight()));
    let score = signals.iter().map(Signal::weight).sum();
    let verdict = if known {
        let guesses = signals.iter().any(|signal| matches!(signal, Signal::BruteForce { .. }));
        if guesses { SignInVerdict::Delay(delay(0)) } else { SignInVerdict::Allow }
    } else {
        stance.level.thresholds().verdict(score, attempt.protocol)
    };
    Assessment { score, signals, known, verdict, enforced: stance.enforced }
}

impl Assessment {
    /// What the sign-in is answered.
    pub fn answer(&self) -> SignInVerdict {
        if self.enforced { self.verdict } else { SignInVerdict::Allow }
    }
}

impl Signal {
    /// Its name to programs; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unusual { .. } => "unusual",
            Self::NewCountry { .. } => "new_country",
            Self::ImpossibleTravel { .. } => "impossible_travel",
            Self::HiddenNetwork { .. } => "hidden_network",
            Self::PasswordSpraying { .. } => "password_spraying",
            Self::BruteForce { .. } => "brute_force",
            Self::DistributedGuessing { .. } => "distributed_guessing",
            Self::ManyCountries { .. } => "many_countries",
            Self::ManyNetworks { .. } => "many_networks",
            Self::OffHours { .. } => "off_hours",
            Self::Dormant { .. } => "dormant",
        }
    }

    pub fn weight(&self) -> u32 {
        match self {
            Self::Unusual { score } => {
                if score.0 >= 10.0 {
                    20
                } else {
                    10
                }
            }
            Self::NewCountry { .. } | Self::Dormant { .. } => 15,
            Self::ImpossibleTravel { plain: true, .. } => 45,
            Self::ImpossibleTravel { plain: false, .. } => 25,
            Self::HiddenNetwork { by } => match by {
                HiddenBy::Vpn => 10,
                HiddenBy::Hosting => 20,
                HiddenBy::Tor => 30,
            },
            Self::OffHours { .. } => 10,
            Self::PasswordSpraying { network, accounts, within } => {
                let steps = if is_one_client(*network) { SPRAYING } else { SPRAYING_BY_NEIGHBOURS };
                step(*accounts, steps, *within)
            }
            Self::BruteForce { passwords, within, .. } => step(*passwords, BRUTE_FORCE, *within),
            Self::DistributedGuessing { networks, passwords } => {
                if *networks >= 10 && *passwords >= 15 {
                    55
                } else {
                    35
                }
            }
            Self::ManyCountries { .. } => 70,
            Self::ManyNetworks { .. } => 40,
        }
    }
}

/// Counts within an hour from which on a signal speaks, and from which on it is enough by itself; a day takes twice
/// as many.
type Steps = [usize; 2];

const SPRAYING: Steps = [5, 10];
/// Together, by the network around.
const SPRAYING_BY_NEIGHBOURS: Steps = [10, 20];
const BRUTE_FORCE: Steps = [6, 10];

fn is_one_client(network: IpNet) -> bool {
    network == client_network(network.addr())
}

fn step(count: usize, [_, plain]: Steps, within: Span) -> u32 {
    if count >= plain * times(within) { 70 } else { 40 }
}

/// The first span within which a count speaks.
fn reached(steps: Steps, count: impl Fn(Span) -> usize) -> Option<(usize, Span)> {
    let reached = |index: usize| {
        let spans = [Span::Hour, Span::Day].into_iter();
        spans.map(|span| (count(span), span)).find(|(count, span)| *count >= steps[index] * times(*span))
    };
    reached(1).or_else(|| reached(0))
}

fn times(span: Span) -> usize {
    match span {
        Span::Hour => 1,
        Span::Day => 2,
    }
}

/// What is done to the network's or the account's passwords.
fn attacks(attempt: &Attempt<'_>, lately: &Lately) -> Vec<Signal> {
    let SignIn { at, login, origin: Some(origin), .. } = attempt.sign_in else { return Vec::new() };
    let network = client_network(origin.address);
    let around = network_around(origin.address);
    let spraying =
        reached(SPRAYING, |span| lately.accounts_of(network, span, at)).map(|found| (network, found));
    let spraying = spraying.or_else(|| {
        let found = reached(SPRAYING_BY_NEIGHBOURS, |span| lately.accounts_of(around, span, at));
        found.map(|found| (around, found))
    });
    let brute_force = reached(BRUTE_FORCE, |span| lately.passwords_of(network, login, span, at));
    let elsewhere = lately.failures_elsewhere(network, login, Span::Day, at);
    let distributed = elsewhere.networks >= 4 && elsewhere.passwords >= 8;
    let signals = [
        spraying.map(|(network, (accounts, within))| Signal::PasswordSpraying { network, accounts, within }),
        brute_force.map(|(passwords, within)| Signal::BruteForce { network, passwords, within }),
        distributed.then_some(Signal::DistributedGuessing {
            networks: elsewhere.networks,
            passwords: elsewhere.passwords,
        }),
    ];
    signals.into_iter().flatten().collect()
}

/// In what it differs from what the account does.
fn oddities(attempt: &Attempt<'_>, history: &History, lately: &Lately) -> Vec<Signal> {
    let sign_in = &attempt.sign_in;
    let places = lately.places(sign_in);
    let (countries, networks) = (places.countries, places.networks);
    let habits = history.habits(sign_in);
    let is_new = |familiar: fn(&Habits) -> Familiar| habits.as_ref().map(familiar) != Some(Familiar::Yes);
    let mut signals = Vec::new();
    // Its owner goes on in their own country, with their own providers.
    if countries > COUNTRIES_A_DAY && is_new(|habits| habits.country) {
        signals.push(Signal::ManyCountries { countries });
    }
    if networks > NETWORKS_A_DAY && is_new(|habits| habits.system) {
        signals.push(Signal::ManyNetworks { networks });
    }
    let Some(habits) = habits else { return signals };
    let score = history.score(sign_in).filter(|score| score.0 >= 3.0);
    signals.extend(score.map(|score| Signal::Unusual { score }));
    if habits.country == Familiar::No {
        let country = sign_in.origin.and_then(|origin| origin.country);
        signals.extend(country.map(|country| Signal::NewCountry { country }));
    }
    let hidden_by = attempt.hidden_by.filter(|_| habits.system != Familiar::Yes);
    signals.extend(hidden_by.map(|by| Signal::HiddenNetwork { by }));
    signals.extend(lately.located(sign_in.login).and_then(|last| travel(attempt, &habits, last)));
    let quiet = u32::try_from(sign_in.at.duration_since(habits.last).as_hours() / 24).unwrap_or(0);
    signals.extend((quiet >= DORMANT).then_some(Signal::Dormant { days: quiet }));
    if habits.days >= HOURS_NEED && quiet < DORMANT && !habits.usual_hour {
        let hour = i8::try_from(sign_in.at.as_second().div_euclid(3600).rem_euclid(24)).unwrap_or(0);
        signals.push(Signal::OffHours { hour });
    }
    signals
}

/// One who switches a VPN on has not travelled.
fn travel(attempt: &Attempt<'_>, habits: &Habits, last: Located) -> Option<Signal> {
    let here = attempt.coordinates.filter(|_| attempt.hidden_by != Some(HiddenBy::Vpn))?;
    if habits.country == Familiar::Yes {
        return None;
    }
    let kilometres = distance(here, last.coordinates) - here.within - last.coordinates.within;
    let since = attempt.sign_in.at.duration_since(last.at).abs();
    let hours = since.as_secs_f64() / 3600.0;
    let minutes = u32::try_from(since.as_secs() / 60).unwrap_or(u32::MAX);
    (kilometres > NEAR && kilometres > FASTEST * hours).then(|| Signal::ImpossibleTravel {
        kilometres: whole(kilometres),
        minutes,
        plain: kilometres > 2.0 * FASTEST * hours
            && attempt.hidden_by.is_none()
            && habits.client != Familiar::Yes,
    })
}

/// On a sphere, in kilometres.
fn distance(one: Coordinates, other: Coordinates) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let (here, there) = (one.latitude.to_radians(), other.latitude.to_radians());
    let chord = half(other.latitude - one.latitude)
        + here.cos() * there.cos() * half(other.longitude - one.longitude);
    2.0 * 6371.0 * chord.clamp(0.0, 1.0).sqrt().asin()
}

/// On a globe nothing is further than 20,015 km.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 20,016")]
fn whole(kilometres: f64) -> u32 {
    kilometres.clamp(0.0, 20_016.0) as u32
}

impl Level {
    pub fn thresholds(self) -> Thresholds {
        match self {
            Self::Cautious => Thresholds { delay: 55, challenge: 45, refuse: 90 },
            Self::Balanced => Thresholds { delay: 35, challenge: 30, refuse: 70 },
            Self::Strict => Thresholds { delay: 20, challenge: 15, refuse: 50 },
            Self::Custom(thresholds) => thresholds,
        }
    }
}

impl Thresholds {
    fn verdict(self, score: u32, protocol: Protocol) -> SignInVerdict {
        if score >= self.refuse {
            return SignInVerdict::Refuse;
        }
        match protocol {
            Protocol::Web if score >= self.challenge => SignInVerdict::Challenge,
            Protocol::Web => SignInVerdict::Allow,
            Protocol::Api | Protocol::Imap | Protocol::Pop3 | Protocol::Submission | Protocol::Sieve => {
                if score >= self.delay {
                    SignInVerdict::Delay(delay(score - self.delay))
                } else {
                    SignInVerdict::Allow
                }
            }
        }
    }
}

/// From two seconds to eight.
fn delay(beyond: u32) -> SignedDuration {
    SignedDuration::from_secs(2 + i64::from(beyond / 5).min(6))
}

impl fmt::Display for HiddenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vpn => "a VPN provider",
            Self::Hosting => "servers for rent",
            Self::Tor => "Tor",
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusual { score } => {
                write!(
                    f,
                    "Network and program fit the account's earlier sign-ins badly (score {:.1}).",
                    score.0
                )
            }
            Self::NewCountry { country } => write!(f, "The account never signed in from {country} before."),
            Self::ImpossibleTravel { kilometres, minutes, .. } => {
                write!(f, "The account was let in at least {kilometres} km away {minutes} minutes earlier.")
            }
            Self::HiddenNetwork { by } => {
                write!(f, "It comes from {by}, a network that the account does not use.")
            }
            Self::PasswordSpraying { network, accounts, within } => {
                let network = shown(*network);
                write!(f, "Sign-ins from {network} failed on {accounts} accounts within {within}.")
            }
            Self::BruteForce { network, passwords, within } => {
                let network = shown(*network);
                write!(f, "{passwords} wrong passwords for this account came from {network} within {within}.")
            }
            Self::DistributedGuessing { networks, passwords } => write!(
                f,
                "{passwords} wrong passwords for this account came from {networks} other networks within a day."
            ),
            Self::ManyCountries { countries } => {
                write!(f, "The account was used from {countries} countries within a day.")
            }
            Self::ManyNetworks { networks } => {
                write!(f, "The account was used from {networks} networks within a day.")
            }
            Self::OffHours { hour } => {
                write!(f, "The account never signed in about {hour}:00 (UTC) in the last 90 days.")
            }
            Self::Dormant { days } => write!(f, "The account had not signed in for {days} days."),
        }
    }
}

#[cfg(test)]
mod tests;
