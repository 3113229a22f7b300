//! What opens snapshots: the repository's master key, which the service keeps, and the recovery phrase, which nobody
//! keeps but people.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use mailcup_snapshots::{MasterKey, RecoveryPhrase};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::BackupError;
use crate::secrets::{self, SealError, ServerKey};

const MASTER_KEY: &str = "backup-key";
pub const WRAPPED: &str = "server-key.wrapped";

/// The server key, sealed with the recovery phrase: `keys/server-key.json` in a snapshot. Whoever holds the master key
/// alone, such as a console that mirrors the repository, reads no sealed secret of the service with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedServerKey {
    /// Of the server key that is sealed.
    pub fingerprint: String,
    /// Base64 of nonce, AES-256-GCM ciphertext and tag; the key is HMAC-SHA256 under the phrase as it is printed.
    pub sealed: String,
}

impl WrappedServerKey {
    pub fn new(key: &ServerKey, phrase: &RecoveryPhrase) -> Result<Self, SealError> {
        let sealed = BASE64.encode(&key.wrap(&secret(phrase))?);
        Ok(Self { fingerprint: key.fingerprint(), sealed })
    }

    /// None if another phrase sealed it, or it is damaged.
    pub fn open(&self, phrase: &RecoveryPhrase) -> Option<ServerKey> {
        let sealed = BASE64.decode(self.sealed.as_bytes()).ok()?;
        ServerKey::unwrap(&secret(phrase), &sealed).ok()
    }

    /// As a run of `backup init` left it.
    pub fn read(data_dir: &Path) -> Result<Self, BackupError> {
        let path = data_dir.join(WRAPPED);
        let text = fs::read(&path).map_err(|error| missing(&path, error))?;
        serde_json::from_slice(&text).map_err(|error| BackupError::io(&path, error.into()))
    }

    pub fn write(&self, data_dir: &Path) -> Result<(), BackupError> {
        let path = data_dir.join(WRAPPED);
        let text = super::state::sorted_json(self).map_err(|error| BackupError::io(&path, error.into()))?;
        secrets::write_private(&path, &text).map_err(|error| BackupError::io(&path, error))
    }
}

/// A new phrase.
pub fn new_phrase() -> RecoveryPhrase {
    let entropy: Zeroizing<[u8; 20]> = Zeroizing::new(rand::random());
    RecoveryPhrase::from_entropy(&entropy)
}

/// The master key: the systemd credential `mailcup-backup-key` if there is one, else a file in the data folder.
pub fn read_master(data_dir: &Path) -> Result<MasterKey, BackupError> {
    let path = master_path(data_dir);
    let bytes = Zeroizing::new(fs::read(&path).map_err(|error| missing(&path, error))?);
    let bytes = <[u8; 64]>::try_from(bytes.as_slice()).map_err(|_| {
        BackupError::io(&path, io::Error::other("this is no key of a repository: it must hold 64 bytes"))
    })?;
    Ok(MasterKey::from_bytes(bytes))
}

/// The master key, made where there is none yet.
pub fn read_or_make_master(data_dir: &Path) -> Result<MasterKey, BackupError> {
    match read_master(data_dir) {
        Err(BackupError::NotSetUp) => {
            let mut bytes = Zeroizing::new([0; 64]);
            bytes[..32].copy_from_slice(&rand::random::<[u8; 32]>());
            bytes[32..].copy_from_slice(&rand::random::<[u8; 32]>());
            let key = MasterKey::from_bytes(*bytes);
            write_master(data_dir, &key)?;
            Ok(key)
        }
        read => read,
    }
}

pub fn write_master(data_dir: &Path, key: &MasterKey) -> Result<(), BackupError> {
    let path = data_dir.join(MASTER_KEY);
    secrets::write_private(&path, key.expose()).map_err(|error| BackupError::io(&path, error))
}

fn master_path(data_dir: &Path) -> PathBuf {
    secrets::credential("mailcup-backup-key").unwrap_or_else(|| data_dir.join(MASTER_KEY))
}

fn secret(phrase: &RecoveryPhrase) -> SecretString {
    phrase.expose().into()
}

fn missing(path: &Path, error: io::Error) -> BackupError {
    if error.kind() == io::ErrorKind::NotFound { BackupError::NotSetUp } else { BackupError::io(path, error) }
}
