//! How long it takes from the login that decides to the notification on the desktop: real IMAP, real Dovecot,
//! real service, real window. Accounts are attacked one after the other; then one of them ten thousand times within a
//! minute.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says where")]

use std::{error::Error, net::Ipv4Addr, path::Path, time::Duration, time::Instant};

use mailcup_lab::{
    LabError,
    clients::{ImapClient, Source},
    desktop::{Desktop, DesktopConfig, Notification},
    mail_servers::{MailAccount, MailPorts, MailServersConfig},
    service::ServiceConfig,
    stage::Stage,
};
use mailcup_wire::{AccountImport, AccountImportResult, NewAccount, RiskSettings};
use tokio::task::JoinSet;

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
/// Accounts whose first wrong passwords are sent together; the one too many is sent for one account after the other.
const BATCH: usize = 20;

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
    for (batch, accounts) in stage.servers.accounts().chunks(BATCH).enumerate() {
        let victims =
            accounts.iter().zip(batch * BATCH..).map(|(account, index)| Victim::new(account, index));
        let victims = victims.collect::<Result<Vec<_>, _>>()?;
        let mut answers = JoinSet::new();
        for victim in &victims {
            (1..THRESHOLD).for_each(|n| drop(answers.spawn(victim.guess(*stage.servers.ports(), n))));
        }
        finish(&mut answers).await?;
        for victim in &victims {
            took.push(victim.decide(&stage, &desktop, &mut answers).await?);
        }
        finish(&mut answers).await?;
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

/// An account that is attacked, from an address of its own.
struct Victim {
    login: String,
    source: Source,
}

impl Victim {
    fn new(account: &MailAccount, index: usize) -> Result<Self, Box<dyn Error>> {
        let [.., high, low] = u32::try_from(index + 256)?.to_be_bytes();
        let source = Source::Loopback(Ipv4Addr::new(127, 1, high, low));
        Ok(Self { login: account.login.clone(), source })
    }

    /// A wrong password, and its answer, for which Dovecot takes half a second.
    fn guess(&self, ports: MailPorts, n: u32) -> impl Future<Output = Result<(), LabError>> + use<> {
        let (login, source) = (self.login.clone(), self.source);
        async move {
            let mut client = ImapClient::connect(&ports, source).await?;
            client.login(&login, &format!("wrong {n}")).await.map(drop)
        }
    }

    /// The wrong password that is one too many: how long after it the notification came.
    async fn decide(
        &self,
        stage: &Stage,
        desktop: &Desktop,
        answers: &mut JoinSet<Result<(), LabError>>,
    ) -> Result<Duration, Box<dyn Error>> {
        // Dovecot tells passwords apart by 12 bits: where two looked alike, one more decides.
        for n in THRESHOLD..=THRESHOLD + 1 {
            let mut client = ImapClient::connect(stage.servers.ports(), self.source).await?;
            let login = self.login.clone();
            let begun = Instant::now();
            answers.spawn(async move { client.login(&login, &format!("wrong {n}")).await.map(drop) });
            let speaks = |note: &Notification| {
                note.at > begun && (note.summary.contains(&self.login) || note.body.contains(&self.login))
            };
            if let Ok(note) = desktop.notifications.await_one(LONGEST, speaks).await {
                return Ok(note.at - begun);
            }
        }
        let alerts = stage.owner.alerts().await?.len();
        let (login, logs) = (&self.login, stage.servers.logs());
        Err(format!("no notification speaks of {login}; {alerts} alerts\n{logs}").into())
    }
}

async fn finish(answers: &mut JoinSet<Result<(), LabError>>) -> Result<(), Box<dyn Error>> {
    while let Some(answer) = answers.join_next().await {
        answer??;
    }
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
