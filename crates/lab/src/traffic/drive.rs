//! Carries a plan out through real clients.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Attempt, Cause, Password};
use crate::{
    LabError,
    clients::{Answer, ImapClient, MailProtocol, Mechanism, OutgoingMessage, SmtpClient, Source, sign_in},
    mail_servers::{MailAccount, MailPorts},
};

/// How fast a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Times as fast as the plan's own clock.
    Times(f64),
    /// As fast as the servers answer.
    Unbound,
}

/// What became of the attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// For each cause, how many were let in.
    pub accepted: BTreeMap<Cause, u32>,
    /// For each cause, how many were not.
    pub refused: BTreeMap<Cause, u32>,
    /// Attempts that got no answer, with the error of the last one.
    pub broken: u32,
    pub last_error: Option<String>,
}

impl Tally {
    pub fn total(&self) -> u32 {
        self.accepted.values().sum::<u32>() + self.refused.values().sum::<u32>() + self.broken
    }

    fn count(&mut self, carried: &Carried) {
        let cause = carried.attempt.cause;
        match &carried.answer {
            Ok(answer) if answer.accepted => *self.accepted.entry(cause).or_default() += 1,
            Ok(_) => *self.refused.entry(cause).or_default() += 1,
            Err(error) => {
                self.broken += 1;
                self.last_error = Some(error.to_string());
            }
        }
    }
}

/// An attempt that was made, and how it was answered.
#[derive(Debug)]
pub struct Carried {
    pub attempt: Attempt,
    pub answer: Result<Answer, LabError>,
}

/// Carries the plan out, at most `side_by_side` attempts at once, and tells of each one that is done.
///
/// Dropping the future stops it.
pub async fn drive(
    plan: impl IntoIterator<Item = Attempt>,
    ports: &MailPorts,
    accounts: &[MailAccount],
    pace: Pace,
    side_by_side: usize,
    mut done: impl FnMut(&Carried),
) -> Tally {
    let passwords: Arc<HashMap<String, String>> =
        Arc::new(accounts.iter().map(|a| (a.login.clone(), a.password.clone())).collect());
    let places = Arc::new(Semaphore::new(side_by_side));
    let mut tally = Tally::default();
    let mut running: JoinSet<Carried> = JoinSet::new();
    let mut clock = Clock::new(pace);
    for attempt in plan {
        clock.wait_for(attempt.at).await;
        // Never closed, so that there is always a place in the end.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (ports, passwords) = (*ports, Arc::clone(&passwords));
        running.spawn(async move {
            let right = passwords.get(&*attempt.login).map(String::as_str);
            let answer = perform(&attempt, &ports, right).await;
            drop(place);
            Carried { attempt, answer }
        });
        while let Some(Ok(carried)) = running.try_join_next() {
            tally.count(&carried);
            done(&carried);
        }
    }
    while let Some(Ok(carried)) = running.join_next().await {
        tally.count(&carried);
        done(&carried);
    }
    tally
}

/// Makes one attempt through a real client. `right` is the account's password, if it exists.
pub async fn perform(attempt: &Attempt, ports: &MailPorts, right: Option<&str>) -> Result<Answer, LabError> {
    let guess;
    let password = match (attempt.password, right) {
        (Password::Right, Some(right)) => right,
        (Password::Right, None) => "no such account",
        (Password::Wrong(number), _) => {
            guess = format!("guess number {number}");
            &guess
        }
    };
    let source = Source::from(attempt.address);
    match (attempt.protocol, attempt.program, attempt.message) {
        (MailProtocol::Imap, Some(program), _) => {
            let mut client = ImapClient::connect(ports, source).await?;
            client.identify(&[("name", program.name), ("version", program.version)]).await?;
            let answer = client.login(&attempt.login, password).await?;
            client.logout().await?;
            Ok(answer)
        }
        (MailProtocol::Submission, _, Some(message)) => {
            let mut client = SmtpClient::connect(ports, source).await?;
            let answer = client.login(Mechanism::Plain, &attempt.login, password).await?;
            if answer.accepted {
                let recipients: Vec<String> =
                    (0..message.recipients).map(|i| format!("reader-{i}@example.com")).collect();
                let line = "Lorem ipsum dolor sit amet, consectetur adipiscing elit.\n";
                let body = line.repeat(message.size as usize / line.len() + 1);
                let subject = "Notes";
                let sender = &attempt.login;
                client
                    .send(OutgoingMessage { sender, recipients: &recipients, subject, body: &body })
                    .await?;
            }
            client.quit().await?;
            Ok(answer)
        }
        (protocol, ..) => sign_in(ports, protocol, source, &attempt.login, password).await,
    }
}

/// Turns moments of the plan into waits.
struct Clock {
    pace: Pace,
    begun: Option<(Timestamp, Instant)>,
}

impl Clock {
    fn new(pace: Pace) -> Self {
        Self { pace, begun: None }
    }

    async fn wait_for(&mut self, at: Timestamp) {
        let Pace::Times(times) = self.pace else { return };
        let (first, begun) = *self.begun.get_or_insert_with(|| (at, Instant::now()));
        let planned = at.duration_since(first).as_secs_f64() / times.max(f64::MIN_POSITIVE);
        let planned = Duration::try_from_secs_f64(planned).unwrap_or(Duration::MAX);
        tokio::time::sleep(planned.saturating_sub(begun.elapsed())).await;
    }
}
