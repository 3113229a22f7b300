//! What was sent lately: counted against limits, and by where it came from.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use mailcup_guard::{
    limit::{KnownNetworks, Limit, LimitSet, Measure},
    limiter::{Key, Pool, key},
};
use mailcup_wire::{
    Login, Time,
    desktop::{SendingNetwork, SendingNetworks},
};

use super::{
    Readers, Result,
    dry_run::{Course, End, Sent, address, places_of, sent, small},
    index::Index,
};

const DAY_MILLIS: i64 = 86_400_000;
/// Networks from which accounts send are those of so many days.
const NETWORKS_DAYS: i64 = 30;
const MOST_ACCOUNTS: u32 = 200;
const MOST_NETWORKS: usize = 20;

/// Counts of all that is limited, at one moment.
#[derive(Debug)]
pub struct Counts {
    pub limits: LimitSet,
    pub known: KnownNetworks,
    pub by_key: HashMap<Key, Count>,
}

/// One count.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    pub used: u32,
    /// When the oldest of it no longer counts.
    pub frees_at: Time,
}

impl Counts {
    pub fn used(&self, key: &Key) -> u32 {
        self.by_key.get(key).map_or(0, |count| count.used)
    }
}

impl Readers {
    /// What the copy knows to count at a moment. Messages that go on right now are not in it.
    pub async fn counts(&self, limits: LimitSet, known: KnownNetworks, at: Time) -> Result<Counts> {
        self.run_indexed(move |reader, index| {
            let mut counts = Counts { limits, known, by_key: HashMap::new() };
            if !counts.limits.is_empty() {
                let until = at.as_millis().saturating_add(1);
                let sent = sent(reader, index, Course::between(until - DAY_MILLIS, until))?;
                add_up(&mut counts, index, &sent, at);
            }
            Ok(counts)
        })
        .await
    }

    /// From where the accounts send whose login holds `text`, most messages first.
    pub async fn sending_networks(
        &self,
        text: String,
        count: u32,
        known: KnownNetworks,
        now: Time,
    ) -> Result<Vec<SendingNetworks>> {
        self.run_indexed(move |reader, index| {
            let until = now.as_millis().saturating_add(1);
            let sent = sent(reader, index, Course::between(until - NETWORKS_DAYS * DAY_MILLIS, until))?;
            let wanted = text.trim().to_lowercase();
            let mut accounts: HashMap<u32, Sender> = HashMap::new();
            for message in sent.iter().filter(|message| message.end == End::Accepted) {
                let login = index.logins.get(message.login as usize);
                if login.contains(&wanted) {
                    let is_known = known.holds(login, address(index, message.address));
                    accounts.entry(message.login).or_default().add(index, message, is_known);
                }
            }
            let mut accounts: Vec<(u32, Sender)> = accounts.into_iter().collect();
            accounts.sort_by_key(|(login, sender)| (Reverse(sender.messages), *login));
            accounts.truncate(count.min(MOST_ACCOUNTS) as usize);
            Ok(accounts.into_iter().map(|(login, sender)| sender.named(index, login)).collect())
        })
        .await
    }
}

fn add_up(counts: &mut Counts, index: &Index, sent: &[Sent], at: Time) {
    let (limits, known) = (&counts.limits, &counts.known);
    let mut logins: HashMap<u32, Arc<str>> = HashMap::new();
    for message in sent.iter().filter(|message| message.end == End::Accepted) {
        let name =
            logins.entry(message.login).or_insert_with(|| index.logins.get(message.login as usize).into());
        let address = address(index, message.address);
        let pool = if known.holds(name, address) { Pool::Known } else { Pool::Others };
        for limit in limits.applying(name) {
            for (pool, millis) in windows(limit, pool) {
                let frees_at = message.at.saturating_add(millis);
                if frees_at <= at.as_millis() {
                    continue;
                }
                let count = counts
                    .by_key
                    .entry(key(limit, pool, name, address))
                    .or_insert(Count { used: 0, frees_at: Time::from_millis(frees_at) });
                count.used = count.used.saturating_add(match limit.measure {
                    Measure::Messages(_) => 1,
                    Measure::Recipients(_) | Measure::RecipientsPerMessage => message.recipients,
                });
            }
        }
    }
}

/// What a limit counts in, and for how long.
fn windows(limit: &Limit, pool: Pool) -> impl Iterator<Item = (Pool, i64)> {
    let millis = |length: jiff::SignedDuration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let window = limit.measure.window();
    let main = window.map(|window| (pool, millis(window.length())));
    let burst = limit.burst.filter(|_| window.is_some()).map(|burst| (Pool::Burst, millis(burst.window)));
    main.into_iter().chain(burst)
}

/// Messages of one account.
#[derive(Default)]
struct Sender {
    messages: u32,
    from_others: u32,
    networks: HashMap<u32, Sum>,
}

#[derive(Default)]
struct Sum {
    messages: u32,
    recipients: u32,
    from_others: u32,
    last: i64,
}

impl Sender {
    fn add(&mut self, index: &Index, message: &Sent, is_known: bool) {
        let other = u32::from(!is_known);
        self.messages += 1;
        self.from_others += other;
        let network = index.network_of.get(message.address as usize).copied().unwrap_or_default();
        let sum = self.networks.entry(network).or_default();
        sum.messages += 1;
        sum.recipients = sum.recipients.saturating_add(message.recipients);
        sum.from_others += other;
        sum.last = sum.last.max(message.at);
    }

    fn named(self, index: &Index, login: u32) -> SendingNetworks {
        let known_addresses: HashSet<&u32> = self.networks.keys().filter(|no| **no > 0).collect();
        let networks_total = small(known_addresses.len());
        let mut networks: Vec<(u32, Sum)> = self.networks.into_iter().filter(|(no, _)| *no > 0).collect();
        networks.sort_by_key(|(no, sum)| (Reverse(sum.messages), *no));
        networks.truncate(MOST_NETWORKS);
        let places = places_of(index, &networks.iter().map(|(no, _)| *no).collect::<Vec<_>>());
        let named = networks.into_iter().zip(places).filter_map(|((no, sum), place)| {
            Some(SendingNetwork {
                network: index.networks.get(no as usize).copied().flatten()?,
                place,
                messages: sum.messages,
                recipients: sum.recipients,
                known: sum.from_others == 0,
                last_at: Time::from_millis(sum.last),
            })
        });
        SendingNetworks {
            login: Login(index.logins.get(login as usize).to_owned()),
            networks: named.collect(),
            networks_total,
            messages: self.messages,
            from_others: self.from_others,
        }
    }
}
