//! Secrets: making, hashing and comparing them.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

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

impl From<TokenHash> for [u8; 32] {
    fn from(hash: TokenHash) -> Self {
        hash.0
    }
}

/// The key under which the service keeps secrets that it must read again.
pub struct ServerKey {
    sealing: LessSafeKey,
    bytes: SecretBox<[u8; 32]>,
}

/// A sealed secret can't be opened: it was sealed with another key, for another purpose, or is damaged.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a sealed secret can't be opened; the server key is not the one that sealed it")]
pub struct SealError;

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey")
    }
}

impl ServerKey {
    /// Takes the systemd credential `mailcup-server-key` if there is one, else the file `server-key` in the
    /// data folder, which is made when it is missing.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = server_key_path(data_dir);
        let bytes = match fs::read(&path) {
            Ok(bytes) => <[u8; 32]>::try_from(bytes).map_err(|_| {
                io::Error::other(format!("{} is no server key: it must hold 32 bytes", path.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes: [u8; 32] = rand::random();
                write_private(&path, &bytes)?;
                bytes
            }
            Err(error) => return Err(error),
        };
        Self::from_bytes(bytes).ok_or_else(|| io::Error::other("the server key can't be used"))
    }

    /// As [`ServerKey::open`], but makes none.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] where neither a credential nor a file is.
    pub fn open_existing(data_dir: &Path) -> io::Result<Self> {
        let path = server_key_path(data_dir);
        fs::metadata(&path)?;
        Self::open(data_dir)
    }

    /// Seals this key for whoever knows a secret of at least 128 random bits.
    pub fn wrap(&self, secret: &SecretString) -> Result<Vec<u8>, SealError> {
        wrapping_key(secret)?.seal(WRAPPING, self.bytes.expose_secret())
    }

    /// Opens what [`ServerKey::wrap`] sealed.
    pub fn unwrap(secret: &SecretString, wrapped: &[u8]) -> Result<Self, SealError> {
        let bytes = Zeroizing::new(wrapping_key(secret)?.open_sealed(WRAPPING, wrapped)?);
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| SealError)?;
        Self::from_bytes(bytes).ok_or(SealError)
    }

    /// Tells keys apart and tells nothing of them.
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(&self.derive("fingerprint")[..8])
    }

    /// Writes the file that [`ServerKey::open`] takes from a data folder.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        write_private(&data_dir.join(SERVER_KEY_FILE), self.bytes.expose_secret())
    }

    fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let sealing = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?);
        Some(Self { sealing, bytes: SecretBox::new(Box::new(bytes)) })
    }

    /// Seals a secret for one purpose (AES-256-GCM; the purpose is authenticated, not stored).
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = secret.to_vec();
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| SealError)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`ServerKey::seal`] sealed for the same purpose.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
        let mut opened = sealed.to_vec();
        let secret = self
            .sealing
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose.as_bytes()), &mut opened)
            .map_err(|_| SealError)?;
        Ok(secret.to_vec())
    }

    /// A code under this key: what it was made from can't be guessed by trying all.
    pub fn authenticate(&self, purpose: &str, text: &str) -> TokenHash {
        TokenHash(hmac(self.bytes.expose_secret(), &[purpose, "\0", text]))
    }

    /// Bytes that are this install's own and always the same, for one purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        hmac(self.bytes.expose_secret(), &["derive", "\0", purpose])
    }
}

const SERVER_KEY_FILE: &str = "server-key";

/// Under which name systemd may hold the server key.
pub const SERVER_KEY_CREDENTIAL: &str = "mailcup-server-key";

const WRAPPING: &str = "server key";

fn server_key_path(data_dir: &Path) -> PathBuf {
    credential(SERVER_KEY_CREDENTIAL).unwrap_or_else(|| data_dir.join(SERVER_KEY_FILE))
}

