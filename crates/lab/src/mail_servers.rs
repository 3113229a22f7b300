//! An isolated real Postfix and Dovecot: any number at once, without systemd, in a temporary folder.
//!
//! Must run as root: both programs drop to their own users.

mod configuration;
mod folder;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
};

use crate::{
    LabError,
    error::Doing as _,
    free_port,
    process::{Daemon, Leash},
    wait,
};
use folder::Folder;

/// What `postfix start-fg` ends up running, without its two seconds of checks before and one after.
const POSTFIX_MASTER: &str = "/usr/lib/postfix/sbin/master";
const STARTUP: Duration = Duration::from_secs(20);

/// A mailbox and the password that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAccount {
    pub login: String,
    pub password: String,
}

impl MailAccount {
    pub fn new(login: impl Into<String>, password: impl Into<String>) -> Self {
        Self { login: login.into(), password: password.into() }
    }

    /// Anna, Ben and ten others at example.org.
    pub fn dozen() -> Vec<Self> {
        Self::many(FIRST_NAMES.len())
    }

    /// The dozen and then as many more (`user-0013@example.org`, …) as are wanted.
    pub fn many(count: usize) -> Vec<Self> {
        (0..count)
            .map(|index| {
                let name = match FIRST_NAMES.get(index) {
                    Some(name) => (*name).to_owned(),
                    None => format!("user-{:04}", index + 1),
                };
                Self::new(format!("{name}@{DOMAIN}"), format!("correct horse {name}"))
            })
            .collect()
    }
}

/// The domain of the accounts that [`MailAccount::dozen`] and [`MailAccount::many`] make.
pub const DOMAIN: &str = "example.org";

/// From where a webmail asks; what it says of the client behind it is believed.
pub const WEBMAIL: &str = "127.0.0.7";

/// Opens doveadm's HTTP API.
pub const DOVEADM_KEY: &str = "the key of doveadm";

const FIRST_NAMES: [&str; 12] =
    ["anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo", "ida", "jonas", "klara", "leo"];

/// What to start.
#[derive(Debug, Clone)]
pub struct MailServersConfig {
    pub accounts: Vec<MailAccount>,
    /// What `mailcupd mailserver-config dovecot` prints: a script, run as it is before Dovecot starts.
    pub dovecot_snippet: String,
    /// What `mailcupd mailserver-config postfix` prints: a script, run as it is on the running Postfix.
    pub postfix_snippet: String,
    /// The port of doveadm's HTTP API, which asks for [`DOVEADM_KEY`]; none without one.
    pub doveadm: Option<u16>,
}

impl Default for MailServersConfig {
    fn default() -> Self {
        Self {
            accounts: MailAccount::dozen(),
            dovecot_snippet: String::new(),
            postfix_snippet: String::new(),
            doveadm: None,
        }
    }
}

/// One service's two doors on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// The client's address is that of its socket.
    pub direct: u16,
    /// The client's address is what its PROXY protocol header states.
    pub proxied: u16,
}

impl Doors {
    fn free() -> Self {
        Self { direct: free_port(), proxied: free_port() }
    }
}

/// Where the servers listen, all on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPorts {
    pub imap: Doors,
    pub pop3: Doors,
    pub sieve: Doors,
    /// SMTP with AUTH.
    pub submission: Doors,
    /// SMTP without authentication, from loopback only: where a service hands in the mail it sends.
    pub relay: u16,
    pub lmtp: u16,
}

impl MailPorts {
    fn free() -> Self {
        Self {
            imap: Doors::free(),
            pop3: Doors::free(),
            sieve: Doors::free(),
            submission: Doors::free(),
            relay: free_port(),
            lmtp: free_port(),
        }
    }

    pub fn relay_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.relay).into()
    }
}

/// A running Postfix and Dovecot; dropping it ends both and removes their folder.
#[derive(Debug)]
pub struct MailServers {
    config: MailServersConfig,
    ports: MailPorts,
    dovecot: Option<Daemon>,
    postfix: Option<Daemon>,
    leash: Leash,
    folder: Folder,
}

