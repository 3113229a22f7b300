//! Counting against sending limits, in exact sliding windows.
//!
//! A recipient is reserved when it is named, settled when the message is through, and given back when the
//! message is refused or abandoned. Within any span as long as a window, no more than the limit is admitted.
//!
//! *Time.* What counts is how much time passed as far as the clock tells: time that goes back is no time, so that
//! setting the clock back frees nothing. Callers may be a little out of order.
//!
//! *Crashes.* What is admitted is covered by leases: portions of a limit that the caller writes down before it
//! lets anything through. A lease says what the one before it had left; what is given back is written down too.
//! After a crash a lease counts as if it had been used up at its last moment; so a crash admits nothing beyond the
//! limit, and costs at most the rest of one portion.

mod book;
mod ledger;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use foldhash::fast::RandomState;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use self::{book::Book, ledger::Ledger};
use crate::{
    client::client_network,
    limit::{KnownNetworks, Limit, LimitAction, LimitId, LimitSet, Measure, Per},
};

/// Counts of all that is limited.
#[derive(Debug)]
pub struct Limiter {
    /// Logins that a mail server let in: nobody can choose many of them so that they collide.
    ledgers: HashMap<Key, Ledger, RandomState>,
    clock: Elapsed,
}

/// What has one count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub limit: LimitId,
    pub counts: Counts,
    pub pool: Pool,
    /// None where accounts count together.
    pub login: Option<Arc<str>>,
    /// None where addresses count together.
    pub network: Option<IpNet>,
}

/// What a limit counts; one that is changed to count the other begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counts {
    Recipients,
    Messages,
}

/// The two figures of a limit, and its burst, are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    Known,
    Others,
    Burst,
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// In lower case.
    pub login: &'a str,
    pub address: Option<IpAddr>,
}

/// What a message has been admitted for, so far.
#[derive(Debug, Default)]
pub struct Reservation {
    /// Recipients that were named and admitted.
    pub recipients: u32,
    parts: Vec<Part>,
    counts_as_message: bool,
    /// Before the latest recipients were admitted.
    before: Before,
}

#[derive(Debug, Default, Clone, Copy)]
struct Before {
    recipients: u32,
    parts: usize,
    counts_as_message: bool,
}

#[derive(Debug)]
struct Part {
    key: Key,
    at: i64,
    count: u32,
    of_recipients: bool,
}

/// A portion of a limit, written down before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub key: Key,
    pub count: u32,
    /// What the lease before it had left, which is free again.
    pub left: u32,
    /// No longer used from then on; after a crash it counts as used at that moment.
    pub until: Timestamp,
    /// When it no longer counts.
    pub gone_at: Timestamp,
}

/// Admitted, and free again: written down too, but nothing waits for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenBack {
    pub key: Key,
    pub count: u32,
    /// When it would have stopped to count.
    pub gone_at: Timestamp,
}

/// What is written down, to be read in the same order after a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    Lease(Lease),
    GivenBack(GivenBack),
}

/// What was answered to a sender.
#[derive(Debug, Default)]
pub struct Answer {
    /// Limits that are reached, enforced or not. Anything enforced among them means that nothing was reserved.
    pub reached: Vec<Reached>,
    /// To be written down before the message goes on; where that fails, [`Limiter::undo`] it.
    pub leases: Vec<Lease>,
}

/// A limit that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub limit: Arc<Limit>,
    pub key: Key,
    pub used: u32,
    pub of: u32,
}

/// One count, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub used: u32,
    /// When the oldest of it no longer counts.
    pub frees_at: Option<Timestamp>,
}

/// Time that passed, in milliseconds, whatever the clock does.
#[derive(Debug, Clone, Copy)]
struct Elapsed {
    high: Timestamp,
    elapsed: i64,
}

/// So much callers may be out of order; beyond it the clock was set back.
const OUT_OF_ORDER: SignedDuration = SignedDuration::from_secs(1);

/// The longest time for which a portion is leased.
const LONGEST_LEASE: SignedDuration = SignedDuration::from_secs(30);

/// A limit is leased in so many portions at least.
const PORTIONS: u32 = 20;
const LARGEST_PORTION: u32 = 50;

