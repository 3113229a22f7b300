//! Whether what a browser says of a passkey is right (W3C Web Authentication, Level 3, sections 7.1 and 7.2). Pure: what
//! was asked and what is known are arguments.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use super::data::{AuthenticatorData, PublicKey, attested};

/// The site to which passkeys are bound: its name, and where its pages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    pub id: String,
    pub origin: String,
}

/// Why a site can have no passkeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPasskeys {
    #[error("public.url is not set")]
    NoUrl,
    #[error("public.url names an IP address, and a passkey is bound to a name")]
    Address,
    #[error("public.url is not https")]
    Plain,
}

/// 32 random bytes that are signed, so that a signature is of one sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge(pub [u8; 32]);

/// What a browser says of a passkey that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
}

/// What a browser says of a passkey that signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The credential's id.
    pub credential: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    /// Whose passkey it is, where the device knows that.
    pub user: Option<Vec<u8>>,
}

/// A passkey that was made for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub credential: Vec<u8>,
    /// A `COSE_Key`.
    pub key: Vec<u8>,
    pub counter: u32,
}

/// What is known of a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// A `COSE_Key`.
    pub key: &'a [u8],
    pub counter: u32,
}

/// Why a passkey is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("its {0} can\u{2019}t be read")]
    Unreadable(&'static str),
    #[error("it was used for something else than what was asked")]
    OtherUse,
    #[error("it has not signed what was asked of this browser, or too late")]
    OtherChallenge,
    #[error("it was used on a page of another site")]
    OtherOrigin,
    #[error("it is bound to another site")]
    OtherParty,
    #[error("nobody confirmed it")]
    NobodyThere,
    #[error("its signatures are of a kind that is not taken here")]
    Algorithm,
    #[error("it is none of this account")]
    NotTheirs,
    #[error("its signature is wrong")]
    Signature,
    #[error("another sign-in used it at the same time")]
    Overtaken,
    #[error("its counter went back from {known} to {said}: somebody may have a copy of it")]
    CounterBack { known: u32, said: u32 },
}

/// What is being done with a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ceremony {
    Creation,
    Assertion,
}

/// The client's data (section 5.8.1), as far as they count.
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    is_cross_origin: bool,
}

impl RelyingParty {
    /// The site whose pages are at this address.
    pub fn at(url: Option<&Url>) -> Result<Self, NoPasskeys> {
        let url = url.ok_or(NoPasskeys::NoUrl)?;
        let Some(Host::Domain(name)) = url.host() else { return Err(NoPasskeys::Address) };
        if url.scheme() != "https" && name != "localhost" {
            return Err(NoPasskeys::Plain);
        }
        Ok(Self { id: name.to_owned(), origin: url.origin().ascii_serialization() })
    }
}

impl fmt::Display for Challenge {
    /// As browsers write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// Judges a passkey that was made on `challenge`.
pub fn created(party: &RelyingParty, challenge: Challenge, said: &Creation) -> Result<Made, Refusal> {
    judge_client_data(&said.client_data, Ceremony::Creation, party, challenge)?;
    let data = AuthenticatorData::read(attested(&said.attestation_object)?)?;
    judge_data(&data, party)?;
    let credential = data.credential.as_ref().ok_or(Refusal::Unreadable("credential"))?;
    PublicKey::read(credential.key)?;
    Ok(Made { credential: credential.id.to_owned(), key: credential.key.to_owned(), counter: data.counter })
}

/// Judges a passkey that signed `challenge`; answers its counter.
pub fn asserted(
    party: &RelyingParty,
    challenge: Challenge,
    known: Known<'_>,
    said: &Assertion,
) -> Result<u32, Refusal> {
    judge_client_data(&said.client_data, Ceremony::Assertion, party, challenge)?;
    let data = AuthenticatorData::read(&said.authenticator_data)?;
    judge_data(&data, party)?;
    let signed = [&said.authenticator_data[..], &Sha256::digest(&said.client_data)].concat();
    if !PublicKey::read(known.key)?.has_signed(&signed, &said.signature) {
        return Err(Refusal::Signature);
    }
    // Of a device that does not count, it is always 0.
    let counts = known.counter != 0 || data.counter != 0;
    if counts && data.counter <= known.counter {
        return Err(Refusal::CounterBack { known: known.counter, said: data.counter });
    }
    Ok(data.counter)
}

fn judge_client_data(
    json: &[u8],
    ceremony: Ceremony,
    party: &RelyingParty,
    challenge: Challenge,
) -> Result<(), Refusal> {
    let said: ClientData = serde_json::from_slice(json).map_err(|_| Refusal::Unreadable("client data"))?;
    let wanted = match ceremony {
        Ceremony::Creation => "webauthn.create",
        Ceremony::Assertion => "webauthn.get",
    };
    if said.r#type != wanted {
        return Err(Refusal::OtherUse);
    }
    if said.challenge != challenge.to_string() {
        return Err(Refusal::OtherChallenge);
    }
    // Our pages stand in no frame of anybody.
    if said.origin != party.origin || said.is_cross_origin {
        return Err(Refusal::OtherOrigin);
    }
    Ok(())
}

fn judge_data(data: &AuthenticatorData<'_>, party: &RelyingParty) -> Result<(), Refusal> {
    if data.party[..] != Sha256::digest(party.id.as_bytes())[..] {
        return Err(Refusal::OtherParty);
    }
    if !data.is_user_present() {
        return Err(Refusal::NobodyThere);
    }
    if !data.is_consistent() {
        return Err(Refusal::Unreadable("authenticator data"));
    }
    Ok(())
}
