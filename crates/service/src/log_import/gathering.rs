//! What lines add up to: attempts that are told twice become one, and the lines of a message one submission.

mod attempts;
mod messages;

use std::{collections::HashMap, net::IpAddr};

use mailcup_wire::{
    Address, EventBody, ImportFound, ImportIgnored, ImportReport, Login, Outcome, Protocol, Reason,
    ReasonCode, SignIn, Submission, SubmissionOutcome, Time,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::{
    attempts::Attempts,
    messages::{Message, Messages},
};
use super::{
    dovecot::{self, Client, Why},
    postfix,
    stamps::Line,
    unread::Unread,
};

/// An event that lines tell of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub at: Time,
    /// The same for the same lines, whichever file they are read from.
    pub print: i64,
    pub body: EventBody,
}

/// Takes lines in and gives events out.
#[derive(Debug, Default)]
pub struct Gathering {
    found: Vec<Found>,
    counts: ImportFound,
    ignored: ImportIgnored,
    unread: Unread,
    attempts: Attempts,
    messages: Messages,
    /// Equal events of this minute of this file.
    repeats: HashMap<i64, u32>,
    repeats_since: i64,
}

/// Wrong passwords of one connection that are believed.
const TRIES: u32 = 100;

/// What `message repeated 1000000 times` is believed of.
const REPEATS: u32 = 1000;

const LONGEST_LOGIN: usize = 320;
const LONGEST_SENDER: usize = 1000;

const MINUTE: i64 = 60;

impl Gathering {
    /// A file begins. Equal lines are told apart by their number within their second and file.
    pub fn begin_file(&mut self) {
        self.repeats.clear();
        self.repeats_since = 0;
    }

