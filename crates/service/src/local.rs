//! What is done from the server's own shell: through a socket that only the service's user may open, or, while
//! the service does not run, right in its database.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use mailcup_guard::alert::Subject;
use mailcup_snapshots::RecoveryPhrase;
use mailcup_wire::{
    Code, ImportEvents, ImportReport, Login, MailServerKind, MailServerSnippet, NewAdmin, Problem, Role,
    Scope, Time, WhenDown,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::{
    app::{App, Limits},
    audit::{self, Actor},
    backup::WrappedServerKey,
    clock::Clock,
    config::{Config, PolicyAddress},
    http::{admins as http_admins, api_keys, problem::HttpProblem},
    log_import::{
        gathering::Found,
        keep::{self, Bounds},
    },
    mail::text::{self, Occasion},
    outbox, passwords, secrets, sign_in,
    snippet::{self, Dovecot, Postfix},
    store::{StoreError, admins, copy, factors},
    throttle::Whose,
};

/// What can be asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    Snippet {
        server: MailServerKind,
        when_down: WhenDown,
    },
    CreateAdmin(NewAdmin),
    /// Lets a locked-out admin in. A password given here replaces theirs.
    Recover {
        login: String,
        password: Option<String>,
    },
    /// Seals the server key with a recovery phrase, for snapshots.
    WrapServerKey {
        phrase: String,
    },
    /// Counts what a snapshot counts.
    Count,
    /// Takes events of the past: one [`ImportStep`] a line follows, and each is answered before the next.
    Import {
        /// Of the logs that they are read from.
        names: String,
        also_recorded: bool,
    },
}

/// A step of an import.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStep {
    Events(Vec<Found>),
    End(ImportReport),
}

/// How long a way in stays open.
const RECOVERY: SignedDuration = SignedDuration::from_mins(15);

const LONGEST_REQUEST: u64 = 64 * 1024;

/// A portion of events, each at its longest.
const LONGEST_STEP: u64 = 16 * 1024 * 1024;

/// Asks the running service, or does it in its database when none runs. Answers what to print.
pub async fn ask(config: Config, request: Request) -> Result<String, String> {
    if let Some(answer) = ask_running(&config, &request).await {
        return answer;
    }
    let app = App::open(config, Clock::system(), Limits::default(), None)
        .await
        .map_err(|error| error.to_string())?;
    let done = carry_out(&app, request).await;
    app.close().await.map_err(|error| error.to_string())?;
    done.map_err(|problem| problem.problem().message.clone())
}

/// Asks the running service; none if none runs.
pub async fn ask_running(config: &Config, request: &Request) -> Option<Result<String, String>> {
    let stream = connect(config).await?;
    let answer = converse(stream, request).await;
    Some(answer.unwrap_or_else(|error| Err(format!("the service said nothing: {error}"))))
}

/// The running service; none if none runs.
pub(crate) async fn connect(config: &Config) -> Option<UnixStream> {
    UnixStream::connect(socket_path(config)).await.ok()
}

