//! One rule or limit as a file has it: names and texts.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use mailcup_wire::{
    AccessAction, AccessTerms, Burst, FieldProblem, LimitAction, LimitMeasure, LimitPer, LimitTerms,
    LimitWindow, PolicyMode, PolicyScope, Protocol, Schedule, Time, Weekday,
};

/// Values by name; a list has several.
pub type Row = BTreeMap<String, Vec<String>>;

pub const ACCESS_COLUMNS: [&str; 13] = [
    "scope",
    "action",
    "protocols",
    "networks",
    "countries",
    "days",
    "from",
    "until",
    "zone",
    "expires_at",
    "note",
    "enabled",
    "mode",
];

pub const LIMIT_COLUMNS: [&str; 13] = [
    "scope",
    "measure",
    "window",
    "per",
    "known",
    "others",
    "burst_count",
    "burst_seconds",
    "action",
    "text",
    "note",
    "enabled",
    "mode",
];

/// Names that hold a list.
pub const LISTS: [&str; 4] = ["protocols", "networks", "countries", "days"];

type Named<T> = [(&'static str, T)];

const ACTIONS: &Named<AccessAction> = &[("allow", AccessAction::Allow), ("deny", AccessAction::Deny)];
const MODES: &Named<PolicyMode> =
    &[("enforced", PolicyMode::Enforced), ("report_only", PolicyMode::ReportOnly)];
const SWITCH: &Named<bool> = &[("true", true), ("false", false), ("yes", true), ("no", false)];
const PROTOCOLS: &Named<Protocol> = &[
    ("web", Protocol::Web),
    ("api", Protocol::Api),
    ("imap", Protocol::Imap),
    ("pop3", Protocol::Pop3),
    ("submission", Protocol::Submission),
    ("sieve", Protocol::Sieve),
];
const DAYS: &Named<Weekday> = &[
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const WINDOWS: &Named<LimitWindow> =
    &[("minute", LimitWindow::Minute), ("hour", LimitWindow::Hour), ("day", LimitWindow::Day)];
const PERS: &Named<LimitPer> = &[
    ("account", LimitPer::Account),
    ("account_and_address", LimitPer::AccountAndAddress),
    ("address", LimitPer::Address),
    ("organization", LimitPer::Organization),
];
const LIMIT_ACTIONS: &Named<LimitAction> =
    &[("reject", LimitAction::Reject), ("defer", LimitAction::Defer), ("hold", LimitAction::Hold)];
const MEASURES: &Named<Measure> = &[
    ("recipients", Measure::Recipients),
    ("messages", Measure::Messages),
    ("recipients_per_message", Measure::RecipientsPerMessage),
];

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Recipients,
    Messages,
    RecipientsPerMessage,
}

pub fn access_terms(row: &Row) -> Result<AccessTerms, Vec<FieldProblem>> {
    let mut reader = Reader { row, problems: Vec::new() };
    reader.knows(&ACCESS_COLUMNS);
    let times = [reader.text("from"), reader.text("until"), reader.text("zone")];
    let days = reader.named_list("days", DAYS);
    let schedule = match times {
        [None, None, None] if days.is_empty() => None,
        [from, until, zone] => Some(Schedule {
            days,
            from: from.unwrap_or_else(|| "00:00".to_owned()),
            until: until.unwrap_or_else(|| "00:00".to_owned()),
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
        }),
    };
    let terms = AccessTerms {
        scope: reader.scope(),
        action: reader.named("action", ACTIONS).unwrap_or(AccessAction::Deny),
        protocols: reader.named_list("protocols", PROTOCOLS),
        networks: reader.parsed_list("networks"),
        countries: row.get("countries").cloned().unwrap_or_default(),
        schedule,
        expires_at: reader.time("expires_at"),
        note: reader.text("note").unwrap_or_default(),
        enabled: reader.named_or("enabled", SWITCH, true),
        mode: reader.named_or("mode", MODES, PolicyMode::ReportOnly),
    };
    reader.ended(|| crate::tidy_access(terms))
}

pub fn limit_terms(row: &Row) -> Result<LimitTerms, Vec<FieldProblem>> {
    let mut reader = Reader { row, problems: Vec::new() };
    reader.knows(&LIMIT_COLUMNS);
    let measure = match reader.named("measure", MEASURES) {
        Some(Measure::RecipientsPerMessage) | None => {
            if row.contains_key("window") && !row.contains_key("measure") {
                // Said already: the measure is missing.
            } else if row.contains_key("window") {
                reader.say("window", "A limit on one message has no window.");
            }
            LimitMeasure::RecipientsPerMessage
        }
        Some(Measure::Recipients) => LimitMeasure::Recipients { window: reader.window() },
        Some(Measure::Messages) => LimitMeasure::Messages { window: reader.window() },
    };
    let burst = match (reader.number("burst_count"), reader.number("burst_seconds")) {
        (Some(count), Some(seconds)) => Some(Burst { count, seconds }),
        (None, None) => None,
        _ => {
            reader.say("burst_count", "A burst has both burst_count and burst_seconds.");
            None
        }
    };
    let terms = LimitTerms {
        scope: reader.scope(),
        measure,
        per: reader.named_or("per", PERS, LimitPer::Account),
        known: reader.number("known"),
        others: reader.number("others"),
        burst,
        action: reader.named_or("action", LIMIT_ACTIONS, LimitAction::Defer),
        text: reader.text("text"),
        note: reader.text("note").unwrap_or_default(),
        enabled: reader.named_or("enabled", SWITCH, true),
        mode: reader.named_or("mode", MODES, PolicyMode::ReportOnly),
    };
    reader.ended(|| crate::tidy_limit(terms))
}

pub fn access_row(terms: &AccessTerms) -> Row {
    let mut row = Row::new();
    let mut put = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            row.insert(name.to_owned(), values);
        }
    };
    put("scope", vec![scope_text(&terms.scope)]);
    put("action", vec![name_of(ACTIONS, terms.action)]);
    put("protocols", names_of(PROTOCOLS, &terms.protocols));
    put("networks", terms.networks.iter().map(ToString::to_string).collect());
    put("countries", terms.countries.clone());
    if let Some(schedule) = &terms.schedule {
        put("days", names_of(DAYS, &schedule.days));
        put("from", vec![schedule.from.clone()]);
        put("until", vec![schedule.until.clone()]);
        put("zone", vec![schedule.zone.clone()]);
    }
    put("expires_at", terms.expires_at.map(|end| end.0.to_string()).into_iter().collect());
    put("note", Some(terms.note.clone()).filter(|note| !note.is_empty()).into_iter().collect());
    put("enabled", vec![terms.enabled.to_string()]);
    put("mode", vec![name_of(MODES, terms.mode)]);
    row
}

