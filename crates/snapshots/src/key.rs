//! The repository's master key, and the key files that seal it with a password.

use std::fmt;

use data_encoding::BASE64;
use secrecy::{ExposeSecret, SecretBox};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, Fault, Wrong};
use crate::id::Id;
use crate::sealed;
use crate::storage::{FileKind, Storage};

/// What opens everything in a repository: 32 bytes for AES-256, 16 and 16 for Poly1305-AES.
pub struct MasterKey(SecretBox<[u8; 64]>);

impl MasterKey {
    /// From 512 bits of a cryptographic random generator, or as [`MasterKey::expose`] gave it.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    pub fn expose(&self) -> &[u8; 64] {
        self.0.expose_secret()
    }

    /// As the engine and key files write it.
    pub(crate) fn to_engine(&self) -> Result<rustic_core::repofile::MasterKey, Error> {
        let bytes = self.expose();
        serde_json::from_value(serde_json::json!({
            "encrypt": BASE64.encode(&bytes[..32]),
            "mac": {"k": BASE64.encode(&bytes[32..48]), "r": BASE64.encode(&bytes[48..])},
        }))
        .map_err(|error| Error::Engine(error.to_string()))
    }

    /// Tries every key file with this password.
    pub(crate) fn unseal(storage: &dyn Storage, password: &str) -> Result<Self, Error> {
        let failed = |source| Error::io(&storage.at(), source);
        let mut damaged = Vec::new();
        for (id, _) in storage.list(FileKind::Key).map_err(failed)? {
            let file = storage.read(FileKind::Key, &id).map_err(failed)?;
            match try_file(&file, password) {
                Ok(Some(key)) => return Ok(key),
                Ok(None) if Id::of(&file) == id => {}
                Ok(None) => damaged.push(id),
                Err(wrong) => {
                    tracing::warn!(%id, %wrong, "a key file is damaged");
                    damaged.push(id);
                }
            }
        }
        Err(if damaged.is_empty() { Error::WrongPassword } else { Error::DamagedKeys { ids: damaged } })
    }
}

impl Clone for MasterKey {
    fn clone(&self) -> Self {
        Self::from_bytes(*self.expose())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[derive(Deserialize)]
struct KeyFile {
    kdf: String,
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
    salt: String,
    data: String,
}

#[derive(Deserialize)]
struct Plain {
    encrypt: String,
    mac: Mac,
}

#[derive(Deserialize)]
struct Mac {
    k: String,
    r: String,
}

/// None if the password doesn't open it.
fn try_file(file: &[u8], password: &str) -> Result<Option<MasterKey>, Wrong> {
    let form = |what: &str| Wrong::Form(what.to_owned());
    let file: KeyFile = serde_json::from_slice(file).map_err(|error| form(&error.to_string()))?;
    // 1 GiB at most, so that a damaged file costs no more.
    let sensible =
        file.kdf == "scrypt" && file.n.is_power_of_two() && file.n > 1 && (1..=64).contains(&file.p);
    if !sensible || file.r == 0 || file.n.saturating_mul(u64::from(file.r)) > 8 << 20 {
        return Err(form("its scrypt parameters make no sense"));
    }
    let exponent = u8::try_from(file.n.trailing_zeros()).map_err(|_| form("scrypt"))?;
    let salt = BASE64.decode(file.salt.as_bytes()).map_err(|_| form("its salt is no base64"))?;
    let data = BASE64.decode(file.data.as_bytes()).map_err(|_| form("its data is no base64"))?;
    let params = scrypt::Params::new(exponent, file.r, file.p).map_err(|_| form("scrypt"))?;
    let mut derived = Zeroizing::new([0; 64]);
    scrypt::scrypt(password.as_bytes(), &salt, &params, derived.as_mut()).map_err(|_| form("scrypt"))?;
    let Ok(plain) = sealed::unseal(&MasterKey::from_bytes(*derived), &data) else {
        return Ok(None);
    };
    let plain = Zeroizing::new(plain);
    let plain: Plain = serde_json::from_slice(&plain).map_err(|_| form("what it seals is no master key"))?;
    let mut bytes = [0; 64];
    for (part, place) in [(&plain.encrypt, 0..32), (&plain.mac.k, 32..48), (&plain.mac.r, 48..64)] {
        let decoded = Zeroizing::new(BASE64.decode(part.as_bytes()).map_err(|_| form("no master key"))?);
        if decoded.len() != place.len() {
            return Err(form("what it seals is no master key"));
        }
        bytes[place].copy_from_slice(&decoded);
    }
    Ok(Some(MasterKey::from_bytes(bytes)))
}

/// Whether a key file is whole, as far as can be told without its password.
pub fn check(id: Id, file: &[u8]) -> Option<Fault> {
    (Id::of(file) != id).then_some(Fault { kind: FileKind::Key, id, wrong: Wrong::Hash })
}
