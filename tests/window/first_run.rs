//! The steps of the first run and of signing in, as the tests share them.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use mailcup_lab::{
    clients::{self, ImapClient, MailProtocol, Source},
    desktop::Desktop,
    mail_servers::{MailServers, MailServersConfig},
    outbox::six_digits,
    service::{OWNER, Service},
    wait,
};

use crate::page::{Page, SOON};

/// The first run on the embedded service, until the recovery codes are shown; gives them.
pub async fn set_up(page: &Page) -> Vec<String> {
    page.see("Welcome to MailCup").await;
    page.press("A service on this computer").await;
    fill_in_set_up(page).await
}

pub async fn fill_in_set_up(page: &Page) -> Vec<String> {
    page.see("Set up your organization").await;
    page.fill("Organization", "Example").await;
    page.fill("Mail domains", "example.org").await;
    page.fill("Your name", OWNER.name).await;
    page.fill("Your e-mail address", OWNER.email).await;
    page.fill("Login", OWNER.login).await;
    page.fill("Password", OWNER.password).await;
    page.press("Set up").await;
    page.see("Save your recovery codes").await;
    let said = page.words().await;
    let codes = said.split(' ').filter(|word| word.len() >= 9 && word.contains('-')).map(str::to_owned);
    codes.filter(|word| word.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric())).collect()
}

/// Leaves the recovery codes behind.
pub async fn keep_codes(page: &Page) {
    page.press("I have saved these codes").await;
    page.press("Continue").await;
    page.see("Connect your mail servers").await;
}

/// Real mail servers with exactly what the window says to paste into them.
pub async fn connect_mail_servers(page: &Page) -> MailServers {
    page.press("Show what to paste").await;
    let dovecot_snippet = page.copied("Dovecot configuration").await;
    page.press("Show what to paste").await;
    let postfix_snippet = page.copied("Postfix configuration").await;
    let config = MailServersConfig { dovecot_snippet, postfix_snippet, ..Default::default() };
    MailServers::start(config).await.unwrap()
}

pub async fn sign_in_over(
    servers: &MailServers,
    protocol: MailProtocol,
    from: &str,
    login: &str,
    password: &str,
) -> clients::Answer {
    let source: Source = from.parse().unwrap();
    clients::sign_in(servers.ports(), protocol, source, login, password).await.unwrap()
}

/// Wrong passwords over IMAP, each number another one.
pub async fn guess(servers: &MailServers, from: &str, login: &str, numbers: Range<u32>) {
    for n in numbers {
        let password = format!("guess number {n}");
        let answer = sign_in_over(servers, MailProtocol::Imap, from, login, &password).await;
        assert!(!answer.accepted, "{answer:?}");
    }
}

/// Makes the lab's Postfix the relay, in Settings.
pub async fn set_relay(page: &Page, servers: &MailServers) {
    page.go("/settings/mail").await;
    page.press("An SMTP relay").await;
    page.fill("From address", "mailcup@example.org").await;
    page.fill("Host", "127.0.0.1").await;
    page.choose("Security", "None").await;
    page.fill("Port", &servers.ports().relay.to_string()).await;
    page.press("Save").await;
    page.see("Saved.").await;
    page.press("Send a test message").await;
    page.see("Accepted:").await;
}

pub async fn give_credentials(page: &Page) {
    page.fill("Login", OWNER.login).await;
    page.fill("Password", OWNER.password).await;
    page.press("Sign in").await;
    page.see("Six-digit code").await;
}

/// Signs in where the window asks for it, with a code from the outbox.
pub async fn sign_in_if_asked(page: &Page, outbox: &Path) {
    let asked = wait::until("the page is there", SOON, async || {
        let words = page.words().await;
        if words.contains("Password") { Some(true) } else { words.contains("Up to date").then_some(false) }
    });
    if asked.await.unwrap() {
        give_credentials(page).await;
        page.fill("Six-digit code", &code_from_outbox(outbox).await).await;
        page.see("Up to date").await;
    }
}

/// The code in the newest mail to the owner, read over IMAP.
pub async fn code_from_mailbox(servers: &MailServers) -> String {
    let account = servers.account("anna");
    let mut mailbox = ImapClient::connect(servers.ports(), "127.0.0.1".parse().unwrap()).await.unwrap();
    assert!(mailbox.login(&account.login, &account.password).await.unwrap().accepted);
    let mail = mailbox.await_message(SOON, |mail| six_digits(mail).is_some()).await.unwrap();
    mailbox.logout().await.unwrap();
    six_digits(&mail).unwrap().to_owned()
}

/// The window, connected to a service that is set up, and signed in to it with the code that `code` finds.
pub async fn connected(desktop: &Desktop, service: &Service, code: impl AsyncFn() -> String) -> Page {
    let page = Page::open(desktop).await;
    page.see("Welcome to MailCup").await;
    page.press("Connect to a service").await;
    page.fill("Address of the service", &format!("http://{}", service.endpoints().http)).await;
    page.press("Connect").await;
    give_credentials(&page).await;
    page.fill("Six-digit code", &code().await).await;
    page.see("Up to date").await;
    page
}

/// The newest code in the outbox of a service without a relay.
pub async fn outbox_code(service: &Service) -> String {
    let found = wait::until("an outbox", SOON, async || {
        files_below(service.data_dir()).into_iter().find_map(|file| {
            let new = file.parent()?;
            new.ends_with("new").then(|| new.parent().map(Path::to_owned))?
        })
    });
    code_from_outbox(&found.await.unwrap()).await
}

/// The code in the newest mail of a Maildir outbox.
pub async fn code_from_outbox(folder: &Path) -> String {
    let newest = wait::until("a mail with a code in the outbox", SOON, async || {
        let mails = fs::read_dir(folder.join("new")).ok()?.filter_map(Result::ok);
        let newest = mails.max_by_key(|mail| mail.metadata().and_then(|m| m.modified()).ok())?;
        six_digits(&fs::read_to_string(newest.path()).ok()?).map(str::to_owned)
    });
    newest.await.unwrap()
}

/// Where this desktop's console keeps its data.
pub fn data_folder(desktop: &Desktop) -> PathBuf {
    desktop.home().join("data/org.mailcup.console")
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