pub fn limit_row(terms: &LimitTerms) -> Row {
    let mut row = Row::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            row.insert(name.to_owned(), vec![value]);
        }
    };
    let (measure, window) = match terms.measure {
        LimitMeasure::Recipients { window } => (Measure::Recipients, Some(window)),
        LimitMeasure::Messages { window } => (Measure::Messages, Some(window)),
        LimitMeasure::RecipientsPerMessage => (Measure::RecipientsPerMessage, None),
    };
    put("scope", Some(scope_text(&terms.scope)));
    put("measure", Some(name_of(MEASURES, measure)));
    put("window", window.map(|window| name_of(WINDOWS, window)));
    put("per", Some(name_of(PERS, terms.per)));
    put("known", terms.known.map(|figure| figure.to_string()));
    put("others", terms.others.map(|figure| figure.to_string()));
    put("burst_count", terms.burst.map(|burst| burst.count.to_string()));
    put("burst_seconds", terms.burst.map(|burst| burst.seconds.to_string()));
    put("action", Some(name_of(LIMIT_ACTIONS, terms.action)));
    put("text", terms.text.clone());
    put("note", Some(terms.note.clone()).filter(|note| !note.is_empty()));
    put("enabled", Some(terms.enabled.to_string()));
    put("mode", Some(name_of(MODES, terms.mode)));
    row
}

