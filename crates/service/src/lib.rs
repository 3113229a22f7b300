//! mailcupd: the service that sees every sign-in, decides on it, remembers it and tells the consoles.

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod event_log;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod log;
pub mod mail;
pub mod mail_servers;
pub mod outbox;
pub mod policy;
pub mod secrets;
pub mod server;
pub mod sessions;
pub mod settings;
pub mod snippet;
pub mod store;
pub mod stream;
