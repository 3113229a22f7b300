//! Many networks at once, as people paste them.

use std::{collections::HashSet, net::IpAddr};

use ipnet::IpNet;
use mailcup_guard::networks::NetworkSet;
use mailcup_wire::{
    Network,
    desktop::{BadNetwork, NetworkFault, ReadNetworks},
};

const BAD_LINES_SHOWN: usize = 100;
const LONGEST_SHOWN: usize = 64;

/// Reads networks and addresses that stand on lines of their own or apart by commas, semicolons or blanks. What
/// follows a `#` is a remark.
pub fn read_networks(text: &str) -> ReadNetworks {
    let mut networks = Vec::new();
    let mut seen = HashSet::new();
    let mut repeated = 0u32;
    let mut bad = Vec::new();
    for (line, content) in (1u32..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default();
        let entries = content.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
        for entry in entries.map(|entry| entry.trim_matches(|c| matches!(c, '"' | '\'' | '\u{feff}'))) {
            if entry.is_empty() {
                continue;
            }
            match read(entry) {
                Ok(network) if seen.insert(network) => networks.push(network),
                Ok(_) => repeated += 1,
                Err(fault) => {
                    let text = entry.chars().take(LONGEST_SHOWN).collect();
                    bad.push(BadNetwork { line, text, fault });
                }
            }
        }
    }
    let before = networks.len();
    let outer = without_inner(networks);
    ReadNetworks {
        repeated: repeated.saturating_add(count(before - outer.len())),
        networks: outer,
        bad: count(bad.len()),
        bad_lines: bad.into_iter().take(BAD_LINES_SHOWN).collect(),
    }
}

fn read(entry: &str) -> Result<Network, NetworkFault> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(Network::from(IpNet::from(address.to_canonical())));
    }
    let net = entry.parse::<IpNet>().map_err(|_| {
        let address_is_fine = entry.split_once('/').is_some_and(|(address, length)| {
            address.parse::<IpAddr>().is_ok()
                && length.bytes().all(|byte| byte.is_ascii_digit())
                && !length.is_empty()
        });
        if address_is_fine { NetworkFault::PrefixTooLong } else { NetworkFault::NotANetwork }
    })?;
    if net.trunc() == net { Ok(Network::from(net)) } else { Err(NetworkFault::HostBits) }
}

/// Leaves out networks that lie in another, and keeps the order.
fn without_inner(networks: Vec<Network>) -> Vec<Network> {
    let mut by_width: Vec<IpNet> = networks.iter().map(|network| network.net()).collect();
    by_width.sort_by_key(IpNet::prefix_len);
    let mut outer = HashSet::new();
    let mut wider = WiderNetworks::default();
    for net in by_width {
        if !wider.hold(net) {
            wider.0.push(net);
            outer.insert(net);
        }
        wider.compile_when_due();
    }
    networks.into_iter().filter(|network| outer.contains(&network.net())).collect()
}

/// Networks that are no narrower than those that are asked for, so that an address of one stands for all of it.
#[derive(Default)]
struct WiderNetworks(Vec<IpNet>, NetworkSet, usize);

impl WiderNetworks {
    fn hold(&self, net: IpNet) -> bool {
        self.1.contains(net.addr()) || self.0[self.2..].iter().any(|wide| wide.contains(&net))
    }

    fn compile_when_due(&mut self) {
        if self.0.len() >= 2 * self.2 + 64 {
            self.2 = self.0.len();
            self.1 = self.0.iter().copied().collect();
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn networks_are_read_however_they_are_apart() {
        let read = read_networks(
            "203.0.113.0/24, 192.0.2.1;192.0.2.1\n# office\n2001:db8::/32 \"::ffff:198.51.100.7\" # home\n203.0.113.9\n",
        );
        let networks: Vec<_> = read.networks.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["203.0.113.0/24", "192.0.2.1/32", "2001:db8::/32", "198.51.100.7/32"]);
        assert_eq!((read.repeated, read.bad), (2, 0));
    }

    #[test]
    fn each_bad_entry_is_named_with_its_line() {
        let read = read_networks("10.0.0.0/8\n10.0.0.1/24\n10.0.0.0/33\nexample.org\n10.0.0.0/\n");
        let bad: Vec<_> = read.bad_lines.iter().map(|bad| (bad.line, bad.text.as_str(), bad.fault)).collect();
        assert_eq!(
            bad,
            [
                (2, "10.0.0.1/24", NetworkFault::HostBits),
                (3, "10.0.0.0/33", NetworkFault::PrefixTooLong),
                (4, "example.org", NetworkFault::NotANetwork),
                (5, "10.0.0.0/", NetworkFault::NotANetwork),
            ]
        );
        assert_eq!(read.networks.len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_left_holds_the_same_addresses_and_nothing_twice(
            nets in prop::collection::vec((0u32..256, 24u8..=32), 0..200),
        ) {
            let nets: Vec<IpNet> = nets
                .into_iter()
                .map(|(low, length)| {
                    IpNet::new(IpAddr::from((0xcb00_7100u32 | low).to_be_bytes()), length).unwrap().trunc()
                })
                .collect();
            let text = nets.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            let read = read_networks(&text);
            let left: Vec<IpNet> = read.networks.iter().map(|network| network.net()).collect();
            prop_assert_eq!(left.len() + read.repeated as usize, nets.len());
            for low in 0u32..256 {
                let address = IpAddr::from((0xcb00_7100u32 | low).to_be_bytes());
                let holds = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
                prop_assert_eq!(holds(&left), holds(&nets));
            }
            for (place, net) in left.iter().enumerate() {
                prop_assert!(left.iter().enumerate().all(|(other, it)| other == place || !it.contains(net)));
            }
        }

        #[test]
        fn any_text_is_read(text in "\\PC{0,200}") {
            let _ = read_networks(&text);
        }
    }
}
