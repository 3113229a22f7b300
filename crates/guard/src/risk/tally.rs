//! How often the values of one feature were seen, at each of its levels from the finest to the coarsest.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{NONE, number};

/// What stands for the ratio of a feature of which the account was never seen with anything.
const NEVER_SEEN: f64 = 4.0;

/// Counts of a feature over the sign-ins that have it. A level that is not known is 0; the finest always is.
#[derive(Debug, Clone)]
pub(super) struct Tally<const LEVELS: usize> {
    weights: [f64; LEVELS],
    /// Values that were seen together. One that is counted no more is used again.
    combinations: Vec<Combination<LEVELS>>,
    free: Vec<u32>,
    /// Of the finest level.
    finest: HashMap<u64, Finest, RandomState>,
    /// Of the others; the first is empty.
    coarser: [HashMap<u64, u32, RandomState>; LEVELS],
    sign_ins: usize,
}

#[derive(Debug, Clone, Copy)]
struct Combination<const LEVELS: usize> {
    levels: [u64; LEVELS],
    times: u32,
    /// Another one with the same finest value; or [`NONE`].
    next: u32,
}

#[derive(Debug, Clone, Copy)]
struct Finest {
    times: u32,
    /// The first combination with it. There are as many as its coarser values have changed: few.
    first: u32,
}

impl<const LEVELS: usize> Tally<LEVELS> {
    pub fn new(weights: [f64; LEVELS]) -> Self {
        Self {
            weights,
            combinations: Vec::new(),
            free: Vec::new(),
            finest: HashMap::default(),
            coarser: [(); LEVELS].map(|()| HashMap::default()),
            sign_ins: 0,
        }
    }

    /// Counts values once more and names their combination.
    pub fn add(&mut self, levels: [u64; LEVELS]) -> u32 {
        self.sign_ins += 1;
        for (counts, level) in self.coarser.iter_mut().zip(levels).skip(1).filter(|(_, level)| *level != 0) {
            *counts.entry(level).or_default() += 1;
        }
        let finest = self.finest.entry(levels[0]).or_insert(Finest { times: 0, first: NONE });
        finest.times += 1;
        let mut id = finest.first;
        while let Some(one) = self.combinations.get_mut(id as usize) {
            if one.levels == levels {
                one.times += 1;
                return id;
            }
            id = one.next;
        }
        let one = Combination { levels, times: 1, next: finest.first };
        let id = self.free.pop().unwrap_or_else(|| {
            self.combinations.push(one);
            u32::try_from(self.combinations.len() - 1).unwrap_or(NONE)
        });
        if let Some(place) = self.combinations.get_mut(id as usize) {
            *place = one;
        }
        finest.first = id;
        id
    }

