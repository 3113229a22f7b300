//! The real `mailcupd` as a process of its own, and a client of its API.

mod api;

use std::{
    fs,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use mailcup_wire::{DeviceName, MailServerKind, NewOwner, Setup};
use rustix::process::Signal;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

pub use api::{Api, ApiError};

use crate::{
    LabError,
    desktop::install_tls,
    error::Doing as _,
    process::{Daemon, Leash, signal},
    traffic::Attempt,
    wait,
};

const STARTUP: Duration = Duration::from_secs(20);

/// The owner whom [`Service::set_up`] makes.
pub const OWNER: Person = Person {
    login: "olga@example.org",
    name: "Olga Owner",
    email: "anna@example.org",
    password: "a long password for the owner",
};

/// A person who signs in to the service.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    pub login: &'static str,
    pub name: &'static str,
    /// Where one-time codes go: a mailbox of [`crate::mail_servers::MailAccount::dozen`].
    pub email: &'static str,
    pub password: &'static str,
}

/// How to start `mailcupd`.
#[derive(Debug, Clone, Default)]
pub struct ServiceConfig {
    /// The program; none looks where Cargo puts it.
    pub program: Option<PathBuf>,
    /// Where its state lies; none makes a folder that goes with the [`Service`].
    pub data_dir: Option<PathBuf>,
    /// Further arguments of `mailcupd serve`.
    pub arguments: Vec<String>,
    pub env: Vec<(String, String)>,
}

/// Where a running service listens, as it said itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoints {
    /// `ADDRESS:PORT` of the private listener.
    pub http: String,
    /// `ADDRESS:PORT` of what strangers may reach.
    pub public: String,
    /// `ADDRESS:PORT` or `unix:PATH`.
    pub postfix_policy: String,
}

/// A `mailcupd` that may be stopped, killed and started again on the same state and ports.
#[derive(Debug)]
pub struct Service {
    config: ServiceConfig,
    program: PathBuf,
    data_dir: PathBuf,
    endpoints: Endpoints,
    running: Option<Daemon>,
    console: Arc<Mutex<String>>,
    leash: Leash,
    folder: TempDir,
}

