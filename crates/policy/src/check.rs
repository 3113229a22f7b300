//! What may be written in a rule or limit, and its tidy form.

use jiff::tz::TimeZone;
use mailcup_guard::{access, account};
use mailcup_wire::{
    AccessAction, AccessTerms, FieldProblem, LimitMeasure, LimitTerms, LimitWindow, Login, Network,
    PolicyScope,
};

use crate::convert::country;

/// In characters.
pub const LONGEST_NOTE: usize = 2_000;
/// In bytes; a line of an SMTP answer has at most 512 (RFC 5321, section 4.5.3.1.5).
pub const LONGEST_TEXT: usize = 200;
/// Of one rule, or of one scope's known networks.
pub const MOST_NETWORKS: usize = 20_000;

const LONGEST_DOMAIN: usize = 253;
const MOST_COUNTRIES: usize = 300;
const LARGEST_ALLOWANCE: u32 = 10_000_000;
const SHORTEST_BURST: u32 = 1;

/// A rule in its tidy form.
///
/// # Errors
/// What is wrong, field by field.
pub fn tidy_access(mut terms: AccessTerms) -> Result<AccessTerms, Vec<FieldProblem>> {
    terms.scope = tidy_scope(terms.scope);
    trim(&mut terms.note);
    terms.protocols.sort();
    terms.protocols.dedup();
    unique(&mut terms.networks);
    for code in &mut terms.countries {
        *code = code.trim().to_uppercase();
    }
    terms.countries.sort();
    terms.countries.dedup();
    if let Some(schedule) = &mut terms.schedule {
        schedule.days.sort();
        schedule.days.dedup();
        trim(&mut schedule.zone);
    }
    let problems = check_access(&terms);
    if problems.is_empty() { Ok(terms) } else { Err(problems) }
}

/// A limit in its tidy form.
///
/// # Errors
/// What is wrong, field by field.
pub fn tidy_limit(mut terms: LimitTerms) -> Result<LimitTerms, Vec<FieldProblem>> {
    terms.scope = tidy_scope(terms.scope);
    trim(&mut terms.note);
    terms.text = terms.text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let problems = check_limit(&terms);
    if problems.is_empty() { Ok(terms) } else { Err(problems) }
}

/// Logins and domains are compared in lower case.
pub fn tidy_scope(scope: PolicyScope) -> PolicyScope {
    match scope {
        PolicyScope::Organization => PolicyScope::Organization,
        PolicyScope::Domain { domain } => {
            PolicyScope::Domain { domain: domain.trim().trim_start_matches('@').to_lowercase() }
        }
        PolicyScope::Account { login } => {
            PolicyScope::Account { login: Login(login.0.trim().to_lowercase()) }
        }
    }
}

/// What is wrong with a tidy rule.
pub fn check_access(terms: &AccessTerms) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut say =
        |field: &str, message: String| problems.push(FieldProblem { field: field.to_owned(), message });
    if let Some((field, message)) = scope_fault(&terms.scope) {
        say(field, message);
    }
    if terms.networks.len() > MOST_NETWORKS {
        say(
            "networks",
            format!("A rule has at most {MOST_NETWORKS} networks; put them together, or make two rules."),
        );
    }
    if terms.countries.len() > MOST_COUNTRIES {
        say("countries", "There are not so many countries.".to_owned());
    }
    if let Some(code) = terms.countries.iter().find(|code| country(code).is_none()) {
        let code: String = code.chars().take(16).collect();
        say("countries", format!("“{code}” is no country code; write two letters, such as DE."));
    }
    if let Some(schedule) = &terms.schedule {
        for (field, text) in [("schedule.from", &schedule.from), ("schedule.until", &schedule.until)] {
            if let Err(fault) = access::Schedule::time(text) {
                say(field, fault.to_string());
            }
        }
        if TimeZone::get(&schedule.zone).is_err() {
            say("schedule.zone", access::ScheduleFault::Zone.to_string());
        }
    }
    if note_is_long(&terms.note) {
        say("note", format!("A note has at most {LONGEST_NOTE} characters."));
    }
    let is_bare = terms.networks.is_empty()
        && terms.countries.is_empty()
        && terms.schedule.is_none()
        && terms.action == AccessAction::Allow;
    if is_bare {
        say(
            "networks",
            "An allow rule without networks, countries or hours allows everything. Name what it allows."
                .to_owned(),
        );
    }
    problems
}

