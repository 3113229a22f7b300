//! What may be used once.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;
use mailcup_wire::Time;

/// What was used and would still be good. Never more than so many: when it is full, nothing is taken until older ones
/// end.
#[derive(Debug)]
pub struct Used {
    capacity: usize,
    life: SignedDuration,
    kept: Mutex<Kept>,
}

/// More than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

#[derive(Debug, Default)]
struct Kept {
    ids: HashSet<[u8; 32]>,
    /// With the time from which on each may be forgotten, in order.
    until: VecDeque<(Time, [u8; 32])>,
    /// The newest time that was seen: a clock that is set back makes nothing new.
    now: i64,
}

impl Used {
    /// `life` is how long at most something is good from its use on.
    pub fn new(capacity: usize, life: SignedDuration) -> Self {
        Self { capacity, life, kept: Mutex::default() }
    }

    /// Uses it; false if it was used before.
    pub fn take(&self, id: [u8; 32], now: Time) -> Result<bool, Full> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.now = kept.now.max(now.as_millis());
        let now = Time::from_millis(kept.now);
        kept.forget(now);
        if kept.ids.contains(&id) {
            return Ok(false);
        }
        if kept.ids.len() >= self.capacity {
            return Err(Full);
        }
        kept.ids.insert(id);
        kept.until.push_back((Time::from(now.0 + self.life), id));
        Ok(true)
    }
}

impl Kept {
    fn forget(&mut self, now: Time) {
        while let Some((until, id)) = self.until.front()
            && *until <= now
        {
            self.ids.remove(id);
            self.until.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_it_is_full_nothing_is_taken_until_older_ones_end() {
        let used = Used::new(2, SignedDuration::from_secs(10));
        let at = |seconds: i64| Time::from_millis(seconds * 1_000);
        assert_eq!(used.take([1; 32], at(100)), Ok(true));
        assert_eq!(used.take([1; 32], at(101)), Ok(false));
        assert_eq!(used.take([2; 32], at(105)), Ok(true));
        assert_eq!(used.take([3; 32], at(109)), Err(Full));
        assert_eq!(used.take([3; 32], at(110)), Ok(true));
        assert_eq!(used.take([2; 32], at(20)), Ok(false), "a clock that is set back makes nothing new");
    }
}
