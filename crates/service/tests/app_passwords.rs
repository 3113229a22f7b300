//! App passwords on a real Postfix and Dovecot, with the snippets that the service makes.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mailcup_lab::{
    clients::{Answer, ImapClient, MailProtocol, Source, sign_in},
    mail_servers::{MailServers, MailServersConfig},
    service::{Api, ApiError, OWNER, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    Account, AppPassword, AppPasswordGrant, Code, EventBody, MailServerKind, MainPasswords, Outcome,
    ProblemDetails, ReasonCode, SignIn, Time,
};
use reqwest::Method;
use serde_json::{Value, json};

const OFFICE: &str = "127.0.0.5";
const ELSEWHERE: &str = "127.0.0.9";
const ALL: [MailProtocol; 4] =
    [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Submission, MailProtocol::Sieve];
const PATIENCE: Duration = Duration::from_secs(10);

/// A real mail server that asks a real service, which knows Anna and Ben.
struct Stage {
    servers: MailServers,
    service: Service,
    owner: Api,
}

impl Stage {
    async fn set() -> Self {
        Self::set_with(|snippet| snippet).await
    }

    /// `dovecot` may change the snippet.
    async fn set_with(dovecot: impl FnOnce(String) -> String) -> Self {
        let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
        let service = Service::start(ServiceConfig { program, ..ServiceConfig::default() }).await.unwrap();
        let owner = service.set_up().await.unwrap();
        for name in ["anna", "ben"] {
            let new = json!({ "login": format!("{name}@example.org") });
            let _: Account = owner.post("/v1/accounts", &new).await.unwrap();
        }
        let config = MailServersConfig {
            dovecot_snippet: dovecot(service.snippet(MailServerKind::Dovecot).await.unwrap()),
            postfix_snippet: service.snippet(MailServerKind::Postfix).await.unwrap(),
            ..MailServersConfig::default()
        };
        Self { servers: MailServers::start(config).await.unwrap(), service, owner }
    }

    async fn app_password(&self, name: &str, new: Value) -> AppPasswordGrant {
        let path = format!("/v1/accounts/{name}@example.org/app-passwords");
        self.owner.post(&path, &new).await.unwrap()
    }

    async fn of_account(&self, name: &str) -> Vec<AppPassword> {
        self.owner.get(&format!("/v1/accounts/{name}@example.org/app-passwords")).await.unwrap()
    }

    async fn revoke(&self, app_password: &AppPassword) -> AppPassword {
        let path = format!("/v1/app-passwords/{}", app_password.id);
        let response = self.owner.request(Method::DELETE, &path).send().await.unwrap();
        response.error_for_status().unwrap().json().await.unwrap()
    }

    async fn main_password(&self, scope: Value, refused: Option<bool>) -> MainPasswords {
        self.try_main_password(scope, refused, true).await.unwrap()
    }

    async fn try_main_password(
        &self,
        scope: Value,
        refused: Option<bool>,
        confirm: bool,
    ) -> Result<MainPasswords, Box<ProblemDetails>> {
        let change = json!({ "scope": scope, "refused": refused, "confirm": confirm });
        let response =
            self.owner.request(Method::PUT, "/v1/main-passwords").json(&change).send().await.unwrap();
        let fine = response.status().is_success();
        let text = response.text().await.unwrap();
        if fine {
            Ok(serde_json::from_str(&text).unwrap())
        } else {
            Err(serde_json::from_str(&text).unwrap())
        }
    }

    fn own(&self, name: &str) -> String {
        self.servers.account(name).password.clone()
    }

    async fn sign_in(&self, login: &str, protocol: MailProtocol, address: &str, password: &str) -> Answer {
        let source: Source = address.parse().unwrap();
        let login = if login.contains('@') { login.to_owned() } else { format!("{login}@example.org") };
        sign_in(self.servers.ports(), protocol, source, &login, password).await.unwrap()
    }

