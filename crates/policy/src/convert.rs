//! From the wire to guard.

use std::sync::Arc;

use jiff::{SignedDuration, civil::Weekday as CivilDay, tz::TimeZone};
use mailcup_guard::{
    access::{self, Country, Days, Protocols, Rule, RuleSet, Scope},
    limit::{self, Limit, LimitSet},
};
use mailcup_wire::{
    AccessAction, AccessRule, AccessTerms, Burst, KnownNetworks, LimitAction, LimitId, LimitMeasure,
    LimitPer, LimitTerms, LimitWindow, Login, PolicyMode, PolicyScope, Protocol, RuleId, Schedule,
    SendingLimit, Weekday,
};

/// Compiles the rules that are switched on.
pub fn rule_set<'a>(rules: impl IntoIterator<Item = &'a AccessRule>) -> RuleSet {
    let counting = rules.into_iter().filter(|rule| rule.terms.enabled && rule.deleted_at.is_none());
    RuleSet::new(counting.map(|rule| access_rule(&rule.id, &rule.terms)))
}

/// Compiles the limits that are switched on.
pub fn limit_set<'a>(limits: impl IntoIterator<Item = &'a SendingLimit>) -> LimitSet {
    let counting = limits.into_iter().filter(|limit| limit.terms.enabled && limit.deleted_at.is_none());
    LimitSet::new(counting.map(|limit| sending_limit(&limit.id, &limit.terms)))
}

pub fn known_networks<'a>(known: impl IntoIterator<Item = &'a KnownNetworks>) -> limit::KnownNetworks {
    limit::KnownNetworks::new(
        known
            .into_iter()
            .map(|known| (scope(&known.scope), known.networks.iter().map(|network| network.net()))),
    )
}

/// A rule as guard has it, as if it were switched on. What can't be read matches nothing: an unknown country is
/// left out of the list, and a schedule that can't be read has no day.
pub fn access_rule(id: &RuleId, terms: &AccessTerms) -> Rule {
    let protocols = if terms.protocols.is_empty() {
        Protocols::ANY
    } else {
        terms.protocols.iter().map(|it| protocol(*it)).collect()
    };
    Rule {
        id: rule_id(id),
        scope: scope(&terms.scope),
        action: match terms.action {
            AccessAction::Allow => access::Action::Allow,
            AccessAction::Deny => access::Action::Deny,
        },
        protocols,
        networks: terms.networks.iter().map(|network| network.net()).collect(),
        countries: terms.countries.iter().filter_map(|code| country(code)).collect(),
        schedule: terms.schedule.as_ref().map(schedule),
        expires_at: terms.expires_at.map(|end| end.0),
        enforced: terms.mode == PolicyMode::Enforced,
    }
}

/// A limit as guard has it, as if it were switched on.
pub fn sending_limit(id: &LimitId, terms: &LimitTerms) -> Limit {
    Limit {
        id: limit_id(id),
        scope: scope(&terms.scope),
        measure: match terms.measure {
            LimitMeasure::Recipients { window } => limit::Measure::Recipients(self::window(window)),
            LimitMeasure::Messages { window } => limit::Measure::Messages(self::window(window)),
            LimitMeasure::RecipientsPerMessage => limit::Measure::RecipientsPerMessage,
        },
        per: match terms.per {
            LimitPer::Account => limit::Per::Account,
            LimitPer::AccountAndAddress => limit::Per::AccountAndAddress,
            LimitPer::Address => limit::Per::Address,
            LimitPer::Organization => limit::Per::Organization,
        },
        known: terms.known,
        others: terms.others,
        burst: terms.burst.map(|Burst { count, seconds }| limit::Burst {
            count,
            window: SignedDuration::from_secs(seconds.into()),
        }),
        action: match terms.action {
            LimitAction::Reject => limit::LimitAction::Reject,
            LimitAction::Defer => limit::LimitAction::Defer,
            LimitAction::Hold => limit::LimitAction::Hold,
        },
        text: terms.text.as_deref().map(Arc::from),
        enforced: terms.mode == PolicyMode::Enforced,
    }
}

pub fn protocol(protocol: Protocol) -> access::Protocol {
    match protocol {
        Protocol::Web => access::Protocol::Web,
        Protocol::Api => access::Protocol::Api,
        Protocol::Imap => access::Protocol::Imap,
        Protocol::Pop3 => access::Protocol::Pop3,
        Protocol::Submission => access::Protocol::Submission,
        Protocol::Sieve => access::Protocol::Sieve,
    }
}

pub fn scope(scope: &PolicyScope) -> Scope {
    match scope {
        PolicyScope::Organization => Scope::Organization,
        PolicyScope::Domain { domain } => Scope::Domain(domain.as_str().into()),
        PolicyScope::Account { login } => Scope::Account(login.0.as_str().into()),
    }
}

pub fn wire_scope(scope: &Scope) -> PolicyScope {
    match scope {
        Scope::Organization => PolicyScope::Organization,
        Scope::Domain(domain) => PolicyScope::Domain { domain: domain.to_string() },
        Scope::Account(login) => PolicyScope::Account { login: Login(login.to_string()) },
    }
}

pub fn rule_id(id: &RuleId) -> access::RuleId {
    access::RuleId(id.0.as_str().into())
}

pub fn limit_id(id: &LimitId) -> limit::LimitId {
    limit::LimitId(id.0.as_str().into())
}

pub fn country(code: &str) -> Option<Country> {
    Country::read(code)
}

fn window(window: LimitWindow) -> limit::Window {
    match window {
        LimitWindow::Minute => limit::Window::Minute,
        LimitWindow::Hour => limit::Window::Hour,
        LimitWindow::Day => limit::Window::Day,
    }
}

fn schedule(written: &Schedule) -> access::Schedule {
    let read = |text: &str| access::Schedule::time(text).ok();
    let parts = (read(&written.from), read(&written.until), TimeZone::get(&written.zone).ok());
    let days: Days =
        if written.days.is_empty() { Days::ALL } else { written.days.iter().map(|it| day(*it)).collect() };
    match parts {
        (Some(from), Some(until), Some(zone)) => access::Schedule { days, from, until, zone },
        _ => access::Schedule {
            days: Days::default(),
            from: jiff::civil::Time::midnight(),
            until: jiff::civil::Time::midnight(),
            zone: TimeZone::UTC,
        },
    }
}

fn day(day: Weekday) -> CivilDay {
    match day {
        Weekday::Monday => CivilDay::Monday,
        Weekday::Tuesday => CivilDay::Tuesday,
        Weekday::Wednesday => CivilDay::Wednesday,
        Weekday::Thursday => CivilDay::Thursday,
        Weekday::Friday => CivilDay::Friday,
        Weekday::Saturday => CivilDay::Saturday,
        Weekday::Sunday => CivilDay::Sunday,
    }
}
