//! Proofs of possession (DPoP, RFC 9449): a signature by a device's key over the request that carries it, so
//! that a token is of no use without the key. Pure: the request and the time are arguments; which proofs were
//! used before, [`Used`] knows.

mod key;
mod used;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use data_encoding::HEXUPPER_PERMISSIVE;
use jiff::{SignedDuration, Timestamp};
use mailcup_wire::Time;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use self::key::{Jwk, NotAKey};
pub use self::{
    key::Thumbprint,
    used::{Full, Used},
};

/// How far the clocks of device and service may be apart.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A proof of a console takes some 450 bytes; only its URL varies.
const LONGEST: usize = 4096;
const LONGEST_ID: usize = 128;

/// The request that a proof must be about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Under which URLs it may have been asked for, each as [`normalized`] gives it.
    pub urls: &'a [String],
    /// The token that the proof must be for; none while there is no session.
    pub token: Option<&'a str>,
    pub now: Time,
    /// Proofs from before are refused: what was used then is forgotten.
    pub since: Time,
}

/// A proof that is right; whether it is new, is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whose key made it.
    pub key: Thumbprint,
    id: [u8; 32],
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("The DPoP proof can't be read: {0}.")]
    Unreadable(&'static str),
    #[error("The DPoP proof's type must be dpop+jwt.")]
    Type,
    #[error("The DPoP proof must be signed by ES256.")]
    Algorithm,
    #[error("The DPoP proof's jwk must be a public key on P-256: {0}.")]
    Key(#[from] NotAKey),
    #[error("The DPoP proof's signature is wrong.")]
    Signature,
    #[error("The DPoP proof is for the method {0}, not for this one.")]
    Method(String),
    #[error(
        "The DPoP proof is for {proven}, but the service was asked for {asked}. Behind a proxy, name it in \
         http.trusted_proxies and let it send Host and X-Forwarded-Proto."
    )]
    Url { proven: String, asked: String },
    #[error(
        "The DPoP proof is from {made}, and the service's clock says {now}. Set the clocks of both computers by \
         the network (NTP); they may be a minute apart."
    )]
    Time { made: Timestamp, now: Timestamp },
    #[error("The DPoP proof is from before the service was started; make another one.")]
    Forgotten,
    #[error("The DPoP proof is not for this token.")]
    Token,
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
    /// Extensions that must be understood; we understand none.
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
}

/// Checks what a `DPoP` header holds, in the order of RFC 9449, 4.3.
pub fn check(header: &str, request: &Request<'_>) -> Result<Proof, Refused> {
    if header.len() > LONGEST {
        return Err(Refused::Unreadable("it is too long"));
    }
    let unreadable = Refused::Unreadable("it is no compact JWS");
    let (signed, signature) = header.rsplit_once('.').ok_or(unreadable.clone())?;
    let (head, body) = signed.split_once('.').ok_or(unreadable)?;
    let head: Header = decoded(head)?;
    if head.typ != "dpop+jwt" {
        return Err(Refused::Type);
    }
    if head.alg != "ES256" {
        return Err(Refused::Algorithm);
    }
    if head.crit.is_some() {
        return Err(Refused::Unreadable("it has a critical extension"));
    }
    let key = head.jwk.public_key()?;
    let signature = BASE64URL.decode(signature).map_err(|_| Refused::Signature)?;
    if !key.has_signed(signed.as_bytes(), &signature) {
        return Err(Refused::Signature);
    }
    let claims: Claims = decoded(body)?;
    about(&claims, request)?;
    let thumbprint = key.thumbprint();
    let id = digest(&SHA256, format!("{thumbprint} {}", claims.jti).as_bytes());
    let id = id.as_ref().try_into().map_err(|_| Refused::Unreadable("its jti can't be kept"))?;
    Ok(Proof { key: thumbprint, id })
}

/// A URL without query and fragment, with scheme, host, port and escapes written in one way (RFC 3986, 6.2.2
/// and 6.2.3); none if it is not one of HTTP.
pub fn normalized(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(unescaped(url.as_str()))
}

/// What the claim `ath` says of a token.
pub fn token_hash(token: &str) -> String {
    BASE64URL.encode(digest(&SHA256, token.as_bytes()))
}

/// Whether the claims are about this request, now.
fn about(claims: &Claims, request: &Request<'_>) -> Result<(), Refused> {
    if claims.jti.is_empty() || claims.jti.len() > LONGEST_ID {
        return Err(Refused::Unreadable("its jti must have 1 to 128 characters"));
    }
    if claims.htm != request.method {
        return Err(Refused::Method(claims.htm.clone()));
    }
    let proven = normalized(&claims.htu);
    if !proven.as_ref().is_some_and(|proven| request.urls.contains(proven)) {
        let proven = proven.unwrap_or_else(|| "no URL".to_owned());
        return Err(Refused::Url { proven, asked: request.urls.join(" or ") });
    }
    let made = Timestamp::from_second(claims.iat).map_err(|_| Refused::Unreadable("its iat is no time"))?;
    let now = request.now.0;
    if made.duration_since(now).abs() > SKEW {
        return Err(Refused::Time { made, now });
    }
    if claims.iat < request.since.0.as_second() {
        return Err(Refused::Forgotten);
    }
    let expected = request.token.map(token_hash);
    // Without a token there is nothing that the claim could be compared with.
    if expected.is_some() && claims.ath != expected {
        return Err(Refused::Token);
    }
    Ok(())
}

fn decoded<T: DeserializeOwned>(part: &str) -> Result<T, Refused> {
    let bytes = BASE64URL.decode(part).map_err(|_| Refused::Unreadable("it is not base64url"))?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Unreadable("its JSON is not as RFC 9449 says"))
}

/// With escapes of unreserved characters undone, and those that stay in upper case.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let escaped = after.get(..2).and_then(|hex| HEXUPPER_PERMISSIVE.decode(hex.as_bytes()).ok());
        rest = if escaped.is_some() { &after[2..] } else { after };
        match escaped.as_deref() {
            Some(&[byte]) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
            }
            Some(bytes) => {
                out.push('%');
                out.push_str(&HEXUPPER_PERMISSIVE.encode(bytes));
            }
            None => out.push('%'),
        }
    }
    out + rest
}

#[cfg(test)]
mod tests;
