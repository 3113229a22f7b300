//! The connection to a service: the one that we start ourselves, or one elsewhere; its local copy, its session,
//! and the sync between the two.

use mailcup_wire::{
    Admin, Challenge, Code, Organization, Problem, ServiceInfo, SessionGrant, Time,
    desktop::{Link, Notice},
};
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::{Contact, Controller, Plan, Reading, beside::Beside, later};
use crate::{
    Host,
    api::Api,
    notify::Desk,
    profile::{Ports, Service, ServiceId},
    sidecar::{Sidecar, SidecarNews},
    store::{Figures, Store, StoreError, set_aside},
    sync::{News, Sync, Target, all_changed, oldest_kept},
    view::{Access, Connection, Standing},
};

const KEEP_FRESH_EVERY: i64 = 30_000;
const PRUNE_EVERY: i64 = 600_000;
const ASK_AGAIN_AFTER: i64 = 3_000;
const WRITE_AGAIN_AFTER: i64 = 5_000;

/// A connection as it stands.
pub struct Connected {
    service: Service,
    /// None until the service on this computer has said where it listens.
    api: Option<Api>,
    token: Option<SecretString>,
    setup_token: Option<SecretString>,
    pub(super) store: Option<Store>,
    pub(super) admin: Option<Admin>,
    name: Option<String>,
    standing: Standing,
    link: Link,
    fresh_at: Option<Time>,
    figures: Figures,
    notices: Vec<Notice>,
    sidecar: Option<Beside>,
    sync: Option<Beside>,
    /// Counts syncs and questions, so that a late answer is known for one.
    round: u64,
    /// Whoever waits for the service on this computer.
    starting: Option<oneshot::Sender<Result<(), Problem>>>,
    ask_again_at: Option<Time>,
    sync_again_at: Option<Time>,
    fresh_kept_at: Time,
    prune_at: Time,
}

/// What the service answered to a question that ran beside the actor.
pub enum Said {
    Info(Result<ServiceInfo, Problem>),
    Organization(Organization),
    /// The local copy was read through.
    Checked(StoreError),
}

impl Connected {
    fn new(service: Service, now: Time) -> Self {
        Self {
            service,
            api: None,
            token: None,
            setup_token: None,
            store: None,
            admin: None,
            name: None,
            standing: Standing::Unknown,
            link: Link::Connecting,
            fresh_at: None,
            figures: Figures::default(),
            notices: Vec::new(),
            sidecar: None,
            sync: None,
            round: 0,
            starting: None,
            ask_again_at: None,
            sync_again_at: None,
            fresh_kept_at: now,
            prune_at: now,
        }
    }

    /// As the view is derived from it.
    pub fn view(&self) -> Connection {
        Connection {
            url: self.service.url.clone(),
            embedded: self.service.embedded,
            name: self.name.clone(),
            standing: self.standing.clone(),
            link: self.link.clone(),
            fresh_at: self.fresh_at,
            admin: self.admin.clone(),
            figures: self.figures.clone(),
            notices: self.notices.clone(),
        }
    }
}

impl<H: Host> Controller<H> {
    /// Connects to the service of the last time, if there is one.
    pub(super) async fn take_up_service(&mut self) {
        let Some(id) = self.install.services.first().cloned() else { return };
        match self.folder.read_service(&id) {
            Ok(Some(service)) => self.begin(service).await,
            Ok(None) => tracing::warn!(service = %id, "a connection has no file and is passed over"),
            Err(problem) => tracing::error!(message = problem.message, "a connection can't be read"),
        }
    }

