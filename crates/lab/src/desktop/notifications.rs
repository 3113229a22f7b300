//! A notification server (Desktop Notifications Specification 1.2) that remembers what it was asked to show.
#![expect(clippy::unused_self, reason = "methods of a D-Bus interface take self")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use zbus::{Connection, interface, object_server::SignalEmitter, zvariant::OwnedValue};

use crate::{LabError, wait};

const PATH: &str = "/org/freedesktop/Notifications";

/// One call to `Notify`.
#[derive(Debug, Clone)]
pub struct Notification {
    /// What the server answered.
    pub id: u32,
    /// The id of the notification that this one replaces, or 0.
    pub replaces: u32,
    pub app: String,
    pub icon: String,
    pub summary: String,
    pub body: String,
    /// Key and label of each.
    pub actions: Vec<(String, String)>,
    pub hints: BTreeMap<String, OwnedValue>,
    /// Milliseconds; -1 leaves it to the server, 0 is never.
    pub expire_timeout: i32,
    /// When the call came in.
    pub at: Instant,
}

impl Notification {
    pub fn has_action(&self, key: &str) -> bool {
        self.actions.iter().any(|(known, _)| known == key)
    }
}

/// Why a notification went away, by its number in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    Expired = 1,
    DismissedByUser = 2,
    ClosedByCall = 3,
}

/// The user's side of the server: what was shown, and what the user does about it.
#[derive(Debug, Clone)]
pub struct Notifications {
    log: Arc<Mutex<Log>>,
    signals: SignalEmitter<'static>,
}

impl Notifications {
    /// Every call so far, oldest first.
    pub fn calls(&self) -> Vec<Notification> {
        self.log().calls.clone()
    }

    /// What stands on the screen now: the newest call of each notification that was not closed.
    pub fn shown(&self) -> Vec<Notification> {
        let log = self.log();
        let newest = |id: &u32| log.calls.iter().rev().find(|call| call.id == *id).cloned();
        log.open.iter().filter_map(newest).collect()
    }

    /// Waits for a call that is wanted, among those before as well, and gives the newest one.
    pub async fn await_one(
        &self,
        deadline: Duration,
        wanted: impl Fn(&Notification) -> bool,
    ) -> Result<Notification, LabError> {
        let found = wait::until("no such notification was shown", deadline, async || {
            self.log().calls.iter().rev().find(|call| wanted(call)).cloned()
        });
        found.await.map_err(|error| error.with_evidence(&format!("shown: {:#?}", self.log().calls)))
    }

    /// Presses a button, or the notification itself with the key `default`; it then closes.
    pub async fn invoke(&self, id: u32, key: &str) -> Result<(), LabError> {
        Server::action_invoked(&self.signals, id, key).await?;
        self.close(id, CloseReason::DismissedByUser).await
    }

    /// Presses a button until it is done: a program hears of it only once it knows that its notification is there.
    pub async fn press(
        &self,
        id: u32,
        key: &str,
        deadline: Duration,
        is_done: impl AsyncFn() -> bool,
    ) -> Result<(), LabError> {
        wait::until(&format!("“{key}” does nothing"), deadline, async || {
            Server::action_invoked(&self.signals, id, key).await.ok()?;
            is_done().await.then_some(())
        })
        .await?;
        self.close(id, CloseReason::DismissedByUser).await
    }

    pub async fn close(&self, id: u32, reason: CloseReason) -> Result<(), LabError> {
        self.log().open.retain(|open| *open != id);
        Ok(Server::notification_closed(&self.signals, id, reason as u32).await?)
    }

    /// Forgets the calls so far; what is on the screen stays.
    pub fn forget(&self) {
        let mut log = self.log();
        let open = log.open.clone();
        let mut newest = BTreeMap::new();
        for call in log.calls.drain(..).filter(|call| open.contains(&call.id)) {
            newest.insert(call.id, call);
        }
        log.calls = newest.into_values().collect();
    }

    pub(super) async fn serve(connection: &Connection) -> Result<Self, LabError> {
        let log = Arc::new(Mutex::new(Log::default()));
        connection.object_server().at(PATH, Server { log: Arc::clone(&log) }).await?;
        let signals = SignalEmitter::new(connection, PATH)?;
        connection.request_name("org.freedesktop.Notifications").await?;
        Ok(Self { log, signals })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Log {
    calls: Vec<Notification>,
    /// In the order in which they first appeared.
    open: Vec<u32>,
    last_id: u32,
}

#[derive(Debug)]
struct Server {
    log: Arc<Mutex<Log>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[expect(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "the specification's signature"
    )]
    fn notify(
        &self,
        app_name: String,
        replaces_id: u32,
        app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expire_timeout: i32,
    ) -> u32 {
        let at = Instant::now();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let id = if replaces_id == 0 {
            log.last_id += 1;
            log.last_id
        } else {
            replaces_id
        };
        if !log.open.contains(&id) {
            log.open.push(id);
        }
        log.calls.push(Notification {
            id,
            replaces: replaces_id,
            app: app_name,
            icon: app_icon,
            summary,
            body,
            actions: actions.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
            hints: hints.into_iter().collect(),
            expire_timeout,
            at,
        });
        id
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).open.retain(|open| *open != id);
        Self::notification_closed(&emitter, id, CloseReason::ClosedByCall as u32).await?;
        Ok(())
    }

    fn get_capabilities(&self) -> Vec<&'static str> {
        vec!["actions", "body", "body-markup", "persistence"]
    }

    fn get_server_information(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        ("mailcup-lab", "MailCup", env!("CARGO_PKG_VERSION"), "1.2")
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action_key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
