use mailcup_lab::security_key::SecurityKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    data::{AuthenticatorData, PublicKey, attested},
    *,
};

const ORIGIN: &str = "https://mail.example.org";
const CHALLENGE: Challenge = Challenge([7; 32]);

/// Has device or browser say something else.
type Lie = fn(&mut SecurityKey);

fn site() -> RelyingParty {
    RelyingParty::at(Some(&ORIGIN.parse().unwrap())).unwrap()
}

fn key() -> SecurityKey {
    SecurityKey::before(ORIGIN).unwrap()
}

fn asked_to_create() -> Value {
    json!({ "challenge": CHALLENGE.to_string(), "rp": { "id": "mail.example.org" }, "user": { "id": "YW5uYQ" } })
}

fn make(key: &mut SecurityKey) -> Creation {
    let made = key.create(&asked_to_create()).unwrap();
    Creation { client_data: made.client_data, attestation_object: made.attestation_object }
}

fn sign(key: &mut SecurityKey) -> Assertion {
    let asked = json!({ "challenge": CHALLENGE.to_string(), "rpId": "mail.example.org" });
    let signed = key.sign(&asked).unwrap();
    Assertion {
        credential: signed.credential,
        client_data: signed.client_data,
        authenticator_data: signed.authenticator_data,
        signature: signed.signature,
        user: Some(signed.user),
    }
}

/// A key whose passkey is known.
fn enrolled() -> (SecurityKey, Made) {
    let mut key = key();
    let made = created(&site(), CHALLENGE, &make(&mut key)).unwrap();
    (key, made)
}

fn judged(made: &Made, said: &Assertion) -> Result<u32, Refusal> {
    asserted(&site(), CHALLENGE, Known { key: &made.key, counter: made.counter }, said)
}

#[test]
fn a_site_has_passkeys_under_a_name_and_over_https() {
    let at = |url: &str| RelyingParty::at(Some(&url.parse().unwrap()));
    for (url, id, origin) in [
        ("https://mail.example.org/", "mail.example.org", "https://mail.example.org"),
        ("https://Mail.example.org:8443/x", "mail.example.org", "https://mail.example.org:8443"),
        ("http://localhost:8481", "localhost", "http://localhost:8481"),
    ] {
        assert_eq!(at(url), Ok(RelyingParty { id: id.to_owned(), origin: origin.to_owned() }));
    }
    for url in ["https://192.0.2.7", "https://[2001:db8::7]", "http://127.0.0.1:8481"] {
        assert_eq!(at(url), Err(NoPasskeys::Address), "{url}");
    }
    assert_eq!(at("http://mail.example.org"), Err(NoPasskeys::Plain));
    assert_eq!(RelyingParty::at(None), Err(NoPasskeys::NoUrl));
}

#[test]
fn what_was_made_for_us_signs_for_us() {
    let (mut key, made) = enrolled();
    assert_eq!((made.credential.as_slice(), made.counter), (key.credential.as_slice(), 1));
    assert_eq!(judged(&made, &sign(&mut key)), Ok(2));
    // A phone that keeps its passkeys in the cloud does not count.
    key.counter = None;
    let uncounted = Made { counter: 0, ..made };
    assert_eq!(judged(&uncounted, &sign(&mut key)), Ok(0));
}

#[test]
fn a_passkey_of_another_page_site_or_question_is_refused() {
    let lies: [(Lie, Refusal); 3] = [
        (|key| "https://mail.example.org.evil.example".clone_into(&mut key.origin), Refusal::OtherOrigin),
        (|key| key.party = Some("example.org".to_owned()), Refusal::OtherParty),
        (|key| key.flags = 0, Refusal::NobodyThere),
    ];
    for (lie, refusal) in lies {
        let (mut known, made) = enrolled();
        lie(&mut known);
        assert_eq!(judged(&made, &sign(&mut known)), Err(refusal));
        let mut new = key();
        lie(&mut new);
        assert_eq!(created(&site(), CHALLENGE, &make(&mut new)), Err(refusal));
    }
    let (mut key, made) = enrolled();
    let (said, known) = (sign(&mut key), Known { key: &made.key, counter: made.counter });
    let other = Challenge([8; 32]);
    assert_eq!(asserted(&site(), other, known, &said), Err(Refusal::OtherChallenge));
    assert_eq!(created(&site(), other, &make(&mut key)), Err(Refusal::OtherChallenge));
    let framed = String::from_utf8(said.client_data.clone()).unwrap();
    let framed = framed.replace("\"crossOrigin\":false", "\"crossOrigin\":true").into_bytes();
    assert_eq!(judged(&made, &Assertion { client_data: framed, ..said }), Err(Refusal::OtherOrigin));
    // What a page got for making a passkey signs nobody in, and the other way round.
    let made_anew = make(&mut key);
    let swapped = Assertion { client_data: made_anew.client_data.clone(), ..sign(&mut key) };
    assert_eq!(judged(&made, &swapped), Err(Refusal::OtherUse));
    let swapped = Creation { client_data: sign(&mut key).client_data, ..made_anew };
    assert_eq!(created(&site(), CHALLENGE, &swapped), Err(Refusal::OtherUse));
}

