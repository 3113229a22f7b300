//! What the service is made of: the collaborators that its handlers and jobs share.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::SignedDuration;
use mailcup_wire::{Code, EventBody, Problem, SystemFact, Time};
use secrecy::SecretString;
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    app_passwords::AppPasswords,
    backup::{jobs::Backups, schedule},
    captcha::{Captcha, siteverify::SetupError},
    clients::{Clients, ClientsError},
    clock::Clock,
    config::Config,
    event_log::EventLog,
    http::{app_passwords::guard_scopes, hosts::KnownHosts, problem::HttpProblem},
    keys::ApiKeys,
    mail::SendError,
    mail_servers::MailServers,
    mail_sessions::{DoveadmError, MailSessions},
    outbox::Outbox,
    passwords::Passwords,
    places::{Places, PlacesError},
    policy::{LivePolicy, dovecot::Refusals},
    proof,
    risk::SignInRisk,
    second_factors::SecondFactors,
    secrets::ServerKey,
    sending::{Sending, hit::Told},
    server::{Endpoints, SidecarTokens},
    sessions::Sessions,
    settings::Settings,
    setup::SetupToken,
    sign_in::Challenges,
    store::{self, Store, StoreError},
    throttle::Throttle,
    web_sign_in::{WebSessions, WebSignIn},
};

/// The running service. Handlers take it as `State<Arc<App>>`.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub started_at: Time,
    pub limits: Limits,
    pub hosts: KnownHosts,
    pub store: Store,
    pub log: EventLog,
    pub policy: LivePolicy,
    pub refusals: Refusals,
    pub sending: Sending,
    /// Owners who were told lately that a limit stopped their mail.
    pub told: Told,
    pub mail_servers: MailServers,
    pub mail_sessions: MailSessions,
    pub places: Arc<Places>,
    pub clients: Arc<Clients>,
    pub settings: Arc<Settings>,
    pub risk: Arc<SignInRisk>,
    pub sessions: Sessions,
    pub keys: ApiKeys,
    pub app_passwords: AppPasswords,
    pub second_factors: SecondFactors,
    pub server_key: ServerKey,
    pub passwords: Passwords,
    pub throttle: Throttle,
    pub challenges: Challenges,
    /// Proofs of sessions that were used lately.
    pub proofs: proof::Used,
    /// Those of sign-ins, kept apart: strangers make no session wait.
    pub open_proofs: proof::Used,
    pub captcha: Captcha,
    pub web_sign_in: WebSignIn,
    pub web_sessions: WebSessions,
    pub outbox: Arc<Outbox>,
    pub backups: Backups,
    /// Set while the service has no owner.
    pub setup_token: OnceLock<SetupToken>,
    /// Set when a console started this service.
    pub launch_token: Option<SecretString>,
    /// Where the service listens, once it does.
    pub endpoints: OnceLock<Endpoints>,
    /// Ends everything that would otherwise go on: listeners, streams, jobs.
    pub stop: CancellationToken,
    writing: Mutex<Option<JoinHandle<()>>>,
}

/// Some 1,000 requests a second for as long as a proof is good; about 12 MiB.
const PROOFS: usize = 1 << 17;

const OUTBOX: &str = "outbox";

/// How long and how much one client may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the moment a connection is ready for a request to the end of the request's head; so also how
    /// long a connection may be idle.
    pub head: Duration,
    /// For a whole request, its body included. A stream that answers is not limited.
    pub request: Duration,
    /// For a log that is imported.
    pub import: Duration,
    /// Bytes of a body, where a route does not say otherwise.
    pub body: usize,
    /// How long the end waits for requests that are under way.
    pub farewell: Duration,
}

