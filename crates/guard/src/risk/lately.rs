//! What happened within the last day: failures by network and by account, and where accounts were let in.
//!
//! Strangers choose what is counted, so all of it is bounded: at most [`NETWORKS`] networks, as many around them,
//! [`ACCOUNTS`] accounts, and [`TRACES`] different traces of each; the ones that were quiet for longest go first. Logins
//! that no account has are counted with their network alone, so that inventing logins pushes no account out. Whoever
//! fails from more than [`NETWORKS`] networks within a day makes us forget what the first of them did: that costs them
//! a fresh network for every few tries, which a count by network could not have stopped either; the count of the
//! account that they guess at stays.
//!
//! The state is rebuilt by taking in the last day's sign-ins again, in the order of time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{History, SignIn, Value, known::network_around, seconds};
use crate::{access::Country, alert::PasswordMark, block::Target, client::client_network};

/// Networks that are remembered, and networks around them.
pub const NETWORKS: usize = 20_000;

/// Accounts that are remembered.
pub const ACCOUNTS: usize = 200_000;

/// Remembered of each; counts end there.
pub const TRACES: usize = 64;

const DAY: u32 = 86_400;

/// A time for which something is counted, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    Hour,
    Day,
}

/// Degrees north and east, and how far off that may be, in kilometres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    pub latitude: f64,
    pub longitude: f64,
    pub within: f64,
}

/// Where an account was let in last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Located {
    pub at: Timestamp,
    pub coordinates: Coordinates,
}

/// Distinct things that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    pub networks: usize,
    /// Different wrong passwords.
    pub passwords: usize,
}

/// Where an account was let in within a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    /// Client networks.
    pub networks: usize,
    pub countries: usize,
}

#[derive(Debug, Clone)]
pub struct Lately {
    /// Of a client network: the logins that it failed on, with the passwords.
    networks: Windows<IpNet>,
    /// The same, of the network around it.
    around: Windows<IpNet>,
    /// Of an account: the networks that failed on it, with the passwords.
    accounts: Windows<Arc<str>>,
    /// Of an account: the networks that it was let in from, with the countries.
    places: Windows<Arc<str>>,
    /// Of accounts that were let in, one each.
    located: HashMap<Arc<str>, Located>,
    unmarked: u64,
}

/// Pairs of values that were seen of keys, each pair with the latest time.
#[derive(Debug, Clone)]
struct Windows<K> {
    most: usize,
    keys: HashMap<K, Window>,
    /// The one that was quiet for longest comes first.
    order: BTreeMap<u64, K>,
    turns: u64,
}

#[derive(Debug, Clone, Default)]
struct Window {
    traces: Vec<Trace>,
    turn: u64,
}

#[derive(Debug, Clone, Copy)]
struct Trace {
    /// Seconds since 1970.
    at: u32,
    one: u64,
    other: u64,
}

impl Default for Lately {
    fn default() -> Self {
        Self {
            networks: Windows::new(NETWORKS),
            around: Windows::new(NETWORKS),
            accounts: Windows::new(ACCOUNTS),
            places: Windows::new(ACCOUNTS),
            located: HashMap::new(),
            unmarked: 0,
        }
    }
}

impl Lately {
    /// Takes in a wrong password. The same one again, as by a phone with an old password, counts once; one without a
    /// mark counts as a new one. `exists` says whether the login names an account.
    pub fn failed(
        &mut self,
        sign_in: &SignIn<'_>,
        mark: Option<PasswordMark>,
        exists: bool,
        history: &History,
    ) {
        let Some(address) = sign_in.origin.map(|origin| origin.address) else { return };
        let at = seconds(sign_in.at);
        self.unmarked += 1;
        let mark = mark.map_or(self.unmarked | 1 << 63, |mark| u64::from(mark.0));
        let network = client_network(address);
        if exists {
            let trace = Trace { at, one: Value::of(&network).0.get(), other: mark };
            self.accounts.add(&Arc::from(sign_in.login), trace);
        }
        // Who is at home there mistypes; that says nothing about the network.
        if history.known().is_network_known(sign_in.login, address, sign_in.at) {
            return;
        }
        let trace = Trace { at, one: Value::of(sign_in.login).0.get(), other: mark };
        self.networks.add(&network, trace);
        let around = network_around(address);
        if around != network {
            self.around.add(&around, trace);
        }
    }

    /// Takes in that an account was let in.
    pub fn succeeded(&mut self, sign_in: &SignIn<'_>, coordinates: Option<Coordinates>) {
        let Some(origin) = sign_in.origin else { return };
        let login: Arc<str> = Arc::from(sign_in.login);
        let one = Value::of(&client_network(origin.address)).0.get();
        let other = origin.country.map_or(0, |country| Value::of(&country).0.get());
        self.places.add(&login, Trace { at: seconds(sign_in.at), one, other });
        if let Some(coordinates) = coordinates {
            self.located.insert(login, Located { at: sign_in.at, coordinates });
        }
    }