#[test]
fn another_key_or_another_word_signs_nothing() {
    let ((mut key, made), (_, other)) = (enrolled(), enrolled());
    let said = sign(&mut key);
    assert_eq!(judged(&Made { key: other.key, ..made.clone() }, &said), Err(Refusal::Signature));
    let mut later = said.clone();
    *later.authenticator_data.last_mut().unwrap() += 1;
    assert_eq!(judged(&made, &later), Err(Refusal::Signature));
}

#[test]
fn a_counter_that_does_not_go_on_is_refused() {
    let (mut key, made) = enrolled();
    let known = Made { counter: 5, ..made };
    for (counter, judgement) in [
        (Some(6), Ok(6)),
        (Some(u32::MAX - 1), Ok(u32::MAX - 1)),
        (Some(5), Err(Refusal::CounterBack { known: 5, said: 5 })),
        (Some(2), Err(Refusal::CounterBack { known: 5, said: 2 })),
        (None, Err(Refusal::CounterBack { known: 5, said: 0 })),
    ] {
        key.counter = counter;
        assert_eq!(judged(&known, &sign(&mut key)), judgement);
    }
    // A copy is only told of by who has the key.
    key.counter = Some(2);
    let mut forged = sign(&mut key);
    forged.signature.reverse();
    assert_eq!(judged(&known, &forged), Err(Refusal::Signature));
}

/// A `COSE_Key` of these labels; each value as CBOR.
fn cose(labels: &[(i8, &[u8])]) -> Vec<u8> {
    let mut key = minicbor::Encoder::new(Vec::new());
    key.map(labels.len() as u64).unwrap();
    let mut bytes = key.into_writer();
    for (label, value) in labels {
        bytes.extend(minicbor::to_vec(label).unwrap());
        bytes.extend(*value);
    }
    bytes
}

fn number(value: i64) -> Vec<u8> {
    minicbor::to_vec(value).unwrap()
}

fn string(value: &[u8]) -> Vec<u8> {
    let mut cbor = minicbor::Encoder::new(Vec::new());
    cbor.bytes(value).unwrap();
    cbor.into_writer()
}

#[test]
fn keys_of_three_kinds_are_read_and_no_others() {
    let (x, y) = (string(&[1; 32]), string(&[2; 32]));
    let ec2 = |kind, algorithm, curve: i64, x: &[u8]| {
        let labels = [
            (1, number(kind)),
            (3, number(algorithm)),
            (-1, number(curve)),
            (-2, x.to_vec()),
            (-3, y.clone()),
        ];
        let labels: Vec<(i8, &[u8])> =
            labels.iter().map(|(label, value)| (*label, value.as_slice())).collect();
        cose(&labels)
    };
    let es256 = ec2(2, -7, 1, &x);
    assert_eq!(PublicKey::read(&es256), Ok(PublicKey::Es256 { x: [1; 32], y: [2; 32] }));
    let eddsa = cose(&[(1, &number(1)), (3, &number(-8)), (-1, &number(6)), (-2, &x)]);
    assert_eq!(PublicKey::read(&eddsa), Ok(PublicKey::EdDsa([1; 32])));
    let (modulus, exponent) = (string(&[3; 256]), string(&[1, 0, 1]));
    let rs256 = cose(&[(1, &number(3)), (3, &number(-257)), (-1, &modulus), (-2, &exponent)]);
    assert_eq!(PublicKey::read(&rs256), Ok(PublicKey::Rs256 { modulus: &[3; 256], exponent: &[1, 0, 1] }));

    for other in [ec2(2, -35, 1, &x), ec2(2, -7, 2, &x), ec2(1, -7, 1, &x), ec2(3, -257, 1, &x)] {
        assert_eq!(PublicKey::read(&other), Err(Refusal::Algorithm));
    }
    let short = ec2(2, -7, 1, &string(&[1; 31]));
    let twice =
        cose(&[(1, &number(2)), (1, &number(2)), (3, &number(-7)), (-1, &number(1)), (-2, &x), (-3, &y)]);
    let longer = [es256.as_slice(), &[0]].concat();
    for unreadable in [&short[..], &twice, &longer, &[], &[0xbf, 0xff]] {
        assert_eq!(PublicKey::read(unreadable), Err(Refusal::Unreadable("public key")), "{unreadable:?}");
    }
}

