//! The key of this install, by which services know it: an ES256 pair (P-256). Each request is signed with it
//! (DPoP, RFC 9449), so that a session's token is of no use elsewhere. The private key lies on disk only sealed
//! under the console's key, which is in the keyring or wrapped by the passphrase.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use jiff::Timestamp;
use mailcup_wire::{Code, Problem};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use crate::profile::random_hex;

const COORDINATE: usize = 32;
const ID_BYTES: usize = 16;

/// The pair. Clones share it.
#[derive(Clone)]
pub struct DeviceKey {
    pair: Arc<EcdsaKeyPair>,
    x: String,
    y: String,
}

impl DeviceKey {
    /// Makes a pair; answers it with its private key as PKCS#8.
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), Problem> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| Problem::new(Code::Internal, "The device's key could not be made."))?;
        let bytes = Zeroizing::new(document.as_ref().to_vec());
        let key = Self::from_pkcs8(&bytes)
            .ok_or_else(|| Problem::new(Code::Internal, "The device's key could not be used."))?;
        Ok((key, bytes))
    }

    pub fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new()).ok()?;
        // Uncompressed: 4, x, y.
        let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(COORDINATE)?;
        let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
        Some(Self { pair: Arc::new(pair), x, y })
    }

    /// The name by which services know the key: its JWK's thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> String {
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        hash(&jwk)
    }

    /// The proof for one request at a time; with the token that it sends.
    pub fn proof(
        &self,
        method: &str,
        url: &Url,
        token: Option<&str>,
        at: Timestamp,
    ) -> Result<String, Problem> {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let header = json!({
            "typ": "dpop+jwt",
            "alg": "ES256",
            "jwk": { "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y },
        });
        let mut claims = json!({
            "jti": random_hex(ID_BYTES),
            "htm": method,
            "htu": url.as_str(),
            "iat": at.as_second(),
        });
        if let Some(token) = token {
            claims["ath"] = hash(token).into();
        }
        let part = |value: &serde_json::Value| BASE64URL.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .map_err(|_| Problem::new(Code::Internal, "The request could not be signed."))?;
        Ok(format!("{signed}.{}", BASE64URL.encode(signature)))
    }
}

fn hash(text: &str) -> String {
    BASE64URL.encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_proof_is_signed_and_says_for_what() {
        let (key, bytes) = DeviceKey::generate().unwrap();
        let again = DeviceKey::from_pkcs8(&bytes).unwrap();
        assert_eq!(key.thumbprint(), again.thumbprint());
        assert_ne!(key.thumbprint(), DeviceKey::generate().unwrap().0.thumbprint());

        let url = "https://mail.example.org/v1/events?after=1#x".parse().unwrap();
        let at: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let proof = again.proof("GET", &url, Some("token"), at).unwrap();
        let (signed, signature) = proof.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref());
        public.verify(signed.as_bytes(), &BASE64URL.decode(signature).unwrap()).unwrap();
        let claims = BASE64URL.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["iat"], at.as_second());
        assert_eq!(claims["htm"], "GET");
        assert_eq!(claims["htu"], "https://mail.example.org/v1/events");
        assert_eq!(claims["ath"], "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A");
        assert_ne!(proof, again.proof("GET", &url, Some("token"), at).unwrap());
    }
}
