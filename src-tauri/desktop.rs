use mailcup_console_core::{Console, Host, Keyring, KeyringError, NotificationError, Tray};
use mailcup_wire::desktop::{DataChanged, ExportProgress, Navigate, Notification, View};
use mailcup_wire::{Code, Problem};
use tauri::{AppHandle, Manager};
use tauri_plugin_autostart::ManagerExt as _;
use tauri_specta::Event as _;
use zeroize::Zeroizing;

use crate::events::{ExportMoved, LocalCopyChanged, ViewPushed};
use crate::notifications::{Response, Screen};
use crate::{keyring, tray};

/// This desktop, as the core asks things of it.
pub struct Desktop {
    app: AppHandle,
    screen: Screen,
}

impl Desktop {
    pub fn new(app: AppHandle) -> Self {
        Self { app, screen: Screen::default() }
    }
}

impl Host for Desktop {
    fn push_view(&self, view: View) {
        told(ViewPushed(view).emit(&self.app));
    }

    fn push_data_changed(&self, changed: DataChanged) {
        told(LocalCopyChanged(changed).emit(&self.app));
    }

    fn push_export_progress(&self, progress: ExportProgress) {
        told(ExportMoved(progress).emit(&self.app));
    }

    fn navigate(&self, navigate: Navigate) {
        let app = self.app.clone();
        told(self.app.run_on_main_thread(move || tray::go(&app, navigate)));
    }

    async fn show_notification(&self, notification: Notification) -> Result<(), NotificationError> {
        let app = self.app.clone();
        self.screen.show(&notification, move |key, response| hand_on(&app, key, response)).await
    }

    fn close_notification(&self, key: &str) {
        self.screen.close(key);
    }

    fn set_tray(&self, tray: Tray) {
        let app = self.app.clone();
        told(self.app.run_on_main_thread(move || tray::draw(&app, &tray)));
    }

    fn set_start_at_login(&self, on: bool) -> Result<(), Problem> {
        let starts = self.app.autolaunch();
        if starts.is_enabled().unwrap_or(false) == on {
            return Ok(());
        }
        let changed = if on { starts.enable() } else { starts.disable() };
        changed.map_err(|error| {
            Problem::new(
                Code::Unavailable,
                format!("The desktop did not change what starts at login: {error}."),
            )
        })
    }
}

impl Keyring for Desktop {
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        keyring::get(name)
    }

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
        keyring::set(name, secret)
    }

    fn delete(&self, name: &str) -> Result<(), KeyringError> {
        keyring::delete(name)
    }
}

/// Gives the core what the admin did with a notification.
fn hand_on(app: &AppHandle, key: &str, response: Response) {
    let Some(console) = app.try_state::<Console>().map(|state| state.inner().clone()) else { return };
    let key = key.to_owned();
    tauri::async_runtime::spawn(async move {
        match response {
            Response::Pressed(action) => console.notification_pressed(key, action).await,
            Response::Dismissed => console.notification_dismissed(key).await,
        }
    });
}

fn told(result: tauri::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the desktop did not take what the core sent");
    }
}