#[test]
fn signatures_of_each_kind_are_verified() {
    use ring::{
        rand::SystemRandom,
        signature::{Ed25519KeyPair, KeyPair as _},
    };
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let point = string(pair.public_key().as_ref());
    let key = cose(&[(1, &number(1)), (3, &number(-8)), (-1, &number(6)), (-2, &point)]);
    let key = PublicKey::read(&key).unwrap();
    let signature = pair.sign(b"this");
    assert!(key.has_signed(b"this", signature.as_ref()) && !key.has_signed(b"that", signature.as_ref()));

    // Made by OpenSSL: `openssl genrsa 2048`, `openssl dgst -sha256 -sign`.
    let [modulus, signature] = [include_str!("rs256.modulus"), include_str!("rs256.signature")]
        .map(|hex| data_encoding::HEXLOWER.decode(hex.trim().as_bytes()).unwrap());
    let key = PublicKey::Rs256 { modulus: &modulus, exponent: &[1, 0, 1] };
    assert!(key.has_signed(b"this", &signature) && !key.has_signed(b"that", &signature));
}

#[test]
fn extensions_that_nobody_asked_for_count_for_nothing() {
    let (mut key, made) = enrolled();
    key.flags |= 0x80;
    let bare = sign(&mut key);
    assert_eq!(judged(&made, &bare), Err(Refusal::Unreadable("authenticator data")));
    let data = [&bare.authenticator_data[..], &[0xa1, 0x61, b'a', 0xf5]].concat();
    assert_eq!(AuthenticatorData::read(&data).map(|data| data.counter), Ok(2));
    let longer = [&data[..], &[0]].concat();
    assert!(AuthenticatorData::read(&longer).is_err());
}

proptest! {
    /// No bytes make it panic, and none that a device did not say are read as a passkey of ours.
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, made) = enrolled();
        prop_assert!(attested(&bytes).is_err() || !bytes.is_empty());
        let _ = PublicKey::read(&bytes);
        let _ = AuthenticatorData::read(&bytes);
        let said = Creation { client_data: bytes.clone(), attestation_object: bytes.clone() };
        prop_assert!(created(&site(), CHALLENGE, &said).is_err());
        let said = Assertion {
            credential: made.credential.clone(),
            client_data: bytes.clone(),
            authenticator_data: bytes.clone(),
            signature: bytes.clone(),
            user: None,
        };
        prop_assert!(judged(&made, &said).is_err());
    }

    /// A passkey with one bit changed anywhere signs nobody in.
    #[test]
    fn no_bit_may_differ(part in 0..3usize, at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (mut key, made) = enrolled();
        let mut said = sign(&mut key);
        let bytes = match part {
            0 => &mut said.client_data,
            1 => &mut said.authenticator_data,
            _ => &mut said.signature,
        };
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(judged(&made, &said).is_err());
    }

    /// An attestation object that was cut or changed is read as the same passkey, another one, or none: never as more.
    #[test]
    fn a_damaged_attestation_is_no_panic(at in any::<prop::sample::Index>(), cut: bool, byte: u8) {
        let mut said = make(&mut key());
        let at = at.index(said.attestation_object.len());
        if cut {
            said.attestation_object.truncate(at);
            prop_assert!(created(&site(), CHALLENGE, &said).is_err());
        } else {
            said.attestation_object[at] = byte;
            if let Ok(made) = created(&site(), CHALLENGE, &said) {
                prop_assert!(PublicKey::read(&made.key).is_ok());
            }
        }
    }
}
