use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment in UTC, written as RFC 3339 with at most milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub Timestamp);

crate::described_as_text!(Time, Some("date-time"), "2026-11-24T08:13:46.120Z");

impl Time {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z; out of range is clamped.
    pub fn from_millis(millis: i64) -> Self {
        let clamped = millis.clamp(Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
        Self(Timestamp::from_millisecond(clamped).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self::from_millis(timestamp.as_millisecond())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
