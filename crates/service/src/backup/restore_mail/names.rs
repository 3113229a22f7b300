//! Names of folders: as people read them, as the mail server keeps them in a Maildir.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};

/// Longest name of a file or folder.
const LONGEST: usize = 255;

/// A Maildir++ folder: empty for the inbox, else as its folder is called, with a dot before each part, in the modified
/// UTF-7 of IMAP.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FolderName(String);

impl FolderName {
    /// From what a person writes: parts apart by slashes or dots, and `INBOX` for the inbox.
    pub fn of(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("inbox") {
            return Ok(Self::default());
        }
        let mut name = String::new();
        for part in text.split(['/', '.']) {
            if part.trim().is_empty() || part.chars().any(char::is_control) || part.starts_with('~') {
                return Err(format!("“{text}” can't name a folder; write it like Restored 2026-11-24"));
            }
            name.push('.');
            name.push_str(&encode(part));
        }
        if name.len() > LONGEST {
            return Err("the folder's name is too long".to_owned());
        }
        Ok(Self(name))
    }

    /// A folder of a Maildir, which is kept as it is called.
    pub fn in_maildir(name: &str) -> Option<Self> {
        (name.is_empty() || (is_plain(name) && name.starts_with('.') && name.len() > 1))
            .then(|| Self(name.to_owned()))
    }

    /// The folder of that name below this one.
    pub fn with(&self, below: &Self) -> Self {
        Self(format!("{}{}", self.0, below.0))
    }

    /// In the Maildir; none for the inbox, which is the Maildir itself.
    pub fn on_disk(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(self.0.as_str())
    }

    /// As a line of Dovecot's list of subscriptions, of its newer form or the older.
    pub fn subscription(&self, newer: bool) -> String {
        let name = self.0.trim_start_matches('.');
        if newer { name.replace('.', "\t") } else { name.to_owned() }
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("INBOX");
        }
        let parts: Vec<String> = self.0.trim_start_matches('.').split('.').map(decode).collect();
        f.write_str(&parts.join("/"))
    }
}

/// Whether nothing of a path can be meant by this name but one entry of its folder.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && name.len() <= LONGEST
        && !name.bytes().any(|byte| byte == b'/' || byte == 0)
}

/// Modified UTF-7 (RFC 3501, 5.1.3).
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    let mut foreign = String::new();
    for letter in text.chars() {
        if matches!(letter, ' '..='~') {
            flush(&mut foreign, &mut encoded);
            encoded.push(letter);
            if letter == '&' {
                encoded.push('-');
            }
        } else {
            foreign.push(letter);
        }
    }
    flush(&mut foreign, &mut encoded);
    encoded
}

fn flush(foreign: &mut String, encoded: &mut String) {
    if foreign.is_empty() {
        return;
    }
    let bytes: Vec<u8> = foreign.encode_utf16().flat_map(u16::to_be_bytes).collect();
    encoded.push('&');
    encoded.push_str(&BASE64.encode(bytes).replace('/', ","));
    encoded.push('-');
    foreign.clear();
}

/// What isn't modified UTF-7 stays as it is.
fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((plain, coded)) = rest.split_once('&') {
        decoded.push_str(plain);
        let Some((coded, after)) = coded.split_once('-') else { return text.to_owned() };
        rest = after;
        if coded.is_empty() {
            decoded.push('&');
            continue;
        }
        let Ok(bytes) = BASE64.decode(coded.replace(',', "/")) else { return text.to_owned() };
        let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        decoded.extend(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    decoded.push_str(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_called_as_imap_has_it() {
        for (text, on_disk, shown) in [
            ("INBOX", None, "INBOX"),
            ("Restored 2026-11-24", Some(".Restored 2026-11-24"), "Restored 2026-11-24"),
            ("Projekte/Öl & Gas", Some(".Projekte.&ANY-l &- Gas"), "Projekte/Öl & Gas"),
            ("Відновлено", Some(".&BBIEVgQ0BD0EPgQyBDsENQQ9BD4-"), "Відновлено"),
        ] {
            let name = FolderName::of(text).unwrap();
            assert_eq!((name.on_disk(), name.to_string().as_str()), (on_disk, shown));
        }
        let below = FolderName::of("A").unwrap().with(&FolderName::in_maildir(".B.C").unwrap());
        assert_eq!((below.to_string().as_str(), below.subscription(true).as_str()), ("A/B/C", "A\tB\tC"));
        assert_eq!(below.subscription(false), "A.B.C");
    }

    #[test]
    fn no_name_leads_out_of_a_maildir() {
        for text in ["", " ", "..", "../..", "/etc", "a//b", "a\0b", "a\nb", "~root", &"x".repeat(300)] {
            assert!(FolderName::of(text).is_err(), "{text:?}");
        }
        for name in ["..", ".", ".a/b", "cur", ".\0"] {
            assert_eq!(FolderName::in_maildir(name), None, "{name:?}");
        }
    }
}
