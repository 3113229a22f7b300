use serde::{Deserialize, Serialize};

use crate::{Time, wire};

/// A color as `#` and six hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "specta", derive(specta::Type))]
pub struct Color(pub String);

wire! {
    /// The organization that the service serves.
    pub struct Organization {
        pub name: String,
        pub domains: Vec<String>,
        /// Of its pages for account owners; none for MailCup's own.
        #[serde(default)]
        pub accent: Option<Color>,
        pub version: u32,
    }

    /// `PUT /v1/organization`
    pub struct OrganizationChange {
        pub name: String,
        pub domains: Vec<String>,
        #[serde(default)]
        pub accent: Option<Color>,
    }

    /// How mail leaves the service.
    pub struct MailSettings {
        /// The From address.
        pub from: String,
        pub transport: MailTransport,
        pub version: u32,
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    pub enum MailTransport {
        /// Into a Maildir on the service's own disk.
        Local { folder: String },
        Relay(Relay),
    }

    /// An SMTP relay.
    pub struct Relay {
        pub host: String,
        pub port: u16,
        pub security: RelaySecurity,
        pub username: Option<String>,
        /// Whether a password is stored; it never leaves the service.
        #[serde(default)]
        pub has_password: bool,
    }

    /// `PUT /v1/settings/mail`; none for the relay is the local outbox.
    pub struct MailSettingsChange {
        pub from: String,
        pub relay: Option<RelayChange>,
    }

    pub struct RelayChange {
        pub host: String,
        pub port: u16,
        pub security: RelaySecurity,
        #[serde(default)]
        pub username: Option<String>,
        /// None keeps the stored one.
        #[serde(default)]
        pub password: Option<String>,
    }

    /// `POST /v1/settings/mail/test`
    pub struct TestMail {
        pub to: String,
    }

    /// What became of the test: the relay's own words.
    pub struct TestMailResult {
        pub accepted: bool,
        pub answer: String,
    }

    pub struct OutboxStatus {
        pub waiting: u32,
        pub oldest_at: Option<Time>,
        pub last_sent_at: Option<Time>,
        pub last_error: Option<String>,
    }

    /// When the service raises alerts.
    pub struct AlertSettings {
        /// Different wrong passwords for one account.
        pub account_failures: u32,
        /// Accounts on which one network fails.
        pub network_accounts: u32,
        /// Within how many minutes.
        pub window_minutes: u32,
        pub version: u32,
    }

    /// How sign-ins are judged by their risk.
    #[derive(Copy, Eq)]
    pub struct RiskSettings {
        pub level: RiskLevel,
        /// Otherwise report-only: nothing is refused, delayed or blocked by itself.
        pub enforced: bool,
        pub version: u32,
    }

    pub struct RetentionSettings {
        /// How long events are kept; daily roll-ups stay.
        pub event_days: u32,
        pub version: u32,
    }
}

wire! {
    /// How much must speak against a sign-in before something is done.
    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum RiskLevel {
        /// Refuses only what is plainly an attack.
        Cautious,
        Balanced,
        Strict,
        Custom(RiskThresholds),
    }

    /// Sums of weights from which on something is done; each from 1 to [`RiskThresholds::LARGEST`].
    #[derive(Copy, Eq, Hash)]
    pub struct RiskThresholds {
        /// Mail programs: the answer waits for some seconds.
        pub delay: u32,
        /// The web alone: a code is asked for.
        pub challenge: u32,
        /// At least the two others.
        pub refuse: u32,
    }

    #[derive(Copy, Eq, Hash)]
    #[serde(rename_all = "snake_case")]
    pub enum RelaySecurity {
        /// TLS from the first byte (port 465).
        Tls,
        /// STARTTLS, required (port 587).
        StartTls,
        /// In clear text; for a relay on the same machine only.
        None,
    }
}

impl RiskThresholds {
    pub const LARGEST: u32 = 200;
}
