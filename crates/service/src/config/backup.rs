//! `[backup]`: where snapshots go, where the mail lies, when they are made, and how many are kept.

use std::path::PathBuf;

use jiff::civil;
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
    /// When the daily backup begins, in the system's time zone.
    pub time: civil::Time,
    /// Within how many days all data are read.
    pub data_read_days: u32,
    /// Every how many days a rehearsal is made; 0 makes none.
    pub drill_days: u32,
    /// How many percent of the messages, or accounts, may be gone since the last snapshot before an alert is raised.
    pub deletion_percent: u32,
}

/// Half past two, when hardly anybody works.
const TIME: civil::Time = civil::time(2, 30, 0, 0);
const DATA_READ_DAYS: u32 = 7;
const DRILL_DAYS: u32 = 7;
const DELETION_PERCENT: u32 = 20;

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
    #[serde(deserialize_with = "time")]
    time: Option<civil::Time>,
    #[serde(deserialize_with = "days_of_reading")]
    data_read_days: Option<u32>,
    #[serde(deserialize_with = "days")]
    drill_days: Option<u32>,
    #[serde(deserialize_with = "percent")]
    deletion_percent: Option<u32>,
}

impl BackupSection {
    pub(super) fn checked(self) -> Result<Option<BackupConfig>, ConfigError> {
        let Some(repository) = self.repository else {
            let says_more = self.mail.is_some()
                || self.time.is_some()
                || [
                    self.keep_daily,
                    self.keep_weekly,
                    self.keep_monthly,
                    self.keep_yearly,
                    self.data_read_days,
                    self.drill_days,
                    self.deletion_percent,
                ]
                .iter()
                .any(Option::is_some);
            if !says_more {
                return Ok(None);
            }
            return Err(ConfigError::Conflict(
                "backup needs a repository: the folder in which snapshots are kept, such as /var/backups/mailcup"
                    .to_owned(),
            ));
        };
        let keep = KeepRules {
            daily: self.keep_daily.unwrap_or(KEEP.daily),
            weekly: self.keep_weekly.unwrap_or(KEEP.weekly),
            monthly: self.keep_monthly.unwrap_or(KEEP.monthly),
            yearly: self.keep_yearly.unwrap_or(KEEP.yearly),
        };
        Ok(Some(BackupConfig {
            repository,
            mail: self.mail,
            keep,
            time: self.time.unwrap_or(TIME),
            data_read_days: self.data_read_days.unwrap_or(DATA_READ_DAYS),
            drill_days: self.drill_days.unwrap_or(DRILL_DAYS),
            deletion_percent: self.deletion_percent.unwrap_or(DELETION_PERCENT),
        }))
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

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<civil::Time>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = civil::Time::strptime("%H:%M", &text)
        .map_err(|_| D::Error::custom(format!("“{text}” is no time of a day; write it like 02:30")))?;
    Ok(Some(time))
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let count = number(deserializer)?.filter(|count| *count <= 10_000);
    count.map(Some).ok_or_else(|| D::Error::custom("how many are kept is a number from 0 to 10000"))
}

fn days_of_reading<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let days = number(deserializer)?.filter(|days| (1..=366).contains(days));
    days.map(Some).ok_or_else(|| D::Error::custom("all data are read within 1 to 366 days"))
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let days = number(deserializer)?.filter(|days| *days <= 366);
    days.map(Some).ok_or_else(|| D::Error::custom("a rehearsal is made every 1 to 366 days; 0 makes none"))
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let percent = number(deserializer)?.filter(|percent| (1..=100).contains(percent));
    percent.map(Some).ok_or_else(|| D::Error::custom("a part of all messages is 1 to 100 percent"))
}

/// A variable holds text where a file holds a number.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Ok(match toml::Value::deserialize(deserializer)? {
        toml::Value::Integer(count) => u32::try_from(count).ok(),
        toml::Value::String(text) => text.parse().ok(),
        _ => None,
    })
}
