//! Records read again after a crash.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{GivenBack, Key, Lease, Record};

/// Leases that still count, as far as later records left them.
#[derive(Debug, Default)]
pub struct Book(HashMap<Key, Page>);

#[derive(Debug, Default)]
struct Page {
    leases: Vec<Lease>,
    /// Whether the last record of a lease is the last of `leases`; otherwise it is gone.
    holds_last: bool,
}

impl Book {
    /// Takes in the next record; what no longer counts at `now` is left out.
    pub fn take_in(&mut self, record: Record, now: Timestamp) {
        match record {
            Record::Lease(lease) => self.lease(lease, now),
            Record::GivenBack(given) if given.gone_at > now => self.give_back(&given),
            Record::GivenBack(_) => {}
        }
    }

    pub fn into_leases(self) -> impl Iterator<Item = Lease> {
        self.0.into_values().flat_map(|page| page.leases).filter(|lease| lease.count > 0)
    }

    fn lease(&mut self, lease: Lease, now: Timestamp) {
        let page = self.0.entry(lease.key.clone()).or_default();
        if page.holds_last
            && let Some(last) = page.leases.last_mut()
        {
            last.count = last.count.saturating_sub(lease.left);
        }
        page.holds_last = lease.gone_at > now && lease.gone_at > lease.until;
        if page.holds_last {
            page.leases.push(lease);
        }
    }

    /// From those that cease to count first, so that the rest counts longer. What it was admitted under was used
    /// no later than that lease's end: those that ended before are not it.
    fn give_back(&mut self, given: &GivenBack) {
        let Some(page) = self.0.get_mut(&given.key) else { return };
        let mut rest = given.count;
        let mut leases: Vec<_> =
            page.leases.iter_mut().filter(|lease| lease.gone_at >= given.gone_at).collect();
        leases.sort_by_key(|lease| lease.gone_at);
        for lease in leases {
            let taken = rest.min(lease.count);
            lease.count -= taken;
            rest -= taken;
        }
    }
}
