//! From requests to messages: which of them begins, ends or leaves one, so that each is counted and recorded once.
//!
//! A recipient is reserved when it is named. From DATA on Postfix says how many it took: what others refused is free
//! again, and what was never reserved, since a connection broke or nobody answered meanwhile, is reserved then. At
//! its end a message keeps what it has; one that is refused, held or left gives all back.

use mailcup_guard::{
    decision::{Decision, Reason, SubmissionVerdict},
    limit::LimitId,
    limiter::Reservation,
};
use mailcup_wire::{Address, Submission, SubmissionOutcome};

use super::{
    Judged, Submissions, reached_by,
    request::{Request, State},
};
use crate::event_log::reason_text;

/// The messages of one connection; one at a time, as smtpd works.
#[derive(Debug, Default)]
pub struct Messages {
    current: Option<Message>,
}

/// What a request is answered, and what is to be recorded.
#[derive(Debug)]
pub struct Asked {
    pub decision: Decision<SubmissionVerdict>,
    /// A message that the client left for this one; to be recorded first.
    pub left: Option<Judged>,
    /// This one, once its fate is known.
    pub known: Option<Judged>,
}

#[derive(Debug)]
struct Message {
    instance: Box<[u8]>,
    submission: Submission,
    reservation: Reservation,
    /// Recipients that were named, admitted or not.
    named: u32,
    /// What report-only limits would have stopped, the first of each.
    reported: Vec<Reason>,
    /// Why the mail server holds it, once it does; nothing is counted for it from then on.
    held: Option<Decision<SubmissionVerdict>>,
    /// A refusal of it, or of one of its recipients, is recorded.
    refused: bool,
    /// It has come to its end, or is refused as a whole.
    ended: bool,
}

impl Messages {
    pub fn asked<S: Submissions>(&mut self, request: &Request<'_>, submissions: &S) -> Asked {
        let same = self.current.as_ref().is_some_and(|message| *message.instance == *request.instance);
        let left = if same { None } else { self.abandon(submissions) };
        let login = request.login();
        let (login, address) = (login.as_deref(), request.address());
        let message = match &mut self.current {
            Some(message) => message,
            None if request.state == State::Other => {
                let decision = submissions.decide(login, address);
                if decision.verdict == SubmissionVerdict::Accept {
                    return Asked { decision, left, known: None };
                }
                let known = self.current.insert(Message::begun_by(request)).record_of(request, &decision);
                return Asked { decision, left, known };
            }
            None => self.current.insert(Message::begun_by(request)),
        };
        message.heard(request);
        let decision = if message.counts() && request.state != State::Other {
            let more = message.recipients_more(request);
            let decision = submissions.reserve(login, address, more, &mut message.reservation);
            message.settle(request, &decision, submissions);
            message.report(&decision);
            decision
        } else {
            submissions.decide(login, address)
        };
        let known = message.record_of(request, &decision);
        Asked { decision, left, known }
    }

    /// The client is gone, or begins something else: the message that was under way, if any.
    pub fn abandon<S: Submissions>(&mut self, submissions: &S) -> Option<Judged> {
        let mut message = self.current.take()?;
        if message.ended {
            return None;
        }
        submissions.release(std::mem::take(&mut message.reservation));
        if message.refused {
            return None;
        }
        let decision = message.held.take().unwrap_or_else(accepted);
        let reasons = message.reasons(&decision);
        let submission = Submission { reasons, ..message.submission };
        Some(Judged { submission, reached: reached_by(&decision).cloned().collect() })
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
        Self {
            instance: request.instance.into(),
            submission,
            reservation: Reservation::default(),
            named: 0,
            reported: Vec::new(),
            held: None,
            refused: false,
            ended: false,
        }
    }

    fn heard(&mut self, request: &Request<'_>) {
        match request.state {
            State::Recipient => {
                self.named = self.named.saturating_add(1);
                self.submission.recipients = self.named;
            }
            // Postfix's own checks may have refused some of those that we counted.
            State::Data | State::EndOfMessage => self.submission.recipients = request.recipients(),
            State::Other => {}
        }
        self.submission.size = self.submission.size.max(request.size());
    }

    fn counts(&self) -> bool {
        self.held.is_none() && !self.ended
    }

