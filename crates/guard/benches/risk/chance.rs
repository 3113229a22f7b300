//! Chance that is the same in each run: `SplitMix64` from a seed.

/// A generator of numbers.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// At least 0 and below `end`, which is above 0.
    pub fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.bits() % u64::from(end)).unwrap_or(0)
    }

    /// At least 0 and below 1.
    pub fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.bits() >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    /// True in this share of cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Below `end`; each number is as much rarer than the first as it is further.
    pub fn zipf(&mut self, end: u32) -> u32 {
        let all: f64 = (1..=end).map(|rank| 1.0 / f64::from(rank)).sum();
        let mut left = self.share() * all;
        (0..end)
            .find(|rank| {
                left -= 1.0 / f64::from(rank + 1);
                left <= 0.0
            })
            .unwrap_or(0)
    }
}
