//! Runs the service: listeners, TLS, signals, the end.

pub mod listener;
mod tls;
mod upkeep;

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
    sync::Arc,
};

use mailcup_wire::{EventBody, SystemFact};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::{TcpListener, UnixListener},
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::task::TaskTracker;

use self::tls::Tls;
use crate::{
    app::{App, Limits, OpenError},
    backup,
    clock::Clock,
    config::{Config, PolicyAddress},
    http, jobs, local, mail_sessions, metrics, notices, outbox,
    policy::{
        postfix::{self, Listener},
        trial,
    },
    risk,
    setup::SetupToken,
};

/// Why the service does not run. One sentence for whoever started it.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("can't listen on {address} ({what}): {reason}")]
    Listen { what: &'static str, address: String, reason: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the TLS files can't be used: {0}")]
    Tls(String),
    #[error("the console that started this service said nothing that makes sense: {0}")]
    Sidecar(String),
    #[error("signals can't be handled: {0}")]
    Signals(io::Error),
}

/// What a console says on stdin to the service that it starts.
#[derive(Debug, Deserialize)]
pub struct SidecarTokens {
    pub launch_token: secrecy::SecretString,
    pub setup_token: secrecy::SecretString,
}

/// Where the service listens; the line on stdout once it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    pub http: SocketAddr,
    pub public: SocketAddr,
    /// `ADDRESS:PORT` or `unix:PATH`.
    pub postfix_policy: String,
}

/// Runs the service until a signal, or until stdin closes in sidecar mode. A rehearsal answers on the admin socket alone,
/// and does nothing by itself.
pub async fn serve(config: Config, sidecar: bool, rehearsal: bool) -> Result<(), ServeError> {
    let mut stdin = BufReader::new(tokio::io::stdin());
    let tokens = if sidecar { Some(read_tokens(&mut stdin).await?) } else { None };
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let hang_up = signal(SignalKind::hangup()).map_err(ServeError::Signals)?;

    raise_file_limit();
    let http_listener = listen("http", config.http).await?;
    let public_listener = listen("public", config.public).await?;
    let policy_listener = listen_for_postfix(&config.postfix_policy).await?;
    let tls = config.tls.as_ref().map(Tls::load).transpose().map_err(ServeError::Tls)?;
    let endpoints = Endpoints {
        http: local(&http_listener, "http")?,
        public: local(&public_listener, "public")?,
        postfix_policy: match &policy_listener {
            Listener::Tcp(listener) => local(listener, "postfix_policy")?.to_string(),
            Listener::Unix(_) => config.postfix_policy.to_string(),
        },
    };

    metrics::begin();
    let app = App::open(config, Clock::system(), Limits::default(), tokens).await?;
    // Set once, here.
    let _ = app.endpoints.set(endpoints.clone());
    let started = SystemFact::Started { version: env!("CARGO_PKG_VERSION").to_owned() };
    app.log.append(&EventBody::System(started)).await.map_err(OpenError::from)?;
    if let Some(token) = app.setup_token.get().filter(|_| !sidecar) {
        tell_setup_token(token);
    }
    let tasks = TaskTracker::new();
    match local::listen(&app.config) {
        Ok(listener) => drop(tasks.spawn(local::serve(listener, Arc::clone(&app)))),
        Err(error) => tracing::warn!(%error, "the admin socket can't be opened; shell commands need a stop"),
    }
    if !rehearsal {
        before_anybody(&app).await?;
        tasks.spawn(listener::serve(http_listener, tls.clone(), http::private(&app), Arc::clone(&app)));
        tasks.spawn(listener::serve(public_listener, tls.clone(), http::public(&app), Arc::clone(&app)));
        tasks.spawn(postfix::serve(policy_listener, Arc::clone(&app), app.stop.clone()));
        begin_jobs(&app, &tasks);
    }
    if let Some(tls) = tls {
        tokio::spawn(reload_on(hang_up, tls));
    }
    print_line(&endpoints);

    tokio::select! {
        _ = terminate.recv() => tracing::info!("asked to end"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
        () = closed(&mut stdin), if sidecar => tracing::info!("the console that started this service is gone"),
    }
    app.stop.cancel();
    tasks.close();
    tasks.wait().await;
    app.close().await.map_err(OpenError::from)?;
    if let PolicyAddress::Unix(path) = &app.config.postfix_policy {
        // Gone already is as good as removed.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// What must be settled before a request is answered.
async fn before_anybody(app: &Arc<App>) -> Result<(), ServeError> {
    let data_dir = app.config.data_dir.clone();
    let tidied = tokio::task::spawn_blocking(move || backup::drill::tidy(&data_dir)).await;
    if let Ok(Err(error)) = tidied {
        tracing::warn!(%error, "what a rehearsal left can't be removed");
    }
    backup::jobs::end_interrupted(app).await.map_err(OpenError::from)?;
    // Before anybody is refused by it.
    if let Err(error) = trial::end_due(app).await {
        tracing::error!(error = %error.problem().message, "a trial was not taken back; it will be tried again");
    }
    Ok(())
}

/// What the service does by itself.
fn begin_jobs(app: &Arc<App>, tasks: &TaskTracker) {
    upkeep::begin(app, tasks);
    tasks.spawn(jobs::run(Arc::clone(app)));
    tasks.spawn(risk::run(Arc::clone(app)));
    tasks.spawn(mail_sessions::run(Arc::clone(app)));
    tasks.spawn(trial::run(Arc::clone(app)));
    tasks.spawn(notices::run(Arc::clone(app)));
    let (outbox, stop) = (Arc::clone(&app.outbox), app.stop.clone());
    tasks.spawn(async move { outbox.run(stop).await });
    tasks.spawn(outbox::watch(Arc::clone(app)));
    tasks.spawn(backup::schedule::run(Arc::clone(app)));
}

/// Takes as many open files as the system allows: each connection is one, and 1024 are soon used up.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the token is for whoever looks at the server's console, not for a log"
)]
fn tell_setup_token(token: &SetupToken) {
    let Some(file) = token.file() else { return };
    // What is no terminal may be the system's journal, which more people read than the file.
    if io::stderr().is_terminal() {
        eprintln!("Set up this service with the setup token {}", token.token().expose_secret());
        eprintln!("It stands in {} too.", file.display());
    } else {
        eprintln!("Set up this service with the setup token in {}", file.display());
    }
}

#[expect(clippy::print_stdout, reason = "the launch line is what stdout is for")]
fn print_line(line: &Endpoints) {
    println!("{}", serde_json::to_string(line).unwrap_or_default());
}

async fn read_tokens(stdin: &mut BufReader<tokio::io::Stdin>) -> Result<SidecarTokens, ServeError> {
    let mut line = String::new();
    let read = stdin.take(4096).read_line(&mut line).await;
    read.map_err(|error| ServeError::Sidecar(error.to_string()))?;
    serde_json::from_str(&line).map_err(|_| {
        ServeError::Sidecar("expected one line {\"launch_token\":\"…\",\"setup_token\":\"…\"}".to_owned())
    })
}

/// Ends when stdin does.
async fn closed(stdin: &mut BufReader<tokio::io::Stdin>) {
    let mut ignored = [0; 256];
    while stdin.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|error| refused(what, address.to_string(), &error))
}