/// The file of a systemd credential, if there is one of this name.
pub fn credential(name: &str) -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY")
        .map(|folder| PathBuf::from(folder).join(name))
        .filter(|path| path.exists())
}

/// A secret that an admin wrote into a file, without what surrounds it.
///
/// # Errors
/// In words, when the file can't be read or holds nothing.
pub fn from_file(path: &Path) -> Result<SecretString, String> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| error.to_string())?);
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        secret => Ok(secret.into()),
    }
}

/// A secret that was drawn at random needs no slow hash.
fn wrapping_key(secret: &SecretString) -> Result<ServerKey, SealError> {
    let bytes = hmac(secret.expose_secret().as_bytes(), &["wrap", "\0", WRAPPING]);
    ServerKey::from_bytes(bytes).ok_or(SealError)
}

/// HMAC-SHA256 over the parts in order.
pub fn hmac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    // A key of any length is right for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// Writes a file that only its owner reads, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
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

/// A code that a person copies: 80 random bits in four groups of base 32.
pub fn new_readable_code() -> SecretString {
    in_groups(&rand::random::<[u8; 10]>())
}

/// An app password: 120 random bits in six groups of base 32.
pub fn new_app_password() -> SecretString {
    in_groups(&rand::random::<[u8; 15]>())
}

/// The hash of a code that a person typed.
pub fn hash_readable_code(typed: &str) -> TokenHash {
    hash_token(&plain(typed))
}

/// What counts of a code that a person typed: case, blanks and dashes don't.
pub fn plain(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn in_groups(random: &[u8]) -> SecretString {
    let text = BASE32_NOPAD.encode(random).to_ascii_lowercase();
    let groups: Vec<&str> =
        (0..text.len()).step_by(4).filter_map(|start| text.get(start..start + 4)).collect();
    groups.join("-").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let key = ServerKey::from_bytes([7; 32]).unwrap();
        let sealed = key.seal("seed", b"secret").unwrap();
        assert_eq!(key.open_sealed("seed", &sealed).unwrap(), b"secret");
        assert!(key.open_sealed("relay", &sealed).is_err());
        assert!(ServerKey::from_bytes([8; 32]).unwrap().open_sealed("seed", &sealed).is_err());
        assert!(key.open_sealed("seed", &sealed[..8]).is_err());
    }

    #[test]
    fn a_wrapped_key_opens_with_its_secret_alone() {
        let key = ServerKey::from_bytes([7; 32]).unwrap();
        let secret = SecretString::from("the right one");
        let wrapped = key.wrap(&secret).unwrap();
        let unwrapped = ServerKey::unwrap(&secret, &wrapped).unwrap();
        assert_eq!(unwrapped.bytes.expose_secret(), &[7; 32]);
        assert_eq!(unwrapped.fingerprint(), key.fingerprint());
        assert!(ServerKey::unwrap(&SecretString::from("another"), &wrapped).is_err());
        // What is sealed under the key itself is nothing that it can be taken for.
        assert!(ServerKey::unwrap(&secret, &key.seal(WRAPPING, &[7; 32]).unwrap()).is_err());
    }

    #[test]
    fn a_readable_code_is_known_however_it_is_typed() {
        let code = new_readable_code();
        let code = code.expose_secret();
        assert_eq!(code.len(), 19);
        let typed = format!(" {} ", code.replace('-', " ").to_ascii_uppercase());
        assert_eq!(hash_readable_code(&typed), hash_readable_code(code));
    }

    #[test]
    fn an_app_password_has_120_bits_in_groups_that_are_easy_to_type() {
        let password = new_app_password();
        let groups: Vec<&str> = password.expose_secret().split('-').collect();
        let easy = |group: &&str| {
            group.len() == 4 && group.bytes().all(|it| matches!(it, b'a'..=b'z' | b'2'..=b'7'))
        };
        assert!(groups.len() == 6 && groups.iter().all(easy), "{groups:?}");
        assert_ne!(password.expose_secret(), new_app_password().expose_secret());
    }
}
