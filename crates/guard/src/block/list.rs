//! Blocks as a firewall can take them: networks, and until when.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;

use super::{Block, Target};

/// A network that nobody should hear from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    pub network: IpNet,
    /// None means until lifted.
    pub until: Option<Timestamp>,
}

/// What is in force at `now`, v4 first, each in the order of addresses. None of them lies within another one, which a
/// firewall would take for a contradiction: a narrower one appears once the wider one is over. One that holds any of
/// `spared`, or lies within it, is left out; so are accounts, of which a firewall knows nothing.
pub fn closed(blocks: &[Block], spared: &[IpNet], now: Timestamp) -> Vec<Closed> {
    let in_force = blocks.iter().filter(|block| block.is_active(now));
    let mut all: Vec<Closed> = in_force
        .filter_map(|block| Some(Closed { network: network_of(&block.target)?, until: block.expires_at }))
        .filter(|closed| !spared.iter().any(|spared| meet(&closed.network, spared)))
        .collect();
    // The widest first, and of equal ones that which ends last.
    all.sort_by_key(|closed| {
        let end = closed.until.unwrap_or(Timestamp::MAX);
        (closed.network.addr(), closed.network.prefix_len(), std::cmp::Reverse(end))
    });
    let mut kept: Vec<Closed> = Vec::new();
    for closed in all {
        if !kept.last().is_some_and(|wider| wider.network.contains(&closed.network)) {
            kept.push(closed);
        }
    }
    kept
}

fn network_of(target: &Target) -> Option<IpNet> {
    match target {
        Target::Address(address) => Some(IpNet::from(address.to_canonical())),
        Target::Network(network) => Some(canonical(*network)),
        Target::Account(_) | Target::AccountNetwork(..) | Target::Sending(_) => None,
    }
}

/// Mapped v4 addresses as such.
fn canonical(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network) {
        (IpAddr::V4(v4), IpNet::V6(v6)) if v6.prefix_len() >= 96 => {
            Ipv4Net::new(v4, v6.prefix_len() - 96).map_or(network, |v4| IpNet::V4(v4.trunc()))
        }
        _ => network.trunc(),
    }
}

fn meet(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Networks of this machine itself.
pub fn loopback() -> [IpNet; 2] {
    [
        IpNet::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::LOCALHOST, 8).trunc()),
        IpNet::V6(Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128)),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::BlockId;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn block(target: Target, until: Option<i64>) -> Block {
        let expires_at = until.map(|second| Timestamp::from_second(second).unwrap());
        Block { id: BlockId("b".into()), target, expires_at }
    }

    fn network(text: &str, until: Option<i64>) -> Block {
        block(Target::Network(text.parse().unwrap()), until)
    }

    fn names(closed: &[Closed]) -> Vec<String> {
        closed.iter().map(|closed| closed.network.to_string()).collect()
    }

    #[test]
    fn networks_in_force_stand_there_and_accounts_do_not() {
        let blocks = [
            network("2001:db8::/64", None),
            block(Target::Address("::ffff:203.0.113.7".parse().unwrap()), Some(60)),
            block(Target::Account("a@x".into()), None),
            block(Target::AccountNetwork("a@x".into(), "198.51.100.0/24".parse().unwrap()), None),
            block(Target::Sending("a@x".into()), None),
            network("192.0.2.0/24", Some(0)),
        ];
        assert_eq!(names(&closed(&blocks, &[], NOW)), ["203.0.113.7/32", "2001:db8::/64"]);
    }

    #[test]
    fn a_narrower_one_comes_once_the_wider_is_over() {
        let blocks = [
            network("203.0.113.0/24", Some(60)),
            network("203.0.113.0/24", Some(30)),
            network("203.0.113.7/32", None),
        ];
        assert_eq!(closed(&blocks, &[], NOW).len(), 1);
        assert_eq!(closed(&blocks, &[], NOW)[0].until, Timestamp::from_second(60).ok());
        let later = Timestamp::from_second(60).unwrap();
        assert_eq!(names(&closed(&blocks, &[], later)), ["203.0.113.7/32"]);
    }

    #[test]
    fn a_proxy_and_this_machine_stay_open() {
        let blocks = [network("10.0.0.0/8", None), network("127.0.0.1/32", None), network("0.0.0.0/0", None)];
        let mut spared = vec!["10.1.2.3/32".parse().unwrap()];
        spared.extend(loopback());
        assert_eq!(closed(&blocks, &spared, NOW), []);
    }

    proptest! {
        #[test]
        fn no_two_meet_and_all_that_is_blocked_is_in_one(
            nets in prop::collection::vec((0u32..4096, 20u8..=32, prop::option::of(1i64..9)), 0..40),
        ) {
            let blocks: Vec<_> = nets
                .iter()
                .map(|(low, length, until)| {
                    let net = Ipv4Net::new((0xcb00_0000 | low).into(), *length).unwrap();
                    block(Target::Network(IpNet::V4(net)), *until)
                })
                .collect();
            let found = closed(&blocks, &[], NOW);
            for (index, one) in found.iter().enumerate() {
                prop_assert!(found[index + 1..].iter().all(|other| !meet(&one.network, &other.network)));
            }
            for block in &blocks {
                let Target::Network(network) = &block.target else { continue };
                prop_assert!(found.iter().any(|one| one.network.contains(&network.trunc())));
            }
        }
    }
}
