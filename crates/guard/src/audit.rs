//! The chain of the audit log: each entry's hash covers the one before it, so that nothing can be taken out or
//! altered unseen by whoever remembers where the chain stood.

use sha2::{Digest, Sha256};

/// An entry's fields as the hash covers them. An absent one is as an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    pub admin: &'a str,
    pub login: &'a str,
    pub action: &'a str,
    pub target: &'a str,
    pub details: &'a str,
}

pub type Hash = [u8; 32];

/// Where a chain stands: its last entry's number and hash; 0 and none before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    pub seq: u64,
    pub hash: Option<Hash>,
}

/// Where and how a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// The entry that should follow is not there.
    #[error("entry {seq} is missing")]
    Missing { seq: u64 },
    /// The entry's fields are not those that its hash was made from, or the one before it is another.
    #[error("entry {seq} was altered")]
    Altered { seq: u64 },
}

/// An entry's hash: SHA-256 over the previous entry's hash and this one's fields, each preceded by its length
/// (8 bytes, big-endian), so that no two different entries have the same bytes.
pub fn hash(previous: Option<&Hash>, link: &Link<'_>) -> Hash {
    let mut sum = Sha256::new();
    let mut add = |bytes: &[u8]| {
        sum.update((bytes.len() as u64).to_be_bytes());
        sum.update(bytes);
    };
    add(previous.map_or(&[], Hash::as_slice));
    add(&link.seq.to_be_bytes());
    add(&link.at.to_be_bytes());
    for text in [link.admin, link.login, link.action, link.target, link.details] {
        add(text.as_bytes());
    }
    sum.finalize().into()
}

/// Follows the chain by one entry that bears the hash `stated`.
pub fn follow(head: &Head, link: &Link<'_>, stated: &[u8]) -> Result<Head, Break> {
    let expected = head.seq.saturating_add(1);
    if link.seq != expected {
        return Err(Break::Missing { seq: expected });
    }
    let hash = hash(head.hash.as_ref(), link);
    if hash.as_slice() == stated {
        Ok(Head { seq: link.seq, hash: Some(hash) })
    } else {
        Err(Break::Altered { seq: link.seq })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Entry {
        seq: u64,
        at: i64,
        texts: [String; 5],
    }

    impl Entry {
        fn link(&self) -> Link<'_> {
            let [admin, login, action, target, details] = &self.texts;
            Link { seq: self.seq, at: self.at, admin, login, action, target, details }
        }
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let texts = proptest::array::uniform5("[ab:\u{0}ä]{0,3}");
        proptest::collection::vec((0..3i64, texts), 2..12).prop_map(|entries| {
            (1..).zip(entries).map(|(seq, (at, texts))| Entry { seq, at, texts }).collect()
        })
    }

    fn chained(entries: &[Entry]) -> Vec<Hash> {
        let mut hashes: Vec<Hash> = Vec::new();
        for entry in entries {
            hashes.push(hash(hashes.last(), &entry.link()));
        }
        hashes
    }

    fn followed(entries: &[Entry], hashes: &[Hash]) -> Result<Head, Break> {
        entries
            .iter()
            .zip(hashes)
            .try_fold(Head::default(), |head, (entry, stated)| follow(&head, &entry.link(), stated))
    }

    /// Known bytes: the format never changes, else every console would call every log altered.
    #[test]
    fn the_hash_of_a_known_entry_stays_the_same() {
        let link = Link {
            seq: 1,
            at: 1_795_507_200_000,
            admin: "a1",
            login: "olga@example.org",
            action: "service.set_up",
            target: "Example",
            details: "{}",
        };
        let first = hash(None, &link);
        let second = hash(Some(&first), &Link { seq: 2, admin: "", ..link });
        insta::assert_snapshot!(hex(&first), @"e1c0e85d00596ac7de98768ead9b328e4b57a40d2e9c4eb29bb81a12a6d02c5e");
        insta::assert_snapshot!(hex(&second), @"6378722fa46bc44cf0beca21e9f2a21a60360508f11a6fd8dc327cca6e7de8c9");
    }

    fn hex(hash: &Hash) -> String {
        use std::fmt::Write as _;
        hash.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    proptest! {
        #[test]
        fn any_change_breaks_the_chain_where_it_was_made(
            entries in entries(), place in any::<prop::sample::Index>(), field in 0..6usize, text in "[ab:\u{0}ä]{0,3}",
        ) {
            let hashes = chained(&entries);
            prop_assert_eq!(followed(&entries, &hashes).unwrap().hash, hashes.last().copied());
            let place = place.index(entries.len());
            let mut altered = entries.clone();
            match field {
                5 => altered[place].at += 1,
                _ => altered[place].texts[field] = text,
            }
            let seq = entries[place].seq;
            if altered == entries {
                prop_assert!(followed(&altered, &hashes).is_ok());
            } else {
                prop_assert_eq!(followed(&altered, &hashes), Err(Break::Altered { seq }));
                // Whoever writes the altered entry's hash anew must write all that follow, too.
                let mut rewritten = hashes.clone();
                rewritten[place] = chained(&altered)[place];
                let after = followed(&altered, &rewritten);
                if place + 1 < entries.len() {
                    prop_assert_eq!(after, Err(Break::Altered { seq: seq + 1 }));
                } else {
                    prop_assert_ne!(after.unwrap().hash, hashes.last().copied());
                }
            }
            let (mut fewer, mut rest) = (entries.clone(), hashes.clone());
            fewer.remove(place);
            rest.remove(place);
            if place + 1 < entries.len() {
                prop_assert_eq!(followed(&fewer, &rest), Err(Break::Missing { seq }));
            }
        }
    }
}
