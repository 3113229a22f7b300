use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The rules read one by one, as DESIGN.md words them.
fn naive(rules: &[Rule], visitor: &Visitor<'_>, now: Timestamp) -> (bool, bool) {
    let refused = |rules: &[&Rule]| {
        let matching = |rule: &&Rule| rule.misses(visitor, now).is_empty();
        if rules.iter().any(|rule| rule.action == Action::Deny && matching(rule)) {
            return true;
        }
        let mut applying: Vec<_> = rules
            .iter()
            .filter(|rule| rule.action == Action::Allow)
            .filter(|rule| rule.scope.holds(visitor.login) && rule.protocols.contains(visitor.protocol))
            .collect();
        let specific = |rule: &Rule| match rule.scope {
            Scope::Organization => 0,
            Scope::Domain(_) => 1,
            Scope::Account(_) => 2,
        };
        let Some(most) = applying.iter().map(|rule| specific(rule)).max() else { return false };
        applying.retain(|rule| specific(rule) == most);
        !applying.into_iter().any(matching)
    };
    let enforced: Vec<_> = rules.iter().filter(|rule| rule.enforced).collect();
    (refused(&enforced), refused(&rules.iter().collect::<Vec<_>>()))
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0u32..64).prop_map(|low| IpAddr::from((0xcb00_7100u32 | low).to_be_bytes())),
        (0u128..64).prop_map(|low| IpAddr::from(((0x2001_0db8u128 << 96) | low).to_be_bytes())),
        (0u128..64).prop_map(|low| IpAddr::from(((0xffffu128 << 32) | 0xcb00_7100 | low).to_be_bytes())),
        any::<u32>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
        any::<u128>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
    ]
}

fn network() -> impl Strategy<Value = IpNet> {
    (address(), prop_oneof![0u8..=128, 24u8..=32, 96u8..=128]).prop_map(|(ip, length)| {
        let width = if ip.is_ipv4() { 32 } else { 128 };
        IpNet::new(ip, length.min(width)).unwrap()
    })
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop::sample::select(vec![Protocol::Web, Protocol::Imap, Protocol::Submission])
}

fn country() -> impl Strategy<Value = Country> {
    prop::sample::select(vec!["DE", "UA", "FR"]).prop_map(|code| Country::read(code).unwrap())
}

fn schedule() -> impl Strategy<Value = Schedule> {
    (any::<u8>(), 0i8..24, 0i8..24).prop_map(|(days, from, until)| Schedule {
        days: (0..7)
            .filter(|day| days & 1 << day != 0)
            .filter_map(|day| jiff::civil::Weekday::from_monday_zero_offset(day).ok())
            .collect(),
        from: jiff::civil::Time::constant(from, 0, 0, 0),
        until: jiff::civil::Time::constant(until, 0, 0, 0),
        zone: TimeZone::UTC,
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Organization),
        "[xy]".prop_map(|domain| Scope::Domain(domain.into())),
        "[ab]@[xy]".prop_map(|login| Scope::Account(login.into())),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        scope(),
        any::<bool>(),
        prop::collection::vec(protocol(), 0..3),
        prop::collection::vec(network(), 0..4),
        prop::collection::vec(country(), 0..2),
        prop::option::weighted(0.3, schedule()),
        prop::option::weighted(0.3, 0i64..600_000),
        any::<bool>(),
    )
        .prop_map(|(scope, allow, protocols, networks, countries, schedule, expires, enforced)| Rule {
            id: RuleId("".into()),
            scope,
            action: if allow { Action::Allow } else { Action::Deny },
            protocols: if protocols.is_empty() { Protocols::ANY } else { protocols.into_iter().collect() },
            networks,
            countries,
            schedule,
            expires_at: expires.map(at),
            enforced,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    /// 5,000 sets of rules, 20 visitors each.
    #[test]
    fn compiled_rules_say_what_the_rules_say_read_one_by_one(
        mut rules in prop::collection::vec(rule(), 0..12),
        visitors in prop::collection::vec(
            ("[ab]@[xy]", protocol(), prop::option::weighted(0.9, address()), prop::option::of(country()), 0i64..600_000),
            20,
        ),
    ) {
        for (number, rule) in rules.iter_mut().enumerate() {
            rule.id = RuleId(number.to_string().into());
        }
        let set = RuleSet::new(rules.clone());
        for (login, protocol, address, country, now) in visitors {
            let visitor = Visitor { login: &login, protocol, address, country };
            let judgement = set.judge(&visitor, at(now));
            let (refused, would) = naive(&rules, &visitor, at(now));
            prop_assert_eq!(!judgement.against.is_empty(), refused);
            // What is enforced is not reported again.
            let mut all = judgement.against.clone();
            all.extend(judgement.reported.clone());
            if !refused {
                prop_assert_eq!(!judgement.reported.is_empty(), would);
            }
            for against in all {
                let Against::Denied(id) = against else { continue };
                let rule = rules.iter().find(|rule| rule.id == id).unwrap();
                prop_assert_eq!(rule.misses(&visitor, at(now)), []);
            }
        }
    }
}

fn plain(id: &str, scope: Scope, action: Action, networks: &[&str]) -> Rule {
    Rule {
        id: RuleId(id.into()),
        scope,
        action,
        protocols: Protocols::ANY,
        networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
        countries: Vec::new(),
        schedule: None,
        expires_at: None,
        enforced: true,
    }
}

#[test]
fn an_expired_allow_rule_keeps_its_list_closed() {
    let mut rule = plain("a", Scope::Account("a@x".into()), Action::Allow, &["203.0.113.0/24"]);
    rule.expires_at = Some(at(100));
    let set = RuleSet::new([rule]);
    let visitor = Visitor {
        login: "a@x",
        protocol: Protocol::Imap,
        address: "203.0.113.7".parse().ok(),
        country: None,
    };
    assert_eq!(set.judge(&visitor, at(99)), Judgement::default());
    let refused = set.judge(&visitor, at(100));
    assert!(matches!(&refused.against[..], [Against::NotAllowed { rule, .. }] if &*rule.0 == "a"));
}

#[test]
fn an_unknown_country_matches_no_allow() {
    let mut rule = plain("a", Scope::Organization, Action::Allow, &[]);
    rule.countries = vec![Country::read("DE").unwrap()];
    let set = RuleSet::new([rule]);
    let from = |country| Visitor { login: "a@x", protocol: Protocol::Web, address: None, country };
    assert!(set.judge(&from(Country::read("de")), at(0)).against.is_empty());
    assert!(!set.judge(&from(Country::read("fr")), at(0)).against.is_empty());
    assert!(!set.judge(&from(None), at(0)).against.is_empty());
}

#[test]
fn a_deny_is_named_before_the_closed_list() {
    let set = RuleSet::new([
        plain("list", Scope::Account("a@x".into()), Action::Allow, &["10.0.0.0/8"]),
        plain("deny", Scope::Organization, Action::Deny, &["203.0.113.0/24"]),
    ]);
    let visitor = Visitor {
        login: "a@x",
        protocol: Protocol::Imap,
        address: "203.0.113.7".parse().ok(),
        country: None,
    };
    let against = set.judge(&visitor, at(0)).against;
    assert!(
        matches!(&against[..], [Against::Denied(deny), Against::NotAllowed { .. }] if &*deny.0 == "deny")
    );
}