    /// Over which protocols a password opens an account from an address, asked together: Dovecot takes half a second
    /// for each refusal.
    async fn opens(&self, name: &str, address: &str, password: &str) -> Vec<MailProtocol> {
        let asked = ALL.map(async |protocol| {
            self.sign_in(name, protocol, address, password).await.accepted.then_some(protocol)
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The account's sign-ins with this outcome, once the log has so many: Dovecot reports after it answered.
    async fn sign_ins(&self, name: &str, outcome: Outcome, count: usize) -> Vec<SignIn> {
        let login = format!("{name}@example.org");
        let recorded = async || {
            let events = self.owner.all_events(None).await.unwrap();
            let sign_ins = events.into_iter().filter_map(|event| match event.body {
                EventBody::SignIn(it) => Some(it),
                _ => None,
            });
            let seen: Vec<SignIn> =
                sign_ins.filter(|it| it.login.0 == login && it.outcome == outcome).collect();
            Some(seen).filter(|seen| seen.len() == count)
        };
        wait::until("sign-ins are missing", PATIENCE, recorded).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_opens_its_account_in_its_protocols_and_networks_alone() {
    use MailProtocol::{Imap, Submission};
    let stage = Stage::set().await;
    let terms = json!({ "name": "Thunderbird", "protocols": ["imap", "submission"], "networks": [OFFICE] });
    let AppPasswordGrant { app_password, password } = stage.app_password("anna", terms).await;
    assert_eq!(stage.opens("anna", OFFICE, &password).await, [Imap, Submission]);
    assert_eq!(stage.opens("anna", ELSEWHERE, &password).await, []);
    assert_eq!(stage.opens("ben", OFFICE, &password).await, []);
    assert_eq!(stage.opens("anna", ELSEWHERE, &stage.own("anna")).await, ALL, "its own stands beside it");
    assert_eq!(stage.opens("anna", OFFICE, "wrong").await, []);
    let typed = format!(" {} ", password.replace('-', " ").to_uppercase());
    assert!(stage.sign_in("ANNA", Imap, OFFICE, &typed).await.accepted, "however it is typed");

    let mut thunderbird = ImapClient::connect(stage.servers.ports(), OFFICE.parse().unwrap()).await.unwrap();
    thunderbird.identify(&[("name", "Thunderbird"), ("version", "140.0")]).await.unwrap();
    assert!(thunderbird.login("anna@example.org", &password).await.unwrap().accepted);
    let opened = stage.sign_ins("anna", Outcome::Succeeded, 4 + ALL.len()).await;
    let mut by_it = opened.iter().filter(|it| it.reasons[0].code == ReasonCode::AppPassword);
    assert!(by_it.clone().all(|it| it.reasons[0].app_password.as_ref() == Some(&app_password.id)));
    assert_eq!(by_it.clone().count(), 4);
    let device = by_it.find_map(|it| it.client.as_deref()).unwrap();
    assert!(device.contains("Thunderbird"), "{device}");

    // Twice outside its protocols, four times outside its networks.
    for refused in stage.sign_ins("anna", Outcome::Refused, 6).await {
        assert!(refused.reasons.iter().all(|it| it.code == ReasonCode::AppPasswordLimited), "{refused:?}");
        assert_eq!(refused.reasons[0].app_password.as_ref(), Some(&app_password.id));
        assert!(refused.reasons[0].text.contains("“Thunderbird”"), "{refused:?}");
    }
    let listed = stage.of_account("anna").await;
    let used = listed.iter().map(|it| (it.last_used_from, it.last_used_at.is_some())).collect::<Vec<_>>();
    assert_eq!(used, [(OFFICE.parse().ok(), true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_or_expired_it_opens_nothing_within_a_second_and_others_outlive_a_restart() {
    let mut stage = Stage::set().await;
    let phone = stage.app_password("anna", json!({ "name": "Phone" })).await;
    let laptop = stage.app_password("anna", json!({ "name": "Laptop" })).await;
    assert_eq!(stage.opens("anna", ELSEWHERE, &phone.password).await, ALL);
    let begun = Instant::now();
    let revoked = stage.revoke(&phone.app_password).await;
    let took = begun.elapsed();
    let next = stage.sign_in("anna", MailProtocol::Imap, OFFICE, &phone.password).await;
    eprintln!("revoked after {took:?}");
    assert!(took < Duration::from_secs(1) && !next.accepted, "{took:?} {next:?}");
    assert_eq!(revoked.last_used_from, ELSEWHERE.parse().ok());
    assert_eq!(stage.opens("anna", OFFICE, &phone.password).await, []);

    let soon = Time::from_millis(jiff::Timestamp::now().as_millisecond() + 2_000);
    let guest = stage.app_password("anna", json!({ "name": "Guest", "expires_at": soon })).await;
    assert!(stage.sign_in("anna", MailProtocol::Pop3, OFFICE, &guest.password).await.accepted);
    wait::until("it did not expire", PATIENCE, async || {
        let answer = stage.sign_in("anna", MailProtocol::Pop3, OFFICE, &guest.password).await;
        (!answer.accepted).then_some(())
    })
    .await
    .unwrap();

    stage.service.stop();
    assert!(
        !stage.sign_in("anna", MailProtocol::Imap, OFFICE, &laptop.password).await.accepted,
        "nobody asked"
    );
    assert!(stage.sign_in("anna", MailProtocol::Imap, OFFICE, &stage.own("anna")).await.accepted, "open");
    stage.service.run().await.unwrap();
    assert_eq!(stage.opens("anna", OFFICE, &laptop.password).await, ALL);
    assert_eq!(stage.opens("anna", OFFICE, &phone.password).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_policy_says_so_the_main_password_alone_opens_nothing() {
    let stage = Stage::set().await;
    let organization = json!({ "kind": "organization" });
    let warned = stage.try_main_password(organization.clone(), Some(true), false).await.unwrap_err();
    assert_eq!(warned.code, Code::Conflict);
    assert!(warned.detail.contains("2 of the 2 accounts"), "{}", warned.detail);
    assert_eq!(stage.opens("anna", OFFICE, &stage.own("anna")).await, ALL, "nothing was changed");

    let app = stage.app_password("anna", json!({ "name": "Phone" })).await;
    stage.main_password(organization.clone(), Some(true)).await;
    assert_eq!(stage.opens("anna", OFFICE, &stage.own("anna")).await, []);
    assert_eq!(stage.opens("anna", OFFICE, &app.password).await, ALL);
    for refused in stage.sign_ins("anna", Outcome::Refused, ALL.len()).await {
        assert_eq!(refused.reasons[0].code, ReasonCode::MainPasswordRefused, "{refused:?}");
    }
    let challenge = stage.service.api().sign_in(OWNER.login, OWNER.password).await;
    assert!(challenge.is_ok(), "the web is not touched: {challenge:?}");

    // The closest scope decides.
    let ben = json!({ "kind": "account", "login": "Ben@example.org" });
    stage.main_password(ben.clone(), Some(false)).await;
    assert_eq!(stage.opens("ben", OFFICE, &stage.own("ben")).await, ALL);
    let left = stage.main_password(organization, Some(false)).await;
    assert_eq!(left.scopes.len(), 2, "{left:?}");
    stage.main_password(json!({ "kind": "domain", "domain": "example.org" }), Some(true)).await;
    assert_eq!(stage.opens("anna", OFFICE, &stage.own("anna")).await, []);
    stage.main_password(ben, None).await;
    assert_eq!(stage.opens("ben", OFFICE, &stage.own("ben")).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_can_be_told_from_another_by_its_words() {
    let stage = Stage::set().await;
    let app = stage.app_password("anna", json!({ "name": "Phone", "networks": [OFFICE] })).await;
    stage.main_password(json!({ "kind": "account", "login": "anna@example.org" }), Some(true)).await;
    let block = json!({ "target": { "kind": "network", "network": "127.0.0.64/26" } });
    let _: mailcup_wire::Block = stage.owner.post("/v1/blocks", &block).await.unwrap();
    let own = stage.own("anna");
    for protocol in ALL {
        let wrong = stage.sign_in("anna", protocol, OFFICE, "wrong").await;
        assert!(!wrong.accepted, "{protocol:?}");
        let others = [
            ("an unknown account", "nobody", OFFICE, "wrong"),
            ("a blocked network", "anna", "127.0.0.70", app.password.as_str()),
            ("a main password that policy forbids", "anna", OFFICE, own.as_str()),
            ("an app password elsewhere", "anna", ELSEWHERE, app.password.as_str()),
        ];
        let asked = others.map(async |(what, login, address, password)| {
            (what, stage.sign_in(login, protocol, address, password).await)
        });
        for (what, answer) in join_all(asked).await {
            assert_eq!(answer, wrong, "{protocol:?}: {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_servers_that_do_not_ask_for_app_passwords_go_on_as_before() {
    let older = |snippet: String| {
        let lines = snippet.lines().filter(|line| !line.starts_with("auth_policy_request_attributes"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let stage = Stage::set_with(older).await;
    stage.main_password(json!({ "kind": "organization" }), Some(true)).await;
    assert_eq!(stage.opens("anna", OFFICE, &stage.own("anna")).await, ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_and_nothing_secret_is_listed() {
    let program = Some(env!("CARGO_BIN_EXE_mailcupd").into());
    let service = Service::start(ServiceConfig { program, ..ServiceConfig::default() }).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let path = "/v1/accounts/anna@example.org/app-passwords";
    let attempt = async |new: Value| match owner.post::<AppPasswordGrant>(path, &new).await {
        Ok(grant) => Ok(grant),
        Err(ApiError::Problem { problem, .. }) => Err(problem.code),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(attempt(json!({ "name": "Phone" })).await.unwrap_err(), Code::NotFound, "no such account");
    let _: Account = owner.post("/v1/accounts", &json!({ "login": "anna@example.org" })).await.unwrap();
    for wrong in [
        json!({ "name": " " }),
        json!({ "name": "Phone", "protocols": ["web"] }),
        json!({ "name": "Phone", "expires_at": "2020-01-01T00:00:00Z" }),
    ] {
        assert_eq!(attempt(wrong.clone()).await.unwrap_err(), Code::Invalid, "{wrong}");
    }
    let grant = attempt(json!({ "name": "Phone" })).await.unwrap();
    let listed = owner.request(Method::GET, path).send().await.unwrap().text().await.unwrap();
    let audit = owner.request(Method::GET, "/v1/audit").send().await.unwrap().text().await.unwrap();
    let events = owner.request(Method::GET, "/v1/events").send().await.unwrap().text().await.unwrap();
    for (what, text) in [("list", listed), ("audit log", audit), ("events", events)] {
        assert!(!text.contains(&grant.password), "{what}");
    }
}
