//! A server is lost, and comes back onto an empty machine.

use std::{fs, time::Instant};

use mailcup_lab::{
    clients::{ImapClient, MailProtocol, sign_in},
    mail_servers::{MailAccount, MailServers, MailServersConfig},
};
use mailcup_wire::{Account, MailServerKind, PolicyChanged};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Backed, fill, messages, place};

const OFFICE: &str = "127.0.0.5";
const ELSEWHERE: &str = "127.0.0.9";
const ACCOUNTS: usize = 50;

/// How many messages each account has: more for a measurement (`MAILCUP_DISASTER_MESSAGES=2000` makes 100,000).
fn messages_each() -> usize {
    std::env::var("MAILCUP_DISASTER_MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_comes_back_onto_an_empty_machine() {
    let (_folder, repository) = place();
    let mut servers = MailServers::start(MailServersConfig {
        accounts: MailAccount::many(ACCOUNTS),
        ..MailServersConfig::default()
    })
    .await
    .unwrap();
    let mail = servers.mail_folder();
    let mut backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let dovecot_snippet = backed.service.snippet(MailServerKind::Dovecot).await.unwrap();
    servers.apply(&dovecot_snippet, "").await.unwrap();
    let logins: Vec<String> = servers.accounts().iter().map(|account| account.login.clone()).collect();
    for login in &logins {
        fill(&mail.join(login), messages_each());
    }
    set_rules(&backed, &logins).await;
    assert!(get_in(&servers, "anna", OFFICE).await && !get_in(&servers, "anna", ELSEWHERE).await);

    let begun = Instant::now();
    let run = backed.run().await;
    let backup_took = begun.elapsed();
    let counted = &run["manifest"];
    assert_eq!(counted["mail"]["messages"], ACCOUNTS * messages_each());
    assert_eq!(counted["mail"]["accounts"], ACCOUNTS);
    assert_eq!((&counted["state"]["accounts"], &counted["state"]["admins"]), (&json!(ACCOUNTS), &json!(1)));
    let before = messages(&mail);
    let data_dir = backed.service.data_dir().to_owned();

    // Nothing of it stays but the repository and the phrase.
    backed.service.kill();
    servers.stop_dovecot();
    fs::remove_dir_all(&data_dir).unwrap();
    fs::remove_dir_all(&mail).unwrap();

    let begun = Instant::now();
    let said = backed.restore(&["--to", data_dir.to_str().unwrap()]).await.unwrap();
    let restore_took = begun.elapsed();
    assert_eq!(messages(&mail), before, "every message, byte for byte, with its owner");

    backed.service.run().await.unwrap();
    servers.apply(&dovecot_snippet, "").await.unwrap();
    let serving_after = begun.elapsed();
    eprintln!(
        "{} messages: backup {backup_took:.1?}, restore {restore_took:.1?}, service and Dovecot answer after \
         {serving_after:.1?}\n{said}",
        before.len()
    );
    must_be_served(&servers).await;
    must_be_guarded(&backed, &servers, &logins).await;

    // It goes on with the same repository, and restic opens it with the phrase alone.
    let next = backed.run().await;
    assert_eq!(next["manifest"]["mail"]["messages"], ACCOUNTS * messages_each());
    let list: Value = serde_json::from_str(&backed.backup(&["list", "--json"]).await.unwrap()).unwrap();
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 1, "of one day, the newest is kept");
    backed.restic(&["check", "--read-data"]);
    let dumped = backed.restic(&["dump", "latest", "/manifest.json"]).stdout;
    assert_eq!(serde_json::from_slice::<Value>(&dumped).unwrap(), next["manifest"]);
    let proven = backed.backup(&["check", "--read-data"]).await.unwrap();
    assert!(proven.contains("data: ") && !proven.contains("fault"), "{proven}");
}

/// What a restore must bring back: accounts, a rule, a limit, a block, a secret that only the server key opens.
async fn set_rules(backed: &Backed, logins: &[String]) {
    for login in logins {
        let account = json!({ "login": login, "name": login, "note": "" });
        let _: Account = backed.owner.post("/v1/accounts", &account).await.unwrap();
    }
    let scope = json!({ "kind": "account", "login": "anna@example.org" });
    let rule = json!({ "kind": "create", "terms": {
        "scope": scope, "action": "allow", "networks": [OFFICE], "enabled": true, "mode": "enforced",
    } });
    let limit = json!({ "kind": "create", "terms": {
        "scope": scope, "measure": { "kind": "recipients", "window": "hour" }, "per": "account", "known": 100,
        "action": "defer", "enabled": true, "mode": "enforced",
    } });
    let change = json!({ "rules": [rule], "limits": [limit] });
    let _: PolicyChanged = backed.owner.post("/v1/policy", &change).await.unwrap();
    let relay = json!({
        "from": "mailcup@example.org",
        "relay": { "host": "127.0.0.1", "port": 1, "security": "none", "username": "u", "password": "a secret" },
    });
    let _: Value = backed.owner.change(Method::PUT, "/v1/settings/mail", &relay).await.unwrap();
}