/// What is given back, what was admitted within this time as one.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Default)]
struct Together(Vec<GivenBack>);

/// What a request wants of one count.
struct Demand<'a> {
    limit: &'a Arc<Limit>,
    key: Key,
    allowed: u32,
    /// None where a message alone is looked at.
    window: Option<SignedDuration>,
    count: u32,
    of_recipients: bool,
}

impl Limiter {
    pub fn new(now: Timestamp) -> Self {
        Self { ledgers: HashMap::default(), clock: Elapsed { high: now, elapsed: 0 } }
    }

    /// Counts again what was used before a crash or restart, as far as records tell.
    pub fn restore(records: impl IntoIterator<Item = Record>, now: Timestamp) -> Self {
        let mut book = Book::default();
        for record in records {
            book.take_in(record, now);
        }
        let mut limiter = Self::new(now);
        for lease in book.into_leases() {
            let window = lease.gone_at.duration_since(lease.until);
            // A lease from the future was written before the clock was set back: it counts from now on.
            let at = lease.until.duration_since(now).min(LONGEST_LEASE);
            limiter
                .ledgers
                .entry(lease.key)
                .or_insert_with(|| Ledger::new(window))
                .add(millis(at), lease.count);
        }
        limiter
    }

    /// All counts, in the fewest records that restore them.
    pub fn records(&mut self, now: Timestamp) -> Vec<Record> {
        self.sweep(now);
        let at = self.clock.advance(now);
        let lease = |key: &Key, ledger: &Ledger, count, moment: i64| {
            let until = now.checked_add(SignedDuration::from_millis(moment - at)).unwrap_or(now);
            let gone_at = until.checked_add(ledger.window()).unwrap_or(until);
            Record::Lease(Lease { key: key.clone(), count, left: 0, until, gone_at })
        };
        let mut records = Vec::new();
        for (key, ledger) in &mut self.ledgers {
            let (left, until) = ledger.lease(at);
            ledger.set_lease(left, until);
            records.extend(ledger.coarse().map(|(moment, count)| lease(key, ledger, count, moment)));
            if left > 0 {
                records.push(lease(key, ledger, left, until));
            }
        }
        records
    }

    /// Whether `sender` may name so many recipients more for this message. What is admitted is added to
    /// `message`. Zero more asks whether what it has may go on.
    pub fn reserve(
        &mut self,
        limits: &LimitSet,
        known: &KnownNetworks,
        sender: &Sender<'_>,
        recipients: u32,
        message: &mut Reservation,
        now: Timestamp,
    ) -> Answer {
        message.before = Before {
            recipients: message.recipients,
            parts: message.parts.len(),
            counts_as_message: message.counts_as_message,
        };
        let applying = limits.applying(sender.login);
        if applying.len() == 0 {
            message.recipients = message.recipients.saturating_add(recipients);
            return Answer::default();
        }
        let at = self.clock.advance(now);
        let is_known = known.holds(sender.login, sender.address);
        let demands = demands(applying, sender, is_known, recipients, message);
        let mut answer = Answer::default();
        for demand in &demands {
            let used = match demand.window {
                Some(window) => self.used(&demand.key, window, at),
                None => message.recipients,
            };
            if demand.count > 0 && used.saturating_add(demand.count) > demand.allowed {
                answer.reached.push(Reached {
                    limit: Arc::clone(demand.limit),
                    key: demand.key.clone(),
                    used,
                    of: demand.allowed,
                });
            }
        }
        if answer.reached.iter().any(|reached| reached.limit.enforced) {
            return answer;
        }
        for demand in demands {
            let Some(window) = demand.window.filter(|_| demand.count > 0) else { continue };
            let ledger = match self.ledgers.get_mut(&demand.key) {
                Some(ledger) => ledger,
                None => self.ledgers.entry(demand.key.clone()).or_insert_with(|| Ledger::new(window)),
            };
            ledger.set_window(window);
            ledger.add(at, demand.count);
            if demand.limit.enforced {
                answer.leases.extend(lease(ledger, &demand, window, at, now));
            }
            message.parts.push(Part {
                key: demand.key,
                at,
                count: demand.count,
                of_recipients: demand.of_recipients,
            });
        }
        message.recipients = message.recipients.saturating_add(recipients);
        message.counts_as_message = true;
        answer
    }

