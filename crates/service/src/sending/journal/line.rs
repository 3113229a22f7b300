//! One record as a line: fields between tabs, and a mark that tells a whole line from one that was cut off.

use std::{fmt::Write as _, str::Split, sync::Arc};

use jiff::Timestamp;
use mailcup_guard::{
    limit::LimitId,
    limiter::{Counts, GivenBack, Key, Lease, Pool, Record},
};

const MARK: &str = ".";

/// Writes the record's line, its end included.
pub fn write(line: &mut String, record: &Record) {
    // Writing to a String does not fail.
    let _ = match record {
        Record::Lease(Lease { key, count, left, until, gone_at }) => {
            line.push_str("lease\t");
            write_key(line, key);
            writeln!(line, "{count}\t{left}\t{}\t{}\t{MARK}", millis(*until), millis(*gone_at))
        }
        Record::GivenBack(GivenBack { key, count, gone_at }) => {
            line.push_str("given\t");
            write_key(line, key);
            writeln!(line, "{count}\t{}\t{MARK}", millis(*gone_at))
        }
    };
}

/// Reads a line with its end; none if it is no whole record.
pub fn read(line: &str) -> Option<Record> {
    let mut fields = line.strip_suffix('\n')?.split('\t');
    let what = fields.next()?;
    let key = read_key(&mut fields)?;
    let count = fields.next()?.parse().ok()?;
    let record = match what {
        "lease" => {
            let left = fields.next()?.parse().ok()?;
            Record::Lease(Lease { key, count, left, until: time(&mut fields)?, gone_at: time(&mut fields)? })
        }
        "given" => Record::GivenBack(GivenBack { key, count, gone_at: time(&mut fields)? }),
        _ => return None,
    };
    (fields.next() == Some(MARK) && fields.next().is_none()).then_some(record)
}

fn write_key(line: &mut String, key: &Key) {
    escaped(line, &key.limit.0);
    line.push_str(match key.counts {
        Counts::Recipients => "\trecipients\t",
        Counts::Messages => "\tmessages\t",
    });
    line.push_str(match key.pool {
        Pool::Known => "known\t",
        Pool::Others => "others\t",
        Pool::Burst => "burst\t",
    });
    if let Some(login) = &key.login {
        escaped(line, login);
    }
    line.push('\t');
    if let Some(network) = key.network {
        let _ = write!(line, "{network}");
    }
    line.push('\t');
}

fn read_key(fields: &mut Split<'_, char>) -> Option<Key> {
    let limit = LimitId(unescaped(fields.next()?)?);
    let counts = match fields.next()? {
        "recipients" => Counts::Recipients,
        "messages" => Counts::Messages,
        _ => return None,
    };
    let pool = match fields.next()? {
        "known" => Pool::Known,
        "others" => Pool::Others,
        "burst" => Pool::Burst,
        _ => return None,
    };
    let login = Some(fields.next()?).filter(|login| !login.is_empty()).map(unescaped);
    let login = match login {
        Some(login) => Some(login?),
        None => None,
    };
    let network = match fields.next()? {
        "" => None,
        network => Some(network.parse().ok()?),
    };
    Some(Key { limit, counts, pool, login, network })
}

/// A login may hold any character; those that would end a field or a line are written in hexadecimal.
fn escaped(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() || character == '%' {
            let _ = write!(line, "%{:02x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
}

fn unescaped(field: &str) -> Option<Arc<str>> {
    if !field.contains('%') {
        return Some(field.into());
    }
    let mut parts = field.split('%');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        text.push(char::from(u8::from_str_radix(code, 16).ok()?));
        text.push_str(rest);
    }
    Some(text.into())
}

/// Rounded up: it never counts for a shorter time than it should.
fn millis(time: Timestamp) -> i64 {
    let millis = time.as_millisecond();
    if Timestamp::from_millisecond(millis).is_ok_and(|floor| floor < time) { millis + 1 } else { millis }
}

fn time(fields: &mut Split<'_, char>) -> Option<Timestamp> {
    Timestamp::from_millisecond(fields.next()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_login_is_read_back(login in ".{1,20}", tail in "[\t\n\r%\0]{0,3}", at in 0i64..4_000_000_000_000) {
            let key = Key {
                limit: LimitId("l%1".into()),
                counts: Counts::Messages,
                pool: Pool::Burst,
                login: Some(format!("{login}{tail}").into()),
                network: None,
            };
            let gone_at = Timestamp::from_millisecond(at).unwrap();
            let record = Record::GivenBack(GivenBack { key, count: 7, gone_at });
            let mut line = String::new();
            write(&mut line, &record);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(read(&line), Some(record));
        }

        #[test]
        fn any_line_is_answered(line in "(lease|given|x)?[\t.a-z0-9%]{0,60}\n?") {
            let _ = read(&line);
        }
    }
}
