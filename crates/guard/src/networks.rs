//! Sets of networks, looked up by address.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// Values by network. All networks that hold an address are found in a time that depends on the length of a
/// prefix, not on how many networks there are.
#[derive(Debug, Clone)]
pub struct NetworkMap<T> {
    v4: PrefixMap<Ipv4Net, Vec<T>>,
    v6: PrefixMap<Ipv6Net, Vec<T>>,
}

/// A set of networks.
#[derive(Debug, Clone, Default)]
pub struct NetworkSet(NetworkMap<()>);

/// IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2).
const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

/// A network without host bits; one of mapped addresses is the IPv4 network.
pub fn canonical(network: IpNet) -> IpNet {
    match network.trunc() {
        IpNet::V6(v6) if MAPPED.contains(&v6) => match v6.network().to_ipv4_mapped() {
            Some(v4) => IpNet::V4(Ipv4Net::new_assert(v4, v6.prefix_len() - 96)),
            None => IpNet::V6(v6),
        },
        other => other,
    }
}

/// The fewest networks that hold the same addresses, in order.
pub fn aggregated(networks: impl IntoIterator<Item = IpNet>) -> Vec<IpNet> {
    let networks: Vec<_> = networks.into_iter().map(canonical).collect();
    IpNet::aggregate(&networks)
}

impl<T> Default for NetworkMap<T> {
    fn default() -> Self {
        Self { v4: PrefixMap::new(), v6: PrefixMap::new() }
    }
}

impl<T> NetworkMap<T> {
    pub fn insert(&mut self, network: IpNet, value: T) {
        match canonical(network) {
            IpNet::V4(net) => self.v4.entry(net).or_default().push(value),
            IpNet::V6(net) => self.v6.entry(net).or_default().push(value),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Gives `take` the values of all networks that hold the address.
    pub fn each_holding<'a>(&'a self, address: IpAddr, mut take: impl FnMut(&'a T)) {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                self.v4.cover_values(&Ipv4Net::from(v4)).flatten().for_each(&mut take);
            }
            IpAddr::V6(v6) => {
                self.v6.cover_values(&Ipv6Net::from(v6)).flatten().for_each(&mut take);
            }
        }
    }

    /// The narrowest network that holds the address, and its first value.
    pub fn narrowest(&self, address: IpAddr) -> Option<(IpNet, &T)> {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let (net, values) = self.v4.get_lpm(&Ipv4Net::from(v4))?;
                Some((IpNet::V4(net), values.first()?))
            }
            IpAddr::V6(v6) => {
                let (net, values) = self.v6.get_lpm(&Ipv6Net::from(v6))?;
                Some((IpNet::V6(net), values.first()?))
            }
        }
    }
}

impl NetworkSet {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.narrowest(address).is_some()
    }

    /// Whether one of its networks holds all of this one.
    pub fn covers(&self, network: IpNet) -> bool {
        match canonical(network) {
            IpNet::V4(net) => self.0.v4.cover_values(&net).next().is_some(),
            IpNet::V6(net) => self.0.v6.cover_values(&net).next().is_some(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<IpNet> for NetworkSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let mut map = NetworkMap::default();
        for network in networks {
            map.insert(network, ());
        }
        Self(map)
    }
}
