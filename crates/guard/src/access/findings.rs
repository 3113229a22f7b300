//! Overlaps and contradictions among rules.

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{Action, Protocols, Rule, RuleId, Scope};
use crate::networks::{NetworkSet, canonical};

/// Something odd about a rule: it is in force, but not as one might think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: RuleId,
    pub kind: FindingKind,
    /// The rule that makes it so.
    pub other: Option<RuleId>,
    /// The networks concerned, where it is some of them.
    pub networks: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// A deny rule refuses all that this allow rule would allow.
    Swallowed,
    /// A deny rule refuses some networks of this allow rule.
    PartlySwallowed,
    /// Another rule with the same effect matches all that this one does.
    Redundant,
    Expired,
    /// It expired, and was the last of its list that could match: nobody gets in.
    ListClosed,
    /// It expires within a week.
    ExpiresSoon,
    /// An allow list of a more specific scope decides alone for those whom that is for.
    Overruled,
    /// Its schedule has no moment.
    NeverInTime,
    /// It matches by country, and there is no data of places.
    NoPlaces,
}

/// A rule, and its networks to look up in.
#[derive(Clone, Copy)]
struct Looked<'a> {
    rule: &'a Rule,
    networks: &'a NetworkSet,
}

const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Finds what is odd, in the order of the rules.
pub fn findings(rules: &[Rule], now: Timestamp, has_places: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let sets: Vec<NetworkSet> = rules.iter().map(|rule| rule.networks.iter().copied().collect()).collect();
    let looked: Vec<Looked<'_>> =
        rules.iter().zip(&sets).map(|(rule, networks)| Looked { rule, networks }).collect();
    for (place, (rule, it)) in rules.iter().zip(&looked).enumerate() {
        let mut say = |kind, other: Option<&Rule>, networks| {
            let other = other.map(|other| other.id.clone());
            found.push(Finding { rule: rule.id.clone(), kind, other, networks });
        };
        if has_expired(rule, now) {
            let closes = rule.action == Action::Allow && !keeps_open(rules, rule, now);
            say(if closes { FindingKind::ListClosed } else { FindingKind::Expired }, None, Vec::new());
            continue;
        }
        if rule.expires_at.is_some_and(|end| end.duration_since(now) < SOON) {
            say(FindingKind::ExpiresSoon, None, Vec::new());
        }
        if rule.schedule.as_ref().is_some_and(|schedule| schedule.days.is_empty()) {
            say(FindingKind::NeverInTime, None, Vec::new());
        }
        if !rule.countries.is_empty() && !has_places {
            say(FindingKind::NoPlaces, None, Vec::new());
        }
        let others =
            || looked.iter().enumerate().filter(|(other, it)| *other != place && !has_expired(it.rule, now));
        let denying = || others().map(|(_, other)| other).filter(|other| other.rule.action == Action::Deny);
        if rule.action == Action::Allow {
            if let Some(deny) = denying().find(|deny| covers(deny, it)) {
                say(FindingKind::Swallowed, Some(deny.rule), Vec::new());
                continue;
            }
            for deny in denying() {
                let networks = shared_networks(deny, it);
                if !networks.is_empty() {
                    say(FindingKind::PartlySwallowed, Some(deny.rule), networks);
                }
            }
            if let Some((_, narrower)) = others().find(|(_, other)| overrules(other.rule, rule)) {
                say(FindingKind::Overruled, Some(narrower.rule), Vec::new());
            }
        }
        let twin = others().find(|(number, other)| {
            other.rule.action == rule.action
                && (rule.action == Action::Deny || other.rule.scope == rule.scope)
                && covers(other, it)
                // Of two that say the same, the later one is too many.
                && (*number < place || !covers(it, other))
        });
        if let Some((_, twin)) = twin {
            say(FindingKind::Redundant, Some(twin.rule), Vec::new());
        }
    }
    found
}

fn has_expired(rule: &Rule, now: Timestamp) -> bool {
    rule.expires_at.is_some_and(|end| now >= end)
}

/// Whether another allow rule of the list can still match for each protocol of this one.
fn keeps_open(rules: &[Rule], rule: &Rule, now: Timestamp) -> bool {
    let open = rules
        .iter()
        .filter(|it| it.action == Action::Allow && it.scope == rule.scope && !has_expired(it, now))
        .filter(|it| it.enforced || !rule.enforced)
        .fold(Protocols::default(), |open, it| open.union(it.protocols));
    open.intersection(rule.protocols) == rule.protocols
}

/// Whether `wide` matches whenever `narrow` does, and counts at least as much.
fn covers(wide: &Looked<'_>, narrow: &Looked<'_>) -> bool {
    let (sets, wide, narrow) = (wide.networks, wide.rule, narrow.rule);
    let networks = || {
        wide.networks.is_empty()
            || !narrow.networks.is_empty() && narrow.networks.iter().all(|net| sets.covers(*net))
    };
    let countries = || {
        wide.countries.is_empty()
            || !narrow.countries.is_empty() && narrow.countries.iter().all(|it| wide.countries.contains(it))
    };
    wide.scope.covers(&narrow.scope)
        && wide.protocols.intersection(narrow.protocols) == narrow.protocols
        && (wide.schedule.is_none() || wide.schedule == narrow.schedule)
        && (wide.enforced || !narrow.enforced)
        && wide.expires_at.is_none_or(|end| narrow.expires_at.is_some_and(|other| other <= end))
        && countries()
        && networks()
}

