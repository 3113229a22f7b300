//! The numbers and bytes under which values stand in rows. They never change.

use std::net::{IpAddr, Ipv6Addr};

use mailcup_wire::{
    AccountOrigin, AlertState, BackupWork, EventKind, FactorKind, MailServerKind, NoticeMode, Outcome,
    Protocol, Role, SubmissionOutcome,
};

/// A value that stands in a row as a small number.
pub trait RowCode: Sized + 'static {
    /// Every value that there is.
    const ALL: &'static [Self];

    fn code(self) -> i16;
    fn from_code(code: i16) -> Option<Self>;
}

macro_rules! row_codes {
    ($($type:ident { $($variant:ident = $code:literal),* $(,)? })*) => {$(
        impl RowCode for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn code(self) -> i16 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            fn from_code(code: i16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

row_codes! {
    EventKind { SignIn = 1, Submission = 2, Alert = 3, Block = 4, Account = 5, Admin = 6, System = 7, Policy = 8 }
    Protocol { Web = 1, Api = 2, Imap = 3, Pop3 = 4, Submission = 5, Sieve = 6 }
    // Outcomes of sign-ins and of submissions share one column.
    Outcome { Succeeded = 1, Failed = 2, Refused = 3, Challenged = 4 }
    SubmissionOutcome { Accepted = 11, Deferred = 12, Held = 13, Rejected = 14, Abandoned = 15 }
    AlertState { Open = 1, Acknowledged = 2, Resolved = 3 }
    AccountOrigin { ByHand = 1, Imported = 2, Discovered = 3 }
    MailServerKind { Dovecot = 1, Postfix = 2 }
    Role { Auditor = 1, Admin = 2, Owner = 3 }
    FactorKind { Email = 1, Authenticator = 2, RecoveryCode = 3, Passkey = 4 }
    BackupWork { BackUp = 1, ProveNames = 2, ProveStructure = 3, ProveData = 4, Drill = 5, Restore = 6, Copy = 7, ProveCopy = 8 }
    NoticeMode { Every = 1, NewNetworks = 2, Daily = 3, Off = 4 }
}

/// An address as 16 bytes, IPv4 as IPv4-mapped IPv6, so that a network is a range of bytes.
pub fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address that [`address_bytes`] wrote.
pub fn address_from_bytes(bytes: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 16] = bytes.try_into().ok()?;
    Some(Ipv6Addr::from(octets).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back<T: RowCode + Copy + PartialEq + std::fmt::Debug>() {
        for value in T::ALL {
            assert_eq!(T::from_code(value.code()), Some(*value));
        }
    }

    #[test]
    fn every_code_is_read_back_as_what_it_was_written_for() {
        read_back::<EventKind>();
        read_back::<Protocol>();
        read_back::<Outcome>();
        read_back::<SubmissionOutcome>();
        read_back::<AlertState>();
        read_back::<AccountOrigin>();
        read_back::<MailServerKind>();
        read_back::<Role>();
        read_back::<NoticeMode>();
        read_back::<FactorKind>();
        let shared = |outcome: &Outcome| SubmissionOutcome::from_code(outcome.code()).is_some();
        assert!(!Outcome::ALL.iter().any(shared), "both stand in one column");
    }
}
