//! The connection to a service: the one that we start ourselves, or one elsewhere; its session, and the sync
//! with its local copy.

mod copy;

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
    profile::{Ports, Service, ServiceId},
    sidecar::{Sidecar, SidecarNews},
    store::{Figures, Store, StoreError},
    sync::{News, Sync, Target, all_changed},
    view::{Access, Connection, Standing},
};

const KEEP_FRESH_EVERY: i64 = 30_000;
const ASK_AGAIN_AFTER: i64 = 3_000;

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
    /// Which connection this is, which sync it runs and which copy it has open, so that what a former one
    /// still says is known for that.
    number: u64,
    round: u64,
    copy: u64,
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
    /// The local copy of this number was read through.
    Checked(u64, StoreError),
}

impl Connected {
    fn new(service: Service, number: u64, now: Time) -> Self {
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
            number,
            round: number,
            copy: number,
            starting: None,
            ask_again_at: None,
            sync_again_at: None,
            fresh_kept_at: now,
            prune_at: now,
        }
    }

    /// When the next alert that was put off comes back.
    pub fn next_return(&self) -> Option<Time> {
        self.figures.next_return
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
            // What it said last is of no use to a next one.
            while self.channels.sidecar.1.try_recv().is_ok() {}
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

    pub(super) async fn hear_said(&mut self, number: u64, said: Said) {
        let (now, challenge) = (self.clock.now(), self.challenge());
        let Some(connection) = self.connection.as_mut().filter(|it| it.number == number) else { return };
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
            Said::Checked(copy, error) if connection.copy == copy => self.store_failed(error).await,
            Said::Checked(..) => {}
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

    fn add_service(&mut self, service: &Service) -> Result<(), Problem> {
        self.folder.keep_service(service)?;
        self.install.services.push(service.id.clone());
        self.folder.keep_install(&self.install)
    }

    async fn begin(&mut self, service: Service) {
        let number = self.next_number();
        let mut connection = Connected::new(service, number, self.clock.now());
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
        let (number, said) = (connection.number, self.channels.said.0.clone());
        tokio::spawn(async move {
            let info = api.service_info(None).await;
            // The actor may have ended meanwhile.
            let _ = said.send((number, Said::Info(info))).await;
        });
    }

    fn ask_organization(&self) {
        let Some(connection) = &self.connection else { return };
        let Some(api) = connection.api.clone().map(|api| api.with_token(connection.token.clone())) else {
            return;
        };
        let (number, said) = (connection.number, self.channels.said.0.clone());
        tokio::spawn(async move {
            match api.organization().await {
                Ok(organization) => {
                    let _ = said.send((number, Said::Organization(organization))).await;
                }
                Err(problem) => tracing::warn!(code = problem.code.as_str(), "the organization was not told"),
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
        self.numbers += 1;
        connection.round = self.numbers;
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
