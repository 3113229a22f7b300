//! What wants a person's eye: rules over sign-ins, as a fold whose state is bounded whatever an attacker
//! does.
//!
//! A subject (an account, a network) is *quiet* until its threshold is passed within the window; that opens
//! an alarm. While the alarm lasts every further failure belongs to it. It ends when the subject was quiet
//! for a whole window, or when a person settles it.

mod awaited;
mod track;

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use crate::client::client_network;
use awaited::Awaited;
use track::{Terms, Trace, Tracks};

/// When the rules find something. A threshold above [`LARGEST_THRESHOLD`] counts as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Different wrong passwords for one account.
    pub account_failures: usize,
    /// Accounts on which one client network fails.
    pub network_accounts: usize,
    pub window: SignedDuration,
}

/// Tells two wrong passwords of one account apart without being one (Dovecot's `pwhash`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PasswordMark(pub u16);

/// A sign-in as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// Its place in the log.
    pub seq: u64,
    pub at: Timestamp,
    pub login: &'a str,
    /// Whether the login names an account that is known to exist.
    pub known: bool,
    pub address: Option<IpAddr>,
    pub outcome: Outcome,
    /// None counts as a password of its own.
    pub mark: Option<PasswordMark>,
    pub familiarity: Familiarity,
}

/// What the rules need to know of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// Wrong password or code.
    Failed,
    /// The password was right, a code was asked for.
    Challenged,
    /// Refused whatever the password.
    Other,
}

/// What an account's earlier successes say about the network of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Familiarity {
    /// It succeeded from this network before.
    Known,
    /// It succeeded before, but never from this network.
    New,
    /// It never succeeded before, so that nothing can be said.
    FirstEver,
}

/// What an alert is about; two findings about the same subject belong to one alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Many different wrong passwords for one account.
    RepeatedFailures { login: Arc<str> },
    /// One client network fails on several accounts.
    NetworkFailures { network: IpNet },
    /// First success of an account from a network new to it, after failures from there.
    SuccessAfterFailures { login: Arc<str>, network: IpNet },
    /// An admin signed in from a device not seen before.
    AdminNewDevice { login: Arc<str>, device: Arc<str> },
    /// Mail waits in the outbox and does not get out.
    OutboxStuck,
    /// A sending limit stops messages of what has a count of its own: an account, a network, or all together.
    LimitReached { limit: Arc<str>, login: Option<Arc<str>>, network: Option<IpNet> },
    /// A change of the policy locked somebody out and returned by itself.
    PolicyReturned { by: Arc<str>, trial: Arc<str> },
    /// An admin was let in from the server's own shell.
    AdminRecovered { login: Arc<str> },
    /// The owner of an account says that a sign-in was not them.
    NotMe { login: Arc<str>, network: IpNet },
    /// The password was right, the code was never given.
    CodeNotGiven { login: Arc<str>, network: Option<IpNet> },
    /// The password was right, and the sign-in was refused for its risk.
    StolenPassword { login: Arc<str> },
    /// Something about the backups.
    Backup(BackupConcern),
}

/// What about backups may want an eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupConcern {
    /// There was no snapshot for too long.
    Missed,
    Failed,
    /// Much is gone since the last snapshot.
    Deletion,
    /// A snapshot stored far more than those before it.
    Growth,
    /// A proof found damage.
    Damaged,
    /// A rehearsal didn't bring everything back.
    Drill,
    /// A target has had no full copy for too long.
    Copy,
}

/// Sign-ins that belong to an alert about `subject`. Every sign-in is given at most once per subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub subject: Subject,
    /// In the order of the log.
    pub evidence: Vec<Evidence>,
    /// Whether this much calls for a look at once.
    pub critical: bool,
}

/// One sign-in that shows a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub seq: u64,
    pub at: Timestamp,
    pub login: Arc<str>,
    pub address: Option<IpAddr>,
}

/// The state of the rules: what happened lately, as far as it can still matter.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    accounts: Tracks<Arc<str>>,
    networks: Tracks<IpNet>,
    unanswered: Awaited,
}

/// The most different passwords, or accounts, that a rule can ask for.
pub const LARGEST_THRESHOLD: usize = track::TRACES;

/// Alarms about logins that no known account has, at the same time. Beyond it guessing logins makes no more
/// alerts; the rule on networks still sees it.
const UNKNOWN_ALARMS: usize = 50;

/// Failures with different passwords, from one network, after which the first success of all of an account
/// is worth a look although nothing is known about the account yet.
const FAILURES_BEFORE_FIRST_SUCCESS: usize = 3;

impl Default for Rules {
    fn default() -> Self {
        Self { account_failures: 5, network_accounts: 5, window: SignedDuration::from_mins(10) }
    }
}

