//! The audit log: what admins did, each entry chained to the one before it, so that nothing can be taken out
//! or altered unseen.

use data_encoding::HEXLOWER;
use mailcup_guard::audit::{self, Hash, Link};
use mailcup_wire::{Address, Admin, AdminAction, AdminId, AuditEntry, EventBody, Login, RestoredFrom};
use serde_json::{Value, json};

use crate::{
    event_log::LogTransaction,
    http::{
        auth::Caller,
        client::{Client, Origin},
    },
    store::{self, StoreError},
};

/// Who did it.
#[derive(Debug, Clone, Default)]
pub struct Actor {
    /// None for an account's owner, a key or the service itself.
    pub admin: Option<(AdminId, Login)>,
    /// The account whose owner did it, signed in on the web.
    pub account: Option<Login>,
    pub address: Option<Address>,
    /// They say that they put back what this snapshot holds.
    pub restored_from: Option<RestoredFrom>,
}

impl Actor {
    /// Whoever sent a request.
    pub fn of(caller: &Caller, client: Client) -> Self {
        Self {
            admin: caller.admin(),
            account: None,
            address: client.address,
            restored_from: client.restored_from.map(Origin::read),
        }
    }

    /// An admin who is only about to be signed in.
    pub fn admin(admin: &Admin, address: Option<Address>) -> Self {
        Self { admin: Some((admin.id.clone(), admin.login.clone())), address, ..Self::default() }
    }

    /// The owner of an account, from where their browser is.
    pub fn owner(account: &Login, address: Option<Address>) -> Self {
        Self { account: Some(account.clone()), address, ..Self::default() }
    }

    pub fn login(&self) -> Option<Login> {
        self.admin.as_ref().map(|(_, login)| login.clone()).or_else(|| self.account.clone())
    }

    pub fn id(&self) -> Option<AdminId> {
        self.admin.as_ref().map(|(id, _)| id.clone())
    }
}

/// Records, in the transaction that does it, that `actor` did `action` (a stable name like `block.create`) to
/// `target`. `details` is JSON without secrets. An admin's action becomes an event too.
pub async fn record(
    tx: &mut LogTransaction,
    actor: &Actor,
    action: &str,
    target: &str,
    details: &Value,
) -> Result<(), StoreError> {
    let at = tx.now();
    let connection = tx.connection();
    let (before, previous) = match store::audit::head(connection).await? {
        Some((seq, hash)) => (seq, Hash::try_from(hash).ok()),
        None => (0, None),
    };
    let mut entry = AuditEntry {
        seq: u64::try_from(before + 1).unwrap_or(u64::MAX),
        at,
        admin: actor.id(),
        login: actor.login(),
        action: action.to_owned(),
        target: target.to_owned(),
        details: told(actor, details),
        hash: String::new(),
    };
    let hash = audit::hash(previous.as_ref(), &link(&entry));
    entry.hash = HEXLOWER.encode(&hash);
    store::audit::insert(connection, &entry, &hash).await?;
    if let Some((admin, login)) = &actor.admin {
        tx.append(&EventBody::Admin(AdminAction {
            admin: admin.clone(),
            login: login.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            address: actor.address,
        }));
    }
    Ok(())
}

/// The details, with the snapshot that something was put back from.
fn told(actor: &Actor, details: &Value) -> String {
    let mut details = details.clone();
    if let (Some(from), Value::Object(fields)) = (&actor.restored_from, &mut details) {
        fields.insert("restored_from".to_owned(), json!({ "snapshot": from.snapshot, "at": from.at }));
    }
    details.to_string()
}

fn link(entry: &AuditEntry) -> Link<'_> {
    Link {
        seq: entry.seq,
        at: entry.at.as_millis(),
        admin: entry.admin.as_ref().map_or("", |admin| &admin.0),
        login: entry.login.as_ref().map_or("", |login| &login.0),
        action: &entry.action,
        target: &entry.target,
        details: &entry.details,
    }
}
