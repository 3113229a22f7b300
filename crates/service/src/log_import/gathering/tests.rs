use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::*;
use crate::log_import::stamps::Calendar;

fn gather(log: &str) -> (Vec<Found>, ImportReport) {
    let written_at = Time("2026-12-01T00:00:00Z".parse().unwrap());
    let mut calendar = Calendar::new(TimeZone::UTC, written_at, None);
    let (mut gathering, mut report) = (Gathering::default(), ImportReport::default());
    gathering.begin_file();
    for line in log.lines() {
        gathering.line(&calendar.read(line).unwrap());
    }
    gathering.finish();
    gathering.tell(&mut report);
    (gathering.take(), report)
}

fn sign_ins(found: &[Found]) -> Vec<(&str, Outcome, &str)> {
    let sign_ins = found.iter().filter_map(|one| match &one.body {
        EventBody::SignIn(it) => Some((&*it.login.0, it.outcome, &*it.reasons[0].text)),
        _ => None,
    });
    sign_ins.collect()
}

fn submissions(found: &[Found]) -> Vec<&Submission> {
    let submissions = found.iter().filter_map(|one| match &one.body {
        EventBody::Submission(it) => Some(it),
        _ => None,
    });
    submissions.collect()
}

const WRONG: &str = "The password was wrong.";

#[test]
fn attempts_that_are_told_twice_are_one() {
    let (found, report) = gather(
        "Nov 28 03:45:00 mail dovecot: auth: passwd-file(nobody,203.0.113.7,<s1>): unknown user\n\
         Nov 28 03:45:01 mail dovecot: auth: passwd-file(Anna,203.0.113.7,<s1>): Password mismatch\n\
         Nov 28 03:45:03 mail dovecot: imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 3 \
         secs): user=<anna>, method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, session=<s1>\n\
         Nov 28 03:45:04 mail dovecot: pop3-login: Login aborted: Logged out (auth failed, 2 attempts in 3 secs) \
         (auth_failed): user=<ben>, method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, TLS, session=<s2>\n",
    );
    let expected = [
        ("nobody", Outcome::Failed, "There is no such account."),
        ("anna", Outcome::Failed, WRONG),
        ("ben", Outcome::Failed, WRONG),
        ("ben", Outcome::Failed, WRONG),
    ];
    assert_eq!(sign_ins(&found), expected);
    assert_eq!((report.found.failed, report.not_understood), (4, 0));
    assert_eq!(found[0].at.to_string(), "2026-11-28T03:45:03Z");
    let prints: std::collections::BTreeSet<_> = found.iter().map(|one| one.print).collect();
    assert_eq!(prints.len(), 4);
}

#[test]
fn a_failure_over_smtp_says_whom_dovecot_looked_up() {
    let (found, _) = gather(
        "Nov 28 03:45:00 mail dovecot: auth: passwd-file(anna,203.0.113.7): Password mismatch\n\
         Nov 28 03:45:00 mail postfix/submission/smtpd[7]: warning: unknown[203.0.113.7]: SASL LOGIN \
         authentication failed: UGFzc3dvcmQ6\n\
         Nov 28 03:45:00 mail postfix/submission/smtpd[7]: message repeated 2 times: [ warning: \
         unknown[203.0.113.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6]\n",
    );
    let expected =
        [("anna", Outcome::Failed, WRONG), ("", Outcome::Failed, WRONG), ("", Outcome::Failed, WRONG)];
    assert_eq!(sign_ins(&found), expected);
}

