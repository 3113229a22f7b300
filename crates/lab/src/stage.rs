//! Everything together: mail servers that ask a service, which sends its mail through them.

use mailcup_wire::{MailServerKind, MailSettings, MailSettingsChange, RelayChange, RelaySecurity};
use reqwest::Method;

use crate::{
    LabError,
    mail_servers::{DOMAIN, MailServers, MailServersConfig},
    service::{Api, Service, ServiceConfig},
};

/// Mail servers and a service that were introduced to each other by the service's own snippets.
#[derive(Debug)]
pub struct Stage {
    /// Signed in as the owner.
    pub owner: Api,
    pub servers: MailServers,
    pub service: Service,
}

impl Stage {
    /// Starts both, does the first run, sets the relay, and applies the snippets.
    pub async fn start(servers: MailServersConfig, service: ServiceConfig) -> Result<Self, LabError> {
        let (servers, service) = tokio::join!(MailServers::start(servers), Service::start(service));
        let (mut servers, service) = (servers?, service?);
        let owner = service.set_up().await?;
        send_mail_through(&owner, &servers).await?;
        let dovecot = service.snippet(MailServerKind::Dovecot).await?;
        let postfix = service.snippet(MailServerKind::Postfix).await?;
        servers.apply(&dovecot, &postfix).await?;
        Ok(Self { owner, servers, service })
    }
}

/// Makes the lab's Postfix the service's relay.
pub async fn send_mail_through(owner: &Api, servers: &MailServers) -> Result<MailSettings, LabError> {
    let relay = RelayChange {
        host: "127.0.0.1".into(),
        port: servers.ports().relay,
        security: RelaySecurity::None,
        username: None,
        password: None,
    };
    let change = MailSettingsChange { from: format!("mailcup@{DOMAIN}"), relay: Some(relay) };
    Ok(owner.change(Method::PUT, "/v1/settings/mail", &change).await?)
}
