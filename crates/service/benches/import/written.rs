//! A log as rsyslog writes it on a server with Dovecot 2.3 and Postfix, from a seed.

use std::fmt::Write as _;

use mailcup_wire::Time;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

const SEED: u64 = 6;
const ACCOUNTS: u32 = 3_000;

/// When the last line was written, in milliseconds since 1970.
pub const UNTIL: i64 = 1_795_000_000_000;

/// Between two things that happen, in milliseconds.
const PACE: i64 = 2_000;

/// Lines that one thing that happens takes at most.
const MOST_EACH: u32 = 12;

/// At least so many lines.
pub fn log(lines: u32) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(SEED);
    let mut text = String::with_capacity(lines as usize * 170);
    let mut at = UNTIL - i64::from(lines / 3) * PACE;
    let mut written = 0;
    while written < lines {
        at = (at + random.random_range(0..PACE)).min(UNTIL);
        let stamp = Time::from_millis(at).0.strftime("%b %e %H:%M:%S mail").to_string();
        let account = random.random_range(0..ACCOUNTS);
        let address = format!("198.51.{}.{}", account % 250, account % 249);
        let number: u64 = random.random();
        written += happened(&mut text, &mut random, &stamp, account, &address, number).min(MOST_EACH);
    }
    text.into_bytes()
}

fn happened(
    text: &mut String,
    random: &mut SmallRng,
    stamp: &str,
    account: u32,
    address: &str,
    number: u64,
) -> u32 {
    let before = text.len();
    let session = format!("{number:016x}");
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Into a string: it can't fail.
        let _ = writeln!(text, "{stamp} {words}");
    };
    match random.random_range(0..10) {
        0..5 => {
            line(format_args!(
                "dovecot: imap-login: Login: user=<user-{account}@example.org>, method=PLAIN, rip={address}, \
                 lip=192.0.2.1, mpid={}, TLS, session=<{session}>",
                number % 100_000
            ));
            line(format_args!(
                "dovecot: imap(user-{account}@example.org)<{}><{session}>: Disconnected: Logged out in=231 out=10322 \
                 deleted=0 expunged=0 trashed=0 hdr_count=4 hdr_bytes=1422 body_count=1 body_bytes=5220",
                number % 100_000
            ));
        }
        5..7 => {
            line(format_args!(
                "dovecot: auth: passwd-file(user-{account}@example.org,{address},<{session}>): Password mismatch"
            ));
            line(format_args!(
                "dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): \
                 user=<user-{account}@example.org>, method=PLAIN, rip={address}, lip=192.0.2.1, TLS, \
                 session=<{session}>"
            ));
        }
        7 => {
            let process = number % 30_000;
            line(format_args!("postfix/smtpd[{process}]: connect from unknown[{address}]"));
            line(format_args!(
                "postfix/smtpd[{process}]: warning: unknown[{address}]: SASL LOGIN authentication failed: \
                 UGFzc3dvcmQ6"
            ));
            line(format_args!(
                "postfix/smtpd[{process}]: disconnect from unknown[{address}] ehlo=1 auth=0/1 quit=1 commands=2/3"
            ));
        }
        8 => submission(&mut line, account, address, number),
        _ => line(format_args!("CRON[{}]: (root) CMD (test -x /usr/sbin/anacron)", number % 30_000)),
    }
    let added = text[before..].matches('\n').count();
    u32::try_from(added).unwrap_or(u32::MAX)
}

fn submission(line: &mut impl FnMut(std::fmt::Arguments<'_>), account: u32, address: &str, number: u64) {
    let (process, queue) = (number % 30_000, format!("{:010X}", number % 0xFF_FFFF_FFFF));
    line(format_args!("postfix/submission/smtpd[{process}]: connect from unknown[{address}]"));
    line(format_args!(
        "postfix/submission/smtpd[{process}]: {queue}: client=unknown[{address}], sasl_method=PLAIN, \
         sasl_username=user-{account}@example.org"
    ));
    line(format_args!("postfix/cleanup[{process}]: {queue}: message-id=<{number}@example.org>"));
    line(format_args!(
        "postfix/qmgr[99]: {queue}: from=<user-{account}@example.org>, size={}, nrcpt=1 (queue active)",
        number % 1_000_000
    ));
    line(format_args!(
        "postfix/smtp[{process}]: {queue}: to=<someone@example.net>, relay=mx.example.net[192.0.2.9]:25, delay=0.4, \
         delays=0.1/0/0.1/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4bXy2k3Zq1z9vNs)"
    ));
    line(format_args!("postfix/qmgr[99]: {queue}: removed"));
    line(format_args!(
        "postfix/submission/smtpd[{process}]: disconnect from unknown[{address}] ehlo=1 auth=1 mail=1 rcpt=1 data=1"
    ));
}
