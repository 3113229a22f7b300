//! The one place that asks for the time.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use mailcup_wire::Time;
use tokio::sync::watch;

/// The system's clock is looked at this often while somebody waits for a time: it may be set meanwhile, or the
/// computer may sleep.
const LOOK: Duration = Duration::from_secs(1);

/// Tells the time: the system's, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<watch::Sender<Time>>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `time` until it is set.
    pub fn fixed(time: Time) -> Self {
        Self(Some(Arc::new(watch::Sender::new(time))))
    }

    /// Sets a fixed clock; the system's clock stays as it is.
    pub fn set(&self, time: Time) {
        if let Some(fixed) = &self.0 {
            fixed.send_replace(time);
        }
    }

    pub fn now(&self) -> Time {
        match &self.0 {
            Some(fixed) => *fixed.borrow(),
            None => Time::from(Timestamp::now()),
        }
    }

    /// Waits until it is `time`.
    pub async fn reaches(&self, time: Time) {
        if let Some(fixed) = &self.0 {
            // The sender lives as long as this clock.
            let _ = fixed.subscribe().wait_for(|now| *now >= time).await;
            return;
        }
        loop {
            let left = time.as_millis() - self.now().as_millis();
            let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else { return };
            tokio::time::sleep(LOOK.min(Duration::from_millis(left))).await;
        }
    }
}
