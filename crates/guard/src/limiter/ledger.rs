//! One count over time.

use std::collections::VecDeque;

use jiff::SignedDuration;

/// Entries that are kept apart; beyond it neighbours are put together at the later one's time, so that they
/// count a little longer, never shorter.
const ENTRIES: usize = 2_048;

/// What was admitted when, oldest first, and how much of it a lease still covers.
#[derive(Debug)]
pub struct Ledger {
    window: SignedDuration,
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

/// Entries that are written down apart at most.
const COARSE: usize = 64;

impl Ledger {
    pub fn new(window: SignedDuration) -> Self {
        Self { window, entries: VecDeque::new(), total: 0, leased: 0, leased_until: 0 }
    }

    /// How long an entry counts.
    pub fn window(&self) -> SignedDuration {
        self.window
    }

    pub fn set_window(&mut self, window: SignedDuration) {
        self.window = window;
    }

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

    /// Takes back what was added at `at`, as far as it still counts and stands apart. Answers how much that was.
    pub fn take(&mut self, at: i64, count: u32) -> u32 {
        let place = self.entries.partition_point(|entry| entry.at < at);
        let Some(entry) = self.entries.get_mut(place).filter(|entry| entry.at == at) else { return 0 };
        let taken = count.min(entry.count);
        entry.count -= taken;
        self.total = self.total.saturating_sub(taken);
        if entry.count == 0 {
            self.entries.remove(place);
        }
        taken
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

    /// Moments and how much was added at them; neighbours are put together where there are many, at the later
    /// one's time.
    pub fn coarse(&self) -> impl Iterator<Item = (i64, u32)> {
        let together = self.entries.len().div_ceil(COARSE).max(1);
        (0..self.entries.len()).step_by(together).map(move |from| {
            let group = self.entries.range(from..(from + together).min(self.entries.len()));
            group.fold((i64::MIN, 0u32), |(at, sum), entry| {
                (at.max(entry.at), sum.saturating_add(entry.count))
            })
        })
    }

    /// What is left of the lease at `at`, and its end.
    pub fn lease(&self, at: i64) -> (u32, i64) {
        (if at < self.leased_until { self.leased } else { 0 }, self.leased_until)
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
