//! Whoever is signed in to a real Dovecot, when a block or a revoked password should have kept them out.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::{fs, time::Duration};

use mailcup_lab::{
    clients::ImapClient,
    free_port,
    mail_servers::{DOVEADM_KEY, MailServers, MailServersConfig},
    service::{Api, Service, ServiceConfig},
};
use mailcup_wire::{Account, AppPasswordGrant, Block, MailServerKind};
use reqwest::Method;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);
const HOME: &str = "198.51.100.7";
const THIEF: &str = "203.0.113.66";

struct Stage {
    servers: MailServers,
    owner: Api,
    _service: Service,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, key_file) = (free_port(), folder.path().join("key"));
        fs::write(&key_file, format!("{DOVEADM_KEY}\n")).unwrap();
        let env = vec![
            ("MAILCUP_DOVEADM_URLS".to_owned(), format!("http://127.0.0.1:{port}/doveadm/v1")),
            ("MAILCUP_DOVEADM_KEY_FILE".to_owned(), key_file.display().to_string()),
        ];
        let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
        let service =
            Service::start(ServiceConfig { program, env, ..ServiceConfig::default() }).await.unwrap();
        let owner = service.set_up().await.unwrap();
        for name in ["anna", "ben"] {
            let new = json!({ "login": format!("{name}@example.org") });
            let _: Account = owner.post("/v1/accounts", &new).await.unwrap();
        }
        let config = MailServersConfig {
            dovecot_snippet: service.snippet(MailServerKind::Dovecot).await.unwrap(),
            postfix_snippet: service.snippet(MailServerKind::Postfix).await.unwrap(),
            doveadm: Some(port),
            ..MailServersConfig::default()
        };
        let servers = MailServers::start(config).await.unwrap();
        Self { servers, owner, _service: service, _folder: folder }
    }

    /// A session that reads mail.
    async fn session(&self, name: &str, from: &str, password: &str) -> ImapClient {
        let address: std::net::IpAddr = from.parse().unwrap();
        let mut client = ImapClient::connect(self.servers.ports(), address.into()).await.unwrap();
        let answer = client.login(&self.servers.account(name).login, password).await.unwrap();
        assert!(answer.accepted, "{answer:?}");
        client
    }

    async fn with_own_password(&self, name: &str, from: &str) -> ImapClient {
        self.session(name, from, &self.servers.account(name).password).await
    }

    async fn blocks(&self, target: Value) {
        let _: Block = self.owner.post("/v1/blocks", &json!({ "target": target, "note": "" })).await.unwrap();
    }
}

async fn goes_on(client: &mut ImapClient) {
    client.message_count().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_throws_out_whom_it_keeps_out_and_nobody_else() {
    let stage = Stage::set().await;
    let mut thief = stage.with_own_password("anna", THIEF).await;
    let mut owner = stage.with_own_password("anna", HOME).await;
    let mut neighbour = stage.with_own_password("ben", THIEF).await;
    let target =
        json!({ "kind": "account_network", "login": "anna@example.org", "network": "203.0.113.0/24" });
    stage.blocks(target).await;
    thief.await_end(SOON).await.unwrap();
    goes_on(&mut owner).await;
    goes_on(&mut neighbour).await;

    stage.blocks(json!({ "kind": "sending", "login": "anna@example.org" })).await;
    stage.blocks(json!({ "kind": "address", "address": THIEF })).await;
    neighbour.await_end(SOON).await.unwrap();
    goes_on(&mut owner).await;

    stage.blocks(json!({ "kind": "account", "login": "anna@example.org" })).await;
    owner.await_end(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_app_password_and_ended_sessions_leave_nobody_in() {
    let stage = Stage::set().await;
    let new = json!({ "name": "Phone" });
    let path = "/v1/accounts/anna@example.org/app-passwords";
    let grant: AppPasswordGrant = stage.owner.post(path, &new).await.unwrap();
    let mut phone = stage.session("anna", HOME, &grant.password).await;
    let mut other = stage.with_own_password("ben", HOME).await;
    let path = format!("/v1/app-passwords/{}", grant.app_password.id);
    stage.owner.request(Method::DELETE, &path).send().await.unwrap();
    phone.await_end(SOON).await.unwrap();
    goes_on(&mut other).await;

    let path = "/v1/accounts/ben@example.org/sessions";
    stage.owner.request(Method::DELETE, path).send().await.unwrap();
    other.await_end(SOON).await.unwrap();
}
