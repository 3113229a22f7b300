//! The networks from which sign-ins come, as few as cover them.
//!
//! Addresses that providers give out from a pool should not each stand in a rule. So a network takes the place of
//! what was seen in it where at least half of its sixteen parts were used: 8 addresses of a /28, 8 of the /28 in a
//! /24, 8 of the /24 in a /20; of IPv6, which counts by /64, the same from /60 to /48. Nothing is made wider than
//! that. Networks that were used on too few days are left out, and what lies side by side is put together.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::networks::{aggregated, canonical};

/// The widest networks that are proposed.
pub const WIDEST_V4: u8 = 20;
pub const WIDEST_V6: u8 = 48;

/// A network has so many parts.
const PART_BITS: u8 = 4;
/// So many of them must have been used.
const HALF: usize = 1 << (PART_BITS - 1);

/// A client network from which somebody signed in, and on which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub network: IpNet,
    pub days: BTreeSet<i64>,
}

/// Networks without overlap; every one that was seen lies in exactly one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    pub networks: Vec<IpNet>,
    /// Used on too few days.
    pub left_out: Vec<IpNet>,
}

/// Proposes networks that cover what was seen on at least `min_days` days.
pub fn learn(seen: impl IntoIterator<Item = Seen>, min_days: usize) -> Learned {
    let mut clients: BTreeMap<IpNet, BTreeSet<i64>> = BTreeMap::new();
    for Seen { network, days } in seen {
        clients.entry(canonical(network)).or_default().extend(days);
    }
    let (mut often, mut left_out) = (Vec::new(), Vec::new());
    for (network, days) in widened(clients) {
        if days.len() >= min_days { often.push(network) } else { left_out.push(network) }
    }
    let networks = aggregated(often).into_iter().flat_map(not_too_wide).collect();
    Learned { networks, left_out }
}

/// Puts networks in the place of those that they hold, from the widest down.
fn widened(mut clients: BTreeMap<IpNet, BTreeSet<i64>>) -> BTreeMap<IpNet, BTreeSet<i64>> {
    let mut taken = BTreeMap::new();
    for (v4, v6) in [(WIDEST_V4, WIDEST_V6), (24, 52), (28, 56), (32, 60)] {
        let mut parts: BTreeMap<IpNet, BTreeSet<IpNet>> = BTreeMap::new();
        for network in clients.keys() {
            let prefix = if matches!(network, IpNet::V4(_)) { v4 } else { v6 };
            if let Some((whole, part)) = around(*network, prefix) {
                parts.entry(whole).or_default().insert(part);
            }
        }
        parts.retain(|_, parts| parts.len() >= HALF);
        for (network, days) in std::mem::take(&mut clients) {
            let prefix = if matches!(network, IpNet::V4(_)) { v4 } else { v6 };
            match around(network, prefix).filter(|(whole, _)| parts.contains_key(whole)) {
                Some((whole, _)) => {
                    taken.entry(whole).or_insert_with(BTreeSet::new).extend(days);
                }
                None => drop(clients.insert(network, days)),
            }
        }
    }
    taken.append(&mut clients);
    taken
}

/// The network of this length around one that is narrower, and its part that holds that one.
fn around(network: IpNet, prefix: u8) -> Option<(IpNet, IpNet)> {
    let part = prefix + PART_BITS;
    if network.prefix_len() < part {
        return None;
    }
    let cut = |prefix: u8| match network {
        IpNet::V4(net) => Ipv4Net::new(net.addr(), prefix).ok().map(|net| IpNet::V4(net.trunc())),
        IpNet::V6(net) => Ipv6Net::new(net.addr(), prefix).ok().map(|net| IpNet::V6(net.trunc())),
    };
    Some((cut(prefix)?, cut(part)?))
}

