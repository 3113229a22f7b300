use std::future::Future;

use mailcup_wire::{
    AlertId, Problem, ServiceId, Severity,
    desktop::{DataChanged, ExportProgress, Navigate, Notification, TrayState, View},
};
use zeroize::Zeroizing;

/// What the core asks of the desktop. Calls return soon; the core makes them from its own task.
pub trait Host: Keyring {
    fn push_view(&self, view: View);

    fn push_data_changed(&self, changed: DataChanged);

    fn push_export_progress(&self, progress: ExportProgress);

    /// Brings the window forward at a page.
    fn navigate(&self, navigate: Navigate);

    /// Shows a notification, or updates the one with its key in place. Ready once the desktop took it.
    fn show_notification(
        &self,
        notification: Notification,
    ) -> impl Future<Output = Result<(), NotificationError>> + Send;

    /// Takes a notification away; none with this key is fine.
    fn close_notification(&self, key: &str);

    fn set_tray(&self, tray: Tray);

    /// Whether the console starts when its user signs in to the desktop.
    fn set_start_at_login(&self, on: bool) -> Result<(), Problem>;
}

/// The desktop's store of secrets. Calls may block.
pub trait Keyring: Send + Sync + 'static {
    /// None if there is no such secret. Some keyrings say so while they are locked, too.
    fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError>;

    fn set(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError>;

    /// No such secret is fine.
    fn delete(&self, name: &str) -> Result<(), KeyringError>;
}

/// Why the keyring keeps no secret for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("this desktop has no keyring ({0})")]
    None(String),
    #[error("the desktop's keyring is locked or takes no secrets ({0})")]
    Locked(String),
}

/// The desktop did not take a notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the desktop did not take the notification: {0}")]
pub struct NotificationError(pub String);

/// What the tray icon and its menu show.
#[derive(Debug, Clone, PartialEq)]
pub struct Tray {
    pub state: TrayState,
    /// One line: "All is well", "2 open alerts".
    pub status: String,
    /// The newest open alerts of all services, at most five; none while locked.
    pub alerts: Vec<TrayAlert>,
    pub paused: bool,
    pub can_lock: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TrayAlert {
    pub service: ServiceId,
    pub id: AlertId,
    /// Names the service where there are several.
    pub title: String,
    pub severity: Severity,
}