    fn recipients_more(&self, request: &Request<'_>) -> u32 {
        match request.state {
            State::Recipient => 1,
            State::Data | State::EndOfMessage => {
                request.recipients().saturating_sub(self.reservation.recipients)
            }
            State::Other => 0,
        }
    }

    /// What of its reservation goes with this answer.
    fn settle<S: Submissions>(
        &mut self,
        request: &Request<'_>,
        decision: &Decision<SubmissionVerdict>,
        submissions: &S,
    ) {
        match (decision.verdict, request.state) {
            (SubmissionVerdict::Accept, State::Data | State::EndOfMessage) => {
                if self.reservation.recipients > request.recipients() {
                    submissions.settle(&mut self.reservation, request.recipients());
                }
                return;
            }
            // Where a recipient is refused, those before it may still go out.
            (SubmissionVerdict::Accept, _)
            | (SubmissionVerdict::Defer | SubmissionVerdict::Reject, State::Recipient) => return,
            (SubmissionVerdict::Hold, _) => self.held = Some(decision.clone()),
            (SubmissionVerdict::Defer | SubmissionVerdict::Reject, _) => {}
        }
        submissions.release(std::mem::take(&mut self.reservation));
    }

    /// Why, with what report-only limits said on the way.
    fn reasons(&self, why: &Decision<SubmissionVerdict>) -> Vec<mailcup_wire::Reason> {
        let said = |reason: &&Reason| {
            limit_of(reason).is_some_and(|limit| why.reasons.iter().any(|it| limit_of(it) == Some(limit)))
        };
        let reported = self.reported.iter().filter(|reason| !said(reason));
        why.reasons.iter().chain(reported).map(reason_text).collect()
    }

    /// Keeps what only the answer to a recipient says, for the record of the message.
    fn report(&mut self, decision: &Decision<SubmissionVerdict>) {
        for reason in &decision.reasons {
            let is_known = |known: &Reason| limit_of(known) == limit_of(reason);
            if limit_of(reason).is_some() && reason.is_report_only() && !self.reported.iter().any(is_known) {
                self.reported.push(reason.clone());
            }
        }
    }

    /// What this answer makes known of its fate, once for a refusal and once for its end.
    fn record_of(&mut self, request: &Request<'_>, decision: &Decision<SubmissionVerdict>) -> Option<Judged> {
        let at_end = request.state == State::EndOfMessage;
        let (outcome, why) = match (decision.verdict, &self.held) {
            _ if self.ended => return None,
            (SubmissionVerdict::Accept | SubmissionVerdict::Hold, Some(why)) if at_end => {
                (SubmissionOutcome::Held, why)
            }
            (SubmissionVerdict::Accept, None) if at_end => (SubmissionOutcome::Accepted, decision),
            (SubmissionVerdict::Accept | SubmissionVerdict::Hold, _) => return None,
            (SubmissionVerdict::Defer, _) => (SubmissionOutcome::Deferred, decision),
            (SubmissionVerdict::Reject, _) => (SubmissionOutcome::Rejected, decision),
        };
        let refused = matches!(outcome, SubmissionOutcome::Deferred | SubmissionOutcome::Rejected);
        self.ended |= at_end;
        if refused && std::mem::replace(&mut self.refused, true) {
            return None;
        }
        let mut submission = Submission { outcome, reasons: self.reasons(why), ..self.submission.clone() };
        if refused && request.state == State::Recipient {
            submission.recipients = self.named.saturating_sub(self.reservation.recipients);
        }
        Some(Judged { submission, reached: reached_by(why).cloned().collect() })
    }
}

fn limit_of(reason: &Reason) -> Option<&LimitId> {
    match reason {
        Reason::LimitReached { reached, .. } => Some(&reached.limit.id),
        Reason::NothingAgainst
        | Reason::Blocked { .. }
        | Reason::Denied { .. }
        | Reason::NotAllowed { .. }
        | Reason::Passed { .. } => None,
    }
}

