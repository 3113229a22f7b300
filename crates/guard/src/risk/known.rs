//! The networks (and devices, where they are known) that an account is known good on: it succeeded there on several
//! earlier days. What is known good keeps working while the account is attacked.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use foldhash::fast::RandomState;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;

use super::{SignIn, Value, day, seconds};
use crate::client::client_network;

/// Earlier days with a success that make a network known. A thief's first successes make nothing known.
pub const EARLIER_DAYS: u16 = 3;

/// Days without a success after which it is known no more.
pub const FORGOTTEN_AFTER: u16 = 90;

/// Networks remembered of an account. The one that was used longest ago goes first, of those that are not known yet
/// before those that are: roaming through many networks pushes nobody's home out.
const PLACES: usize = 24;

/// On which networks accounts succeeded, and on how many days.
#[derive(Debug, Clone, Default)]
pub struct KnownGood {
    accounts: HashMap<Arc<str>, Vec<Place>, RandomState>,
    /// How many accounts are known good on a client network, and on the network around it.
    residents: HashMap<Value, u32, RandomState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    network: Value,
    around: Value,
    device: Option<Value>,
    /// With a success, up to [`EARLIER_DAYS`] and one.
    days: u16,
    /// The latest, since 1970.
    last: u16,
}

/// The network around a client's: the /24 of an IPv4 address; a /64 stands for itself.
pub fn network_around(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpNet::V4(Ipv4Net::new_assert(v4, 24).trunc()),
        IpAddr::V6(v6) => IpNet::V6(Ipv6Net::new_assert(v6, 64).trunc()),
    }
}

impl KnownGood {
    /// Whether an account is known good on an address's network, with this device. One that tells no device is not
    /// known where the account has always told one.
    pub fn is_known(&self, login: &str, address: IpAddr, device: Option<Value>, now: Timestamp) -> bool {
        self.places(login, address, now).any(|place| place.device.is_none() || place.device == device)
    }

    /// Whether an account is known good on an address's network, with whatever device.
    pub fn is_network_known(&self, login: &str, address: IpAddr, now: Timestamp) -> bool {
        self.places(login, address, now).next().is_some()
    }

    /// How many accounts are known good on the network: a client's, or the one around it.
    pub fn residents(&self, network: IpNet) -> u32 {
        self.residents.get(&Value::of(&network)).copied().unwrap_or(0)
    }

    pub(super) fn learn(&mut self, sign_in: &SignIn<'_>) {
        let Some(address) = sign_in.origin.map(|origin| origin.address) else { return };
        let today = day(seconds(sign_in.at));
        let place = Place {
            network: Value::of(&client_network(address)),
            around: Value::of(&network_around(address)),
            device: sign_in.device,
            days: 1,
            last: today,
        };
        if let Some(same) = self.accounts.get_mut(sign_in.login).and_then(|places| place.find_in(places)) {
            if same.last >= today {
                return;
            }
            same.last = today;
            if same.is_established() {
                return;
            }
        }
        self.change(sign_in.login, |places| match place.find_in(places) {
            Some(same) => same.days += 1,
            None => remember(places, place),
        });
    }

    pub(super) fn establish(&mut self, sign_in: &SignIn<'_>) {
        let Some(origin) = sign_in.origin else { return };
        let network = Value::of(&client_network(origin.address));
        self.change(sign_in.login, |places| {
            let there = places.iter_mut().filter(|place| place.network == network);
            there
                .filter(|place| place.device == sign_in.device)
                .for_each(|place| place.days = EARLIER_DAYS + 1);
        });
    }

    pub(super) fn forget(&mut self, login: &str, address: IpAddr) {
        let network = Value::of(&client_network(address));
        self.change(login, |places| places.retain(|place| place.network != network));
    }

    pub(super) fn forget_account(&mut self, login: &str) {
        self.change(login, Vec::clear);
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let today = day(seconds(now));
        let mut old = Vec::new();
        self.accounts.retain(|login, places| {
            if !places.iter().all(|place| place.is_fresh(today)) {
                old.push(Arc::clone(login));
            }
            true
        });
        for login in old {
            self.change(&login, |places| places.retain(|place| place.is_fresh(today)));
        }
    }

    /// As allocated.
    pub(super) fn bytes(&self) -> usize {
        #[expect(clippy::disallowed_methods, reason = "a sum does not depend on the order")]
        let own: usize = self
            .accounts
            .iter()
            .map(|(login, places)| login.len() + 16 + places.capacity() * size_of::<Place>())
            .sum();
        own + self.accounts.capacity() * (size_of::<(Arc<str>, Vec<Place>)>() + 1)
            + self.residents.capacity() * (size_of::<(Value, u32)>() + 1)
    }

    fn places(&self, login: &str, address: IpAddr, now: Timestamp) -> impl Iterator<Item = &Place> {
        let network = Value::of(&client_network(address));
        let today = day(seconds(now));
        let places = self.accounts.get(login).into_iter().flatten();
        places.filter(move |place| place.network == network && place.is_known(today))
    }

    /// Changes an account's places, and counts its residence anew.
    fn change(&mut self, login: &str, change: impl FnOnce(&mut Vec<Place>)) {
        let (login, mut places) =
            self.accounts.remove_entry(login).unwrap_or_else(|| (login.into(), Vec::new()));
        for network in residences(&places) {
            if let Some(count) = self.residents.get_mut(&network) {
                *count -= 1;
                if *count == 0 {
                    self.residents.remove(&network);
                }
            }
        }
        change(&mut places);
        for network in residences(&places) {
            *self.residents.entry(network).or_default() += 1;
        }
        if !places.is_empty() {
            self.accounts.insert(login, places);
        }
    }
}

impl Place {
    fn find_in<'a>(&self, places: &'a mut [Self]) -> Option<&'a mut Self> {
        places.iter_mut().find(|other| (other.network, other.device) == (self.network, self.device))
    }

    /// Whether it counts days no longer.
    fn is_established(&self) -> bool {
        self.days > EARLIER_DAYS
    }

    fn is_fresh(&self, today: u16) -> bool {
        today.saturating_sub(self.last) <= FORGOTTEN_AFTER
    }

    fn is_known(&self, today: u16) -> bool {
        self.days - u16::from(self.last >= today) >= EARLIER_DAYS && self.is_fresh(today)
    }
}

fn remember(places: &mut Vec<Place>, place: Place) {
    if places.len() >= PLACES {
        let least = places.iter().enumerate().min_by_key(|(_, old)| (old.is_established(), old.last));
        if let Some((index, _)) = least {
            places.swap_remove(index);
        }
    }
    if places.len() == places.capacity() {
        places.reserve_exact(4);
    }
    places.push(place);
}

/// Each network, and each around one, on which these places have their account known good.
fn residences(places: &[Place]) -> BTreeSet<Value> {
    let established = places.iter().filter(|place| place.is_established());
    established.flat_map(|place| [place.network, place.around]).collect()
}
