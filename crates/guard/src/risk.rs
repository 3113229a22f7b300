//! How well a sign-in fits its account: the score of Freeman et al. (NDSS 2016), over where it comes from and with
//! which program, from the sign-ins that succeeded in the last half year.
//!
//! *What is remembered.* Of each account the latest [`SIGN_INS`] successes, one for each origin, client and day (in
//! UTC): a mail program that signs in each minute does not push out everything else. Values are kept as hashes.
//! Beside them, from which networks an account succeeded on how many days ([`known`]).
//!
//! *Time.* Sign-ins are learned in the order of time; one that is older than the newest of its account counts as if
//! it were as new.
//!
//! The state is rebuilt by learning stored sign-ins again.

pub mod known;
pub mod lately;
pub mod signals;
mod tally;

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash},
    net::IpAddr,
    num::NonZeroU64,
    sync::Arc,
};

use foldhash::fast::{FixedState, RandomState};
use jiff::{SignedDuration, Timestamp};

use self::{known::KnownGood, tally::Tally};
use crate::{access::Country, client::client_network};

/// Remembered of each account.
pub const SIGN_INS: usize = 48;

/// For so long.
pub const MEMORY: SignedDuration = SignedDuration::from_hours(183 * 24);

/// Of address, AS and country; of user agent, browser, operating system and kind of device (Wiefling et al. 2022).
const ORIGIN_WEIGHTS: [f64; 3] = [0.6, 0.3, 0.1];
const CLIENT_WEIGHTS: [f64; 4] = [0.53867, 0.26805, 0.18818, 0.00511];

/// Days after which an hour of the day is no longer usual.
const LATELY: u16 = 90;

const NONE: u32 = u32::MAX;

/// A value that is told apart from others and can't be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(NonZeroU64);

/// Where a sign-in comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Counts with its client network.
    pub address: IpAddr,
    /// The number of the autonomous system; none where it is not known.
    pub system: Option<u32>,
    pub country: Option<Country>,
}

/// The program that signs in. Mail programs rarely say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// All that it says of itself: a User-Agent, an IMAP ID (RFC 2971).
    pub agent: Value,
    /// Its name.
    pub browser: Option<Value>,
    /// Operating system.
    pub system: Option<Value>,
    /// Kind of device.
    pub device: Option<Value>,
}

/// A sign-in, to be scored or, where it succeeded, learned.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    pub at: Timestamp,
    /// In lower case.
    pub login: &'a str,
    pub origin: Option<Origin>,
    pub client: Option<Client>,
    /// What stays the same of a client over its updates: a device's key, a cookie, a program's name.
    pub device: Option<Value>,
}

/// How much likelier a sign-in is an attacker's than the owner's. Without a unit: what it means depends on how the
/// accounts are used; 1 is about where the two are alike.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Score(pub f64);

/// What all accounts did.
#[derive(Debug, Clone)]
pub struct History {
    /// Logins that somebody was let in with: nobody can choose many of them so that they collide.
    accounts: HashMap<Arc<str>, Account, RandomState>,
    sign_ins: usize,
    origins: Tally<3>,
    clients: Tally<4>,
    known: KnownGood,
}

/// What a history takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub accounts: usize,
    pub sign_ins: usize,
    /// As allocated, tables of known networks included.
    pub bytes: usize,
}

/// What is known of one account beside its single sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    /// Days since its first sign-in.
    pub days: u32,
    /// Whether it signed in at this hour of the day (in UTC), or one of the two beside it, in the last 90 days.
    pub usual_hour: bool,
    /// The latest success.
    pub last: Timestamp,
    /// Seen on an earlier day than the last 24 hours: a thief's first successes make nothing familiar.
    pub country: Familiar,
    pub system: Familiar,
    /// By name and version.
    pub client: Familiar,
}

/// Whether an account was seen with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Familiar {
    Yes,
    /// Others were seen, this one never.
    No,
    /// The value is not known, or none ever was.
    Unknown,
}

#[derive(Debug, Clone)]
struct Account {
    /// In the order of time.
    sign_ins: Vec<Remembered>,
    /// The day (since 1970) of the first.
    since: u16,
    /// The latest day on which it signed in at each hour; 0: never.
    hours: [u16; 24],
}

