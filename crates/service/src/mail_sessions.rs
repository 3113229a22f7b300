//! Live sessions of mail programs. A block refuses whoever comes; whoever is in already is thrown out over
//! [doveadm's HTTP API](https://doc.dovecot.org/main/core/admin/doveadm.html), where the admin configured it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::future::join_all;
use ipnet::IpNet;
use mailcup_wire::{BlockTarget, Login};
use reqwest::{Client, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use crate::{app::App, config::DoveadmConfig, outgoing, secrets};

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Before it is tried again; then it is given up.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// What waits, at most; and what is done side by side.
const WAITING: usize = 4096;
const TOGETHER: usize = 8;

/// Dovecot's way to say that nobody was there (`EX_NOHOST`).
const NOBODY: i64 = 68;

/// Whose sessions end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Account(Login),
    Network(IpNet),
    AccountNetwork(Login, IpNet),
}

/// Ends live sessions, where it is configured.
#[derive(Debug, Default)]
pub struct MailSessions {
    doveadm: Option<Doveadm>,
    /// To [`run`]; none before it runs.
    waiting: OnceLock<mpsc::Sender<Whose>>,
}

/// The doveadm of each mail server.
#[derive(Debug)]
struct Doveadm {
    urls: Vec<Url>,
    authorization: SecretString,
    http: Client,
}

/// Sessions can't be ended as configured.
#[derive(Debug, thiserror::Error)]
pub enum DoveadmError {
    #[error("doveadm.key_file {path}: {reason}; it is to hold Dovecot's doveadm_api_key")]
    Key { path: String, reason: String },
    #[error("there is no TLS for doveadm: {0}")]
    Tls(String),
}

impl MailSessions {
    /// # Errors
    /// When the key can't be read.
    pub fn open(config: Option<&DoveadmConfig>) -> Result<Self, DoveadmError> {
        Ok(Self { doveadm: config.map(Doveadm::open).transpose()?, waiting: OnceLock::new() })
    }

    /// Ends them soon. Nothing waits for it.
    pub fn end(&self, whose: Whose) {
        let Some(waiting) = self.waiting.get() else { return };
        if let Err(error) = waiting.try_send(whose) {
            tracing::error!(%error, "live sessions of mail programs go on");
        }
    }
}

/// Ends sessions until the service stops.
pub async fn run(app: Arc<App>) {
    let Some(doveadm) = &app.mail_sessions.doveadm else { return };
    let (sender, mut waiting) = mpsc::channel(WAITING);
    if app.mail_sessions.waiting.set(sender).is_err() {
        return;
    }
    let mut next = Vec::new();
    loop {
        next.clear();
        tokio::select! {
            () = app.stop.cancelled() => return,
            count = waiting.recv_many(&mut next, TOGETHER) => if count == 0 { return },
        }
        let end = join_all(next.iter().map(|whose| doveadm.end(whose)));
        if app.stop.run_until_cancelled(end).await.is_none() {
            return;
        }
    }
}

impl Whose {
    /// Those that a block keeps out. Who may not send reads on.
    pub fn of(target: &BlockTarget) -> Option<Self> {
        match target {
            BlockTarget::Address { address } => Some(Self::Network(address.ip().into())),
            BlockTarget::Network { network } => Some(Self::Network(network.net())),
            BlockTarget::Account { login } => Some(Self::Account(login.clone())),
            BlockTarget::AccountNetwork { login, network } => {
                Some(Self::AccountNetwork(login.clone(), network.net()))
            }
            BlockTarget::Sending { .. } => None,
        }
    }

    /// As doveadm takes it; none for a login that it would take for a pattern of logins.
    fn mask(&self) -> Option<Value> {
        let plain = |login: &Login| !login.0.contains(['*', '?', '\\']);
        match self {
            Self::Account(login) => plain(login).then(|| json!([login])),
            Self::Network(network) => Some(json!([network.to_string()])),
            Self::AccountNetwork(login, network) => plain(login).then(|| json!([login, network.to_string()])),
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(login) => write!(f, "{login}"),
            Self::Network(network) => write!(f, "{network}"),
            Self::AccountNetwork(login, network) => write!(f, "{login} from {network}"),
        }
    }
}

