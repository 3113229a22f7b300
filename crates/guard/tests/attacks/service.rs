//! What the service does with sign-ins and submissions, as far as risk goes: the order of a decision, one after the
//! other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mailcup_guard::{
    access::Protocol,
    alert::PasswordMark,
    block::Target,
    client::client_network,
    decision::SignInVerdict,
    defence::{
        AutomaticBlock, Defence,
        sending::{Senders, Submission, Suspicion},
    },
    risk::{
        Client, History, SignIn,
        known::network_around,
        lately::Lately,
        signals::{Assessment, Attempt, Password as Checked, Stance, assess},
    },
};

use crate::{people::login, places::Place};

const START: i64 = 1_699_920_000;

/// A try to sign in or, with `sends` recipients, to hand in a message.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// Seconds since the first day began.
    pub at: i64,
    /// Beyond the number of people: a login that no account has.
    pub person: usize,
    pub place: Place,
    pub client: Option<Client>,
    pub protocol: Protocol,
    pub password: Password,
    pub sends: u32,
    pub honest: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Password {
    Right,
    Wrong(u16),
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub answer: Answer,
    /// Whether the account is known good there.
    pub known: bool,
    /// What was blocked because of it.
    pub block: Option<AutomaticBlock>,
    pub suspicion: Option<Suspicion>,
    /// The weightiest signal first.
    pub found: Option<Assessment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    LetIn,
    /// Let in, after a wait.
    Delayed,
    /// A code was asked for; its owner gives it, a thief does not.
    Challenged,
    WrongPassword,
    Refused,
    /// Refused by a block that was set before.
    Blocked,
}

type Judged = (Answer, Assessment, Option<AutomaticBlock>);

#[derive(Debug, Clone)]
pub struct Service {
    stance: Stance,
    history: History,
    lately: Lately,
    defence: Defence,
    senders: Senders,
    blocks: BTreeMap<Target, Timestamp>,
    suspended: BTreeSet<usize>,
}

impl Service {
    pub fn new(stance: Stance) -> Self {
        Self {
            stance,
            history: History::default(),
            lately: Lately::default(),
            defence: Defence::default(),
            senders: Senders::default(),
            blocks: BTreeMap::new(),
            suspended: BTreeSet::new(),
        }
    }

    pub fn take(&mut self, one: &Try, people: usize) -> Outcome {
        let login = login(one.person);
        let at = Timestamp::from_second(START + one.at).expect("a time");
        let sign_in =
            SignIn { at, login: &login, origin: Some(one.place.origin), client: one.client, device: None };
        let attempt = Attempt {
            sign_in,
            protocol: one.protocol,
            password: Checked::NotRight,
            coordinates: one.place.coordinates,
            hidden_by: one.place.hidden_by,
        };
        let known = self.history.known().is_network_known(&login, one.place.origin.address, at);
        let mut outcome =
            Outcome { answer: Answer::Blocked, known, block: None, suspicion: None, found: None };
        if !known && self.is_blocked(&attempt) {
            return outcome;
        }
        let (answer, found, block) = self.judge(one, attempt, people);
        outcome.answer = answer;
        outcome.block = block;
        if let Some(block) = &outcome.block {
            self.blocks.insert(block.target.clone(), block.expires_at);
        }
        outcome.found = Some(found);
        if one.sends > 0 && matches!(outcome.answer, Answer::LetIn | Answer::Delayed) {
            outcome.suspicion = self.send(one, &login, at, known);
        }
        outcome
    }

    pub fn is_suspended(&self, person: usize) -> bool {
        self.suspended.contains(&person)
    }

    /// What is done once a day.
    pub fn upkeep(&mut self, day: i64) {
        let now = Timestamp::from_second(START + day * 86_400).expect("a time");
        self.history.expire(now);
        self.blocks.retain(|_, end| now < *end);
    }

    /// Before the password is looked at, and again when it was wrong or right.
    fn judge(&mut self, one: &Try, attempt: Attempt<'_>, people: usize) -> Judged {
        let before = self.assess(&attempt);
        if before.answer() == SignInVerdict::Refuse {
            return self.considered(Answer::Refused, &attempt, before);
        }
        if let Password::Wrong(mark) = one.password {
            let exists = one.person < people;
            self.lately.failed(&attempt.sign_in, Some(PasswordMark(mark)), exists, &self.history);
            let after = self.assess(&attempt);
            return self.considered(Answer::WrongPassword, &attempt, after);
        }
        let attempt = Attempt { password: Checked::Right, ..attempt };
        let found = self.assess(&attempt);
        let answer = match found.answer() {
            SignInVerdict::Refuse => return self.considered(Answer::Refused, &attempt, found),
            SignInVerdict::Challenge if !one.honest => return (Answer::Challenged, found, None),
            SignInVerdict::Challenge => Answer::Challenged,
            SignInVerdict::Delay(_) => Answer::Delayed,
            SignInVerdict::Allow => Answer::LetIn,
        };
        self.history.learn(&attempt.sign_in);
        self.lately.succeeded(&attempt.sign_in, attempt.coordinates);
        (answer, found, None)
    }

    fn assess(&self, attempt: &Attempt<'_>) -> Assessment {
        assess(attempt, &self.history, &self.lately, self.stance)
    }

    fn considered(&mut self, answer: Answer, attempt: &Attempt<'_>, found: Assessment) -> Judged {
        let block = self.defence.consider(attempt, &found, &self.history, &mut self.lately);
        (answer, found, block)
    }

    fn send(&mut self, one: &Try, login: &str, at: Timestamp, known: bool) -> Option<Suspicion> {
        let origin = Some(one.place.origin);
        let message = Submission { at, login, origin, recipients: one.sends, known };
        let suspicion = self.senders.submitted(&message);
        if suspicion.is_some() {
            self.senders.suspended(login);
            self.suspended.insert(one.person);
        }
        suspicion
    }

    fn is_blocked(&self, attempt: &Attempt<'_>) -> bool {
        let Some(origin) = attempt.sign_in.origin else { return false };
        let (address, login) = (origin.address.to_canonical(), attempt.sign_in.login);
        let network = client_network(address);
        let targets = [
            Target::Address(address),
            Target::Network(network),
            Target::Network(network_around(address)),
            Target::AccountNetwork(login.to_owned(), network),
        ];
        targets.iter().any(|target| self.blocks.get(target).is_some_and(|end| attempt.sign_in.at < *end))
    }
}
