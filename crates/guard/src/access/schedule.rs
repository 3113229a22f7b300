//! Weekly hours in a time zone.

use jiff::{
    Timestamp,
    civil::{Time, Weekday},
    tz::TimeZone,
};

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Days(u8);

/// When a rule matches. A span that does not end after it begins ends the next day; it belongs to the day on
/// which it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub days: Days,
    /// Inclusive.
    pub from: Time,
    /// Exclusive.
    pub until: Time,
    pub zone: TimeZone,
}

/// Why a schedule can't be as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleFault {
    #[error("A time of day reads HH:MM, from 00:00 to 23:59.")]
    Time,
    #[error("There is no such time zone; write it like Europe/Berlin.")]
    Zone,
}

impl Days {
    pub const ALL: Self = Self(0b111_1111);

    pub fn contains(self, day: Weekday) -> bool {
        self.0 & 1 << day.to_monday_zero_offset() != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Weekday> for Days {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | 1 << day.to_monday_zero_offset()))
    }
}

impl Schedule {
    pub fn contains(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        let (day, time) = (local.weekday(), local.time());
        if self.from < self.until {
            return self.days.contains(day) && (self.from..self.until).contains(&time);
        }
        let begun_today = self.days.contains(day) && time >= self.from;
        begun_today || self.days.contains(day.previous()) && time < self.until
    }

    /// Reads a time of day as `HH:MM`.
    pub fn time(text: &str) -> Result<Time, ScheduleFault> {
        let (hour, minute) = text.split_once(':').ok_or(ScheduleFault::Time)?;
        let number = |digits: &str| {
            let well_formed = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i8>().ok().filter(|_| well_formed).ok_or(ScheduleFault::Time)
        };
        Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| ScheduleFault::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(days: &[Weekday], from: &str, until: &str) -> Schedule {
        Schedule {
            days: days.iter().copied().collect(),
            from: Schedule::time(from).unwrap(),
            until: Schedule::time(until).unwrap(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_winter() {
        let office = schedule(&[Weekday::Monday], "08:00", "18:00");
        assert!(office.contains(at("2026-07-06T06:00:00Z")));
        assert!(!office.contains(at("2026-07-06T05:59:59Z")));
        assert!(!office.contains(at("2026-07-06T16:00:00Z")));
        assert!(office.contains(at("2026-01-05T07:00:00Z")));
        assert!(!office.contains(at("2026-01-05T06:59:00Z")));
        assert!(!office.contains(at("2026-07-07T10:00:00Z")));
    }

    #[test]
    fn a_span_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = schedule(&[Weekday::Friday], "22:00", "06:00");
        assert!(night.contains(at("2026-07-03T20:30:00Z")));
        assert!(night.contains(at("2026-07-04T03:59:00Z")));
        assert!(!night.contains(at("2026-07-04T04:00:00Z")));
        assert!(!night.contains(at("2026-07-03T03:00:00Z")));
    }

    #[test]
    fn the_same_time_twice_is_a_whole_day() {
        let day = schedule(&[Weekday::Friday], "06:00", "06:00");
        assert!(day.contains(at("2026-07-03T04:00:00Z")));
        assert!(day.contains(at("2026-07-04T03:59:00Z")));
        assert!(!day.contains(at("2026-07-04T04:00:00Z")));
    }

    #[test]
    fn a_time_of_day_has_two_and_two_digits() {
        for text in ["8:00", "24:00", "08:60", "0800", "08:0", "+8:00", "", ":", "08:00:00"] {
            assert_eq!(Schedule::time(text), Err(ScheduleFault::Time), "{text}");
        }
        assert!(Schedule::time("23:59").is_ok());
    }
}
