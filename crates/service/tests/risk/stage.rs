//! A real service with real mail servers, and a client that may come from anywhere.

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use mailcup_lab::{
    clients::{Answer, MailProtocol, Mechanism, OutgoingMessage, SmtpClient, sign_in},
    mail_servers::{MailAccount, MailServers, MailServersConfig},
    places,
    service::{Api, Service, ServiceConfig, write_history},
    traffic::Attempt,
    wait,
};
use mailcup_wire::{Alert, AlertDeed, AlertKind, Block, EventBody, MailServerKind, RiskSettings, SignIn};
use reqwest::Method;
use serde_json::json;

pub const SOON: Duration = Duration::from_secs(20);
pub const THIEF: &str = "203.0.113.66";
pub const BERLIN: &str = "141.20.1.1";
pub const LAGOS: &str = "41.190.1.1";
pub const HOME: &str = "198.51.100.7";

pub struct Stage {
    pub servers: MailServers,
    pub service: Service,
    pub owner: Api,
}

impl Stage {
    pub async fn set(enforced: bool) -> Self {
        Self::set_with(enforced, ServiceConfig::default()).await
    }

    pub async fn set_with(enforced: bool, config: ServiceConfig) -> Self {
        let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
        let service = Service::start(ServiceConfig { program, ..config }).await.unwrap();
        let owner = service.set_up().await.unwrap();
        let config = MailServersConfig {
            dovecot_snippet: service.snippet(MailServerKind::Dovecot).await.unwrap(),
            postfix_snippet: service.snippet(MailServerKind::Postfix).await.unwrap(),
            accounts: MailAccount::many(100),
            ..MailServersConfig::default()
        };
        let settings = json!({ "level": "balanced", "enforced": enforced, "version": 0 });
        let _: RiskSettings = owner.change(Method::PUT, "/v1/settings/risk", &settings).await.unwrap();
        Self { servers: MailServers::start(config).await.unwrap(), service, owner }
    }

    /// Anna reads her mail in Berlin each day, also an hour ago.
    pub async fn of_anna_in_berlin(folder: &Path) -> Self {
        let (data_dir, countries) = (folder.join("data"), folder.join("countries.mmdb"));
        places::write_countries(&countries, places::country_of).unwrap();
        let an_hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
        let usual = Attempt::each_day("anna@example.org", BERLIN.parse().unwrap(), 20, an_hour_ago);
        assert_eq!(write_history(&data_dir, usual).unwrap(), 20);
        let env = vec![("MAILCUP_PLACES_COUNTRY".to_owned(), countries.display().to_string())];
        let data_dir = Some(data_dir);
        Self::set_with(true, ServiceConfig { data_dir, env, ..ServiceConfig::default() }).await
    }

    pub async fn tries(&self, name: &str, address: &str, password: &str) -> Answer {
        let login = &self.servers.account(name).login;
        let source = address.parse().unwrap();
        sign_in(self.servers.ports(), MailProtocol::Imap, source, login, password).await.unwrap()
    }

    pub async fn knows(&self, name: &str, address: &str) -> bool {
        let password = self.servers.account(name).password.clone();
        self.tries(name, address, &password).await.accepted
    }

    /// An account is known once it was signed in to.
    pub async fn has_account(&self, name: &str) {
        assert!(self.knows(name, HOME).await);
        self.latest(HOME, 1).await;
    }

    /// Hands in a message for so many; answers what the last of them was told, if it was refused.
    pub async fn sends(&self, name: &str, address: &str, recipients: usize) -> Option<String> {
        let account = self.servers.account(name);
        let mut smtp = SmtpClient::connect(self.servers.ports(), address.parse().unwrap()).await.unwrap();
        let answer = smtp.login(Mechanism::Plain, &account.login, &account.password).await.unwrap();
        assert!(answer.accepted, "{answer:?}");
        let recipients: Vec<_> =
            (13..13 + recipients).map(|number| format!("user-{number:04}@example.org")).collect();
        let sender = account.login.clone();
        let message =
            OutgoingMessage { sender: &sender, recipients: &recipients, subject: "Offer", body: "Buy" };
        let sent = smtp.send(message).await.unwrap();
        sent.refusal().map(|answer| answer.line.clone())
    }

    pub async fn blocks(&self) -> Vec<Block> {
        self.owner.list("/v1/blocks").await.unwrap()
    }

    /// The block that is set by itself, once it is.
    pub async fn block(&self) -> Block {
        let set = wait::until("no block was set", SOON, async || self.blocks().await.pop());
        set.await.unwrap()
    }

    pub async fn alert(&self, kind: AlertKind) -> Alert {
        let raised = async || self.owner.alerts().await.unwrap().into_iter().find(|alert| alert.kind == kind);
        wait::until("no alert was raised", SOON, raised).await.unwrap()
    }

    /// The latest sign-in from an address, once there are so many.
    pub async fn latest(&self, address: &str, count: usize) -> SignIn {
        let recorded = async || {
            let events = self.owner.all_events(None).await.unwrap();
            let sign_ins = events.into_iter().filter_map(|event| match event.body {
                EventBody::SignIn(it) => Some(it),
                _ => None,
            });
            let mut seen: Vec<_> = sign_ins.filter(|it| it.address == address.parse().ok()).collect();
            if seen.len() >= count { seen.pop() } else { None }
        };
        wait::until("sign-ins are missing", SOON, recorded).await.unwrap()
    }
}

pub fn blocked_by_itself(alert: &Alert, block: &Block) -> bool {
    let by_itself = alert.history.iter().filter(|step| step.admin.is_none());
    by_itself.map(|step| &step.deed).any(|deed| match deed {
        AlertDeed::Blocked { block: id, .. } => *id == block.id,
        _ => false,
    })
}
