//! When a line was written, by whom, and what it says: syslog with and without a year, RFC 3339, Dovecot's own log
//! file, and the journal's JSON.

mod journal;

use std::borrow::Cow;

use jiff::{
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use mailcup_wire::Time;

/// A line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    pub at: Time,
    /// The machine that wrote it; empty where the log does not say.
    pub host: Cow<'a, str>,
    /// `dovecot`, `postfix/submission/smtpd` and so on; empty where the log names none.
    pub program: Cow<'a, str>,
    /// The program's process, as the log has it; may be empty.
    pub process: Cow<'a, str>,
    pub message: Cow<'a, str>,
}

/// Reads the stamps of one log, line by line: what a stamp lacks follows from those before it.
#[derive(Debug)]
pub struct Calendar {
    zone: TimeZone,
    /// When the log was written last; no stamp is later.
    written_at: Time,
    /// That of the latest stamp; before the first one, as it was given.
    year: Option<i16>,
    month: i8,
    /// The latest moment that was read from a local time.
    latest: i64,
    /// An hour that the clocks did not change in, and where it begins.
    hour: Option<((i16, i8, i8, i8), i64)>,
}

/// A moment on the clock of a log.
#[derive(Debug, Clone, Copy)]
struct Clock {
    year: Option<i16>,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    millis: i64,
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// How far lines may be out of order in the hour that comes twice.
const DISORDER: i64 = 5_000;

/// Years back in which a 29th of February is looked for.
const YEARS_BACK: i16 = 8;

impl Calendar {
    /// For a log that was written last at `written_at`. `year` is that of its first line.
    pub fn new(zone: TimeZone, written_at: Time, year: Option<i16>) -> Self {
        Self { zone, written_at, year, month: 0, latest: i64::MIN, hour: None }
    }

    /// Takes a line apart; none if it does not begin with a time.
    pub fn read<'a>(&mut self, line: &'a str) -> Option<Line<'a>> {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.starts_with('{') {
            return journal::read(line);
        }
        let line = without_priority(line);
        let (at, rest) = match line.as_bytes().first()? {
            b'0'..=b'9' => self.numeric(line)?,
            _ => self.named(line)?,
        };
        let rest = rest.trim_start_matches(' ');
        let (host, program, process, message) = who(rest);
        Some(Line {
            at,
            host: host.into(),
            program: program.into(),
            process: process.into(),
            message: message.into(),
        })
    }

    /// `Nov 28 03:45:00`.
    fn named<'a>(&mut self, line: &'a str) -> Option<(Time, &'a str)> {
        let bytes = line.as_bytes();
        let month = MONTHS.iter().position(|name| bytes.get(..3) == Some(name.as_slice()))?;
        let month = i8::try_from(month).ok()? + 1;
        let day = match bytes.get(3..6)? {
            [b' ', b' ', ones] => digits(&[*ones])?,
            [b' ', tens, ones] => digits(&[*tens, *ones])?,
            _ => return None,
        };
        if bytes.get(6) != Some(&b' ') {
            return None;
        }
        let (clock, end) = time_of_day(bytes, 7, Clock::on(None, month, i8::try_from(day).ok()?))?;
        let rest = line.get(end..)?;
        // Some write the year, or the zone, behind it: neither is of any use without knowing which.
        let rest = rest.strip_prefix(' ').or_else(|| rest.strip_prefix(": "))?;
        Some((self.local(clock)?, rest))
    }

    /// `2026-11-28T03:45:00.123+01:00`, or with a space and without a zone.
    fn numeric<'a>(&mut self, line: &'a str) -> Option<(Time, &'a str)> {
        let bytes = line.as_bytes();
        let is_date = bytes.get(4) == Some(&b'-')
            && bytes.get(7) == Some(&b'-')
            && matches!(bytes.get(10), Some(b'T' | b't' | b' '));
        if !is_date {
            return None;
        }
        let (year, month, day) = (digits(&bytes[..4])?, digits(&bytes[5..7])?, digits(&bytes[8..10])?);
        let date = Clock::on(i16::try_from(year).ok(), i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let (clock, end) = time_of_day(bytes, 11, date)?;
        let (offset, end) = match bytes.get(end) {
            Some(b'Z' | b'z') => (Some(0), end + 1),
            Some(sign @ (b'+' | b'-')) => {
                let hours = digits(bytes.get(end + 1..end + 3)?)?;
                let colon = usize::from(bytes.get(end + 3) == Some(&b':'));
                let minutes = digits(bytes.get(end + 3 + colon..end + 5 + colon)?)?;
                let offset = (hours * 60 + minutes) * 60_000;
                (Some(if *sign == b'-' { -offset } else { offset }), end + 5 + colon)
            }
            _ => (None, end),
        };
        let rest = line.get(end..)?;
        let rest = rest.strip_prefix(' ').or_else(|| rest.strip_prefix(": "))?;
        let at = match offset {
            Some(offset) => Time::from_millis(clock.date_time()?.since_epoch() + clock.millis - offset),
            None => self.local(clock)?,
        };
        Some((at, rest))
    }

    /// The moment of a local time.
    fn local(&mut self, clock: Clock) -> Option<Time> {
        let clock = match clock.year {
            Some(_) => clock,
            None => self.with_year(clock)?,
        };
        let millis = self.resolve(clock)?;
        self.latest = self.latest.max(millis);
        Some(Time::from_millis(millis))
    }

    fn with_year(&mut self, clock: Clock) -> Option<Clock> {
        let of = |year| Clock { year: Some(year), ..clock };
        let year = match self.year {
            Some(year) if self.month == 0 => year,
            // Over the turn of a year, also when lines of both sides are out of order.
            Some(year) => match clock.month - self.month {
                ..=-6 => year + 1,
                6.. => year - 1,
                _ => year,
            },
            None => {
                let newest = DateTime::from_epoch(self.written_at.as_millis() + DAY).year();
                let limit = self.written_at.as_millis() + DAY;
                (newest - YEARS_BACK..=newest)
                    .rev()
                    .find(|year| self.resolve(of(*year)).is_some_and(|at| at <= limit))?
            }
        };
        (self.year, self.month) = (Some(year), clock.month);
        Some(of(year))
    }

    fn resolve(&mut self, clock: Clock) -> Option<i64> {
        let whole = clock.date_time()?;
        let key = (whole.year(), clock.month, clock.day, clock.hour);
        let within = i64::from(clock.minute) * 60_000 + i64::from(clock.second) * 1000 + clock.millis;
        if let Some((known, begin)) = self.hour
            && known == key
        {
            return Some(begin + within);
        }
        let begin = DateTime::new(whole.year(), clock.month, clock.day, clock.hour, 0, 0, 0).ok()?;
        let end = DateTime::new(whole.year(), clock.month, clock.day, clock.hour, 59, 59, 0).ok()?;
        let offset = |of: DateTime| match self.zone.to_ambiguous_timestamp(of).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some(i64::from(offset.seconds()) * 1000),
            AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => None,
        };
        if let (Some(first), Some(last)) = (offset(begin), offset(end))
            && first == last
        {
            let begin = begin.since_epoch() - first;
            self.hour = Some((key, begin));
            return Some(begin + within);
        }
        let local = whole.since_epoch() + clock.millis;
        Some(match self.zone.to_ambiguous_timestamp(whole).offset() {
            AmbiguousOffset::Unambiguous { offset } => local - i64::from(offset.seconds()) * 1000,
            AmbiguousOffset::Gap { before, .. } => local - i64::from(before.seconds()) * 1000,
            AmbiguousOffset::Fold { before, after } => {
                let first = local - i64::from(before.seconds()) * 1000;
                let is_passed = self.latest > first + DISORDER;
                if is_passed { local - i64::from(after.seconds()) * 1000 } else { first }
            }
        })
    }
}