fn scope_text(scope: &PolicyScope) -> String {
    match scope {
        PolicyScope::Organization => "organization".to_owned(),
        PolicyScope::Domain { domain } => format!("@{domain}"),
        PolicyScope::Account { login } => login.to_string(),
    }
}

fn name_of<T: Copy + PartialEq>(names: &Named<T>, value: T) -> String {
    names.iter().find(|(_, it)| *it == value).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
}

fn names_of<T: Copy + PartialEq>(names: &Named<T>, values: &[T]) -> Vec<String> {
    values.iter().map(|value| name_of(names, *value)).collect()
}

/// Reads a row and gathers what is wrong with it.
struct Reader<'a> {
    row: &'a Row,
    problems: Vec<FieldProblem>,
}

impl Reader<'_> {
    fn say(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.to_owned(), message: message.into() });
    }

    fn knows(&mut self, columns: &[&str]) {
        let unknown: Vec<_> =
            self.row.keys().filter(|name| !columns.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            self.say(&shortened(&name), format!("There is no such field; there are {}.", columns.join(", ")));
        }
    }

    /// One value; what is empty counts as not given.
    fn text(&mut self, name: &str) -> Option<String> {
        let values = self.row.get(name)?;
        if values.len() > 1 {
            self.say(name, "One value, not a list.");
        }
        values.first().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn scope(&mut self) -> PolicyScope {
        match self.text("scope") {
            None => {
                self.say("scope", "Say for whom: organization, @example.org, or anna@example.org.");
                PolicyScope::Organization
            }
            Some(text) if text.eq_ignore_ascii_case("organization") => PolicyScope::Organization,
            Some(text) => match text.strip_prefix('@') {
                Some(domain) => PolicyScope::Domain { domain: domain.to_owned() },
                None => PolicyScope::Account { login: text.into() },
            },
        }
    }

    fn window(&mut self) -> LimitWindow {
        self.named("window", WINDOWS).unwrap_or(LimitWindow::Hour)
    }

    /// One of some words, which must be given.
    fn named<T: Copy>(&mut self, name: &str, names: &Named<T>) -> Option<T> {
        let text = self.text(name);
        if text.is_none() {
            self.say(name, format!("It must be given: {}.", choices(names)));
        }
        self.look_up(name, &text?, names)
    }

    fn named_or<T: Copy>(&mut self, name: &str, names: &Named<T>, otherwise: T) -> T {
        self.text(name).and_then(|text| self.look_up(name, &text, names)).unwrap_or(otherwise)
    }

    fn named_list<T: Copy>(&mut self, name: &str, names: &Named<T>) -> Vec<T> {
        let values = self.row.get(name).cloned().unwrap_or_default();
        values.iter().filter_map(|value| self.look_up(name, value, names)).collect()
    }

    fn look_up<T: Copy>(&mut self, name: &str, text: &str, names: &Named<T>) -> Option<T> {
        let text = text.trim();
        let found = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
        if found.is_none() {
            self.say(name, format!("“{}” is none of {}.", shortened(text), choices(names)));
        }
        found
    }

    fn parsed_list<T: FromStr>(&mut self, name: &str) -> Vec<T>
    where
        T::Err: Display,
    {
        let values = self.row.get(name).cloned().unwrap_or_default();
        let mut parsed = Vec::with_capacity(values.len());
        for value in values {
            match value.parse::<T>() {
                Ok(value) => parsed.push(value),
                Err(fault) => self.say(name, fault.to_string()),
            }
        }
        parsed
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.say(name, format!("“{}” is no whole number; leave it out for none.", shortened(&text)));
        }
        number
    }

    fn time(&mut self, name: &str) -> Option<Time> {
        let text = self.text(name)?;
        let time = text.parse().ok().map(Time);
        if time.is_none() {
            self.say(name, "A time reads like 2026-12-31T23:59:59Z.");
        }
        time
    }

    fn ended<T>(self, tidied: impl FnOnce() -> Result<T, Vec<FieldProblem>>) -> Result<T, Vec<FieldProblem>> {
        if self.problems.is_empty() { tidied() } else { Err(self.problems) }
    }
}

fn choices<T>(names: &Named<T>) -> String {
    names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
