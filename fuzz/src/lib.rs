//! What must hold for any bytes from outside. `cargo xtask fuzz` looks for bytes that break it; the tests replay
//! the corpora.

use std::ops::ControlFlow;

use jiff::tz::TimeZone;
use mailcup_console_core::shown_mail::{attachment, head, letter, words};
use mailcup_policy::{file, read_networks};
use mailcup_service::{
    log_import::{
        gathering::{Found, Gathering},
        reading,
        stamps::Calendar,
    },
    passkey::{self, Assertion, Challenge, Creation, Known, RelyingParty},
    policy::{
        dovecot::PolicyRequest,
        postfix::request::{self, MAX_REQUEST, Request},
    },
};
use mailcup_wire::{
    AccessRule, EventBody, ImportReport, LimitEdit, Network, PolicyState, RuleEdit, SendingLimit, Time,
    desktop::{PolicyFormat, PolicyPart},
};

/// A connection of Postfix's: requests are cut out and read one after the other, or the connection ends.
pub fn postfix_request(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(end)) = request::end(rest) {
        assert!(end <= rest.len() && end <= MAX_REQUEST, "a request ends where it can");
        let Ok(request) = Request::parse(&rest[..end]) else { return };
        if let Some(login) = request.login() {
            assert_eq!(login.to_lowercase(), login, "logins are compared in lower case");
        }
        if let Some(address) = request.address() {
            assert_eq!(address, address.to_canonical(), "mapped addresses are IPv4");
        }
        let _ = (request.sender(), request.recipients(), request.size());
        rest = &rest[end..];
    }
}

/// A body of Dovecot's auth policy requests.
pub fn dovecot_request(bytes: &[u8]) {
    let Ok(request) = PolicyRequest::read(bytes) else { return };
    let _ = request.password_mark();
    if let Ok(attempt) = request.attempt() {
        assert!(attempt.login.0.len() <= 3 * 320, "a login is cut to what is kept");
    }
}

/// A message that is shown. Whatever stands in it, it is shown in bounds, and nothing in it runs or is fetched.
pub fn shown_mail(bytes: &[u8]) {
    let read = letter(bytes, bytes.len() as u64);
    assert!(read.headers.len() <= 500 && read.attachments.len() <= 200, "a list has an end");
    for tag in read.html.as_deref().map(tags).unwrap_or_default() {
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let bad = [
            "script", "iframe", "form", "input", "style", "link", "meta", "base", "object", "embed", "svg",
            "video",
        ];
        assert!(!bad.contains(&name), "<{tag}> is shown");
        for attribute in rest.split("\" ") {
            let (name, value) = attribute.split_once("=\"").unwrap_or((attribute, ""));
            let (name, value) = (name.trim(), value.trim_start().to_ascii_lowercase());
            let leads_nowhere = match name {
                "src" => value.starts_with("data:image/"),
                "href" => {
                    ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| value.starts_with(scheme))
                }
                "style" | "srcset" | "background" | "poster" | "action" | "cite" | "usemap" => false,
                name => !name.starts_with("on"),
            };
            assert!(leads_nowhere, "<{tag}> is shown");
        }
    }
    for shown in &read.attachments {
        let content = attachment(bytes, shown.part);
        assert_eq!(
            content.map(|it| it.len() as u64),
            Some(shown.size.0),
            "an attachment has the size that is shown"
        );
    }
    let _ = (head(bytes), words(bytes));
}

/// What stands between `<` and `>`: the sanitizer writes neither of them elsewhere but in quoted values.
fn tags(html: &str) -> Vec<&str> {
    let (mut tags, mut start, mut quoted) = (Vec::new(), None, false);
    for (at, char) in html.char_indices() {
        match (char, start) {
            ('<', None) => start = Some(at + 1),
            ('"', Some(_)) => quoted = !quoted,
            ('>', Some(from)) if !quoted => {
                tags.push(&html[from..at]);
                start = None;
            }
            _ => {}
        }
    }
    tags
}

