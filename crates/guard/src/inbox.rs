//! How an alert stands with people: what waits for one, what was put off, and what brings it back.

use jiff::{SignedDuration, Timestamp};

/// How far an admin came with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Open,
    Acknowledged,
    Resolved,
}

/// An alert's state, and until when it was put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// Stays when it has passed: it says since when the alert waits again.
    pub snoozed_until: Option<Timestamp>,
}

/// What is done about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ends a snooze, too.
    Set(State),
    /// Opens what was acknowledged: it comes back as open.
    Snooze {
        until: Timestamp,
    },
    Wake,
    Note,
}

/// Why a step can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a resolved alert waits for nobody; open it again before you put it off")]
    Resolved,
    #[error("an alert is put off to a moment that is still to come")]
    Past,
    #[error("an alert is put off for at most a year")]
    TooFar,
}

/// The longest time for which an alert can be put off.
pub const LONGEST_SNOOZE: SignedDuration = SignedDuration::from_hours(366 * 24);

impl Standing {
    /// Whether it waits for a person: counted, listed as open, told of on the desktop.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == State::Open && self.snoozed_until.is_none_or(|until| until <= now)
    }

    /// When it comes back by itself.
    pub fn returns_at(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.snoozed_until.filter(|until| *until > now)?;
        (self.state == State::Open).then_some(until)
    }

    /// How it stands after a step.
    pub fn after(self, step: Step, now: Timestamp) -> Result<Self, Refusal> {
        match step {
            Step::Set(state) => Ok(Self { state, snoozed_until: None }),
            Step::Note => Ok(self),
            Step::Wake => Ok(Self { snoozed_until: None, ..self }),
            Step::Snooze { .. } if self.state == State::Resolved => Err(Refusal::Resolved),
            Step::Snooze { until } if until <= now => Err(Refusal::Past),
            Step::Snooze { until } if until.duration_since(now) > LONGEST_SNOOZE => Err(Refusal::TooFar),
            Step::Snooze { until } => Ok(Self { state: State::Open, snoozed_until: Some(until) }),
        }
    }

    /// It became graver: whoever put it off did not know that.
    #[must_use]
    pub fn grown_graver(self) -> Self {
        Self { snoozed_until: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HORIZON: i64 = 400 * 24 * 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn state() -> impl Strategy<Value = State> {
        prop_oneof![Just(State::Open), Just(State::Acknowledged), Just(State::Resolved)]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            state().prop_map(Step::Set),
            (0..HORIZON).prop_map(|second| Step::Snooze { until: at(second) }),
            Just(Step::Wake),
            Just(Step::Note),
        ]
    }

    fn standing() -> impl Strategy<Value = Standing> {
        (state(), prop::option::of((0..HORIZON).prop_map(at)))
            .prop_map(|(state, snoozed_until)| Standing { state, snoozed_until })
    }

    proptest! {
        #[test]
        fn what_waits_goes_on_waiting_while_nobody_does_anything(
            alert in standing(), now in 0..HORIZON, later in 0..HORIZON,
        ) {
            if alert.waits(at(now)) {
                prop_assert!(alert.waits(at(now + later)));
            }
        }

        #[test]
        fn a_snooze_hides_until_its_end_and_from_then_on_no_longer(
            alert in standing(), now in 0..HORIZON, until in 0..HORIZON,
        ) {
            match alert.after(Step::Snooze { until: at(until) }, at(now)) {
                Ok(snoozed) => {
                    prop_assert!(!snoozed.waits(at(now)));
                    prop_assert!(!snoozed.waits(at(until - 1)));
                    prop_assert!(snoozed.waits(at(until)));
                    prop_assert_eq!(snoozed.returns_at(at(now)), Some(at(until)));
                    prop_assert_eq!(snoozed.returns_at(at(until)), None);
                }
                Err(Refusal::Resolved) => prop_assert_eq!(alert.state, State::Resolved),
                Err(Refusal::Past) => prop_assert!(until <= now),
                Err(Refusal::TooFar) => prop_assert!(at(until).duration_since(at(now)) > LONGEST_SNOOZE),
            }
        }

        #[test]
        fn whatever_was_done_an_open_alert_that_grows_graver_waits_at_once(
            steps in prop::collection::vec((step(), 0..HORIZON), 0..12), now in 0..HORIZON,
        ) {
            let mut alert = Standing { state: State::Open, snoozed_until: None };
            for (step, moment) in steps {
                alert = alert.after(step, at(moment)).unwrap_or(alert);
                let graver = alert.grown_graver();
                prop_assert_eq!(graver.state, alert.state);
                prop_assert_eq!(graver.waits(at(now)), alert.state == State::Open);
                // Nothing is put off and forgotten: open ones wait, or say when they will.
                if alert.state == State::Open {
                    prop_assert!(alert.waits(at(now)) != alert.returns_at(at(now)).is_some());
                }
            }
        }

        #[test]
        fn setting_a_state_ends_a_snooze_and_a_note_changes_nothing(
            alert in standing(), to in state(), now in 0..HORIZON,
        ) {
            let set = alert.after(Step::Set(to), at(now)).unwrap();
            prop_assert_eq!(set, Standing { state: to, snoozed_until: None });
            prop_assert_eq!(alert.after(Step::Note, at(now)).unwrap(), alert);
        }
    }
}
