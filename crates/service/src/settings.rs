//! Settings that admins change while the service runs, in memory; their rows are the truth at a start.

use std::{path::Path, sync::Arc};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::SignedDuration;
use mailcup_guard::{alert::Rules, risk::signals::Stance};
use mailcup_policy::risk_level;
use mailcup_wire::{
    AlertSettings, MailSettings, MailTransport, NoticeMode, NoticeSettings, Organization, Relay,
    RelaySecurity, RetentionSettings, RiskLevel, RiskSettings,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::{
    mail::{self, Credentials, SendError, Transport, TransportConfig},
    outbox::Route,
    secrets::{SealError, ServerKey},
    store::{StoreError, settings},
};

/// The names of settings in the database.
pub const MAIL: &str = "mail";
pub const ALERTS: &str = "alerts";
pub const RETENTION: &str = "retention";
pub const NOTICES: &str = "notices";
pub const RISK: &str = "risk";

const RELAY_PASSWORD: &str = "relay password";

/// All settings as they are now.
#[derive(Debug)]
pub struct Settings {
    /// None before setup.
    pub organization: ArcSwap<Option<Organization>>,
    pub mail: ArcSwap<Mail>,
    pub alerts: ArcSwap<AlertSettings>,
    pub retention: ArcSwap<RetentionSettings>,
    pub notices: ArcSwap<NoticeSettings>,
    pub risk: ArcSwap<RiskSettings>,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct Mail {
    pub stored: StoredMail,
    pub version: u32,
}

/// How mail leaves, as stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StoredMail {
    /// None for one made from the organization's first domain.
    pub from: Option<String>,
    pub relay: Option<StoredRelay>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredRelay {
    pub host: String,
    pub port: u16,
    pub security: RelaySecurity,
    pub username: Option<String>,
    /// Sealed with the server key, in base 64.
    pub password: Option<String>,
}

impl Settings {
    pub async fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let organization = settings::organization(connection).await?;
        let (stored, version) = settings::get(connection, MAIL).await?.unwrap_or_default();
        let alerts: Option<(AlertSettings, u32)> = settings::get(connection, ALERTS).await?;
        let retention: Option<(RetentionSettings, u32)> = settings::get(connection, RETENTION).await?;
        let notices: Option<(NoticeSettings, u32)> = settings::get(connection, NOTICES).await?;
        let risk: Option<(RiskSettings, u32)> = settings::get(connection, RISK).await?;
        Ok(Self {
            organization: ArcSwap::from_pointee(organization),
            mail: ArcSwap::from_pointee(Mail { stored, version }),
            alerts: ArcSwap::from_pointee(alerts.map_or_else(default_alerts, |(value, _)| value)),
            retention: ArcSwap::from_pointee(
                retention.map_or(RetentionSettings { event_days: 400, version: 0 }, |(value, _)| value),
            ),
            notices: ArcSwap::from_pointee(notices.map_or_else(default_notices, |(value, _)| value)),
            risk: ArcSwap::from_pointee(risk.map_or(DEFAULT_RISK, |(value, _)| value)),
        })
    }

    /// The organization's name, for mails; "MailCup" before setup.
    pub fn organization_name(&self) -> String {
        self.organization
            .load()
            .as_ref()
            .as_ref()
            .map_or_else(|| "MailCup".to_owned(), |org| org.name.clone())
    }

    /// The address that mails come from.
    pub fn from_address(&self) -> String {
        self.mail.load().stored.from_address(self.organization.load().as_ref().as_ref())
    }

    /// The rules by which alerts are raised.
    pub fn rules(&self) -> Rules {
        rules(&self.alerts.load())
    }

    /// As the API shows it; `outbox` is the local Maildir.
    pub fn shown_mail(&self, outbox: &Path) -> MailSettings {
        let mail = self.mail.load();
        let transport = match &mail.stored.relay {
            None => MailTransport::Local { folder: outbox.display().to_string() },
            Some(relay) => MailTransport::Relay(Relay {
                host: relay.host.clone(),
                port: relay.port,
                security: relay.security,
                username: relay.username.clone(),
                has_password: relay.password.is_some(),
            }),
        };
        MailSettings { from: self.from_address(), transport, version: mail.version }
    }
}

impl StoredMail {
    /// The address that mails come from.
    pub fn from_address(&self, organization: Option<&Organization>) -> String {
        if let Some(from) = &self.from {
            return from.clone();
        }
        let domain = organization.and_then(|organization| organization.domains.first());
        format!("mailcup@{}", domain.map_or("localhost", String::as_str))
    }

    /// The way out; `outbox` is the local Maildir.
    pub fn route(
        &self,
        organization: Option<&Organization>,
        key: &ServerKey,
        outbox: &Path,
    ) -> Result<Route, SendError> {
        let config = match &self.relay {
            None => TransportConfig::Local { folder: outbox.to_owned() },
            Some(relay) => TransportConfig::Relay {
                host: relay.host.clone(),
                port: relay.port,
                security: match relay.security {
                    RelaySecurity::Tls => mail::RelaySecurity::Tls,
                    RelaySecurity::StartTls => mail::RelaySecurity::StartTls,
                    RelaySecurity::None => mail::RelaySecurity::None,
                },
                credentials: relay.credentials(key),
            },
        };
        Ok(Route { from: self.from_address(organization), transport: Transport::new(&config)? })
    }
}

impl StoredRelay {
    /// None as well when the password can't be opened: the relay then says what it lacks, and an alert that
    /// mail is stuck.
    fn credentials(&self, key: &ServerKey) -> Option<Credentials> {
        match self.opened_password(key) {
            Ok(password) => Some(Credentials { username: self.username.clone()?, password: password? }),
            Err(error) => {
                tracing::error!(%error, "the mail relay's password must be entered anew");
                None
            }
        }
    }

    /// The relay's password.
    pub fn opened_password(&self, key: &ServerKey) -> Result<Option<SecretString>, SealError> {
        let Some(sealed) = &self.password else { return Ok(None) };
        let sealed = BASE64.decode(sealed).map_err(|_| SealError)?;
        let opened = key.open_sealed(RELAY_PASSWORD, &sealed)?;
        String::from_utf8(opened).map(|text| Some(text.into())).map_err(|_| SealError)
    }

    /// A password as it is stored.
    pub fn sealed_password(key: &ServerKey, password: &SecretString) -> Result<String, SealError> {
        key.seal(RELAY_PASSWORD, password.expose_secret().as_bytes()).map(|sealed| BASE64.encode(sealed))
    }
}

/// What thresholds mean to guard.
pub fn rules(settings: &AlertSettings) -> Rules {
    Rules {
        account_failures: settings.account_failures as usize,
        network_accounts: settings.network_accounts as usize,
        window: SignedDuration::from_mins(i64::from(settings.window_minutes)),
    }
}

fn default_alerts() -> AlertSettings {
    let rules = Rules::default();
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    AlertSettings {
        account_failures: number(rules.account_failures),
        network_accounts: number(rules.network_accounts),
        window_minutes: u32::try_from(rules.window.as_mins()).unwrap_or(10),
        version: 0,
    }
}

/// After every authorization, as promised.
fn default_notices() -> NoticeSettings {
    NoticeSettings { mode: NoticeMode::Every, window_hours: 24, zone: "UTC".to_owned(), version: 0 }
}

/// Report-only, until an admin has seen what it would do.
const DEFAULT_RISK: RiskSettings = RiskSettings { level: RiskLevel::Balanced, enforced: false, version: 0 };

/// How guard is to judge.
pub fn stance(settings: RiskSettings) -> Stance {
    Stance { level: risk_level(settings.level), enforced: settings.enforced }
}

/// Swaps a shared value.
pub fn swap<T>(place: &ArcSwap<T>, value: T) {
    place.store(Arc::new(value));
}