    /// Logins that a network failed on: a client's, or the one around it. Those that are at home there don't count.
    pub fn accounts_of(&self, network: IpNet, span: Span, now: Timestamp) -> usize {
        let windows = if network == client_network(network.addr()) { &self.networks } else { &self.around };
        distinct(windows.within(&network, span, now).map(|trace| trace.one))
    }

    /// Wrong passwords of a network for an account.
    pub fn passwords_of(&self, network: IpNet, login: &str, span: Span, now: Timestamp) -> usize {
        let one = Value::of(&network).0.get();
        let traces = self.accounts.within(login, span, now).filter(|trace| trace.one == one);
        distinct(traces.map(|trace| trace.other))
    }

    /// Failures for an account from everywhere but there.
    pub fn failures_elsewhere(&self, network: IpNet, login: &str, span: Span, now: Timestamp) -> Failures {
        let one = Value::of(&network).0.get();
        let traces = || self.accounts.within(login, span, now).filter(|trace| trace.one != one);
        Failures {
            networks: distinct(traces().map(|trace| trace.one)),
            passwords: distinct(traces().map(|trace| trace.other)),
        }
    }

    /// Where an account was let in within a day, the place of `sign_in` included.
    pub fn places(&self, sign_in: &SignIn<'_>) -> Places {
        let origin = sign_in.origin;
        let network = origin.map_or(0, |origin| Value::of(&client_network(origin.address)).0.get());
        let country =
            origin.and_then(|origin| origin.country).map_or(0, |it: Country| Value::of(&it).0.get());
        let traces = || self.places.within(sign_in.login, Span::Day, sign_in.at);
        let known = |value: &u64| *value != 0;
        Places {
            networks: distinct(traces().map(|trace| trace.one).chain([network]).filter(known)),
            countries: distinct(traces().map(|trace| trace.other).chain([country]).filter(known)),
        }
    }

    pub fn located(&self, login: &str) -> Option<Located> {
        self.located.get(login).copied()
    }

    /// Forgets what counts against whom a block refuses.
    pub fn forgive(&mut self, target: &Target) {
        match target {
            Target::Address(address) => self.forgive_network(client_network(*address)),
            Target::Network(network) => self.forgive_network(*network),
            Target::Account(login) => self.accounts.remove(login.as_str()),
            Target::AccountNetwork(login, network) => {
                let network = Value::of(network).0.get();
                if let Some(window) = self.accounts.keys.get_mut(login.as_str()) {
                    window.traces.retain(|trace| trace.one != network);
                }
            }
            // It counts sign-ins alone.
            Target::Sending(_) => {}
        }
    }

    /// Forgets what happened to an account.
    pub fn clear_account(&mut self, login: &str) {
        self.accounts.remove(login);
        self.places.remove(login);
        self.located.remove(login);
    }

    fn forgive_network(&mut self, network: IpNet) {
        self.networks.remove(&network);
        self.around.remove(&network);
    }
}

impl Span {
    fn seconds(self) -> u32 {
        match self {
            Self::Hour => 3600,
            Self::Day => DAY,
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hour => "an hour",
            Self::Day => "a day",
        })
    }
}

impl<K: Clone + Eq + Hash> Windows<K> {
    fn new(most: usize) -> Self {
        Self { most, keys: HashMap::new(), order: BTreeMap::new(), turns: 0 }
    }

    fn add(&mut self, key: &K, trace: Trace) {
        let (key, mut window) =
            self.keys.remove_entry(key).unwrap_or_else(|| (key.clone(), Window::default()));
        self.order.remove(&window.turn);
        if self.keys.len() >= self.most
            && let Some((_, quiet)) = self.order.pop_first()
        {
            self.keys.remove(&quiet);
        }
        window.remember(trace);
        self.turns += 1;
        window.turn = self.turns;
        self.order.insert(window.turn, key.clone());
        self.keys.insert(key, window);
    }

    fn remove<Q>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(window) = self.keys.remove(key) {
            self.order.remove(&window.turn);
        }
    }

    fn within<Q>(&self, key: &Q, span: Span, now: Timestamp) -> impl Iterator<Item = Trace>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let since = seconds(now).saturating_sub(span.seconds());
        let traces = self.keys.get(key).into_iter().flat_map(|window| &window.traces);
        traces.filter(move |trace| trace.at > since).copied()
    }
}

impl Window {
    fn remember(&mut self, trace: Trace) {
        self.traces.retain(|old| old.at.saturating_add(DAY) > trace.at);
        let same = |old: &&mut Trace| (old.one, old.other) == (trace.one, trace.other);
        if let Some(same) = self.traces.iter_mut().find(same) {
            same.at = same.at.max(trace.at);
            return;
        }
        if self.traces.len() >= TRACES {
            let oldest = self.traces.iter().enumerate().min_by_key(|(_, old)| old.at).map(|(index, _)| index);
            self.traces.swap_remove(oldest.unwrap_or(0));
        }
        self.traces.push(trace);
    }
}

fn distinct(values: impl Iterator<Item = u64>) -> usize {
    values.collect::<BTreeSet<_>>().len()
}
