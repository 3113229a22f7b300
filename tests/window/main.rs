//! The whole product: the real window on a real desktop, the real service, real mail servers.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod backups;
mod crashes;
mod drafts;
mod first_alert;
mod first_run;
mod hidden;
mod keyboard;
mod lock_out;
mod locked_and_offline;
mod page;
mod pictures;
mod reports;
mod services;
mod story;
