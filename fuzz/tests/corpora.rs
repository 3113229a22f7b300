//! Replays what fuzzers found worth keeping.
#![expect(clippy::unwrap_used, reason = "a corpus that can not be read is a failed test")]

use std::{fs, path::Path};

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        check(&fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed > 0, "{target} has a corpus");
}

#[test]
fn requests_of_postfix() {
    replay("postfix_request", mailcup_fuzz::postfix_request);
}

#[test]
fn requests_of_dovecot() {
    replay("dovecot_request", mailcup_fuzz::dovecot_request);
}

#[test]
fn pasted_networks() {
    replay("networks", mailcup_fuzz::networks);
}

#[test]
fn files_of_rules_and_limits() {
    replay("rules_file", mailcup_fuzz::rules_file);
}

#[test]
fn passkeys() {
    replay("passkey", mailcup_fuzz::passkey);
}

#[test]
fn logs_of_mail_servers() {
    replay("log_line", mailcup_fuzz::log_line);
}

#[test]
fn messages_of_snapshots() {
    replay("shown_mail", mailcup_fuzz::shown_mail);
}
