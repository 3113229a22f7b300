//! How long it takes from the login that decides to the notification on the desktop: real IMAP, real Dovecot,
//! real service, real window. Accounts are attacked one after the other; then one of them ten thousand times within a
//! minute.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says where")]

use std::{error::Error, net::Ipv4Addr, path::Path, time::Duration, time::Instant};

use futures_util::future::try_join_all;
use mailcup_lab::{
    LabError,
    clients::{ImapClient, Source},
    desktop::{Desktop, DesktopConfig, Notification},
    mail_servers::{MailAccount, MailServersConfig},
    service::ServiceConfig,
    stage::Stage,
};
use mailcup_wire::{AccountImport, AccountImportResult, NewAccount, RiskSettings};

mod burst;
#[path = "../../tests/window/first_run.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod first_run;
#[path = "../../tests/window/page.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod page;
#[path = "../../tests/window/reports.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod reports;

/// Accounts, where no number is given.
const ACCOUNTS: usize = 1000;
/// As many wrong passwords raise an alert.
const THRESHOLD: u32 = 5;
const LONGEST: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let accounts = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(ACCOUNTS);
    let servers = MailServersConfig { accounts: MailAccount::many(accounts), ..Default::default() };
    let stage = Stage::start(servers, ServiceConfig::default()).await?;
    know_all_accounts(&stage).await?;
    let desktop = Desktop::start(DesktopConfig::default()).await?;
    let page = first_run::connected(&desktop, &stage.service, async || {
        first_run::code_from_mailbox(&stage.servers).await
    })
    .await;
    let mut took = Vec::new();
    for (index, account) in stage.servers.accounts().iter().enumerate() {
        let [.., high, low] = u32::try_from(index + 256)?.to_be_bytes();
        let source = Source::Loopback(Ipv4Addr::new(127, 1, high, low));
        let login = account.login.as_str();
        let guess = async |n: u32| -> Result<Instant, LabError> {
            let mut client = ImapClient::connect(stage.servers.ports(), source).await?;
            let begun = Instant::now();
            client.login(login, &format!("wrong {n}")).await?;
            Ok(begun)
        };
        try_join_all((1..THRESHOLD).map(&guess)).await?;
        // Dovecot tells passwords apart by 12 bits: where two looked alike, one more decides.
        for n in THRESHOLD..=THRESHOLD + 1 {
            let begun = guess(n).await?;
            let speaks = |note: &Notification| {
                note.at > begun && (note.summary.contains(login) || note.body.contains(login))
            };
            if let Ok(note) = desktop.notifications.await_one(LONGEST, speaks).await {
                took.push(note.at - begun);
                break;
            }
        }
        if took.len() <= index {
            let alerts = stage.owner.alerts().await?.len();
            return Err(format!(
                "no notification speaks of {login}; {alerts} alerts\n{}",
                stage.servers.logs()
            )
            .into());
        }
    }
    took.sort();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "from the deciding login to the notification, {accounts} accounts: p50 {:?}, p99 {:?}, slowest {:?}",
        at(50),
        at(99),
        at(100)
    );
    // Only now: it delays and blocks whoever guesses. Judged is everything before, too.
    let risk = serde_json::json!({ "level": "balanced", "enforced": true, "version": 0 });
    let _: RiskSettings = stage.owner.change(reqwest::Method::PUT, "/v1/settings/risk", &risk).await?;
    burst::measure(&stage, &desktop, &page).await?;
    if let Some(folder) = std::env::var_os("MAILCUP_PICTURES") {
        page.painted(&Path::new(&folder).join("latency.png")).await;
    }
    page.quit().await;
    Ok(())
}

/// Guessing at logins that no account has makes only so many alerts at a time.
async fn know_all_accounts(stage: &Stage) -> Result<(), LabError> {
    let known = |account: &MailAccount| NewAccount {
        login: account.login.as_str().into(),
        name: String::new(),
        note: String::new(),
    };
    let import = AccountImport { accounts: stage.servers.accounts().iter().map(known).collect() };
    let AccountImportResult { .. } = stage.owner.post("/v1/accounts/import", &import).await?;
    Ok(())
}