    /// Takes back what the latest [`Limiter::reserve`] admitted, since it can't be written down.
    pub fn undo(&mut self, message: &mut Reservation) {
        let Before { recipients, parts, counts_as_message } = message.before;
        for part in message.parts.drain(parts.min(message.parts.len())..) {
            if let Some(ledger) = self.ledgers.get_mut(&part.key) {
                ledger.take(part.at, part.count);
                ledger.set_lease(0, 0);
            }
        }
        message.recipients = recipients;
        message.counts_as_message = counts_as_message;
    }

    /// The message has so many recipients: what it was admitted for beyond that is given back.
    pub fn settle(&mut self, message: &mut Reservation, recipients: u32, now: Timestamp) -> Vec<GivenBack> {
        if recipients == 0 {
            return self.release(std::mem::take(message), now);
        }
        if message.recipients <= recipients {
            return Vec::new();
        }
        let mut reserved: HashMap<Key, u32> = HashMap::new();
        for part in message.parts.iter().filter(|part| part.of_recipients) {
            let sum = reserved.entry(part.key.clone()).or_default();
            *sum = sum.saturating_add(part.count);
        }
        let mut given_back = Together::default();
        // Which of them were refused is not known: the oldest are given back, so that the rest counts longer.
        for part in message.parts.iter_mut().filter(|part| part.of_recipients) {
            let Some(reserved) = reserved.get_mut(&part.key) else { continue };
            let given = part.count.min(reserved.saturating_sub(recipients));
            *reserved -= given;
            part.count -= given;
            given_back.extend(self.give_back(&part.key, part.at, given, now));
        }
        message.parts.retain(|part| part.count > 0);
        message.recipients = recipients;
        given_back.0
    }

    /// The message is refused or abandoned: all that it was admitted for is given back.
    pub fn release(&mut self, message: Reservation, now: Timestamp) -> Vec<GivenBack> {
        let mut given_back = Together::default();
        let parts = message.parts.into_iter();
        given_back.extend(parts.filter_map(|part| self.give_back(&part.key, part.at, part.count, now)));
        given_back.0
    }

    /// What counts now, to be shown.
    pub fn count(&mut self, key: &Key, window: SignedDuration, now: Timestamp) -> Count {
        let at = self.clock.advance(now);
        let used = self.used(key, window, at);
        let frees_at = self
            .ledgers
            .get(key)
            .and_then(Ledger::oldest)
            .and_then(|oldest| now.checked_add(window - SignedDuration::from_millis(at - oldest)).ok());
        Count { used, frees_at }
    }

    /// Forgets counts that have long been empty; for now and then.
    pub fn sweep(&mut self, now: Timestamp) {
        let at = self.clock.advance(now);
        self.ledgers.retain(|_, ledger| ledger.used(at.saturating_sub(millis(ledger.window()))) > 0);
    }

    fn used(&mut self, key: &Key, window: SignedDuration, at: i64) -> u32 {
        match self.ledgers.get_mut(key) {
            Some(ledger) => ledger.used(at.saturating_sub(millis(window))),
            None => 0,
        }
    }

    fn give_back(&mut self, key: &Key, at: i64, count: u32, now: Timestamp) -> Option<GivenBack> {
        let passed = self.clock.advance(now) - at;
        let ledger = self.ledgers.get_mut(key)?;
        let count = ledger.take(at, count);
        let rest = ledger.window() - SignedDuration::from_millis(passed);
        let gone_at = now.checked_add(rest).unwrap_or(now);
        (count > 0).then(|| GivenBack { key: key.clone(), count, gone_at })
    }
}

