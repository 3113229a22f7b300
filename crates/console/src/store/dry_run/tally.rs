//! What a replay adds up, by the numbers of the index.

use std::collections::{HashMap, HashSet};

use super::Course;

/// So many of the newest are named.
const SAMPLES: usize = 20;

/// Rows that differ, counted in several ways. Parts that several threads counted are merged.
#[derive(Debug, Default)]
pub struct Tally {
    pub refused: u32,
    pub let_in: u32,
    /// By login.
    pub accounts: HashMap<u32, Sum>,
    /// By network; 0 for none.
    pub networks: HashMap<u32, Sum>,
    /// Refused and let in, by step.
    pub steps: Vec<(u32, u32)>,
    /// The newest refused ones: time and number of the event.
    pub samples: Vec<(i64, i64)>,
}

/// Refused rows of one account or network.
#[derive(Debug, Default)]
pub struct Sum {
    pub refused: u32,
    /// Networks of an account, or accounts of a network.
    pub others: HashSet<u32>,
    pub last: i64,
}

/// A row that the change refuses.
pub struct Refused {
    pub seq: i64,
    pub at: i64,
    pub login: u32,
    pub network: u32,
}

impl Tally {
    pub fn refuse(&mut self, course: &Course, row: &Refused) {
        self.refused += 1;
        self.accounts.entry(row.login).or_default().add(row.network, row.at);
        self.networks.entry(row.network).or_default().add(row.login, row.at);
        self.step(course, row.at).0 += 1;
        self.samples.push((row.at, row.seq));
        if self.samples.len() >= SAMPLES * 8 {
            self.keep_newest();
        }
    }

    pub fn let_in(&mut self, course: &Course, at: i64) {
        self.let_in += 1;
        self.step(course, at).1 += 1;
    }

    pub fn merge(&mut self, other: Self) {
        self.refused += other.refused;
        self.let_in += other.let_in;
        for (of, from) in [(&mut self.accounts, other.accounts), (&mut self.networks, other.networks)] {
            for (no, sum) in from {
                of.entry(no).or_default().merge(sum);
            }
        }
        if self.steps.len() < other.steps.len() {
            self.steps.resize(other.steps.len(), (0, 0));
        }
        for (step, other) in self.steps.iter_mut().zip(other.steps) {
            step.0 += other.0;
            step.1 += other.1;
        }
        self.samples.extend(other.samples);
        self.keep_newest();
    }

    fn step(&mut self, course: &Course, at: i64) -> &mut (u32, u32) {
        if self.steps.is_empty() {
            self.steps.resize(course.steps(), (0, 0));
        }
        let last = self.steps.len() - 1;
        &mut self.steps[course.step_of(at).min(last)]
    }

    fn keep_newest(&mut self) {
        self.samples.sort_unstable_by(|a, b| b.cmp(a));
        self.samples.truncate(SAMPLES);
    }
}

impl Sum {
    fn add(&mut self, other: u32, at: i64) {
        self.last = if self.refused == 0 { at } else { self.last.max(at) };
        self.refused += 1;
        self.others.insert(other);
    }

    fn merge(&mut self, other: Self) {
        self.last = if self.refused == 0 { other.last } else { self.last.max(other.last) };
        self.refused += other.refused;
        self.others.extend(other.others);
    }
}
