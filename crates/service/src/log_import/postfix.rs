//! What Postfix 3.7 to 3.10 says of sign-ins and of mail that was handed to it.
//!
//! Senders, recipients and what other servers answered are what strangers chose: what matters is looked for before
//! them, or from the end of a line.

use std::net::IpAddr;

/// A message of Postfix's, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    Connected,
    Disconnected,
    /// A message begins, from a client that signed in.
    Client {
        queue: &'a str,
        address: Option<IpAddr>,
        login: &'a str,
    },
    /// A message is in the queue.
    Queued {
        queue: &'a str,
        sender: &'a str,
        size: u32,
        recipients: u32,
    },
    /// What became of a message for one recipient.
    Delivery {
        queue: &'a str,
        fate: Fate,
    },
    /// The queue is done with a message.
    Removed {
        queue: &'a str,
    },
    SignInFailed {
        address: Option<IpAddr>,
        /// Postfix 3.10 and some before it say it.
        login: Option<&'a str>,
    },
    /// A recipient or a message was refused.
    Refused {
        /// None before there is a message.
        queue: Option<&'a str>,
        address: Option<IpAddr>,
        /// The reply, such as `554 5.7.1`.
        reply: &'a str,
        for_good: bool,
        sender: &'a str,
        login: Option<&'a str>,
    },
    /// Known, and nothing about sign-ins or submissions.
    Aside,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Sent,
    Bounced,
    Other,
}

/// Whether a program is a part of Postfix.
pub fn is_postfix(program: &str) -> bool {
    program.starts_with("postfix") && program.contains('/')
}

/// Whether people hand in mail at this part, and no other servers.
pub fn is_submission(program: &str) -> bool {
    let mut parts = program.split('/');
    parts.any(|part| matches!(part, "submission" | "submissions" | "smtps"))
}

/// Reads a message of the part of Postfix that a program's name ends with.
pub fn read<'a>(program: &str, message: &'a str) -> Said<'a> {
    match program.rsplit('/').next() {
        Some("smtpd") => smtpd(message),
        Some("qmgr" | "oqmgr") => queue(message).unwrap_or(Said::Aside),
        Some("cleanup") => cleanup(message).unwrap_or(Said::Aside),
        Some("smtp" | "lmtp" | "local" | "virtual" | "pipe" | "error" | "discard" | "retry") => {
            delivery(message).unwrap_or(Said::Aside)
        }
        _ => Said::Aside,
    }
}

/// What the server says beside what is read.
const ASIDES: [&str; 26] = [
    "lost connection ",
    "timeout ",
    "too many errors ",
    "warning: ",
    "error: ",
    "fatal: ",
    "panic: ",
    "Anonymous TLS ",
    "Trusted TLS ",
    "Untrusted TLS ",
    "Verified TLS ",
    "SSL_accept ",
    "TLS SNI ",
    "TLS library ",
    "setting up TLS",
    "improper command pipelining ",
    "improper use of ",
    "using backwards-compatible ",
    "NOQUEUE: ",
    "proxy-accept: ",
    "proxy-reject: ",
    "discarding EHLO ",
    "initializing the server-side TLS",
    "certificate verification ",
    "daemon started",
    "BDAT ",
];

/// What the server says of a message.
const OF_A_MESSAGE: [&str; 12] = [
    "client=",
    "warn: ",
    "info: ",
    "hold: ",
    "filter: ",
    "redirect: ",
    "discard: ",
    "prepend: ",
    "replace: ",
    "bcc: ",
    "delay: ",
    "strip: ",
];

fn smtpd(message: &str) -> Said<'_> {
    if let Some(warning) = message.strip_prefix("warning: ") {
        return sign_in_failed(warning).unwrap_or(Said::Aside);
    }
    if message.starts_with("connect from ") {
        return Said::Connected;
    }
    if message.starts_with("disconnect from ") {
        return Said::Disconnected;
    }
    if let Some(refused) = message.strip_prefix("NOQUEUE: ") {
        return refusal(None, refused).unwrap_or(Said::Aside);
    }
    if let Some((id, said)) = of_message(message) {
        if let Some(client) = said.strip_prefix("client=") {
            return signed_in(id, client).unwrap_or(Said::Aside);
        }
        if let Some(refused) = refusal(Some(id), said) {
            return refused;
        }
        let is_known = OF_A_MESSAGE.iter().any(|begin| said.starts_with(begin));
        return if is_known { Said::Aside } else { Said::Unknown };
    }
    if ASIDES.iter().any(|begin| message.starts_with(begin)) { Said::Aside } else { Said::Unknown }
}

/// `HOST[ADDRESS], sasl_method=…, sasl_username=…`.
fn signed_in<'a>(queue: &'a str, client: &'a str) -> Option<Said<'a>> {
    let (head, login) = client.split_once(", sasl_username=")?;
    let login = login.split(", sasl_sender=").next().unwrap_or_default();
    Some(Said::Client { queue, address: address(head), login })
}