#[derive(Debug, Clone, Copy)]
struct Remembered {
    /// Seconds since 1970.
    at: u32,
    /// In the tallies; or [`NONE`].
    origin: u32,
    client: u32,
}

impl Value {
    pub fn of<T: Hash + ?Sized>(what: &T) -> Self {
        Self(NonZeroU64::new(FixedState::default().hash_one(what)).unwrap_or(NonZeroU64::MIN))
    }
}

impl Default for History {
    fn default() -> Self {
        Self {
            accounts: HashMap::default(),
            sign_ins: 0,
            origins: Tally::new(ORIGIN_WEIGHTS),
            clients: Tally::new(CLIENT_WEIGHTS),
            known: KnownGood::default(),
        }
    }
}

impl History {
    /// Takes in a sign-in that succeeded.
    pub fn learn(&mut self, sign_in: &SignIn<'_>) {
        self.known.learn(sign_in);
        if !self.accounts.contains_key(sign_in.login) {
            self.accounts.insert(sign_in.login.into(), Account::new(sign_in.at));
        }
        let Some(account) = self.accounts.get_mut(sign_in.login) else { return };
        let at = account.sign_ins.last().map_or(0, |last| last.at).max(seconds(sign_in.at));
        account.hours[hour(at)] = day(at);
        let origin = sign_in.origin.map_or(NONE, |origin| self.origins.add(origin.levels()));
        let client = sign_in.client.map_or(NONE, |client| self.clients.add(client.levels()));
        let today = account.sign_ins.iter().rev().take_while(|old| day(old.at) == day(at));
        if today.into_iter().any(|old| (old.origin, old.client) == (origin, client)) {
            self.origins.remove(origin);
            self.clients.remove(client);
        } else {
            account.push(Remembered { at, origin, client });
            self.sign_ins += 1;
        }
        let surplus = account.sign_ins.len().saturating_sub(SIGN_INS);
        let old = account.before(at.saturating_sub(memory()));
        self.drop_first(sign_in.login, surplus.max(old));
    }

    /// How a sign-in fits its account; none before the account has succeeded once.
    pub fn score(&self, sign_in: &SignIn<'_>) -> Option<Score> {
        let own = &self.accounts.get(sign_in.login)?.sign_ins;
        if own.is_empty() {
            return None;
        }
        let accounts = number(self.accounts.len());
        let usual = number(own.len()) / number(self.sign_ins);
        let mut score = 1.0 / accounts / usual;
        if let Some(origin) = sign_in.origin {
            score *= self.origins.ratio(origin.levels(), own.iter().map(|one| one.origin));
        }
        if let Some(client) = sign_in.client {
            score *= self.clients.ratio(client.levels(), own.iter().map(|one| one.client));
        }
        Some(Score(score))
    }

    /// What the account is used to, seen from a sign-in; none before it has succeeded once.
    pub fn habits(&self, sign_in: &SignIn<'_>) -> Option<Habits> {
        let account = self.accounts.get(sign_in.login)?;
        let own = &account.sign_ins;
        let last = own.last()?;
        let at = seconds(sign_in.at);
        let lately = day(at).saturating_sub(LATELY);
        let usual_hour =
            [23, 0, 1].into_iter().any(|beside| account.hours[(hour(at) + beside) % 24] > lately);
        let origin = sign_in.origin.map(|origin| origin.levels());
        let earlier = own.get(..account.before(at.saturating_sub(86_400))).unwrap_or_default();
        let origins = || earlier.iter().map(|one| one.origin);
        let client = sign_in.client.map(|client| client.levels());
        let clients = || earlier.iter().map(|one| one.client);
        Some(Habits {
            days: u32::from(day(at).saturating_sub(account.since)),
            usual_hour,
            last: Timestamp::from_second(i64::from(last.at)).unwrap_or(Timestamp::UNIX_EPOCH),
            system: self.origins.familiar(1, origin, origins()),
            country: self.origins.familiar(2, origin, origins()),
            client: self.clients.familiar(1, client, clients()),
        })
    }

    /// The networks on which accounts have succeeded on earlier days.
    pub fn known(&self) -> &KnownGood {
        &self.known
    }