/// Networks of the allow rule that the deny rule always refuses, though not all that the allow rule matches.
fn shared_networks(deny: &Looked<'_>, allow: &Looked<'_>) -> Vec<IpNet> {
    let (denied, allowed) = (deny.networks, allow.networks);
    let (deny, allow) = (deny.rule, allow.rule);
    let meets = deny.scope.covers(&allow.scope)
        && !deny.protocols.intersection(allow.protocols).is_empty()
        && (deny.enforced || !allow.enforced);
    if !meets || !deny.countries.is_empty() || deny.schedule.is_some() {
        return Vec::new();
    }
    if deny.networks.is_empty() {
        return allow.networks.clone();
    }
    if allow.networks.is_empty() {
        return in_order(deny.networks.iter().copied());
    }
    // Of two that overlap, the narrower one.
    let within_allowed = deny.networks.iter().copied().filter(|net| allowed.covers(*net));
    let within_denied = allow.networks.iter().copied().filter(|net| denied.covers(*net));
    in_order(within_allowed.chain(within_denied).map(canonical))
}

fn in_order(networks: impl Iterator<Item = IpNet>) -> Vec<IpNet> {
    let mut networks: Vec<IpNet> = networks.collect();
    networks.sort();
    networks.dedup();
    networks
}

fn overrules(narrow: &Rule, wide: &Rule) -> bool {
    narrow.action == Action::Allow
        && narrow.scope != wide.scope
        && wide.scope.covers(&narrow.scope)
        && narrow.enforced
        && !matches!(narrow.scope, Scope::Organization)
        && !narrow.protocols.intersection(wide.protocols).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Country, Days, Protocol, Schedule};

    fn rule(id: &str, action: Action, networks: &[&str]) -> Rule {
        Rule {
            id: RuleId(id.into()),
            scope: Scope::Organization,
            action,
            protocols: Protocols::ANY,
            networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
            countries: Vec::new(),
            schedule: None,
            expires_at: None,
            enforced: true,
        }
    }

    fn kinds(rules: &[Rule]) -> Vec<(String, FindingKind, Option<String>)> {
        findings(rules, Timestamp::UNIX_EPOCH, false)
            .into_iter()
            .map(|it| (it.rule.0.to_string(), it.kind, it.other.map(|other| other.0.to_string())))
            .collect()
    }

    fn found(rule: &str, kind: FindingKind, other: Option<&str>) -> (String, FindingKind, Option<String>) {
        (rule.to_owned(), kind, other.map(str::to_owned))
    }

    #[test]
    fn an_allow_within_a_deny_never_matches() {
        let rules = [
            rule("a", Action::Allow, &["203.0.113.0/25"]),
            rule("d", Action::Deny, &["::ffff:203.0.113.0/120"]),
        ];
        assert_eq!(kinds(&rules), [found("a", FindingKind::Swallowed, Some("d"))]);
    }

    #[test]
    fn a_deny_takes_a_part_of_an_allow_and_says_which() {
        let rules = [
            rule("a", Action::Allow, &["203.0.113.0/24", "10.0.0.0/8"]),
            rule("d", Action::Deny, &["10.1.0.0/16"]),
        ];
        let all = findings(&rules, Timestamp::UNIX_EPOCH, true);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].kind, FindingKind::PartlySwallowed);
        assert_eq!(all[0].networks, ["10.1.0.0/16".parse().unwrap()]);
    }

    #[test]
    fn of_two_equal_rules_the_later_is_too_many() {
        let rules = [rule("a", Action::Allow, &["10.0.0.0/8"]), rule("b", Action::Allow, &["10.0.0.0/8"])];
        assert_eq!(kinds(&rules), [found("b", FindingKind::Redundant, Some("a"))]);
        let rules = [rule("a", Action::Deny, &["10.1.0.0/16"]), rule("b", Action::Deny, &["10.0.0.0/8"])];
        assert_eq!(kinds(&rules), [found("a", FindingKind::Redundant, Some("b"))]);
    }

    #[test]
    fn an_expired_allow_closes_its_list_unless_another_keeps_it_open() {
        let mut gone = rule("a", Action::Allow, &["10.0.0.0/8"]);
        gone.expires_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(kinds(std::slice::from_ref(&gone)), [found("a", FindingKind::ListClosed, None)]);
        let other = rule("b", Action::Allow, &["192.0.2.0/24"]);
        assert_eq!(kinds(&[gone, other]), [found("a", FindingKind::Expired, None)]);
        let mut soon = rule("c", Action::Allow, &["10.0.0.0/8"]);
        soon.expires_at = Timestamp::from_second(3 * 24 * 3600).ok();
        assert_eq!(kinds(&[soon]), [found("c", FindingKind::ExpiresSoon, None)]);
    }

    #[test]
    fn a_list_of_an_account_decides_alone() {
        let mut account = rule("b", Action::Allow, &["192.0.2.0/24"]);
        account.scope = Scope::Account("a@x".into());
        account.protocols = [Protocol::Imap].into_iter().collect();
        let all = [rule("a", Action::Allow, &["10.0.0.0/8"]), account];
        assert_eq!(kinds(&all), [found("a", FindingKind::Overruled, Some("b"))]);
    }

    #[test]
    fn what_can_never_match_is_named() {
        let mut never = rule("a", Action::Deny, &[]);
        never.schedule = Some(Schedule {
            days: Days::default(),
            from: Schedule::time("08:00").unwrap(),
            until: Schedule::time("18:00").unwrap(),
            zone: jiff::tz::TimeZone::UTC,
        });
        never.countries = vec![Country::read("de").unwrap()];
        assert_eq!(
            kinds(&[never]),
            [found("a", FindingKind::NeverInTime, None), found("a", FindingKind::NoPlaces, None)]
        );
    }
}
