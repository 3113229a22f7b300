//! The key of the local copies: 256 random bits, kept in the keyring or sealed under a passphrase in
//! `key.json`, never in clear text on disk.

use std::{fs, io, path::Path};

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use mailcup_wire::{Code, Problem, ServiceId};
use rand::Rng;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    host::{Keyring, KeyringError},
    profile::write_whole,
};

const KEY_BYTES: usize = 32;
const FORMAT: u32 = 1;
/// OWASP's first choice for Argon2id is 46 MiB and one pass; this is dearer, about 0.2 s.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;
const SHORTEST_PASSPHRASE: usize = 8;

/// The key from which each service's store takes its own.
#[derive(Clone)]
pub struct ConsoleKey(Zeroizing<[u8; KEY_BYTES]>);

/// The raw key of one store, in hex.
pub struct StoreKey(Zeroizing<String>);

impl ConsoleKey {
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    pub fn store_key(&self, service: &ServiceId) -> StoreKey {
        let mut mac = keyed(self.0.as_slice());
        mac.update(b"mailcup store ");
        mac.update(service.0.as_bytes());
        let derived = Zeroizing::new(<[u8; KEY_BYTES]>::from(mac.finalize().into_bytes()));
        StoreKey(Zeroizing::new(HEXLOWER.encode(derived.as_slice())))
    }

    /// Seals something small for `purpose`.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, Problem> {
        let fault = || Problem::new(Code::Internal, "A secret could not be sealed.");
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = plain.to_vec();
        self.sealing_key(purpose)
            .ok_or_else(fault)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| fault())?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed with this key for `purpose`; none if it was not.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            self.sealing_key(purpose)?.open_in_place(nonce, Aad::empty(), bytes.as_mut_slice()).ok()?;
        Some(Zeroizing::new(opened.to_vec()))
    }

    /// A key of its own for each purpose.
    fn sealing_key(&self, purpose: &str) -> Option<LessSafeKey> {
        let mut mac = keyed(self.0.as_slice());
        mac.update(purpose.as_bytes());
        let derived = Zeroizing::new(<[u8; KEY_BYTES]>::from(mac.finalize().into_bytes()));
        UnboundKey::new(&CHACHA20_POLY1305, derived.as_slice()).ok().map(LessSafeKey::new)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }
}

impl StoreKey {
    pub fn hex(&self) -> &str {
        &self.0
    }
}

/// What the keyring says about our key.
pub enum KeyringKey {
    Kept(ConsoleKey),
    /// It holds none, and takes one: `probe_keyring` showed it.
    NoneYet,
    Unusable(KeyringError),
}

/// Looks for the key in the keyring. A locked keyring may say that there is none, so that a probe is written
/// before that is believed.
pub fn look_in_keyring(keyring: &impl Keyring, name: &str) -> KeyringKey {
    match keyring.get(name) {
        Ok(Some(bytes)) => match ConsoleKey::from_bytes(&bytes) {
            Some(key) => KeyringKey::Kept(key),
            // Perhaps the only one that opens the local copy: not ours to replace unasked.
            None => KeyringKey::Unusable(KeyringError::Locked("what it holds for us is no key".to_owned())),
        },
        Ok(None) => match probe_keyring(keyring, name) {
            Ok(()) => KeyringKey::NoneYet,
            Err(error) => KeyringKey::Unusable(error),
        },
        Err(error) => KeyringKey::Unusable(error),
    }
}

/// Puts the key into the keyring and reads it back.
pub fn put_into_keyring(keyring: &impl Keyring, name: &str, key: &ConsoleKey) -> Result<(), KeyringError> {
    keyring.set(name, key.0.as_slice())?;
    match keyring.get(name)? {
        Some(kept) if kept.as_slice() == key.0.as_slice() => Ok(()),
        _ => Err(KeyringError::Locked("it did not keep what was written".to_owned())),
    }
}

fn probe_keyring(keyring: &impl Keyring, name: &str) -> Result<(), KeyringError> {
    let probe = format!("{name}-probe");
    keyring.set(&probe, b"probe")?;
    keyring.delete(&probe)
}