/// What is wrong with a tidy limit.
pub fn check_limit(terms: &LimitTerms) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut say =
        |field: &str, message: String| problems.push(FieldProblem { field: field.to_owned(), message });
    if let Some((field, message)) = scope_fault(&terms.scope) {
        say(field, message);
    }
    if terms.known.is_none() && terms.others.is_none() && terms.burst.is_none() {
        say("known", "A limit without a figure limits nothing. Set at least one.".to_owned());
    }
    for (field, figure) in [("known", terms.known), ("others", terms.others)] {
        if figure.is_some_and(|figure| figure > LARGEST_ALLOWANCE) {
            say(field, format!("At most {LARGEST_ALLOWANCE}; leave it empty for no limit."));
        }
    }
    if let Some(burst) = terms.burst {
        match window_seconds(terms.measure) {
            None => say("burst", "A limit on one message has no burst.".to_owned()),
            Some(window) if !(SHORTEST_BURST..window).contains(&burst.seconds) => {
                say(
                    "burst.seconds",
                    format!("A burst is shorter than the window: 1 to {} seconds.", window - 1),
                );
            }
            Some(_) => {}
        }
        if burst.count == 0 || burst.count > LARGEST_ALLOWANCE {
            say("burst.count", format!("A burst lets through 1 to {LARGEST_ALLOWANCE}."));
        }
    }
    if let Some(text) = &terms.text {
        let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if text.len() > LONGEST_TEXT || !text.bytes().all(printable) {
            say(
                "text",
                format!(
                    "The text for the client has one line of at most {LONGEST_TEXT} plain ASCII characters."
                ),
            );
        }
    }
    if note_is_long(&terms.note) {
        say("note", format!("A note has at most {LONGEST_NOTE} characters."));
    }
    problems
}

/// What is wrong with known networks.
pub fn check_known_networks(scope: &PolicyScope, networks: &[Network]) -> Vec<FieldProblem> {
    let too_many = (networks.len() > MOST_NETWORKS)
        .then(|| ("networks", format!("At most {MOST_NETWORKS} networks; put them together.")));
    [scope_fault(scope), too_many]
        .into_iter()
        .flatten()
        .map(|(field, message)| FieldProblem { field: field.to_owned(), message })
        .collect()
}

fn scope_fault(scope: &PolicyScope) -> Option<(&'static str, String)> {
    match scope {
        PolicyScope::Organization => None,
        PolicyScope::Domain { domain } => {
            let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
            let well_formed =
                !domain.is_empty() && domain.len() <= LONGEST_DOMAIN && domain.chars().all(plain);
            (!well_formed).then(|| ("scope.domain", "A domain reads like example.org.".to_owned()))
        }
        PolicyScope::Account { login } => {
            account::login(&login.0).err().map(|fault| ("scope.login", fault.to_string()))
        }
    }
}

fn note_is_long(note: &str) -> bool {
    note.chars().count() > LONGEST_NOTE
}

fn window_seconds(measure: LimitMeasure) -> Option<u32> {
    match measure {
        LimitMeasure::Recipients { window } | LimitMeasure::Messages { window } => Some(match window {
            LimitWindow::Minute => 60,
            LimitWindow::Hour => 3_600,
            LimitWindow::Day => 86_400,
        }),
        LimitMeasure::RecipientsPerMessage => None,
    }
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() < text.len() {
        *text = trimmed.to_owned();
    }
}

/// Takes out what stands twice, and keeps the order.
fn unique(networks: &mut Vec<Network>) {
    let mut seen = std::collections::HashSet::new();
    networks.retain(|network| seen.insert(*network));
}
