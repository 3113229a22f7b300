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

/// Sets blocks until the service stops.
pub async fn run(app: Arc<App>) {
    let (defender, mut attacks) = mpsc::unbounded_channel();
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
    loop {
        let attack = tokio::select! {
            () = app.stop.cancelled() => return,
            attack = attacks.recv() => attack,
        };
        let Some(attack) = attack else { return };
        if let Err(error) = block(&app, &attack).await {
            tracing::error!(%error, "an attack was seen, but its block was not set");
            // So that the next sign-in calls for it again.
            app.risk.lifted(&attack.block.target);
        }
    }
}

async fn block(app: &Arc<App>, attack: &Attack) -> Result<(), StoreError> {
    let AutomaticBlock { target, cause, strike, expires_at, .. } = &attack.block;
    let now = app.clock.now();
    let again = if *strike > 1 { format!(" It is the block number {strike} of it.") } else { String::new() };
    let block = Block {
        id: BlockId(format!("{:016x}", rand::random::<u64>())),
        target: shown(target),
        note: format!("{}{again}", attack.block),
        created_at: now,
        created_by: None,
        created_by_login: None,
        expires_at: Some(Time::from(*expires_at)),
        lifted_at: None,
        lifted_by_login: None,
        cause: Some(shown_cause(*cause)),
        version: 1,
    };
    let mut tx = app.log.begin().await?;
    let (subject, critical) = subject(target, *cause);
    let alert = tx.alert_about(&subject, critical, &attack.evidence);
    if let Some(alert) = alert {
        match tx.answer_with(&alert, &block, None).await {
            Ok(_) => {}
            Err(AlertChangeError::Store(error)) => return Err(error),
            // The block is what counts.
            Err(error) => tracing::warn!(%error, "an alert does not say that it led to a block"),
        }
    }
    blocks::put(app, &mut tx, &Actor::default(), "block.create", &block).await?;
    tx.commit().await?;
    Ok(())
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
pub(super) fn shown(target: &Target) -> BlockTarget {
    match target {
        Target::Address(address) => BlockTarget::Address { address: Address::from(*address) },
        Target::Network(network) => BlockTarget::Network { network: Network::from(*network) },
        Target::Account(login) => BlockTarget::Account { login: Login(login.clone()) },
        Target::AccountNetwork(login, network) => {
            BlockTarget::AccountNetwork { login: Login(login.clone()), network: Network::from(*network) }
        }
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
