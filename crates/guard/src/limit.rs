//! Sending limits: how much may be sent, and from where, compiled for the hot path.
//!
//! Of limits with the same measure and count, those of the most specific scope count alone, so that an account
//! can have more, or less, than the organization.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use jiff::SignedDuration;

use crate::{
    access::{Scope, domain_of},
    networks::NetworkSet,
};

/// Names a sending limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitId(pub Arc<str>);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    Recipients(Window),
    Messages(Window),
    RecipientsPerMessage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    Minute,
    Hour,
    Day,
}

/// What has a count of its own. An address counts with its client network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    Account,
    AccountAndAddress,
    Address,
    /// All together that the limit is for.
    Organization,
}

/// What becomes of what is too much. In order of how much it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitAction {
    Hold,
    Defer,
    Reject,
}

/// At most so much within a shorter time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    pub count: u32,
    pub window: SignedDuration,
}

/// A limit that is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    pub id: LimitId,
    pub scope: Scope,
    pub measure: Measure,
    pub per: Per,
    /// From known networks; none: no limit.
    pub known: Option<u32>,
    /// From all others; none: no limit, 0: nothing can be sent from there.
    pub others: Option<u32>,
    pub burst: Option<Burst>,
    pub action: LimitAction,
    /// What the client reads.
    pub text: Option<Arc<str>>,
    /// Otherwise it stops nothing, and what it would have done is reported.
    pub enforced: bool,
}

/// Limits by whom they are for. Immutable: a change compiles a new one.
#[derive(Debug, Default)]
pub struct LimitSet {
    limits: Vec<Arc<Limit>>,
    /// What counts, by number, for accounts that have limits of their own, for others of domains that have, and
    /// for all others.
    accounts: Lists,
    domains: Lists,
    organization: Vec<u32>,
}

/// The networks from which someone is expected to send: an account's own, its domain's and the organization's
/// together.
#[derive(Debug, Default)]
pub struct KnownNetworks {
    organization: NetworkSet,
    domains: HashMap<Arc<str>, NetworkSet>,
    accounts: HashMap<Arc<str>, NetworkSet>,
}

impl Window {
    pub fn length(self) -> SignedDuration {
        match self {
            Self::Minute => SignedDuration::from_mins(1),
            Self::Hour => SignedDuration::from_hours(1),
            Self::Day => SignedDuration::from_hours(24),
        }
    }
}

impl Measure {
    pub fn window(self) -> Option<Window> {
        match self {
            Self::Recipients(window) | Self::Messages(window) => Some(window),
            Self::RecipientsPerMessage => None,
        }
    }
}

impl Limit {
    /// What it lets through from a network of this kind; none: all.
    pub fn allowance(&self, known: bool) -> Option<u32> {
        if known { self.known } else { self.others }
    }
}

impl LimitSet {
    /// Compiles limits that are switched on.
    pub fn new(limits: impl IntoIterator<Item = Limit>) -> Self {
        let limits: Vec<_> = limits.into_iter().map(Arc::new).collect();
        let mut organization = Vec::new();
        let (mut domains, mut accounts) = (BTreeMap::<_, Vec<u32>>::new(), BTreeMap::<_, Vec<u32>>::new());
        for (number, limit) in (0u32..).zip(&limits) {
            match &limit.scope {
                Scope::Organization => organization.push(number),
                Scope::Domain(domain) => domains.entry(Arc::clone(domain)).or_default().push(number),
                Scope::Account(login) => accounts.entry(Arc::clone(login)).or_default().push(number),
            }
        }
        let of_account = |login: &Arc<str>, own: &[u32]| {
            let domain = domain_of(login).and_then(|domain| domains.get(domain));
            applying(&limits, &[own, domain.map_or(&[], Vec::as_slice), &organization])
        };
        let accounts =
            accounts.iter().map(|(login, own)| (Arc::clone(login), of_account(login, own))).collect();
        let domains = domains
            .iter()
            .map(|(domain, own)| (Arc::clone(domain), applying(&limits, &[own, &organization])))
            .collect();
        let organization = applying(&limits, &[&organization]);
        Self { limits, accounts, domains, organization }
    }

    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    pub fn limits(&self) -> &[Arc<Limit>] {
        &self.limits
    }

    /// The limits that count for a login: the enforced ones that no more specific enforced one replaces, and the
    /// report-only ones that would count, were all enforced.
    pub fn applying(&self, login: &str) -> impl ExactSizeIterator<Item = &Arc<Limit>> {
        let own = || {
            self.accounts
                .get(login)
                .or_else(|| self.domains.get(domain_of(login)?))
                .unwrap_or(&self.organization)
        };
        let numbers = if self.is_empty() { &self.organization } else { own() };
        numbers.iter().map(|number| &self.limits[*number as usize])
    }
}