/// What lies side by side is put together, though not to more than the widest.
fn not_too_wide(network: IpNet) -> Vec<IpNet> {
    let widest = if matches!(network, IpNet::V4(_)) { WIDEST_V4 } else { WIDEST_V6 };
    if network.prefix_len() >= widest {
        return vec![network];
    }
    network.subnets(widest).map(Iterator::collect).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(text: &str, days: impl IntoIterator<Item = i64>) -> Seen {
        Seen { network: text.parse().unwrap(), days: days.into_iter().collect() }
    }

    fn networks(learned: &[IpNet]) -> Vec<String> {
        learned.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn single_addresses_stay_single_and_rare_ones_are_left_out() {
        let all =
            [seen("203.0.113.7/32", 1..9), seen("198.51.100.1/32", [3]), seen("2001:db8:0:1::/64", 1..4)];
        let learned = learn(all, 2);
        assert_eq!(networks(&learned.networks), ["203.0.113.7/32", "2001:db8:0:1::/64"]);
        assert_eq!(networks(&learned.left_out), ["198.51.100.1/32"]);
    }

    #[test]
    fn a_pool_is_one_network_and_its_days_count_together() {
        let pool = (0..8).map(|day| seen(&format!("203.0.113.{}/32", day * 16 + 3), [day]));
        assert_eq!(networks(&learn(pool, 3).networks), ["203.0.113.0/24"]);
        let fewer = (0..7).map(|day| seen(&format!("203.0.113.{}/32", day * 16 + 3), [day]));
        let learned = learn(fewer, 3);
        assert_eq!((learned.networks.len(), learned.left_out.len()), (0, 7));
    }

    #[test]
    fn neighbours_are_put_together_but_not_beyond_the_widest() {
        let two = [seen("203.0.113.6/32", [1]), seen("203.0.113.7/32", [1])];
        assert_eq!(networks(&learn(two, 1).networks), ["203.0.113.6/31"]);
        let many = (0..32).map(|third| seen(&format!("203.0.{third}.1/32"), [1]));
        assert_eq!(networks(&learn(many, 1).networks), ["203.0.0.0/20", "203.0.16.0/20"]);
    }

    fn client() -> impl Strategy<Value = Seen> {
        let v4 = (0..3u32, 0..40u32, 0..256u32).prop_map(|(a, b, c)| {
            IpNet::from(Ipv4Net::new_assert((0xcb00_0000 + (a << 16) + (b << 8) + c).into(), 32))
        });
        let v6 = (0..3u128, 0..512u128).prop_map(|(a, b)| {
            let bits = (0x2001_0db8_u128 << 96) + (a << 80) + (b << 64);
            IpNet::from(Ipv6Net::new_assert(bits.into(), 64))
        });
        (prop_oneof![v4, v6], proptest::collection::btree_set(0..5i64, 1..4))
            .prop_map(|(network, days)| Seen { network, days })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn what_was_seen_lies_in_exactly_one_network_none_is_too_wide_and_order_does_not_matter(
            seen in proptest::collection::vec(client(), 0..120),
            min_days in 0..4usize,
        ) {
            let learned = learn(seen.clone(), min_days);
            let all: Vec<IpNet> = learned.networks.iter().chain(&learned.left_out).copied().collect();
            for it in &seen {
                prop_assert_eq!(all.iter().filter(|net| net.contains(&it.network)).count(), 1, "{}", it.network);
            }
            for network in &all {
                let widest = if matches!(network, IpNet::V4(_)) { WIDEST_V4 } else { WIDEST_V6 };
                prop_assert!(network.prefix_len() >= widest);
                let within: Vec<&Seen> = seen.iter().filter(|it| network.contains(&it.network)).collect();
                prop_assert!(!within.is_empty(), "nobody came from {}", network);
            }
            for network in &learned.left_out {
                let days: BTreeSet<i64> =
                    seen.iter().filter(|it| network.contains(&it.network)).flat_map(|it| &it.days).copied().collect();
                prop_assert!(days.len() < min_days);
            }
            let backwards: Vec<Seen> = seen.into_iter().rev().collect();
            prop_assert_eq!(learn(backwards, min_days), learned);
        }
    }
}
