//! An address among 100,000 networks.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Instant,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use mailcup_guard::networks::NetworkSet;

const NETWORKS: u32 = 100_000;
const LOOKUPS: u32 = 1_000_000;

/// Addresses of both families, half of them in one of the networks.
pub fn measure() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let networks: Vec<IpNet> = (0..NETWORKS).map(|number| network(number, &mut chance)).collect();
    let begun = Instant::now();
    let set: NetworkSet = networks.iter().copied().collect();
    let built = begun.elapsed();
    let addresses: Vec<IpAddr> = (0..LOOKUPS as usize)
        .map(|number| {
            let within = networks[number % networks.len()].addr();
            if number % 2 == 0 {
                within
            } else {
                network(u32::try_from(number).unwrap_or(0), &mut chance).addr()
            }
        })
        .collect();
    let begun = Instant::now();
    let found = addresses.iter().filter(|address| set.contains(black_box(**address))).count();
    let each = begun.elapsed() / LOOKUPS;
    println!(
        "An address among {NETWORKS} networks of both families: {} ns (built in {} ms, {found} of {LOOKUPS} found)",
        each.as_nanos(),
        built.as_millis(),
    );
}

fn network(number: u32, chance: &mut Chance) -> IpNet {
    let bits = chance.next();
    if number.is_multiple_of(2) {
        let length = 16 + (bits >> 60) as u8;
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from((bits & 0xffff_ffff) as u32), length).trunc())
    } else {
        let address = Ipv6Addr::from((0x2001_u128 << 112) | (u128::from(bits) << 48));
        IpNet::V6(Ipv6Net::new_assert(address, 32 + (bits >> 59) as u8).trunc())
    }
}

/// The same numbers in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
