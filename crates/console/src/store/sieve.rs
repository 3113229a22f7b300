//! A filter made ready for the index: for every kind of number, which values pass.

use mailcup_wire::{
    Time,
    desktop::{Filter, Span, Test},
};
use rusqlite::Connection;

use super::{
    Result,
    class::Class,
    index::{Index, Row, Texts},
};

/// Room for every number that a class may have.
const CLASSES: usize = 1 << 11;
/// The upper bits of a sign-in's class.
const SIGN_IN: u16 = 1;
const MOST_WORDS: usize = 16;

pub struct Sieve {
    pub from: i64,
    /// Exclusive.
    pub until: i64,
    classes: Passing,
    logins: Passing,
    addresses: Passing,
    explanations: Passing,
    devices: Passing,
    texts: Vec<Words>,
    is_open: bool,
}

/// Which numbers pass; none if all do.
type Passing = Option<Vec<bool>>;

/// Words that must all occur, or must not.
struct Words {
    not: bool,
    words: Vec<Word>,
}

/// Where a word occurs.
struct Word {
    logins: Vec<bool>,
    addresses: Vec<bool>,
    explanations: Vec<bool>,
    devices: Vec<bool>,
    /// In what else an event says; in order.
    events: Vec<i64>,
}

impl Sieve {
    pub fn new(reader: &Connection, index: &Index, filter: &Filter, now: Time) -> Result<Self> {
        let (from, until) = limits(filter.span.as_ref(), now);
        let mut sieve = Self {
            from,
            until,
            classes: None,
            logins: None,
            addresses: None,
            explanations: None,
            devices: None,
            texts: Vec::new(),
            is_open: from == i64::MIN && until == i64::MAX,
        };
        for term in &filter.terms {
            sieve.add(reader, index, &term.test, term.not)?;
        }
        Ok(sieve)
    }

    /// Whether everything passes.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    pub fn passes(&self, row: &Row) -> bool {
        let has = |passing: &Passing, no: usize| {
            passing.as_ref().is_none_or(|passing| passing.get(no).copied().unwrap_or_default())
        };
        row.at >= self.from
            && row.at < self.until
            && has(&self.classes, row.class.into())
            && has(&self.logins, row.login as usize)
            && has(&self.addresses, row.address as usize)
            && has(&self.explanations, row.explanation as usize)
            && has(&self.devices, row.device as usize)
            && self.texts.iter().all(|text| text.words.iter().all(|word| word.occurs(row)) != text.not)
    }

    fn add(&mut self, reader: &Connection, index: &Index, test: &Test, not: bool) -> Result<()> {
        if !says_something(test) {
            return Ok(());
        }
        self.is_open = false;
        match test {
            Test::Kind { any } => {
                narrow(&mut self.classes, of_classes(|class| any.contains(&class.kind)), not);
            }
            Test::Protocol { any } => {
                let has = |class: Class| class.protocol.is_some_and(|it| any.contains(&it));
                narrow(&mut self.classes, of_classes(has), not);
            }
            Test::Outcome { any } => {
                let has = |class: Class| class.outcome.is_some_and(|it| any.contains(&it));
                narrow(&mut self.classes, of_classes(has), not);
            }
            Test::Reason { any } => {
                let has = index.explanations.iter().map(|explanation| {
                    explanation.as_ref().is_some_and(|it| it.codes.iter().any(|code| any.contains(code)))
                });
                narrow(&mut self.explanations, has.collect(), not);
            }
            Test::Account { any } => narrow(&mut self.logins, of_logins(&index.logins, &texts(any)), not),
            Test::Domain { any } => narrow(&mut self.logins, of_domains(index, &texts(any)), not),
            Test::Network { any } => {
                let has = index.addresses.iter().map(|address| {
                    address.is_some_and(|address| any.iter().any(|network| network.contains(address)))
                });
                narrow(&mut self.addresses, has.collect(), not);
            }
            Test::Device { any } => {
                let any = texts(any);
                narrow(
                    &mut self.devices,
                    index.clients.iter().map(|client| holds(client, &any)).collect(),
                    not,
                );
            }
            Test::Text { words } => {
                let words = split(words);
                let found = words.iter().map(|word| Word::new(reader, index, word));
                self.texts.push(Words { not, words: found.collect::<Result<_>>()? });
            }
        }
        Ok(())
    }
}

