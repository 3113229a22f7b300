//! Where sign-ins came from.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
    ops::ControlFlow,
};

use ipnet::IpNet;
use mailcup_guard::{access::Scope, client::client_network};
use mailcup_wire::{
    Address, EventKind, OutcomeFilter, Place, Protocol, Time,
    desktop::{CountryCount, Filter, NetworkCount, WhereFrom},
};

use super::{
    Readers, Result,
    class::Class,
    dry_run::{Course, address, only, small},
    events::classes,
    index::Index,
    sieve::Sieve,
};

const NETWORKS_SHOWN: usize = 20;
const DAY_MILLIS: i64 = 86_400_000;

/// Successful sign-ins from one client network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    pub sign_ins: u32,
    /// By number.
    pub accounts: HashSet<u32>,
    /// Since 1970, in UTC.
    pub days: BTreeSet<i64>,
    pub first: i64,
    pub last: i64,
    pub place: Option<Place>,
}

/// Whose sign-ins are learned from.
#[derive(Debug)]
pub struct Whose {
    pub scope: Scope,
    /// None: all.
    pub protocols: Vec<Protocol>,
    pub from: Time,
    pub until: Time,
}

impl Readers {
    /// Where an address is, as the newest event from there says.
    pub async fn place_of(&self, wanted: Address) -> Result<Option<Place>> {
        self.run_indexed(move |_, index| {
            let found = index.addresses.iter().position(|address| *address == Some(wanted));
            Ok(found.and_then(|no| index.place(u32::try_from(no).ok()?)).cloned())
        })
        .await
    }

    /// Countries and networks of the sign-ins that pass.
    pub async fn where_from(&self, filter: Filter, now: Time) -> Result<WhereFrom> {
        self.run_indexed(move |reader, index| {
            let sieve = Sieve::new(reader, index, &filter, now)?;
            Ok(where_from(index, &sieve))
        })
        .await
    }

    /// Successful sign-ins by client network.
    pub async fn origins(&self, whose: Whose) -> Result<HashMap<IpNet, Origin>> {
        self.run_indexed(move |reader, index| {
            let course = Course::between(whose.from.as_millis(), whose.until.as_millis());
            let sieve = Sieve::new(reader, index, &only(EventKind::SignIn, course), whose.until)?;
            Ok(origins(index, &sieve, &whose))
        })
        .await
    }
}

#[derive(Default)]
struct Sum {
    allowed: u32,
    failed: u32,
    refused: u32,
    accounts: HashSet<u32>,
    last: i64,
}

impl Sum {
    fn add(&mut self, outcome: OutcomeFilter, login: u32, at: i64) {
        self.last = if self.accounts.is_empty() { at } else { self.last.max(at) };
        match outcome {
            OutcomeFilter::Allowed | OutcomeFilter::Challenged => self.allowed += 1,
            OutcomeFilter::Failed => self.failed += 1,
            OutcomeFilter::Refused => self.refused += 1,
            OutcomeFilter::Abandoned => {}
        }
        self.accounts.insert(login);
    }

    fn all(&self) -> u32 {
        self.allowed + self.failed + self.refused
    }
}