    /// Counts the values of a combination once less.
    pub fn remove(&mut self, id: u32) {
        let Some(one) = self.combinations.get_mut(id as usize) else { return };
        one.times -= 1;
        let Combination { levels, times, next } = *one;
        self.sign_ins -= 1;
        for (counts, level) in self.coarser.iter_mut().zip(levels).skip(1).filter(|(_, level)| *level != 0) {
            if let Some(count) = counts.get_mut(&level) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&level);
                }
            }
        }
        if times == 0 {
            self.unlink(levels[0], id, next);
            self.free.push(id);
        }
        if let Some(finest) = self.finest.get_mut(&levels[0]) {
            finest.times -= 1;
            if finest.times == 0 {
                self.finest.remove(&levels[0]);
            }
        }
    }

    /// How likely the values are in anybody's sign-ins, to how likely in those of an account (`own`). 1 where
    /// nothing can be said: the account has no sign-in with this feature, or no level can be compared.
    pub fn ratio(&self, levels: [u64; LEVELS], own: impl Iterator<Item = u32> + Clone) -> f64 {
        let mut all = 0u32;
        let mut local = [0u32; LEVELS];
        for one in own.clone().filter_map(|id| self.combinations.get(id as usize)) {
            all += 1;
            for ((count, level), wanted) in local.iter_mut().zip(one.levels).zip(levels) {
                *count += u32::from(level == wanted);
            }
        }
        for (count, _) in local.iter_mut().zip(levels).filter(|(_, wanted)| *wanted == 0) {
            *count = 0;
        }
        if all == 0 {
            return 1.0;
        }
        let usual = |counts: [u32; LEVELS]| {
            self.weights.iter().zip(counts).map(|(weight, count)| weight * f64::from(count)).sum::<f64>()
        };
        let likely = usual(local) / f64::from(all);
        if likely <= 0.0 {
            return if self.can_compare(levels, own) { NEVER_SEEN } else { 1.0 };
        }
        let mut coarser = [0; LEVELS];
        for ((count, counts), level) in coarser.iter_mut().zip(&self.coarser).zip(levels).skip(1) {
            *count = counts.get(&level).copied().unwrap_or(0);
        }
        let common = self.weights[0] * self.finest_share(levels[0]) + usual(coarser) / number(self.sign_ins);
        common / likely
    }

    /// Whether an account was seen with the value at a level.
    pub fn familiar(
        &self,
        level: usize,
        levels: Option<[u64; LEVELS]>,
        own: impl Iterator<Item = u32>,
    ) -> super::Familiar {
        let Some(wanted) = levels.and_then(|levels| levels.get(level).copied()).filter(|it| *it != 0) else {
            return super::Familiar::Unknown;
        };
        let mut others = false;
        for one in own.filter_map(|id| self.combinations.get(id as usize)) {
            match one.levels.get(level) {
                Some(value) if *value == wanted => return super::Familiar::Yes,
                Some(0) | None => {}
                Some(_) => others = true,
            }
        }
        if others { super::Familiar::No } else { super::Familiar::Unknown }
    }

    pub fn finest(&self, id: u32) -> Option<u64> {
        self.combinations.get(id as usize).map(|one| one.levels[0])
    }

    /// As allocated.
    pub fn bytes(&self) -> usize {
        let coarser: usize =
            self.coarser.iter().map(|counts| counts.capacity() * (size_of::<(u64, u32)>() + 1)).sum();
        self.combinations.capacity() * size_of::<Combination<LEVELS>>()
            + self.free.capacity() * size_of::<u32>()
            + self.finest.capacity() * (size_of::<(u64, Finest)>() + 1)
            + coarser
    }

    /// Whether a coarser level is known of both.
    fn can_compare(&self, levels: [u64; LEVELS], own: impl Iterator<Item = u32>) -> bool {
        own.filter_map(|id| self.combinations.get(id as usize))
            .any(|one| one.levels.iter().zip(levels).skip(1).any(|(own, wanted)| *own != 0 && wanted != 0))
    }

    /// Smoothed for values that were not seen: as many as there are coarser values, and one.
    fn finest_share(&self, value: u64) -> f64 {
        let unseen = 1 + self.coarser.iter().map(HashMap::len).sum::<usize>();
        let unseen = number(self.sign_ins) + number(unseen);
        let Some(finest) = self.finest.get(&value) else { return 1.0 / unseen };
        let times = f64::from(finest.times);
        times / (times + number(1 + self.coarser_with(*finest))) * (times / unseen)
    }

    /// How many different coarser values were seen with a finest one.
    fn coarser_with(&self, finest: Finest) -> usize {
        let with = || {
            let first = self.combinations.get(finest.first as usize);
            std::iter::successors(first, |one| self.combinations.get(one.next as usize))
        };
        let mut count = 0;
        for level in 1..LEVELS {
            for (index, one) in with().enumerate() {
                let value = one.levels[level];
                count +=
                    usize::from(value != 0 && with().take(index).all(|other| other.levels[level] != value));
            }
        }
        count
    }

    fn unlink(&mut self, value: u64, id: u32, next: u32) {
        let Some(finest) = self.finest.get_mut(&value) else { return };
        if finest.first == id {
            finest.first = next;
            return;
        }
        let mut before = finest.first;
        while let Some(one) = self.combinations.get_mut(before as usize) {
            if one.next == id {
                one.next = next;
                return;
            }
            before = one.next;
        }
    }
}