/// Opens the socket, with access for the service's user alone.
pub fn listen(config: &Config) -> io::Result<UnixListener> {
    let path = socket_path(config);
    // Left behind by a killed service; the data folder's lock says that no other one lives.
    if path.exists() {
        fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers on the socket until the app stops.
pub async fn serve(listener: UnixListener, app: Arc<App>) {
    loop {
        let accepted = tokio::select! {
            () = app.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let app = Arc::clone(&app);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &app).await {
                        tracing::debug!(%error, "a request on the admin socket broke off");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the admin socket was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    // Gone already is as good as removed.
    let _ = fs::remove_file(socket_path(&app.config));
}

/// The configuration for a mail server, with a freshly minted, policy-only key where it carries one.
pub async fn snippet(
    app: &Arc<App>,
    actor: &Actor,
    server: MailServerKind,
    when_down: WhenDown,
) -> Result<MailServerSnippet, HttpProblem> {
    match server {
        MailServerKind::Dovecot => {
            let name = free_key_name(app, "dovecot");
            let grant = api_keys::mint(app, actor, &name, vec![Scope::Policy]).await?;
            let nonce = HEXLOWER.encode(&app.server_key.derive("dovecot hash nonce")[..16]);
            let text = snippet::dovecot(&Dovecot {
                base_url: &base_url(app),
                key_name: &name,
                key: &SecretString::from(grant.secret),
                nonce: &SecretString::from(nonce),
                when_down,
            });
            Ok(MailServerSnippet {
                server,
                path: snippet::SHELL.to_owned(),
                text,
                reload: snippet::DOVECOT_RELOAD.to_owned(),
                key: Some(grant.key.id),
            })
        }
        MailServerKind::Postfix => {
            let service = match (&app.config.postfix_policy, app.endpoints.get()) {
                (PolicyAddress::Unix(path), _) => format!("unix:{}", path.display()),
                (PolicyAddress::Tcp(_), Some(endpoints)) => format!("inet:{}", endpoints.postfix_policy),
                (PolicyAddress::Tcp(address), None) => format!("inet:{address}"),
            };
            let text = snippet::postfix(&Postfix { service: &service, when_down });
            Ok(MailServerSnippet {
                server,
                path: snippet::SHELL.to_owned(),
                text,
                reload: snippet::POSTFIX_RELOAD.to_owned(),
                key: None,
            })
        }
    }
}

async fn carry_out(app: &Arc<App>, request: Request) -> Result<String, HttpProblem> {
    if let Request::Count = request {
        return count(app).await;
    }
    app.must_be_set_up()?;
    let actor = Actor::default();
    match request {
        Request::Count => count(app).await,
        Request::Snippet { server, when_down } => Ok(snippet(app, &actor, server, when_down).await?.text),
        Request::CreateAdmin(new) => {
            let admin = http_admins::add(app, &actor, new).await?;
            Ok(format!("{} can sign in now; one-time codes go to {}.\n", admin.login, admin.email))
        }
        Request::Recover { login, password } => recover(app, &login, password).await,
        Request::WrapServerKey { phrase } => Ok(wrap_server_key(app, &phrase)?),
        Request::Import { .. } => {
            Err(Problem::new(Code::BadRequest, "An import needs a conversation.").into())
        }
    }
}

async fn count(app: &App) -> Result<String, HttpProblem> {
    let mut connection = app.store.read().acquire().await.map_err(StoreError::from)?;
    let counts = copy::counts(&mut connection).await?;
    Ok(serde_json::to_string(&counts).unwrap_or_default())
}

fn wrap_server_key(app: &App, phrase: &str) -> Result<String, Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::new(Code::BadRequest, error.to_string());
    let phrase: RecoveryPhrase = phrase.parse().map_err(|error| wrong(&error))?;
    let wrapped = WrappedServerKey::new(&app.server_key, &phrase).map_err(|error| wrong(&error))?;
    serde_json::to_string(&wrapped).map_err(|error| wrong(&error))
}

/// Takes portions of events until the end, or until whoever brings them is gone.
async fn import(
    mut read: BufReader<OwnedReadHalf>,
    mut write: OwnedWriteHalf,
    app: &Arc<App>,
    names: &str,
    also_recorded: bool,
) -> io::Result<()> {
    let ready: Result<(), Problem> = app.must_be_set_up().map_err(|problem| problem.problem().clone());
    say(&mut write, &ready).await?;
    if ready.is_err() {
        return Ok(());
    }
    let bounds = Bounds::of(app, also_recorded);
    let mut line = Vec::new();
    let mut kept = ImportEvents::default();
    loop {
        line.clear();
        (&mut read).take(LONGEST_STEP).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            // It was given up; what is stored stays, and is told.
            let report = ImportReport { events: kept, ..ImportReport::default() };
            return keep::note(app, &Actor::default(), names, &report).await.map_err(io::Error::other);
        }
        match serde_json::from_slice(&line) {
            Ok(ImportStep::Events(found)) => {
                let events = keep::keep(app, found, bounds).await;
                kept += *events.as_ref().unwrap_or(&ImportEvents::default());
                say(&mut write, &events.map_err(Problem::from)).await?;
            }
            Ok(ImportStep::End(report)) => {
                let report = ImportReport { events: kept, ..report };
                let noted = keep::note(app, &Actor::default(), names, &report).await;
                return say(&mut write, &noted.map_err(Problem::from)).await;
            }
            Err(error) => {
                let problem: Result<(), _> = Err(Problem::new(Code::BadRequest, error.to_string()));
                return say(&mut write, &problem).await;
            }
        }
    }
}

async fn say<T: Serialize>(write: &mut OwnedWriteHalf, answer: &Result<T, Problem>) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await
}

async fn recover(app: &Arc<App>, login: &str, password: Option<String>) -> Result<String, HttpProblem> {
    let login = Login(login.trim().to_lowercase());
    let hash = match password {
        Some(password) => {
            passwords::acceptable("password", &password, &login.0)?;
            Some(app.passwords.hash(password.into()).await?)
        }
        None => None,
    };
    let now = app.clock.now();
    let until = Time::from(now.0 + RECOVERY);
    let code = secrets::new_readable_code();
    let mut tx = app.log.begin().await?;
    let Some(row) = admins::by_login(tx.connection(), &login).await? else {
        return Err(Problem::new(Code::NotFound, format!("There is no admin {login}.")).into());
    };
    if let Some(hash) = &hash {
        admins::set_password(tx.connection(), &row.admin.id, hash).await?;
        sign_in::end_all(app, &mut tx, &row.admin.id, None).await?;
    }
    let stored = secrets::hash_readable_code(code.expose_secret());
    factors::open_recovery(tx.connection(), &row.admin.id, &stored, until).await?;
    let details = json!({ "until": until, "password_replaced": hash.is_some() });
    audit::record(&mut tx, &Actor::default(), "admin.recover", &login.0, &details).await?;
    tx.raise(Subject::AdminRecovered { login: login.0.as_str().into() }, true);
    let organization = app.settings.organization_name();
    let all = admins::all(tx.connection()).await?;
    for owner in all.iter().map(|row| &row.admin).filter(|admin| admin.role == Role::Owner) {
        let occasion = Occasion {
            organization: &organization,
            name: &owner.name,
            to: &owner.email,
            at: now.0,
            address: None,
            device: "the server's shell",
        };
        outbox::post(app, &mut tx, &text::recovery(&occasion, &login.0)).await?;
    }
    let (live, passing) = (Arc::clone(app), login.clone());
    tx.after_commit(move || live.policy.let_pass(&passing, until, now));
    tx.commit().await?;
    app.throttle.succeeded(&Whose::Codes(row.admin.id.0));
    let how = if hash.is_some() { "the new password" } else { "the password" };
    Ok(format!(
        "Until {until} {login} passes all blocks and access rules.\n\
         Sign in with {how}, choose “recovery code” as the second factor, and enter:\n\n    {}\n\n\
         The code works once. Every owner has been told.\n",
        code.expose_secret()
    ))
}

/// The private listener as a mail server on this machine reaches it.
fn base_url(app: &App) -> String {
    let mut address = app.endpoints.get().map_or(app.config.http, |endpoints| endpoints.http);
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    match (&app.config.tls, app.config.allowed_hosts.first()) {
        (None, _) => format!("http://{address}"),
        // A certificate names a host, not an address.
        (Some(_), Some(host)) => format!("https://{host}:{}", address.port()),
        (Some(_), None) => format!("https://{address}"),
    }
}

/// `name`, or with the first number behind it that no living key has.
fn free_key_name(app: &App, name: &str) -> String {
    let living = app.keys.all();
    let taken = |candidate: &str| living.iter().any(|key| &*key.name == candidate);
    if !taken(name) {
        return name.to_owned();
    }
    let numbers = 2..=living.len() + 2;
    numbers.map(|number| format!("{name}-{number}")).find(|candidate| !taken(candidate)).unwrap_or_default()
}

fn socket_path(config: &Config) -> PathBuf {
    config.data_dir.join("admin.sock")
}

async fn converse(mut stream: UnixStream, request: &Request) -> io::Result<Result<String, String>> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(serde_json::from_str::<Result<String, Problem>>(&answer)?.map_err(|problem| problem.message))
}

async fn answer(stream: UnixStream, app: &Arc<App>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    (&mut read).take(LONGEST_REQUEST).read_line(&mut line).await?;
    let done = match serde_json::from_str(&line) {
        Ok(Request::Import { names, also_recorded }) => {
            return import(read, write, app, &names, also_recorded).await;
        }
        Ok(request) => carry_out(app, request).await.map_err(|problem| problem.problem().clone()),
        Err(error) => Err(Problem::new(Code::BadRequest, error.to_string())),
    };
    write.write_all(&serde_json::to_vec(&done)?).await
}