    /// How many events wait to be taken.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn take(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    pub fn line(&mut self, line: &Line<'_>) {
        if let Some((times, message)) = repeated(&line.message) {
            for _ in 0..times.min(REPEATS) {
                self.once(line, message);
            }
            return;
        }
        self.once(line, &line.message);
    }

    /// A line that does not begin with a time.
    pub fn undated(&mut self, line: &str) {
        self.unread.add("", line);
    }

    /// There are no more lines: messages that are still in the queue are told as far as they came.
    pub fn finish(&mut self) {
        while let Some(message) = self.messages.oldest(Time::from_millis(i64::MAX)) {
            self.submitted(message);
        }
    }

    /// Adds what was seen so far.
    pub fn tell(&self, report: &mut ImportReport) {
        report.found = self.counts;
        report.ignored = self.ignored;
        report.not_understood = self.unread.total();
        report.shapes = self.unread.shapes();
    }

    fn once(&mut self, line: &Line<'_>, message: &str) {
        if line.program == "dovecot" {
            self.dovecot(line, message);
        } else if postfix::is_postfix(&line.program) {
            self.postfix(line, message);
        } else {
            self.ignored.others = self.ignored.others.saturating_add(1);
        }
    }

    fn dovecot(&mut self, line: &Line<'_>, message: &str) {
        match dovecot::read(message) {
            dovecot::Said::SignedIn(client) => {
                let print = self.print(line, &["in", client.login, client.session, &said(client.address)]);
                let reason = Reason::new(ReasonCode::Credentials, "The password was right.");
                let body = sign_in(line, &client, client.login, Outcome::Succeeded, reason, DOVECOT);
                self.add(line.at, print, body);
            }
            dovecot::Said::Failed { client, attempts } => self.failed(line, &client, attempts),
            dovecot::Said::Attempt { login, address, session, why } => {
                self.attempts.add(line.at, session, address, login, why);
            }
            dovecot::Said::Aside => self.ignored.dovecot = self.ignored.dovecot.saturating_add(1),
            dovecot::Said::Unknown => self.unread.add("dovecot", message),
        }
    }

    /// A connection says how often it failed when it ends; what was looked up meanwhile says for whom.
    fn failed(&mut self, line: &Line<'_>, client: &Client<'_>, attempts: u32) {
        let attempts = attempts.clamp(1, TRIES);
        let mut tries = self.attempts.of_session(client.session);
        for number in 0..attempts {
            let left = (attempts - number) as usize;
            let tried = (tries.len() >= left).then(|| tries.remove(tries.len() - left));
            let (login, why) =
                tried.as_ref().map_or((client.login, Why::WrongPassword), |one| (&*one.login, one.why));
            let facts = ["failed", client.login, client.session, &said(client.address), &number.to_string()];
            let print = self.print(line, &facts);
            let body = sign_in(line, client, login, Outcome::Failed, refused_for(why), DOVECOT);
            self.add(line.at, print, body);
        }
    }

    fn postfix(&mut self, line: &Line<'_>, message: &str) {
        while let Some(message) = self.messages.oldest(line.at) {
            self.submitted(message);
        }
        match postfix::read(&line.program, message) {
            postfix::Said::Connected | postfix::Said::Disconnected => {
                self.messages.disconnect(&line.process);
                self.ignored.postfix = self.ignored.postfix.saturating_add(1);
            }
            postfix::Said::Client { queue, address, login } => self.begun(line, queue, address, login),
            postfix::Said::Queued { queue, sender, size, recipients } => {
                self.messages.queued(queue, sender, size, recipients);
            }
            postfix::Said::Delivery { queue, fate } => self.messages.delivered(queue, fate),
            postfix::Said::Removed { queue } => {
                if let Some(message) = self.messages.remove(queue) {
                    self.submitted(message);
                }
            }
            postfix::Said::SignInFailed { address, login } => {
                let tried = self.attempts.of_address(address);
                let (tried, why) =
                    tried.as_ref().map_or(("", Why::WrongPassword), |one| (&*one.login, one.why));
                let print = self.print(line, &["sasl", &line.process, &said(address)]);
                let login = login.unwrap_or(tried);
                let client = of_smtp(address, login);
                let body = sign_in(line, &client, login, Outcome::Failed, refused_for(why), POSTFIX);
                self.add(line.at, print, body);
            }
            postfix::Said::Refused { queue, address, reply, for_good, sender, login } => {
                let login = login.map(str::to_owned).or_else(|| self.messages.owner(queue, &line.process));
                if login.is_none() && !postfix::is_submission(&line.program) {
                    self.ignored.postfix = self.ignored.postfix.saturating_add(1);
                    return;
                }
                let facts = ["refused", &*line.process, reply, sender, &said(address)];
                let print = self.print(line, &facts);
                let text = format!("Postfix refused it ({reply}).");
                let body = EventBody::Submission(Submission {
                    login: login.as_deref().map(tidy),
                    address: address.map(Address::from),
                    sender: Some(shortened(sender, LONGEST_SENDER).to_owned()),
                    recipients: 1,
                    outcome: if for_good { SubmissionOutcome::Rejected } else { SubmissionOutcome::Deferred },
                    reasons: vec![Reason::new(ReasonCode::MailServer, text), imported(POSTFIX)],
                    size: 0,
                    place: None,
                });
                self.add(line.at, print, body);
            }
            postfix::Said::Aside => self.ignored.postfix = self.ignored.postfix.saturating_add(1),
            postfix::Said::Unknown => self.unread.add(&line.program, message),
        }
    }

    /// A message begins; the first one of a connection says that somebody signed in.
    fn begun(&mut self, line: &Line<'_>, queue: &str, address: Option<IpAddr>, login: &str) {
        if self.messages.connect(&line.process, login) {
            let print = self.print(line, &["sasl in", queue, login, &said(address)]);
            let reason = Reason::new(ReasonCode::Credentials, "The password was right.");
            let client = of_smtp(address, login);
            let body = sign_in(line, &client, login, Outcome::Succeeded, reason, POSTFIX);
            self.add(line.at, print, body);
        }
        let print = self.print(line, &["submission", queue, login, &said(address)]);
        let message = Message::new(line.at, print, login, address);
        if let Some(before) = self.messages.begin(queue, message) {
            // Short names are used again.
            self.submitted(before);
        }
    }

    fn submitted(&mut self, message: Message) {
        let Message { at, print, login, address, queued, bounced } = message;
        // What never reached the queue was taken back by its client.
        let Some((sender, size, recipients)) = queued else { return };
        let mut reasons = Vec::new();
        if bounced > 0 {
            let text = format!("It came back from {bounced} of {} recipients.", recipients.max(bounced));
            reasons.push(Reason::new(ReasonCode::MailServer, text));
        }
        reasons.push(imported(POSTFIX));
        let body = EventBody::Submission(Submission {
            login: Some(tidy(&login)),
            address: address.map(Address::from),
            sender: Some(sender),
            recipients,
            outcome: SubmissionOutcome::Accepted,
            reasons,
            size,
            place: None,
        });
        self.add(at, print, body);
    }

    fn add(&mut self, at: Time, print: i64, body: EventBody) {
        let count = match &body {
            EventBody::SignIn(it) if it.outcome == Outcome::Succeeded => &mut self.counts.signed_in,
            EventBody::SignIn(_) => &mut self.counts.failed,
            EventBody::Submission(it) if it.outcome == SubmissionOutcome::Accepted => {
                &mut self.counts.accepted
            }
            _ => &mut self.counts.refused,
        };
        *count = count.saturating_add(1);
        self.found.push(Found { at, print, body });
    }

    /// Names an event by its second, its facts, and how many like it came before in this second of the file.
    fn print(&mut self, line: &Line<'_>, facts: &[&str]) -> i64 {
        let second = line.at.as_millis().div_euclid(1000);
        if second >= self.repeats_since + MINUTE {
            self.repeats.clear();
            self.repeats_since = second;
        }
        let mut hash = Sha256::new();
        hash.update(second.to_le_bytes());
        for fact in facts {
            hash.update(fact.len().to_le_bytes());
            hash.update(fact.as_bytes());
        }
        let first = number(&hash.clone());
        let times = self.repeats.entry(first).or_default();
        *times += 1;
        if *times == 1 {
            return first;
        }
        hash.update(times.to_le_bytes());
        number(&hash)
    }
}

