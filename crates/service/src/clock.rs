//! The one place that asks for the time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::Timestamp;
use mailcup_wire::Time;

/// Tells the time: the system's, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `time` until it is set.
    pub fn fixed(time: Time) -> Self {
        Self(Some(Arc::new(AtomicI64::new(time.as_millis()))))
    }

    /// Sets a fixed clock; the system's clock stays as it is.
    pub fn set(&self, time: Time) {
        if let Some(millis) = &self.0 {
            millis.store(time.as_millis(), Ordering::SeqCst);
        }
    }

    pub fn now(&self) -> Time {
        match &self.0 {
            Some(millis) => Time::from_millis(millis.load(Ordering::SeqCst)),
            None => Time::from(Timestamp::now()),
        }
    }
}