fn accepted() -> Decision<SubmissionVerdict> {
    Decision { verdict: SubmissionVerdict::Accept, reasons: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Mutex};

    use SubmissionOutcome::{Abandoned, Accepted, Deferred, Held, Rejected};
    use jiff::Timestamp;
    use mailcup_guard::{
        access::{Protocol, Scope},
        block::{Block, BlockId, BlockSet, Target},
        decision::{self, Attempt, Policy},
        limit::{Limit, LimitAction, LimitId, LimitSet, Measure, Per, Window},
        limiter::Limiter,
    };
    use mailcup_wire::ReasonCode;

    use super::*;

    /// Counts as the service does, without a journal. Mail of `blocked` is refused.
    struct Counting {
        policy: Policy,
        limiter: Mutex<Limiter>,
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    impl Counting {
        fn new(measure: Measure, most: u32, action: LimitAction) -> Self {
            Self::limited(measure, most, action, true)
        }

        fn limited(measure: Measure, most: u32, action: LimitAction, enforced: bool) -> Self {
            let limit = Limit {
                id: LimitId("l".into()),
                scope: Scope::Organization,
                measure,
                per: Per::Account,
                known: None,
                others: Some(most),
                burst: None,
                action,
                text: None,
                enforced,
            };
            let blocked = Block {
                id: BlockId("b".into()),
                target: Target::Account("blocked".into()),
                expires_at: None,
            };
            let policy = Policy {
                limits: LimitSet::new([limit]).into(),
                blocks: BlockSet::new([blocked]),
                ..Policy::default()
            };
            Self { policy, limiter: Mutex::new(Limiter::new(NOW)) }
        }

        fn recipients(most: u32, action: LimitAction) -> Self {
            Self::new(Measure::Recipients(Window::Hour), most, action)
        }

        fn used(&self) -> u32 {
            let limit = &self.policy.limits.limits()[0];
            let key =
                mailcup_guard::limiter::key(limit, mailcup_guard::limiter::Pool::Others, &"a@x".into(), None);
            self.limiter.lock().unwrap().count(&key, Window::Hour.length(), NOW).used
        }
    }

    fn attempt(login: Option<&str>, address: Option<IpAddr>) -> Attempt<'_> {
        Attempt { login, address, protocol: Protocol::Submission, country: None }
    }

    impl Submissions for Counting {
        fn decide(&self, login: Option<&str>, address: Option<IpAddr>) -> Decision<SubmissionVerdict> {
            decision::submission(&attempt(login, address), &self.policy, NOW)
        }

        fn reserve(
            &self,
            login: Option<&str>,
            address: Option<IpAddr>,
            recipients: u32,
            message: &mut Reservation,
        ) -> Decision<SubmissionVerdict> {
            let mut limiter = self.limiter.lock().unwrap();
            let attempt = attempt(login, address);
            decision::sending(&attempt, &self.policy, recipients, message, &mut limiter, NOW).0
        }

        fn settle(&self, message: &mut Reservation, recipients: u32) {
            self.limiter.lock().unwrap().settle(message, recipients, NOW);
        }

        fn release(&self, message: Reservation) {
            self.limiter.lock().unwrap().release(message, NOW);
        }

        async fn record(&self, _judged: Judged) {}

        async fn record_later(&self, _left: Judged) {}

        fn asked(&self) {}
    }

    /// Requests of one connection to a service.
    struct Smtpd<'a> {
        counting: &'a Counting,
        messages: Messages,
        records: Vec<Judged>,
    }

    impl<'a> Smtpd<'a> {
        fn new(counting: &'a Counting) -> Self {
            Self { counting, messages: Messages::default(), records: Vec::new() }
        }

        fn ask(&mut self, login: &str, state: &str, instance: &str, count: u32) -> SubmissionVerdict {
            let text = format!(
                "request=smtpd_access_policy\nprotocol_state={state}\ninstance={instance}\n\
                 recipient_count={count}\nsasl_username={login}\n\n"
            );
            let request = Request::parse(text.as_bytes()).unwrap();
            let asked = self.messages.asked(&request, self.counting);
            self.records.extend(asked.left.into_iter().chain(asked.known));
            asked.decision.verdict
        }

        /// Hands in a message for so many recipients; answers what each request was told.
        fn message(&mut self, instance: &str, recipients: u32) -> Vec<SubmissionVerdict> {
            let mut verdicts: Vec<_> =
                (0..recipients).map(|_| self.ask("a@x", "RCPT", instance, 0)).collect();
            let passed = [SubmissionVerdict::Accept, SubmissionVerdict::Hold];
            let taken = verdicts.iter().filter(|verdict| passed.contains(verdict)).count();
            if taken > 0 {
                let taken = u32::try_from(taken).unwrap();
                verdicts.push(self.ask("a@x", "DATA", instance, taken));
                verdicts.push(self.ask("a@x", "END-OF-MESSAGE", instance, taken));
            }
            verdicts
        }

        /// The connection ends: outcome and recipients of each record.
        fn end(mut self) -> Vec<(SubmissionOutcome, u32)> {
            let left = self.messages.abandon(self.counting);
            self.records.extend(left);
            self.records.iter().map(|it| (it.submission.outcome, it.submission.recipients)).collect()
        }
    }

    /// One request a step: login, state, instance, recipient count.
    fn check(steps: &[(&str, &str, &str, u32)]) -> Vec<(SubmissionOutcome, u32)> {
        let counting = Counting::recipients(1_000, LimitAction::Reject);
        let mut smtpd = Smtpd::new(&counting);
        for (login, state, instance, count) in steps {
            smtpd.ask(login, state, instance, *count);
        }
        smtpd.end()
    }

    #[test]
    fn an_accepted_message_is_recorded_once_with_the_recipients_that_postfix_took() {
        let steps = [
            ("a@x", "MAIL", "1", 0),
            ("a@x", "RCPT", "1", 0),
            ("a@x", "RCPT", "1", 0),
            ("a@x", "RCPT", "1", 0),
            ("a@x", "DATA", "1", 2),
            ("a@x", "END-OF-MESSAGE", "1", 2),
        ];
        assert_eq!(check(&steps), [(Accepted, 2)]);
    }

    #[test]
    fn messages_over_one_connection_are_told_apart() {
        let steps = [
            ("a@x", "RCPT", "1", 0),
            ("a@x", "END-OF-MESSAGE", "1", 1),
            ("a@x", "RCPT", "2", 0),
            ("a@x", "RCPT", "3", 0),
            ("a@x", "END-OF-MESSAGE", "3", 1),
        ];
        assert_eq!(check(&steps), [(Accepted, 1), (Abandoned, 1), (Accepted, 1)]);
    }

    #[test]
    fn a_refusal_is_recorded_once_however_often_the_client_tries() {
        let steps = [("blocked", "RCPT", "1", 0), ("blocked", "RCPT", "1", 0), ("blocked", "MAIL", "2", 0)];
        assert_eq!(check(&steps), [(Rejected, 1), (Rejected, 0)]);
    }

    #[test]
    fn a_client_that_leaves_before_the_end_has_abandoned_its_message() {
        assert_eq!(check(&[("a@x", "RCPT", "1", 0), ("a@x", "DATA", "1", 1)]), [(Abandoned, 1)]);
        assert_eq!(check(&[("a@x", "MAIL", "1", 0)]), []);
    }

    #[test]
    fn the_recipients_beyond_a_limit_are_refused_and_the_others_go_out() {
        for (action, refused, outcome) in [
            (LimitAction::Reject, SubmissionVerdict::Reject, Rejected),
            (LimitAction::Defer, SubmissionVerdict::Defer, Deferred),
        ] {
            let counting = Counting::recipients(3, action);
            let mut smtpd = Smtpd::new(&counting);
            let verdicts = smtpd.message("1", 5);
            assert_eq!(verdicts[..3], [SubmissionVerdict::Accept; 3]);
            assert_eq!(verdicts[3..5], [refused; 2]);
            assert_eq!(verdicts[5..], [SubmissionVerdict::Accept; 2]);
            assert_eq!(smtpd.message("2", 1), [refused]);
            assert_eq!(smtpd.records[0].reached.len(), 1);
            assert_eq!(smtpd.end(), [(outcome, 1), (Accepted, 3), (outcome, 1)]);
            assert_eq!(counting.used(), 3);
        }
    }

    #[test]
    fn what_is_left_or_refused_by_others_is_given_back() {
        let counting = Counting::recipients(3, LimitAction::Reject);
        let mut smtpd = Smtpd::new(&counting);
        for _ in 0..3 {
            assert_eq!(smtpd.ask("a@x", "RCPT", "1", 0), SubmissionVerdict::Accept);
        }
        assert_eq!(counting.used(), 3);
        smtpd.ask("a@x", "DATA", "1", 1);
        assert_eq!(counting.used(), 1);
        // It begins something else, and goes away.
        smtpd.ask("a@x", "RCPT", "2", 0);
        assert_eq!(counting.used(), 1);
        assert_eq!(smtpd.end(), [(Abandoned, 1), (Abandoned, 1)]);
        assert_eq!(counting.used(), 0);
    }

    #[test]
    fn a_message_whose_connection_broke_is_counted_when_postfix_says_how_many_it_took() {
        let counting = Counting::recipients(3, LimitAction::Reject);
        let mut first = Smtpd::new(&counting);
        first.ask("a@x", "RCPT", "1", 0);
        first.ask("a@x", "RCPT", "1", 0);
        first.end();
        let mut second = Smtpd::new(&counting);
        assert_eq!(second.ask("a@x", "DATA", "1", 2), SubmissionVerdict::Accept);
        assert_eq!(second.ask("a@x", "END-OF-MESSAGE", "1", 2), SubmissionVerdict::Accept);
        assert_eq!(second.ask("a@x", "END-OF-MESSAGE", "2", 2), SubmissionVerdict::Reject);
        assert_eq!(second.end(), [(Accepted, 2), (Rejected, 2)]);
        assert_eq!(counting.used(), 2);
    }

    #[test]
    fn a_held_message_stays_held_and_counts_nothing() {
        let counting = Counting::recipients(2, LimitAction::Hold);
        let mut smtpd = Smtpd::new(&counting);
        let verdicts = smtpd.message("1", 4);
        assert_eq!(verdicts[..2], [SubmissionVerdict::Accept; 2]);
        assert_eq!(verdicts[2], SubmissionVerdict::Hold);
        assert_eq!(verdicts[3..], [SubmissionVerdict::Accept; 3]);
        assert_eq!(counting.used(), 0);
        assert_eq!(smtpd.records[0].reached.len(), 1);
        smtpd.message("2", 2);
        assert_eq!(smtpd.end(), [(Held, 4), (Accepted, 2)]);
        assert_eq!(counting.used(), 2);
    }

    #[test]
    fn what_a_report_only_limit_would_have_stopped_is_recorded_with_the_message() {
        let counting = Counting::limited(Measure::Recipients(Window::Hour), 2, LimitAction::Reject, false);
        let mut smtpd = Smtpd::new(&counting);
        assert_eq!(smtpd.message("1", 4), [SubmissionVerdict::Accept; 6]);
        let codes: Vec<_> = smtpd.records[0].submission.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, [ReasonCode::NothingAgainst, ReasonCode::LimitWouldReach]);
        assert_eq!(
            smtpd.records[0].submission.reasons[1].limit.as_ref().map(|limit| limit.0.as_str()),
            Some("l")
        );
        assert!(smtpd.records[0].reached.is_empty());
        assert_eq!(smtpd.end(), [(Accepted, 4)]);
    }

    #[test]
    fn messages_are_counted_once_each() {
        let counting = Counting::new(Measure::Messages(Window::Hour), 2, LimitAction::Reject);
        let mut smtpd = Smtpd::new(&counting);
        for instance in ["1", "2"] {
            assert!(!smtpd.message(instance, 3).contains(&SubmissionVerdict::Reject));
        }
        assert_eq!(smtpd.message("3", 2), [SubmissionVerdict::Reject; 2]);
        assert_eq!(smtpd.end(), [(Accepted, 3), (Accepted, 3), (Rejected, 1)]);
    }

    #[test]
    fn mail_that_nobody_signed_in_for_is_not_limited() {
        let counting = Counting::recipients(0, LimitAction::Reject);
        let mut smtpd = Smtpd::new(&counting);
        assert_eq!(smtpd.ask("", "RCPT", "1", 0), SubmissionVerdict::Accept);
        assert_eq!(smtpd.ask("a@x", "RCPT", "2", 0), SubmissionVerdict::Reject);
    }
}