impl MailServers {
    /// Starts both servers and waits until each of their ports greets.
    pub async fn start(config: MailServersConfig) -> Result<Self, LabError> {
        let folder = Folder::create()?;
        let ports = MailPorts::free();
        configuration::write(&folder, &config, &ports)?;
        let leash = Leash::new(&folder.print_pids(), Some(folder.path()))?;
        let mut servers = Self { config, ports, dovecot: None, postfix: None, leash, folder };
        servers.run().await?;
        Ok(servers)
    }

    /// Runs other snippets, as an admin would, in place of what the former ones wrote: Dovecot starts anew after its
    /// own, Postfix meets its own while it runs. Ports and mail stay.
    pub async fn apply(&mut self, dovecot_snippet: &str, postfix_snippet: &str) -> Result<(), LabError> {
        dovecot_snippet.clone_into(&mut self.config.dovecot_snippet);
        postfix_snippet.clone_into(&mut self.config.postfix_snippet);
        drop(self.dovecot.take());
        self.run_dovecot().await?;
        self.run_postfix_snippet().await
    }

    pub fn ports(&self) -> &MailPorts {
        &self.ports
    }

    pub fn accounts(&self) -> &[MailAccount] {
        &self.config.accounts
    }

    /// The account with this login, or with this name at [`DOMAIN`].
    ///
    /// # Panics
    /// When there is none: a mistake in the test.
    pub fn account(&self, login: &str) -> &MailAccount {
        let full = if login.contains('@') { login.to_owned() } else { format!("{login}@{DOMAIN}") };
        match self.config.accounts.iter().find(|account| account.login == full) {
            Some(account) => account,
            None => panic!("no account {full} in this lab"),
        }
    }

    /// Where configuration, logs and mail lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Dovecot's auth socket, at which a program asks whether a password is right.
    pub fn auth_socket(&self) -> PathBuf {
        self.folder.at("run/auth-postfix")
    }

    /// The folder that holds the mail, a Maildir for each login.
    pub fn mail_folder(&self) -> PathBuf {
        self.folder.at("mail")
    }

    /// Ends Dovecot; [`Self::apply`] starts it anew.
    pub fn stop_dovecot(&mut self) {
        drop(self.dovecot.take());
    }

    /// The Maildir of an account, whole messages in the order of their arrival.
    pub fn mailbox(&self, name: &str) -> Vec<String> {
        let new = self.folder.at("mail").join(&self.account(name).login).join("new");
        let mut files: Vec<_> = std::fs::read_dir(new).into_iter().flatten().flatten().collect();
        files.sort_by_key(|file| (file.metadata().and_then(|data| data.modified()).ok(), file.file_name()));
        files.iter().filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect()
    }

