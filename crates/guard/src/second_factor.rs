//! What a sign-in must give beside the password: the policy of each scope, and what follows from it for one person at
//! one time.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::access::{Scope, domain_of};

/// What one scope says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The password alone.
    Off,
    /// A factor of who has one; the password alone of everybody else.
    Optional,
    Required(Required),
}

/// A second factor of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    pub from: Timestamp,
    /// How long whoever lacks a factor may still sign in as before: from `from` on, and for those who come later from
    /// the day on which they came.
    pub grace: SignedDuration,
    /// What is asked for until then.
    pub before: Before,
    /// Only what stands up to a thief who reads the mailbox counts: for an account an authenticator, a passkey, or
    /// an address outside of it.
    pub outside: bool,
}

/// What is asked for before a requirement is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Nothing,
    Optional,
    Code,
}

/// The policy for accounts on the web and for admins of each role. An admin's login is no account's: scopes of accounts
/// say nothing about admins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    accounts: HashMap<Scope, Rule>,
    roles: HashMap<Role, Rule>,
}

/// What an admin may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Auditor,
    Admin,
    Owner,
}

/// The factors of somebody, as far as a policy asks about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Person {
    /// An authenticator; of an account also a passkey, or an address for codes outside the mailbox that it protects.
    pub strong: bool,
    /// A code can be mailed to some address.
    pub reachable: bool,
    /// When the person came; none if that is not known.
    pub since: Option<Timestamp>,
    /// Somebody gave this one person time until then.
    pub granted: Option<Timestamp>,
}

/// What a sign-in must give now, and what the person has to set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    pub ask: Ask,
    pub lacks: Option<Lack>,
}

/// What a sign-in must give beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    Nothing,
    /// A code by mail, or anything stronger.
    Code,
    /// A factor that counts as strong: no code by mail of an admin.
    Strong,
    /// Nobody gets in before the person has what they lack.
    Refuse,
}

/// What somebody lacks under the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    /// From when on it is required of this person.
    pub since: Timestamp,
    /// The moment from which it is refused.
    pub until: Timestamp,
}

/// What holds where nobody said anything: a code at every sign-in on the web, wherever it goes.
pub const DEFAULT: Rule = Rule::Required(Required {
    from: Timestamp::UNIX_EPOCH,
    grace: SignedDuration::ZERO,
    before: Before::Code,
    outside: false,
});

impl Policy {
    pub fn new(
        accounts: impl IntoIterator<Item = (Scope, Rule)>,
        roles: impl IntoIterator<Item = (Role, Rule)>,
    ) -> Self {
        Self { accounts: accounts.into_iter().collect(), roles: roles.into_iter().collect() }
    }

    /// The closest scope that says something about an account, and what it says.
    pub fn of_account(&self, login: &str) -> (Option<Scope>, Rule) {
        let domain = domain_of(login).map(|domain| Scope::Domain(domain.into()));
        let scopes = [Some(Scope::Account(Arc::from(login))), domain, Some(Scope::Organization)];
        let said = |scope: Scope| self.accounts.get(&scope).map(|rule| (Some(scope.clone()), *rule));
        scopes.into_iter().flatten().find_map(said).unwrap_or((None, DEFAULT))
    }

    /// What is said about admins of a role.
    pub fn of_role(&self, role: Role) -> Rule {
        self.roles.get(&role).copied().unwrap_or(Rule::Optional)
    }

    /// Whether anybody said something about admins of a role.
    pub fn says_of_role(&self, role: Role) -> bool {
        self.roles.contains_key(&role)
    }

    /// What an account must give on the web.
    pub fn account(&self, login: &str, person: &Person, now: Timestamp) -> Demand {
        let (_, rule) = self.of_account(login);
        let optional = if person.strong { Ask::Code } else { Ask::Nothing };
        let before = |before| match before {
            Before::Nothing => Ask::Nothing,
            Before::Optional => optional,
            Before::Code if person.reachable || person.strong => Ask::Code,
            Before::Code => Ask::Refuse,
        };
        match rule {
            Rule::Off => Demand { ask: Ask::Nothing, lacks: None },
            Rule::Optional => Demand { ask: optional, lacks: None },
            Rule::Required(required) => {
                let has = person.strong || (person.reachable && !required.outside);
                demand(&required, person, now, has, before(required.before), Ask::Code)
            }
        }
    }

    /// What an admin must give: at least a code by mail, whatever the policy says.
    pub fn admin(&self, role: Role, person: &Person, now: Timestamp) -> Demand {
        match self.of_role(role) {
            Rule::Off | Rule::Optional => Demand { ask: Ask::Code, lacks: None },
            Rule::Required(required) => demand(&required, person, now, person.strong, Ask::Code, Ask::Strong),
        }
    }
}

