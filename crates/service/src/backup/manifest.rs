//! What a snapshot says of itself: `manifest.json`, and one record for each account's mail.

use std::fmt::Write as _;

use mailcup_wire::Time;
use serde::{Deserialize, Serialize};

use super::mail_pattern::Owner;

/// The form of a snapshot's content. A higher number is refused by older programs.
pub const FORMAT: u32 = 1;

/// Where things lie in a snapshot. The manifest comes after the mail, since it counts it.
pub const DATABASE: &str = "database/mailcup.db";
pub const SERVER_KEY: &str = "keys/server-key.json";
pub const MAIL: &str = "mail";
pub const MANIFEST: &str = "manifest.json";
pub const STATE: &str = "state";

/// In `mail/`, the folder of accounts without a domain.
pub const NO_DOMAIN: &str = "_";

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The mailcupd that wrote the snapshot.
    pub version: String,
    pub organization: Option<String>,
    pub database: DatabasePart,
    pub state: StatePart,
    /// None where no mail is backed up.
    pub mail: Option<MailPart>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabasePart {
    /// When the copy was made: the database is that of this moment.
    pub at: Time,
    /// Its newest migration.
    pub schema: i64,
    pub bytes: u64,
    pub sha256: String,
}

/// What `state/` holds, taken from the copy of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatePart {
    pub accounts: u64,
    pub access_rules: u64,
    pub sending_limits: u64,
    pub known_networks: u64,
    pub admins: u64,
    /// In force at that moment.
    pub blocks: u64,
    pub alerts: u64,
    pub events: u64,
    /// Of the lines `SHA-256, two blanks, path below state/`, one for each file, ordered by path: what `sha256sum`
    /// prints.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPart {
    /// When the first folder was listed, and the last: always after the database.
    pub from: Time,
    pub until: Time,
    pub pattern: String,
    pub accounts: u64,
    pub messages: u64,
    /// Messages, lists of UIDs, subscriptions, filters.
    pub files: u64,
    pub bytes: u64,
    /// Of the list: path, size and time of change of each file. That each content is right, the repository proves.
    pub sha256: String,
    /// How much the pattern leads to that isn't in the snapshot, and the first hundred of it.
    pub left_out_count: u64,
    pub left_out: Vec<LeftOut>,
}

impl MailPart {
    /// Nothing yet.
    pub fn new(pattern: String, now: Time) -> Self {
        Self {
            from: now,
            until: now,
            pattern,
            accounts: 0,
            messages: 0,
            files: 0,
            bytes: 0,
            sha256: String::new(),
            left_out_count: 0,
            left_out: Vec::new(),
        }
    }
}

/// Something that isn't backed up, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    pub path: String,
    pub why: String,
}

/// `state/mailboxes/<login>.json`: what a restore needs beside the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    pub login: String,
    pub messages: u64,
    pub files: u64,
    pub bytes: u64,
    /// Its Maildir folders, relative to the topmost, which is the empty name.
    pub folders: Vec<String>,
    pub unix_owner: UnixOwner,
}

/// Who owns files of the mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnixOwner {
    pub uid: u32,
    pub gid: u32,
    /// Where they have names.
    pub user: Option<String>,
    pub group: Option<String>,
}

/// The folder in a snapshot of an account's mail.
pub fn mail_folder(owner: &Owner) -> String {
    format!("{MAIL}/{}/{}/Maildir", owner.domain.as_deref().unwrap_or(NO_DOMAIN), owner.user)
}

/// The path in a snapshot of one record.
pub fn record_path(kind: &str, name: &str) -> String {
    format!("{STATE}/{kind}/{}.json", file_name(name))
}

/// A name under which any text may stand as a file: what might be misunderstood is escaped as in web addresses, and
/// what is too long is cut off, with a hash that keeps it apart.
fn file_name(text: &str) -> String {
    const LONGEST: usize = 180;
    let mut name = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        let is_plain =
            byte.is_ascii_alphanumeric() || b"@_+-=,".contains(&byte) || (byte == b'.' && index > 0);
        if is_plain {
            name.push(char::from(byte));
        } else {
            // Into a string: it can't fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        let _ = write!(name, "~{}", mailcup_snapshots::Id::of(text.as_bytes()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_login_has_a_file_of_its_own() {
        assert_eq!(record_path("accounts", "anna@example.org"), "state/accounts/anna@example.org.json");
        assert_eq!(record_path("accounts", "../a/b"), "state/accounts/%2E.%2Fa%2Fb.json");
        assert_eq!(record_path("accounts", "ä"), "state/accounts/%C3%A4.json");
        let (long, longer) = ("x".repeat(300), "x".repeat(301));
        assert_ne!(file_name(&long), file_name(&longer));
        assert!(file_name(&longer).len() < 250);
    }
}
