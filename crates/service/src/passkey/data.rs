//! What an authenticator says of itself: authenticator data (Web Authentication, section 6.1), attestation objects
//! (section 6.5) and public keys (COSE, RFC 9052 and 9053).

use minicbor::{Decoder, data::Type};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::judge::Refusal;

/// Signatures that are taken, the ones that are liked best first, by their numbers in COSE: `EdDSA`, ES256, RS256.
pub const ALGORITHMS: [i64; 3] = [-8, -7, -257];

/// Section 7.1 takes no longer ones.
const LONGEST_CREDENTIAL: usize = 1023;

const USER_PRESENT: u8 = 0x01;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// Authenticator data, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the relying party's id.
    pub party: [u8; 32],
    flags: u8,
    pub counter: u32,
    pub credential: Option<Credential<'a>>,
}

/// A credential that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential<'a> {
    pub id: &'a [u8],
    /// A `COSE_Key`.
    pub key: &'a [u8],
}

/// A public key, and with it the algorithm of its signatures. A point that is on no curve verifies nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey<'a> {
    Es256 { x: [u8; 32], y: [u8; 32] },
    EdDsa([u8; 32]),
    Rs256 { modulus: &'a [u8], exponent: &'a [u8] },
}

/// The labels of a `COSE_Key` that are of use here, as far as it has them.
#[derive(Default)]
struct Labels<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    /// −1 of an RSA key.
    modulus: Option<&'a [u8]>,
    /// −2: x of a curve's point, or the exponent.
    second: Option<&'a [u8]>,
    /// −3: y of a curve's point.
    third: Option<&'a [u8]>,
}

impl<'a> AuthenticatorData<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let unreadable = Refusal::Unreadable("authenticator data");
        let (party, rest) = bytes.split_first_chunk::<32>().ok_or(unreadable)?;
        let (&[flags], rest) = rest.split_first_chunk::<1>().ok_or(unreadable)?;
        let (counter, mut rest) = rest.split_first_chunk::<4>().ok_or(unreadable)?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (read, after) = Credential::read(rest)?;
            (credential, rest) = (Some(read), after);
        }
        // Extensions are not asked for; whoever sends some says nothing that counts.
        let is_whole = if flags & HAS_EXTENSIONS != 0 { is_one_map(rest) } else { rest.is_empty() };
        let data = Self { party: *party, flags, counter: u32::from_be_bytes(*counter), credential };
        is_whole.then_some(data).ok_or(unreadable)
    }

    /// Whether somebody touched the device.
    pub fn is_user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    /// What can't be backed up is not backed up (section 6.1.3).
    pub fn is_consistent(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0 || self.flags & BACKED_UP == 0
    }
}

impl<'a> Credential<'a> {
    /// Reads it at the beginning of `bytes` (section 6.5.1); answers what comes after it.
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Refusal> {
        let unreadable = Refusal::Unreadable("credential");
        // The model of the device, of which nothing is asked.
        let (_model, rest) = bytes.split_first_chunk::<16>().ok_or(unreadable)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(unreadable)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).ok_or(unreadable)?;
        if id.is_empty() || id.len() > LONGEST_CREDENTIAL {
            return Err(unreadable);
        }
        let mut decoder = Decoder::new(rest);
        decoder.skip().map_err(|_| unreadable)?;
        let (key, rest) = rest.split_at_checked(decoder.position()).ok_or(unreadable)?;
        Ok((Self { id, key }, rest))
    }
}

impl<'a> PublicKey<'a> {
    pub fn read(key: &'a [u8]) -> Result<Self, Refusal> {
        let labels = Labels::read(key).ok_or(Refusal::Unreadable("public key"))?;
        let Labels { kind, algorithm, curve, modulus, second, third } = labels;
        let coordinate = |bytes: Option<&[u8]>| bytes?.try_into().ok();
        let read = match (kind, algorithm, curve) {
            (Some(2), Some(-7), Some(1)) => {
                coordinate(second).zip(coordinate(third)).map(|(x, y)| Self::Es256 { x, y })
            }
            (Some(1), Some(-8), Some(6)) => coordinate(second).map(Self::EdDsa),
            (Some(3), Some(-257), None) => {
                modulus.zip(second).map(|(modulus, exponent)| Self::Rs256 { modulus, exponent })
            }
            _ => return Err(Refusal::Algorithm),
        };
        read.ok_or(Refusal::Unreadable("public key"))
    }

    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified =
            match self {
                Self::Es256 { x, y } => {
                    let point = [&[4], &x[..], &y[..]].concat();
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
                }
                Self::EdDsa(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
                Self::Rs256 { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            };
        verified.is_ok()
    }
}

impl<'a> Labels<'a> {
    /// None where it is no map, says something twice or of the wrong kind, or goes on after its end.
    fn read(key: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(key);
        let mut labels = Self::default();
        for _ in 0..decoder.map().ok()?? {
            match decoder.i64().ok()? {
                1 => once(&mut labels.kind, decoder.i64().ok()?)?,
                3 => once(&mut labels.algorithm, decoder.i64().ok()?)?,
                -1 if decoder.datatype().ok()? == Type::Bytes => {
                    once(&mut labels.modulus, decoder.bytes().ok()?)?;
                }
                -1 => once(&mut labels.curve, decoder.i64().ok()?)?,
                -2 => once(&mut labels.second, decoder.bytes().ok()?)?,
                -3 => once(&mut labels.third, decoder.bytes().ok()?)?,
                _ => decoder.skip().ok()?,
            }
        }
        (decoder.position() == key.len()).then_some(labels)
    }
}

/// The authenticator data in an attestation object. Its statement is not looked at: none is asked for, and nothing is
/// made of the device's model.
pub fn attested(object: &[u8]) -> Result<&[u8], Refusal> {
    let read = || {
        let mut decoder = Decoder::new(object);
        let mut data = None;
        for _ in 0..decoder.map().ok()?? {
            match decoder.str().ok()? {
                "authData" => once(&mut data, decoder.bytes().ok()?)?,
                _ => decoder.skip().ok()?,
            }
        }
        data.filter(|_| decoder.position() == object.len())
    };
    read().ok_or(Refusal::Unreadable("attestation object"))
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn is_one_map(bytes: &[u8]) -> bool {
    let mut decoder = Decoder::new(bytes);
    decoder.datatype().is_ok_and(|kind| kind == Type::Map)
        && decoder.skip().is_ok()
        && decoder.position() == bytes.len()
}
