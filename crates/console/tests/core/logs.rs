//! Logs of mail servers that the desktop gives, imported by the real service.

use std::{fmt::Write as _, fs};

use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use mailcup_lab::wait;
use mailcup_wire::desktop::{LogDesk, LogStanding};

use super::{desk::DEADLINE, *};

/// So many sign-ins of Dovecot, the first of them on that day.
fn log(first: Timestamp, login: &str, count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let at = first + SignedDuration::from_secs(i64::from(number) * 7);
        let stamp = at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00");
        writeln!(
            text,
            "{stamp} mail dovecot: imap-login: Login: user=<{login}>, method=PLAIN, rip=203.0.113.7, \
             lip=192.0.2.1, mpid={number}, TLS, session=<{number}abc>"
        )
        .unwrap();
    }
    text
}

fn kinds(desk: &LogDesk) -> Vec<&'static str> {
    let kind = |standing: &LogStanding| match standing {
        LogStanding::Waiting => "waiting",
        LogStanding::Sending => "sending",
        LogStanding::Done { .. } => "done",
        LogStanding::Failed { .. } => "failed",
    };
    desk.files.iter().map(|file| kind(&file.standing)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_were_dropped_become_events_and_the_same_again_changes_nothing() {
    let (folder, desk, logs) = (tempfile::tempdir().unwrap(), Desk::new(), tempfile::tempdir().unwrap());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let at = |name: &str| logs.path().join(name);
    let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 30);
    fs::write(at("mail.log"), log(long_ago + SignedDuration::from_hours(24), "ben@example.org", 40)).unwrap();
    let mut packed = GzEncoder::new(fs::File::create(at("mail.log.1.gz")).unwrap(), Compression::fast());
    std::io::Write::write_all(&mut packed, log(long_ago, "anna@example.org", 60).as_bytes()).unwrap();
    packed.finish().unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    fs::write(at("notes.txt"), "Nothing of a log.\n".repeat(2000)).unwrap();

    let refused = console.offer_logs(&[logs.path().to_owned()]).unwrap_err();
    assert_eq!(refused.code, Code::Invalid);
    assert!(console.log_desk().refused.is_some_and(|why| why.contains("no file")));
    let offered = console.offer_logs(&["notes.txt", "mail.log", "mail.log.1.gz"].map(at)).unwrap();
    assert_eq!(offered.files[0].name, "mail.log.1.gz", "the one that was written first");
    let done = console.import_logs("UTC".to_owned()).await.unwrap();
    assert!(!done.is_running && done.files.iter().all(|file| file.sent == file.size), "{done:?}");
    let stored: Vec<u32> = done
        .files
        .iter()
        .filter_map(|file| match &file.standing {
            LogStanding::Done { report } => Some(report.events.stored),
            _ => None,
        })
        .collect();
    assert_eq!(stored, [60, 40], "{done:?}");
    assert_eq!(kinds(&done).iter().filter(|kind| **kind == "failed").count(), 1, "{done:?}");
    for (login, count) in [("anna@example.org", 60), ("ben@example.org", 40)] {
        let counted = async || console.count_events(of(login), None).await.unwrap().events;
        let found =
            wait::until("the imported events", DEADLINE, async || (counted().await >= count).then_some(()));
        assert!(found.await.is_ok(), "{} of {count} events of {login} came", counted().await);
    }

    console.clear_logs();
    console.offer_logs(&[at("mail.log")]).unwrap();
    let again = console.import_logs("UTC".to_owned()).await.unwrap();
    let LogStanding::Done { report } = &again.files[0].standing else { panic!("{again:?}") };
    assert_eq!((report.events.stored, report.events.known), (0, 40));
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_cancelled_and_a_wrong_zone_is_told() {
    let (folder, desk, logs) = (tempfile::tempdir().unwrap(), Desk::new(), tempfile::tempdir().unwrap());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let path = logs.path().join("mail.log");
    let first = Timestamp::now() - SignedDuration::from_hours(24 * 60);
    fs::write(&path, log(first, "anna@example.org", 200_000)).unwrap();
    console.offer_logs(std::slice::from_ref(&path)).unwrap();
    let (importing, cancelling) = (console.clone(), console.clone());
    let running = tokio::spawn(async move { importing.import_logs("UTC".to_owned()).await });
    let begun = wait::until("the import", DEADLINE, async || {
        (cancelling.log_desk().files[0].sent.0 > 0).then_some(())
    });
    begun.await.unwrap();
    assert_eq!(cancelling.import_logs("UTC".to_owned()).await.unwrap_err().code, Code::Conflict);
    cancelling.cancel_log_import();
    let desk_then = running.await.unwrap().unwrap();
    assert!(!desk_then.is_running && ["waiting", "done"].contains(&kinds(&desk_then)[0]), "{desk_then:?}");
    console.clear_logs();
    console.offer_logs(&[path]).unwrap();
    let wrong = console.import_logs("Mars/Base".to_owned()).await.unwrap();
    let LogStanding::Failed { message } = &wrong.files[0].standing else { panic!("{wrong:?}") };
    assert!(message.contains("zone"), "{message}");
    console.shut_down().await.unwrap();
}
