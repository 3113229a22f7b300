//! The link "this wasn't me": signed, so that nobody makes one for another account, and of use for some days.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use jiff::SignedDuration;
use mailcup_wire::{Login, Network, Time};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::secrets::{self, ServerKey, TokenHash};

/// How long a link works.
pub const LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Where it leads, below the public address.
pub const PATH: &str = "not-me";

/// Longest token that is looked at.
const LONGEST: usize = 2048;

const PURPOSE: &str = "not me";

/// That an owner says of an authorization that it was not them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotMe {
    pub login: Login,
    /// The client network that it came from.
    pub network: Network,
    #[serde(flatten)]
    pub about: About,
    pub at: Time,
    pub expires_at: Time,
}

/// What it is that was not the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The event of a sign-in, by its number.
    Seq(u64),
    /// A sign-in on the web that waits for its code.
    Attempt(String),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(seq) => seq.fmt(f),
            Self::Attempt(id) => write!(f, "attempt {id}"),
        }
    }
}

/// A link can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    #[error("the link is not one of this service, or a part of it is missing")]
    Forged,
    #[error("the link has expired")]
    Expired,
}

impl NotMe {
    /// The address that the mail names.
    pub fn link(&self, public: &Url, key: &ServerKey) -> String {
        let base = public.as_str().trim_end_matches('/');
        format!("{base}/{PATH}?t={}", self.token(key))
    }

    pub fn token(&self, key: &ServerKey) -> String {
        let claim = BASE64URL_NOPAD.encode(&serde_json::to_vec(self).unwrap_or_default());
        let code = signed(key, &claim);
        format!("{claim}.{code}")
    }

    /// Reads a token of this service that has not expired.
    pub fn read(token: &str, key: &ServerKey, now: Time) -> Result<Self, LinkFault> {
        if token.len() > LONGEST {
            return Err(LinkFault::Forged);
        }
        let (claim, code) = token.split_once('.').ok_or(LinkFault::Forged)?;
        if !secrets::same(&SecretString::from(signed(key, claim)), code) {
            return Err(LinkFault::Forged);
        }
        let bytes = BASE64URL_NOPAD.decode(claim.as_bytes()).map_err(|_| LinkFault::Forged)?;
        let claim: Self = serde_json::from_slice(&bytes).map_err(|_| LinkFault::Forged)?;
        if now >= claim.expires_at { Err(LinkFault::Expired) } else { Ok(claim) }
    }

    /// What a used link is known by. All links about the same authorization are one.
    pub fn id(&self) -> TokenHash {
        secrets::hash_token(&format!("{}\0{}\0{}\0{}", self.login, self.network, self.about, self.at))
    }
}

fn signed(key: &ServerKey, claim: &str) -> String {
    HEXLOWER.encode(key.authenticate(PURPOSE, claim).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ServerKey {
        ServerKey::open(tempfile::tempdir().unwrap().path()).unwrap()
    }

    fn at(text: &str) -> Time {
        Time(text.parse().unwrap())
    }

    fn claim() -> NotMe {
        NotMe {
            login: "anna@example.org".into(),
            network: "2001:db8:1:2::/64".parse().unwrap(),
            about: About::Seq(42),
            at: at("2026-11-24T08:00:00Z"),
            expires_at: at("2026-12-01T08:00:00Z"),
        }
    }

    #[test]
    fn a_link_says_what_it_is_about_until_it_expires() {
        let (key, claim) = (key(), claim());
        let public = Url::parse("https://login.example.org/mail/").unwrap();
        let link = claim.link(&public, &key);
        let token = link.strip_prefix("https://login.example.org/mail/not-me?t=").unwrap();
        assert_eq!(NotMe::read(token, &key, at("2026-12-01T07:59:59Z")).unwrap(), claim);
        assert_eq!(NotMe::read(token, &key, at("2026-12-01T08:00:00Z")), Err(LinkFault::Expired));
    }

    #[test]
    fn nobody_makes_a_link_without_the_servers_key() {
        let (key, claim) = (key(), claim());
        let now = at("2026-11-24T09:00:00Z");
        let token = claim.token(&key);
        let (own, code) = token.split_once('.').unwrap();
        let other = NotMe { login: "bert@example.org".into(), ..claim.clone() }.token(&key);
        let (other, _) = other.split_once('.').unwrap();
        for forged in [
            String::new(),
            own.to_owned(),
            format!("{own}."),
            format!("{other}.{code}"),
            format!("{own}.{}", &code[1..]),
            token.replace(&code[..1], if code.starts_with('0') { "1" } else { "0" }),
            claim.token(&self::key()),
            format!("{own}.{code}{}", "0".repeat(5000)),
        ] {
            assert_eq!(NotMe::read(&forged, &key, now), Err(LinkFault::Forged), "{forged}");
        }
    }
}
