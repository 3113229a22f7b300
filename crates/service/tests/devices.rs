//! Sessions bound to a device's key (DPoP, RFC 9449), against the real mailcupd over HTTP, by a client that was
//! written from the RFC and shares nothing with the console's.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use futures_util::future::join_all;
use jiff::Timestamp;
use mailcup_lab::{
    outbox::{Outbox, six_digits},
    service::{OWNER, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    self as wire, Challenge, Code, DeviceName, FactorKind, NewOwner, ProblemDetails, Session, SessionGrant,
    Setup, SetupDone,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use ring::{
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);

/// A mailcupd as it is by default: it takes no session without a key.
struct Stage {
    service: Service,
    http: Client,
}

/// A device with a key of its own.
struct Device(EcdsaKeyPair);

impl Device {
    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self(pair)
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) })
    }

    fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL.encode(signature))
    }

    fn proof(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn claims(method: &Method, url: &str, token: Option<&str>) -> Value {
    let mut claims = json!({
        "jti": format!("{:032x}", rand::random::<u128>()),
        "htm": method.as_str(),
        "htu": url,
        "iat": Timestamp::now().as_second(),
    });
    if let Some(token) = token {
        claims["ath"] = BASE64URL.encode(digest(&SHA256, token.as_bytes())).into();
    }
    claims
}

impl Stage {
    async fn set(settings: &[(&str, &str)]) -> Self {
        let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
        let settings = [&[("SESSIONS_WITHOUT_KEY", "false")], settings].concat();
        let env = settings.iter().map(|(key, value)| (format!("MAILCUP_HTTP_{key}"), (*value).to_owned()));
        let env = env.collect();
        let service = Service::start(ServiceConfig { program, env, ..ServiceConfig::default() });
        Self { service: service.await.unwrap(), http: Client::new() }
    }

    /// With an owner who is signed in at `device`; the session's token beside it.
    async fn owned_by(device: &Device) -> (Self, String) {
        Self::set(&[]).await.own(device).await
    }

    async fn own(self, device: &Device) -> (Self, String) {
        let stage = self;
        let setup = stage.setup().await;
        let done: SetupDone =
            read(stage.open(device, Method::POST, "/v1/setup").json(&setup).send().await.unwrap()).await;
        (stage, done.grant.token)
    }

    async fn setup(&self) -> Setup {
        Setup {
            token: self.service.setup_token().await.unwrap(),
            organization: "Example".into(),
            domains: vec!["example.org".into()],
            owner: NewOwner {
                login: OWNER.login.into(),
                name: OWNER.name.into(),
                email: OWNER.email.into(),
                password: OWNER.password.into(),
            },
            device: named(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.endpoints().http)
    }

    /// A request with a proof and without a session.
    fn open(&self, device: &Device, method: Method, path: &str) -> RequestBuilder {
        let url = self.url(path);
        let proof = device.proof(&claims(&method, &url, None));
        self.http.request(method, url).header("dpop", proof)
    }

    /// A request as a session's device makes it.
    fn call(&self, device: &Device, token: &str, method: Method, path: &str) -> RequestBuilder {
        let url = self.url(path);
        let proof = device.proof(&claims(&method, &url, Some(token)));
        self.with(token, &proof, method, path)
    }

    /// A request with just this token and proof.
    fn with(&self, token: &str, proof: &str, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        request.header("authorization", format!("DPoP {token}")).header("dpop", proof)
    }

    /// How `GET /v1/session` with this token and proof is answered.
    async fn asked(&self, token: &str, proof: &str) -> StatusCode {
        self.with(token, proof, Method::GET, "/v1/session").send().await.unwrap().status()
    }

    /// How the service refuses `GET /v1/session` with this token and proof.
    async fn refuses(&self, token: &str, proof: &str) -> String {
        refused(self.with(token, proof, Method::GET, "/v1/session").send().await.unwrap()).await
    }

    async fn challenge(&self, device: &Device) -> (Challenge, String) {
        let outbox = Outbox::of(self.service.data_dir());
        let before = outbox.mails();
        let request = json!({ "login": OWNER.login, "password": OWNER.password, "device": named() });
        let asked = self.open(device, Method::POST, "/v1/sign-in").json(&request);
        let challenge = read(asked.send().await.unwrap()).await;
        let mail = outbox.mail(&before, "is your MailCup code").await.unwrap();
        (challenge, six_digits(&mail).unwrap().to_owned())
    }

    async fn answer(&self, device: &Device, challenge: &Challenge, code: &str) -> Response {
        let path = format!("/v1/sign-in/{}/answer", challenge.id);
        let answer = json!({ "factor": FactorKind::Email, "code": code });
        self.open(device, Method::POST, &path).json(&answer).send().await.unwrap()
    }

    async fn sign_in(&self, device: &Device) -> SessionGrant {
        let (challenge, code) = self.challenge(device).await;
        read(self.answer(device, &challenge, &code).await).await
    }
}

fn named() -> DeviceName {
    DeviceName { id: "5f1a2b3c4d5e6f708192a3b4c5d6e7f8".into(), name: "A laptop".into() }
}

async fn read<T: DeserializeOwned>(response: Response) -> T {
    let status = response.status();
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {status} {text}"))
}

/// What is said about a proof that is refused.
async fn refused(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let asks = response.headers().get("www-authenticate").unwrap().to_str().unwrap().to_owned();
    assert!(asks.starts_with("DPoP error=\"invalid_dpop_proof\""), "{asks}");
    let problem: ProblemDetails = read(response).await;
    assert_eq!(problem.code, Code::ProofRefused);
    problem.detail
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_token_opens_nothing_without_the_devices_key() {
    let (device, thief) = (Device::new(), Device::new());
    let (stage, token) = Stage::owned_by(&device).await;
    let session = stage.call(&device, &token, Method::GET, "/v1/session").send().await.unwrap();
    assert_eq!(session.status(), StatusCode::OK);

    let url = stage.url("/v1/session");
    for (scheme, said) in [("Bearer", "bound to its device's key"), ("DPoP", "needs a DPoP proof")] {
        let request = stage.http.get(&url).header("authorization", format!("{scheme} {token}"));
        let message = refused(request.send().await.unwrap()).await;
        assert!(message.contains(said), "{message}");
    }
    let as_key = stage.http.get(&url).header("x-api-key", &token).send().await.unwrap();
    assert!(refused(as_key).await.contains("bound to its device's key"));
    let stolen = stage.call(&thief, &token, Method::GET, "/v1/session").send().await.unwrap();
    assert!(refused(stolen).await.contains("key of another device"));
    let stream = stage.call(&thief, &token, Method::GET, "/v1/events/stream").send().await.unwrap();
    assert!(refused(stream).await.contains("key of another device"));

    // What the thief tried ended nothing.
    let session = stage.call(&device, &token, Method::GET, "/v1/session").send().await.unwrap();
    assert_eq!(session.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_for_one_request_at_one_time() {
    let device = Device::new();
    let (stage, token) = Stage::owned_by(&device).await;
    let url = stage.url("/v1/session");
    let right = || claims(&Method::GET, &url, Some(&token));
    let with = |claim: &str, value: Value| {
        let mut claims = right();
        claims[claim] = value;
        device.proof(&claims)
    };

    let proof = device.proof(&right());
    assert_eq!(stage.asked(&token, &proof).await, StatusCode::OK);
    assert!(stage.refuses(&token, &proof).await.contains("used before"));

    let now = Timestamp::now().as_second();
    for (proof, said) in [
        (with("htm", "DELETE".into()), "method DELETE"),
        (with("htu", stage.url("/v1/admins").into()), "is for http://127.0.0.1"),
        (with("htu", "https://mail.example.org/v1/session".into()), "is for https://mail.example.org"),
        (with("iat", (now + 90).into()), "Set the clocks of both computers"),
        (with("iat", (now - 90).into()), "Set the clocks of both computers"),
        (with("ath", Value::Null), "not for this token"),
        (with("ath", BASE64URL.encode([0; 32]).into()), "not for this token"),
        (with("jti", Value::Null), "JSON is not as RFC 9449 says"),
    ] {
        let message = stage.refuses(&token, &proof).await;
        assert!(message.contains(said), "{said}: {message}");
    }
    // Query and fragment are no part of it, and scheme and host may be in any case.
    for written in [format!("{url}?a=b#c"), url.replace("http:", "HTTP:")] {
        assert_eq!(stage.asked(&token, &with("htu", written.into())).await, StatusCode::OK);
    }
    // Nor is one used again after a restart, although the memory of what was used is gone.
    let mut stage = stage;
    let before = device.proof(&right());
    assert_eq!(stage.asked(&token, &before).await, StatusCode::OK);
    let used_in = Timestamp::now().as_second();
    stage.service.stop();
    // The claim counts in seconds.
    wait::until("the second went by", PATIENCE, async || {
        (Timestamp::now().as_second() > used_in).then_some(())
    })
    .await
    .unwrap();
    stage.service.run().await.unwrap();
    assert!(stage.refuses(&token, &before).await.contains("before the service was started"));
    let after = device.proof(&claims(&Method::GET, &url, Some(&token)));
    assert_eq!(stage.asked(&token, &after).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_not_signed_as_it_must_be_is_refused() {
    let device = Device::new();
    let (stage, token) = Stage::owned_by(&device).await;
    let url = stage.url("/v1/session");
    let right = || claims(&Method::GET, &url, Some(&token));
    let with_header = |name: &str, value: Value| {
        let mut header = device.header();
        header[name] = value;
        header
    };
    let none = format!("{}.", unsigned(&with_header("alg", "none".into()), &right()));
    let shared = {
        // Signed with the public key as if it were a shared secret.
        let header = with_header("alg", "HS256".into());
        let signed = unsigned(&header, &right());
        let key = hmac::Key::new(hmac::HMAC_SHA256, device.jwk().to_string().as_bytes());
        format!("{signed}.{}", BASE64URL.encode(hmac::sign(&key, signed.as_bytes())))
    };
    let mut private = device.jwk();
    private["d"] = BASE64URL.encode([1; 32]).into();
    let thief = Device::new();
    for (proof, said) in [
        (none, "signed by ES256"),
        (shared, "signed by ES256"),
        (device.sign(&with_header("typ", "JWT".into()), &right()), "type must be dpop+jwt"),
        (device.sign(&with_header("jwk", private), &right()), "holds the private key"),
        (thief.sign(&device.header(), &right()), "signature is wrong"),
        ("a.b.c".to_owned(), "can't be read"),
    ] {
        let message = stage.refuses(&token, &proof).await;
        assert!(message.contains(said), "{said}: {message}");
    }
    let twice = stage
        .call(&device, &token, Method::GET, "/v1/session")
        .header("dpop", device.proof(&right()))
        .send()
        .await
        .unwrap();
    assert!(refused(twice).await.contains("one DPoP header"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_replays_at_once_exactly_one_passes() {
    let device = Device::new();
    let (stage, token) = Stage::owned_by(&device).await;
    for _ in 0..4 {
        let proof = device.proof(&claims(&Method::GET, &stage.url("/v1/session"), Some(&token)));
        let answers = join_all((0..32).map(|_| stage.asked(&token, &proof))).await;
        let passed = answers.iter().filter(|status| **status == StatusCode::OK).count();
        assert_eq!(passed, 1, "{answers:?}");
        assert!(answers.iter().all(|it| matches!(*it, StatusCode::OK | StatusCode::UNAUTHORIZED)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_without_a_key_is_refused_and_no_other_device_finishes_one() {
    let (device, thief) = (Device::new(), Device::new());
    let (stage, _) = Stage::owned_by(&device).await;
    let request = json!({ "login": OWNER.login, "password": OWNER.password, "device": named() });
    let without = stage.http.post(stage.url("/v1/sign-in")).json(&request).send().await.unwrap();
    assert!(refused(without).await.contains("sessions_without_key"));

    let (challenge, code) = stage.challenge(&device).await;
    let foreign: ProblemDetails = read(stage.answer(&thief, &challenge, &code).await).await;
    assert_eq!(foreign.code, Code::ChallengeOver);
    let path = format!("/v1/sign-in/{}/resend", challenge.id);
    let resent = stage.open(&thief, Method::POST, &path).json(&()).send().await.unwrap();
    assert_eq!(read::<ProblemDetails>(resent).await.code, Code::ChallengeOver);
    // It is not over for the device that began it.
    let grant: SessionGrant = read(stage.answer(&device, &challenge, &code).await).await;
    let session = stage.call(&device, &grant.token, Method::GET, "/v1/session").send().await.unwrap();
    assert_eq!(session.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_closes_within_a_second_of_its_sessions_end() {
    let (device, other) = (Device::new(), Device::new());
    let (stage, token) = Stage::owned_by(&device).await;
    let grant = stage.sign_in(&other).await;
    let mut stream = stage.call(&other, &grant.token, Method::GET, "/v1/events/stream").send().await.unwrap();
    assert!(stream.chunk().await.unwrap().unwrap().starts_with(b"event: hello"));

    let sessions = stage.call(&device, &token, Method::GET, "/v1/me/sessions").send().await.unwrap();
    let sessions: Vec<Session> = read(sessions).await;
    assert_eq!(sessions.len(), 2);
    let path = format!("/v1/me/sessions/{}", grant.session.id);
    let ended = Instant::now();
    let done = stage.call(&device, &token, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    tokio::time::timeout(PATIENCE, async { while stream.chunk().await.unwrap().is_some() {} }).await.unwrap();
    assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
    let over = stage.call(&other, &grant.token, Method::GET, "/v1/session").send().await.unwrap();
    assert_eq!(read::<ProblemDetails>(over).await.code, Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_a_proof_is_for_the_url_that_the_proxy_was_asked_for() {
    let device = Device::new();
    let settings = [("TRUSTED_PROXIES", "127.0.0.1/32"), ("ALLOWED_HOSTS", "mail.example.org")];
    let (stage, token) = Stage::set(&settings).await.own(&device).await;
    let url = "https://mail.example.org/v1/session";
    let asked = async |scheme: &str, url: &str| {
        let proof = device.proof(&claims(&Method::GET, url, Some(&token)));
        let request = stage.with(&token, &proof, Method::GET, "/v1/session");
        request.header("host", "mail.example.org").header("x-forwarded-proto", scheme).send().await.unwrap()
    };
    assert_eq!(asked("https", url).await.status(), StatusCode::OK);
    assert!(refused(asked("http", url).await).await.contains("http.trusted_proxies"));
    let elsewhere = "https://mail.example.net/v1/session";
    assert!(refused(asked("https", elsewhere).await).await.contains("mail.example.net"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_verified_by_a_factor_renamed_and_revoked_with_its_stream_within_a_second() {
    let (device, other) = (Device::new(), Device::new());
    let (stage, token) = Stage::owned_by(&device).await;
    let grant = stage.sign_in(&other).await;
    let list = async || {
        let answer = stage.call(&device, &token, Method::GET, "/v1/me/devices").send().await.unwrap();
        read::<Vec<wire::Device>>(answer).await
    };
    let devices = list().await;
    let [own, second] = &devices[..] else { panic!("{devices:#?}") };
    // Setting up asked for no second factor.
    assert!(own.current && own.verified_at.is_none() && own.sessions.len() == 1, "{own:#?}");
    assert!(!second.current && second.verified_at.is_some() && second.sessions.len() == 1, "{second:#?}");
    assert_eq!(second.id.0, grant.session.device.id, "a device is its key");
    assert_eq!(second.address, Some("127.0.0.1".parse().unwrap()));

    let path = format!("/v1/me/devices/{}", second.id);
    let rename = async |name: &str| {
        let request = stage.call(&device, &token, Method::PATCH, &path).header("if-match", "\"1\"");
        request.json(&json!({ "name": name })).send().await.unwrap()
    };
    let renamed: wire::Device = read(rename(" Tablet in the kitchen ").await).await;
    assert_eq!((renamed.name.as_str(), renamed.version), ("Tablet in the kitchen", 2));
    assert_eq!(rename("Another").await.status(), StatusCode::PRECONDITION_FAILED);
    // Signing in again makes no other device of it, and takes nothing from its name.
    let again = stage.sign_in(&other).await;
    let second = list().await.into_iter().find(|it| !it.current).unwrap();
    assert_eq!((second.name.as_str(), second.sessions.len()), ("Tablet in the kitchen", 2));

    let (challenge, code) = stage.challenge(&other).await;
    let mut stream = stage.call(&other, &again.token, Method::GET, "/v1/events/stream").send().await.unwrap();
    assert!(stream.chunk().await.unwrap().unwrap().starts_with(b"event: hello"));
    let ended = Instant::now();
    let done = stage.call(&device, &token, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    tokio::time::timeout(PATIENCE, async { while stream.chunk().await.unwrap().is_some() {} }).await.unwrap();
    assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
    for token in [&grant.token, &again.token] {
        let over = stage.call(&other, token, Method::GET, "/v1/session").send().await.unwrap();
        assert_eq!(read::<ProblemDetails>(over).await.code, Code::Unauthenticated);
    }
    // What it had begun is over as well.
    let half_done: ProblemDetails = read(stage.answer(&other, &challenge, &code).await).await;
    assert_eq!(half_done.code, Code::ChallengeOver);
    assert_eq!(list().await.len(), 1);
    let gone = stage.call(&device, &token, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}
