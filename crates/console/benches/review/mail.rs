//! Mail of made-up people, the same at each run: a fifth of it in one folder, the rest over many accounts; each day some
//! come, some go, and some are read.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::PathBuf,
};

use jiff::Timestamp;
use mailcup_lab::letters::{message, size};
use mailcup_snapshots::{BackupSource, SourceEntry};

pub const LARGE: &str = "example.org/anna/Maildir/.Archive";

const START: i64 = 1_790_000_000;
/// Each day, of a thousand messages.
const COME: u32 = 1;
const ACCOUNTS: u32 = 80;

/// One day's mail.
pub struct Day {
    pub day: u32,
    pub messages: u32,
}

impl BackupSource for Day {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        let a_day = (self.messages / 1000 * COME).max(1);
        // The oldest go as new ones come.
        let (from, until) = (self.day * a_day / 4, self.messages + self.day * a_day);
        let day = self.day;
        let paths: BTreeMap<PathBuf, u32> = (from..until).map(|number| (path(number, day), number)).collect();
        let manifest = (PathBuf::from("manifest.json"), manifest(until - from));
        let first = Box::new(move || Ok(Box::new(Cursor::new(manifest.1)) as Box<dyn Read + Send>));
        let mail = paths.into_iter().map(|(path, number)| SourceEntry {
            path,
            modified: Timestamp::from_second(START + i64::from(number)).unwrap(),
            size: size(number) as u64,
            mode: 0o600,
            open: Box::new(move || Ok(Box::new(Cursor::new(message(number))) as Box<dyn Read + Send>)),
        });
        let size = self::manifest(until - from).len() as u64;
        let last = SourceEntry { path: manifest.0, modified: time(day), size, mode: 0o600, open: first };
        // Ordered by path: `mail` comes before `manifest.json`.
        Box::new(mail.chain([last]))
    }

    fn expected(&self) -> Option<(u64, u64)> {
        None
    }
}

pub fn time(day: u32) -> Timestamp {
    Timestamp::from_second(START + i64::from(day) * 86_400 + 10_000_000).unwrap()
}

fn path(number: u32, day: u32) -> PathBuf {
    // Read some days after it came.
    let flags = if number % 50 < day { "S" } else { "" };
    let name = format!("{}.M{number}P1.host:2,{flags}", START + i64::from(number));
    if number.is_multiple_of(5) {
        format!("mail/{LARGE}/cur/{name}").into()
    } else {
        format!("mail/example.org/p{:03}/Maildir/cur/{name}", number % ACCOUNTS).into()
    }
}

fn manifest(messages: u32) -> Vec<u8> {
    format!(
        "{{\"version\":\"0.1.0\",\"organization\":\"Example\",\"state\":{{\"access_rules\":0,\"sending_limits\":0,\
         \"admins\":1,\"blocks\":0,\"alerts\":0,\"events\":0}},\"mail\":{{\"from\":\"2026-11-28T00:00:00Z\",\
         \"until\":\"2026-11-28T00:01:00Z\",\"accounts\":81,\"messages\":{messages},\"bytes\":1,\"left_out_count\":0}}}}"
    )
    .into_bytes()
}
