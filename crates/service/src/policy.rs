//! Decisions as the service makes them: guard's rules over what is in force now, for mail servers and for
//! sign-ins at the service itself.

pub mod dovecot;
pub mod postfix;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use mailcup_guard::{
    access::Protocol as GuardProtocol,
    block::{Block as GuardBlock, BlockId as GuardBlockId, BlockSet, Target},
    decision::{self, Attempt, Decision, Policy, SignInVerdict, SubmissionVerdict},
    limiter::Reservation,
};
use mailcup_wire::{Address, Block, BlockId, BlockTarget, EventBody, MailServerKind, Protocol, Time};

use self::postfix::Judged;
use crate::app::App;

/// The policy in force. A change compiles a new one and swaps it in at once; decisions never wait.
#[derive(Debug, Default)]
pub struct LivePolicy {
    compiled: ArcSwap<Policy>,
    blocks: Mutex<BTreeMap<BlockId, Block>>,
}

impl LivePolicy {
    /// The policy that these blocks make.
    pub fn new(blocks: impl IntoIterator<Item = Block>) -> Self {
        let blocks = blocks.into_iter().map(|block| (block.id.clone(), block)).collect();
        Self { compiled: ArcSwap::from_pointee(compile(&blocks)), blocks: Mutex::new(blocks) }
    }

    /// The policy as it is now.
    pub fn load(&self) -> Guard<Arc<Policy>> {
        self.compiled.load()
    }

    /// Decides on a sign-in, over any protocol, before the password is known.
    pub fn sign_in(
        &self,
        login: &str,
        protocol: Protocol,
        address: Option<Address>,
        now: Time,
    ) -> Decision<SignInVerdict> {
        let decision =
            decision::sign_in(&attempt(Some(login), protocol, address), &self.compiled.load(), now.0);
        SIGN_INS.count(decision.verdict == SignInVerdict::Refuse);
        decision
    }

    /// Decides on a message.
    pub fn submission(
        &self,
        login: Option<&str>,
        address: Option<Address>,
        now: Time,
    ) -> Decision<SubmissionVerdict> {
        let decision = decision::submission(
            &attempt(login, Protocol::Submission, address),
            &self.compiled.load(),
            now.0,
        );
        SUBMISSIONS.count(decision.verdict != SubmissionVerdict::Accept);
        decision
    }

    /// Takes in a block that was set, changed or lifted; for after the commit.
    pub fn put(&self, block: Block, now: Time) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.insert(block.id.clone(), block);
        blocks.retain(|_, block| is_active(block, now));
        self.compiled.store(Arc::new(compile(&blocks)));
    }

    /// The blocks that refuse somebody now, oldest first.
    pub fn active_blocks(&self, now: Time) -> Vec<Block> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut active: Vec<_> = blocks.values().filter(|block| is_active(block, now)).cloned().collect();
        active.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        active
    }
}

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
        let attempt = attempt(login, Protocol::Submission, address.map(Address::from));
        let now = self.clock.now();
        let decision = self.sending.reserve(&attempt, &self.policy.load(), recipients, message, now.0);
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
        if let Err(error) = self.log.append(&EventBody::Submission(judged.submission)).await {
            // Mail goes on: stopping all of it would be the greater harm.
            tracing::error!(%error, "a message was answered but not recorded");
        }
    }

    fn asked(&self) {
        self.mail_servers.count(MailServerKind::Postfix, "postfix", self.clock.now());
    }
}

/// Whether a block alone would refuse this login or address.
pub fn would_refuse(target: &BlockTarget, login: Option<&str>, address: Option<Address>) -> bool {
    let block = GuardBlock { id: GuardBlockId("".into()), target: guard_target(target), expires_at: None };
    let policy = Policy { blocks: BlockSet::new([block]), ..Policy::default() };
    let decision =
        decision::sign_in(&attempt(login, Protocol::Api, address), &policy, Time::from_millis(0).0);
    decision.verdict == SignInVerdict::Refuse
}

/// What is decided on, for the metrics: looking a counter up at each decision would cost more than deciding.
struct Decided {
    allowed: LazyLock<metrics::Counter>,
    refused: LazyLock<metrics::Counter>,
}

static SIGN_INS: Decided = Decided {
    allowed: LazyLock::new(
        || metrics::counter!("mailcup_decisions_total", "of" => "sign_in", "answer" => "allow"),
    ),
    refused: LazyLock::new(
        || metrics::counter!("mailcup_decisions_total", "of" => "sign_in", "answer" => "refuse"),
    ),
};

static SUBMISSIONS: Decided = Decided {
    allowed: LazyLock::new(
        || metrics::counter!("mailcup_decisions_total", "of" => "submission", "answer" => "allow"),
    ),
    refused: LazyLock::new(
        || metrics::counter!("mailcup_decisions_total", "of" => "submission", "answer" => "refuse"),
    ),
};

impl Decided {
    fn count(&self, refused: bool) {
        if refused { self.refused.increment(1) } else { self.allowed.increment(1) }
    }
}

fn is_active(block: &Block, now: Time) -> bool {
    block.lifted_at.is_none() && block.expires_at.is_none_or(|end| now < end)
}

fn attempt(login: Option<&str>, protocol: Protocol, address: Option<Address>) -> Attempt<'_> {
    Attempt { login, protocol: guard_protocol(protocol), address: address.map(Address::ip), country: None }
}

fn guard_protocol(protocol: Protocol) -> GuardProtocol {
    match protocol {
        Protocol::Web => GuardProtocol::Web,
        Protocol::Api => GuardProtocol::Api,
        Protocol::Imap => GuardProtocol::Imap,
        Protocol::Pop3 => GuardProtocol::Pop3,
        Protocol::Submission => GuardProtocol::Submission,
        Protocol::Sieve => GuardProtocol::Sieve,
    }
}

fn compile(blocks: &BTreeMap<BlockId, Block>) -> Policy {
    let blocks = blocks.values().map(|block| GuardBlock {
        id: GuardBlockId(block.id.0.as_str().into()),
        target: guard_target(&block.target),
        expires_at: block.expires_at.map(|end| end.0),
    });
    Policy { blocks: BlockSet::new(blocks), ..Policy::default() }
}

fn guard_target(target: &BlockTarget) -> Target {
    match target {
        BlockTarget::Address { address } => Target::Address(address.ip()),
        BlockTarget::Network { network } => Target::Network(network.net()),
        BlockTarget::Account { login } => Target::Account(login.0.clone()),
        BlockTarget::AccountNetwork { login, network } => {
            Target::AccountNetwork(login.0.clone(), network.net())
        }
    }
}
