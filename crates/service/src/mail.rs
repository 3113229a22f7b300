//! Mail that the service sends: what it says ([`text`]) and how it leaves ([`Transport`]).

pub mod notice;
pub mod text;
mod transport;

pub use transport::{Credentials, RelaySecurity, SendError, Transport, TransportConfig};

/// A mail to one person, in plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// An address, without a name.
    pub to: String,
    pub subject: String,
    pub body: String,
}

impl std::fmt::Debug for Mail {
    /// Says nothing of the content: it may hold a one-time code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}
