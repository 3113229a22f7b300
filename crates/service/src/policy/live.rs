//! The policy in force: compiled once per change and swapped in at once, so that decisions never wait.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use mailcup_guard::{
    access::{Against, RuleSet, Visitor},
    block::BlockSet,
    decision::{self, Attempt, Decision, Pass, Policy, SignInVerdict, SubmissionVerdict},
    limit::{KnownNetworks, LimitSet},
};
use mailcup_policy as terms;
use mailcup_wire::{Address, Block, BlockId, Login, PolicyState, Protocol, Time};
use tokio::sync::watch;

use super::guard_block;
use crate::places::Places;

/// The policy in force.
#[derive(Debug)]
pub struct LivePolicy {
    decided_by: ArcSwap<Policy>,
    parts: Mutex<Parts>,
    changes: watch::Sender<()>,
    places: Arc<Places>,
}

/// Rules, limits and known networks with what they compile to.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub state: Arc<PolicyState>,
    pub rules: Arc<RuleSet>,
    pub limits: Arc<LimitSet>,
    pub known: Arc<KnownNetworks>,
}

#[derive(Debug)]
struct Parts {
    blocks: BTreeMap<BlockId, Block>,
    compiled: Compiled,
    passes: Vec<Pass>,
}

impl Compiled {
    pub fn new(state: PolicyState) -> Self {
        Self {
            rules: terms::rule_set(&state.rules).into(),
            limits: terms::limit_set(&state.limits).into(),
            known: terms::known_networks(&state.known_networks).into(),
            state: state.into(),
        }
    }

    /// Another state, of which only what differs is compiled.
    #[must_use]
    pub fn changed_to(&self, state: PolicyState) -> Self {
        let former = &*self.state;
        Self {
            rules: if state.rules == former.rules {
                Arc::clone(&self.rules)
            } else {
                terms::rule_set(&state.rules).into()
            },
            limits: if state.limits == former.limits {
                Arc::clone(&self.limits)
            } else {
                terms::limit_set(&state.limits).into()
            },
            known: if state.known_networks == former.known_networks {
                Arc::clone(&self.known)
            } else {
                terms::known_networks(&state.known_networks).into()
            },
            state: state.into(),
        }
    }
}

impl LivePolicy {
    /// The policy that these blocks, this state and these ways in make.
    pub fn new(
        blocks: impl IntoIterator<Item = Block>,
        state: PolicyState,
        passes: impl IntoIterator<Item = (Login, Time)>,
        places: Arc<Places>,
    ) -> Self {
        let parts = Parts {
            blocks: blocks.into_iter().map(|block| (block.id.clone(), block)).collect(),
            compiled: Compiled::new(state),
            passes: passes.into_iter().map(|(login, until)| pass(&login, until)).collect(),
        };
        Self {
            decided_by: ArcSwap::from_pointee(parts.policy()),
            parts: Mutex::new(parts),
            changes: watch::Sender::default(),
            places,
        }
    }

    /// The policy as it is now.
    pub fn load(&self) -> Guard<Arc<Policy>> {
        self.decided_by.load()
    }

    /// Rules, limits and known networks as they are now.
    pub fn compiled(&self) -> Compiled {
        self.with(|parts| parts.compiled.clone())
    }

    /// Marked whenever access rules, limits, known networks or passes change.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Decides on a sign-in, over any protocol, before the password is known.
    pub fn sign_in(
        &self,
        login: &str,
        protocol: Protocol,
        address: Option<Address>,
        now: Time,
    ) -> Decision<SignInVerdict> {
        let decision = self.consider(login, protocol, address, now);
        SIGN_INS.count(decision.verdict == SignInVerdict::Refuse);
        decision
    }

    /// What would be decided on a sign-in, without counting it.
    pub fn consider(
        &self,
        login: &str,
        protocol: Protocol,
        address: Option<Address>,
        now: Time,
    ) -> Decision<SignInVerdict> {
        let policy = self.load();
        decision::sign_in(&self.attempt(&policy, Some(login), protocol, address), &policy, now.0)
    }

    /// Decides on a request of somebody who signed in to the API before.
    pub fn session(&self, login: &str, address: Option<Address>, now: Time) -> Decision<SignInVerdict> {
        let policy = self.load();
        decision::session(&self.attempt(&policy, Some(login), Protocol::Api, address), &policy, now.0)
    }

