//! What counts as one client.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The network that counts as one client: the address itself for IPv4 (mapped or not), its /64 for IPv6.
pub fn client_network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpNet::V4(Ipv4Net::from(v4)),
        IpAddr::V6(v6) => IpNet::V6(Ipv6Net::new_assert(v6, 64).trunc()),
    }
}

/// A network as a person reads it: a single address without its length.
pub fn shown(network: IpNet) -> String {
    let whole = network.prefix_len() == network.max_prefix_len();
    if whole { network.addr().to_string() } else { network.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
        let client = |text: &str| client_network(text.parse().unwrap()).to_string();
        assert_eq!(client("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(client("::ffff:203.0.113.7"), "203.0.113.7/32");
        assert_eq!(client("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
    }
}
