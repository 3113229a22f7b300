//! What pressing "this wasn't me" does.
//!
//! Whoever can read the mailbox can press, a thief too. So it harms little: one account, one network, one day, once a
//! notice; a block can be lifted. That network is known good no more, until it is used on some days again. An admin's login is never blocked by it, since that would be a way to keep an
//! admin out in an emergency; the alert tells all the same.

use std::sync::Arc;

use jiff::SignedDuration;
use mailcup_guard::alert::Subject;
use mailcup_wire::{Address, Block, BlockId, BlockTarget, Time};
use serde_json::json;

use super::link::{About, NotMe};
use crate::{
    app::App,
    audit::{self, Actor},
    http::blocks,
    risk::owner,
    sign_in,
    store::{StoreError, account_devices, admins, notices, owners_words::OwnersWord},
    web_sign_in::{self, LiveWebSession, Which},
};

/// How long the network is kept from the account.
const BLOCKED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// None where the login is an admin's.
    Done { blocked_until: Option<Time> },
    /// Somebody pressed before.
    DoneBefore,
}

/// Does it, once. A session in which the owner says it goes on, unless it is in that very network.
pub async fn act(
    app: &Arc<App>,
    from: Option<Address>,
    claim: &NotMe,
    said_in: Option<&LiveWebSession>,
) -> Result<Deed, StoreError> {
    let now = app.clock.now();
    let mut tx = app.log.begin().await?;
    if !notices::use_link(tx.connection(), &claim.id(), now, claim.expires_at).await? {
        return Ok(Deed::DoneBefore);
    }
    let actor = match said_in {
        Some(session) => Actor::owner(&session.account, from),
        None => Actor { address: from, ..Actor::default() },
    };
    match &claim.about {
        About::Attempt(id) => app.web_sign_in.end(id),
        About::Seq(_) => app.web_sign_in.end_of(&claim.login),
    }
    let is_there = |address: &Option<Address>| address.is_some_and(|it| claim.network.contains(it));
    let which = match said_in {
        Some(session) if ![session.address, session.seen_from()].iter().any(is_there) => {
            Which::Others(session.id.clone())
        }
        Some(_) | None => Which::All,
    };
    web_sign_in::end_sessions(app, &mut tx, &actor, &claim.login, which).await?;
    account_devices::delete_from(tx.connection(), &claim.login, claim.network).await?;
    let admin = admins::by_login(tx.connection(), &claim.login).await?;
    let block = if let Some(row) = admin {
        sign_in::end_all(app, &mut tx, &row.admin.id, None).await?;
        None
    } else {
        let block = Block {
            id: BlockId(format!("{:016x}", rand::random::<u64>())),
            target: BlockTarget::AccountNetwork { login: claim.login.clone(), network: claim.network },
            note: "The account's owner says that a sign-in from there was not them.".to_owned(),
            created_at: now,
            created_by: None,
            created_by_login: None,
            expires_at: Some(Time::from(now.0.saturating_add(BLOCKED_FOR).unwrap_or(now.0))),
            lifted_at: None,
            lifted_by_login: None,
            cause: None,
            version: 1,
        };
        blocks::put(app, &mut tx, &actor, "block.create", &block).await?;
        Some(block)
    };
    let word = OwnersWord { login: claim.login.clone(), network: claim.network, at: now, was_owner: false };
    owner::say(app, &mut tx, word).await?;
    let subject = Subject::NotMe { login: claim.login.0.as_str().into(), network: claim.network.net() };
    tx.raise(subject, true);
    let details = json!({
        "network": claim.network,
        "about": claim.about,
        "pressed_from": from,
        "block": block.as_ref().map(|block| &block.id),
    });
    audit::record(&mut tx, &actor, "notice.not_me", &claim.login.0, &details).await?;
    tx.commit().await?;
    Ok(Deed::Done { blocked_until: block.and_then(|block| block.expires_at) })
}
