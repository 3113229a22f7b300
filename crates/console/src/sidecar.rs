//! The service on this computer: `mailcupd` as a child process that ends with us. Its stdin is the leash: when
//! the console ends, however it ends, stdin closes and the service shuts down by itself.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use data_encoding::HEXLOWER;
use hmac::Mac as _;
use mailcup_wire::{Code, Problem};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    api::Api,
    key::keyed,
    profile::{Ports, random_hex},
};

const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Tries before a start counts as failed.
const STARTS: u32 = 3;
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Enough for the last line of a service that does not start.
const STDERR_KEPT: usize = 4_096;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After this long alive, a crash is a new one.
const STEADY: Duration = Duration::from_mins(1);
/// Below the ports that the system hands out for outgoing connections, so that they stay ours.
const USUAL: Ports = Ports { http: Some(8480), public: Some(8481), postfix_policy: Some(10480) };

/// What became of the service, for the actor.
#[derive(Debug)]
pub enum SidecarNews {
    /// It runs and is proved to be ours.
    Up { url: Url, ports: Ports, setup_token: SecretString, restarted: bool },
    /// It did not start, or died; it is being started again.
    Down { why: String },
}

/// Keeps the service running until told to stop.
pub struct Sidecar {
    pub program: PathBuf,
    pub data_dir: PathBuf,
    pub ports: Ports,
    /// The number of its connection, by which it is told from a former one.
    pub number: u64,
    pub news: mpsc::Sender<(u64, SidecarNews)>,
    pub stop: CancellationToken,
}

/// What the service prints once it is ready.
#[derive(Deserialize)]
struct LaunchLine {
    http: SocketAddr,
    public: SocketAddr,
    postfix_policy: String,
}

struct Running {
    child: Child,
    leash: ChildStdin,
    url: Url,
    ports: Ports,
    setup_token: SecretString,
}

impl Sidecar {
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut died = false;
        loop {
            let started = self.stop.run_until_cancelled(self.start()).await;
            let why = match started {
                None => return,
                Some(Ok(running)) => {
                    self.ports = running.ports;
                    let up = SidecarNews::Up {
                        url: running.url.clone(),
                        ports: running.ports,
                        setup_token: running.setup_token.clone(),
                        restarted: died,
                    };
                    if self.tell(up).await.is_err() {
                        stop(running).await;
                        return;
                    }
                    let since = tokio::time::Instant::now();
                    let Some(why) = self.watch(running).await else { return };
                    died = true;
                    if since.elapsed() > STEADY {
                        pause = FIRST_PAUSE;
                    }
                    why
                }
                Some(Err(problem)) => problem.message,
            };
            tracing::warn!(%why, "the service on this computer is down");
            if self.tell(SidecarNews::Down { why }).await.is_err()
                || self.stop.run_until_cancelled(sleep(pause)).await.is_none()
            {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn tell(&self, news: SidecarNews) -> Result<(), mpsc::error::SendError<(u64, SidecarNews)>> {
        self.news.send((self.number, news)).await
    }

    /// Waits for its end. None if we ended it.
    async fn watch(&self, mut running: Running) -> Option<String> {
        if let Some(status) = self.stop.run_until_cancelled(running.child.wait()).await {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Some(format!("The service on this computer ended by itself ({status})."));
        }
        stop(running).await;
        None
    }

    /// A port may be taken between our look at it and the service's; the next look sees that.
    async fn start(&self) -> Result<Running, Problem> {
        for _ in 1..STARTS {
            if let Ok(running) = self.start_once().await {
                return Ok(running);
            }
        }
        self.start_once().await
    }

    async fn start_once(&self) -> Result<Running, Problem> {
        let mut child = self.command().spawn().map_err(|error| {
            let program = self.program.display();
            failed(&format!("{program} can't be started: {error}"))
        })?;
        let (Some(leash), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("its pipes are missing"));
        };
        let last_words = tokio::spawn(drained(stderr));
        match timeout(START_TIMEOUT, launch(leash, stdout)).await {
            Ok(Ok((leash, url, ports, setup_token))) => Ok(Running { child, leash, url, ports, setup_token }),
            failure => {
                let _ = child.kill().await;
                let said = timeout(Duration::from_secs(1), last_words).await;
                let said = said.ok().and_then(Result::ok).unwrap_or_default();
                Err(match (said.is_empty(), failure) {
                    (false, _) => failed(&said),
                    (true, Ok(Err(problem))) => problem,
                    (true, _) => failed("it did not become ready in time"),
                })
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("--sidecar")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args(["--http", &listen_on(self.ports.http.or(USUAL.http))])
            .args(["--public", &listen_on(self.ports.public.or(USUAL.public))])
            .args(["--postfix-policy", &listen_on(self.ports.postfix_policy.or(USUAL.postfix_policy))])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

type Launched = (ChildStdin, Url, Ports, SecretString);

/// Hands over the tokens, reads where it listens, and has it prove that it is the one that got them.
async fn launch(mut leash: ChildStdin, stdout: tokio::process::ChildStdout) -> Result<Launched, Problem> {
    let (launch_token, setup_token) = (random_hex(32), random_hex(32));
    let tokens = serde_json::json!({ "launch_token": launch_token, "setup_token": setup_token });
    let handed = leash.write_all(format!("{tokens}\n").as_bytes()).await;
    handed.map_err(|error| failed(&format!("it did not take its tokens: {error}")))?;
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    let read = stdout.read_line(&mut line).await;
    read.map_err(|error| failed(&format!("it did not say where it listens: {error}")))?;
    let said: LaunchLine = serde_json::from_str(&line)
        .map_err(|error| failed(&format!("it did not say where it listens: {error}")))?;
    tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await });
    let url = Url::parse(&format!("http://{}/", said.http)).map_err(|error| failed(&error.to_string()))?;
    prove(&url, &launch_token).await?;
    let policy: Option<SocketAddr> = said.postfix_policy.parse().ok();
    let ports = Ports {
        http: Some(said.http.port()),
        public: Some(said.public.port()),
        postfix_policy: policy.map(|address| address.port()),
    };
    Ok((leash, url, ports, SecretString::from(setup_token)))
}

async fn prove(url: &Url, launch_token: &str) -> Result<(), Problem> {
    let challenge = random_hex(16);
    let info = Api::new(url.clone(), true, None)?.service_info(Some(&challenge)).await?;
    let mut mac = keyed(launch_token.as_bytes());
    mac.update(challenge.as_bytes());
    let proof = info.proof.and_then(|proof| HEXLOWER.decode(proof.as_bytes()).ok()).unwrap_or_default();
    mac.verify_slice(&proof).map_err(|_| failed("what answers at its address is another program"))
}

/// Closes its stdin and waits; kills it if it takes too long.
async fn stop(mut running: Running) {
    drop(running.leash);
    if timeout(STOP_TIMEOUT, running.child.wait()).await.is_err() {
        tracing::warn!("the service on this computer did not stop in time and is killed");
        let _ = running.child.kill().await;
    }
}

/// The wanted port if it is free, else any.
fn listen_on(wanted: Option<u16>) -> String {
    let free = wanted.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    format!("127.0.0.1:{}", free.unwrap_or(0))
}

/// Reads all that it writes to stderr; answers the last line.
async fn drained(mut stderr: tokio::process::ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        if kept.len() > STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
    let text = String::from_utf8_lossy(&kept);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn failed(why: &str) -> Problem {
    let why = why.trim_end_matches('.');
    Problem::new(Code::Unavailable, format!("The service on this computer did not start: {why}."))
}
