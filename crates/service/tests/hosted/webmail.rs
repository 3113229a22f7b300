//! The mail server that asks the service about mail clients, and a webmail among them.

use mailcup_lab::{
    clients::{Answer, ImapClient},
    mail_servers::WEBMAIL,
};
use mailcup_wire::{Account, AppPasswordGrant, MailServerKind, Outcome, Protocol, ReasonCode};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::{ELSEWHERE, HOME, Stage};

impl Stage {
    /// With a mail server that asks the service.
    pub async fn asking() -> Self {
        let webmails = ("MAILCUP_WEB_SIGN_IN_WEBMAILS".to_owned(), format!("{WEBMAIL}/32"));
        let mut stage = Self::set_with(vec![webmails]).await;
        let snippet = stage.service.snippet(MailServerKind::Dovecot).await.unwrap();
        stage.servers.apply(&snippet, "").await.unwrap();
        for name in ["anna", "ben"] {
            let new = json!({ "login": format!("{name}@example.org") });
            let _: Account = stage.owner.post("/v1/accounts", &new).await.unwrap();
        }
        stage
    }

    /// What Dovecot says to the webmail that asks for a browser, with the account's own password.
    async fn webmail(&self, name: &str, browser: &str) -> Answer {
        let mut client = ImapClient::connect(self.servers.ports(), WEBMAIL.parse().unwrap()).await.unwrap();
        client.identify(&[("name", "Webmail"), ("x-originating-ip", browser)]).await.unwrap();
        let account = self.servers.account(name);
        client.login(&account.login, &account.password).await.unwrap()
    }
}

#[tokio::test]
async fn the_mail_server_that_checks_a_password_for_the_web_asks_nothing_of_it_in_return() {
    let stage = Stage::asking().await;
    let mut anna = stage.browser(HOME);
    let done = stage.sign_in(&mut anna, "anna", "/").await;
    assert_eq!(done.location.as_deref(), Some("/"), "{}", done.text);
    assert_eq!(stage.sign_ins("anna").await.len(), 2);
    assert!(stage.over("anna", Protocol::Imap).await.is_empty());

    // An app password is for mail clients.
    let new = json!({ "name": "Phone", "protocols": ["imap"] });
    let grant: AppPasswordGrant =
        stage.owner.post("/v1/accounts/anna@example.org/app-passwords", &new).await.unwrap();
    let mut thief = stage.browser(ELSEWHERE);
    let page = stage.give(&mut thief, "anna", &grant.password, "/").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
    assert!(page.text.contains("Login or password is wrong."), "{}", page.text);
    assert_eq!(stage.outcomes("anna").await.last(), Some(&Outcome::Failed));
    assert!(stage.over("anna", Protocol::Imap).await.is_empty());
}

#[tokio::test]
async fn a_webmail_opens_the_mailbox_of_whoever_is_signed_in_on_the_web_and_no_other() {
    use Outcome::{Refused, Succeeded};

    let stage = Stage::asking().await;
    assert!(!stage.webmail("anna", HOME).await.accepted);
    let mut anna = stage.browser(HOME);
    stage.sign_in(&mut anna, "anna", "/").await;

    let opened = stage.webmail("anna", HOME).await;
    assert!(opened.accepted, "{}\n{}", opened.line, stage.servers.logs());
    let shut = stage.webmail("ben", HOME).await;
    assert!(!shut.accepted);
    assert!(!stage.webmail("anna", ELSEWHERE).await.accepted);

    // Where the browser goes, its session goes, and the webmail with it.
    let mut moved = stage.browser(ELSEWHERE);
    moved.cookies.clone_from(&anna.cookies);
    assert_eq!(moved.get("/").await.status, StatusCode::OK);
    assert!(stage.webmail("anna", ELSEWHERE).await.accepted);
    assert!(!stage.webmail("anna", HOME).await.accepted);

    let page = moved.get("/sign-out").await;
    moved.submit(&page, "/sign-out", &[]).await;
    let out = stage.webmail("anna", ELSEWHERE).await;
    let wrong = |answer: &Answer| answer.line.split_once(' ').unwrap().1.to_owned();
    assert_eq!(wrong(&out), wrong(&shut));

    let told = stage.over("anna", Protocol::Imap).await;
    let outcomes: Vec<_> = told.iter().map(|it| it.outcome).collect();
    assert_eq!(outcomes, [Refused, Succeeded, Refused, Succeeded, Refused, Refused]);
    assert_eq!(told[1].address, HOME.parse().ok());
    assert_eq!(told[2].reasons[0].code, ReasonCode::NoWebSession);
    assert_eq!(stage.over("ben", Protocol::Imap).await[0].reasons[0].code, ReasonCode::NoWebSession);

    // A mail client of their own is none of its business.
    let ben = stage.servers.account("ben").clone();
    let mut client = ImapClient::connect(stage.servers.ports(), HOME.parse().unwrap()).await.unwrap();
    assert!(client.login(&ben.login, &ben.password).await.unwrap().accepted);
}