type Lists = HashMap<Arc<str>, Vec<u32>>;

/// What of limits by scope, the most specific first, counts where all of them hold.
fn applying(limits: &[Arc<Limit>], scopes: &[&[u32]]) -> Vec<u32> {
    let mut replaced = HashSet::new();
    let mut replaced_if_enforced = HashSet::new();
    let mut applying = Vec::new();
    for numbers in scopes {
        let limits = || numbers.iter().map(|number| (*number, &limits[*number as usize]));
        let counts = |limit: &Limit| {
            let kind = (limit.measure, limit.per);
            !if limit.enforced { replaced.contains(&kind) } else { replaced_if_enforced.contains(&kind) }
        };
        applying.extend(limits().filter(|(_, limit)| counts(limit)).map(|(number, _)| number));
        for (_, limit) in limits() {
            let kind = (limit.measure, limit.per);
            replaced_if_enforced.insert(kind);
            if limit.enforced {
                replaced.insert(kind);
            }
        }
    }
    applying
}

impl KnownNetworks {
    /// Compiles what each scope knows.
    pub fn new<N: IntoIterator<Item = IpNet>>(known: impl IntoIterator<Item = (Scope, N)>) -> Self {
        let mut all = Self::default();
        for (scope, networks) in known {
            let networks = networks.into_iter().collect();
            match scope {
                Scope::Organization => all.organization = networks,
                Scope::Domain(domain) => drop(all.domains.insert(domain, networks)),
                Scope::Account(login) => drop(all.accounts.insert(login, networks)),
            }
        }
        all
    }

    /// Whether the login is expected to send from there. An unknown address is not.
    pub fn holds(&self, login: &str, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return false };
        self.organization.contains(address)
            || domain_of(login)
                .and_then(|domain| self.domains.get(domain))
                .is_some_and(|networks| networks.contains(address))
            || self.accounts.get(login).is_some_and(|networks| networks.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(id: &str, scope: Scope, measure: Measure, enforced: bool) -> Limit {
        Limit {
            id: LimitId(id.into()),
            scope,
            measure,
            per: Per::Account,
            known: Some(1),
            others: Some(0),
            burst: None,
            action: LimitAction::Reject,
            text: None,
            enforced,
        }
    }

    fn applying(set: &LimitSet, login: &str) -> Vec<String> {
        set.applying(login).map(|limit| limit.id.0.to_string()).collect()
    }

    #[test]
    fn the_most_specific_limit_of_a_kind_counts_alone() {
        let hour = Measure::Recipients(Window::Hour);
        let set = LimitSet::new([
            limit("org-hour", Scope::Organization, hour, true),
            limit("org-day", Scope::Organization, Measure::Recipients(Window::Day), true),
            limit("domain-hour", Scope::Domain("x".into()), hour, true),
            limit("a-hour", Scope::Account("a@x".into()), hour, true),
        ]);
        assert_eq!(applying(&set, "a@x"), ["a-hour", "org-day"]);
        assert_eq!(applying(&set, "b@x"), ["domain-hour", "org-day"]);
        assert_eq!(applying(&set, "b@y"), ["org-hour", "org-day"]);
    }

    #[test]
    fn a_report_only_limit_replaces_nothing_yet() {
        let hour = Measure::Recipients(Window::Hour);
        let set = LimitSet::new([
            limit("org", Scope::Organization, hour, true),
            limit("a", Scope::Account("a@x".into()), hour, false),
            limit("org-report", Scope::Organization, hour, false),
        ]);
        assert_eq!(applying(&set, "a@x"), ["a", "org"]);
        assert_eq!(applying(&set, "b@x"), ["org", "org-report"]);
    }

    #[test]
    fn known_networks_of_all_scopes_come_together() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let known = KnownNetworks::new([
            (Scope::Organization, vec![net("10.0.0.0/8")]),
            (Scope::Domain("x".into()), vec![net("192.0.2.0/24")]),
            (Scope::Account("a@x".into()), vec![net("2001:db8::/32")]),
        ]);
        let holds = |login: &str, address: &str| known.holds(login, address.parse().ok());
        assert!(holds("a@x", "10.1.2.3") && holds("a@x", "::ffff:192.0.2.1") && holds("a@x", "2001:db8::1"));
        assert!(!holds("b@x", "2001:db8::1") && holds("b@x", "192.0.2.1") && !holds("b@y", "192.0.2.1"));
        assert!(!holds("a@x", "unknown"));
    }
}
