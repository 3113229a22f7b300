//! When people work: the weight of an hour, relative to the busiest one.

use jiff::{Timestamp, civil::Weekday, tz::Offset};
use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};

/// By hour of the day in UTC; about seven times as much by day as by night.
const HOURS: [f64; 24] = [
    0.15, 0.13, 0.12, 0.12, 0.14, 0.20, 0.38, 0.65, 0.92, 1.00, 0.98, 0.93, 0.80, 0.88, 0.96, 0.94, 0.85,
    0.68, 0.50, 0.42, 0.38, 0.33, 0.27, 0.20,
];
/// So that a weekend holds an eighth of the week.
const WEEKEND: f64 = 0.36;

/// Between 0 and 1.
pub(super) fn weight(at: Timestamp) -> f64 {
    let local = Offset::UTC.to_datetime(at);
    let hour = HOURS[usize::from(local.hour().unsigned_abs()) % HOURS.len()];
    match local.date().weekday() {
        Weekday::Saturday | Weekday::Sunday => hour * WEEKEND,
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday | Weekday::Friday => hour,
    }
}

/// The mean of [`weight`] over a week.
pub(super) fn mean_weight() -> f64 {
    HOURS.iter().sum::<f64>() / 24.0 * (5.0 + 2.0 * WEEKEND) / 7.0
}

/// Seconds until the next of events that come at `per_second` on average, independent of each other.
pub(super) fn gap(rng: &mut Xoshiro256PlusPlus, per_second: f64) -> f64 {
    let uniform: f64 = rng.random();
    -(1.0 - uniform).ln() / per_second
}

/// A moment later; the end of time stays the end of time.
pub(super) fn later(at: Timestamp, seconds: f64) -> Timestamp {
    let millis = jiff::SignedDuration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_millis();
    let sum = i128::from(at.as_millisecond()) + millis;
    i64::try_from(sum).ok().and_then(|sum| Timestamp::from_millisecond(sum).ok()).unwrap_or(Timestamp::MAX)
}

/// The next moment of events that follow the rhythm and come at `peak` per second in the busiest hour.
pub(super) fn next(rng: &mut Xoshiro256PlusPlus, from: Timestamp, peak: f64) -> Timestamp {
    let mut at = from;
    loop {
        at = later(at, gap(rng, peak));
        if at == Timestamp::MAX || rng.random::<f64>() < weight(at) {
            return at;
        }
    }
}
