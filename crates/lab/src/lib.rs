//! Real mail servers, a real desktop and lifelike traffic for tests and demonstrations.
//!
//! Nothing here is a mock: [`mail_servers`] runs Postfix and Dovecot, [`clients`] speaks IMAP, POP3, SMTP
//! and `ManageSieve` to them. Everything lies in its own temporary folder, listens on free loopback ports and
//! ends with the value that started it, also when the test process is killed.

pub mod certificate;
pub mod clients;
pub mod desktop;
mod error;
pub mod letters;
pub mod mail_servers;
pub mod moved_clock;
pub mod nginx;
pub mod outbox;
pub mod places;
mod ports;
mod process;
pub mod roundcube;
pub mod security_key;
pub mod service;
pub mod small_disk;
pub mod stage;
pub mod storage_servers;
pub mod traffic;
pub mod wait;

pub use error::LabError;
pub use ports::free_port;
