use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A client's IP address. An IPv4-mapped IPv6 address is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(IpAddr);

/// A network in CIDR notation; a single address is a network of one. Host bits are cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

/// The text is neither an IP address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not an IP address or network; write it like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32")]
pub struct NetworkError(String);

impl Address {
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// The network that counts as one client: the address itself for IPv4, its /64 for IPv6.
    pub fn client_network(self) -> Network {
        let prefix = if self.0.is_ipv4() { 32 } else { 64 };
        Network(IpNet::new_assert(self.0, prefix).trunc())
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self(ip.to_canonical())
    }
}

impl Network {
    pub fn net(self) -> IpNet {
        self.0
    }

    pub fn contains(self, address: Address) -> bool {
        self.0.contains(&address.0)
    }
}

impl From<IpNet> for Network {
    fn from(net: IpNet) -> Self {
        const MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);
        match net.trunc() {
            IpNet::V6(v6) if MAPPED.contains(&v6) => match v6.network().to_ipv4_mapped() {
                Some(v4) => Self(IpNet::V4(Ipv4Net::new_assert(v4, v6.prefix_len() - 96))),
                None => Self(IpNet::V6(v6)),
            },
            other => Self(other),
        }
    }
}

impl FromStr for Address {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim().parse::<IpAddr>().map(Self::from).map_err(|_| NetworkError(shortened(text)))
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address.to_canonical())));
        }
        text.parse::<IpNet>().map(Self::from).map_err(|_| NetworkError(shortened(text)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(Address, Network);
crate::described_as_text!(Address, None, "203.0.113.77");
crate::described_as_text!(Network, None, "203.0.113.0/24");

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!("::ffff:203.0.113.7".parse::<Address>().unwrap().to_string(), "203.0.113.7");
        assert_eq!("::ffff:203.0.113.0/120".parse::<Network>().unwrap().to_string(), "203.0.113.0/24");
        assert_eq!("::/0".parse::<Network>().unwrap().to_string(), "::/0");
    }

    #[test]
    fn networks_clear_host_bits_and_take_single_addresses() {
        assert_eq!("203.0.113.7/24".parse::<Network>().unwrap().to_string(), "203.0.113.0/24");
        assert_eq!("203.0.113.7".parse::<Network>().unwrap().to_string(), "203.0.113.7/32");
        assert_eq!("2001:db8::1".parse::<Network>().unwrap().to_string(), "2001:db8::1/128");
        assert!("203.0.113.7/33".parse::<Network>().is_err());
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
        let client = |text: &str| text.parse::<Address>().unwrap().client_network().to_string();
        assert_eq!(client("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(client("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
    }
}
