//! How long it takes from the login that decides to the notification on the desktop: real IMAP, real Dovecot,
//! real service, real window. 200 accounts are attacked one after the other.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says where")]

use std::{error::Error, net::Ipv4Addr, path::Path, time::Duration, time::Instant};

use mailcup_lab::{
    clients::{ImapClient, Source},
    desktop::{Desktop, DesktopConfig},
    mail_servers::{MailAccount, MailServersConfig},
    service::ServiceConfig,
    stage::Stage,
};

#[path = "../tests/window/first_run.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod first_run;
#[path = "../tests/window/page.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod page;

const ACCOUNTS: usize = 200;
/// As many wrong passwords raise an alert.
const THRESHOLD: usize = 5;
const LONGEST: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = MailServersConfig { accounts: MailAccount::many(ACCOUNTS), ..Default::default() };
    let stage = Stage::start(servers, ServiceConfig::default()).await?;
    let desktop = Desktop::start(DesktopConfig::default()).await?;
    let page = first_run::connected(&desktop, &stage.service, async || {
        first_run::code_from_mailbox(&stage.servers).await
    })
    .await;
    let mut took = Vec::new();
    for (index, account) in stage.servers.accounts().iter().enumerate() {
        let [.., high, low] = u32::try_from(index + 256)?.to_be_bytes();
        let source = Source::Loopback(Ipv4Addr::new(127, 1, high, low));
        let mut begun = Instant::now();
        for n in 0..THRESHOLD {
            let mut client = ImapClient::connect(stage.servers.ports(), source).await?;
            begun = Instant::now();
            client.login(&account.login, &format!("wrong {n}")).await?;
        }
        let login = account.login.as_str();
        let speaks = |note: &mailcup_lab::desktop::Notification| {
            note.at > begun && (note.summary.contains(login) || note.body.contains(login))
        };
        let note = desktop.notifications.await_one(LONGEST, speaks).await?;
        took.push(note.at - begun);
    }
    took.sort();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "from the deciding login to the notification, {ACCOUNTS} accounts: p50 {:?}, p99 {:?}, slowest {:?}",
        at(50),
        at(99),
        at(100)
    );
    if let Some(folder) = std::env::var_os("MAILCUP_PICTURES") {
        page.painted(&Path::new(&folder).join("latency.png")).await;
    }
    page.quit().await;
    Ok(())
}
