//! Sign-ins that wait for their code, until it is given or no longer can be.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{Evidence, SignIn};
use crate::{client::client_network, one_time_code::LIFE};

/// Accounts, each from one network, that are awaited at the same time; beyond it the one that waits longest is told of
/// at once.
const MOST: usize = 10_000;

/// Sign-ins of one account from one network that are remembered.
const EACH: usize = 16;

/// What is awaited.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    waiting: BTreeMap<(Arc<str>, Option<IpNet>), Vec<Evidence>>,
}

impl Awaited {
    /// The password was right; a code was asked for.
    pub fn ask(&mut self, sign_in: &SignIn<'_>) {
        let login: Arc<str> = sign_in.login.into();
        let evidence = Evidence {
            seq: sign_in.seq,
            at: sign_in.at,
            login: Arc::clone(&login),
            address: sign_in.address,
        };
        let asked = self.waiting.entry((login, sign_in.address.map(client_network))).or_default();
        asked.push(evidence);
        if asked.len() > EACH {
            asked.remove(0);
        }
    }

    /// Somebody signed in; whatever that account began from that network was theirs.
    pub fn give(&mut self, sign_in: &SignIn<'_>) {
        self.waiting.remove(&(sign_in.login.into(), sign_in.address.map(client_network)));
    }

    /// Whether [`Awaited::take_over`] has something to answer.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.waiting.len() > MOST || self.waiting.values().any(|asked| ended(asked, now))
    }

    /// Takes out those whose code can't be given any more, by login and network.
    pub fn take_over(&mut self, now: Timestamp) -> Vec<(Arc<str>, Option<IpNet>, Vec<Evidence>)> {
        if !self.is_over(now) {
            return Vec::new();
        }
        let surplus = self.waiting.len().saturating_sub(MOST);
        let mut oldest: Vec<_> = self.waiting.iter().map(|(who, asked)| (asked[0].at, who.clone())).collect();
        oldest.sort();
        oldest.truncate(surplus);
        let mut over = Vec::new();
        self.waiting.retain(|who, asked| {
            let stays = !ended(asked, now) && !oldest.iter().any(|(_, surplus)| surplus == who);
            if !stays {
                over.push((Arc::clone(&who.0), who.1, std::mem::take(asked)));
            }
            stays
        });
        over
    }
}

/// Whether the newest of them can't be answered any more.
fn ended(asked: &[Evidence], now: Timestamp) -> bool {
    asked.last().is_some_and(|last| now.duration_since(last.at) > LIFE)
}
