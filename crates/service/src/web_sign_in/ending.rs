//! How sessions on the web end.

use std::sync::Arc;

use mailcup_wire::{DeviceId, Login, SessionId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::LiveWebSession;
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    store::{StoreError, web_sessions},
};

/// Ends the session that a token opens.
pub async fn sign_out(app: &App, token: &SecretString) -> Result<(), StoreError> {
    let Some(session) = app.web_sessions.find(token.expose_secret()) else { return Ok(()) };
    // First in memory: whoever signs out is out, whatever becomes of the row.
    app.web_sessions.end(|other| other.id == session.id);
    let mut tx = app.store.write().await?;
    web_sessions::delete(&mut tx, &session.id).await?;
    tx.commit().await?;
    Ok(())
}

/// Which of an account's sessions.
#[derive(Debug, Clone)]
pub enum Which {
    All,
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// Those of one browser.
    On(DeviceId),
}

impl Which {
    fn is(&self, session: &LiveWebSession) -> bool {
        match self {
            Self::All => true,
            Self::One(id) => session.id == *id,
            Self::Others(id) => session.id != *id,
            Self::On(device) => session.device.as_ref() == Some(device),
        }
    }
}

/// Ends sessions of an account, records who did it, and answers how many. For the transaction's commit.
pub async fn end_sessions(
    app: &Arc<App>,
    tx: &mut LogTransaction,
    actor: &Actor,
    account: &Login,
    which: Which,
) -> Result<usize, StoreError> {
    let mut over = app.web_sessions.of(account);
    over.retain(|session| which.is(session));
    for session in &over {
        web_sessions::delete(tx.connection(), &session.id).await?;
        let details = json!({ "session": session.id, "client": session.client });
        audit::record(tx, actor, "web_session.end", &account.0, &details).await?;
    }
    let count = over.len();
    let (app, account) = (Arc::clone(app), account.clone());
    tx.after_commit(move || {
        app.web_sessions.end(|session| session.account == account && which.is(session));
    });
    Ok(count)
}

/// Deletes the rows of sessions whose time is over.
pub async fn forget_expired(app: &App) -> Result<(), StoreError> {
    let over = app.web_sessions.end_expired();
    if over.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    for session in over {
        web_sessions::delete(&mut tx, &session.id).await?;
    }
    tx.commit().await?;
    Ok(())
}
