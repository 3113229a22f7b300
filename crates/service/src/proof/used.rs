use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;
use mailcup_wire::Time;

use super::{Proof, SKEW};

/// The proofs that were used and would still be of the right time. Never more than so many: when it is full,
/// no proof is taken until older ones end.
#[derive(Debug)]
pub struct Used {
    capacity: usize,
    kept: Mutex<Kept>,
}

/// More requests than can be remembered.
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
    pub fn new(capacity: usize) -> Self {
        Self { capacity, kept: Mutex::default() }
    }

    /// Uses a proof; false if it was used before.
    pub fn take(&self, proof: &Proof, now: Time) -> Result<bool, Full> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.now = kept.now.max(now.as_millis());
        let now = Time::from_millis(kept.now);
        kept.forget(now);
        if kept.ids.contains(&proof.id) {
            return Ok(false);
        }
        if kept.ids.len() >= self.capacity {
            return Err(Full);
        }
        kept.ids.insert(proof.id);
        // It may be made up to a skew ahead of us, and is good for a skew after that.
        let until = Time::from(now.0 + SKEW + SKEW + SignedDuration::from_secs(1));
        kept.until.push_back((until, proof.id));
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
