//! A desktop for the core: what it is asked to show is kept, its keyring holds secrets in memory or is missing.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mailcup_console_core::{
    Clock, Console, ConsolePaths, Host, Keyring, KeyringError, NotificationError, Tray,
};
use mailcup_lab::service::find_program;
use mailcup_wire::{
    ExportId, NewOwner, Problem,
    desktop::{DataChanged, ExportProgress, ExportState, Navigate, Notification, Phase, SetUpRequest, View},
};
use tokio::sync::watch;
use zeroize::Zeroizing;

pub const DEADLINE: Duration = Duration::from_secs(30);

/// Clones are the same desktop.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    view: watch::Sender<Option<View>>,
    shown: watch::Sender<Vec<Notification>>,
    /// Whether it keeps those waiting that ask it to show a notification.
    busy: watch::Sender<bool>,
    /// What it has taken, by key, and whether that is still to be seen.
    screen: watch::Sender<BTreeMap<String, bool>>,
    tray: watch::Sender<Option<Tray>>,
    /// How often it was told that alerts of services that are not shown changed.
    others_told: watch::Sender<u32>,
    exports: watch::Sender<Option<ExportProgress>>,
    asked_for: Mutex<Option<Navigate>>,
    secrets: Mutex<BTreeMap<String, Vec<u8>>>,
    has_keyring: AtomicBool,
    clock: Clock,
}

impl Desk {
    pub fn new() -> Self {
        Self::with_keyring(true)
    }

    pub fn without_keyring() -> Self {
        Self::with_keyring(false)
    }

    fn with_keyring(has_keyring: bool) -> Self {
        Self(Arc::new(Inner {
            view: watch::Sender::new(None),
            shown: watch::Sender::new(Vec::new()),
            busy: watch::Sender::new(false),
            screen: watch::Sender::new(BTreeMap::new()),
            tray: watch::Sender::new(None),
            others_told: watch::Sender::new(0),
            exports: watch::Sender::new(None),
            asked_for: Mutex::default(),
            secrets: Mutex::default(),
            has_keyring: AtomicBool::new(has_keyring),
            clock: Clock::default(),
        }))
    }

    pub fn keyring_is_empty(&self) -> bool {
        self.0.secrets.lock().unwrap().is_empty()
    }

    /// Locks or unlocks the keyring.
    pub fn set_keyring(&self, usable: bool) {
        self.0.has_keyring.store(usable, Ordering::SeqCst);
    }

    /// Starts a core with its data in `folder`.
    pub fn start(&self, folder: &Path) -> Console {
        // Another test may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // What an earlier core showed is over.
        self.0.view.send_replace(None);
        let paths =
            ConsolePaths { data: folder.join("console"), service_program: find_program("mailcupd").unwrap() };
        Console::start_at(paths, self.clone(), self.clock().clone()).unwrap()
    }

    pub async fn view_with(&self, wanted: impl FnMut(&View) -> bool) -> View {
        let mut wanted = wanted;
        let mut view = self.0.view.subscribe();
        let found = view.wait_for(|view| view.as_ref().is_some_and(&mut wanted));
        match tokio::time::timeout(DEADLINE, found).await {
            Ok(view) => view.unwrap().clone().unwrap(),
            Err(elapsed) => {
                panic!("{elapsed}: the view did not become as wanted: {:#?}", *self.0.view.borrow())
            }
        }
    }

