use super::*;

fn time(text: &str) -> Time {
    Time(text.parse().unwrap())
}

fn calendar(zone: &str, written_at: &str) -> Calendar {
    Calendar::new(TimeZone::get(zone).unwrap(), time(written_at), None)
}

fn at(calendar: &mut Calendar, stamp: &str) -> String {
    let line = format!("{stamp} mail dovecot: imap-login: x");
    calendar.read(&line).unwrap().at.to_string()
}

#[test]
fn every_kind_of_stamp_is_read() {
    let mut calendar = calendar("Europe/Berlin", "2026-07-02T00:00:00Z");
    for stamp in [
        "Jul  1 09:05:07",
        "Jul 01 09:05:07",
        "2026-07-01T09:05:07+02:00",
        "2026-07-01T07:05:07Z",
        "2026-07-01T07:05:07.000000+0000",
        "2026-07-01 09:05:07",
        "<22>Jul  1 09:05:07",
    ] {
        assert_eq!(at(&mut calendar, stamp), "2026-07-01T07:05:07Z", "{stamp}");
    }
    assert_eq!(at(&mut calendar, "2026-07-01T09:05:07.123456+02:00"), "2026-07-01T07:05:07.123Z");
    for no in ["Jul  1", "Foo  1 09:05:07", "2026-13-01T09:05:07Z", "Feb 30 09:05:07", "x", "Jul  1 25:00:00"]
    {
        assert_eq!(calendar.read(&format!("{no} mail dovecot: x")), None, "{no}");
    }
}

#[test]
fn a_year_follows_from_when_the_log_was_written() {
    let mut newest = calendar("UTC", "2026-01-05T12:00:00Z");
    assert_eq!(at(&mut newest, "Dec 31 23:59:59"), "2025-12-31T23:59:59Z");
    assert_eq!(at(&mut newest, "Jan  1 00:00:01"), "2026-01-01T00:00:01Z");
    // A line that waited over the turn of the year.
    assert_eq!(at(&mut newest, "Dec 31 23:59:58"), "2025-12-31T23:59:58Z");
    assert_eq!(at(&mut newest, "Jan  5 12:00:00"), "2026-01-05T12:00:00Z");
    let mut leap = calendar("UTC", "2026-01-05T12:00:00Z");
    assert_eq!(at(&mut leap, "Feb 29 10:00:00"), "2024-02-29T10:00:00Z");
    let mut given = Calendar::new(TimeZone::UTC, time("2026-01-05T12:00:00Z"), Some(2020));
    assert_eq!(at(&mut given, "Dec 31 10:00:00"), "2020-12-31T10:00:00Z");
    assert_eq!(at(&mut given, "Jan  1 10:00:00"), "2021-01-01T10:00:00Z");
}

#[test]
fn the_hour_that_comes_twice_is_read_in_its_order() {
    let mut calendar = calendar("Europe/Berlin", "2026-10-26T00:00:00Z");
    assert_eq!(at(&mut calendar, "Oct 25 01:59:59"), "2026-10-24T23:59:59Z");
    assert_eq!(at(&mut calendar, "Oct 25 02:30:00"), "2026-10-25T00:30:00Z");
    assert_eq!(at(&mut calendar, "Oct 25 02:59:59"), "2026-10-25T00:59:59Z");
    assert_eq!(at(&mut calendar, "Oct 25 02:00:01"), "2026-10-25T01:00:01Z");
    assert_eq!(at(&mut calendar, "Oct 25 02:30:00"), "2026-10-25T01:30:00Z");
    assert_eq!(at(&mut calendar, "Oct 25 03:00:00"), "2026-10-25T02:00:00Z");
    // A time that the clocks never showed.
    let mut spring =
        Calendar::new(TimeZone::get("Europe/Berlin").unwrap(), time("2026-04-01T00:00:00Z"), None);
    assert_eq!(at(&mut spring, "Mar 29 02:30:00"), "2026-03-29T01:30:00Z");
}

#[test]
fn who_speaks_is_told_apart() {
    let mut calendar = calendar("UTC", "2026-12-01T00:00:00Z");
    let mut read = |line: &str| {
        let line = calendar.read(line).unwrap();
        [line.host, line.program, line.process, line.message].map(Cow::into_owned)
    };
    assert_eq!(
        read("Nov 28 03:45:00 mail dovecot[996]: imap-login: Login: x"),
        ["mail", "dovecot", "996", "imap-login: Login: x"]
    );
    assert_eq!(
        read("Nov 28 03:45:00 mail postfix/submission/smtpd[12]: connect from a[1.2.3.4]"),
        ["mail", "postfix/submission/smtpd", "12", "connect from a[1.2.3.4]"]
    );
    assert_eq!(
        read("Nov 28 03:45:00 imap-login: Info: Login: x"),
        ["", "dovecot", "", "imap-login: Info: Login: x"]
    );
    assert_eq!(read("2026-11-28T03:45:00Z mail -- MARK --"), ["mail", "", "", "-- MARK --"]);
}

#[test]
fn the_journal_is_read() {
    let mut calendar = calendar("UTC", "2026-12-01T00:00:00Z");
    let entry = r#"{"__REALTIME_TIMESTAMP":"1764301500123456","_HOSTNAME":"mail","SYSLOG_IDENTIFIER":"dovecot","_PID":"7","MESSAGE":"imap-login: Login: user=<a\"b>","PRIORITY":"6","_X":null}"#;
    let line = calendar.read(entry).unwrap();
    assert_eq!(line.at.as_millis(), 1_764_301_500_123);
    assert_eq!((&*line.host, &*line.program, &*line.process), ("mail", "dovecot", "7"));
    assert_eq!(line.message, "imap-login: Login: user=<a\"b>");
    let bytes = r#"{"__REALTIME_TIMESTAMP":"1764301500123456","MESSAGE":[104,105,255]}"#;
    assert_eq!(calendar.read(bytes).unwrap().message, "hi\u{fffd}");
    assert_eq!(calendar.read(r#"{"MESSAGE":"x"}"#), None);
    assert_eq!(calendar.read("{"), None);
}
