//! The desktop shell: window, tray, notifications, keyring, start at login. It is the only place that knows
//! Tauri, and decides nothing: the desktop core does.

mod arguments;
mod boundary;
mod commands;
mod desktop;
#[cfg(target_os = "linux")]
mod drawing;
mod events;
mod files;
mod here;
mod keyring;
mod log;
mod notifications;
mod start;
mod tray;
mod window;

pub use start::run;