/// A mail server's log. Whatever stands in it, events are of the kinds that a log tells of, and reading it again
/// finds the same ones.
pub fn log_line(bytes: &[u8]) {
    let found = read_log(bytes);
    for event in &found {
        match &event.body {
            EventBody::SignIn(it) => {
                assert!(it.login.0.len() <= 3 * 320, "a login is cut to what is kept");
                assert_eq!(it.login.0.to_lowercase(), it.login.0, "logins are compared in lower case");
            }
            EventBody::Submission(it) => {
                assert!(it.sender.as_ref().is_none_or(|sender| sender.len() <= 1000));
            }
            other => panic!("a log tells nothing of this: {other:?}"),
        }
    }
    assert_eq!(read_log(bytes), found, "the same lines are the same events");
}

fn read_log(bytes: &[u8]) -> Vec<Found> {
    let mut calendar = Calendar::new(TimeZone::UTC, Time::from_millis(1_795_000_000_000), None);
    let (mut gathering, mut report) = (Gathering::default(), ImportReport::default());
    let mut all = Vec::new();
    let read = reading::read(bytes, &mut calendar, &mut gathering, &mut report, |found, _| {
        all.extend(found);
        ControlFlow::Continue(())
    });
    // What is no log may still begin like one.
    let _ = read;
    gathering.finish();
    all.extend(gathering.take());
    all
}

/// What a device says of a passkey that it made, and of one that signed; the browser's part is right. Nothing is a
/// signature by chance.
pub fn passkey(bytes: &[u8]) {
    let (id, origin) = ("mail.example.org".to_owned(), "https://mail.example.org".to_owned());
    let (party, challenge) = (RelyingParty { id, origin }, Challenge([7; 32]));
    let client_data = |kind| {
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{}"}}"#, party.origin).into_bytes()
    };
    let client_data_of_creation = client_data("webauthn.create");
    let said = Creation { client_data: client_data_of_creation, attestation_object: bytes.to_vec() };
    let made = passkey::created(&party, challenge, &said);
    if let Ok(made) = &made {
        assert!((1..=1023).contains(&made.credential.len()), "a credential is as long as it may be");
        assert!(made.key.len() < bytes.len(), "a key is a part of what was said");
    }
    let key = made.map_or_else(|_| bytes.to_vec(), |made| made.key);
    let said = Assertion {
        credential: Vec::new(),
        client_data: client_data("webauthn.get"),
        authenticator_data: bytes.to_vec(),
        signature: bytes.to_vec(),
        user: None,
    };
    assert!(passkey::asserted(&party, challenge, Known { key: &key, counter: 0 }, &said).is_err());
}

/// A text with many networks. What was read, written again, is read as the same.
pub fn networks(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read = read_networks(&text);
    let again = read.networks.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let second = read_networks(&again);
    assert_eq!(second.networks, read.networks);
    assert_eq!((second.repeated, second.bad), (0, 0));
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse(), Ok(network));
    }
}

/// A file of rules or of limits. What was read, written in either form, is read as the same.
pub fn rules_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let rules = file::read(&text, PolicyPart::Rules, &nothing());
    let limits = file::read(&text, PolicyPart::Limits, &nothing());
    let mut state = nothing();
    let at = Time::from_millis(0);
    for edit in rules.change.rules {
        if let RuleEdit::Create { terms } = edit {
            state.rules.push(AccessRule {
                id: "r".into(),
                terms,
                mode_since: at,
                created_at: at,
                created_by_login: None,
                changed_at: at,
                changed_by_login: None,
                deleted_at: None,
                version: 1,
            });
        }
    }
    for edit in limits.change.limits {
        if let LimitEdit::Create { terms } = edit {
            state.limits.push(SendingLimit {
                id: "l".into(),
                terms,
                mode_since: at,
                created_at: at,
                created_by_login: None,
                changed_at: at,
                changed_by_login: None,
                deleted_at: None,
                version: 1,
            });
        }
    }
    // The compiled forms take whatever passed the check.
    let _ = (mailcup_policy::rule_set(&state.rules), mailcup_policy::limit_set(&state.limits));
    for format in [PolicyFormat::Toml, PolicyFormat::Csv] {
        for part in [PolicyPart::Rules, PolicyPart::Limits] {
            let again = file::read(&file::write(&state, part, format), part, &state);
            assert_eq!(again.bad_lines, [], "what was written is read");
            assert_eq!(again.new, 0, "what was written is read as the same");
        }
    }
}

fn nothing() -> PolicyState {
    PolicyState { rules: Vec::new(), limits: Vec::new(), known_networks: Vec::new(), trial: None }
}