const DOVECOT: &str = "Dovecot";
const POSTFIX: &str = "Postfix";

fn number(hash: &Sha256) -> i64 {
    let digest = hash.clone().finalize();
    digest.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

fn said(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

/// `message repeated 3 times: [ … ]`, as rsyslog writes it.
fn repeated(message: &str) -> Option<(u32, &str)> {
    let (times, inner) = message.strip_prefix("message repeated ")?.split_once(" times: [")?;
    Some((times.parse().ok()?, inner.strip_suffix(']').unwrap_or(inner).trim_start()))
}

fn of_smtp(address: Option<IpAddr>, login: &str) -> Client<'_> {
    Client { protocol: Protocol::Submission, login, address, tls: false, session: "" }
}

fn sign_in(
    line: &Line<'_>,
    client: &Client<'_>,
    login: &str,
    outcome: Outcome,
    reason: Reason,
    log: &str,
) -> EventBody {
    let server = Some(&*line.host).filter(|host| !host.is_empty()).unwrap_or(log);
    EventBody::SignIn(SignIn {
        login: tidy(login),
        protocol: client.protocol,
        address: client.address.map(Address::from),
        outcome,
        reasons: vec![reason, imported(log)],
        server: Some(server.to_owned()),
        client: None,
        tls: client.tls,
        place: None,
    })
}

fn refused_for(why: Why) -> Reason {
    let text = match why {
        Why::WrongPassword => "The password was wrong.",
        Why::UnknownUser => "There is no such account.",
    };
    Reason::new(ReasonCode::WrongPassword, text)
}

fn imported(log: &str) -> Reason {
    Reason::new(ReasonCode::Imported, format!("Read from {log}'s log."))
}

fn tidy(login: &str) -> Login {
    Login(shortened(login, LONGEST_LOGIN).to_lowercase())
}

fn shortened(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests;