    /// Whether somebody who signed in on the web before may go on. Blocks count too: they may be set because of this
    /// very session.
    pub fn lets_on_the_web(&self, login: &str, address: Option<Address>, now: Time) -> bool {
        self.consider(login, Protocol::Web, address, now).verdict != SignInVerdict::Refuse
    }

    /// What the rules would say of such a request, were no way in open for its admin.
    pub fn would_judge(&self, login: &str, address: Option<Address>, now: Time) -> Vec<Against> {
        let policy = self.load();
        let attempt = self.attempt(&policy, Some(login), Protocol::Api, address);
        let Attempt { protocol, address, country, .. } = attempt;
        policy.rules.judge(&Visitor { login, protocol, address, country }, now.0).against
    }

    /// Decides on a message.
    pub fn submission(
        &self,
        login: Option<&str>,
        address: Option<Address>,
        now: Time,
    ) -> Decision<SubmissionVerdict> {
        let policy = self.load();
        let attempt = self.attempt(&policy, login, Protocol::Submission, address);
        let decision = decision::submission(&attempt, &policy, now.0);
        SUBMISSIONS.count(decision.verdict != SubmissionVerdict::Accept);
        decision
    }

    /// Takes in blocks that were set, changed or lifted; for after the commit.
    pub fn put(&self, blocks: impl IntoIterator<Item = Block>, now: Time) {
        self.with(|parts| {
            parts.blocks.extend(blocks.into_iter().map(|block| (block.id.clone(), block)));
            parts.blocks.retain(|_, block| is_active(block, now));
            self.decided_by.store(Arc::new(parts.policy()));
        });
    }

    /// Takes in changed rules, limits and known networks; for after the commit.
    pub fn swap(&self, compiled: Compiled) {
        self.with(|parts| {
            parts.compiled = compiled;
            self.decided_by.store(Arc::new(parts.policy()));
        });
        self.changes.send_replace(());
    }

    /// Lets an admin in past blocks and access rules until then; for after the commit.
    pub fn let_pass(&self, login: &Login, until: Time, now: Time) {
        self.with(|parts| {
            parts.passes.retain(|pass| now.0 < pass.until);
            parts.passes.push(pass(login, until));
            self.decided_by.store(Arc::new(parts.policy()));
        });
        self.changes.send_replace(());
    }

    /// The blocks that refuse somebody now, oldest first.
    pub fn active_blocks(&self, now: Time) -> Vec<Block> {
        let mut active: Vec<_> =
            self.with(|parts| parts.blocks.values().filter(|block| is_active(block, now)).cloned().collect());
        active.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        active
    }

    /// An attempt as guard sees it. Where it comes from is looked up only if a rule asks for it.
    pub(super) fn attempt<'a>(
        &self,
        policy: &Policy,
        login: Option<&'a str>,
        protocol: Protocol,
        address: Option<Address>,
    ) -> Attempt<'a> {
        let address = address.map(Address::ip);
        let country =
            address.filter(|_| policy.rules.uses_countries()).and_then(|ip| self.places.country(ip));
        Attempt { login, protocol: terms::protocol(protocol), address, country }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Parts) -> T) -> T {
        work(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Parts {
    fn policy(&self) -> Policy {
        Policy {
            blocks: BlockSet::new(self.blocks.values().map(guard_block)),
            rules: Arc::clone(&self.compiled.rules),
            limits: Arc::clone(&self.compiled.limits),
            known: Arc::clone(&self.compiled.known),
            passes: self.passes.clone(),
        }
    }
}

fn pass(login: &Login, until: Time) -> Pass {
    Pass { login: login.0.as_str().into(), until: until.0 }
}

fn is_active(block: &Block, now: Time) -> bool {
    block.lifted_at.is_none() && block.expires_at.is_none_or(|end| now < end)
}

/// What is decided on, for the metrics: looking a counter up at each decision would cost more than deciding.
pub(super) struct Decided {
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

pub(super) static SUBMISSIONS: Decided = Decided {
    allowed: LazyLock::new(
        || metrics::counter!("mailcup_decisions_total", "of" => "submission", "answer" => "allow"),
    ),
    refused: LazyLock::new(
        || metrics::counter!("mailcup_decisions_total", "of" => "submission", "answer" => "refuse"),
    ),
};

impl Decided {
    pub(super) fn count(&self, refused: bool) {
        if refused { self.refused.increment(1) } else { self.allowed.increment(1) }
    }
}