async fn listen_for_postfix(address: &PolicyAddress) -> Result<Listener, ServeError> {
    const WHAT: &str = "postfix_policy";
    match address {
        PolicyAddress::Tcp(address) => listen(WHAT, *address).await.map(Listener::Tcp),
        PolicyAddress::Unix(path) => {
            // A socket that nobody listens on is what a killed service leaves behind.
            if std::os::unix::net::UnixStream::connect(path).is_err() && is_socket(path) {
                let _ = std::fs::remove_file(path);
            }
            UnixListener::bind(path)
                .map(Listener::Unix)
                .map_err(|error| refused(WHAT, address.to_string(), &error))
        }
    }
}

fn is_socket(path: &std::path::Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket())
}

fn refused(what: &'static str, address: String, error: &io::Error) -> ServeError {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses it; stop that one or choose another port".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "not permitted; ports below 1024 and foreign folders need more rights".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    };
    ServeError::Listen { what, address, reason }
}

fn local(listener: &TcpListener, what: &'static str) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(|error| refused(what, String::new(), &error))
}

/// Takes renewed certificate files at every SIGHUP; keeps the old ones when the new ones are wrong.
async fn reload_on(mut hang_up: Signal, tls: Tls) {
    while hang_up.recv().await.is_some() {
        match tls.reload() {
            Ok(()) => tracing::info!("took the TLS files anew"),
            Err(error) => tracing::error!(error, "the TLS files can't be used; the old ones stay"),
        }
    }
}
