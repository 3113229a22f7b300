use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

macro_rules! text_id {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

text_id! {
    /// Names an admin for as long as the service lives; a login may change, this does not.
    AdminId,
    /// Names an alert.
    AlertId,
    /// Names an API key; the key itself is shown once and never leaves the service again.
    ApiKeyId,
    /// Names an app password; the password itself is shown once and never leaves the service again.
    AppPasswordId,
    /// Names a block.
    BlockId,
    /// Names an access rule.
    RuleId,
    /// Names a sending limit.
    LimitId,
    /// Names a change that returns by itself unless it is kept.
    TrialId,
    /// Names an invitation; not its code.
    InvitationId,
    /// Names one second factor of an admin.
    FactorId,
    /// Names a piece of long work on the backups.
    BackupJobId,
    /// Names a further place to which the repository of backups is copied.
    BackupTargetId,
    /// Names a snapshot: 64 hexadecimal digits, as restic shows it.
    SnapshotId,
    /// Names an export of events to a file.
    ExportId,
    /// Names a connection of a console to a service; no service knows it.
    ServiceId,
    /// Names a device: its key's thumbprint (RFC 7638), or what it called itself where it has no key; of an account's
    /// browser, what the service calls it in its cookie.
    DeviceId,
    /// Names a session; not the bearer token.
    SessionId,
    /// Names a sign-in that waits for its second factor.
    ChallengeId,
    /// An account's or admin's login, in lower case (`anna@example.org`).
    Login,
    /// One unbroken run of a service's event log. A service begins a new one at every start, so that a
    /// restored older copy never continues numbers that a console has already seen.
    Epoch,
}

/// Where an event stands: `EPOCH:SEQ`. `seq` counts from 1 without gaps over the life of the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId {
    pub epoch: Epoch,
    pub seq: u64,
}

crate::described_as_text!(EventId, None, "0192f0c4b7a1e5d3:4711");

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

/// The text is not an event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event id reads EPOCH:SEQ, for example 0192f0c4b7a1e5d3:4711")]
pub struct EventIdError;

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once(':').ok_or(EventIdError)?;
        if epoch.is_empty() || epoch.len() > 32 || !epoch.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(EventIdError);
        }
        Ok(Self { epoch: Epoch(epoch.to_owned()), seq: seq.parse().map_err(|_| EventIdError)? })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_read_back_what_they_write() {
        let id: EventId = "0192f0c4b7a1e5d3:4711".parse().unwrap();
        assert_eq!(id.seq, 4711);
        assert_eq!(id.to_string(), "0192f0c4b7a1e5d3:4711");
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""0192f0c4b7a1e5d3:4711""#);
    }

    #[test]
    fn event_ids_refuse_what_is_not_one() {
        for text in ["", ":", "a:", ":1", "a:b", "a:-1", "a b:1", "a:18446744073709551616"] {
            assert_eq!(text.parse::<EventId>(), Err(EventIdError), "{text:?}");
        }
    }
}