    /// What `doveadm` prints about this Dovecot; what it complains of, if it fails.
    pub fn doveadm(&self, arguments: &[&str]) -> String {
        let output =
            Command::new("doveadm").arg("-c").arg(self.folder.dovecot_conf()).args(arguments).output();
        match output {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// The last lines of both servers' logs.
    pub fn logs(&self) -> String {
        self.folder.log_tails()
    }

    async fn run(&mut self) -> Result<(), LabError> {
        self.folder.prepare_queue()?;
        self.postfix = Some(Daemon::spawn(
            "postfix",
            quiet(Command::new(POSTFIX_MASTER).arg("-c").arg(self.folder.postfix_dir()).arg("-s")),
        )?);
        self.run_dovecot().await?;
        self.await_postfix().await?;
        self.run_postfix_snippet().await
    }

    async fn run_dovecot(&mut self) -> Result<(), LabError> {
        self.folder.clear_dovecot_snippets()?;
        let script = Command::new("sh")
            .args(["-eu", "-c", &self.config.dovecot_snippet])
            .env("DOVECOT_CONFIG_DIR", self.folder.dovecot_dir())
            .env("CONFIG_FILE", self.folder.dovecot_conf())
            .output()
            .doing(|| "running the snippet for Dovecot".into())?;
        must_have_run("the snippet for Dovecot", &script)?;
        self.dovecot = Some(Daemon::spawn(
            "dovecot",
            quiet(Command::new("dovecot").args(["-F", "-c"]).arg(self.folder.dovecot_conf())),
        )?);
        let ports = self.ports;
        self.await_greeting("IMAP", ports.imap.direct, "* OK").await?;
        self.await_greeting("POP3", ports.pop3.direct, "+OK").await?;
        self.await_greeting("ManageSieve", ports.sieve.direct, "\"IMPLEMENTATION\"").await?;
        self.await_greeting("LMTP", ports.lmtp, "220 ").await
    }

    async fn await_postfix(&mut self) -> Result<(), LabError> {
        self.await_greeting("submission", self.ports.submission.direct, "220 ").await?;
        self.await_greeting("relay", self.ports.relay, "220 ").await
    }

    async fn run_postfix_snippet(&mut self) -> Result<(), LabError> {
        if self.config.postfix_snippet.is_empty() {
            return Ok(());
        }
        let reloads = self.folder.postfix_reloads();
        let done = tokio::process::Command::new("sh")
            .args(["-eu", "-c", &self.config.postfix_snippet])
            .env("MAIL_CONFIG", self.folder.postfix_dir())
            .output()
            .await
            .doing(|| "running the snippet for Postfix".into())?;
        must_have_run("the snippet for Postfix", &done)?;
        // The command returns before Postfix has read anything.
        let folder = &self.folder;
        wait::until("Postfix did not reload", STARTUP, async || {
            (folder.postfix_reloads() > reloads).then_some(())
        })
        .await
        .map_err(|error| error.with_evidence(&self.logs()))?;
        self.await_postfix().await
    }

    async fn await_greeting(&mut self, service: &str, port: u16, greeting: &str) -> Result<(), LabError> {
        let failure = format!("{service} did not greet");
        let greeted = wait::until(&failure, STARTUP, async || {
            for daemon in [&mut self.dovecot, &mut self.postfix].into_iter().flatten() {
                if let Err(ended) = daemon.still_runs() {
                    return Some(Err(ended));
                }
            }
            greets(port, greeting).await.then_some(Ok(()))
        });
        greeted.await.flatten().map_err(|error| error.with_evidence(&self.logs()))
    }

    /// Both end in order, so that mail under way is kept.
    fn stop(&mut self) {
        for mut daemon in [self.postfix.take(), self.dovecot.take()].into_iter().flatten() {
            daemon.terminate();
        }
    }
}

impl Drop for MailServers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "the logs are what explains a failed test")]
            {
                eprintln!("{}", self.logs());
            }
        }
        if let Some(mut postfix) = self.postfix.take() {
            // Postfix takes a second to end in order, and nobody will ask for its queue again.
            postfix.kill_group();
        }
        self.stop();
        self.leash.release();
    }
}

fn must_have_run(program: &str, done: &Output) -> Result<(), LabError> {
    if done.status.success() {
        return Ok(());
    }
    Err(LabError::Ended {
        program: program.into(),
        status: done.status.to_string(),
        evidence: String::from_utf8_lossy(&done.stderr).into_owned(),
    })
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

async fn greets(port: u16, greeting: &str) -> bool {
    let attempt = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.ok()?;
        Some(line.starts_with(greeting))
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), attempt).await, Ok(Some(true)))
}

/// Tells whether Postfix and Dovecot are installed here and may be run.
pub fn check_installed() -> Result<(), LabError> {
    for program in ["postfix", "dovecot"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        if !found.doing(|| format!("looking for {program}"))?.status.success() {
            return Err(LabError::Unsuitable(format!(
                "{program} is not installed; install postfix, dovecot-imapd, dovecot-pop3d, dovecot-lmtpd and \
                 dovecot-managesieved"
            )));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Err(LabError::Unsuitable("Postfix and Dovecot start only as root".into()));
    }
    Ok(())
}