/// Writes the past into the log in `data_dir`, through the service's own code, before the service starts.
/// Answers how many events it took.
pub fn write_history(data_dir: &Path, past: impl Iterator<Item = Attempt>) -> Result<u64, LabError> {
    let program = find_program("mailcupd")?;
    let doing = || format!("{} history", program.display());
    let mut writer = Command::new(&program)
        .args(["history", "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .doing(doing)?;
    if let Some(stdin) = writer.stdin.take() {
        let mut lines = BufWriter::new(stdin);
        for event in past.flat_map(|attempt| attempt.past("lab")) {
            writeln!(lines, "{event}").doing(doing)?;
        }
        lines.flush().doing(doing)?;
    }
    let output = writer.wait_with_output().doing(doing)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().map_err(|_| LabError::unexpected("history", text))
}

impl Service {
    /// Starts it on free ports and waits until it is ready.
    pub async fn start(config: ServiceConfig) -> Result<Self, LabError> {
        install_tls();
        let program = match &config.program {
            Some(program) => program.clone(),
            None => find_program("mailcupd")?,
        };
        let folder = tempfile::Builder::new()
            .prefix("mailcup-service-")
            .tempdir()
            .doing(|| "creating a folder for the service".into())?;
        let data_dir = config.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let pid_file = folder.path().join("pid");
        let leash = Leash::new(&format!("cat '{}'", pid_file.display()), Some(folder.path()))?;
        let any = "127.0.0.1:0".to_owned();
        let endpoints = Endpoints { http: any.clone(), public: any.clone(), postfix_policy: any };
        let mut service = Self {
            config,
            program,
            data_dir,
            endpoints,
            running: None,
            console: Arc::default(),
            leash,
            folder,
        };
        service.run().await?;
        Ok(service)
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// None while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Daemon::pid)
    }

    /// A client without a session.
    pub fn api(&self) -> Api {
        Api::new(&format!("http://{}", self.endpoints.http))
    }

    /// All that it wrote to stderr since its first start.
    pub fn console(&self) -> String {
        self.console.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The token that setup asks for, from its file.
    pub async fn setup_token(&self) -> Result<String, LabError> {
        let file = self.data_dir.join("setup-token");
        let found = wait::until("no setup token was written", STARTUP, async || {
            fs::read_to_string(&file)
                .ok()
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty())
        });
        found.await.map_err(|error| error.with_evidence(&self.console()))
    }

    /// Does the first run for example.org with [`OWNER`]; gives a client that is signed in as the owner.
    pub async fn set_up(&self) -> Result<Api, LabError> {
        let setup = Setup {
            token: self.setup_token().await?,
            organization: "Example".into(),
            domains: vec![crate::mail_servers::DOMAIN.into()],
            owner: NewOwner {
                login: OWNER.login.into(),
                name: OWNER.name.into(),
                email: OWNER.email.into(),
                password: OWNER.password.into(),
            },
            device: device(),
        };
        let api = self.api();
        let done = api.setup(&setup).await?;
        Ok(api.with_token(&done.grant.token))
    }

    /// What `mailcupd mailserver-config` prints for this install.
    pub async fn snippet(&self, server: MailServerKind) -> Result<String, LabError> {
        let name = match server {
            MailServerKind::Dovecot => "dovecot",
            MailServerKind::Postfix => "postfix",
        };
        self.command(&["mailserver-config", name, "--data-dir", &self.data_dir.to_string_lossy()]).await
    }

    /// Runs `mailcupd` with other arguments and gives what it prints.
    pub async fn command(&self, arguments: &[&str]) -> Result<String, LabError> {
        self.command_with(arguments, "").await
    }

    /// As [`Self::command`], with something to read on stdin.
    pub async fn command_with(&self, arguments: &[&str], input: &str) -> Result<String, LabError> {
        let doing = || format!("running {}", self.program.display());
        let mut running = tokio::process::Command::new(&self.program)
            .args(arguments)
            .envs(self.config.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .doing(doing)?;
        if let Some(mut stdin) = running.stdin.take() {
            // Whoever reads nothing may have ended already.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = running.wait_with_output().await.doing(doing)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(LabError::Ended {
            program: format!("mailcupd {}", arguments.join(" ")),
            status: output.status.to_string(),
            evidence: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// SIGTERM, and waits for its end.
    pub fn stop(&mut self) {
        drop(self.running.take());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.running.take() {
            daemon.kill();
        }
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn freeze(&self) {
        self.pid().into_iter().for_each(|pid| signal(pid, Signal::STOP));
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.pid().into_iter().for_each(|pid| signal(pid, Signal::CONT));
    }

    /// Starts it anew on the same state and ports, after [`Self::stop`] or [`Self::kill`].
    pub async fn run(&mut self) -> Result<(), LabError> {
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--data-dir"])
            .arg(&self.data_dir)
            .args(["--http", &self.endpoints.http, "--public", &self.endpoints.public])
            .args(["--postfix-policy", &self.endpoints.postfix_policy])
            .args(&self.config.arguments)
            // The client of the API here holds no key.
            .env("MAILCUP_HTTP_SESSIONS_WITHOUT_KEY", "true")
            .envs(self.config.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut daemon = Daemon::spawn("mailcupd", &mut command)?;
        let pid_file = self.folder.path().join("pid");
        fs::write(&pid_file, daemon.pid().to_string()).doing(|| "noting the service's process".into())?;
        let (ready, said) = mpsc::channel();
        let stdout = daemon.child_mut().stdout.take();
        let stderr = daemon.child_mut().stderr.take();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout.into_iter().next()?).lines();
            let _ = ready.send(lines.next()?.ok()?);
            // Read on, so that it never meets a full pipe.
            lines.for_each(drop);
            Some(())
        });
        let console = Arc::clone(&self.console);
        std::thread::spawn(move || keep(stderr?, &console));
        self.running = Some(daemon);
        let line = self.await_line(&said).await.map_err(|error| error.with_evidence(&self.console()))?;
        self.endpoints = serde_json::from_str(&line).map_err(|_| LabError::unexpected("serve", line))?;
        Ok(())
    }

    async fn await_line(&mut self, said: &mpsc::Receiver<String>) -> Result<String, LabError> {
        let line = wait::until("mailcupd did not become ready", STARTUP, async || {
            let ended = self.running.as_mut().map(Daemon::still_runs).transpose().err();
            // What it said before it ended comes first.
            said.try_recv().ok().map(Ok).or(ended.map(Err))
        });
        line.await.flatten()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "what the service wrote explains a failed test")]
            {
                eprintln!("--- mailcupd\n{}", self.console());
            }
        }
        self.stop();
        self.leash.release();
    }
}

/// The device as which the lab signs in.
pub fn device() -> DeviceName {
    DeviceName { id: "5f1a2b3c4d5e6f708192a3b4c5d6e7f8".into(), name: "Lab".into() }
}

/// A program of this workspace: named by `CARGO_BIN_EXE_…`, or beside the running one.
pub fn find_program(name: &str) -> Result<PathBuf, LabError> {
    if let Some(path) = std::env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return Ok(path.into());
    }
    let own = std::env::current_exe().doing(|| "asking for the running program".into())?;
    // A test runs from `deps`, an example from `examples`, both below the programs.
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| LabError::Unsuitable(format!("{name} is not built: run `cargo build --bin {name}`")))
}

fn keep(mut pipe: impl std::io::Read, text: &Mutex<String>) -> Option<()> {
    let mut chunk = [0; 4096];
    loop {
        let count = pipe.read(&mut chunk).ok().filter(|count| *count > 0)?;
        let part = String::from_utf8_lossy(&chunk[..count]);
        text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&part);
    }
}
