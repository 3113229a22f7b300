//! Where Dovecot is told to end sessions.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};
use url::Url;

use super::{ConfigError, secure_url};

/// Dovecot's HTTP API for administrators, of each mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoveadmConfig {
    /// `http://127.0.0.1:8080/doveadm/v1`
    pub urls: Vec<Url>,
    /// Holds Dovecot's `doveadm_api_key`.
    pub key_file: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DoveadmSection {
    urls: Vec<DoveadmUrl>,
    key_file: Option<PathBuf>,
}

#[derive(Debug)]
struct DoveadmUrl(Url);

impl DoveadmSection {
    pub(super) fn checked(self) -> Result<Option<DoveadmConfig>, ConfigError> {
        let urls: Vec<Url> = self.urls.into_iter().map(|url| url.0).collect();
        match (urls.is_empty(), self.key_file) {
            (false, Some(key_file)) => Ok(Some(DoveadmConfig { urls, key_file })),
            (true, None) => Ok(None),
            _ => Err(ConfigError::Conflict(
                "doveadm needs both urls and key_file, or neither of them".to_owned(),
            )),
        }
    }
}

impl<'de> Deserialize<'de> for DoveadmUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        secure_url(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "“{text}” is not where a doveadm answers; write it like http://127.0.0.1:8080/doveadm/v1, with \
                 https:// for another machine"
            ))
        })
    }
}
