//! The journal's entries as `journalctl -o json` writes them, one JSON object a line.

use std::borrow::Cow;

use mailcup_wire::Time;
use serde::Deserialize;

use super::Line;

#[derive(Deserialize)]
struct Entry<'a> {
    /// Microseconds since 1970.
    #[serde(borrow, rename = "__REALTIME_TIMESTAMP")]
    at: Cow<'a, str>,
    #[serde(borrow, rename = "_SOURCE_REALTIME_TIMESTAMP", default)]
    said_at: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_HOSTNAME", default)]
    host: Cow<'a, str>,
    #[serde(borrow, rename = "SYSLOG_IDENTIFIER", default)]
    program: Option<Text<'a>>,
    #[serde(borrow, rename = "SYSLOG_PID", default)]
    syslog_process: Option<Text<'a>>,
    #[serde(borrow, rename = "_PID", default)]
    process: Option<Text<'a>>,
    #[serde(borrow, rename = "MESSAGE", default)]
    message: Option<Text<'a>>,
}

/// What is not UTF-8, or came twice, is written as a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text<'a> {
    #[serde(borrow)]
    Plain(Cow<'a, str>),
    Bytes(Vec<u8>),
    Several(Vec<String>),
}

pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let entry: Entry<'_> = serde_json::from_str(line).ok()?;
    let micros: i64 = entry.said_at.unwrap_or(entry.at).parse().ok()?;
    Some(Line {
        at: Time::from_millis(micros / 1000),
        host: entry.host,
        program: text(entry.program),
        process: text(entry.syslog_process.or(entry.process)),
        message: text(entry.message),
    })
}

fn text(text: Option<Text<'_>>) -> Cow<'_, str> {
    match text {
        Some(Text::Plain(text)) => text,
        Some(Text::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned().into(),
        Some(Text::Several(texts)) => texts.into_iter().next().unwrap_or_default().into(),
        None => Cow::Borrowed(""),
    }
}
