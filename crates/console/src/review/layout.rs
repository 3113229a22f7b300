//! Where things lie in a snapshot (docs/snapshots.md), and what a Maildir's names say
//! (<https://cr.yp.to/proto/maildir.html>, Maildir++ for folders).

use std::path::{Component, Path, PathBuf};

use base64::{Engine as _, engine::GeneralPurpose};
use data_encoding::HEXUPPER;
use mailcup_snapshots::{Entry, Kind};
use mailcup_wire::{
    Code, Login, Problem, Time,
    desktop::{MailFlag, StatePart},
};

pub const MAIL: &str = "mail";
pub const MANIFEST: &str = "manifest.json";
/// In the folder of an account: its inbox, and below it its other folders.
pub const MAILDIR: &str = "Maildir";
/// In `mail/`, the folder of accounts without a domain.
const NO_DOMAIN: &str = "_";
const INBOX: &str = "INBOX";

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePlace {
    pub account: Login,
    /// As people read it.
    pub folder: String,
    pub name: MessageName,
}

/// The name of a message's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageName {
    /// Stays the same when flags change and when the message is moved.
    pub unique: String,
    pub flags: Vec<MailFlag>,
    /// In seconds, as the mail server says in the name.
    pub delivered: Option<i64>,
    /// Lies in `new/`: no program has shown it yet.
    pub is_new: bool,
}

/// A path that a page names, below `mail/`: of plain names only.
pub fn mail_path(path: &str) -> Result<PathBuf, Problem> {
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.is_empty() || path.contains('\0') {
        return Err(Problem::new(Code::NotFound, format!("There is no “{path}” in this snapshot.")));
    }
    Ok(Path::new(MAIL).join(relative))
}

/// A path in a snapshot as pages name it.
pub fn below_mail(path: &Path) -> String {
    path.strip_prefix(MAIL).unwrap_or(path).to_string_lossy().into_owned()
}

/// The login of an account by the folders that its mail lies in.
pub fn login_of(domain: &str, user: &str) -> Login {
    Login(if domain == NO_DOMAIN { user.to_owned() } else { format!("{user}@{domain}") })
}

/// The folder of an account's mail, in a snapshot.
pub fn maildir_of(login: &Login) -> PathBuf {
    let (user, domain) = login.0.rsplit_once('@').unwrap_or((&login.0, NO_DOMAIN));
    [MAIL, domain, user, MAILDIR].iter().collect()
}

/// What a path in a snapshot says of a message; none if it is something else, such as a list of subscriptions.
pub fn message_at(path: &Path) -> Option<MessagePlace> {
    let mut names = path.components().map(|part| part.as_os_str().to_str());
    if names.next()?? != MAIL {
        return None;
    }
    let (domain, user) = (names.next()??, names.next()??);
    let rest: Vec<&str> = names.collect::<Option<_>>()?;
    let (folder, part, name) = match rest.as_slice() {
        [MAILDIR, part, name] => (INBOX.to_owned(), *part, *name),
        [MAILDIR, folder, part, name] => (folder_name(folder), *part, *name),
        _ => return None,
    };
    if part != "cur" && part != "new" {
        return None;
    }
    Some(MessagePlace { account: login_of(domain, user), folder, name: message_name(name, part == "new") })
}

/// Whether it is a folder below an inbox.
pub fn is_mail_folder(entry: &Entry) -> bool {
    entry.kind == Kind::Folder && entry.name.as_encoded_bytes().starts_with(b".")
}

/// As people read a Maildir++ folder: `.Projects.2026` is `Projects/2026`, in modified UTF-7 (RFC 3501, 5.1.3) or not.
pub fn folder_name(on_disk: &str) -> String {
    let text = on_disk.strip_prefix('.').unwrap_or(on_disk);
    if text.is_empty() {
        return INBOX.to_owned();
    }
    let decode = if text.is_ascii() { from_utf7 } else { str::to_owned };
    text.split('.').map(decode).collect::<Vec<_>>().join("/")
}

pub fn message_name(name: &str, is_new: bool) -> MessageName {
    let (unique, info) = name.split_once(":2,").unwrap_or((name.split(':').next().unwrap_or(name), ""));
    let mut flags: Vec<MailFlag> = info.chars().filter_map(flag).collect();
    flags.sort_unstable();
    flags.dedup();
    let delivered = unique.split_once('.').and_then(|(seconds, _)| seconds.parse().ok());
    MessageName { unique: unique.to_owned(), flags, delivered, is_new }
}

