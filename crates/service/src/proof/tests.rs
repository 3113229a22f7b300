use proptest::prelude::*;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-11-27T20:00:00Z";
const URL: &str = "https://mail.example.org/v1/session";
const TOKEN: &str = "mcs_token";

fn now() -> Time {
    Time(NOW.parse().unwrap())
}

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

fn jwk(pair: &EcdsaKeyPair) -> Value {
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    json!({ "kty": "EC", "crv": "P-256", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) })
}

fn header(pair: &EcdsaKeyPair) -> Value {
    json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(pair) })
}

fn claims() -> Value {
    json!({
        "jti": "one", "htm": "GET", "htu": URL, "iat": now().0.as_second(), "ath": token_hash(TOKEN),
    })
}

fn sign(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL.encode(signature))
}

fn checked(proof: &str) -> Result<Proof, Refused> {
    let urls = [URL.to_owned(), "http://127.0.0.1:8480/v1/session".to_owned()];
    let since = Time(now().0 - SignedDuration::from_hours(1));
    check(proof, &Request { method: "GET", urls: &urls, token: Some(TOKEN), now: now(), since })
}

/// The claims with one of them as `value`.
fn with(claim: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[claim] = value.into();
    claims
}

#[test]
fn a_key_has_the_thumbprint_that_its_jwk_says() {
    let pair = pair();
    let proof = checked(&sign(&pair, &header(&pair), &claims())).unwrap();
    let jwk = jwk(&pair);
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
    assert_eq!(proof.key.to_string(), token_hash(&canonical));
    assert_eq!(proof.key.to_string().parse(), Ok(proof.key));
}

#[test]
fn a_proof_is_refused_for_what_is_wrong_with_it() {
    let pair = pair();
    let right = header(&pair);
    let signed = |claims: &Value| checked(&sign(&pair, &right, claims));
    let at = |seconds: i64| signed(&with("iat", now().0.as_second() + seconds));
    assert!(at(60).is_ok() && at(-60).is_ok());
    assert!(matches!(at(61), Err(Refused::Time { .. })) && matches!(at(-61), Err(Refused::Time { .. })));
    assert!(at(61).unwrap_err().to_string().contains("Set the clocks of both computers"));
    assert_eq!(signed(&with("htm", "POST")), Err(Refused::Method("POST".into())));
    assert!(matches!(signed(&with("htu", "https://mail.example.org/v1/admins")), Err(Refused::Url { .. })));
    assert!(matches!(signed(&with("htu", "http://mail.example.org/v1/session")), Err(Refused::Url { .. })));
    assert_eq!(signed(&with("ath", token_hash("another"))), Err(Refused::Token));
    assert_eq!(signed(&with("ath", Value::Null)), Err(Refused::Token));
    assert!(matches!(signed(&with("jti", "")), Err(Refused::Unreadable(_))));

    let with_header = |name: &str, value: Value| {
        let mut header = right.clone();
        header[name] = value;
        checked(&sign(&pair, &header, &claims()))
    };
    assert_eq!(with_header("typ", "JWT".into()), Err(Refused::Type));
    for algorithm in ["none", "HS256", "RS256", "ES384", "es256"] {
        assert_eq!(with_header("alg", algorithm.into()), Err(Refused::Algorithm), "{algorithm}");
    }
    assert!(matches!(with_header("crit", json!(["exp"])), Err(Refused::Unreadable(_))));
    let with_jwk = |name: &str, value: Value| {
        let mut key = jwk(&pair);
        key[name] = value;
        with_header("jwk", key)
    };
    assert_eq!(with_jwk("d", "AA".into()), Err(Refused::Key(NotAKey::Private)));
    assert_eq!(with_jwk("kty", "oct".into()), Err(Refused::Key(NotAKey::OtherKind)));
    assert_eq!(with_jwk("crv", "P-384".into()), Err(Refused::Key(NotAKey::OtherKind)));
    assert_eq!(with_jwk("x", "AA".into()), Err(Refused::Key(NotAKey::Coordinates)));
    assert_eq!(with_jwk("x", BASE64URL.encode([0; 32]).into()), Err(Refused::Signature));
}

#[test]
fn an_unsigned_or_broken_proof_is_none() {
    let pair = pair();
    let right = sign(&pair, &header(&pair), &claims());
    let unsigned = right.rsplit_once('.').unwrap().0;
    assert_eq!(checked(&format!("{unsigned}.")), Err(Refused::Signature));
    for broken in ["", ".", "..", "a.b.c", unsigned, &format!("{right}="), &"a".repeat(5000)] {
        assert!(checked(broken).is_err(), "{broken}");
    }
}

