//! Asks a provider whether a captcha of its was solved: one client for all of them, since all copied reCAPTCHA's
//! `siteverify`. Whatever is not a clear yes or no of theirs means that our own captcha is asked for instead.

mod codes;
#[cfg(test)]
mod tests;

use std::time::Duration;

use futures_util::StreamExt as _;
use mailcup_wire::Address;
use reqwest::{Client, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Semaphore;
use url::{Url, form_urlencoded};

pub use self::codes::{Blame, ErrorCode};
use crate::{
    config::{CaptchaConfig, Provider},
    outgoing, secrets,
};

/// What a sign-in is called to providers that want a name for it.
pub const ACTION: &str = "sign_in";

/// The credential of systemd that holds the secret.
const CREDENTIAL: &str = "mailcup-captcha-secret";

/// For all of it. Somebody waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Longest token, in bytes: Turnstile's have up to 2,048 characters, reCAPTCHA's some more.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Tokens that are verified at the same time.
const AT_ONCE: usize = 32;

/// A provider's captcha, ready to be verified.
#[derive(Debug)]
pub struct Siteverify {
    pub provider: Provider,
    pub site_key: String,
    secret: SecretString,
    min_score: f64,
    url: Url,
    /// Names of ours, under which a captcha may be solved.
    hosts: Vec<String>,
    http: Client,
    places: Semaphore,
}

/// What comes of a token.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Right,
    /// The visitor may try again.
    Wrong(Wrong),
    /// The provider says nothing that helps; our own captcha is asked for.
    Unclear(Unclear),
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Wrong {
    #[error("the provider refused it")]
    Refused,
    #[error("it was solved on another site")]
    Host,
    #[error("it was solved for another action")]
    Action,
    #[error("the provider gives it a score of {0}")]
    Score(f64),
}

/// Why nothing is known of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    #[error("the provider does not take the service's secret or site key ({0:?})")]
    Configuration(ErrorCode),
    #[error("the provider failed ({0:?})")]
    Provider(ErrorCode),
    #[error("the provider can't be reached: {0}")]
    Unreachable(String),
    #[error("the provider's answer makes no sense: {0}")]
    Nonsense(&'static str),
    #[error("too many captchas are verified at this moment")]
    Busy,
}

/// A provider can't be set up. A sentence.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(
        "the captcha's secret is missing: name a file in captcha.secret_file, or give the credential {CREDENTIAL}"
    )]
    NoSecret,
    #[error("the captcha's secret in {path} can't be used: {reason}")]
    Secret { path: String, reason: String },
    #[error("the captcha's provider can't be asked over TLS: {0}")]
    Tls(String),
}

/// A provider's answer, as far as it matters.
#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    hostname: Option<String>,
    action: Option<String>,
    score: Option<f64>,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

impl Siteverify {
    /// Takes the secret from the credential if there is one, else from the file.
    pub fn open(config: &CaptchaConfig, hosts: Vec<String>) -> Result<Self, SetupError> {
        let credential = secrets::credential(CREDENTIAL);
        let path = credential.or_else(|| config.secret_file.clone()).ok_or(SetupError::NoSecret)?;
        let secret = secrets::from_file(&path)
            .map_err(|reason| SetupError::Secret { path: path.display().to_string(), reason })?;
        Self::new(config, secret, hosts)
    }

    pub fn new(config: &CaptchaConfig, secret: SecretString, hosts: Vec<String>) -> Result<Self, SetupError> {
        let own = Url::parse(config.provider.verify_url());
        let url = config.verify_url.clone().map_or(own, Ok);
        let url = url.map_err(|error| SetupError::Tls(error.to_string()))?;
        Ok(Self {
            provider: config.provider,
            site_key: config.site_key.clone(),
            secret,
            min_score: config.min_score,
            url,
            hosts,
            http: outgoing::client().map_err(SetupError::Tls)?,
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// Asks for a token that a client at `address` brings.
    pub async fn verify(&self, token: &str, address: Option<Address>) -> Verdict {
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Verdict::Wrong(Wrong::Refused);
        }
        let Ok(_place) = self.places.try_acquire() else { return Verdict::Unclear(Unclear::Busy) };
        match tokio::time::timeout(PATIENCE, self.ask(token, address)).await {
            Ok(Ok(answer)) => self.judge(&answer),
            Ok(Err(unclear)) => Verdict::Unclear(unclear),
            Err(_) => Verdict::Unclear(Unclear::Unreachable("it took too long".to_owned())),
        }
    }

    async fn ask(&self, token: &str, address: Option<Address>) -> Result<Answer, Unclear> {
        let request = self.http.post(self.url.clone());
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        // An error's address may be logged; what was sent is not in it.
        let unreachable = |error: reqwest::Error| Unclear::Unreachable(error.without_url().to_string());
        let answer = request.body(self.form(token, address)).send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_redirection() || status.is_server_error() {
            return Err(Unclear::Nonsense("its status is no answer"));
        }
        let (mut body, mut parts) = (Vec::new(), answer.bytes_stream());
        while let Some(part) = parts.next().await {
            body.extend_from_slice(&part.map_err(unreachable)?);
            if body.len() > LONGEST_ANSWER {
                return Err(Unclear::Nonsense("it is too long"));
            }
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| Unclear::Nonsense("it is not the JSON expected"))?;
        if answer.success && !status.is_success() {
            return Err(Unclear::Nonsense("it says yes with the status of an error"));
        }
        Ok(answer)
    }

    fn form(&self, token: &str, address: Option<Address>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("secret", self.secret.expose_secret()).append_pair("response", token);
        if let Some(address) = address {
            form.append_pair("remoteip", &address.to_string());
        }
        if self.provider == Provider::Hcaptcha {
            form.append_pair("sitekey", &self.site_key);
        }
        form.finish()
    }

    fn judge(&self, answer: &Answer) -> Verdict {
        if !answer.success {
            return refusal(&answer.error_codes);
        }
        let Some(host) = &answer.hostname else {
            return Verdict::Unclear(Unclear::Nonsense("it names no host"));
        };
        if !self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return Verdict::Wrong(Wrong::Host);
        }
        if self.provider != Provider::RecaptchaV3 {
            return Verdict::Right;
        }
        let Some(score) = answer.score else { return Verdict::Unclear(Unclear::Nonsense("it has no score")) };
        if answer.action.as_deref() != Some(ACTION) {
            return Verdict::Wrong(Wrong::Action);
        }
        if score >= self.min_score { Verdict::Right } else { Verdict::Wrong(Wrong::Score(score)) }
    }
}

impl Provider {
    /// Where its tokens are verified.
    fn verify_url(self) -> &'static str {
        match self {
            Self::RecaptchaV2 | Self::RecaptchaV3 => "https://www.google.com/recaptcha/api/siteverify",
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        }
    }
}

/// Whoever is to blame for the worst of the codes decides.
fn refusal(codes: &[String]) -> Verdict {
    let codes: Vec<ErrorCode> = codes.iter().map(|code| ErrorCode::read(code)).collect();
    let of = |blame: Blame| codes.iter().copied().find(|code| code.blame() == blame);
    match (of(Blame::Admin), of(Blame::Provider)) {
        (Some(code), _) => Verdict::Unclear(Unclear::Configuration(code)),
        (None, Some(code)) => Verdict::Unclear(Unclear::Provider(code)),
        (None, None) => Verdict::Wrong(Wrong::Refused),
    }
}
