//! Why a place elsewhere doesn't do what is asked, so that a person sees what to mend.

use std::fmt;
use std::io;

/// What stands between us and a place elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The host's name is known to no name server.
    Unresolved,
    /// Nobody listens there.
    Refused,
    TimedOut,
    /// The certificate isn't trusted, or there is no TLS.
    Untrusted,
    /// The SSH host shows another key than it should.
    HostKey {
        found: String,
    },
    /// User, password or key are wrong.
    Login,
    NoBucket,
    /// It may be read, and not be written.
    NotWritable,
}

/// An [`Obstacle`] with what was said of it, as an [`io::Error`] holds it.
#[derive(Debug)]
struct Said {
    obstacle: Obstacle,
    said: String,
}

impl Obstacle {
    pub(crate) fn error(self, said: impl Into<String>) -> io::Error {
        let kind = match &self {
            Self::Unresolved => io::ErrorKind::HostUnreachable,
            Self::Refused => io::ErrorKind::ConnectionRefused,
            Self::TimedOut => io::ErrorKind::TimedOut,
            Self::Untrusted | Self::HostKey { .. } | Self::Login | Self::NoBucket => io::ErrorKind::Other,
            Self::NotWritable => io::ErrorKind::PermissionDenied,
        };
        io::Error::new(kind, Said { obstacle: self, said: said.into() })
    }

    /// The obstacle that an error tells of.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref::<Said>().map(|said| &said.obstacle)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.obstacle {
            Obstacle::Unresolved => f.write_str("no name server knows the host")?,
            Obstacle::Refused => f.write_str("nobody listens there")?,
            Obstacle::TimedOut => f.write_str("no answer came in time")?,
            Obstacle::Untrusted => f.write_str("no TLS that can be trusted came about")?,
            Obstacle::HostKey { found } => {
                write!(f, "the host shows the key {found}, which isn't the one that is to be trusted")?;
            }
            Obstacle::Login => f.write_str("the login was refused")?,
            Obstacle::NoBucket => f.write_str("there is no such bucket")?,
            Obstacle::NotWritable => f.write_str("writing is not allowed there")?,
        }
        if self.said.is_empty() { Ok(()) } else { write!(f, ": {}", self.said) }
    }
}

impl std::error::Error for Said {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_obstacle_and_what_was_said() {
        let error = Obstacle::Login.error("403 Forbidden");
        assert_eq!(Obstacle::of(&error), Some(&Obstacle::Login));
        assert_eq!(error.to_string(), "the login was refused: 403 Forbidden");
        assert_eq!(Obstacle::of(&io::ErrorKind::NotFound.into()), None);
    }
}
