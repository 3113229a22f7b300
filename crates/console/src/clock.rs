use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use mailcup_wire::Time;

/// What the time is. Runs with the system's clock and can be set ahead of it.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    ahead_millis: Arc<AtomicI64>,
}

impl Clock {
    pub fn now(&self) -> Time {
        let system = Timestamp::now().as_millisecond();
        Time::from_millis(system.saturating_add(self.ahead_millis.load(Ordering::Relaxed)))
    }

    /// Sets all clones of this clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_millis.fetch_add(millis, Ordering::Relaxed);
    }
}
