//! Where people and attackers are.

use std::net::{IpAddr, Ipv6Addr};

use mailcup_guard::{
    access::Country,
    risk::{Origin, lately::Coordinates, signals::HiddenBy},
};

use crate::chance::Chance;

/// Countries with a place in them. People live in the first.
pub const COUNTRIES: [(&str, f64, f64); 41] = [
    ("DE", 52.5, 13.4),
    ("FR", 48.9, 2.4),
    ("IT", 41.9, 12.5),
    ("ES", 40.4, -3.7),
    ("AT", 48.2, 16.4),
    ("GB", 51.5, -0.1),
    ("PL", 52.2, 21.0),
    ("NL", 52.4, 4.9),
    ("TR", 41.0, 29.0),
    ("US", 40.7, -74.0),
    ("CN", 39.9, 116.4),
    ("RU", 55.8, 37.6),
    ("BR", -23.5, -46.6),
    ("IN", 28.6, 77.2),
    ("VN", 21.0, 105.8),
    ("ID", -6.2, 106.8),
    ("NG", 6.5, 3.4),
    ("UA", 50.5, 30.5),
    ("RO", 44.4, 26.1),
    ("BG", 42.7, 23.3),
    ("TH", 13.8, 100.5),
    ("PH", 14.6, 121.0),
    ("MX", 19.4, -99.1),
    ("AR", -34.6, -58.4),
    ("CL", -33.4, -70.7),
    ("CO", 4.7, -74.1),
    ("PE", -12.0, -77.0),
    ("ZA", -26.2, 28.0),
    ("EG", 30.0, 31.2),
    ("MA", 33.6, -7.6),
    ("KE", -1.3, 36.8),
    ("PK", 24.9, 67.0),
    ("BD", 23.8, 90.4),
    ("IR", 35.7, 51.4),
    ("IQ", 33.3, 44.4),
    ("KZ", 43.2, 76.9),
    ("KR", 37.6, 127.0),
    ("JP", 35.7, 139.7),
    ("AU", -33.9, 151.2),
    ("CA", 43.7, -79.4),
    ("SE", 59.3, 18.1),
];

/// A network that somebody uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub origin: Origin,
    pub coordinates: Option<Coordinates>,
    pub hidden_by: Option<HiddenBy>,
}

impl Place {
    /// An IPv4 address of a provider: `first` and `system` name it.
    pub fn v4(first: u8, system: u32, country: usize, host: u32) -> Self {
        let [_, second, third, last] = host.to_be_bytes();
        Self::at(IpAddr::from([first, second, third, last]), system, country)
    }

    /// A /64 of a provider.
    pub fn v6(system: u32, country: usize, network: u32) -> Self {
        let bits = (0x2a02_u128 << 112) | (u128::from(network) << 64) | 1;
        Self::at(IpAddr::V6(Ipv6Addr::from_bits(bits)), system, country)
    }

    pub fn hidden(self, by: HiddenBy) -> Self {
        Self { hidden_by: Some(by), ..self }
    }

    /// What no location is known of.
    pub fn unlocated(self) -> Self {
        let origin = Origin { country: None, system: None, ..self.origin };
        Self { origin, coordinates: None, ..self }
    }

    fn at(address: IpAddr, system: u32, country: usize) -> Self {
        let (code, latitude, longitude) = COUNTRIES[country % COUNTRIES.len()];
        Self {
            origin: Origin { address, system: Some(system), country: Country::read(code) },
            coordinates: Some(Coordinates { latitude, longitude, within: 0.0 }),
            hidden_by: None,
        }
    }
}

/// A customer's address at one of six providers.
pub fn home(chance: &mut Chance) -> Place {
    let provider = chance.zipf(6);
    if chance.happens(0.3) {
        Place::v6(100 + provider, 0, chance.below(1 << 30))
    } else {
        Place::v4(80 + u8::try_from(provider).unwrap_or(0), 100 + provider, 0, chance.below(1 << 22))
    }
}

pub fn office() -> Place {
    Place::v4(91, 200, 0, 0x0a_14_1e)
}

/// One of the addresses behind which a carrier has its customers.
pub fn mobile(carrier: u32, chance: &mut Chance) -> Place {
    if carrier == 0 {
        return Place::v6(300, 0, (1 << 30) + chance.below(1 << 20));
    }
    Place::v4(100 + u8::try_from(carrier).unwrap_or(0), 300 + carrier, 0, chance.below(2000))
}

/// A hotel or a flat.
pub fn abroad(country: usize, chance: &mut Chance) -> Place {
    let number = u32::try_from(country).unwrap_or(0);
    Place::v4(
        150 + u8::try_from(country).unwrap_or(0),
        1000 + number * 10 + chance.below(4),
        country,
        chance.below(1 << 20),
    )
}

/// An exit of a VPN provider. A fifth of them is known as servers for rent alone.
pub fn vpn(provider: u32, country: usize, chance: &mut Chance) -> Place {
    let number = u32::try_from(country).unwrap_or(0);
    let host = (provider << 16) + (number << 8) + chance.below(30);
    let by = if provider == 0 { HiddenBy::Hosting } else { HiddenBy::Vpn };
    Place::v4(185, 2000 + provider, country, host).hidden(by)
}

/// A rented server.
pub fn hosting(country: usize, chance: &mut Chance) -> Place {
    Place::v4(45, 3000 + chance.below(30), country, chance.below(1 << 22)).hidden(HiddenBy::Hosting)
}