/// `HOST[ADDRESS]: SASL METHOD authentication failed: REASON[, sasl_username=…]`.
fn sign_in_failed(warning: &str) -> Option<Said<'_>> {
    /// Failures in which no password was looked at.
    const NO_ANSWER: [&str; 5] = [
        "Invalid authentication mechanism",
        "Connection lost to authentication server",
        "authentication server",
        "Temporary authentication failure",
        "no mechanism available",
    ];
    let (client, told) = warning.split_once(": SASL ")?;
    let (_, told) = told.split_once(" authentication failed")?;
    let (reason, login) = match told.split_once(", sasl_username=") {
        Some((reason, login)) => (reason, Some(login).filter(|login| *login != "(unavailable)")),
        None => (told, None),
    };
    if NO_ANSWER.iter().any(|answer| reason.contains(answer)) {
        return None;
    }
    Some(Said::SignInFailed { address: address(client), login })
}

/// `reject: RCPT from HOST[ADDRESS]: 554 5.7.1 …; from=<…> to=<…> proto=ESMTP helo=<…>[ sasl_username=<…>]`.
fn refusal<'a>(queue: Option<&'a str>, said: &'a str) -> Option<Said<'a>> {
    let (verb, told) = said.split_once(": ")?;
    if !matches!(verb, "reject" | "milter-reject") {
        return None;
    }
    let (client, told) = told.split_once(" from ")?.1.split_once("]: ")?;
    let code = told.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let dotted = |word: &&str| word.split('.').count() == 3 && word.starts_with(['4', '5']);
    let mut words = told.split(' ');
    let reply = match (code, words.next(), words.next().filter(dotted)) {
        (Some(code), _, Some(second)) => &told[..code.len() + 1 + second.len()],
        (Some(code), _, None) => code,
        // A milter's answer may lack the first number.
        (None, Some(first), _) if dotted(&first) => first,
        (None, ..) => return None,
    };
    let envelope = told.rfind("; from=<").map_or("", |place| &told[place + "; from=<".len()..]);
    let sender = envelope.split(['>', ' ']).next().unwrap_or_default();
    let login = envelope.rsplit_once(" sasl_username=<").map(|(_, login)| login.trim_end_matches('>'));
    let for_good = reply.starts_with('5');
    Some(Said::Refused { queue, address: address_behind(client), reply, for_good, sender, login })
}

fn queue(message: &str) -> Option<Said<'_>> {
    let (queue, said) = of_message(message)?;
    if said == "removed" {
        return Some(Said::Removed { queue });
    }
    let told = said.strip_prefix("from=<")?;
    let (sender, told) = told.split_at(told.rfind(">, size=")?);
    let (size, told) = told[">, size=".len()..].split_once(", nrcpt=")?;
    let recipients = told.split(' ').next()?.parse().ok()?;
    Some(Said::Queued { queue, sender, size: size.parse().ok()?, recipients })
}

fn cleanup(message: &str) -> Option<Said<'_>> {
    let (queue, said) = of_message(message)?;
    refusal(Some(queue), said)
}

/// `QUEUE: to=<…>, …, relay=…, …, status=sent (…)`.
fn delivery(message: &str) -> Option<Said<'_>> {
    let (queue, said) = of_message(message)?;
    let told = &said[said.strip_prefix("to=<").and(said.find(">, "))?..];
    let (_, status) = told.split_once(", status=")?;
    let fate = match status.split(' ').next() {
        Some("sent") => Fate::Sent,
        Some("bounced" | "expired") => Fate::Bounced,
        _ => Fate::Other,
    };
    Some(Said::Delivery { queue, fate })
}

/// A message's name in the queue, short or long, and what is said of it.
fn of_message(message: &str) -> Option<(&str, &str)> {
    let (queue, said) = message.split_once(": ")?;
    let is_name = (5..=24).contains(&queue.len())
        && queue.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && queue.bytes().any(|byte| byte.is_ascii_digit());
    is_name.then_some((queue, said))
}

/// The address of `HOST[ADDRESS]`, or of `HOST[ADDRESS]:PORT`.
fn address(client: &str) -> Option<IpAddr> {
    let (head, _) = client.split_once(']')?;
    address_behind(head)
}

