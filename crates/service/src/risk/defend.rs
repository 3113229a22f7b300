//! Sets the blocks that attacks call for, each in the history of the alert about the attack.

use std::sync::Arc;

use mailcup_guard::{
    alert::{Evidence, Subject},
    block::Target,
    client::client_network,
    defence::{AutomaticBlock, Cause, sending::Suspicion},
};
use mailcup_wire::{Address, Block, BlockCause, BlockId, BlockTarget, Login, Network, Protocol, Time};
use tokio::sync::mpsc;

use super::{State, recall::recall};
use crate::{
    app::App,
    audit::Actor,
    event_log::{AlertChangeError, LogTransaction},
    http::blocks,
    mail::notice::{self, Occasion},
    notices::Owner,
    outbox,
    store::StoreError,
};

/// Blocks that are set in one transaction.
const TOGETHER: usize = 256;

/// A block that is called for, and what called for it.
#[derive(Debug)]
pub(super) struct Attack {
    pub target: Target,
    cause: BlockCause,
    note: String,
    /// None: until lifted.
    expires_at: Option<Time>,
    evidence: Evidence,
}

impl Attack {
    pub fn by_sign_in(block: &AutomaticBlock, evidence: Evidence) -> Self {
        let again = match block.strike {
            0 | 1 => String::new(),
            strike => format!(" It is the block number {strike} of it."),
        };
        Self {
            target: block.target.clone(),
            cause: shown_cause(block.cause),
            note: format!("{block}{again}"),
            expires_at: Some(Time::from(block.expires_at)),
            evidence,
        }
    }

    /// Whether somebody else sends can't be told by waiting: a person must say so.
    pub fn by_sending(suspicion: &Suspicion, evidence: Evidence) -> Self {
        Self {
            target: Target::Sending(evidence.login.to_string()),
            cause: match suspicion {
                Suspicion::Burst { .. } => BlockCause::SendingBurst,
                Suspicion::ManyNetworks { .. } => BlockCause::SendingFromManyNetworks,
                Suspicion::ManyCountries { .. } => BlockCause::SendingFromManyCountries,
            },
            note: suspicion.to_string(),
            expires_at: None,
            evidence,
        }
    }
}

/// Sets blocks until the service stops.
pub async fn run(app: Arc<App>) {
    let (defender, mut waiting) = mpsc::channel(super::ATTACKS);
    if app.risk.defender.set(defender).is_err() {
        return;
    }
    match app.stop.run_until_cancelled(recall(&app)).await {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            tracing::error!(%error, "the past of sign-ins can't be read; none is judged by it");
            app.risk.begin(State::default());
        }
        None => return,
    }
    let mut attacks = Vec::new();
    loop {
        attacks.clear();
        tokio::select! {
            () = app.stop.cancelled() => return,
            count = waiting.recv_many(&mut attacks, TOGETHER) => if count == 0 { return },
        }
        if let Err(error) = block(&app, &attacks).await {
            tracing::error!(%error, "attacks were seen, but their blocks were not set");
            // They are counted anew.
            for attack in &attacks {
                app.risk.lifted(&attack.target);
            }
        }
    }
}

async fn block(app: &Arc<App>, attacks: &[Attack]) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut tx = app.log.begin().await?;
    let mut set = Vec::with_capacity(attacks.len());
    for attack in attacks {
        let block = block_for(attack, now);
        let (subject, critical) = subject(&attack.target, attack.cause);
        if let Some(alert) = tx.alert_about(&subject, critical, &attack.evidence) {
            match tx.answer_with(&alert, &block, None).await {
                Ok(_) => {}
                Err(AlertChangeError::Store(error)) => return Err(error),
                // The block is what counts.
                Err(error) => tracing::warn!(%error, "an alert does not say that it led to a block"),
            }
        }
        if let Target::Sending(login) = &attack.target {
            tell_owner(app, &mut tx, &Login(login.clone()), attack).await?;
        }
        set.push(block);
    }
    blocks::put_all(app, &mut tx, &Actor::default(), "block.create", &set).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells an owner that nothing is sent from their account any more, where mail reaches them.
