//! Access rules: which networks may or may not sign in, compiled for the hot path.
//!
//! Any matching deny rule refuses. Else the most specific scope (account, then domain, then organization) that
//! has allow rules for the protocol decides: one of them must match. Network, country, schedule and expiry
//! narrow what a rule matches, never whether its list applies: an expired allow rule matches nothing, and its
//! list stays closed.

mod findings;
mod schedule;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;

pub use self::{
    findings::{Finding, FindingKind, findings},
    schedule::{Days, Schedule, ScheduleFault},
};
use crate::networks::{NetworkMap, canonical};

/// Names an access rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub Arc<str>);

/// How somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Web,
    Api,
    Imap,
    Pop3,
    Submission,
    Sieve,
}

/// A set of protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Protocols(u8);

/// An ISO 3166-1 alpha-2 code in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// Whom a rule or limit is for; domains and logins in lower case. In order of how specific it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Organization,
    Domain(Arc<str>),
    Account(Arc<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Allow,
    Deny,
}

/// A rule that is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    pub scope: Scope,
    pub action: Action,
    pub protocols: Protocols,
    /// None: any address, known or not.
    pub networks: Vec<IpNet>,
    /// None: any country, known or not.
    pub countries: Vec<Country>,
    pub schedule: Option<Schedule>,
    /// The moment from which it matches nothing.
    pub expires_at: Option<Timestamp>,
    /// Otherwise it refuses nothing, and what it would have done is reported.
    pub enforced: bool,
}

/// Somebody who signs in, as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// In lower case.
    pub login: &'a str,
    pub protocol: Protocol,
    pub address: Option<IpAddr>,
    /// None where it is not known.
    pub country: Option<Country>,
}

/// Why a rule does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    OtherScope,
    OtherProtocol,
    NoAddress,
    OtherNetwork,
    OtherCountry,
    UnknownCountry,
    OutsideSchedule,
    Expired,
}

/// What the rules say of a visitor. Nothing speaks against them where both lists are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// What refuses: every deny rule that matched, or else the closed list.
    pub against: Vec<Against>,
    /// What would refuse, were the report-only rules enforced.
    pub reported: Vec<Against>,
}

/// One thing that speaks against a visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// A deny rule matched.
    Denied(RuleId),
    /// None of this scope's allow rules matched; the first of them stands for the list.
    NotAllowed { scope: Scope, rule: RuleId },
}

/// Rules in a form that is looked up in a time that hardly depends on how many rules and networks there are.
/// Immutable: a change compiles a new one. Schedule and expiry are judged at the lookup.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    organization: Lists,
    domains: HashMap<Arc<str>, Lists>,
    accounts: HashMap<Arc<str>, Lists>,
    uses_countries: bool,
}

/// The rules of one scope, by number.
#[derive(Debug, Default)]
struct Lists {
    /// Those that match any address.
    anywhere: Vec<u32>,
    somewhere: NetworkMap<u32>,
    /// Protocols for which there is a list of enforced allow rules.
    closed: Protocols,
    /// The same, were report-only ones enforced.
    closed_if_enforced: Protocols,
    allows: Vec<u32>,
}

impl Protocols {
    pub const ANY: Self = Self(0b11_1111);