fn where_from(index: &Index, sieve: &Sieve) -> WhereFrom {
    let classes = classes();
    let mut places: HashMap<u32, Sum> = HashMap::new();
    let mut unknown = 0_u32;
    index.walk(sieve, i64::MIN, i64::MAX, |row| {
        let Some(outcome) = sign_in(&classes, row.class).and_then(|class| class.outcome) else {
            return ControlFlow::Continue(());
        };
        match index.place_of.get(row.address as usize).copied().unwrap_or_default() {
            0 => unknown += 1,
            place => places.entry(place).or_default().add(outcome, row.login, row.at),
        }
        ControlFlow::Continue(())
    });
    let mut countries: HashMap<&str, Sum> = HashMap::new();
    let mut networks: HashMap<(Option<u32>, &str), Sum> = HashMap::new();
    for (no, sum) in &places {
        let Some(place) = index.places.get(*no as usize).and_then(Option::as_ref) else { continue };
        match &place.country {
            Some(country) => merge(countries.entry(country).or_default(), sum),
            None => unknown += sum.all(),
        }
        if place.asn.is_some() || place.network.is_some() {
            let name = place.network.as_deref().unwrap_or_default();
            merge(networks.entry((place.asn, name)).or_default(), sum);
        }
    }
    let mut countries: Vec<(&str, Sum)> = countries.into_iter().collect();
    countries.sort_by_key(|(country, sum)| (Reverse(sum.all()), *country));
    let mut networks: Vec<((Option<u32>, &str), Sum)> = networks.into_iter().collect();
    networks.sort_by_key(|(network, sum)| (Reverse(sum.all()), *network));
    networks.truncate(NETWORKS_SHOWN);
    let country = |(country, sum): (&str, Sum)| CountryCount {
        country: country.to_owned(),
        allowed: sum.allowed,
        failed: sum.failed,
        refused: sum.refused,
        accounts: small(sum.accounts.len()),
        last_at: Time::from_millis(sum.last),
    };
    let network = |((asn, name), sum): ((Option<u32>, &str), Sum)| NetworkCount {
        asn,
        name: name.to_owned(),
        allowed: sum.allowed,
        failed: sum.failed,
        refused: sum.refused,
        accounts: small(sum.accounts.len()),
    };
    WhereFrom {
        countries: countries.into_iter().map(country).collect(),
        networks: networks.into_iter().map(network).collect(),
        unknown,
    }
}

fn merge(into: &mut Sum, from: &Sum) {
    into.last = if into.accounts.is_empty() { from.last } else { into.last.max(from.last) };
    into.allowed += from.allowed;
    into.failed += from.failed;
    into.refused += from.refused;
    into.accounts.extend(&from.accounts);
}

fn origins(index: &Index, sieve: &Sieve, whose: &Whose) -> HashMap<IpNet, Origin> {
    let classes = classes();
    let is_meant: Vec<bool> = index.logins.iter().map(|login| whose.scope.holds(login)).collect();
    // Many addresses may be one client network.
    let clients: Vec<Option<IpNet>> = (0_u32..)
        .take(index.addresses.len())
        .map(|no| address(index, no).map(|address: IpAddr| client_network(address)))
        .collect();
    let mut origins: HashMap<IpNet, Origin> = HashMap::new();
    index.walk(sieve, i64::MIN, i64::MAX, |row| {
        let class = sign_in(&classes, row.class);
        let succeeded = class.is_some_and(|class| {
            matches!(class.outcome, Some(OutcomeFilter::Allowed | OutcomeFilter::Challenged))
                && (whose.protocols.is_empty()
                    || class.protocol.is_some_and(|protocol| whose.protocols.contains(&protocol)))
        });
        let meant = row.login > 0 && is_meant.get(row.login as usize).copied().unwrap_or_default();
        let client = clients.get(row.address as usize).copied().flatten();
        if let Some(client) = client.filter(|_| succeeded && meant) {
            let origin = origins.entry(client).or_insert_with(|| Origin {
                first: row.at,
                last: row.at,
                place: index.place(row.address).cloned(),
                ..Origin::default()
            });
            origin.sign_ins += 1;
            origin.accounts.insert(row.login);
            origin.days.insert(row.at.div_euclid(DAY_MILLIS));
            origin.first = origin.first.min(row.at);
            origin.last = origin.last.max(row.at);
        }
        ControlFlow::Continue(())
    });
    origins
}

fn sign_in(classes: &[Option<Class>], number: u16) -> Option<Class> {
    classes.get(usize::from(number)).copied().flatten().filter(|class| class.kind == EventKind::SignIn)
}

impl Origin {
    pub fn add(&mut self, other: &Self) {
        let is_first = self.sign_ins == 0;
        self.first = if is_first { other.first } else { self.first.min(other.first) };
        self.last = if is_first { other.last } else { self.last.max(other.last) };
        self.sign_ins += other.sign_ins;
        self.accounts.extend(&other.accounts);
        self.days.extend(&other.days);
        if self.place.is_none() {
            self.place.clone_from(&other.place);
        }
    }
}
