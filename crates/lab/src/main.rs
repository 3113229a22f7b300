//! `cargo xtask lab`: real mail servers with lifelike traffic, wired to the service of a console that opens
//! on it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};

use clap::Parser;
use mailcup_lab::{
    LabError,
    mail_servers::{MailAccount, MailServers, MailServersConfig, check_installed},
    service::{OWNER, ServiceConfig, find_program, write_history},
    stage::Stage,
    traffic::{Pace, Plan, PlanConfig, Tally, drive, history},
    wait,
};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

/// Starts a real Postfix and Dovecot on loopback with lifelike traffic, and the console on them
#[derive(Debug, Parser)]
#[command(name = "cargo xtask lab", bin_name = "cargo xtask lab")]
struct Options {
    /// Mailboxes on the servers
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    accounts: u32,
    /// What the traffic is made from; the same seed gives the same traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times as fast as life
    #[arg(long, default_value_t = 60.0)]
    pace: f64,
    /// Attacks that begin on an average day of the plan
    #[arg(long, default_value_t = 6.0)]
    attacks: f64,
    /// Where the console of the lab keeps its data across runs; else a folder that goes at the end
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Start a service that is set up already, and no console
    #[arg(long)]
    headless: bool,
    /// Fill the log of a headless service with about so many events of the past first
    #[arg(long, value_name = "EVENTS", requires = "headless")]
    history: Option<u32>,
    /// Over how many days the past goes
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u16).range(1..=3650))]
    history_days: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let lab = async {
        check_installed()?;
        if options.headless { headless(&options).await } else { with_console(&options).await }
    };
    let interrupted = async {
        let terminated = async {
            match signal(SignalKind::terminate()) {
                Ok(mut terminated) => terminated.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated => {}
        }
    };
    tokio::select! {
        ended = lab => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(io::stderr(), "The lab stopped: {error}");
                ExitCode::FAILURE
            }
        },
        () = interrupted => ExitCode::SUCCESS,
    }
}

async fn headless(options: &Options) -> Result<(), LabError> {
    let servers = MailServersConfig { accounts: accounts(options), ..Default::default() };
    let temporary = tempfile::tempdir().map_err(|source| io_error("creating a folder", source))?;
    let home = options.home.clone().unwrap_or_else(|| temporary.path().to_owned());
    let data_dir = home.join("service");
    if let Some(count) = options.history {
        let logins = servers.accounts.iter().map(|account| account.login.clone());
        let until = jiff::Timestamp::now();
        let from = until - jiff::SignedDuration::from_hours(24 * i64::from(options.history_days));
        let past = history(options.seed, logins, from, until, count);
        let written = write_history(&data_dir, past)?;
        say(&format!("History    {written} events of {} days", options.history_days));
    }
    let stage =
        Stage::start(servers, ServiceConfig { data_dir: Some(data_dir), ..Default::default() }).await?;
    introduce(&stage.servers);
    say(&format!(
        "Service    http://{}\n           sign in as {} with “{}”; codes go to {}",
        stage.service.endpoints().http,
        OWNER.login,
        OWNER.password,
        OWNER.email
    ));
    traffic(options, &stage.servers).await;
    Ok(())
}

async fn with_console(options: &Options) -> Result<(), LabError> {
    let (console, mailcupd) = (find_program("mailcup-console")?, find_program("mailcupd")?);
    let temporary = tempfile::tempdir().map_err(|source| io_error("creating a folder", source))?;
    let home = options.home.clone().unwrap_or_else(|| temporary.path().to_owned());
    let mut servers =
        MailServers::start(MailServersConfig { accounts: accounts(options), ..Default::default() }).await?;
    introduce(&servers);
    let mut window = open_console(&console, &home)?;
    let work = async {
        say("Waiting    until the first run in the window is done: choose “a service on this computer”");
        let (dovecot, postfix) = await_snippets(&mailcupd, &home).await?;
        servers.apply(&dovecot, &postfix).await?;
        say("Wired      Dovecot and Postfix now ask the service");
        traffic(options, &servers).await;
        Ok::<(), LabError>(())
    };
    tokio::select! {
        failed = work => failed?,
        closed = window.wait() => {
            closed.map_err(|source| io_error("waiting for the console", source))?;
            say("The console was closed.");
        }
    }
    Ok(())
}

