//! Access rules on a real Postfix and Dovecot, with the snippets that the service makes.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::time::{Duration, Instant};

use mailcup_lab::{
    clients::{Answer, MailProtocol, Source, sign_in},
    mail_servers::{MailServers, MailServersConfig},
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    AccessRule, EventBody, MailServerKind, Outcome, PolicyChanged, PolicyItem, ReasonCode, SignIn,
};
use serde_json::{Value, json};

const OFFICE: &str = "127.0.0.5";
const ELSEWHERE: &str = "127.0.0.9";
const PROTOCOLS: [MailProtocol; 3] = [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Submission];

/// A real mail server that asks a real service.
struct Stage {
    servers: MailServers,
    service: Service,
    owner: Api,
}

impl Stage {
    async fn set() -> Self {
        let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
        let service = Service::start(ServiceConfig { program, ..ServiceConfig::default() }).await.unwrap();
        let owner = service.set_up().await.unwrap();
        let config = MailServersConfig {
            dovecot_snippet: service.snippet(MailServerKind::Dovecot).await.unwrap(),
            postfix_snippet: service.snippet(MailServerKind::Postfix).await.unwrap(),
            ..MailServersConfig::default()
        };
        Self { servers: MailServers::start(config).await.unwrap(), service, owner }
    }

    async fn change(&self, edit: Value) -> AccessRule {
        let change = json!({ "rules": [edit] });
        let changed: PolicyChanged = self.owner.post("/v1/policy", &change).await.unwrap();
        match &changed.items[..] {
            [PolicyItem::AccessRule(rule)] => rule.clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn sign_in(&self, name: &str, protocol: MailProtocol, address: &str) -> Answer {
        let account = self.servers.account(name);
        self.with_password(name, protocol, address, &account.password).await
    }

    async fn with_password(
        &self,
        name: &str,
        protocol: MailProtocol,
        address: &str,
        password: &str,
    ) -> Answer {
        let (login, source): (_, Source) = (&self.servers.account(name).login, address.parse().unwrap());
        sign_in(self.servers.ports(), protocol, source, login, password).await.unwrap()
    }

    /// What the log says of an account's sign-ins from an address, once it has so many: Dovecot reports a success
    /// after it told the client.
    async fn sign_ins(&self, name: &str, address: &str, count: usize) -> Vec<SignIn> {
        let recorded = async || Some(self.recorded(name, address).await).filter(|seen| seen.len() == count);
        wait::until("sign-ins are missing", Duration::from_secs(10), recorded).await.unwrap()
    }

    async fn recorded(&self, name: &str, address: &str) -> Vec<SignIn> {
        let login = &self.servers.account(name).login;
        let events = self.owner.all_events(None).await.unwrap();
        let sign_ins = events.into_iter().filter_map(|event| match event.body {
            EventBody::SignIn(it) => Some(it),
            _ => None,
        });
        sign_ins.filter(|it| it.login.0 == *login && it.address == address.parse().ok()).collect()
    }
}

fn terms(name: &str, action: &str, networks: &[&str], mode: &str) -> Value {
    json!({
        "scope": { "kind": "account", "login": format!("{name}@example.org") }, "action": action,
        "networks": networks, "enabled": true, "mode": mode,
    })
}

fn create(terms: &Value) -> Value {
    json!({ "kind": "create", "terms": terms })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_let_in_from_its_networks_alone_over_every_protocol() {
    let stage = Stage::set().await;
    let rule = stage.change(create(&terms("anna", "allow", &[OFFICE], "enforced"))).await;
    for protocol in PROTOCOLS {
        let allowed = stage.sign_in("anna", protocol, OFFICE).await;
        assert!(allowed.accepted, "{protocol:?}: {allowed:?}");
        let refused = stage.sign_in("anna", protocol, ELSEWHERE).await;
        let wrong = stage.with_password("anna", protocol, OFFICE, "wrong").await;
        assert!(!refused.accepted, "{protocol:?}");
        assert_eq!(refused, wrong, "{protocol:?}: a refusal looks like a wrong password");
        assert!(stage.sign_in("ben", protocol, ELSEWHERE).await.accepted, "{protocol:?}");
    }
    for sign_in in stage.sign_ins("anna", ELSEWHERE, PROTOCOLS.len()).await {
        assert_eq!(
            (sign_in.outcome, sign_in.reasons[0].code),
            (Outcome::Refused, ReasonCode::RuleNotAllowed)
        );
        assert_eq!(sign_in.reasons[0].rule.as_ref(), Some(&rule.id));
    }

    // The next attempt goes by the changed rule; nothing was started anew.
    let mut version = rule.version;
    for (networks, lets_in) in [(vec![OFFICE, ELSEWHERE], true), (vec![OFFICE], false)] {
        let changed = terms("anna", "allow", &networks, "enforced");
        let edit = json!({ "kind": "update", "id": rule.id, "version": version, "terms": changed });
        let begun = Instant::now();
        version = stage.change(edit).await.version;
        let took = begun.elapsed();
        let next = stage.sign_in("anna", MailProtocol::Imap, ELSEWHERE).await;
        assert_eq!(next.accepted, lets_in, "{next:?}");
        eprintln!("the change was in force after {took:?}");
        assert!(took < Duration::from_millis(200), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_only_rule_refuses_nothing_and_records_everything() {
    let stage = Stage::set().await;
    let rule = stage.change(create(&terms("ben", "allow", &[OFFICE], "report_only"))).await;
    for protocol in PROTOCOLS {
        assert!(stage.sign_in("ben", protocol, OFFICE).await.accepted, "{protocol:?}");
        assert!(stage.sign_in("ben", protocol, ELSEWHERE).await.accepted, "{protocol:?}");
    }
    let codes = |sign_in: &SignIn| sign_in.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>();
    for sign_in in &stage.sign_ins("ben", ELSEWHERE, PROTOCOLS.len()).await {
        assert_eq!(sign_in.outcome, Outcome::Succeeded);
        assert_eq!(codes(sign_in), [ReasonCode::Credentials, ReasonCode::RuleWouldNotAllow]);
        assert_eq!(sign_in.reasons[1].rule.as_ref(), Some(&rule.id));
    }
    let office = stage.sign_ins("ben", OFFICE, PROTOCOLS.len()).await;
    assert!(office.iter().all(|sign_in| codes(sign_in) == [ReasonCode::Credentials]), "{office:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_is_away_dovecot_does_as_the_snippet_says() {
    let mut stage = Stage::set().await;
    stage.change(create(&terms("clara", "deny", &[ELSEWHERE], "enforced"))).await;
    assert!(!stage.sign_in("clara", MailProtocol::Imap, ELSEWHERE).await.accepted);
    let snippet = stage.service.snippet(MailServerKind::Dovecot).await.unwrap();
    stage.service.stop();
    assert!(stage.sign_in("clara", MailProtocol::Imap, ELSEWHERE).await.accepted, "open");
    let closed = snippet.replace("auth_policy_reject_on_fail = no", "auth_policy_reject_on_fail = yes");
    stage.servers.apply(&closed, "").await.unwrap();
    assert!(!stage.sign_in("clara", MailProtocol::Imap, OFFICE).await.accepted, "closed");
    stage.service.run().await.unwrap();
    assert!(stage.sign_in("clara", MailProtocol::Imap, OFFICE).await.accepted);
    assert!(!stage.sign_in("clara", MailProtocol::Imap, ELSEWHERE).await.accepted);
}
