//! What Dovecot 2.3 and 2.4 say of sign-ins.
//!
//! A login name is what a client sent, so nothing behind it is believed that could stand in it: fields are looked for
//! from the end of a line, and what became of an attempt before its name.

use std::net::IpAddr;

use mailcup_wire::Protocol;

/// A message of Dovecot's, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    SignedIn(Client<'a>),
    /// A connection ended without a sign-in.
    Failed {
        client: Client<'a>,
        attempts: u32,
    },
    /// One wrong password, told by the part that looked it up. It is told again when the connection ends.
    Attempt {
        login: &'a str,
        address: Option<IpAddr>,
        session: &'a str,
        why: Why,
    },
    /// Known, and nothing about sign-ins.
    Aside,
    Unknown,
}

/// Who was connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client<'a> {
    pub protocol: Protocol,
    pub login: &'a str,
    pub address: Option<IpAddr>,
    pub tls: bool,
    pub session: &'a str,
}

/// Why a password opened nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    WrongPassword,
    UnknownUser,
}

/// Reads what follows `dovecot:`.
pub fn read(message: &str) -> Said<'_> {
    let Some((speaker, said)) = message.split_once(": ") else { return Said::Aside };
    let name = &speaker[..speaker.find(['(', '<', '[']).unwrap_or(speaker.len())];
    let protocol = match name {
        "imap-login" => Protocol::Imap,
        "pop3-login" => Protocol::Pop3,
        "submission-login" => Protocol::Submission,
        "managesieve-login" | "sieve-login" => Protocol::Sieve,
        "auth" | "auth-worker" => return lookup(message).unwrap_or(Said::Aside),
        _ => return Said::Aside,
    };
    let (level, said) = level(said);
    login(protocol, said).unwrap_or(match level {
        Level::Info if !ASIDES.iter().any(|begin| said.starts_with(begin)) => Said::Unknown,
        Level::Info | Level::Other => Said::Aside,
    })
}

/// What login processes say beside what became of a sign-in.
const ASIDES: [&str; 15] = [
    "Disconnected",
    "Aborted login",
    "Login aborted",
    "Connection closed",
    "Maximum number of connections",
    "Internal login failure",
    "Authentication server",
    "Auth process",
    "Timeout waiting",
    "Master process",
    "Post-login",
    "proxy(",
    "Proxy",
    "SSL",
    "TLS",
];

enum Level {
    Info,
    Other,
}

/// Dovecot's own file says how grave a message is.
fn level(said: &str) -> (Level, &str) {
    if let Some(rest) = said.strip_prefix("Info: ") {
        return (Level::Info, rest);
    }
    for other in ["Warning: ", "Error: ", "Debug: ", "Fatal: ", "Panic: "] {
        if let Some(rest) = said.strip_prefix(other) {
            return (Level::Other, rest);
        }
    }
    (Level::Info, said)
}

fn login(protocol: Protocol, said: &str) -> Option<Said<'_>> {
    let begin = said.find("user=<")?;
    let (head, fields) = said.split_at(begin);
    let client = client(protocol, fields);
    // 2.3, 2.4, and a proxy of either.
    let is_in = head.starts_with("Login: ")
        || head.starts_with("Logged in: ")
        || (head.starts_with("proxy(") && head.contains("): started proxying to "));
    if is_in {
        return Some(Said::SignedIn(client?));
    }
    let (_, told) = head.split_once("(auth failed, ")?;
    let digits = &told[..told.find(|other: char| !other.is_ascii_digit())?];
    Some(Said::Failed { client: client?, attempts: digits.parse().ok()? })
}

