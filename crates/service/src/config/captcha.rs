//! `[captcha]`: a captcha of somebody else's, beside our own.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::{ConfigError, secure_url};

/// Requests that score less are no person's (reCAPTCHA v3; 1 is a person). Google's own default.
const MIN_SCORE: f64 = 0.5;

/// Whose captcha is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    RecaptchaV2,
    RecaptchaV3,
    Hcaptcha,
    Turnstile,
}

/// A provider with what it gave to the admin.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptchaConfig {
    pub provider: Provider,
    pub site_key: String,
    /// Holds the secret, where no credential of systemd does.
    pub secret_file: Option<PathBuf>,
    pub min_score: f64,
    /// Where tokens are verified, instead of the provider's own address.
    pub verify_url: Option<Url>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CaptchaSection {
    provider: Option<Provider>,
    #[serde(deserialize_with = "site_key")]
    site_key: Option<String>,
    secret_file: Option<PathBuf>,
    #[serde(deserialize_with = "score")]
    min_score: Option<f64>,
    #[serde(deserialize_with = "verify_url")]
    verify_url: Option<Url>,
}

impl CaptchaSection {
    pub(super) fn checked(self) -> Result<Option<CaptchaConfig>, ConfigError> {
        let Self { provider, site_key, secret_file, min_score, verify_url } = self;
        match (provider, site_key) {
            (Some(provider), Some(site_key)) => {
                let min_score = min_score.unwrap_or(MIN_SCORE);
                Ok(Some(CaptchaConfig { provider, site_key, secret_file, min_score, verify_url }))
            }
            (None, None) => Ok(None),
            _ => Err(ConfigError::Conflict(
                "captcha needs both provider and site_key, or neither of them".to_owned(),
            )),
        }
    }
}

/// It stands in a page and in an address.
fn site_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 128 || !text.chars().all(plain) {
        return Err(D::Error::custom("a site key consists of letters, digits, - and _"));
    }
    Ok(Some(text))
}

/// A variable holds text where a file holds a number.
fn score<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let score = match toml::Value::deserialize(deserializer)? {
        toml::Value::Float(score) => Some(score),
        toml::Value::Integer(0) => Some(0.0),
        toml::Value::Integer(1) => Some(1.0),
        toml::Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let score = score.filter(|score| (0.0..=1.0).contains(score));
    score
        .map(Some)
        .ok_or_else(|| D::Error::custom("a score is a number from 0.0 (a machine) to 1.0 (a person)"))
}

fn verify_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    secure_url(&text)
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("“{text}” is not an address that begins with https://")))
}