async fn get_in(servers: &MailServers, name: &str, from: &str) -> bool {
    let account = servers.account(name);
    let source = from.parse().unwrap();
    let answer =
        sign_in(servers.ports(), MailProtocol::Imap, source, &account.login, &account.password).await;
    answer.unwrap().accepted
}

/// Dovecot opens every inbox and shows all that it held.
async fn must_be_served(servers: &MailServers) {
    let sent = messages_each() / 10;
    for account in servers.accounts() {
        let mut imap = ImapClient::connect(servers.ports(), OFFICE.parse().unwrap()).await.unwrap();
        assert!(imap.login(&account.login, &account.password).await.unwrap().accepted, "{}", account.login);
        assert_eq!(imap.message_count().await.unwrap() as usize, messages_each() - sent);
        let newest = imap.newest_message().await.unwrap().unwrap();
        assert!(newest.contains(&account.login), "{newest}");
        imap.logout().await.unwrap();
    }
}

/// The rule refuses, the console's session goes on, and what was counted is there.
async fn must_be_guarded(backed: &Backed, servers: &MailServers, logins: &[String]) {
    assert!(get_in(servers, "anna", OFFICE).await && !get_in(servers, "anna", ELSEWHERE).await);
    assert!(get_in(servers, "ben", ELSEWHERE).await);
    let accounts: Vec<Account> = backed.owner.list("/v1/accounts").await.unwrap();
    assert_eq!(accounts.len(), logins.len());
    let policy: Value = backed.owner.get("/v1/policy").await.unwrap();
    assert_eq!(policy["limits"].as_array().unwrap().len(), 1);
    let mail: Value = backed.owner.get("/v1/settings/mail").await.unwrap();
    assert_eq!(mail["transport"]["username"], "u", "{mail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_refuses_what_would_harm_and_says_what_to_do() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fs::create_dir(mail.join("example.org")).unwrap();
    let pattern = format!("{}/example.org/{{user}}", mail.display());
    fill(&mail.join("example.org/anna"), 20);
    fs::create_dir_all(mail.join("example.org/ben/mailboxes")).unwrap();
    let backed = Backed::set_up(&repository, &pattern).await;

    // Mail in another format is named loudly, and the rest is kept.
    let lacking = backed.backup(&["run"]).await.unwrap_err();
    assert!(lacking.contains("exit status: 3"), "{lacking}");
    let list: Value = serde_json::from_str(&backed.backup(&["list", "--json"]).await.unwrap()).unwrap();
    let left_out = &list["snapshots"][0]["manifest"]["mail"]["left_out"];
    assert!(left_out[0]["why"].as_str().unwrap().contains("dbox"), "{left_out}");

    let elsewhere = folder.path().join("restored");
    let to = elsewhere.to_str().unwrap();
    // The original place holds mail already.
    let refused = backed.restore(&["--to", to]).await.unwrap_err();
    assert!(refused.contains("isn't empty") && refused.contains("nothing was changed"), "{refused}");
    let there =
        backed.restore(&["--to", backed.service.data_dir().to_str().unwrap(), "--without-mail"]).await;
    assert!(there.unwrap_err().contains("isn't empty"));
    let mistyped = backed.phrase.replacen(&backed.phrase[..1], "~", 1);
    let refused = backed.restore_with(&mistyped, &["--to", to, "--without-mail"]).await.unwrap_err();
    assert!(refused.contains("doesn't occur in a recovery phrase"), "{refused}");
    let other = "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-C2ZG";
    let refused = backed.restore_with(other, &["--to", to, "--without-mail"]).await.unwrap_err();
    assert!(refused.contains("recovery phrase is wrong"), "{refused}");
    let refused = backed.restore(&["--to", to, "--snapshot", "00000000"]).await.unwrap_err();
    assert!(refused.contains("mailcupd backup list"), "{refused}");
    assert!(!elsewhere.exists(), "whatever is refused leaves nothing");

    // Elsewhere, laid out in another way.
    let mail_to = format!("{}/{{user}}/Maildir", folder.path().join("other").display());
    backed.restore(&["--to", to, "--mail-to", &mail_to]).await.unwrap();
    let restored = messages(&folder.path().join("other/anna/Maildir"));
    assert_eq!(restored, messages(&mail.join("example.org/anna")));
    assert!(folder.path().join("other/anna/Maildir/.Archive/cur").is_dir(), "empty folders are back");
    let names: Vec<_> = fs::read_dir(&elsewhere).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "database, server key, its sealed form, the repository's key: {names:?}");

    // A phrase that comes later opens both, and what it seals from then on.
    let said = backed.backup(&["recovery-phrase"]).await.unwrap();
    let second = said.lines().map(str::trim).find(|line| line.split('-').count() == 9).unwrap().to_owned();
    let third = folder.path().join("third");
    let to = ["--to", third.to_str().unwrap(), "--without-mail"];
    let refused = backed.restore_with(&second, &to).await.unwrap_err();
    assert!(refused.contains("sealed with another recovery phrase"), "{refused}");
    backed.backup(&["run"]).await.unwrap_err();
    backed.restore_with(&second, &to).await.unwrap();
    let again = backed.backup(&["init"]).await.unwrap_err();
    assert!(again.contains("set up already"), "{again}");
}
