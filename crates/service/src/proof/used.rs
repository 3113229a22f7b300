use jiff::SignedDuration;
use mailcup_wire::Time;

use super::{Proof, SKEW};
use crate::used;
pub use crate::used::Full;

/// The proofs that were used and would still be of the right time.
#[derive(Debug)]
pub struct Used(used::Used);

impl Used {
    pub fn new(capacity: usize) -> Self {
        // One may be made up to a skew ahead of us, and is good for a skew after that.
        Self(used::Used::new(capacity, SKEW + SKEW + SignedDuration::from_secs(1)))
    }

    /// Uses a proof; false if it was used before.
    pub fn take(&self, proof: &Proof, now: Time) -> Result<bool, Full> {
        self.0.take(proof.id, now)
    }
}
