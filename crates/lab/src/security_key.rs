//! A security key in software, and the browser before it: makes passkeys and signs with them (W3C Web Authentication,
//! sections 5.1 and 6.3), with ES256. Whoever wants it to lie tells it what to say.

use data_encoding::BASE64URL_NOPAD;
use minicbor::{Encoder, encode};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use crate::LabError;

/// Somebody touched the device.
pub const USER_PRESENT: u8 = 0x01;
const HAS_CREDENTIAL: u8 = 0x40;

/// A passkey on a device, and what device and browser say of themselves.
#[derive(Debug)]
pub struct SecurityKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    pub credential: Vec<u8>,
    user: Option<Vec<u8>>,
    /// The page's origin.
    pub origin: String,
    /// The site; none takes what the page asks for.
    pub party: Option<String>,
    pub flags: u8,
    /// Of the signature that comes next; none of a device that does not count.
    pub counter: Option<u32>,
}

/// What a browser says of a passkey that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
}

/// What a browser says of a passkey that signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub credential: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    pub user: Vec<u8>,
}

impl SecurityKey {
    /// One that counts its signatures, before a page of this origin.
    pub fn before(origin: &str) -> Result<Self, LabError> {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_ASN1_SIGNING);
        let failed = |what| LabError::unexpected("a security key", what);
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| failed("no key was made"))?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random)
            .map_err(|_| failed("its own key can't be read"))?;
        Ok(Self {
            pair,
            random,
            credential: rand::random::<[u8; 16]>().to_vec(),
            user: None,
            origin: origin.to_owned(),
            party: None,
            flags: USER_PRESENT,
            counter: Some(1),
        })
    }

    /// Makes the passkey that a page asks for.
    pub fn create(&mut self, asked: &Value) -> Result<Made, LabError> {
        self.user = asked.pointer("/user/id").and_then(Value::as_str).map(bytes);
        let party = asked.pointer("/rp/id").and_then(Value::as_str).unwrap_or_default();
        let mut data = self.data(party, HAS_CREDENTIAL);
        data.extend([0; 16]);
        let length = u16::try_from(self.credential.len()).unwrap_or(u16::MAX);
        data.extend(length.to_be_bytes());
        data.extend(&self.credential);
        data.extend(written(|cbor| self.write_key(cbor))?);
        let attestation_object = written(|cbor| {
            cbor.map(3)?.str("fmt")?.str("none")?.str("attStmt")?.map(0)?.str("authData")?.bytes(&data)?;
            Ok(())
        })?;
        Ok(Made { client_data: self.client_data("webauthn.create", asked), attestation_object })
    }

    /// Signs what a page asks for.
    pub fn sign(&mut self, asked: &Value) -> Result<Signed, LabError> {
        let party = asked["rpId"].as_str().unwrap_or_default();
        let authenticator_data = self.data(party, 0);
        let client_data = self.client_data("webauthn.get", asked);
        let signed = [&authenticator_data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&self.random, &signed);
        let signature = signature.map_err(|_| LabError::unexpected("a security key", "it did not sign"))?;
        Ok(Signed {
            credential: self.credential.clone(),
            client_data,
            authenticator_data,
            signature: signature.as_ref().to_vec(),
            user: self.user.clone().unwrap_or_default(),
        })
    }

    fn client_data(&self, kind: &str, asked: &Value) -> Vec<u8> {
        let said = json!({
            "type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        said.to_string().into_bytes()
    }

    /// Authenticator data of the next signature.
    fn data(&mut self, party: &str, flags: u8) -> Vec<u8> {
        let party = self.party.as_deref().unwrap_or(party);
        let counter = self.counter.unwrap_or_default();
        self.counter = self.counter.map(|counter| counter + 1);
        [digest(&SHA256, party.as_bytes()).as_ref(), &[self.flags | flags], &counter.to_be_bytes()].concat()
    }

    /// The public key as COSE writes it.
    fn write_key(&self, cbor: &mut Encoder<Vec<u8>>) -> Result<(), Failed> {
        // One byte says that the point is not compressed.
        let (_, point) = self.pair.public_key().as_ref().split_at(1);
        let (x, y) = point.split_at(32);
        cbor.map(5)?.i8(1)?.i8(2)?.i8(3)?.i8(-7)?.i8(-1)?.i8(1)?.i8(-2)?.bytes(x)?.i8(-3)?.bytes(y)?;
        Ok(())
    }
}

impl Made {
    /// As a form's fields.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        [("client_data", &self.client_data), ("attestation_object", &self.attestation_object)]
            .map(|(name, bytes)| (name, BASE64URL_NOPAD.encode(bytes)))
            .into()
    }
}

impl Signed {
    /// As a form's fields.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        [
            ("credential", &self.credential),
            ("client_data", &self.client_data),
            ("authenticator_data", &self.authenticator_data),
            ("signature", &self.signature),
            ("user", &self.user),
        ]
        .map(|(name, bytes)| (name, BASE64URL_NOPAD.encode(bytes)))
        .into()
    }
}

type Failed = encode::Error<std::convert::Infallible>;

fn written(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Failed>) -> Result<Vec<u8>, LabError> {
    let mut cbor = Encoder::new(Vec::new());
    write(&mut cbor).map_err(|error| LabError::unexpected("a security key", error.to_string()))?;
    Ok(cbor.into_writer())
}

fn bytes(text: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default()
}