impl Watch {
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            accounts: Tracks::default(),
            networks: Tracks::default(),
            unanswered: Awaited::default(),
        }
    }

    /// Takes new rules; what was seen stays.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Whether failures of this login are remembered, so that its success may be found.
    pub fn watches(&self, login: &str) -> bool {
        self.accounts.key_of(login).is_some()
    }

    /// Takes in the next sign-in of the log and says what it shows.
    pub fn observe(&mut self, sign_in: &SignIn<'_>) -> Vec<Finding> {
        match sign_in.outcome {
            Outcome::Failed => self.failed(sign_in),
            Outcome::Succeeded => {
                self.unanswered.give(sign_in);
                self.succeeded(sign_in).into_iter().collect()
            }
            Outcome::Challenged => {
                self.unanswered.ask(sign_in);
                Vec::new()
            }
            Outcome::Other => Vec::new(),
        }
    }

    /// Whether [`Watch::overdue`] has something to say.
    pub fn has_overdue(&self, now: Timestamp) -> bool {
        self.unanswered.is_over(now)
    }

    /// What shows by its absence: passwords that were right, and whose codes nobody gave.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<Finding> {
        let over = self.unanswered.take_over(now).into_iter();
        over.map(|(login, network, evidence)| Finding {
            subject: Subject::CodeNotGiven { login, network },
            evidence,
            critical: false,
        })
        .collect()
    }

    /// Goes on with an alarm that was open at `at`, before this state began.
    pub fn resume(&mut self, subject: &Subject, at: Timestamp) {
        let now = at.as_millisecond();
        match subject {
            Subject::RepeatedFailures { login } => self.accounts.resume(login, now),
            Subject::NetworkFailures { network } => self.networks.resume(network, now),
            Subject::SuccessAfterFailures { .. }
            | Subject::AdminNewDevice { .. }
            | Subject::OutboxStuck
            | Subject::LimitReached { .. }
            | Subject::PolicyReturned { .. }
            | Subject::AdminRecovered { .. }
            | Subject::NotMe { .. }
            | Subject::CodeNotGiven { .. }
            | Subject::StolenPassword { .. }
            | Subject::Backup(_) => {}
        }
    }

    /// Ends an alarm: a person has dealt with it. The threshold must be passed anew.
    pub fn settle(&mut self, subject: &Subject) {
        match subject {
            Subject::RepeatedFailures { login } => self.accounts.forget(login),
            Subject::NetworkFailures { network } => self.networks.forget(network),
            Subject::SuccessAfterFailures { .. }
            | Subject::AdminNewDevice { .. }
            | Subject::OutboxStuck
            | Subject::LimitReached { .. }
            | Subject::PolicyReturned { .. }
            | Subject::AdminRecovered { .. }
            | Subject::NotMe { .. }
            | Subject::CodeNotGiven { .. }
            | Subject::StolenPassword { .. }
            | Subject::Backup(_) => {}
        }
    }

    fn failed(&mut self, sign_in: &SignIn<'_>) -> Vec<Finding> {
        let window = self.window_millis();
        let login = self.accounts.key_of(sign_in.login).unwrap_or_else(|| Arc::from(sign_in.login));
        let trace = Trace::new(sign_in, Arc::clone(&login));
        let mut findings = Vec::new();

        self.accounts.sweep(trace.at, window);
        let may_alarm = sign_in.known || self.accounts.unknown_alarms() < UNKNOWN_ALARMS;
        let terms = Terms {
            threshold: self.rules.account_failures.min(LARGEST_THRESHOLD),
            window,
            may_alarm,
            known: sign_in.known,
        };
        if let Some(evidence) = self.accounts.add(&login, trace.clone(), &terms, |trace| trace.mark) {
            let subject = Subject::RepeatedFailures { login };
            findings.push(Finding { subject, evidence, critical: false });
        }

        let Some(address) = sign_in.address else { return findings };
        let network = client_network(address);
        self.networks.sweep(trace.at, window);
        let terms = Terms {
            threshold: self.rules.network_accounts.min(LARGEST_THRESHOLD),
            window,
            may_alarm: true,
            known: true,
        };
        if let Some(evidence) = self.networks.add(&network, trace, &terms, |trace| Arc::clone(&trace.login)) {
            findings.push(Finding {
                subject: Subject::NetworkFailures { network },
                evidence,
                critical: false,
            });
        }
        findings
    }

    fn succeeded(&mut self, sign_in: &SignIn<'_>) -> Option<Finding> {
        let window = self.window_millis();
        let needed = match sign_in.familiarity {
            Familiarity::Known => return None,
            Familiarity::New => 1,
            Familiarity::FirstEver => FAILURES_BEFORE_FIRST_SUCCESS,
        };
        let network = client_network(sign_in.address?);
        self.accounts.sweep(sign_in.at.as_millisecond(), window);
        let login = self.accounts.key_of(sign_in.login)?;
        let failures = self.accounts.take_from_network(&login, network, needed)?;
        let critical = failures.len() >= FAILURES_BEFORE_FIRST_SUCCESS;
        let success = Trace::new(sign_in, Arc::clone(&login));
        let evidence = failures.iter().chain([&success]).map(Trace::evidence).collect();
        Some(Finding { subject: Subject::SuccessAfterFailures { login, network }, evidence, critical })
    }

    fn window_millis(&self) -> u64 {
        u64::try_from(self.rules.window.as_millis()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