/// `user=<…>, method=…, rip=…, lip=…, mpid=…, TLS, session=<…>`: as the log's format is by default, which may lack
/// any of it but the name.
fn client(protocol: Protocol, fields: &str) -> Option<Client<'_>> {
    let named = fields.strip_prefix("user=<")?;
    let (named, server) = match named.rfind(", rip=") {
        Some(place) => (&named[..place], &named[place + ", rip=".len()..]),
        None => (named, ""),
    };
    let end = named.rfind(">, method=").or_else(|| named.rfind('>'))?;
    let mut parts = server.split(", ");
    let address = parts.next().and_then(|address| address.parse().ok());
    let (mut tls, mut session) = (false, "");
    for part in parts {
        if let Some(id) = part.strip_prefix("session=<") {
            session = id.trim_end_matches('>');
        } else if part.starts_with("TLS") && !part.starts_with("TLS handshak") {
            tls = true;
        }
    }
    Some(Client { protocol, login: &named[..end], address, tls, session })
}

/// `auth: passwd-file(USER,ADDRESS,<SESSION>): Password mismatch` of 2.3, or
/// `auth(USER,ADDRESS,sasl:plain)<SESSION>: passwd-file: Password mismatch` of 2.4.
fn lookup(message: &str) -> Option<Said<'_>> {
    let why = if message.contains("nknown user") {
        Why::UnknownUser
    } else if message.contains("assword mismatch") || message.contains("pam_authenticate() failed") {
        Why::WrongPassword
    } else {
        return None;
    };
    let (begin, end) = message.match_indices('(').find_map(|(open, _)| {
        let close = open + message[open..].find("):").or_else(|| message[open..].find(")<"))?;
        message[open..close].contains(',').then_some((open + 1, close))
    })?;
    let mut session = "";
    let (mut address, mut login) = (None, &message[begin..end]);
    while let Some((rest, last)) = login.rsplit_once(',') {
        if let Some(id) = last.strip_prefix('<') {
            session = id.trim_end_matches('>');
        } else if let Ok(found) = last.parse() {
            address = Some(found);
            login = rest;
            break;
        } else if !last.starts_with("sasl:") {
            break;
        }
        login = rest;
    }
    if session.is_empty() {
        // Behind the parenthesis, after the number of a process where there is one.
        let behind = &message[end + 1..];
        let mut ids = behind.split(": ").next().unwrap_or_default().split(['<', '>']);
        session = ids.rfind(|id| !id.is_empty()).unwrap_or_default();
    }
    Some(Said::Attempt { login, address, session, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(message: &str) -> (String, Option<String>, u32, String) {
        match read(message) {
            Said::Failed { client, attempts } => (
                client.login.to_owned(),
                client.address.map(|address| address.to_string()),
                attempts,
                client.session.to_owned(),
            ),
            other => panic!("{message}: {other:?}"),
        }
    }

    #[test]
    fn sign_ins_of_2_3_and_2_4_are_read() {
        let tail = "user=<anna@example.org>, method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, mpid=4711, TLS, \
                    session=<oYcGZ1xAbgDLAHEH>";
        for head in ["imap-login: Login: ", "imap-login: Logged in: ", "imap-login: Info: Login: "] {
            let message = format!("{head}{tail}");
            let Said::SignedIn(client) = read(&message) else { panic!("{message}") };
            assert_eq!(client.login, "anna@example.org");
            assert_eq!(client.address, "203.0.113.7".parse().ok());
            assert!(client.tls);
            assert_eq!(client.session, "oYcGZ1xAbgDLAHEH");
        }
        let proxied = "pop3-login: proxy(ben): started proxying to 10.0.0.2:110: user=<ben>, method=PLAIN, \
                       rip=2001:db8::7, lip=2001:db8::1, session=<a>";
        let Said::SignedIn(client) = read(proxied) else { panic!() };
        assert_eq!((client.protocol, client.tls), (Protocol::Pop3, false));
        assert_eq!(client.address, "2001:db8::7".parse().ok());
        let bare = read("managesieve-login: Login: user=<ben>, method=PLAIN, secured, session=<x>");
        let Said::SignedIn(client) = bare else { panic!("{bare:?}") };
        assert_eq!((client.login, client.address), ("ben", None));
    }

    #[test]
    fn failures_of_2_3_and_2_4_are_read() {
        let tail = "user=<anna>, method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, TLS, session=<s1>";
        for head in [
            "imap-login: Disconnected (auth failed, 2 attempts in 14 secs): ",
            "imap-login: Disconnected: Connection closed (auth failed, 2 attempts in 14 secs): ",
            "imap-login: Disconnected: Inactivity (auth failed, 2 attempts in 178 secs): ",
            "imap-login: Aborted login (auth failed, 2 attempts in 14 secs): ",
            "imap-login: Aborted login (auth failed, 2 attempts): ",
            "imap-login: Disconnected: Aborted login by logging out (auth failed, 2 attempts in 1 secs): ",
            "imap-login: Login aborted: Connection closed (auth failed, 2 attempts in 14 secs) (auth_failed): ",
            "imap-login: Login aborted: Logged out (auth failed, 2 attempts in 3 secs) (auth_failed): ",
            "imap-login: Info: Login aborted: Connection closed (auth failed, 2 attempts in 2 secs) (auth_failed): ",
        ] {
            let read = failed(&format!("{head}{tail}"));
            assert_eq!(read, ("anna".to_owned(), Some("203.0.113.7".to_owned()), 2, "s1".to_owned()));
        }
    }

    #[test]
    fn what_a_client_sends_as_its_name_is_nothing_but_a_name() {
        let name = "x>, method=PLAIN, rip=192.0.2.99, lip=1.1.1.1, session=<y";
        let line = format!(
            "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<{name}>, \
             method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, session=<s1>"
        );
        assert_eq!(failed(&line), (name.to_owned(), Some("203.0.113.7".to_owned()), 1, "s1".to_owned()));
        let none = "imap-login: Disconnected (no auth attempts in 0 secs): user=<(auth failed, 9 attempts)>, \
                    rip=203.0.113.7, lip=192.0.2.1";
        assert_eq!(read(none), Said::Aside);
    }

    #[test]
    fn lookups_are_read() {
        let expected = |session| Said::Attempt {
            login: "anna@example.org",
            address: "203.0.113.7".parse().ok(),
            session,
            why: Why::WrongPassword,
        };
        for (message, session) in [
            ("auth: passwd-file(anna@example.org,203.0.113.7,<s1>): Password mismatch", "s1"),
            ("auth: Info: passwd-file(anna@example.org,203.0.113.7): Password mismatch", ""),
            ("auth(anna@example.org,203.0.113.7,sasl:plain)<s1>: passwd-file: Password mismatch", "s1"),
            (
                "auth-worker(anna@example.org,203.0.113.7)<1489164><s1>: request [393]: unix_user: \
                 pam_authenticate() failed: Authentication failure (Password mismatch?)",
                "s1",
            ),
            ("auth-worker(17): sql(anna@example.org,203.0.113.7,<s1>): Password mismatch", "s1"),
        ] {
            assert_eq!(read(message), expected(session), "{message}");
        }
        let unknown = read("auth: passwd-file(nobody,2001:db8::9,<s>): unknown user");
        assert!(
            matches!(unknown, Said::Attempt { login: "nobody", why: Why::UnknownUser, .. }),
            "{unknown:?}"
        );
    }

    #[test]
    fn the_rest_is_an_aside_or_unknown() {
        for aside in [
            "master: Dovecot v2.3.19.1 (9b53102964) starting up for imap, pop3, lmtp, sieve",
            "imap(anna)<12><s1>: Disconnected: Logged out in=10 out=20",
            "lmtp(anna)<9><x>: sieve: msgid=<a@b>: stored mail into mailbox 'INBOX'",
            "imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=203.0.113.7, lip=192.0.2.1",
            "imap-login: Login aborted: Connection closed (no auth attempts in 0 secs) (no_auth_attempts): \
             user=<>, rip=203.0.113.7, lip=192.0.2.1, session=<s>",
            "imap-login: Error: auth: connect(login) failed: Permission denied",
        ] {
            assert_eq!(read(aside), Said::Aside, "{aside}");
        }
        assert_eq!(read("imap-login: Welcome: user=<anna>, rip=203.0.113.7"), Said::Unknown);
    }
}
