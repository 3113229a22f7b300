//! The actor that owns all state of the console. It never waits for the network: what does runs beside it and
//! reports.

mod access;
mod alerting;
mod beside;
mod connection;
mod request;

use std::{path::PathBuf, sync::Arc, time::Duration};

use mailcup_wire::{
    Problem, ServiceId, Time,
    desktop::{Certificate, DataChanged, Navigate, View},
};
use tokio::sync::{mpsc, oneshot, watch};

pub use self::{
    access::locked,
    beside::Beside,
    request::{Contact, Contacts, DraftStep, Request},
};
use self::{
    alerting::Posted,
    connection::{Connected, Connections, Said},
};
use crate::{
    Clock, Host, changes,
    device_key::DeviceKey,
    host::Tray,
    key::ConsoleKey,
    profile::{Folder, Install},
    sidecar::SidecarNews,
    sync::News,
    view::{Access, Situation},
};

const TICK: Duration = Duration::from_millis(500);
const PUSH_CHANGES_EVERY: Duration = Duration::from_millis(100);
const QUEUE: usize = 64;

pub struct Controller<H: Host> {
    host: Arc<H>,
    clock: Clock,
    folder: Folder,
    service_program: PathBuf,
    install: Install,
    key: Option<ConsoleKey>,
    /// Signs requests, also while the console is locked.
    device_key: Option<DeviceKey>,
    access: Access,
    can_lock: bool,
    connections: Connections,
    /// What waits for a key.
    waiting: Option<Plan>,
    /// Whether notifications were held back a moment ago.
    quiet: bool,
    /// The last number that a connection, sync or copy was given; none is given twice.
    numbers: u64,
    contacts: watch::Sender<Contacts>,
    channels: Channels,
    pushed_view: Option<View>,
    pushed_tray: Option<Tray>,
    unpushed: Option<DataChanged>,
}

/// What was about to happen when it turned out that there is no key.
enum Plan {
    StartEmbedded,
    Connect(url::Url, Option<Box<Certificate>>),
    Resume,
}

/// Ends of what runs beside the actor. What comes from a former connection, sync or copy carries its number and
/// is passed over.
struct Channels {
    news: Ends<(u64, News)>,
    sidecar: Ends<(u64, SidecarNews)>,
    said: Ends<(u64, Said)>,
    posted: Ends<Posted>,
}

type Ends<T> = (mpsc::Sender<T>, mpsc::Receiver<T>);

impl<H: Host> Controller<H> {
    pub fn new(
        host: Arc<H>,
        clock: Clock,
        folder: Folder,
        service_program: PathBuf,
    ) -> Result<Self, Problem> {
        let install = folder.install()?;
        Ok(Self {
            host,
            clock,
            folder,
            service_program,
            install,
            key: None,
            device_key: None,
            access: Access::Open,
            can_lock: false,
            connections: Connections::default(),
            waiting: None,
            numbers: 0,
            quiet: false,
            contacts: watch::Sender::new(Contacts::default()),
            channels: Channels {
                news: mpsc::channel(QUEUE),
                sidecar: mpsc::channel(QUEUE),
                said: mpsc::channel(QUEUE),
                posted: mpsc::channel(QUEUE),
            },
            pushed_view: None,
            pushed_tray: None,
            unpushed: None,
        })
    }

    pub fn contacts(&self) -> watch::Receiver<Contacts> {
        self.contacts.subscribe()
    }

