//! `[backup]`: where snapshots go, where the mail lies, and how many are kept.

use std::path::PathBuf;

use mailcup_snapshots::KeepRules;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::ConfigError;
use crate::backup::MailPattern;

/// Two weeks of days, two months of weeks, a year of months, and years.
const KEEP: KeepRules = KeepRules { daily: 14, weekly: 8, monthly: 12, yearly: 3 };

/// What is backed up, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupConfig {
    /// The folder of the repository.
    pub repository: PathBuf,
    /// Where the mail server keeps Maildirs; none for a service beside no mail.
    pub mail: Option<MailPattern>,
    pub keep: KeepRules,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BackupSection {
    #[serde(deserialize_with = "folder")]
    repository: Option<PathBuf>,
    #[serde(deserialize_with = "pattern")]
    mail: Option<MailPattern>,
    #[serde(deserialize_with = "count")]
    keep_daily: Option<u32>,
    #[serde(deserialize_with = "count")]
    keep_weekly: Option<u32>,
    #[serde(deserialize_with = "count")]
    keep_monthly: Option<u32>,
    #[serde(deserialize_with = "count")]
    keep_yearly: Option<u32>,
}

impl BackupSection {
    pub(super) fn checked(self) -> Result<Option<BackupConfig>, ConfigError> {
        let Self { repository, mail, keep_daily, keep_weekly, keep_monthly, keep_yearly } = self;
        let says_more = mail.is_some()
            || [keep_daily, keep_weekly, keep_monthly, keep_yearly].iter().any(Option::is_some);
        match repository {
            Some(repository) => {
                let keep = KeepRules {
                    daily: keep_daily.unwrap_or(KEEP.daily),
                    weekly: keep_weekly.unwrap_or(KEEP.weekly),
                    monthly: keep_monthly.unwrap_or(KEEP.monthly),
                    yearly: keep_yearly.unwrap_or(KEEP.yearly),
                };
                Ok(Some(BackupConfig { repository, mail, keep }))
            }
            None if says_more => Err(ConfigError::Conflict(
                "backup needs a repository: the folder in which snapshots are kept, such as /var/backups/mailcup"
                    .to_owned(),
            )),
            None => Ok(None),
        }
    }
}

fn folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    if path.is_absolute() {
        return Ok(Some(path));
    }
    Err(D::Error::custom("write the folder from the root on, like /var/backups/mailcup"))
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MailPattern>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

/// A variable holds text where a file holds a number.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let count = match toml::Value::deserialize(deserializer)? {
        toml::Value::Integer(count) => u32::try_from(count).ok(),
        toml::Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let count = count.filter(|count| *count <= 10_000);
    count.map(Some).ok_or_else(|| D::Error::custom("how many are kept is a number from 0 to 10000"))
}