    /// Starts the service on this computer; `reply` hears once it runs or could not be started.
    pub(super) async fn start_embedded(&mut self, reply: Option<oneshot::Sender<Result<(), Problem>>>) {
        if self.connection.is_none() && self.find_key(Plan::StartEmbedded).await {
            let url = Url::parse("http://127.0.0.1:8480/").unwrap_or_else(|_| unreachable!("a fixed URL"));
            let service = Service { id: ServiceId::random(), url, embedded: true, ports: Ports::default() };
            if let Err(problem) = self.add_service(&service) {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(problem));
                }
                return;
            }
            self.begin(service).await;
        }
        match (&mut self.connection, reply) {
            (Some(connection), Some(reply)) if connection.api.is_none() => connection.starting = Some(reply),
            (_, Some(reply)) => {
                let _ = reply.send(Ok(()));
            }
            (_, None) => {}
        }
    }

    /// Connects to a service elsewhere.
    pub(super) async fn connect(&mut self, url: Url) -> Result<(), Problem> {
        if self.connection.is_some() {
            return Err(Problem::new(
                Code::Conflict,
                "This console is connected already; forget that service first.",
            ));
        }
        if self.find_key(Plan::Connect(url.clone())).await {
            let service = Service { id: ServiceId::random(), url, embedded: false, ports: Ports::default() };
            self.add_service(&service)?;
            self.begin(service).await;
        }
        Ok(())
    }

    pub(super) async fn forget_service(&mut self) -> Result<(), Problem> {
        let Some(id) = self.connection.as_ref().map(|it| it.service.id.clone()) else { return Ok(()) };
        self.disconnect().await;
        self.connection = None;
        self.clear_desk();
        self.reading.send_replace(Reading::Nothing);
        self.tell_contact();
        self.install.services.retain(|service| *service != id);
        self.folder.keep_install(&self.install)?;
        self.folder.remove_service(&id)
    }

    /// Ends all that runs for the connection and closes its local copy.
    pub(super) async fn disconnect(&mut self) {
        self.keep_fresh().await;
        let Some(connection) = &mut self.connection else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        if let Some(sidecar) = connection.sidecar.take() {
            sidecar.end().await;
        }
        if let Some(store) = connection.store.take() {
            store.close().await;
        }
    }

    pub(super) fn challenged(&mut self, challenge: Option<Challenge>) {
        if let Some(connection) = &mut self.connection {
            connection.standing = Standing::SignedOut { challenge };
        }
    }

    pub(super) fn challenge(&self) -> Option<Challenge> {
        match &self.connection.as_ref()?.standing {
            Standing::SignedOut { challenge } => challenge.clone(),
            Standing::Unknown | Standing::SetUpNeeded | Standing::SignedIn | Standing::Lapsed => None,
        }
    }

    pub(super) async fn signed_in(&mut self, grant: SessionGrant) -> Result<(), Problem> {
        let key = self.key.clone();
        let Some(connection) = &mut self.connection else {
            return Err(Problem::new(Code::Conflict, "This console is connected to no service."));
        };
        if let Some(key) = &key {
            self.folder.keep_session(&connection.service.id, key, &grant.token)?;
        }
        connection.token = Some(grant.token.into());
        connection.admin = Some(grant.admin.clone());
        connection.standing = Standing::SignedIn;
        connection.setup_token = None;
        if let Some(store) = &connection.store {
            store.keep_admin(grant.admin).await?;
        }
        self.tell_contact();
        self.restart_sync().await;
        self.ask_organization();
        Ok(())
    }

    pub(super) async fn signed_out(&mut self) -> Result<(), Problem> {
        self.keep_fresh().await;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        connection.token = None;
        connection.standing = Standing::SignedOut { challenge: None };
        let id = connection.service.id.clone();
        self.clear_desk();
        self.tell_contact();
        self.folder.forget_session(&id)
    }

    pub(super) async fn hear_sidecar(&mut self, news: SidecarNews) {
        let now = self.clock.now();
        let Some(connection) = &mut self.connection else { return };
        match news {
            SidecarNews::Up { url, ports, setup_token, restarted } => {
                connection.service.url = url.clone();
                connection.service.ports = ports;
                connection.setup_token = Some(setup_token);
                if let Err(problem) = self.folder.keep_service(&connection.service) {
                    tracing::warn!(message = problem.message, "where the service listens was not kept");
                }
                let reached = Api::new(url, true);
                let starting = connection.starting.take();
                match reached {
                    Ok(api) => connection.api = Some(api),
                    Err(problem) => tracing::error!(message = problem.message, "the service can't be called"),
                }
                if restarted {
                    self.notice(Notice::ServiceRestarted { at: now }).await;
                }
                self.tell_contact();
                self.find_standing().await;
                if let Some(starting) = starting {
                    let _ = starting.send(Ok(()));
                }
            }
            SidecarNews::Down { why } => {
                connection.link =
                    Link::Offline { since: offline_since(&connection.link, now), why: why.clone() };
                if let Some(starting) = connection.starting.take() {
                    let _ = starting.send(Err(Problem::new(Code::Unavailable, why)));
                    // A first start that fails leaves nothing behind, so that it can be tried again.
                    if let Err(problem) = self.forget_service().await {
                        tracing::warn!(
                            message = problem.message,
                            "a service that did not start was not removed"
                        );
                    }
                }
            }
        }
    }

    pub(super) async fn hear_said(&mut self, round: u64, said: Said) {
        let (now, challenge) = (self.clock.now(), self.challenge());
        let Some(connection) = self.connection.as_mut().filter(|it| it.round == round) else { return };
        match said {
            Said::Info(_) if connection.token.is_some() => {}
            Said::Info(Ok(info)) => {
                connection.link = Link::Connecting;
                connection.standing =
                    if info.setup_needed { Standing::SetUpNeeded } else { Standing::SignedOut { challenge } };
            }
            Said::Info(Err(problem)) => {
                let since = offline_since(&connection.link, now);
                connection.link = Link::Offline { since, why: problem.message };
                if connection.standing == Standing::Unknown {
                    connection.standing = Standing::SignedOut { challenge: None };
                }
                connection.ask_again_at = Some(later(now, ASK_AGAIN_AFTER));
            }
            Said::Organization(organization) => {
                connection.name = Some(organization.name.clone());
                if let Some(store) = connection.store.clone()
                    && let Err(error) = store.keep_organization(organization).await
                {
                    tracing::warn!(%error, "the organization's name was not kept");
                }
            }
            Said::Checked(error) => self.store_failed(error).await,
        }
    }

    pub(super) async fn hear_news(&mut self, round: u64, news: News) {
        let now = self.clock.now();
        let Some(connection) = self.connection.as_mut().filter(|it| it.round == round) else { return };
        match news {
            News::Link(link) => {
                let was_live = connection.link == Link::Live;
                if let Link::Offline { .. } = link
                    && was_live
                {
                    connection.fresh_at = Some(now);
                }
                let is_live = link == Link::Live;
                connection.link = link;
                if is_live {
                    connection.fresh_at = Some(now);
                    self.keep_fresh().await;
                    self.tell_missed().await;
                } else if was_live {
                    self.keep_fresh().await;
                }
            }
            News::Applied { applied, live } => {
                if live {
                    connection.fresh_at = Some(now);
                }
                self.changed(&applied.changed);
                self.refresh_figures().await;
                if live {
                    self.alerts_changed(&applied.alerts);
                }
            }
            News::CaughtUp { at } => {
                connection.fresh_at = Some(at);
                self.tell_missed().await;
            }
            News::Refilled => {
                self.changed(&all_changed());
                self.refresh_figures().await;
            }
            News::Heard { alerts } => self.alerts_changed(&alerts),
            News::Restored { dropped, at } => {
                self.notice(Notice::ServiceRestored { dropped, at }).await;
                self.changed(&all_changed());
                self.refresh_figures().await;
            }
            News::SignedOut => {
                connection.token = None;
                connection.standing = Standing::Lapsed;
                let id = connection.service.id.clone();
                self.tell_contact();
                if let Err(problem) = self.folder.forget_session(&id) {
                    tracing::warn!(message = problem.message, "an ended session was not removed");
                }
            }
            News::StoreFailed(error) => self.store_failed(error).await,
        }
    }

    pub(super) async fn tick_connection(&mut self) {
        let now = self.clock.now();
        let Some(connection) = &mut self.connection else { return };
        if connection.ask_again_at.is_some_and(|at| now >= at) {
            connection.ask_again_at = None;
            self.find_standing().await;
            return;
        }
        if connection.sync_again_at.is_some_and(|at| now >= at) {
            connection.sync_again_at = None;
            self.restart_sync().await;
            return;
        }
        if connection.link == Link::Live && now >= later(connection.fresh_kept_at, KEEP_FRESH_EVERY) {
            connection.fresh_at = Some(now);
            self.keep_fresh().await;
        }
        self.prune(now).await;
    }

    /// Opens the local copy, or one anew where it is damaged, and goes on from it.
    pub(super) async fn open_store(&mut self) -> Result<(), Problem> {
        let (Some(connection), Some(key)) = (&mut self.connection, self.key.clone()) else { return Ok(()) };
        let id = connection.service.id.clone();
        let path = self.folder.store(&id);
        let now = self.clock.now();
        let opened = tokio::task::spawn_blocking(move || {
            let store_key = key.store_key(&id);
            match Store::open(&path, &store_key) {
                Err(StoreError::Damaged(why)) => {
                    tracing::error!(why, "the local copy is damaged and is set aside");
                    let kept_at = set_aside(&path, now)?;
                    Ok((Store::open(&path, &store_key)?, Some(kept_at)))
                }
                other => other.map(|store| (store, None)),
            }
        })
        .await;
        let opened = opened.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        let (store, replaced) = opened.map_err(Problem::from)?;
        let meta = store.meta().await?;
        let shown = store.shown().await?;
        self.desk = Desk::new(shown);
        if connection.token.is_none()
            && let Some(key) = &self.key
        {
            connection.token = self.folder.session(&connection.service.id, key).map(SecretString::from);
        }
        connection.admin = connection.admin.take().or(meta.admin);
        connection.name = connection.name.take().or(meta.organization.map(|it| it.name));
        connection.fresh_at = meta.fresh_at.or(connection.fresh_at);
        connection.notices = meta.notices;
        if connection.token.is_some() {
            connection.standing = Standing::SignedIn;
        }
        connection.store = Some(store.clone());
        self.reading.send_replace(Reading::Open(store.readers()));
        if let Some(kept_at) = replaced {
            self.notice(Notice::StoreReplaced { kept_at: kept_at.display().to_string() }).await;
        } else {
            self.check_store(store);
        }
        self.refresh_figures().await;
        self.changed(&all_changed());
        self.tell_contact();
        self.find_standing().await;
        Ok(())
    }

    /// Closes the local copy; the stream goes on without it.
    pub(super) async fn close_store(&mut self) {
        self.keep_fresh().await;
        let Some(connection) = &mut self.connection else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        let cursor = match &connection.store {
            Some(store) => store.cursor().await.ok().flatten(),
            None => None,
        };
        if let Some(store) = connection.store.take() {
            store.close().await;
        }
        self.sync_into(Target::Nowhere(cursor)).await;
    }

    fn add_service(&mut self, service: &Service) -> Result<(), Problem> {
        self.folder.keep_service(service)?;
        self.install.services.push(service.id.clone());
        self.folder.keep_install(&self.install)
    }

    async fn begin(&mut self, service: Service) {
        let mut connection = Connected::new(service, self.clock.now());
        if connection.service.embedded {
            let sidecar = Sidecar {
                program: self.service_program.clone(),
                data_dir: self.folder.embedded_data(),
                ports: connection.service.ports,
                news: self.channels.sidecar.0.clone(),
                stop: tokio_util::sync::CancellationToken::new(),
            };
            connection.sidecar = Some(Beside::start(|stop| Sidecar { stop, ..sidecar }.run()));
        } else {
            match Api::new(connection.service.url.clone(), false) {
                Ok(api) => connection.api = Some(api),
                Err(problem) => tracing::error!(message = problem.message, "the service can't be called"),
            }
        }
        let elsewhere = !connection.service.embedded;
        self.connection = Some(connection);
        self.tell_contact();
        if self.access == Access::Open
            && let Err(problem) = self.open_store().await
        {
            tracing::error!(message = problem.message, "the local copy can't be used");
            let now = self.clock.now();
            if let Some(connection) = &mut self.connection {
                connection.link = Link::Offline { since: now, why: problem.message };
            }
        }
        if elsewhere {
            self.find_standing().await;
        }
    }

    /// Asks the service how we stand, or goes on with the session.
    async fn find_standing(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if connection.token.is_some() {
            connection.standing = Standing::SignedIn;
            self.restart_sync().await;
            self.ask_organization();
            return;
        }
        // While locked nobody knows whether there is a session.
        if connection.standing == Standing::Lapsed || self.access == Access::Locked {
            return;
        }
        let Some(api) = connection.api.clone() else { return };
        let (round, said) = (connection.round, self.channels.said.0.clone());
        tokio::spawn(async move {
            let info = api.service_info(None).await;
            // The actor may have ended meanwhile.
            let _ = said.send((round, Said::Info(info))).await;
        });
    }

    fn ask_organization(&self) {
        let Some(connection) = &self.connection else { return };
        let Some(api) = connection.api.clone().map(|api| api.with_token(connection.token.clone())) else {
            return;
        };
        let (round, said) = (connection.round, self.channels.said.0.clone());
        tokio::spawn(async move {
            match api.organization().await {
                Ok(organization) => {
                    let _ = said.send((round, Said::Organization(organization))).await;
                }
                Err(problem) => tracing::warn!(code = problem.code.as_str(), "the organization was not told"),
            }
        });
    }

    /// Reads the whole copy beside the actor and speaks up only if it is damaged.
    fn check_store(&self, store: Store) {
        let Some(connection) = &self.connection else { return };
        let (round, said) = (connection.round, self.channels.said.0.clone());
        tokio::spawn(async move {
            if let Err(error @ StoreError::Damaged(_)) = store.check().await {
                let _ = said.send((round, Said::Checked(error))).await;
            }
        });
    }

    async fn restart_sync(&mut self) {
        let Some(store) = self.connection.as_ref().map(|it| it.store.clone()) else { return };
        match store {
            Some(store) => self.sync_into(Target::Store(store)).await,
            None if self.access == Access::Locked => self.sync_into(Target::Nowhere(None)).await,
            None => {}
        }
    }

    async fn sync_into(&mut self, target: Target) {
        let Some(connection) = &mut self.connection else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        let (Some(api), Some(token)) = (connection.api.clone(), connection.token.clone()) else { return };
        if connection.standing != Standing::SignedIn {
            return;
        }
        connection.round += 1;
        let round = connection.round;
        let api = api.with_token(Some(token));
        let (clock, out) = (self.clock.clone(), self.channels.news.0.clone());
        connection.sync = Some(Beside::start(move |stop| async move {
            let (news, mut heard) = mpsc::channel(16);
            let forward = async {
                while let Some(news) = heard.recv().await {
                    if stop.run_until_cancelled(out.send((round, news))).await.is_none() {
                        return;
                    }
                }
            };
            let sync = Sync { api, target, clock, news, stop: stop.clone() };
            tokio::join!(sync.run(), forward);
        }));
    }

    async fn store_failed(&mut self, error: StoreError) {
        let now = self.clock.now();
        let damaged = matches!(error, StoreError::Damaged(_));
        tracing::error!(%error, "the local copy failed");
        if damaged {
            self.replace_store(&error).await;
            return;
        }
        if let Some(connection) = &mut self.connection {
            let since = offline_since(&connection.link, now);
            connection.link = Link::Offline { since, why: format!("New events can't be kept: {error}.") };
            connection.sync_again_at = Some(later(now, WRITE_AGAIN_AFTER));
        }
    }

    /// Sets the damaged copy aside and fills another from the service.
    async fn replace_store(&mut self, error: &StoreError) {
        let now = self.clock.now();
        let Some(connection) = &mut self.connection else { return };
        if let Some(sync) = connection.sync.take() {
            sync.end().await;
        }
        if let Some(store) = connection.store.take() {
            store.close().await;
        }
        let kept_at = set_aside(&self.folder.store(&connection.service.id), now);
        let opened = self.open_store().await;
        match (kept_at, opened) {
            (Ok(kept_at), Ok(())) => {
                self.notice(Notice::StoreReplaced { kept_at: kept_at.display().to_string() }).await;
            }
            (Err(error), _) => tracing::error!(%error, "the damaged local copy can't be set aside"),
            (_, Err(problem)) => {
                tracing::error!(message = problem.message, %error, "no new local copy can be made");
            }
        }
    }

    /// Shows a notice until it is dismissed.
    async fn notice(&mut self, notice: Notice) {
        let Some(connection) = &mut self.connection else { return };
        if let Some(store) = &connection.store
            && let Err(error) = store.add_notice(notice.clone()).await
        {
            tracing::warn!(%error, "a notice was not kept");
        }
        if !connection.notices.contains(&notice) {
            connection.notices.push(notice);
        }
    }

    pub(super) async fn dismiss(&mut self, notice: Notice) -> Result<(), Problem> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        connection.notices.retain(|known| *known != notice);
        if let Some(store) = &connection.store {
            store.drop_notice(notice).await?;
        }
        Ok(())
    }

    async fn refresh_figures(&mut self) {
        let Some(store) = self.connection.as_ref().and_then(|it| it.store.clone()) else { return };
        match store.readers().figures().await {
            Ok(figures) => {
                if let Some(connection) = &mut self.connection {
                    connection.figures = figures;
                }
            }
            Err(error) => tracing::warn!(%error, "the local copy can't be counted"),
        }
    }

    async fn keep_fresh(&mut self) {
        let now = self.clock.now();
        let Some(connection) = &mut self.connection else { return };
        if connection.link == Link::Live {
            connection.fresh_at = Some(now);
        }
        connection.fresh_kept_at = now;
        let (Some(store), Some(fresh_at)) = (&connection.store, connection.fresh_at) else { return };
        if let Err(error) = store.keep_fresh_at(fresh_at).await {
            tracing::warn!(%error, "how fresh the local copy is was not kept");
        }
    }

    async fn prune(&mut self, now: Time) {
        let Some(connection) = self.connection.as_mut().filter(|it| now >= it.prune_at) else { return };
        connection.prune_at = later(now, PRUNE_EVERY);
        let Some(store) = connection.store.clone() else { return };
        match store.prune(oldest_kept(now)).await {
            Ok(true) => connection.prune_at = now,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "old events were not removed"),
        }
    }

    fn tell_contact(&self) {
        let connection = self.connection.as_ref();
        let token = connection.and_then(|it| it.token.clone());
        self.contact.send_replace(Contact {
            api: connection.and_then(|it| it.api.clone()).map(|api| api.with_token(token)),
            device: self.install.device.clone(),
            setup_token: connection.and_then(|it| it.setup_token.clone()),
        });
    }
}

/// An outage goes on, or begins now.
fn offline_since(link: &Link, now: Time) -> Time {
    match link {
        Link::Offline { since, .. } => *since,
        Link::Connecting | Link::CatchingUp { .. } | Link::Live | Link::SignedOut => now,
    }
}