impl Extend<GivenBack> for Together {
    fn extend<T: IntoIterator<Item = GivenBack>>(&mut self, given_back: T) {
        for given in given_back {
            let same = |other: &&mut GivenBack| {
                other.gone_at.duration_since(given.gone_at).abs() <= AT_ONCE && other.key == given.key
            };
            match self.0.iter_mut().find(same) {
                Some(other) => {
                    other.count = other.count.saturating_add(given.count);
                    // Taken from what ceases to count sooner, so that the rest counts longer.
                    other.gone_at = other.gone_at.min(given.gone_at);
                }
                None => self.0.push(given),
            }
        }
    }
}

impl Reservation {
    fn login(&self) -> Option<&Arc<str>> {
        self.parts.iter().find_map(|part| part.key.login.as_ref())
    }
}

impl Answer {
    /// What becomes of it; none: it may go on.
    pub fn stopped(&self) -> Option<LimitAction> {
        let enforced = self.reached.iter().filter(|reached| reached.limit.enforced);
        enforced.map(|reached| reached.limit.action).max()
    }
}

impl Elapsed {
    fn advance(&mut self, now: Timestamp) -> i64 {
        let step = now.duration_since(self.high);
        if step.is_positive() {
            self.elapsed = self.elapsed.saturating_add(millis(step));
            self.high = now;
        } else if step < -OUT_OF_ORDER {
            self.high = now;
        }
        self.elapsed
    }
}

fn demands<'a>(
    applying: impl ExactSizeIterator<Item = &'a Arc<Limit>>,
    sender: &Sender<'_>,
    is_known: bool,
    recipients: u32,
    message: &Reservation,
) -> Vec<Demand<'a>> {
    let login = message.login().filter(|login| ***login == *sender.login).map(Arc::clone);
    let login = login.unwrap_or_else(|| sender.login.into());
    let mut demands = Vec::with_capacity(applying.len());
    for limit in applying {
        let (count, of_recipients) = match limit.measure {
            Measure::Recipients(_) | Measure::RecipientsPerMessage => (recipients, true),
            Measure::Messages(_) => (u32::from(!message.counts_as_message), false),
        };
        let key = |pool| key(limit, pool, &login, sender.address);
        if let Some(allowed) = limit.allowance(is_known) {
            let pool = if is_known { Pool::Known } else { Pool::Others };
            let window = limit.measure.window().map(crate::limit::Window::length);
            demands.push(Demand { limit, key: key(pool), allowed, window, count, of_recipients });
        }
        if let (Some(burst), Some(_)) = (limit.burst, limit.measure.window()) {
            let window = Some(burst.window);
            demands.push(Demand {
                limit,
                key: key(Pool::Burst),
                allowed: burst.count,
                window,
                count,
                of_recipients,
            });
        }
    }
    demands
}

/// What a sender counts with under a limit.
pub fn key(limit: &Limit, pool: Pool, login: &Arc<str>, address: Option<IpAddr>) -> Key {
    let (by_login, by_address) = match limit.per {
        Per::Account => (true, false),
        Per::AccountAndAddress => (true, true),
        Per::Address => (false, true),
        Per::Organization => (false, false),
    };
    Key {
        limit: limit.id.clone(),
        counts: match limit.measure {
            Measure::Recipients(_) | Measure::RecipientsPerMessage => Counts::Recipients,
            Measure::Messages(_) => Counts::Messages,
        },
        pool,
        login: by_login.then(|| Arc::clone(login)),
        network: address.filter(|_| by_address).map(client_network),
    }
}

/// Covers what was just added to a ledger: by what is left of its lease, else by a new one.
fn lease(
    ledger: &mut Ledger,
    demand: &Demand<'_>,
    window: SignedDuration,
    at: i64,
    now: Timestamp,
) -> Option<Lease> {
    if ledger.uses_lease(demand.count, at) {
        return None;
    }
    let portion = (demand.allowed / PORTIONS).clamp(1, LARGEST_PORTION).max(demand.count);
    let lasts = (window / 20).min(LONGEST_LEASE);
    let (left, _) = ledger.lease(i64::MIN);
    ledger.set_lease(portion - demand.count, at.saturating_add(millis(lasts)));
    let until = now.checked_add(lasts).unwrap_or(now);
    let gone_at = until.checked_add(window).unwrap_or(until);
    Some(Lease { key: demand.key.clone(), count: portion, left, until, gone_at })
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
