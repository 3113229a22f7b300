//! Runs people and attackers, and counts what came of it.

use std::{collections::BTreeSet, fmt};

use mailcup_guard::{
    defence::sending::Suspicion,
    risk::signals::{Signal, Stance},
};

use crate::{
    chance::Chance,
    people::{PEOPLE, People},
    scenarios,
    service::{Answer, Outcome, Service, Try},
    split::Scenario,
};

/// Of ordinary life.
pub const DAYS: i64 = 90;

/// Before an attack.
const LIVED: i64 = 30;

/// From its beginning on.
const ATTACKED: i64 = 3;

/// What ordinary people met.
#[derive(Debug, Default)]
pub struct Ordinary {
    pub person_days: usize,
    pub sign_ins: usize,
    /// Blocks that were set because of them.
    pub blocks: usize,
    /// Days of a person with a refusal, by risk or by a block.
    pub refused: BTreeSet<(i64, usize)>,
    /// The same where the person is known good.
    pub refused_where_known: usize,
    pub delayed: BTreeSet<(i64, usize)>,
    pub challenged: BTreeSet<(i64, usize)>,
    pub suspended: usize,
    /// What the blocks say.
    pub why: Vec<String>,
}

/// What an attack met.
#[derive(Debug)]
pub struct Attack {
    pub scenario: Scenario,
    pub tries: usize,
    /// What noticed it first, how many tries there had been, and after how many seconds.
    pub noticed: Option<(String, usize, i64)>,
    /// The same of the first block or suspension.
    pub stopped: Option<(String, usize, i64)>,
    /// Tries whose password was looked at.
    pub looked_at: usize,
    pub let_in: usize,
    /// Recipients that were sent to.
    pub sent: u32,
    /// Ordinary people meanwhile.
    pub others: Ordinary,
}

/// Ninety days without an attack.
pub fn ordinary(stance: Stance, seed: u64) -> Ordinary {
    let (mut service, mut people) = (Service::new(stance), People::new(seed));
    let mut met = Ordinary::default();
    for day in 0..DAYS {
        service.upkeep(day);
        for one in people.day(day) {
            let outcome = service.take(&one, PEOPLE);
            met.count(&one, &outcome);
        }
    }
    met.person_days = PEOPLE * usize::try_from(DAYS).unwrap_or(0);
    met
}

/// Each of the scenarios, after a month of ordinary life.
pub fn attacks(stance: Stance, seed: u64) -> Vec<Attack> {
    let (mut service, mut people) = (Service::new(stance), People::new(seed));
    for day in 0..LIVED {
        service.upkeep(day);
        for one in people.day(day) {
            service.take(&one, PEOPLE);
        }
    }
    let victim = (10..PEOPLE).find(|person| people.is_at_home(*person)).unwrap_or(10);
    let run = |scenario| attack(scenario, victim, service.clone(), people.clone(), seed);
    Scenario::ALL.into_iter().map(run).collect()
}

fn attack(scenario: Scenario, victim: usize, mut service: Service, mut people: People, seed: u64) -> Attack {
    let mut theirs = scenarios::tries(scenario, victim, LIVED, &mut Chance::new(seed + 1));
    let tries = theirs.len();
    let mut met = Attack {
        scenario,
        tries,
        noticed: None,
        stopped: None,
        looked_at: 0,
        let_in: 0,
        sent: 0,
        others: Ordinary::default(),
    };
    let begun = theirs.first().map_or(0, |one| one.at);
    let mut done = 0;
    for day in LIVED..LIVED + ATTACKED {
        let mut all = people.day(day);
        let later = theirs.iter().position(|one| one.at >= (day + 1) * 86_400).unwrap_or(theirs.len());
        all.extend(theirs.drain(..later));
        all.sort_by_key(|one| one.at);
        for one in all {
            let was_suspended = service.is_suspended(one.person);
            let outcome = service.take(&one, PEOPLE);
            if one.honest {
                met.others.count(&one, &outcome);
            } else {
                done += 1;
                met.count(&one, &outcome, was_suspended, done, one.at - begun);
            }
        }
    }
    met.others.person_days = PEOPLE * usize::try_from(ATTACKED).unwrap_or(0);
    met
}

impl Ordinary {
    /// Wrong blocks for 1,000 days of one person.
    pub fn blocks_per_thousand(&self) -> f64 {
        per_thousand(self.blocks, self.person_days)
    }

    fn count(&mut self, one: &Try, outcome: &Outcome) {
        let day = (one.at.div_euclid(86_400), one.person);
        self.sign_ins += 1;
        match outcome.answer {
            Answer::Refused | Answer::Blocked => {
                self.refused.insert(day);
                self.refused_where_known += usize::from(outcome.known);
            }
            Answer::Delayed => {
                self.delayed.insert(day);
            }
            Answer::Challenged => {
                self.challenged.insert(day);
            }
            Answer::LetIn | Answer::WrongPassword => {}
        }
        self.suspended += usize::from(outcome.suspicion.is_some());
        if let Some(block) = &outcome.block {
            self.blocks += 1;
            self.why.push(block.to_string());
        }
    }
}

impl Attack {
    fn count(&mut self, one: &Try, outcome: &Outcome, was_suspended: bool, done: usize, after: i64) {
        match outcome.answer {
            Answer::LetIn | Answer::Delayed => {
                self.let_in += 1;
                self.looked_at += 1;
                if !was_suspended && outcome.suspicion.is_none() {
                    self.sent += one.sends;
                }
            }
            Answer::WrongPassword | Answer::Challenged => self.looked_at += 1,
            Answer::Refused | Answer::Blocked => {}
        }
        let block = outcome.block.as_ref().map(|block| block.cause.code());
        let stopped = block.or(outcome.suspicion.as_ref().map(Suspicion::code));
        let signal = outcome.found.as_ref().and_then(|found| found.signals.first()).map(Signal::code);
        let met = |code: &str| (code.to_owned(), done, after);
        self.noticed = self.noticed.take().or(signal.or(stopped).map(met));
        self.stopped = self.stopped.take().or(stopped.map(met));
    }
}

impl fmt::Display for Ordinary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} wrong blocks in {} person-days ({:.2} per 1,000); days of a person with a refusal {}, with a delay {}, \
             with a code asked for {}; refused where known good {}; sending suspended {}; {} sign-ins",
            self.blocks,
            self.person_days,
            self.blocks_per_thousand(),
            self.refused.len(),
            self.delayed.len(),
            self.challenged.len(),
            self.refused_where_known,
            self.suspended,
            self.sign_ins,
        )
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |met: &Option<(String, usize, i64)>| match met {
            Some((code, tries, after)) => format!("{code}, {tries} tries, {after} s"),
            None => "never".to_owned(),
        };
        write!(
            f,
            "{:<29} noticed: {}; stopped: {}; {} of {} passwords looked at, {} let in, {} recipients; wrong blocks {}, \
             refused where known good {}",
            format!("{:?}", self.scenario),
            said(&self.noticed),
            said(&self.stopped),
            self.looked_at,
            self.tries,
            self.let_in,
            self.sent,
            self.others.blocks,
            self.others.refused_where_known,
        )
    }
}

fn per_thousand(count: usize, of: usize) -> f64 {
    let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(count) * 1000.0 / number(of.max(1))
}