/// The service can't be put together.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the setup token can't be written: {0}")]
    SetupToken(std::io::Error),
    #[error("the server key can't be used: {0}")]
    ServerKey(std::io::Error),
    #[error("the counts of sending limits can't be read: {0}")]
    Sending(std::io::Error),
    #[error(transparent)]
    Captcha(#[from] SetupError),
    #[error(transparent)]
    Doveadm(#[from] DoveadmError),
    #[error(transparent)]
    Places(#[from] PlacesError),
    #[error(transparent)]
    Clients(#[from] ClientsError),
    #[error("mail can't leave by the way that the settings name: {0}")]
    Mail(#[from] SendError),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            request: Duration::from_secs(30),
            import: Duration::from_hours(1),
            body: 256 * 1024,
            farewell: Duration::from_secs(10),
        }
    }
}

impl App {
    /// Opens the data folder and puts the service together. It begins a new epoch of the event log.
    pub async fn open(
        config: Config,
        clock: Clock,
        limits: Limits,
        tokens: Option<SidecarTokens>,
    ) -> Result<Arc<Self>, OpenError> {
        let places = Arc::new(Places::open(&config.places)?);
        let clients = Arc::new(Clients::open(config.client_rules.as_deref())?);
        let store = Store::open(&config.data_dir).await?;
        let server_key = ServerKey::open(&config.data_dir).map_err(OpenError::ServerKey)?;
        let mut connection = store.read().acquire().await.map_err(StoreError::from)?;
        let settings = Settings::load(&mut connection).await?;
        let now = clock.now();
        let policy = LivePolicy::new(
            store::blocks::active(&mut connection, now).await?,
            store::policy::load(&mut connection).await?,
            store::factors::ways_in(&mut connection, now).await?,
            Arc::clone(&places),
        );
        let sending = Sending::open(&config.data_dir, now.0).map_err(OpenError::Sending)?;
        let sessions = Sessions::new(clock.clone());
        for (token, session) in store::sessions::all(&mut connection).await? {
            sessions.begin(token, session);
        }
        let web_sessions = WebSessions::new(clock.clone());
        for (token, session) in store::web_sessions::all(&mut connection).await? {
            web_sessions.begin(token, session);
        }
        let keys = ApiKeys::default();
        for (secret, key) in store::keys::all(&mut connection).await? {
            keys.begin_stored(secret, &key);
        }
        let app_passwords = AppPasswords::new(
            store::app_passwords::living(&mut connection).await?,
            guard_scopes(&store::app_passwords::main_passwords(&mut connection).await?),
        );
        let second_factors = SecondFactors::new(&store::second_factors::rules(&mut connection).await?);
        drop(connection);
        let (launch_token, given) = tokens.map(|tokens| (tokens.launch_token, tokens.setup_token)).unzip();
        let setup_token = setup_token(&config, settings.organization.load().is_none(), given)?;
        let hands = std::thread::available_parallelism().map_or(1, usize::from);
        let organization = settings.organization.load();
        let outbox_folder = config.data_dir.join(OUTBOX);
        let route =
            settings.mail.load().stored.route(organization.as_ref().as_ref(), &server_key, &outbox_folder)?;
        drop(organization);
        let outbox = Outbox::new(store.clone(), clock.clone(), route);
        let (log, writing) = EventLog::open(store.clone(), clock.clone(), settings.rules()).await?;
        log.stamp_with(Arc::clone(&places));
        let settings = Arc::new(settings);
        let risk = Arc::new(SignInRisk::new(
            Arc::clone(&places),
            Arc::clone(&clients),
            Arc::clone(&settings),
            config.trusted_proxies.clone(),
        ));
        log.tell(Arc::clone(&risk));
        let loading = Arc::clone(&places);
        tokio::task::spawn_blocking(move || loading.load());
        let mail_servers = MailServers::load(log.clone()).await?;
        let web_sign_in = WebSignIn::new(&config);
        let captcha = Captcha::open(&config)?;
        let mail_sessions = MailSessions::open(config.doveadm.as_ref())?;
        let jitter = SignedDuration::from_millis(rand::random_range(0..schedule::JITTER_MILLIS));
        Ok(Arc::new(Self {
            hosts: KnownHosts::new(&config),
            started_at: clock.now(),
            config,
            limits,
            log,
            policy,
            refusals: Refusals::default(),
            sending,
            told: Told::default(),
            mail_servers,
            mail_sessions,
            places,
            clients,
            settings,
            risk,
            outbox,
            backups: Backups::new(jitter),
            sessions,
            keys,
            app_passwords,
            second_factors,
            server_key,
            passwords: Passwords::new(hands),
            throttle: Throttle::new(clock.clone()),
            challenges: Challenges::default(),
            proofs: proof::Used::new(PROOFS),
            open_proofs: proof::Used::new(PROOFS),
            captcha,
            web_sign_in,
            web_sessions,
            setup_token,
            store,
            clock,
            launch_token,
            endpoints: OnceLock::new(),
            stop: CancellationToken::new(),
            writing: Mutex::new(Some(writing)),
        }))
    }

    /// Refuses what only makes sense once there is an owner.
    pub fn must_be_set_up(&self) -> Result<(), HttpProblem> {
        if self.needs_setup() {
            return Err(
                Problem::new(Code::SetupNeeded, "The service has no owner yet; set it up first.").into()
            );
        }
        Ok(())
    }

    /// The local Maildir into which mail goes while there is no relay.
    pub fn outbox_folder(&self) -> PathBuf {
        self.config.data_dir.join(OUTBOX)
    }

    /// Sends mail from now on by the way that the settings name.
    pub fn reroute_mail(&self) -> Result<(), SendError> {
        let organization = self.settings.organization.load();
        let mail = self.settings.mail.load();
        let route =
            mail.stored.route(organization.as_ref().as_ref(), &self.server_key, &self.outbox_folder())?;
        self.outbox.reroute(route);
        Ok(())
    }

    /// Whether the service has no owner yet.
    pub fn needs_setup(&self) -> bool {
        self.settings.organization.load().is_none()
    }

    /// Ends what goes on, writes what memory alone knows, and closes the store.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.stop.cancel();
        self.backups.finished().await;
        self.mail_servers.flush(&self.store).await?;
        if self.endpoints.get().is_some() {
            self.log.append(&EventBody::System(SystemFact::Stopped)).await?;
        }
        self.remember_uses().await?;
        if let Err(error) = self.sending.close(self.clock.now().0) {
            tracing::warn!(%error, "the journal of sending limits stays as long as it is");
        }
        self.log.close().await?;
        if let Some(writing) = self.writing.lock().await.take() {
            // It ended with the log; there is nothing to learn from it.
            let _ = writing.await;
        }
        self.store.close().await;
        Ok(())
    }

    /// Writes when sessions, keys and app passwords were last used.
    pub async fn remember_uses(&self) -> Result<(), StoreError> {
        let mut tx = self.store.write().await?;
        for session in self.sessions.all() {
            let at = session.last_seen_at();
            store::sessions::seen(&mut tx, &session.id, at).await?;
            store::devices::seen(&mut tx, &session.admin, &session.device.id, at).await?;
        }
        for session in self.web_sessions.all() {
            store::web_sessions::seen(&mut tx, &session.id, session.last_seen_at()).await?;
        }
        for key in self.keys.all() {
            if let Some(at) = key.last_used_at() {
                store::keys::used(&mut tx, &key.id, at).await?;
            }
        }
        for app_password in self.app_passwords.all() {
            if let Some((at, from)) = app_password.unwritten_use() {
                store::app_passwords::used(&mut tx, &app_password.id, at, from).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Empty once there is an organization.
fn setup_token(
    config: &Config,
    is_needed: bool,
    given: Option<SecretString>,
) -> Result<OnceLock<SetupToken>, OpenError> {
    let place = OnceLock::new();
    if is_needed {
        let token = match given {
            Some(token) => SetupToken::given(token),
            None => SetupToken::write(config.data_dir.join("setup-token")).map_err(OpenError::SetupToken)?,
        };
        // Empty until here.
        let _ = place.set(token);
    }
    Ok(place)
}