    /// The console's clock; the service has its own.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub async fn ready(&self) -> View {
        self.view_with(|view| view.phase == Phase::Ready).await
    }

    pub async fn notification_with(&self, wanted: impl Fn(&Notification) -> bool) -> Notification {
        let mut shown = self.0.shown.subscribe();
        let found = shown.wait_for(|all| all.iter().any(&wanted));
        let all = match tokio::time::timeout(DEADLINE, found).await {
            Ok(all) => all.unwrap().clone(),
            Err(elapsed) => panic!("{elapsed}: no such notification: {:#?}", *self.0.shown.borrow()),
        };
        all.into_iter().find(|notification| wanted(notification)).unwrap()
    }

    /// Waits for more than `count` notifications as wanted.
    pub async fn notification_after(&self, count: usize, wanted: impl Fn(&Notification) -> bool) {
        let mut shown = self.0.shown.subscribe();
        let found = shown.wait_for(|all| all.iter().filter(|it| wanted(it)).count() > count);
        if let Err(elapsed) = tokio::time::timeout(DEADLINE, found).await {
            panic!("{elapsed}: no further notification: {:#?}", *self.0.shown.borrow());
        }
    }

    /// How an export ended.
    pub async fn export_ended(&self, id: &ExportId) -> ExportProgress {
        let mut exports = self.0.exports.subscribe();
        let ended = |it: &ExportProgress| it.id == *id && it.state != ExportState::Running;
        let ended = exports.wait_for(|progress| progress.as_ref().is_some_and(ended));
        match tokio::time::timeout(DEADLINE, ended).await {
            Ok(progress) => progress.unwrap().clone().unwrap(),
            Err(elapsed) => panic!("{elapsed}: the export did not end: {:#?}", *self.0.exports.borrow()),
        }
    }

    pub async fn tray_with(&self, wanted: impl Fn(&Tray) -> bool) -> Tray {
        let mut tray = self.0.tray.subscribe();
        let found = tray.wait_for(|tray| tray.as_ref().is_some_and(&wanted));
        match tokio::time::timeout(DEADLINE, found).await {
            Ok(tray) => tray.unwrap().clone().unwrap(),
            Err(elapsed) => panic!("{elapsed}: the tray is {:#?}", *self.0.tray.borrow()),
        }
    }

    pub fn tray(&self) -> Tray {
        self.0.tray.borrow().clone().unwrap()
    }

    pub fn others_told(&self) -> u32 {
        *self.0.others_told.borrow()
    }

    pub async fn others_told_after(&self, times: u32) {
        let mut told = self.0.others_told.subscribe();
        let again = told.wait_for(|now| *now > times);
        tokio::time::timeout(DEADLINE, again).await.expect("another service's alerts changed").unwrap();
    }

    /// The page that the core asked for last.
    pub fn asked_for(&self) -> Option<Navigate> {
        self.0.asked_for.lock().unwrap().clone()
    }

    pub fn set_busy(&self, busy: bool) {
        self.0.busy.send_replace(busy);
    }

    /// Waits until a notification was there and is so no longer.
    pub async fn taken_away(&self, key: &str) {
        let mut screen = self.0.screen.subscribe();
        let gone = screen.wait_for(|screen| screen.get(key) == Some(&false));
        if let Err(elapsed) = tokio::time::timeout(DEADLINE, gone).await {
            panic!("{elapsed}: on the screen are {:#?}", *self.0.screen.borrow());
        }
    }

    pub fn notifications(&self) -> Vec<Notification> {
        self.0.shown.borrow().clone()
    }
}

impl Host for Desk {
    fn push_view(&self, view: View) {
        self.0.view.send_replace(Some(view));
    }

    fn push_data_changed(&self, changed: DataChanged) {
        self.0.others_told.send_modify(|times| *times += u32::from(changed.other_alerts));
    }

    fn push_export_progress(&self, progress: ExportProgress) {
        self.0.exports.send_replace(Some(progress));
    }

    fn navigate(&self, navigate: Navigate) {
        *self.0.asked_for.lock().unwrap() = Some(navigate);
    }

    async fn show_notification(&self, notification: Notification) -> Result<(), NotificationError> {
        let key = notification.key.clone();
        self.0.shown.send_modify(|all| all.push(notification));
        self.0.busy.subscribe().wait_for(|busy| !busy).await.unwrap();
        self.0.screen.send_modify(|screen| {
            screen.insert(key, true);
        });
        Ok(())
    }

    fn close_notification(&self, key: &str) {
        self.0.screen.send_modify(|screen| {
            if let Some(is_there) = screen.get_mut(key) {
                *is_there = false;
            }
        });
    }

    fn set_tray(&self, tray: Tray) {
        self.0.tray.send_replace(Some(tray));
    }

    fn set_start_at_login(&self, _on: bool) -> Result<(), Problem> {
        Ok(())
    }
}

impl Keyring for Desk {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        self.keyring()?;
        Ok(self.0.secrets.lock().unwrap().get(name).cloned().map(Zeroizing::new))
    }

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
        self.keyring()?;
        self.0.secrets.lock().unwrap().insert(name.to_owned(), secret.to_vec());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), KeyringError> {
        self.keyring()?;
        self.0.secrets.lock().unwrap().remove(name);
        Ok(())
    }
}

impl Desk {
    fn keyring(&self) -> Result<(), KeyringError> {
        if self.0.has_keyring.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(KeyringError::None("not on this desktop".into()))
        }
    }
}

/// The first run with a service on this computer, up to the ready console.
pub async fn set_up(console: &Console) {
    console.start_embedded().await.unwrap();
    let codes = console.set_up(request()).await.unwrap();
    assert_eq!(codes.codes.len(), 10);
}

pub fn request() -> SetUpRequest {
    SetUpRequest {
        token: None,
        organization: "Example".into(),
        domains: vec!["example.org".into()],
        owner: NewOwner {
            login: "olga@example.org".into(),
            name: "Olga Owner".into(),
            email: "olga@example.net".into(),
            password: "a long password for the owner".into(),
        },
    }
}