impl Clock {
    fn on(year: Option<i16>, month: i8, day: i8) -> Self {
        Self { year, month, day, hour: 0, minute: 0, second: 0, millis: 0 }
    }

    fn date_time(self) -> Option<DateTime> {
        let Self { year, month, day, hour, minute, second, millis: _ } = self;
        DateTime::new(year?, month, day, hour, minute, second.min(59), 0).ok()
    }
}

/// Local times as if they were of UTC, in milliseconds.
trait Counted: Sized {
    fn since_epoch(self) -> i64;
    fn from_epoch(millis: i64) -> Self;
}

impl Counted for DateTime {
    fn since_epoch(self) -> i64 {
        let days = days_from_civil(i64::from(self.year()), i64::from(self.month()), i64::from(self.day()));
        let seconds =
            i64::from(self.hour()) * 3600 + i64::from(self.minute()) * 60 + i64::from(self.second());
        (days * 86_400 + seconds) * 1000
    }

    fn from_epoch(millis: i64) -> Self {
        TimeZone::UTC.to_datetime(Time::from_millis(millis).0)
    }
}

/// Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `HH:MM:SS` and a fraction from `start`; answers also where it ends.
fn time_of_day(bytes: &[u8], start: usize, date: Clock) -> Option<(Clock, usize)> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *bytes.get(start..start + 8)? else { return None };
    let part = |tens, ones| i8::try_from(digits(&[tens, ones])?).ok();
    let clock = Clock { hour: part(h1, h2)?, minute: part(m1, m2)?, second: part(s1, s2)?, ..date };
    let mut end = start + 8;
    if !matches!(bytes.get(end), Some(b'.' | b',')) {
        return Some((clock, end));
    }
    let fraction = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut millis = 0;
    for place in 0..3 {
        let digit = bytes.get(end + 1 + place).filter(|_| place < fraction);
        millis = millis * 10 + digit.map_or(0, |digit| i64::from(digit - b'0'));
    }
    end += 1 + fraction;
    Some((Clock { millis, ..clock }, end))
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// Without the `<22>` that a line has on its way, and without the version of RFC 5424.
fn without_priority(line: &str) -> &str {
    let Some((number, rest)) = line.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
        return line;
    };
    if number.is_empty() || number.len() > 3 || digits(number.as_bytes()).is_none() {
        return line;
    }
    rest.strip_prefix("1 ").unwrap_or(rest)
}

/// Host, program, process and message of what stands behind a stamp.
fn who(rest: &str) -> (&str, &str, &str, &str) {
    let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    if let Some(name) = first.strip_suffix(':') {
        let (program, process) = program(name);
        return if program == "dovecot" || program.starts_with("postfix") {
            ("", program, process, behind)
        } else {
            // Dovecot's own file names only the part of Dovecot that speaks.
            ("", "dovecot", "", rest)
        };
    }
    let Some((tag, message)) = behind.split_once(": ").filter(|(tag, _)| !tag.contains(' ')) else {
        return (first, "", "", behind);
    };
    let (program, process) = program(tag);
    (first, program, process, message)
}

fn program(tag: &str) -> (&str, &str) {
    match tag.strip_suffix(']').and_then(|tag| tag.rsplit_once('[')) {
        Some(parts) => parts,
        None => (tag, ""),
    }
}

#[cfg(test)]
mod tests;
