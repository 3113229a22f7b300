//! Decisions as the service makes them: guard's rules over what is in force now, for mail servers and for
//! sign-ins at the service itself.

pub mod app_password;
pub mod change;
pub mod dovecot;
mod live;
mod lock_out;
pub mod postfix;
pub mod trial;
mod webmail;

use std::net::IpAddr;

use mailcup_guard::{
    access,
    block::{Block, BlockId, BlockSet, Target},
    decision::{self, Attempt, Decision, Policy, SignInVerdict, SubmissionVerdict},
    limiter::Reservation,
};
use mailcup_wire::{Address, BlockTarget, MailServerKind, Protocol, Reason, Time};

pub use self::live::{Compiled, LivePolicy};
use self::{live::SUBMISSIONS, postfix::Judged};
use crate::{app::App, event_log::reason_text, sending, store::StoreError};

/// Postfix's requests, answered by the service. The protocol names no mail server.
impl postfix::Submissions for App {
    fn decide(&self, login: Option<&str>, address: Option<IpAddr>) -> Decision<SubmissionVerdict> {
        self.policy.submission(login, address.map(Address::from), self.clock.now())
    }

    fn reserve(
        &self,
        login: Option<&str>,
        address: Option<IpAddr>,
        recipients: u32,
        message: &mut Reservation,
    ) -> Decision<SubmissionVerdict> {
        let (policy, now) = (self.policy.load(), self.clock.now());
        let attempt = self.policy.attempt(&policy, login, Protocol::Submission, address.map(Address::from));
        let decision = self.sending.reserve(&attempt, &policy, recipients, message, now.0);
        SUBMISSIONS.count(decision.verdict != SubmissionVerdict::Accept);
        decision
    }

    fn settle(&self, message: &mut Reservation, recipients: u32) {
        self.sending.settle(message, recipients, self.clock.now().0);
    }

    fn release(&self, message: Reservation) {
        self.sending.release(message, self.clock.now().0);
    }

    async fn record(&self, judged: Judged) {
        answered(sending::hit::record(self, judged).await);
    }

    async fn record_later(&self, left: Judged) {
        answered(if left.reached.is_empty() {
            self.log.append_submission_later(left.submission).await
        } else {
            sending::hit::record(self, left).await
        });
    }

    fn asked(&self) {
        self.mail_servers.count(MailServerKind::Postfix, "postfix", self.clock.now());
    }
}

/// Mail goes on whether it was recorded or not: stopping all of it would be the greater harm.
fn answered(recorded: Result<(), StoreError>) {
    if let Err(error) = recorded {
        tracing::error!(%error, "a message was answered but not recorded");
    }
}

/// Whether a block alone would refuse this login or address.
pub fn would_refuse(target: &BlockTarget, login: Option<&str>, address: Option<Address>) -> bool {
    let block = Block { id: BlockId("".into()), target: guard_target(target), expires_at: None };
    let policy = Policy { blocks: BlockSet::new([block]), ..Policy::default() };
    let attempt =
        Attempt { login, protocol: access::Protocol::Api, address: address.map(Address::ip), country: None };
    decision::sign_in(&attempt, &policy, Time::from_millis(0).0).verdict == SignInVerdict::Refuse
}

/// What of the reasons is kept with the event of an attempt that was not refused: what report-only rules would
/// have done, and that it passed by a way in from the server's shell.
pub fn noted<V>(decision: &Decision<V>) -> Vec<Reason> {
    let worth_it = |reason: &&decision::Reason| {
        reason.is_report_only() || matches!(reason, decision::Reason::Passed { .. })
    };
    decision.reasons.iter().filter(worth_it).map(reason_text).collect()
}

pub(crate) fn guard_block(block: &mailcup_wire::Block) -> Block {
    Block {
        id: BlockId(block.id.0.as_str().into()),
        target: guard_target(&block.target),
        expires_at: block.expires_at.map(|end| end.0),
    }
}

pub(crate) fn guard_target(target: &BlockTarget) -> Target {
    match target {
        BlockTarget::Address { address } => Target::Address(address.ip()),
        BlockTarget::Network { network } => Target::Network(network.net()),
        BlockTarget::Account { login } => Target::Account(login.0.clone()),
        BlockTarget::AccountNetwork { login, network } => {
            Target::AccountNetwork(login.0.clone(), network.net())
        }
        BlockTarget::Sending { login } => Target::Sending(login.0.clone()),
    }
}