/// What a requirement asks of somebody: `before` until it is in force and in its grace, `after` of who has what it
/// takes.
fn demand(
    required: &Required,
    person: &Person,
    now: Timestamp,
    has: bool,
    before: Ask,
    after: Ask,
) -> Demand {
    let Required { from, grace, .. } = *required;
    if has {
        let ask = if now < from { before } else { after };
        return Demand { ask, lacks: None };
    }
    let since = person.since.map_or(from, |since| since.max(from));
    let end = since.saturating_add(grace).unwrap_or(Timestamp::MAX);
    let until = person.granted.map_or(end, |granted| granted.max(end));
    let ask = if now < until { before } else { Ask::Refuse };
    Demand { ask, lacks: Some(Lack { since, until }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let before = prop::sample::select(vec![Before::Nothing, Before::Optional, Before::Code]);
        prop_oneof![
            Just(Rule::Off),
            Just(Rule::Optional),
            (0i64..20, 0i64..10, before, any::<bool>()).prop_map(|(from, grace, before, outside)| {
                let grace = SignedDuration::from_secs(grace);
                Rule::Required(Required { from: at(from), grace, before, outside })
            }),
        ]
    }

    fn person() -> impl Strategy<Value = Person> {
        let moment = || prop::option::of((0i64..30).prop_map(at));
        (any::<bool>(), any::<bool>(), moment(), moment())
            .prop_map(|(strong, reachable, since, granted)| Person { strong, reachable, since, granted })
    }

    fn role() -> impl Strategy<Value = Role> {
        prop::sample::select(vec![Role::Auditor, Role::Admin, Role::Owner])
    }

    proptest! {
        #[test]
        fn the_closest_scope_decides(
            organization in prop::option::of(rule()),
            domain in prop::option::of(rule()),
            account in prop::option::of(rule()),
        ) {
            let scopes = [
                (Scope::Organization, organization),
                (Scope::Domain("x".into()), domain),
                (Scope::Account("a@x".into()), account),
            ];
            let policy = Policy::new(scopes.into_iter().filter_map(|(scope, rule)| Some((scope, rule?))), []);
            prop_assert_eq!(policy.of_account("a@x").1, account.or(domain).or(organization).unwrap_or(DEFAULT));
            prop_assert_eq!(policy.of_account("b@x").1, domain.or(organization).unwrap_or(DEFAULT));
            prop_assert_eq!(policy.of_account("a@y").1, organization.unwrap_or(DEFAULT));
            prop_assert_eq!(policy.of_role(Role::Owner), Rule::Optional);
        }

        #[test]
        fn an_admin_always_gives_a_code_and_what_is_required_for_good(
            rule in rule(), role in role(), person in person(), now in (0i64..60).prop_map(at),
        ) {
            let demand = Policy::new([], [(role, rule)]).admin(role, &person, now);
            prop_assert!(demand.ask >= Ask::Code);
            let Rule::Required(required) = rule else {
                prop_assert_eq!(demand, Demand { ask: Ask::Code, lacks: None });
                return Ok(());
            };
            let in_force = now >= required.from;
            prop_assert_eq!(demand.lacks.is_some(), !person.strong);
            prop_assert_eq!(demand.ask == Ask::Strong, person.strong && in_force);
            if let Some(lack) = demand.lacks {
                prop_assert_eq!(demand.ask == Ask::Refuse, now >= lack.until);
                prop_assert!(lack.since >= required.from && lack.until >= lack.since);
                prop_assert!(person.since.is_none_or(|since| lack.until >= since.saturating_add(required.grace).unwrap()));
                prop_assert!(person.granted.is_none_or(|granted| lack.until >= granted));
            }
        }

        #[test]
        fn of_an_account_is_asked_what_the_rule_says_at_that_time(
            rule in rule(), person in person(), now in (0i64..60).prop_map(at),
        ) {
            let policy = Policy::new([(Scope::Organization, rule)], []);
            let demand = policy.account("a@x", &person, now);
            prop_assert!(demand.ask != Ask::Strong);
            // No code is asked for that can be had nowhere.
            prop_assert!(demand.ask != Ask::Code || person.reachable || person.strong);
            let asked_of_who_can = if person.strong { Ask::Code } else { Ask::Nothing };
            match rule {
                Rule::Off => prop_assert_eq!(demand.ask, Ask::Nothing),
                Rule::Optional => prop_assert_eq!(demand.ask, asked_of_who_can),
                Rule::Required(required) => {
                    let has = person.strong || (person.reachable && !required.outside);
                    prop_assert_eq!(demand.lacks.is_some(), !has);
                    let over = demand.lacks.map_or(now >= required.from, |lack| now >= lack.until);
                    if over {
                        prop_assert_eq!(demand.ask, if has { Ask::Code } else { Ask::Refuse });
                    } else if required.before == Before::Nothing {
                        prop_assert_eq!(demand.ask, Ask::Nothing);
                    }
                }
            }
        }

        #[test]
        fn more_time_and_more_factors_never_ask_for_less_access(
            rule in rule(), role in role(), person in person(), now in (0i64..60).prop_map(at),
            granted in (0i64..60).prop_map(at),
        ) {
            let policy = Policy::new([(Scope::Organization, rule)], [(role, rule)]);
            let longer = Person { granted: Some(person.granted.map_or(granted, |at| at.max(granted))), ..person };
            let stronger = Person { strong: true, reachable: true, ..person };
            for better in [longer, stronger] {
                if policy.admin(role, &person, now).ask != Ask::Refuse {
                    prop_assert!(policy.admin(role, &better, now).ask != Ask::Refuse);
                }
                if policy.account("a@x", &person, now).ask != Ask::Refuse {
                    prop_assert!(policy.account("a@x", &better, now).ask != Ask::Refuse);
                }
            }
            prop_assert!(policy.admin(role, &stronger, now).ask != Ask::Refuse);
            prop_assert!(policy.account("a@x", &stronger, now).ask != Ask::Refuse);
        }
    }
}
