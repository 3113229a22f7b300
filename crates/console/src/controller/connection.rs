//! The connections to services: the one that we start ourselves, and those elsewhere; each with its session and
//! the sync with its local copy.

mod copy;
mod drafts;
mod hear;
mod mirror;
mod session;
mod standing;

use mailcup_wire::{
    Admin, AlertId, Code, Organization, Problem, ServiceId, ServiceInfo, Time,
    desktop::{AuditStanding, Certificate, Link, Notice},
};
use secrecy::SecretString;
use tokio::sync::oneshot;
use url::Url;

use self::mirror::Mirroring;
use super::{Contact, Contacts, Controller, Plan, beside::Beside};
use crate::{
    Host,
    api::Api,
    audit::Asking,
    changes,
    device_key::DeviceKey,
    draft::Kept,
    naming::{Named, shown_of},
    notify::Desk,
    profile::Service,
    sidecar::Sidecar,
    store::{Figures, Store, StoreError},
    view::{Access, Connection, Standing},
};

/// A connection as it stands.
pub struct Connected {
    service: Service,
    /// None until the service on this computer has said where it listens.
    api: Option<Api>,
    token: Option<SecretString>,
    setup_token: Option<SecretString>,
    pub(super) store: Option<Store>,
    mirroring: Option<Mirroring>,
    pub(super) admin: Option<Admin>,
    given_name: Option<String>,
    organization: Option<String>,
    standing: Standing,
    link: Link,
    fresh_at: Option<Time>,
    figures: Figures,
    notices: Vec<Notice>,
    pub(super) desk: Desk,
    /// Those of the console's own alerts that the window was told of.
    pub(super) own_told: Vec<AlertId>,
    /// The draft that was discarded last, until another is or the copy closes.
    discarded: Option<Kept>,
    audit: AuditStanding,
    audit_asking: Asking,
    sidecar: Option<Beside>,
    sync: Option<Beside>,
    /// Which connection this is, which sync it runs and which copy it has open, so that what a former one
    /// still says is known for that.
    pub(super) number: u64,
    round: u64,
    copy: u64,
    /// Whoever waits for the service on this computer.
    starting: Option<oneshot::Sender<Result<(), Problem>>>,
    ask_again_at: Option<Time>,
    sync_again_at: Option<Time>,
    fresh_kept_at: Time,
    prune_at: Time,
}

/// All connections, in their order.
#[derive(Default)]
pub struct Connections(Vec<Connected>);

/// What the service answered to a question that ran beside the actor.
pub enum Said {
    Info(Result<ServiceInfo, Problem>),
    Organization(Organization),
    /// The resources that there are drafts of were read again.
    Drafted,
    /// The mirror or its index went on.
    MirrorMoved,
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
            mirroring: None,
            admin: None,
            given_name: None,
            organization: None,
            standing: Standing::Unknown,
            link: Link::Connecting,
            fresh_at: None,
            figures: Figures::default(),
            notices: Vec::new(),
            desk: Desk::default(),
            own_told: Vec::new(),
            discarded: None,
            audit: AuditStanding::default(),
            audit_asking: Asking::default(),
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

    /// The service as this install calls it, with the session's token once there is one.
    fn signing(&self, key: Option<&DeviceKey>) -> Option<Api> {
        Some(self.api.clone()?.by(key.cloned(), self.token.clone()))
    }

    /// When the next alert that was put off comes back.
    pub fn next_return(&self) -> Option<Time> {
        self.figures.next_return
    }

    /// Makes what calls the service elsewhere, with the certificate that is trusted now.
    fn call(&mut self) {
        match Api::new(self.service.url.clone(), false, self.service.pinned.clone()) {
            Ok(api) => self.api = Some(api),
            Err(problem) => tracing::error!(message = problem.message, "the service can't be called"),
        }
    }

    fn named(&self) -> Named<'_> {
        Named {
            given: self.given_name.as_deref(),
            organization: self.organization.as_deref(),
            embedded: self.service.embedded,
            url: &self.service.url,
        }
    }

    pub(super) fn id(&self) -> &ServiceId {
        &self.service.id
    }

    /// As the view is derived from it.
    pub fn view(&self) -> Connection {
        Connection {
            id: self.service.id.clone(),
            url: self.service.url.clone(),
            embedded: self.service.embedded,
            given_name: self.given_name.clone(),
            organization: self.organization.clone(),
            standing: self.standing.clone(),
            link: self.link.clone(),
            fresh_at: self.fresh_at,
            admin: self.admin.clone(),
            figures: self.figures.clone(),
            notices: self.notices.clone(),
            audit: self.audit.finding.clone(),
            pinned: self.service.pinned.clone(),
        }
    }
}

