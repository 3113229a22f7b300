use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const PROVIDERS: [Provider; 4] =
    [Provider::RecaptchaV2, Provider::RecaptchaV3, Provider::Hcaptcha, Provider::Turnstile];

/// A double of the providers' API, as they publish it: it answers what the token says.
#[derive(Debug, Clone, Default)]
struct Double {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Double {
    async fn run(self) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let app = Router::new().route("/siteverify", post(answer)).with_state(self);
        tokio::spawn(async move { axum::serve(listener, app).await });
        url.parse().unwrap()
    }

    fn last(&self) -> Vec<(String, String)> {
        let heard = self.heard.lock().unwrap();
        form_urlencoded::parse(heard.last().unwrap().as_bytes()).into_owned().collect()
    }
}

async fn answer(State(double): State<Double>, body: String) -> Response {
    double.heard.lock().unwrap().push(body.clone());
    let fields: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let of = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let no = |code: &str| axum::Json(json!({ "success": false, "error-codes": [code] })).into_response();
    if of("secret") != "right" {
        return no("invalid-input-secret");
    }
    let token = of("response");
    if let Some(code) = token.strip_prefix("error:") {
        return no(code);
    }
    match token {
        "redirect" => Redirect::temporary("/elsewhere").into_response(),
        "down" => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "success": true }))).into_response(),
        "odd" => {
            (StatusCode::BAD_REQUEST, axum::Json(json!({ "success": true, "hostname": "mail.example.org" })))
                .into_response()
        }
        "html" => "<html>".into_response(),
        "long" => " ".repeat(LONGEST_ANSWER + 1).into_response(),
        "silent" => std::future::pending().await,
        json => serde_json::from_str::<Value>(json)
            .map_or_else(|_| no("invalid-input-response"), |json| axum::Json(json).into_response()),
    }
}

fn client_of(provider: Provider, url: &Url, secret: &str) -> Siteverify {
    let config = CaptchaConfig {
        provider,
        site_key: "site".to_owned(),
        secret_file: None,
        min_score: 0.5,
        verify_url: Some(url.clone()),
    };
    Siteverify::new(&config, SecretString::from(secret), vec!["mail.example.org".to_owned()]).unwrap()
}

fn right() -> Value {
    json!({ "success": true, "challenge_ts": "2026-01-01T00:00:00Z", "hostname": "mail.example.org",
            "error-codes": [], "score": 0.9, "action": ACTION })
}

#[tokio::test]
async fn every_provider_is_asked_as_it_publishes_and_believed_when_it_says_yes() {
    let double = Double::default();
    let url = double.clone().run().await;
    for provider in PROVIDERS {
        let client = client_of(provider, &url, "right");
        let token = right().to_string();
        assert_eq!(client.verify(&token, "203.0.113.7".parse().ok()).await, Verdict::Right, "{provider:?}");
        let sent = double.last();
        let mut wanted = vec![("secret", "right"), ("response", token.as_str()), ("remoteip", "203.0.113.7")];
        if provider == Provider::Hcaptcha {
            wanted.push(("sitekey", "site"));
        }
        let sent: Vec<_> = sent.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(sent, wanted, "{provider:?}");
    }
}

#[tokio::test]
async fn every_published_code_of_every_provider_has_one_to_blame() {
    let url = Double::default().run().await;
    for provider in PROVIDERS {
        let client = client_of(provider, &url, "right");
        for (name, code) in ErrorCode::ALL {
            let wanted = match code.blame() {
                Blame::Visitor => Verdict::Wrong(Wrong::Refused),
                Blame::Admin => Verdict::Unclear(Unclear::Configuration(code)),
                Blame::Provider => Verdict::Unclear(Unclear::Provider(code)),
            };
            assert_eq!(client.verify(&format!("error:{name}"), None).await, wanted, "{provider:?} {name}");
        }
        let unknown = client.verify("error:out-of-cheese", None).await;
        assert_eq!(unknown, Verdict::Unclear(Unclear::Provider(ErrorCode::Other)));
        let secret = client_of(provider, &url, "wrong").verify("x", None).await;
        assert_eq!(secret, Verdict::Unclear(Unclear::Configuration(ErrorCode::InvalidInputSecret)));
    }
}

#[tokio::test]
async fn a_token_of_another_site_action_or_score_is_wrong() {
    let url = Double::default().run().await;
    let with = |name: &str, value: Value| {
        let mut answer = right();
        answer[name] = value;
        answer.to_string()
    };
    for provider in PROVIDERS {
        let client = client_of(provider, &url, "right");
        let host = client.verify(&with("hostname", json!("evil.example")), None).await;
        assert_eq!(host, Verdict::Wrong(Wrong::Host), "{provider:?}");
        assert!(matches!(client.verify(&with("hostname", Value::Null), None).await, Verdict::Unclear(_)));
    }
    let client = client_of(Provider::RecaptchaV3, &url, "right");
    assert_eq!(client.verify(&with("action", json!("other")), None).await, Verdict::Wrong(Wrong::Action));
    assert_eq!(client.verify(&with("score", json!(0.49)), None).await, Verdict::Wrong(Wrong::Score(0.49)));
    assert_eq!(client.verify(&with("score", json!(0.5)), None).await, Verdict::Right);
    assert!(matches!(client.verify(&with("score", Value::Null), None).await, Verdict::Unclear(_)));
    assert_eq!(client.verify("", None).await, Verdict::Wrong(Wrong::Refused));
    assert_eq!(client.verify(&"a".repeat(LONGEST_TOKEN + 1), None).await, Verdict::Wrong(Wrong::Refused));
}

#[tokio::test]
async fn a_provider_that_is_down_slow_or_odd_lets_nobody_in() {
    let double = Double::default();
    let url = double.clone().run().await;
    let client = client_of(Provider::Turnstile, &url, "right");
    for token in ["redirect", "down", "odd", "html", "long"] {
        let verdict = client.verify(token, None).await;
        assert!(matches!(verdict, Verdict::Unclear(Unclear::Nonsense(_))), "{token}: {verdict:?}");
    }
    assert_eq!(double.heard.lock().unwrap().len(), 5, "no redirect was followed");
    let slow = client.verify("silent", None).await;
    assert_eq!(slow, Verdict::Unclear(Unclear::Unreachable("it took too long".to_owned())));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone: Url = format!("http://{closed}/siteverify").parse().unwrap();
    let down = client_of(Provider::Turnstile, &gone, "secret-word").verify("x", None).await;
    assert!(matches!(&down, Verdict::Unclear(Unclear::Unreachable(_))), "{down:?}");
    assert!(!format!("{down:?}").contains("secret-word"));
}
