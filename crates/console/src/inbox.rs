//! How alerts stand with people, as `guard` decides it.

use mailcup_guard::inbox::{Standing, State};
use mailcup_wire::{Alert, AlertState, Time};

/// Whether an alert waits for a person: open, and not put off to later than now.
pub fn waits(alert: &Alert, now: Time) -> bool {
    standing(alert).waits(now.0)
}

fn standing(alert: &Alert) -> Standing {
    let state = match alert.state {
        AlertState::Open => State::Open,
        AlertState::Acknowledged => State::Acknowledged,
        AlertState::Resolved => State::Resolved,
    };
    Standing { state, snoozed_until: alert.snoozed_until.map(|until| until.0) }
}
