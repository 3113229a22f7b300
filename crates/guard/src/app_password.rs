//! Passwords for mail clients: what the limits of an app password admit, and where the account's own password opens
//! nothing but the web.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;

use crate::access::{Protocol, Protocols, Scope, domain_of};

/// Where and how long an app password opens its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub protocols: Protocols,
    /// None: any address, known or not.
    pub networks: Vec<IpNet>,
    /// The moment from which it opens nothing.
    pub expires_at: Option<Timestamp>,
}

/// Why an app password does not open its account here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Against {
    Protocol,
    /// The address is outside its networks, or is not known.
    Network,
    Expired,
}

/// Where an account's own password opens its mail over protocols that can't ask for a second factor. The closest
/// scope decides; without any, it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MainPasswords(HashMap<Scope, bool>);

/// What mail clients use, and app passwords are for.
pub const MAIL_PROTOCOLS: [Protocol; 4] =
    [Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Sieve];

impl Limits {
    /// All that speaks against it; nothing where it opens its account.
    pub fn against(&self, protocol: Protocol, address: Option<IpAddr>, now: Timestamp) -> Vec<Against> {
        let within = |address: IpAddr| self.networks.iter().any(|network| network.contains(&address));
        let protocol = (!self.protocols.contains(protocol)).then_some(Against::Protocol);
        let network = (!self.networks.is_empty() && !address.is_some_and(within)).then_some(Against::Network);
        let expired = self.expires_at.is_some_and(|end| end <= now).then_some(Against::Expired);
        [protocol, network, expired].into_iter().flatten().collect()
    }
}

impl MainPasswords {
    /// What each scope says: whether the account's own password is refused.
    pub fn new(scopes: impl IntoIterator<Item = (Scope, bool)>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// The scope that refuses an account's own password over a protocol.
    pub fn refused_by(&self, login: &str, protocol: Protocol) -> Option<Scope> {
        if !MAIL_PROTOCOLS.contains(&protocol) {
            return None;
        }
        let domain = domain_of(login).map(|domain| Scope::Domain(domain.into()));
        let scopes = [Some(Scope::Account(Arc::from(login))), domain, Some(Scope::Organization)];
        let closest = scopes.into_iter().flatten().find(|scope| self.0.contains_key(scope))?;
        self.0.get(&closest).copied()?.then_some(closest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn protocol() -> impl Strategy<Value = Protocol> {
        prop::sample::select(vec![
            Protocol::Web,
            Protocol::Api,
            Protocol::Imap,
            Protocol::Pop3,
            Protocol::Submission,
            Protocol::Sieve,
        ])
    }

    fn network() -> impl Strategy<Value = IpNet> {
        (0u32..4, 28u8..=32).prop_map(|(low, length)| {
            IpNet::new_assert(IpAddr::V4(std::net::Ipv4Addr::from(0xCB00_7100 | low)), length).trunc()
        })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    proptest! {
        #[test]
        fn it_opens_where_every_limit_admits_and_nowhere_else(
            protocols in prop::collection::vec(protocol(), 0..4),
            networks in prop::collection::vec(network(), 0..3),
            end in prop::option::of(0i64..6),
            used in protocol(),
            address in prop::option::of(0u32..32),
            now in 0i64..6,
        ) {
            let address =
                address.map(|low| IpAddr::V4(std::net::Ipv4Addr::from(0xCB00_7100 | low)));
            let limits = Limits {
                protocols: protocols.iter().copied().collect(),
                networks: networks.clone(),
                expires_at: end.map(at),
            };
            let against = limits.against(used, address, at(now));
            let in_networks = networks.is_empty()
                || address.is_some_and(|it| networks.iter().any(|network| network.contains(&it)));
            prop_assert_eq!(against.contains(&Against::Protocol), !protocols.contains(&used));
            prop_assert_eq!(against.contains(&Against::Network), !in_networks);
            prop_assert_eq!(against.contains(&Against::Expired), end.is_some_and(|end| end <= now));
        }

        #[test]
        fn the_closest_scope_decides_on_the_main_password(
            organization in prop::option::of(any::<bool>()),
            domain in prop::option::of(any::<bool>()),
            account in prop::option::of(any::<bool>()),
            used in protocol(),
        ) {
            let scopes = [
                (Scope::Organization, organization),
                (Scope::Domain("x".into()), domain),
                (Scope::Account("a@x".into()), account),
            ];
            let said = scopes.into_iter().filter_map(|(scope, refused)| Some((scope, refused?)));
            let main = MainPasswords::new(said);
            let expected = account.or(domain).or(organization).unwrap_or(false)
                && !matches!(used, Protocol::Web | Protocol::Api);
            prop_assert_eq!(main.refused_by("a@x", used).is_some(), expected);
            prop_assert_eq!(
                main.refused_by("b@y", used).is_some(),
                organization.unwrap_or(false) && !matches!(used, Protocol::Web | Protocol::Api)
            );
        }
    }
}