    /// Takes in that a sign-in was its owner's, though it looked otherwise: the account is known good there from now
    /// on.
    pub fn vouch(&mut self, sign_in: &SignIn<'_>) {
        self.learn(sign_in);
        self.known.establish(sign_in);
    }

    /// Forgets what an account learned from a network: whoever came from there was not the owner.
    pub fn disown(&mut self, login: &str, address: IpAddr) {
        self.known.forget(login, address);
        let Some(account) = self.accounts.get_mut(login) else { return };
        let network = Some(Value::of(&client_network(address)).0.get());
        let is_theirs = |one: &Remembered| self.origins.finest(one.origin) == network;
        let (theirs, own): (Vec<Remembered>, Vec<_>) =
            account.sign_ins.iter().partition(|one| is_theirs(one));
        account.sign_ins = own;
        self.sign_ins -= theirs.len();
        for one in theirs {
            self.origins.remove(one.origin);
            self.clients.remove(one.client);
        }
        self.drop_first(login, 0);
    }

    /// Forgets an account.
    pub fn forget(&mut self, login: &str) {
        self.known.forget_account(login);
        self.drop_first(login, usize::MAX);
    }

    /// Forgets what is older than [`MEMORY`]. Takes time for each account: once a day is enough.
    pub fn expire(&mut self, now: Timestamp) {
        self.known.expire(now);
        let end = seconds(now).saturating_sub(memory());
        let mut old = Vec::new();
        self.accounts.retain(|login, account| {
            let count = account.before(end);
            if count > 0 {
                old.push((Arc::clone(login), count));
            }
            true
        });
        for (login, count) in old {
            self.drop_first(&login, count);
        }
    }

    pub fn memory(&self) -> Memory {
        #[expect(clippy::disallowed_methods, reason = "a sum does not depend on the order")]
        let own =
            self.accounts.iter().map(|(login, account)| login.len() + 16 + account.bytes()).sum::<usize>();
        let table = self.accounts.capacity() * (size_of::<(Arc<str>, Account)>() + 1);
        let tallies = self.origins.bytes() + self.clients.bytes();
        let bytes = own + table + tallies + self.known.bytes();
        Memory { accounts: self.accounts.len(), sign_ins: self.sign_ins, bytes }
    }

    fn drop_first(&mut self, login: &str, count: usize) {
        let Some(account) = self.accounts.get_mut(login) else { return };
        let count = count.min(account.sign_ins.len());
        for old in account.sign_ins.drain(..count) {
            self.origins.remove(old.origin);
            self.clients.remove(old.client);
        }
        self.sign_ins -= count;
        if account.sign_ins.is_empty() {
            self.accounts.remove(login);
        }
    }
}

impl Origin {
    fn levels(&self) -> [u64; 3] {
        let level = |value: Option<Value>| value.map_or(0, |value| value.0.get());
        [
            level(Some(Value::of(&client_network(self.address)))),
            level(self.system.map(|system| Value::of(&system))),
            level(self.country.map(|country| Value::of(&country))),
        ]
    }
}

impl Client {
    fn levels(&self) -> [u64; 4] {
        [Some(self.agent), self.browser, self.system, self.device]
            .map(|value| value.map_or(0, |value| value.0.get()))
    }
}

impl Account {
    fn new(at: Timestamp) -> Self {
        Self { sign_ins: Vec::new(), since: day(seconds(at)), hours: [0; 24] }
    }

    /// In small steps: most accounts sign in rarely, and there are many.
    fn push(&mut self, one: Remembered) {
        if self.sign_ins.len() == self.sign_ins.capacity() {
            self.sign_ins.reserve_exact(8);
        }
        self.sign_ins.push(one);
    }

    fn before(&self, end: u32) -> usize {
        self.sign_ins.partition_point(|one| one.at < end)
    }

    fn bytes(&self) -> usize {
        self.sign_ins.capacity() * size_of::<Remembered>()
    }
}

/// Since 1970.
fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}

fn day(seconds: u32) -> u16 {
    u16::try_from(seconds / 86_400).unwrap_or(u16::MAX)
}

fn hour(seconds: u32) -> usize {
    (seconds / 3600 % 24) as usize
}

fn memory() -> u32 {
    u32::try_from(MEMORY.as_secs()).unwrap_or(u32::MAX)
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
