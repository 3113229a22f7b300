//! What people say of sign-ins: that they were the account's owner's, or that they were not.

use std::sync::Arc;

use mailcup_guard::client::client_network;
use mailcup_wire::{Alert, BlockTarget, Login, Network};

use super::Seen;
use crate::{
    app::App,
    audit::Actor,
    event_log::LogTransaction,
    http::blocks,
    store::{
        StoreError,
        owners_words::{self, OwnersWord},
    },
};

/// Makes an account known good where an alert about it came from, and lifts what was blocked by itself there.
pub async fn vouch(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    actor: &Actor,
    login: &Login,
    alert: &Alert,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut lifted = app.policy.active_blocks(now);
    lifted.retain(|block| block.cause.is_some() && concerns(&block.target, login, alert));
    for block in &mut lifted {
        block.lifted_at = Some(now);
        block.lifted_by_login = actor.login();
        block.version += 1;
    }
    blocks::put_all(app, tx, actor, "block.lift", &lifted).await?;
    for network in networks(alert) {
        say(app, tx, OwnersWord { login: login.clone(), network, at: now, was_owner: true }).await?;
    }
    Ok(())
}

/// Writes it down; it counts from the commit on.
pub async fn say(app: &Arc<App>, tx: &mut LogTransaction, word: OwnersWord) -> Result<(), StoreError> {
    owners_words::put(tx.connection(), &word).await?;
    let app = Arc::clone(app);
    tx.after_commit(move || app.risk.take_in(Seen::Word(word)));
    Ok(())
}

fn networks(alert: &Alert) -> Vec<Network> {
    let networks = alert.addresses.iter().map(|address| Network::from(client_network(address.ip())));
    let mut networks: Vec<_> = networks.collect();
    networks.sort_unstable();
    networks.dedup();
    networks
}

fn concerns(target: &BlockTarget, login: &Login, alert: &Alert) -> bool {
    match target {
        BlockTarget::AccountNetwork { login: blocked, network } => {
            blocked == login && alert.addresses.iter().any(|address| network.contains(*address))
        }
        BlockTarget::Sending { login: blocked } => blocked == login,
        BlockTarget::Address { .. } | BlockTarget::Network { .. } | BlockTarget::Account { .. } => false,
    }
}