    pub fn contains(self, protocol: Protocol) -> bool {
        self.0 & bit(protocol) != 0
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Protocol> for Protocols {
    fn from_iter<I: IntoIterator<Item = Protocol>>(protocols: I) -> Self {
        Self(protocols.into_iter().fold(0, |bits, protocol| bits | bit(protocol)))
    }
}

impl Country {
    /// Reads two letters of either case.
    pub fn read(code: &str) -> Option<Self> {
        match code.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl Scope {
    pub fn holds(&self, login: &str) -> bool {
        match self {
            Self::Organization => true,
            Self::Domain(domain) => domain_of(login) == Some(domain),
            Self::Account(account) => login == &**account,
        }
    }

    /// Whether it holds everybody that `other` holds.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Organization, _) => true,
            (Self::Domain(domain), Self::Account(account)) => domain_of(account) == Some(domain),
            (a, b) => a == b,
        }
    }
}

/// What stands behind a login's last `@`.
pub fn domain_of(login: &str) -> Option<&str> {
    login.rsplit_once('@').map(|(_, domain)| domain)
}

impl Rule {
    /// All that keeps it from matching.
    pub fn misses(&self, visitor: &Visitor<'_>, now: Timestamp) -> Vec<Miss> {
        let mut misses = Vec::new();
        if !self.scope.holds(visitor.login) {
            misses.push(Miss::OtherScope);
        }
        if !self.protocols.contains(visitor.protocol) {
            misses.push(Miss::OtherProtocol);
        }
        match visitor.address {
            _ if self.networks.is_empty() => {}
            None => misses.push(Miss::NoAddress),
            Some(address)
                if self.networks.iter().any(|net| canonical(*net).contains(&address.to_canonical())) => {}
            Some(_) => misses.push(Miss::OtherNetwork),
        }
        misses.extend(self.country_miss(visitor.country));
        misses.extend(self.time_miss(now));
        misses
    }

    fn country_miss(&self, country: Option<Country>) -> Option<Miss> {
        match country {
            _ if self.countries.is_empty() => None,
            None => Some(Miss::UnknownCountry),
            Some(country) if self.countries.contains(&country) => None,
            Some(_) => Some(Miss::OtherCountry),
        }
    }

    fn time_miss(&self, now: Timestamp) -> Option<Miss> {
        if self.expires_at.is_some_and(|end| now >= end) {
            return Some(Miss::Expired);
        }
        self.schedule
            .as_ref()
            .is_some_and(|schedule| !schedule.contains(now))
            .then_some(Miss::OutsideSchedule)
    }

    /// Scope and network are known to fit.
    fn matches_here(&self, visitor: &Visitor<'_>, now: Timestamp) -> bool {
        self.protocols.contains(visitor.protocol)
            && self.country_miss(visitor.country).is_none()
            && self.time_miss(now).is_none()
    }
}

impl RuleSet {
    /// Compiles rules that are switched on.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut set = Self { rules: rules.into_iter().collect(), ..Self::default() };
        for (number, rule) in (0u32..).zip(&set.rules) {
            let lists = match &rule.scope {
                Scope::Organization => &mut set.organization,
                Scope::Domain(domain) => set.domains.entry(Arc::clone(domain)).or_default(),
                Scope::Account(login) => set.accounts.entry(Arc::clone(login)).or_default(),
            };
            lists.add(number, rule);
            set.uses_countries |= !rule.countries.is_empty();
        }
        set
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a visitor's country can matter.
    pub fn uses_countries(&self) -> bool {
        self.uses_countries
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn judge(&self, visitor: &Visitor<'_>, now: Timestamp) -> Judgement {
        let mut judgement = Judgement::default();
        if self.rules.is_empty() {
            return judgement;
        }
        let account = self.accounts.get(visitor.login);
        let domain = domain_of(visitor.login).and_then(|domain| self.domains.get(domain));
        let (mut decided, mut decided_if_enforced) = (false, false);
        for lists in [account, domain, Some(&self.organization)].into_iter().flatten() {
            let mut found = Found::default();
            lists.each_at(visitor.address, |number| found.take(&self.rules, number, visitor, now));
            judgement.against.extend(found.denied.into_iter().map(Against::Denied));
            judgement.reported.extend(found.would_deny.into_iter().map(Against::Denied));
            if !decided && lists.closed.contains(visitor.protocol) {
                decided = true;
                if !found.allowed {
                    judgement.against.extend(self.closed_list(lists, visitor.protocol, true));
                }
            }
            if !decided_if_enforced && lists.closed_if_enforced.contains(visitor.protocol) {
                decided_if_enforced = true;
                if !found.allowed && !found.would_allow {
                    judgement.reported.extend(self.closed_list(lists, visitor.protocol, false));
                }
            }
        }
        // A deny is the cause even where the list would refuse as well, and is said first.
        judgement.against.sort_by_key(|against| matches!(against, Against::NotAllowed { .. }));
        judgement.reported.retain(|reported| !judgement.against.contains(reported));
        judgement
    }

    /// The scope whose list of enforced allow rules decides for the visitor, if there is one.
    pub fn deciding_scope(&self, login: &str, protocol: Protocol) -> Option<Scope> {
        let account =
            self.accounts.get_key_value(login).map(|(login, lists)| (Scope::Account(login.clone()), lists));
        let domain = domain_of(login)
            .and_then(|domain| self.domains.get_key_value(domain))
            .map(|(domain, lists)| (Scope::Domain(domain.clone()), lists));
        [account, domain, Some((Scope::Organization, &self.organization))]
            .into_iter()
            .flatten()
            .find(|(_, lists)| lists.closed.contains(protocol))
            .map(|(scope, _)| scope)
    }

    fn closed_list(&self, lists: &Lists, protocol: Protocol, enforced: bool) -> Option<Against> {
        lists
            .allows
            .iter()
            .filter_map(|number| self.rules.get(*number as usize))
            .find(|rule| rule.protocols.contains(protocol) && (rule.enforced || !enforced))
            .map(|rule| Against::NotAllowed { scope: rule.scope.clone(), rule: rule.id.clone() })
    }
}

/// What of one scope's rules matched.
#[derive(Default)]
struct Found {
    denied: Vec<RuleId>,
    would_deny: Vec<RuleId>,
    allowed: bool,
    would_allow: bool,
}

impl Found {
    fn take(&mut self, rules: &[Rule], number: u32, visitor: &Visitor<'_>, now: Timestamp) {
        let Some(rule) = rules.get(number as usize).filter(|rule| rule.matches_here(visitor, now)) else {
            return;
        };
        match (rule.action, rule.enforced) {
            (Action::Allow, true) => self.allowed = true,
            (Action::Allow, false) => self.would_allow = true,
            (Action::Deny, true) => remember(&mut self.denied, &rule.id),
            (Action::Deny, false) => remember(&mut self.would_deny, &rule.id),
        }
    }
}

impl Lists {
    fn add(&mut self, number: u32, rule: &Rule) {
        if rule.networks.is_empty() {
            self.anywhere.push(number);
        }
        for network in &rule.networks {
            self.somewhere.insert(*network, number);
        }
        if rule.action == Action::Allow {
            self.allows.push(number);
            self.closed_if_enforced = self.closed_if_enforced.union(rule.protocols);
            if rule.enforced {
                self.closed = self.closed.union(rule.protocols);
            }
        }
    }

    fn each_at(&self, address: Option<IpAddr>, mut take: impl FnMut(u32)) {
        self.anywhere.iter().copied().for_each(&mut take);
        if let Some(address) = address {
            self.somewhere.each_holding(address, |number| take(*number));
        }
    }
}

/// A rule may hold an address in several of its networks.
fn remember(ids: &mut Vec<RuleId>, id: &RuleId) {
    if !ids.contains(id) {
        ids.push(id.clone());
    }
}

fn bit(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Web => 1,
        Protocol::Api => 1 << 1,
        Protocol::Imap => 1 << 2,
        Protocol::Pop3 => 1 << 3,
        Protocol::Submission => 1 << 4,
        Protocol::Sieve => 1 << 5,
    }
}

#[cfg(test)]
mod tests;