/// The key, sealed under a passphrase: what `key.json` holds.
#[derive(Serialize, Deserialize)]
pub struct SealedKey {
    format: u32,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

impl SealedKey {
    /// Reads `key.json`; none if there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, Problem> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, &error.to_string())),
        };
        let sealed: Self =
            serde_json::from_str(&text).map_err(|error| unreadable(path, &error.to_string()))?;
        if sealed.format > FORMAT {
            return Err(unreadable(path, "a newer MailCup Console wrote it"));
        }
        Ok(Some(sealed))
    }

    pub fn write(&self, path: &Path) -> Result<(), Problem> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        write_whole(path, &text)
    }

    /// Seals the key. Takes a good part of a second.
    pub fn seal(key: &ConsoleKey, passphrase: &SecretString) -> Result<Self, Problem> {
        if passphrase.expose_secret().chars().count() < SHORTEST_PASSPHRASE {
            return Err(Problem::field(
                "new",
                format!("A passphrase has at least {SHORTEST_PASSPHRASE} characters; choose a longer one."),
            ));
        }
        let (mut salt, mut nonce) = ([0; 16], [0; NONCE_LEN]);
        rand::rng().fill_bytes(&mut salt);
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = Self {
            format: FORMAT,
            kdf: "argon2id".to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: HEXLOWER.encode(&salt),
            nonce: HEXLOWER.encode(&nonce),
            sealed: String::new(),
        };
        let mut bytes = key.0.to_vec();
        sealed
            .wrapping_key(passphrase)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(sealed.bound()),
                &mut bytes,
            )
            .map_err(|_| Problem::new(Code::Internal, "The key could not be sealed."))?;
        sealed.sealed = HEXLOWER.encode(&bytes);
        Ok(sealed)
    }

    /// Opens the key. Takes as long as sealing.
    pub fn open(&self, passphrase: &SecretString) -> Result<ConsoleKey, Problem> {
        let damaged = || Problem::new(Code::Internal, "The file key.json is damaged.");
        let nonce: [u8; NONCE_LEN] = decoded(&self.nonce)?.try_into().map_err(|_| damaged())?;
        let mut bytes = Zeroizing::new(decoded(&self.sealed)?);
        let opened = self
            .wrapping_key(passphrase)?
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(self.bound()), bytes.as_mut_slice())
            .map_err(|_| Problem::new(Code::WrongPassphrase, "The passphrase is wrong. Try again."))?;
        ConsoleKey::from_bytes(opened).ok_or_else(damaged)
    }

    fn wrapping_key(&self, passphrase: &SecretString) -> Result<LessSafeKey, Problem> {
        let fault =
            |why: &str| Problem::new(Code::Internal, format!("The file key.json can't be used: {why}."));
        if self.memory_kib > MOST_MEMORY_KIB || self.passes > MOST_PASSES || self.kdf != "argon2id" {
            return Err(fault("its parameters are out of bounds"));
        }
        let params = Params::new(self.memory_kib, self.passes, 1, Some(KEY_BYTES))
            .map_err(|_| fault("its parameters are out of bounds"))?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(
                passphrase.expose_secret().as_bytes(),
                &decoded(&self.salt)?,
                bytes.as_mut_slice(),
            )
            .map_err(|_| fault("its salt is damaged"))?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_slice())
            .map_err(|_| fault("the cipher refused the key"))?;
        Ok(LessSafeKey::new(key))
    }

    fn bound(&self) -> String {
        format!("mailcup console key {} {} {} {}", self.format, self.kdf, self.memory_kib, self.passes)
    }
}

/// HMAC-SHA256; takes keys of any length.
pub fn keyed(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

fn decoded(hex: &str) -> Result<Vec<u8>, Problem> {
    HEXLOWER.decode(hex.as_bytes()).map_err(|_| Problem::new(Code::Internal, "The file key.json is damaged."))
}

fn unreadable(path: &Path, why: &str) -> Problem {
    Problem::new(Code::Internal, format!("{} can't be read: {why}.", path.display()))
}