impl Connections {
    pub fn iter(&self) -> impl Iterator<Item = &Connected> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connected> {
        self.0.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The numbers of those that there are now.
    pub fn numbers(&self) -> Vec<u64> {
        self.0.iter().map(|it| it.number).collect()
    }

    pub fn number_of(&self, id: &ServiceId) -> Option<u64> {
        self.0.iter().find(|it| it.id() == id).map(|it| it.number)
    }

    pub fn get(&self, number: u64) -> Option<&Connected> {
        self.0.iter().find(|it| it.number == number)
    }

    pub fn at(&mut self, number: u64) -> Option<&mut Connected> {
        self.0.iter_mut().find(|it| it.number == number)
    }
}

impl<H: Host> Controller<H> {
    /// Connects to the services of the last time.
    pub(super) async fn take_up_services(&mut self) {
        for id in self.install.services.clone() {
            match self.folder.read_service(&id) {
                Ok(Some(service)) => {
                    self.begin(service).await;
                }
                Ok(None) => tracing::warn!(service = %id, "a connection has no file and is passed over"),
                Err(problem) => tracing::error!(message = problem.message, "a connection can't be read"),
            }
        }
    }

    /// Starts the service on this computer; `reply` hears once it runs or could not be started.
    pub(super) async fn start_embedded(&mut self, reply: Option<oneshot::Sender<Result<(), Problem>>>) {
        let embedded = match self.embedded_begun().await {
            Ok(embedded) => embedded,
            Err(problem) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(problem));
                }
                return;
            }
        };
        let connection = embedded.and_then(|number| self.connections.at(number));
        if let Some(id) = connection.as_ref().map(|it| it.id().clone())
            && let Err(problem) = self.switch(id)
        {
            tracing::warn!(message = problem.message, "which service is shown was not kept");
        }
        let connection = embedded.and_then(|number| self.connections.at(number));
        match (connection, reply) {
            (Some(connection), Some(reply)) if connection.api.is_none() => connection.starting = Some(reply),
            (_, Some(reply)) => {
                let _ = reply.send(Ok(()));
            }
            (_, None) => {}
        }
    }

    /// The connection to the service on this computer; none while a passphrase is waited for.
    async fn embedded_begun(&mut self) -> Result<Option<u64>, Problem> {
        self.not_locked()?;
        if let Some(number) = self.embedded() {
            return Ok(Some(number));
        }
        if !self.find_key(Plan::StartEmbedded).await? {
            return Ok(None);
        }
        let url = Url::parse("http://127.0.0.1:8480/").unwrap_or_else(|_| unreachable!("a fixed URL"));
        self.add(Service::new(url, true, None)).await.map(Some)
    }

    /// Connects to a service elsewhere, and shows it.
    pub(super) async fn connect(&mut self, url: Url, pinned: Option<Certificate>) -> Result<(), Problem> {
        self.not_locked()?;
        if let Some(known) = self.connections.iter().find(|it| it.service.url == url) {
            let message = format!("{} is connected already.", self.name_of(known));
            return Err(Problem::new(Code::Conflict, message));
        }
        if self.find_key(Plan::Connect(url.clone(), pinned.clone().map(Box::new))).await? {
            self.add(Service::new(url, false, pinned)).await?;
        }
        Ok(())
    }

    /// Shows another service.
    pub(super) fn switch(&mut self, id: ServiceId) -> Result<(), Problem> {
        let number = self.connections.number_of(&id).ok_or_else(unknown_service)?;
        if self.install.shown.as_ref() == Some(&id) {
            return Ok(());
        }
        self.change_install(|install| install.shown = Some(id))?;
        self.tell_contacts();
        self.changed(number, &changes::all());
        Ok(())
    }

    /// Trusts the certificate that the service shows now, if it is the one that the admin looked at.
    pub(super) async fn trust(&mut self, id: &ServiceId, sha256: &str) -> Result<(), Problem> {
        let connection = self.at_service(id)?;
        let number = connection.number;
        let Link::CertificateChanged { found, .. } = &connection.link else {
            return Err(Problem::new(Code::Conflict, "The service shows no other certificate now."));
        };
        if found.sha256 != sha256 {
            return Err(Problem::new(
                Code::Conflict,
                "Meanwhile the service shows yet another certificate. Look at that one.",
            ));
        }
        // One that the system's roots vouch for needs no pin, and may be renewed.
        let pinned = if found.faults.is_empty() { None } else { Some((**found).clone()) };
        let service = Service { pinned, ..connection.service.clone() };
        self.folder.keep_service(&service)?;
        let connection = self.at_service(id)?;
        connection.service = service;
        connection.link = Link::Connecting;
        connection.call();
        self.tell_contacts();
        self.find_standing(number).await;
        Ok(())
    }

    /// Gives a service another name than its organization's.
    pub(super) async fn rename(&mut self, id: &ServiceId, name: Option<String>) -> Result<(), Problem> {
        let connection = self.at_service(id)?;
        connection.given_name.clone_from(&name);
        let store = connection.store.clone();
        self.tell_contacts();
        match store {
            Some(store) => Ok(store.keep_given_name(name).await?),
            None => Ok(()),
        }
    }

    /// Ends a connection and deletes its local copy and session. A service on this computer keeps its own data.
    pub(super) async fn forget(&mut self, id: &ServiceId) -> Result<(), Problem> {
        let Some(number) = self.connections.number_of(id) else { return Ok(()) };
        self.change_install(|install| {
            install.services.retain(|service| service != id);
            if install.shown.as_ref() == Some(id) {
                install.shown = install.services.first().cloned();
            }
        })?;
        self.clear_desk(number);
        self.disconnect(number).await;
        self.connections.0.retain(|it| it.number != number);
        self.tell_contacts();
        if let Some(shown) = self.shown().map(|it| it.number) {
            self.changed(shown, &changes::all());
        }
        self.folder.remove_service(id)
    }

    pub(super) async fn disconnect_all(&mut self) {
        for number in self.connections.numbers() {
            self.disconnect(number).await;
        }
    }

    /// Ends all that runs for the connection and closes its local copy.
    async fn disconnect(&mut self, number: u64) {
        self.keep_fresh(number).await;
        self.close_mirror(number).await;
        let Some(connection) = self.connections.at(number) else { return };
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

    pub(super) fn name_of(&self, connection: &Connected) -> String {
        connection.named().among(self.connections.iter().map(Connected::named))
    }

    /// The connection that the window shows.
    pub(super) fn shown(&self) -> Option<&Connected> {
        shown_of(&self.connections.0, Connected::id, self.install.shown.as_ref())
    }

    pub(super) fn at_service(&mut self, id: &ServiceId) -> Result<&mut Connected, Problem> {
        self.connections.iter_mut().find(|it| it.id() == id).ok_or_else(unknown_service)
    }

    /// The connection to the service on this computer.
    fn embedded(&self) -> Option<u64> {
        self.connections.iter().find(|it| it.service.embedded).map(|it| it.number)
    }

    /// Begins another connection, which is shown.
    async fn add(&mut self, service: Service) -> Result<u64, Problem> {
        let id = service.id.clone();
        let kept = self.folder.keep_service(&service).and_then(|()| {
            self.change_install(|install| {
                install.services.push(id.clone());
                install.shown = Some(id.clone());
            })
        });
        if let Err(problem) = kept {
            if let Err(left) = self.folder.remove_service(&id) {
                tracing::warn!(message = left.message, "a connection that was not begun was not removed");
            }
            return Err(problem);
        }
        let number = self.begin(service).await;
        self.changed(number, &changes::all());
        Ok(number)
    }

    async fn begin(&mut self, service: Service) -> u64 {
        let number = self.next_number();
        let mut connection = Connected::new(service, number, self.clock.now());
        if connection.service.embedded {
            let sidecar = Sidecar {
                program: self.service_program.clone(),
                data_dir: self.folder.embedded_data(),
                ports: connection.service.ports,
                number,
                news: self.channels.sidecar.0.clone(),
                stop: tokio_util::sync::CancellationToken::new(),
            };
            connection.sidecar = Some(Beside::start(|stop| Sidecar { stop, ..sidecar }.run()));
        } else {
            connection.call();
        }
        self.connections.0.push(connection);
        self.tell_contacts();
        if self.access == Access::Open
            && let Err(problem) = self.open_store(number).await
        {
            self.copy_unusable(number, problem).await;
        }
        number
    }

    /// The local copy can't be opened: the connection says so.
    pub(super) async fn copy_unusable(&mut self, number: u64, problem: Problem) {
        tracing::error!(message = problem.message, "the local copy can't be used");
        let now = self.clock.now();
        if let Some(connection) = self.connections.at(number) {
            connection.link = Link::Offline { since: now, why: problem.message };
        }
        self.find_standing(number).await;
    }

    pub(super) fn tell_contacts(&self) {
        let locked = self.access == Access::Locked;
        let contact = |it: &Connected| Contact {
            service: it.id().clone(),
            name: self.name_of(it),
            api: it.signing(self.device_key.as_ref()),
            device: self.install.device.clone(),
            admin: it.admin.as_ref().map(|admin| admin.id.clone()),
            setup_token: it.setup_token.clone(),
            readers: it.store.as_ref().filter(|_| !locked).map(Store::readers),
            mirror: it.mirroring.as_ref().filter(|_| !locked).map(|it| it.mirror.clone()),
            audit: it.store.clone().map(|store| (store, it.audit_asking.clone())),
        };
        self.contacts.send_replace(Contacts {
            locked,
            shown: self.shown().map(|it| it.id().clone()),
            all: self.connections.iter().map(contact).collect(),
        });
    }
}

fn unknown_service() -> Problem {
    Problem::new(Code::NotFound, "This console is no longer connected to that service.")
}

/// An outage goes on, or begins now.
fn offline_since(link: &Link, now: Time) -> Time {
    match link {
        Link::Offline { since, .. } => *since,
        Link::Connecting
        | Link::CatchingUp { .. }
        | Link::Live
        | Link::SignedOut
        | Link::RefusedHere { .. }
        | Link::CertificateChanged { .. } => now,
    }
}
