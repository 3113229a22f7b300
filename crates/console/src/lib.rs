//! The desktop core of MailCup Console: everything but the window. One actor owns all state; a [`Console`] is a
//! handle to it with one method for each command of [`mailcup_wire::desktop`]. What belongs to the operating
//! system (window, tray, notifications, keyring) is behind [`Host`].

mod api;
mod audit;
mod blocking;
mod changes;
mod clock;
mod console;
mod controller;
mod device_key;
mod draft;
mod export;
mod host;
mod import;
mod inbox;
mod key;
mod log_files;
mod mirror;
mod naming;
mod notify;
mod profile;
mod review;
mod sidecar;
mod sse;
#[cfg(test)]
mod stand_in;
mod store;
mod sync;
mod trust;
mod view;

pub use clock::Clock;
pub use console::{Console, ConsolePaths};
pub use mailcup_policy::risk_thresholds;

pub use host::{Host, Keyring, KeyringError, NotificationError, Tray, TrayAlert};

/// The local copy alone, for its benchmark.
#[doc(hidden)]
pub mod local_copy {
    pub use crate::{
        key::{ConsoleKey, StoreKey},
        store::{Question, Readers, SendingReplay, Store, Watch},
    };
}

/// How messages of snapshots are read, for its fuzz target.
#[doc(hidden)]
pub mod shown_mail {
    pub use crate::review::message::{attachment, head, letter, words};
}

/// The review of snapshots alone, for its benchmark.
#[doc(hidden)]
pub mod reviewed {
    pub use crate::review::{MailIndex, Review};
}