impl Word {
    fn new(reader: &Connection, index: &Index, word: &str) -> Result<Self> {
        let begins = |text: &str| begins_word(text, word);
        // What can't stand in any address need not be looked for in all of them.
        let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let addresses = index.addresses.iter().filter(|_| is_hexadecimal);
        let mut statement = reader
            .prepare_cached("SELECT rowid FROM event_words WHERE event_words MATCH ?1 ORDER BY rowid")?;
        let events = statement
            .query_map([format!("\"{word}\"*")], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            logins: index.logins.iter().map(begins).collect(),
            addresses: addresses
                .map(|address| address.is_some_and(|address| begins_word(&address.to_string(), word)))
                .collect(),
            explanations: index
                .explanations
                .iter()
                .map(|explanation| explanation.as_ref().is_some_and(|it| begins_word(&it.words, word)))
                .collect(),
            devices: index
                .clients
                .iter()
                .zip(index.servers.iter())
                .map(|(client, server)| begins_word(client, word) || begins_word(server, word))
                .collect(),
            events,
        })
    }

    fn occurs(&self, row: &Row) -> bool {
        let has = |found: &[bool], no: u32| found.get(no as usize).copied().unwrap_or_default();
        // Sign-ins say nothing else.
        let may_say_more = row.class >> 8 != SIGN_IN;
        has(&self.explanations, row.explanation)
            || has(&self.logins, row.login)
            || has(&self.devices, row.device)
            || has(&self.addresses, row.address)
            || may_say_more && self.events.binary_search(&row.seq).is_ok()
    }
}

/// Milliseconds; the second is exclusive.
pub fn limits(span: Option<&Span>, now: Time) -> (i64, i64) {
    match span {
        None => (i64::MIN, i64::MAX),
        Some(Span::Between { from, until }) => {
            (from.map_or(i64::MIN, Time::as_millis), until.map_or(i64::MAX, Time::as_millis))
        }
        Some(Span::Last { minutes }) => (now.as_millis() - i64::from(*minutes) * 60_000, i64::MAX),
    }
}

/// Lets only those pass that were found, or that were not.
fn narrow(passing: &mut Passing, found: Vec<bool>, not: bool) {
    let mut found = found;
    if found.is_empty() {
        // There is always the number of none, which was not found.
        found.push(false);
    }
    for found in &mut found {
        *found ^= not;
    }
    match passing {
        None => *passing = Some(found),
        Some(passing) => passing.iter_mut().zip(found).for_each(|(passing, found)| *passing &= found),
    }
}

fn says_something(test: &Test) -> bool {
    match test {
        Test::Kind { any } => !any.is_empty(),
        Test::Protocol { any } => !any.is_empty(),
        Test::Outcome { any } => !any.is_empty(),
        Test::Reason { any } => !any.is_empty(),
        Test::Account { any } | Test::Domain { any } | Test::Device { any } => !texts(any).is_empty(),
        Test::Network { any } => !any.is_empty(),
        Test::Text { words } => !split(words).is_empty(),
    }
}

fn of_classes(has: impl Fn(Class) -> bool) -> Vec<bool> {
    let mut found = vec![false; CLASSES];
    for class in Class::all() {
        if let Some(place) = usize::try_from(class.number()).ok().and_then(|no| found.get_mut(no)) {
            *place = has(class);
        }
    }
    found
}

/// A whole address that is known means that one; anything else what holds it.
fn of_logins(logins: &Texts, any: &[String]) -> Vec<bool> {
    let is_known =
        |text: &String| text.find('@').is_some_and(|at| at > 0) && logins.iter().any(|it| it == text);
    let (whole, parts): (Vec<String>, Vec<String>) = any.iter().cloned().partition(is_known);
    logins.iter().map(|login| whole.iter().any(|it| it == login) || holds(login, &parts)).collect()
}

fn of_domains(index: &Index, any: &[String]) -> Vec<bool> {
    let is_wanted = |domain: &str| any.iter().any(|it| it.trim_start_matches('@') == domain);
    let domains: Vec<bool> = index.domains.iter().map(is_wanted).collect();
    let domain_of = |no: usize| index.domain_of.get(no).copied().unwrap_or_default();
    (0..index.logins.len()).map(domain_of).map(|no| no > 0 && domains[no as usize]).collect()
}

fn holds(text: &str, any: &[String]) -> bool {
    if text.is_empty() {
        return false;
    }
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower {
        return any.iter().any(|part| text.contains(part));
    }
    let lower = text.to_lowercase();
    any.iter().any(|part| lower.contains(part))
}

/// As they are compared; those that say nothing are left out.
fn texts(any: &[String]) -> Vec<String> {
    any.iter().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()).collect()
}

fn split(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(MOST_WORDS).map(str::to_lowercase).collect()
}

fn begins_word(text: &str, wanted: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        if word.is_ascii() && wanted.is_ascii() {
            word.len() >= wanted.len() && word[..wanted.len()].eq_ignore_ascii_case(wanted)
        } else {
            word.to_lowercase().starts_with(wanted)
        }
    })
}
