//! Public keys on P-256 as JSON writes them (RFC 7517), and their thumbprints (RFC 7638).

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use serde::Deserialize;

const COORDINATE: usize = 32;

/// Names a key: the SHA-256 of its JWK. Written in base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

/// A JWK as it comes, checked by [`Jwk::public_key`].
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private key, which nobody may send.
    d: Option<serde_json::Value>,
}

/// What is wrong with a JWK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    #[error("it is of another kind")]
    OtherKind,
    #[error("it holds the private key, which must never leave its device; make another one")]
    Private,
    #[error("its coordinates are not 32 bytes each")]
    Coordinates,
}

/// A point that claims to be on P-256; a signature by one that is not never checks.
pub(super) struct PublicKey {
    x: [u8; COORDINATE],
    y: [u8; COORDINATE],
}

impl Jwk {
    pub fn public_key(&self) -> Result<PublicKey, NotAKey> {
        if self.d.is_some() {
            return Err(NotAKey::Private);
        }
        if self.kty != "EC" || self.crv.as_deref() != Some("P-256") {
            return Err(NotAKey::OtherKind);
        }
        Ok(PublicKey { x: coordinate(self.x.as_deref())?, y: coordinate(self.y.as_deref())? })
    }
}

impl PublicKey {
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = [&[4], &self.x[..], &self.y[..]].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    }

    pub fn thumbprint(&self) -> Thumbprint {
        let (x, y) = (BASE64URL.encode(self.x), BASE64URL.encode(self.y));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let hash = digest(&SHA256, jwk.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.as_ref());
        Thumbprint(bytes)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl FromStr for Thumbprint {
    type Err = base64::DecodeSliceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        match BASE64URL.decode_slice(text, &mut bytes)? {
            32 => Ok(Self(bytes)),
            _ => Err(base64::DecodeSliceError::OutputSliceTooSmall),
        }
    }
}

fn coordinate(text: Option<&str>) -> Result<[u8; COORDINATE], NotAKey> {
    let bytes = text.and_then(|text| BASE64URL.decode(text).ok());
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NotAKey::Coordinates)
}
