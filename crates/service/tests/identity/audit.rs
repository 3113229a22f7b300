//! The audit log, checked by what its description says.

use data_encoding::HEXLOWER;
use mailcup_wire::{AuditEntry, AuditPage, Login};
use sha2::{Digest as _, Sha256};

use crate::support::{LOGIN, PASSWORD, Service};

/// An entry's hash as docs and wire describe it, without the service's own code.
fn recomputed(previous: &[u8], entry: &AuditEntry) -> Vec<u8> {
    let (seq, at) = (entry.seq.to_be_bytes(), entry.at.as_millis().to_be_bytes());
    let admin = entry.admin.as_ref().map_or("", |admin| admin.0.as_str());
    let login = entry.login.as_ref().map_or("", |Login(login)| login.as_str());
    let texts = [admin, login, &entry.action, &entry.target, &entry.details].map(str::as_bytes);
    let mut bytes = Vec::new();
    for part in [previous, &seq, &at].into_iter().chain(texts) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    Sha256::digest(&bytes).to_vec()
}

/// The first entry at which the chain breaks.
fn first_break(page: &AuditPage) -> Option<u64> {
    let mut previous = Vec::new();
    for (entry, seq) in page.entries.iter().zip(1..) {
        let hash = recomputed(&previous, entry);
        if entry.seq != seq || entry.hash != HEXLOWER.encode(&hash) {
            return Some(seq);
        }
        previous = hash;
    }
    None
}

#[tokio::test]
async fn the_audit_log_is_one_chain_and_shows_where_it_was_tampered_with() {
    let (service, done) = Service::set_up().await;
    let owner = &done.grant.token;
    service.sign_in(LOGIN, PASSWORD, "new-device").await;
    service.key(owner, "read").await;
    let whole = async || service.get(owner, "/v1/audit").await.json::<AuditPage>();
    let page = whole().await;
    assert!(page.entries.len() >= 4 && !page.more);
    assert_eq!(first_break(&page), None);
    assert_eq!(page.head.as_ref(), page.entries.last().map(|entry| &entry.hash));
    let actions: Vec<&str> = page.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!((actions[0], actions[actions.len() - 1]), ("service.set_up", "api_key.create"));
    let rest: AuditPage = service.get(owner, "/v1/audit?after=1&limit=1").await.json();
    assert_eq!((rest.entries[0].seq, rest.more), (2, true));

    let tamper = async |sql: &'static str| {
        let mut tx = service.app.store.write().await.unwrap();
        sqlx::query(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    tamper("UPDATE audit SET login = 'somebody@example.org' WHERE seq = 3").await;
    assert_eq!(first_break(&whole().await), Some(3));
    tamper("DELETE FROM audit WHERE seq = 2").await;
    assert_eq!(first_break(&whole().await), Some(2));
}