async fn tell_owner(
    app: &App,
    tx: &mut LogTransaction,
    login: &Login,
    attack: &Attack,
) -> Result<(), StoreError> {
    let settings = app.settings.notices.load_full();
    let Some(owner) = Owner::reach(app, tx.connection(), login, &settings).await? else { return Ok(()) };
    let organization = app.settings.organization_name();
    let place = attack.evidence.address.and_then(|address| app.places.of(address));
    let occasion = Occasion {
        organization: &organization,
        login,
        at: attack.evidence.at.to_zoned_datetime(owner.zone.clone()),
        protocol: Protocol::Submission,
        address: attack.evidence.address,
        place: place.as_ref(),
        client: None,
        link: None,
    };
    outbox::post(app, tx, &notice::sending_suspended(&owner.to, &occasion, &attack.note)).await?;
    Ok(())
}

fn block_for(attack: &Attack, now: Time) -> Block {
    Block {
        id: BlockId(format!("{:016x}", rand::random::<u64>())),
        target: shown(&attack.target),
        note: attack.note.clone(),
        created_at: now,
        created_by: None,
        created_by_login: None,
        expires_at: attack.expires_at,
        lifted_at: None,
        lifted_by_login: None,
        cause: Some(attack.cause),
        version: 1,
    }
}

/// What the alert is about, and whether it can't wait.
fn subject(target: &Target, cause: BlockCause) -> (Subject, bool) {
    match (target, cause) {
        (Target::Sending(login), _)
        | (
            Target::AccountNetwork(login, _) | Target::Account(login),
            BlockCause::StolenPassword | BlockCause::SharedPassword,
        ) => (Subject::StolenPassword { login: login.as_str().into() }, true),
        (Target::AccountNetwork(login, _) | Target::Account(login), _) => {
            (Subject::RepeatedFailures { login: login.as_str().into() }, false)
        }
        (Target::Address(address), _) => {
            (Subject::NetworkFailures { network: client_network(*address) }, false)
        }
        (Target::Network(network), _) => (Subject::NetworkFailures { network: *network }, false),
    }
}

/// As the wire names it.
fn shown(target: &Target) -> BlockTarget {
    match target {
        Target::Address(address) => BlockTarget::Address { address: Address::from(*address) },
        Target::Network(network) => BlockTarget::Network { network: Network::from(*network) },
        Target::Account(login) => BlockTarget::Account { login: Login(login.clone()) },
        Target::AccountNetwork(login, network) => {
            BlockTarget::AccountNetwork { login: Login(login.clone()), network: Network::from(*network) }
        }
        Target::Sending(login) => BlockTarget::Sending { login: Login(login.clone()) },
    }
}

/// As guard names it; none for what messages called for.
pub(super) fn cause_of(cause: BlockCause) -> Option<Cause> {
    match cause {
        BlockCause::PasswordSpraying => Some(Cause::PasswordSpraying),
        BlockCause::BruteForce => Some(Cause::BruteForce),
        BlockCause::DistributedGuessing => Some(Cause::DistributedGuessing),
        BlockCause::SharedPassword => Some(Cause::SharedPassword),
        BlockCause::StolenPassword => Some(Cause::StolenPassword),
        BlockCause::SendingBurst
        | BlockCause::SendingFromManyNetworks
        | BlockCause::SendingFromManyCountries => None,
    }
}

fn shown_cause(cause: Cause) -> BlockCause {
    match cause {
        Cause::PasswordSpraying => BlockCause::PasswordSpraying,
        Cause::BruteForce => BlockCause::BruteForce,
        Cause::DistributedGuessing => BlockCause::DistributedGuessing,
        Cause::SharedPassword => BlockCause::SharedPassword,
        Cause::StolenPassword => BlockCause::StolenPassword,
    }
}