#[test]
fn a_proof_from_before_the_start_is_refused() {
    let pair = pair();
    let proof = sign(&pair, &header(&pair), &with("iat", now().0.as_second() - 2));
    let urls = [URL.to_owned()];
    let since = |seconds: i64| Time(now().0 - SignedDuration::from_secs(seconds));
    let started = |seconds: i64| {
        let request =
            Request { method: "GET", urls: &urls, token: Some(TOKEN), now: now(), since: since(seconds) };
        check(&proof, &request).map(drop)
    };
    assert_eq!(started(1), Err(Refused::Forgotten));
    assert_eq!(started(2), Ok(()));
}

#[test]
fn a_url_is_the_same_however_it_is_written() {
    let same = normalized("https://mail.example.org/v1/accounts/a~b%40c%2Fd").unwrap();
    for written in [
        "HTTPS://Mail.Example.ORG:443/v1/accounts/a~b%40c%2Fd",
        "https://mail.example.org/v1/accounts/a%7eb%40c%2fd?x=1#y",
        "https://mail.example.org/v1/x/../accounts/%61~b%40c%2Fd",
    ] {
        assert_eq!(normalized(written).unwrap(), same, "{written}");
    }
    for other in ["https://mail.example.org/v1/accounts/a~b@c/d", "https://mail.example.org:8480/v1"] {
        assert_ne!(normalized(other).unwrap(), same, "{other}");
    }
    for none in ["ftp://mail.example.org/", "https://a@mail.example.org/", "/v1/session", ""] {
        assert_eq!(normalized(none), None, "{none}");
    }
}

#[test]
fn a_proof_is_used_once_for_as_long_as_it_is_good() {
    let pair = pair();
    let proof = |id: usize| checked(&sign(&pair, &header(&pair), &with("jti", id.to_string()))).unwrap();
    let later = |seconds: i64| Time(now().0 + SignedDuration::from_secs(seconds));
    let used = Used::new(3);
    let first = proof(0);
    assert_eq!(used.take(&first, now()), Ok(true));
    for seconds in [0, 60, 120, 10] {
        assert_eq!(used.take(&first, later(seconds)), Ok(false), "{seconds}");
    }
    assert_eq!(used.take(&proof(1), later(1)), Ok(true));
    assert_eq!(used.take(&proof(2), later(1)), Ok(true));
    // Full: what is new waits, and what was used stays used.
    assert_eq!(used.take(&proof(3), later(1)), Err(Full));
    assert_eq!(used.take(&first, later(1)), Ok(false));
    assert_eq!(used.take(&proof(3), later(121)), Ok(true));
}

proptest! {
    #[test]
    fn no_altered_byte_of_a_proof_passes(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let pair = pair();
        let right = sign(&pair, &header(&pair), &claims());
        prop_assert!(checked(&right).is_ok());
        let mut altered = right.clone().into_bytes();
        let at = at.index(altered.len());
        prop_assume!(altered[at] != byte);
        altered[at] = byte;
        prop_assert!(checked(&String::from_utf8_lossy(&altered)).is_err());
    }

    #[test]
    fn no_claim_or_header_is_altered_under_the_signature(
        part in 0usize..2, member in any::<prop::sample::Index>(), value in value(), remove in any::<bool>(),
    ) {
        let pair = pair();
        let mut parts = [header(&pair), claims()];
        let right = sign(&pair, &parts[0], &parts[1]);
        let object = parts[part].as_object_mut().unwrap();
        let name = member.get(&object.keys().cloned().collect::<Vec<_>>()).clone();
        prop_assume!(remove || object[&name] != value);
        if remove { object.remove(&name); } else { object.insert(name, value); }
        let encoded = parts.map(|part| BASE64URL.encode(part.to_string()));
        let signature = right.rsplit_once('.').unwrap().1;
        let altered = [&encoded[0], &encoded[1], signature].join(".");
        prop_assert!(checked(&altered).is_err());
    }

    #[test]
    fn a_signed_proof_passes_only_for_its_own_request(
        method in "GET|POST|DELETE|get", url in "https?://(mail.example.org|127.0.0.1:8480)/v1/(session|admins)",
        seconds in -200i64..200, token in "mcs_(token|other)",
    ) {
        let pair = pair();
        let mut claims = with("htm", method.as_str());
        claims["htu"] = url.as_str().into();
        claims["iat"] = (now().0.as_second() + seconds).into();
        claims["ath"] = token_hash(&token).into();
        let right = method == "GET"
            && (url == URL || url == "http://127.0.0.1:8480/v1/session")
            && seconds.abs() <= 60
            && token == TOKEN;
        prop_assert_eq!(checked(&sign(&pair, &header(&pair), &claims)).is_ok(), right);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(text in ".{0,200}") {
        prop_assert!(checked(&text).is_err());
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!({})),
    ]
}