/// The address of `HOST[ADDRESS`.
fn address_behind(client: &str) -> Option<IpAddr> {
    let (_, address) = client.split_once('[')?;
    address.strip_prefix("IPv6:").unwrap_or(address).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMTPD: &str = "postfix/submission/smtpd";

    #[test]
    fn a_message_is_followed_through_the_queue() {
        let client = "4bXy2k3Zq1z9vNs: client=unknown[2001:db8::7], sasl_method=PLAIN, \
                      sasl_username=anna@example.org";
        assert_eq!(
            read(SMTPD, client),
            Said::Client {
                queue: "4bXy2k3Zq1z9vNs",
                address: "2001:db8::7".parse().ok(),
                login: "anna@example.org"
            }
        );
        let forwarded = "A1B2C3D4E5: client=mx[203.0.113.7]:4001, sasl_method=LOGIN, sasl_username=ben, \
                         sasl_sender=x@y";
        assert!(matches!(read(SMTPD, forwarded), Said::Client { login: "ben", .. }));
        assert_eq!(read("postfix/smtpd", "A1B2C3D4E5: client=mx.example.net[203.0.113.7]"), Said::Aside);
        assert_eq!(
            read("postfix/qmgr", "A1B2C3D4E5: from=<anna@example.org>, size=1234, nrcpt=3 (queue active)"),
            Said::Queued { queue: "A1B2C3D4E5", sender: "anna@example.org", size: 1234, recipients: 3 }
        );
        assert_eq!(
            read("postfix/qmgr", "A1B2C3D4E5: from=<>, status=expired, returned to sender"),
            Said::Aside
        );
        for (status, fate) in [("sent", Fate::Sent), ("bounced", Fate::Bounced), ("deferred", Fate::Other)] {
            let line = format!(
                "A1B2C3D4E5: to=<x@example.net>, relay=mx.example.net[192.0.2.9]:25, delay=0.4, \
                 delays=0.1/0/0.1/0.2, dsn=2.0.0, status={status} (250 2.0.0 Ok, status=sent)"
            );
            assert_eq!(read("postfix/smtp", &line), Said::Delivery { queue: "A1B2C3D4E5", fate });
        }
        assert_eq!(read("postfix/qmgr", "A1B2C3D4E5: removed"), Said::Removed { queue: "A1B2C3D4E5" });
    }

    #[test]
    fn failed_sign_ins_are_read() {
        let failed = |login| Said::SignInFailed { address: "203.0.113.7".parse().ok(), login };
        for (line, login) in [
            ("warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", None),
            ("warning: mx.example.net[203.0.113.7]: SASL PLAIN authentication failed:", None),
            (
                "warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: (reason unavailable), \
                 sasl_username=anna@example.org",
                Some("anna@example.org"),
            ),
            (
                "warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: authentication failure, \
                 sasl_username=(unavailable)",
                None,
            ),
        ] {
            assert_eq!(read(SMTPD, line), failed(login), "{line}");
        }
        for aside in [
            "warning: unknown[203.0.113.7]: SASL LOGIN authentication failed: Connection lost to authentication \
             server",
            "warning: unknown[203.0.113.7]: SASL LOGIN authentication aborted",
            "warning: hostname x does not resolve to address 203.0.113.7",
        ] {
            assert_eq!(read(SMTPD, aside), Said::Aside, "{aside}");
        }
    }

    #[test]
    fn refusals_are_read() {
        let line = "NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 554 5.7.1 <x@example.net>: Relay access \
                    denied; from=<anna@example.org> to=<x@example.net> proto=ESMTP helo=<[10.0.0.1]>";
        assert_eq!(
            read(SMTPD, line),
            Said::Refused {
                queue: None,
                address: "203.0.113.7".parse().ok(),
                reply: "554 5.7.1",
                for_good: true,
                sender: "anna@example.org",
                login: None,
            }
        );
        let later = "A1B2C3D4E5: reject: DATA from unknown[203.0.113.7]: 450 4.7.1 <DATA>: try later; \
                     from=<a@b> proto=ESMTP helo=<x> sasl_username=<anna>";
        assert!(matches!(
            read(SMTPD, later),
            Said::Refused { queue: Some("A1B2C3D4E5"), for_good: false, login: Some("anna"), .. }
        ));
        let milter = "A1B2C3D4E5: milter-reject: END-OF-MESSAGE from unknown[203.0.113.7]: 5.7.1 Spam message \
                      rejected; from=<a@b> to=<c@d> proto=ESMTP helo=<x>";
        assert!(matches!(
            read("postfix/cleanup", milter),
            Said::Refused { reply: "5.7.1", for_good: true, sender: "a@b", .. }
        ));
        assert_eq!(read(SMTPD, "NOQUEUE: client=unknown[203.0.113.7]"), Said::Aside);
    }

    #[test]
    fn the_rest_is_an_aside_or_unknown() {
        for (program, aside) in [
            (SMTPD, "lost connection after AUTH from unknown[203.0.113.7]"),
            (SMTPD, "Anonymous TLS connection established from unknown[203.0.113.7]: TLSv1.3"),
            ("postfix/cleanup", "A1B2C3D4E5: message-id=<x@y>"),
            ("postfix/anvil", "statistics: max connection rate 1/60s"),
            ("postfix/postscreen", "PREGREET 11 after 0.1 from [203.0.113.7]:5"),
        ] {
            assert_eq!(read(program, aside), Said::Aside, "{aside}");
        }
        assert_eq!(read(SMTPD, "the moon is full"), Said::Unknown);
        assert!(is_postfix("postfix/smtpd") && is_postfix("postfix-out/smtp") && !is_postfix("postfixadmin"));
        assert!(
            is_submission(SMTPD) && is_submission("postfix/smtps/smtpd") && !is_submission("postfix/smtpd")
        );
    }
}