/// The console runs on the user's desktop with data of its own.
fn open_console(console: &Path, home: &Path) -> Result<Child, LabError> {
    let mut command = Command::new(console);
    for (variable, name) in
        [("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")]
    {
        let folder = home.join(name);
        fs::create_dir_all(&folder).map_err(|source| io_error(&folder.display().to_string(), source))?;
        command.env(variable, folder);
    }
    command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| io_error("opening the console", source))
}

/// Waits until the service below `home` is set up and mints its snippets.
async fn await_snippets(mailcupd: &Path, home: &Path) -> Result<(String, String), LabError> {
    const A_DAY: Duration = Duration::from_hours(24);
    let data = home.join("data");
    let set_up = wait::until("the first run was not done", A_DAY, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let service = find_folder(&data, "service", 3)?;
        Some((snippet(mailcupd, "dovecot", &service).await?, service))
    });
    let (dovecot, service) = set_up.await?;
    let postfix = snippet(mailcupd, "postfix", &service).await;
    let postfix =
        postfix.ok_or_else(|| LabError::Unsuitable("mailcupd printed nothing for Postfix".into()))?;
    Ok((dovecot, postfix))
}

async fn snippet(mailcupd: &Path, server: &str, data_dir: &Path) -> Option<String> {
    let mut command = Command::new(mailcupd);
    command.args(["mailserver-config", server, "--data-dir"]).arg(data_dir);
    let output = command.output().await.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn find_folder(below: &Path, name: &str, depth: u32) -> Option<PathBuf> {
    let direct = below.join(name);
    if direct.is_dir() {
        return Some(direct);
    }
    let deeper = depth.checked_sub(1)?;
    let entries = fs::read_dir(below).ok()?.flatten().filter(|entry| entry.path().is_dir());
    entries.into_iter().find_map(|entry| find_folder(&entry.path(), name, deeper))
}

async fn traffic(options: &Options, servers: &MailServers) {
    let logins = servers.accounts().iter().map(|account| account.login.clone());
    let config = PlanConfig {
        attacks_per_day: options.attacks,
        office_hours: false,
        ..PlanConfig::new(options.seed, logins, jiff::Timestamp::now())
    };
    say(&format!(
        "Traffic    from seed {}, {} times as fast as life; Ctrl+C ends the lab",
        options.seed, options.pace
    ));
    let mut done = 0_u32;
    let pace = Pace::Times(options.pace);
    let tally: Tally = drive(Plan::new(&config), servers.ports(), servers.accounts(), pace, 64, |carried| {
        done += 1;
        if let Err(error) = &carried.answer {
            say(&format!("           no answer: {error}"));
        }
        if done.is_multiple_of(100) {
            say(&format!("           {done} attempts"));
        }
    })
    .await;
    say(&format!("           {} attempts in all", tally.total()));
}

fn introduce(servers: &MailServers) {
    let ports = servers.ports();
    say(&format!(
        "Servers    IMAP {}, POP3 {}, submission {}, all on 127.0.0.1\n\
         Relay      127.0.0.1, port {}, no TLS: for the mail that the service sends\n\
         Logs       {}",
        ports.imap.direct,
        ports.pop3.direct,
        ports.submission.direct,
        ports.relay,
        servers.folder().join("log").display()
    ));
    for account in servers.accounts().iter().take(3) {
        say(&format!("Mailbox    {} with “{}”", account.login, account.password));
    }
    say(&format!("           {} mailboxes in all, passwords of the same form", servers.accounts().len()));
}

fn accounts(options: &Options) -> Vec<MailAccount> {
    MailAccount::many(options.accounts as usize)
}

fn say(text: &str) {
    // Whoever closed our output doesn't want to hear of it.
    let _ = writeln!(io::stdout(), "{text}");
}

fn io_error(what: &str, source: io::Error) -> LabError {
    LabError::Io { what: what.to_owned(), source }
}