/// When a message came: as its name says, else as its file does.
pub fn received_at(name: &MessageName, entry: &Entry) -> Time {
    let named = name.delivered.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    Time(named.or(entry.modified).unwrap_or_default())
}

/// The folder of `state/` in which records of a part lie.
pub const fn state_folder(part: StatePart) -> &'static str {
    match part {
        StatePart::Accounts => "accounts",
        StatePart::AccessRules => "access-rules",
        StatePart::SendingLimits => "sending-limits",
        StatePart::KnownNetworks => "known-networks",
        StatePart::Admins => "admins",
        StatePart::Blocks => "blocks",
        StatePart::Alerts => "alerts",
        StatePart::Events => "events",
    }
}

/// What a record is known by, from the name of its file: percent-decoded.
pub fn record_key(file: &str) -> String {
    let name = file.strip_suffix(".json").or_else(|| file.strip_suffix(".jsonl")).unwrap_or(file);
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%');
        if let Some(decoded) = digits.and_then(|digits| HEXUPPER.decode(digits).ok()) {
            bytes.extend(decoded);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads modified UTF-7; what isn't any stays as it is. The crate that does it panics on that.
fn from_utf7(text: &str) -> String {
    const MUTF7: GeneralPurpose =
        GeneralPurpose::new(&base64::alphabet::IMAP_MUTF7, base64::engine::general_purpose::NO_PAD);
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        read.push_str(before);
        let shifted = after.split_once('-').and_then(|(coded, after)| {
            if coded.is_empty() {
                return Some(("&".to_owned(), after));
            }
            let bytes = MUTF7.decode(coded).ok().filter(|bytes| bytes.len() % 2 == 0)?;
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            Some((String::from_utf16(&units).ok()?, after))
        });
        let Some((decoded, after)) = shifted else { return text.to_owned() };
        read.push_str(&decoded);
        rest = after;
    }
    read + rest
}

const fn flag(letter: char) -> Option<MailFlag> {
    match letter {
        'S' => Some(MailFlag::Seen),
        'R' => Some(MailFlag::Answered),
        'F' => Some(MailFlag::Flagged),
        'D' => Some(MailFlag::Draft),
        'T' => Some(MailFlag::Deleted),
        'P' => Some(MailFlag::Passed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_whose_message_it_is_and_where() {
        let place = message_at(Path::new(
            "mail/example.org/anna/Maildir/.Projekte.M&APw-ll/cur/1790000000.M1P2.host:2,FS",
        ))
        .unwrap();
        assert_eq!(place.account.0, "anna@example.org");
        assert_eq!(place.folder, "Projekte/Müll");
        assert_eq!(place.name.unique, "1790000000.M1P2.host");
        assert_eq!(place.name.flags, [MailFlag::Seen, MailFlag::Flagged]);
        assert_eq!(place.name.delivered, Some(1_790_000_000));
        let new = message_at(Path::new("mail/_/postmaster/Maildir/new/1.x")).unwrap();
        assert_eq!(
            (new.account.0.as_str(), new.folder.as_str(), new.name.is_new),
            ("postmaster", "INBOX", true)
        );
        for other in ["mail/example.org/anna/Maildir/subscriptions", "state/accounts/a.json", "mail", ""] {
            assert_eq!(message_at(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn folders_are_read_in_any_script_and_broken_ones_as_they_are() {
        for (on_disk, read) in [
            ("", "INBOX"),
            (".Sent", "Sent"),
            (".Tom &- Jerry", "Tom & Jerry"),
            (".&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", "Отправленные"),
            (".Входящие.2026", "Входящие/2026"),
            (".&broken", "&broken"),
            (".&!!!-", "&!!!-"),
            (".&2AA-", "&2AA-"),
        ] {
            assert_eq!(folder_name(on_disk), read, "{on_disk}");
        }
    }

    #[test]
    fn a_page_names_nothing_outside_the_mail() {
        assert!(mail_path("example.org/anna/Maildir").is_ok());
        for path in ["", "../state", "/etc", "a/../../state", "a\0b", "./a"] {
            assert!(mail_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_records_file_names_it() {
        assert_eq!(record_key("anna@example.org.json"), "anna@example.org");
        assert_eq!(record_key("%2E.%2Fa%2Fb.json"), "../a/b");
        assert_eq!(record_key("%C3%A4.json"), "ä");
        assert_eq!(record_key("%.json"), "%");
        assert_eq!(maildir_of(&Login("anna@example.org".into())), Path::new("mail/example.org/anna/Maildir"));
        assert_eq!(maildir_of(&Login("postmaster".into())), Path::new("mail/_/postmaster/Maildir"));
    }
}
