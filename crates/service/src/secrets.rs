//! Secrets: making, hashing and comparing them.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// SHA-256 of a token that was drawn at random, which therefore needs no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

impl TokenHash {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As stored; none if it has another length.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// A new token of 200 random bits: `prefix` and base 32 in lower case.
pub fn new_token(prefix: &str) -> SecretString {
    let random: [u8; 25] = rand::random();
    format!("{prefix}{}", BASE32_NOPAD.encode(&random).to_ascii_lowercase()).into()
}

pub fn hash_token(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

/// Compares two secrets in a time that does not depend on where they differ.
pub fn same(a: &SecretString, b: &str) -> bool {
    // Hashes of secrets: what their comparison's time tells is of no use to anybody.
    hash_token(a.expose_secret()) == hash_token(b)
}

/// A new identifier of 96 random bits: unique, not secret.
pub fn new_id() -> String {
    HEXLOWER.encode(&rand::random::<[u8; 12]>())
}
