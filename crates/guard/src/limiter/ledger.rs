//! One count over time.

use std::collections::VecDeque;

/// Entries that are kept apart; beyond it neighbours are put together at the later one's time, so that they
/// count a little longer, never shorter.
const ENTRIES: usize = 2_048;

/// What was admitted when, oldest first, and how much of it a lease still covers.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: VecDeque<Entry>,
    total: u32,
    leased: u32,
    leased_until: i64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: i64,
    count: u32,
}

impl Ledger {
    pub fn add(&mut self, at: i64, count: u32) {
        self.total = self.total.saturating_add(count);
        let place = self.entries.partition_point(|entry| entry.at < at);
        match self.entries.get_mut(place) {
            Some(entry) if entry.at == at => entry.count = entry.count.saturating_add(count),
            _ => self.entries.insert(place, Entry { at, count }),
        }
        if self.entries.len() > ENTRIES {
            self.thin_out();
        }
    }

    /// Takes back what was added at `at`, as far as it still counts and stands apart.
    pub fn take(&mut self, at: i64, count: u32) {
        let place = self.entries.partition_point(|entry| entry.at < at);
        let Some(entry) = self.entries.get_mut(place).filter(|entry| entry.at == at) else { return };
        let taken = count.min(entry.count);
        entry.count -= taken;
        self.total = self.total.saturating_sub(taken);
        if entry.count == 0 {
            self.entries.remove(place);
        }
    }

    /// What was added after `since`. Forgets the rest.
    pub fn used(&mut self, since: i64) -> u32 {
        while let Some(entry) = self.entries.front().filter(|entry| entry.at <= since) {
            self.total = self.total.saturating_sub(entry.count);
            self.entries.pop_front();
        }
        self.total
    }

    pub fn oldest(&self) -> Option<i64> {
        self.entries.front().map(|entry| entry.at)
    }

    pub fn newest(&self) -> Option<i64> {
        self.entries.back().map(|entry| entry.at)
    }

    /// Uses so much of the lease, if it covers it.
    pub fn uses_lease(&mut self, count: u32, at: i64) -> bool {
        if at >= self.leased_until || self.leased < count {
            return false;
        }
        self.leased -= count;
        true
    }

    pub fn set_lease(&mut self, left: u32, until: i64) {
        self.leased = left;
        self.leased_until = until;
    }

    fn thin_out(&mut self) {
        let mut kept = VecDeque::with_capacity(ENTRIES);
        let mut entries = self.entries.drain(..);
        while let Some(earlier) = entries.next() {
            kept.push_back(match entries.next() {
                Some(later) => Entry { at: later.at, count: earlier.count.saturating_add(later.count) },
                None => earlier,
            });
        }
        drop(entries);
        self.entries = kept;
    }
}