#[test]
fn the_lines_of_a_message_are_one_submission_and_a_connection_one_sign_in() {
    let (found, report) = gather(
        "Nov 28 03:45:00 mail postfix/submission/smtpd[7]: connect from unknown[203.0.113.7]\n\
         Nov 28 03:45:01 mail postfix/submission/smtpd[7]: A1B2C3D4E5: client=unknown[203.0.113.7], \
         sasl_method=PLAIN, sasl_username=Anna@example.org\n\
         Nov 28 03:45:01 mail postfix/qmgr[8]: A1B2C3D4E5: from=<anna@example.org>, size=900, nrcpt=2 (queue active)\n\
         Nov 28 03:45:02 mail postfix/submission/smtpd[7]: B1B2C3D4E5: client=unknown[203.0.113.7], \
         sasl_method=PLAIN, sasl_username=Anna@example.org\n\
         Nov 28 03:45:03 mail postfix/smtp[9]: A1B2C3D4E5: to=<x@y>, relay=y[192.0.2.9]:25, status=sent (250 Ok)\n\
         Nov 28 03:45:03 mail postfix/smtp[9]: A1B2C3D4E5: to=<z@y>, relay=y[192.0.2.9]:25, status=bounced (550)\n\
         Nov 28 03:45:04 mail postfix/qmgr[8]: A1B2C3D4E5: removed\n\
         Nov 28 03:45:05 mail postfix/submission/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 554 \
         5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=ESMTP helo=<h>\n\
         Nov 28 03:45:06 mail postfix/submission/smtpd[7]: disconnect from unknown[203.0.113.7] ehlo=1 auth=1\n\
         Nov 28 03:45:07 mail postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 554 5.7.1 <x@y>: \
         Relay access denied; from=<spam@x> to=<x@y> proto=ESMTP helo=<h>\n",
    );
    assert_eq!(sign_ins(&found), [("anna@example.org", Outcome::Succeeded, "The password was right.")]);
    let submissions = submissions(&found);
    let [sent, refused] = submissions[..] else { panic!("{submissions:?}") };
    assert_eq!((sent.recipients, sent.size, sent.outcome), (2, 900, SubmissionOutcome::Accepted));
    assert_eq!(sent.sender.as_deref(), Some("anna@example.org"));
    assert_eq!(sent.reasons[0].text, "It came back from 1 of 2 recipients.");
    assert_eq!(refused.outcome, SubmissionOutcome::Rejected);
    assert_eq!(
        refused.login.as_ref().map(|login| &*login.0),
        Some("Anna@example.org".to_lowercase().as_str())
    );
    // The second message never came into the queue; strangers' refused mail is none of ours.
    assert_eq!((report.found.accepted, report.found.refused), (1, 1));
}

#[test]
fn prints_are_of_facts_and_not_of_files() {
    let lines = "Nov 28 03:45:04 mail postfix/smtpd[7]: warning: x[203.0.113.7]: SASL LOGIN authentication failed: a\n\
                 Nov 28 03:45:04 mail postfix/smtpd[7]: warning: x[203.0.113.7]: SASL LOGIN authentication failed: a\n";
    let prints = |log: &str| gather(log).0.iter().map(|one| one.print).collect::<Vec<_>>();
    let plain = prints(lines);
    assert_ne!(plain[0], plain[1]);
    let before = "Nov 28 03:40:00 mail dovecot: imap-login: Login: user=<a>, rip=203.0.113.7, session=<x>\n";
    assert_eq!(prints(&format!("{before}{lines}"))[1..], plain);
    let mut journal = String::new();
    for line in lines.lines() {
        let message = &line[line.find("warning").unwrap()..];
        let entry = serde_json::json!({
            "__REALTIME_TIMESTAMP": "1795837504250000", "SYSLOG_IDENTIFIER": "postfix/smtpd", "_PID": "7",
            "MESSAGE": message,
        });
        writeln!(journal, "{entry}").unwrap();
    }
    assert_eq!(prints(&journal), plain, "the journal tells the same");
    // They are the same from version to version; else what was imported before would be stored again.
    assert_eq!(plain, [-6_762_331_128_558_817_817, 8_729_609_216_821_996_390]);
}

#[test]
fn what_is_not_understood_is_counted_and_shown() {
    let (found, report) = gather(
        "Nov 28 03:45:04 mail dovecot: imap-login: Welcome: user=<anna>, rip=203.0.113.7\n\
         Nov 28 03:45:04 mail CRON[8]: (root) CMD (true)\n\
         Nov 28 03:45:05 mail dovecot: imap(anna)<8><s>: Disconnected: Logged out in=1 out=2\n\
         Nov 28 03:45:05 mail postfix/cleanup[8]: A1B2C3D4E5: message-id=<x@y>\n",
    );
    assert_eq!(found, []);
    let ImportIgnored { dovecot, postfix, others } = report.ignored;
    assert_eq!((dovecot, postfix, others, report.not_understood), (1, 1, 1, 1));
    assert_eq!(report.shapes[0].examples, ["dovecot: imap-login: Welcome: user=<…>, rip=…"]);
}
