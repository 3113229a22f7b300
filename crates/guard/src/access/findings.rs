//! Overlaps and contradictions among rules.

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{Action, Protocols, Rule, RuleId, Scope};
use crate::networks::canonical;

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

const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Finds what is odd, in the order of the rules.
pub fn findings(rules: &[Rule], now: Timestamp, has_places: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
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
            || rules.iter().enumerate().filter(|(other, it)| *other != place && !has_expired(it, now));
        if rule.action == Action::Allow {
            if let Some((_, deny)) = others().find(|(_, it)| it.action == Action::Deny && covers(it, rule)) {
                say(FindingKind::Swallowed, Some(deny), Vec::new());
                continue;
            }
            for (_, deny) in others().filter(|(_, it)| it.action == Action::Deny) {
                let networks = shared_networks(deny, rule);
                if !networks.is_empty() {
                    say(FindingKind::PartlySwallowed, Some(deny), networks);
                }
            }
            if let Some((_, narrower)) = others().find(|(_, it)| overrules(it, rule)) {
                say(FindingKind::Overruled, Some(narrower), Vec::new());
            }
        }
        let twin = others().find(|(other, it)| {
            it.action == rule.action
                && (rule.action == Action::Deny || it.scope == rule.scope)
                && covers(it, rule)
                // Of two that say the same, the later one is too many.
                && (*other < place || !covers(rule, it))
        });
        if let Some((_, twin)) = twin {
            say(FindingKind::Redundant, Some(twin), Vec::new());
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
fn covers(wide: &Rule, narrow: &Rule) -> bool {
    let networks = wide.networks.is_empty()
        || !narrow.networks.is_empty()
            && narrow
                .networks
                .iter()
                .all(|net| wide.networks.iter().any(|it| canonical(*it).contains(&canonical(*net))));
    let countries = wide.countries.is_empty()
        || !narrow.countries.is_empty() && narrow.countries.iter().all(|it| wide.countries.contains(it));
    let ends = wide.expires_at.is_none_or(|end| narrow.expires_at.is_some_and(|other| other <= end));
    networks
        && countries
        && ends
        && wide.scope.covers(&narrow.scope)
        && wide.protocols.intersection(narrow.protocols) == narrow.protocols
        && (wide.schedule.is_none() || wide.schedule == narrow.schedule)
        && (wide.enforced || !narrow.enforced)
}

/// Networks of the allow rule that the deny rule always refuses, though not all that the allow rule matches.
fn shared_networks(deny: &Rule, allow: &Rule) -> Vec<IpNet> {
    let meets = deny.scope.covers(&allow.scope)
        && !deny.protocols.intersection(allow.protocols).is_empty()
        && (deny.enforced || !allow.enforced);
    if !meets || !deny.countries.is_empty() || deny.schedule.is_some() {
        return Vec::new();
    }
    if deny.networks.is_empty() {
        return allow.networks.clone();
    }
    let narrower = |a: &IpNet, b: &IpNet| {
        let (a, b) = (canonical(*a), canonical(*b));
        if a.contains(&b) { Some(b) } else { b.contains(&a).then_some(a) }
    };
    let mut shared: Vec<_> = if allow.networks.is_empty() {
        deny.networks.clone()
    } else {
        deny.networks.iter().flat_map(|a| allow.networks.iter().filter_map(move |b| narrower(a, b))).collect()
    };
    shared.sort();
    shared.dedup();
    shared
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
