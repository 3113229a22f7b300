//! Sets the blocks that attacks call for, each in the history of the alert about the attack.

use std::sync::Arc;

use mailcup_guard::{
    alert::Subject,
    block::Target,
    client::client_network,
    defence::{AutomaticBlock, Cause, Defence},
    risk::{History, lately::Lately},
};
use mailcup_wire::{Address, Block, BlockCause, BlockId, BlockTarget, Login, Network, Time};
use tokio::sync::mpsc;

use super::{Attack, recall::recall};
use crate::{app::App, audit::Actor, event_log::AlertChangeError, http::blocks, store::StoreError};

/// Blocks that are set in one transaction.
const TOGETHER: usize = 256;

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
            app.risk.begin(History::default(), Lately::default(), Defence::default());
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
                app.risk.lifted(&attack.block.target);
            }
        }
    }
}

async fn block(app: &Arc<App>, attacks: &[Attack]) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut tx = app.log.begin().await?;
    let mut set = Vec::with_capacity(attacks.len());
    for attack in attacks {
        let block = block_for(&attack.block, now);
        let (subject, critical) = subject(&attack.block.target, attack.block.cause);
        if let Some(alert) = tx.alert_about(&subject, critical, &attack.evidence) {
            match tx.answer_with(&alert, &block, None).await {
                Ok(_) => {}
                Err(AlertChangeError::Store(error)) => return Err(error),
                // The block is what counts.
                Err(error) => tracing::warn!(%error, "an alert does not say that it led to a block"),
            }
        }
        set.push(block);
    }
    blocks::put_all(app, &mut tx, &Actor::default(), "block.create", &set).await?;
    tx.commit().await?;
    Ok(())
}

fn block_for(called_for: &AutomaticBlock, now: Time) -> Block {
    let AutomaticBlock { target, cause, strike, expires_at, .. } = called_for;
    let again = if *strike > 1 { format!(" It is the block number {strike} of it.") } else { String::new() };
    Block {
        id: BlockId(format!("{:016x}", rand::random::<u64>())),
        target: shown(target),
        note: format!("{called_for}{again}"),
        created_at: now,
        created_by: None,
        created_by_login: None,
        expires_at: Some(Time::from(*expires_at)),
        lifted_at: None,
        lifted_by_login: None,
        cause: Some(shown_cause(*cause)),
        version: 1,
    }
}

/// What the alert is about, and whether it can't wait.
fn subject(target: &Target, cause: Cause) -> (Subject, bool) {
    let of_account = |login: &String| Subject::RepeatedFailures { login: login.as_str().into() };
    match (cause, target) {
        (
            Cause::StolenPassword | Cause::SharedPassword,
            Target::AccountNetwork(login, _) | Target::Account(login),
        ) => (Subject::StolenPassword { login: login.as_str().into() }, true),
        (_, Target::AccountNetwork(login, _) | Target::Account(login)) => (of_account(login), false),
        (_, Target::Address(address)) => {
            (Subject::NetworkFailures { network: client_network(*address) }, false)
        }
        (_, Target::Network(network)) => (Subject::NetworkFailures { network: *network }, false),
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
    }
}

/// As guard names it.
pub(super) fn cause_of(cause: BlockCause) -> Cause {
    match cause {
        BlockCause::PasswordSpraying => Cause::PasswordSpraying,
        BlockCause::BruteForce => Cause::BruteForce,
        BlockCause::DistributedGuessing => Cause::DistributedGuessing,
        BlockCause::SharedPassword => Cause::SharedPassword,
        BlockCause::StolenPassword => Cause::StolenPassword,
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
