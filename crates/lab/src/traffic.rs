//! Lifelike traffic from a seed: people at their hours, with their programs and networks, who mistype now and
//! then, and attacks mixed in.
//!
//! A [`Plan`] is an endless iterator of [`Attempt`]s in the order of time; the same seed gives the same
//! plan. [`drive()`] carries it out through real clients, [`history`] fills a span of the past with it.

mod attack;
mod drive;
mod people;
mod plan;
mod rhythm;

use std::{net::IpAddr, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use mailcup_wire::{
    EventBody, Outcome, Protocol, Reason, ReasonCode, SignIn, Submission, SubmissionOutcome, Time,
};
use serde_json::json;

pub use drive::{Carried, Pace, Tally, drive, perform};
pub use plan::{Plan, PlanConfig, history};

use crate::clients::MailProtocol;

/// One sign-in that somebody tries.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub at: Timestamp,
    pub login: Arc<str>,
    pub password: Password,
    pub protocol: MailProtocol,
    pub address: IpAddr,
    /// The mail program; over IMAP it says so itself.
    pub program: Option<&'static Program>,
    /// What is sent after signing in for submission.
    pub message: Option<Message>,
    pub cause: Cause,
}

impl Attempt {
    /// Somebody who read their mail from there once a day, on so many days up to `last`; the oldest first.
    pub fn each_day(login: &str, address: IpAddr, days: i64, last: Timestamp) -> impl Iterator<Item = Self> {
        let login: Arc<str> = login.into();
        (0..days).rev().map(move |day| Self {
            at: last - SignedDuration::from_hours(24 * day),
            login: Arc::clone(&login),
            password: Password::Right,
            protocol: MailProtocol::Imap,
            address,
            program: None,
            message: None,
            cause: Cause::Usual,
        })
    }
}

/// Which password is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Password {
    Right,
    /// One of many wrong ones; the same number is the same password.
    Wrong(u32),
}

/// A mail program, as it names itself by IMAP ID.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    pub name: &'static str,
    pub version: &'static str,
}

/// A message to be submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    pub recipients: u32,
    /// Bytes of its body.
    pub size: u32,
}

/// Why the attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// A person's program does its work.
    Usual,
    /// A person mistyped.
    Mistyped,
    /// A forgotten program goes on with a password that was changed.
    Stale,
    /// An attack on one account with many passwords.
    OneAccount,
    /// An attack from one network on many accounts.
    OneNetwork,
    /// An attack from many addresses, slow enough to stay below limits.
    Distributed,
}

impl Cause {
    pub fn is_attack(self) -> bool {
        match self {
            Self::Usual | Self::Mistyped | Self::Stale => false,
            Self::OneAccount | Self::OneNetwork | Self::Distributed => true,
        }
    }
}

impl Attempt {
    /// What the service records of it, in order, as lines that `mailcupd history` takes.
    pub fn past(&self, server: &str) -> impl Iterator<Item = serde_json::Value> + use<> {
        let mark = match self.password {
            Password::Right => None,
            // As many different ones as Dovecot's hash of 12 bits tells apart.
            Password::Wrong(number) => Some(number % 4096),
        };
        let sign_in = self.recorded(server);
        let submission =
            self.message.filter(|_| self.password == Password::Right).map(|message| Submission {
                login: Some(sign_in.login.clone()),
                address: sign_in.address,
                sender: Some(sign_in.login.to_string()),
                recipients: message.recipients,
                outcome: SubmissionOutcome::Accepted,
                reasons: Vec::new(),
                size: message.size,
                place: None,
            });
        let at = Time::from(self.at);
        let sign_in = json!({ "at": at, "body": EventBody::SignIn(sign_in), "mark": mark });
        let submission = submission.map(|it| json!({ "at": at, "body": EventBody::Submission(it) }));
        [sign_in].into_iter().chain(submission)
    }

    /// How the service records it when nothing refuses it.
    pub fn recorded(&self, server: &str) -> SignIn {
        let (outcome, code, text) = match self.password {
            Password::Right => (Outcome::Succeeded, ReasonCode::Credentials, "The password was right."),
            Password::Wrong(_) => (Outcome::Failed, ReasonCode::WrongPassword, "The password was wrong."),
        };
        let imap = self.protocol == MailProtocol::Imap;
        SignIn {
            login: self.login.to_string().into(),
            protocol: match self.protocol {
                MailProtocol::Imap => Protocol::Imap,
                MailProtocol::Pop3 => Protocol::Pop3,
                MailProtocol::Submission => Protocol::Submission,
                MailProtocol::Sieve => Protocol::Sieve,
            },
            address: Some(self.address.into()),
            outcome,
            reasons: vec![Reason::new(code, text)],
            server: Some(server.into()),
            client: self
                .program
                .filter(|_| imap)
                .map(|program| format!("{} {}", program.name, program.version)),
            tls: true,
            place: None,
        }
    }
}