    /// Runs until every handle is gone or one asks for the end.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        self.resume().await;
        let mut tick = tokio::time::interval(TICK);
        let mut push_changes = tokio::time::interval(PUSH_CHANGES_EVERY);
        push_changes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.push();
            let due = self.until_next_post();
            tokio::select! {
                request = requests.recv() => match request {
                    None => break,
                    Some(Request::ShutDown(reply)) => {
                        self.end().await;
                        let _ = reply.send(());
                        return;
                    }
                    Some(request) => self.answer(request).await,
                },
                Some((round, news)) = self.channels.news.1.recv() => self.hear_news(round, news).await,
                Some((number, news)) = self.channels.sidecar.1.recv() => self.hear_sidecar(number, news).await,
                Some((round, said)) = self.channels.said.1.recv() => self.hear_said(round, said).await,
                Some(posted) = self.channels.posted.1.recv() => self.hear_posted(posted).await,
                () = tokio::time::sleep(due.unwrap_or(TICK)), if due.is_some() => self.post_due(),
                _ = push_changes.tick(), if self.unpushed.is_some() => self.push_changes(),
                _ = tick.tick() => self.tick().await,
            }
        }
        self.end().await;
    }

    async fn end(&mut self) {
        self.hear_last_posted().await;
        self.disconnect_all().await;
    }

    async fn answer(&mut self, request: Request) {
        match request {
            Request::View(reply) => respond(reply, self.view()),
            Request::OwnAlerts(reply) => respond(reply, self.own_alerts()),
            Request::StartEmbedded(reply) => self.start_embedded(Some(reply)).await,
            Request::Connect(url, pinned, reply) => respond(reply, self.connect(url, pinned).await),
            Request::Trust(id, sha256, reply) => respond(reply, self.trust(&id, &sha256).await),
            Request::Switch(id, reply) => respond(reply, self.switch(id)),
            Request::Rename(id, name, reply) => respond(reply, self.rename(&id, name).await),
            Request::Forget(id, reply) => respond(reply, self.forget(&id).await),
            Request::KeyToChoose(reply) => respond(reply, self.key_to_choose().await),
            Request::KeyChosen(key, reply) => respond(reply, self.key_chosen(key).await),
            Request::Challenged(id, challenge, reply) => {
                self.challenged(&id, challenge);
                respond(reply, ());
            }
            Request::Challenge(id, reply) => respond(reply, self.challenge(&id)),
            Request::SignedIn(id, grant, reply) => respond(reply, self.signed_in(&id, *grant).await),
            Request::SignedOut(id, reply) => respond(reply, self.signed_out(&id).await),
            Request::Lock(reply) => respond(reply, self.lock().await),
            Request::Unlock(key, reply) => respond(reply, self.unlock(key).await),
            Request::Key(reply) => respond(reply, self.key_to_seal().await),
            Request::PassphraseSet(reply) => respond(reply, self.passphrase_set().await),
            Request::PassphraseRemoved(key, reply) => respond(reply, self.passphrase_removed(key).await),
            Request::Preferences(reply) => respond(reply, self.install.preferences.clone()),
            Request::SetPreferences(preferences, reply) => respond(reply, self.set_preferences(preferences)),
            Request::Pause(pause, reply) => respond(reply, self.pause(&pause).await),
            Request::ChangeViews(id, change, reply) => {
                respond(reply, self.change_views(&id, change).await);
            }
            Request::Drafts(id, step, reply) => respond(reply, self.take_draft_step(&id, step).await),
            Request::PolicyTold(id, items, reply) => respond(reply, self.policy_told(&id, items).await),
            Request::Dismiss(id, notice, reply) => respond(reply, self.dismiss(&id, notice).await),
            Request::NotificationPressed(key, action, reply) => {
                respond(reply, self.notification_pressed(&key, action).await);
            }
            Request::NotificationDismissed(key, reply) => {
                self.notification_dismissed(&key);
                respond(reply, ());
            }
            Request::Show(service, page, reply) => {
                self.navigate(service, page);
                respond(reply, ());
            }
            // Answered by `run`, which ends with it.
            Request::ShutDown(reply) => respond(reply, ()),
        }
    }

    /// Changes what is kept of this install: on disk first, so that what can't be kept did not happen.
    fn change_install(&mut self, change: impl FnOnce(&mut Install)) -> Result<(), Problem> {
        let mut changed = self.install.clone();
        change(&mut changed);
        self.folder.keep_install(&changed)?;
        self.install = changed;
        Ok(())
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn situation(&self) -> Situation {
        Situation {
            access: self.access.clone(),
            can_lock: self.can_lock,
            connections: self.connections.iter().map(Connected::view).collect(),
            shown: self.install.shown.clone(),
            paused_until: self.install.paused_until,
            data_folder: self.folder.path().display().to_string(),
        }
    }

    fn view(&self) -> View {
        self.situation().view(self.clock.now())
    }

    /// Pushes view and tray where they changed.
    fn push(&mut self) {
        let (situation, now) = (self.situation(), self.clock.now());
        let view = situation.view(now);
        if self.pushed_view.as_ref() != Some(&view) {
            self.host.push_view(view.clone());
            self.pushed_view = Some(view);
        }
        let tray = situation.tray(now);
        if self.pushed_tray.as_ref() != Some(&tray) {
            self.host.set_tray(tray.clone());
            self.pushed_tray = Some(tray);
        }
    }

    /// Parts of a connection's local copy changed.
    fn changed(&mut self, number: u64, changed: &DataChanged) {
        let is_shown = self.shown().is_some_and(|it| it.number == number);
        let elsewhere = DataChanged { other_alerts: changed.alerts, ..DataChanged::default() };
        let changed = if is_shown { changed } else { &elsewhere };
        if *changed == DataChanged::default() {
            return;
        }
        changes::add(self.unpushed.get_or_insert_default(), changed);
    }

    fn push_changes(&mut self) {
        if let Some(changed) = self.unpushed.take() {
            self.host.push_data_changed(changed);
        }
    }

    fn navigate(&self, service: Option<ServiceId>, to: impl Into<String>) {
        self.host.navigate(Navigate { to: to.into(), service });
    }

    async fn tick(&mut self) {
        self.tick_alerting().await;
        for number in self.connections.numbers() {
            self.tick_connection(number).await;
        }
    }
}

/// Whoever asked may be gone, which is fine.
fn respond<T>(reply: oneshot::Sender<T>, answer: T) {
    let _ = reply.send(answer);
}

/// The time `millis` milliseconds later.
fn later(time: Time, millis: i64) -> Time {
    Time::from_millis(time.as_millis().saturating_add(millis))
}