impl Doveadm {
    fn open(config: &DoveadmConfig) -> Result<Self, DoveadmError> {
        let path = &config.key_file;
        let key = secrets::from_file(path)
            .map_err(|reason| DoveadmError::Key { path: path.display().to_string(), reason })?;
        Ok(Self {
            urls: config.urls.clone(),
            authorization: format!("X-Dovecot-API {}", BASE64.encode(key.expose_secret())).into(),
            http: outgoing::client().map_err(DoveadmError::Tls)?,
        })
    }

    async fn end(&self, whose: &Whose) {
        let Some(mask) = whose.mask() else {
            tracing::warn!(%whose, "sessions of a login with wildcards are left alone");
            return;
        };
        let command = json!([["kick", { "mask": mask }, "mailcup"]]);
        join_all(self.urls.iter().map(|url| self.end_at(url, whose, &command))).await;
    }

    async fn end_at(&self, url: &Url, whose: &Whose, command: &Value) {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.ask(url, command).await {
                Ok(0) => return,
                Ok(users) => return tracing::info!(%whose, users, "live sessions were ended"),
                Err(error) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return tracing::error!(%whose, %url, error, "live sessions go on"),
                },
            }
        }
    }

    /// How many users were thrown out.
    async fn ask(&self, url: &Url, command: &Value) -> Result<usize, String> {
        let request = self
            .http
            .post(url.clone())
            .header(header::AUTHORIZATION, self.authorization.expose_secret())
            .timeout(PATIENCE)
            .json(command);
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let answer: Value = match answer {
            Ok(answer) => answer.json().await.map_err(|error| error.without_url().to_string())?,
            Err(error) => return Err(error.without_url().to_string()),
        };
        ended(&answer)
    }
}

/// `[["doveadmResponse", [{"result": "anna@example.org"}], "mailcup"]]`, or
/// `[["error", {"type": "exitCode", "exitCode": 68}, "mailcup"]]`.
fn ended(answer: &Value) -> Result<usize, String> {
    match answer.pointer("/0/0").and_then(Value::as_str) {
        Some("doveadmResponse") => Ok(answer.pointer("/0/1").and_then(Value::as_array).map_or(0, Vec::len)),
        Some("error") if answer.pointer("/0/1/exitCode").and_then(Value::as_i64) == Some(NOBODY) => Ok(0),
        _ => Err(format!("doveadm said {answer}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_doveadm_is_read() {
        let kicked = json!([["doveadmResponse", [{ "result": "a@x" }, { "result": "b@x" }], "mailcup"]]);
        assert_eq!(ended(&kicked), Ok(2));
        let nobody = json!([["error", { "type": "exitCode", "exitCode": 68 }, "mailcup"]]);
        assert_eq!(ended(&nobody), Ok(0));
        let failed = json!([["error", { "type": "exitCode", "exitCode": 75 }, "mailcup"]]);
        assert!(ended(&failed).unwrap_err().contains("75"));
        assert!(ended(&json!({})).is_err());
    }

    #[test]
    fn a_login_is_no_pattern() {
        assert_eq!(Whose::Account("*@example.org".into()).mask(), None);
        assert_eq!(Whose::Account("anna@example.org".into()).mask(), Some(json!(["anna@example.org"])));
        let network = "2001:db8::/64".parse().unwrap();
        let mask = Whose::AccountNetwork("a@x".into(), network).mask();
        assert_eq!(mask, Some(json!(["a@x", "2001:db8::/64"])));
        assert_eq!(Whose::of(&BlockTarget::Sending { login: "a@x".into() }), None);
    }
}
