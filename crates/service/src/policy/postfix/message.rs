//! From requests to messages: which of them begins, ends or leaves one, so that each is recorded once.

use mailcup_guard::decision::{Decision, SubmissionVerdict};
use mailcup_wire::{Address, Submission, SubmissionOutcome};

use super::request::{Request, State};
use crate::event_log::reason_text;

/// The messages of one connection; one at a time, as smtpd works.
#[derive(Debug, Default)]
pub struct Messages {
    current: Option<Message>,
}

#[derive(Debug)]
struct Message {
    instance: Box<[u8]>,
    submission: Submission,
    recorded: bool,
}

impl Messages {
    /// Takes note of a request and what was decided; answers what is to be recorded now, in order: a message that
    /// the client left for this one, and this one once its fate is known.
    pub fn asked(
        &mut self,
        request: &Request<'_>,
        decision: &Decision<SubmissionVerdict>,
    ) -> Vec<Submission> {
        let verdict = decision.verdict;
        let mut records = Vec::new();
        let same = self.current.as_ref().is_some_and(|message| *message.instance == *request.instance);
        if !same {
            records.extend(self.abandon());
        }
        if request.state == State::Other && verdict == SubmissionVerdict::Accept {
            return records;
        }
        let message = self.current.get_or_insert_with(|| Message::begun_by(request));
        message.heard(request);
        if message.recorded {
            return records;
        }
        if let Some(outcome) = fate(request.state, verdict) {
            message.recorded = true;
            let reasons = decision.reasons.iter().map(reason_text).collect();
            records.push(Submission { outcome, reasons, ..message.submission.clone() });
        }
        records
    }

    /// The client is gone, or begins something else: the message that was under way, if any.
    pub fn abandon(&mut self) -> Option<Submission> {
        let message = self.current.take().filter(|message| !message.recorded)?;
        Some(message.submission)
    }
}

impl Message {
    fn begun_by(request: &Request<'_>) -> Self {
        let submission = Submission {
            login: request.login().map(|login| login.into_owned().into()),
            address: request.address().map(Address::from),
            sender: request.sender().map(std::borrow::Cow::into_owned),
            recipients: 0,
            outcome: SubmissionOutcome::Abandoned,
            reasons: Vec::new(),
            size: request.size(),
            place: None,
        };
        Self { instance: request.instance.into(), submission, recorded: false }
    }

    fn heard(&mut self, request: &Request<'_>) {
        let submission = &mut self.submission;
        match request.state {
            State::Recipient => submission.recipients = submission.recipients.saturating_add(1),
            State::Data | State::EndOfMessage => {
                // Postfix's own checks may have refused some of those that we counted.
                submission.recipients = request.recipients();
            }
            State::Other => {}
        }
        submission.size = submission.size.max(request.size());
    }
}

/// What becomes of a message with this answer; none while it can still go either way.
fn fate(state: State, verdict: SubmissionVerdict) -> Option<SubmissionOutcome> {
    match verdict {
        SubmissionVerdict::Accept => (state == State::EndOfMessage).then_some(SubmissionOutcome::Accepted),
        SubmissionVerdict::Defer => Some(SubmissionOutcome::Deferred),
        SubmissionVerdict::Hold => Some(SubmissionOutcome::Held),
        SubmissionVerdict::Reject => Some(SubmissionOutcome::Rejected),
    }
}

#[cfg(test)]
mod tests {
    use SubmissionOutcome::{Abandoned, Accepted, Rejected};
    use SubmissionVerdict::{Accept, Reject};

    use super::*;

    /// One request a step: state, instance, recipient count, verdict. Answers outcome and recipients of each
    /// record, the connection's end included.
    fn check(steps: &[(&str, &str, u32, SubmissionVerdict)]) -> Vec<(SubmissionOutcome, u32)> {
        let mut messages = Messages::default();
        let mut records = Vec::new();
        for (state, instance, count, verdict) in steps {
            let text = format!(
                "request=smtpd_access_policy\nprotocol_state={state}\ninstance={instance}\nrecipient_count={count}\n\n"
            );
            let request = Request::parse(text.as_bytes()).unwrap();
            let decision = Decision { verdict: *verdict, reasons: Vec::new() };
            records.extend(messages.asked(&request, &decision));
        }
        records.extend(messages.abandon());
        records.into_iter().map(|record| (record.outcome, record.recipients)).collect()
    }

    #[test]
    fn an_accepted_message_is_recorded_once_with_the_recipients_that_postfix_took() {
        let steps = [
            ("MAIL", "1", 0, Accept),
            ("RCPT", "1", 0, Accept),
            ("RCPT", "1", 0, Accept),
            ("RCPT", "1", 0, Accept),
            ("DATA", "1", 2, Accept),
            ("END-OF-MESSAGE", "1", 2, Accept),
        ];
        assert_eq!(check(&steps), [(Accepted, 2)]);
    }

    #[test]
    fn messages_over_one_connection_are_told_apart() {
        let steps = [
            ("RCPT", "1", 0, Accept),
            ("END-OF-MESSAGE", "1", 1, Accept),
            ("RCPT", "2", 0, Accept),
            ("RCPT", "3", 0, Accept),
            ("END-OF-MESSAGE", "3", 1, Accept),
        ];
        assert_eq!(check(&steps), [(Accepted, 1), (Abandoned, 1), (Accepted, 1)]);
    }

    #[test]
    fn a_refusal_is_recorded_once_however_often_the_client_tries() {
        let steps = [("RCPT", "1", 0, Reject), ("RCPT", "1", 0, Reject), ("MAIL", "2", 0, Reject)];
        assert_eq!(check(&steps), [(Rejected, 1), (Rejected, 0)]);
    }

    #[test]
    fn a_client_that_leaves_before_the_end_has_abandoned_its_message() {
        assert_eq!(check(&[("RCPT", "1", 0, Accept), ("DATA", "1", 1, Accept)]), [(Abandoned, 1)]);
        assert_eq!(check(&[("MAIL", "1", 0, Accept)]), []);
    }
}
