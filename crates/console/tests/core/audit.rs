//! A service whose audit log is tampered with in its database, and one that is restored: each noticed for what it is.

use std::{path::Path, time::Duration};

use mailcup_console_core::Console;
use mailcup_guard::audit::{Hash, Link, hash};
use mailcup_wire::{
    AlertKind, BlockTarget, NewBlock, Severity,
    desktop::{AuditFault, AuditQuery, AuditStanding, Link as ServiceLink, TrayState, View},
};
use rusqlite::Connection;

use crate::{
    desk::{Desk, set_up},
    reports,
};

async fn live(desk: &Desk) -> View {
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == ServiceLink::Live)).await
}

/// Waits until the log was checked up to at least `entries`.
async fn checked(console: &Console, entries: u32) -> AuditStanding {
    let checked =
        mailcup_lab::wait::until("the audit log to be checked", Duration::from_secs(20), async || {
            let standing = console.audit_standing().await.ok()?;
            (standing.entries >= entries && standing.checked_at.is_some()).then_some(standing)
        });
    checked.await.unwrap()
}

/// A console that has seen a few entries, and whose service has ended.
async fn seen(folder: &Path, desk: &Desk) -> u32 {
    let console = desk.start(folder);
    set_up(&console).await;
    live(desk).await;
    for address in ["203.0.113.1", "203.0.113.2", "203.0.113.3"] {
        block(&console, address).await;
    }
    let entries = checked(&console, 5).await.entries;
    let list = console.audit(AuditQuery {
        text: "block.create 113.2".into(),
        from: None,
        until: None,
        offset: 0,
        limit: 10,
    });
    let list = list.await.unwrap();
    assert_eq!((list.total, list.entries[0].action.as_str()), (1, "block.create"));
    console.shut_down().await.unwrap();
    entries
}

async fn block(console: &Console, address: &str) {
    let target = BlockTarget::Address { address: address.parse().unwrap() };
    let block = NewBlock { target, expires_at: None, note: String::new(), confirm_self: false, alert: None };
    console.create_block(block).await.unwrap();
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("console/service/mailcup.db")).unwrap()
}

/// Starts the console again and waits until it has found what is wrong.
async fn noticed(folder: &Path, desk: &Desk) -> (Console, AuditStanding) {
    let console = desk.start(folder);
    let view =
        desk.view_with(|view| view.own_alerts.iter().any(|it| it.kind == AlertKind::AuditBroken)).await;
    assert_eq!((view.gravest, view.open_alerts), (Some(Severity::Critical), 1));
    desk.tray_with(|tray| tray.state == TrayState::Critical).await;
    desk.notification_with(|it| it.title.contains("audit log")).await;
    let standing = console.audit_standing().await.unwrap();
    (console, standing)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_entry_is_noticed_and_told_once() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    seen(folder.path(), &desk).await;
    let altered =
        database(folder.path()).execute("UPDATE audit SET target = 'somebody else' WHERE seq = 3", []);
    assert_eq!(altered.unwrap(), 1);
    let (console, standing) = noticed(folder.path(), &desk).await;
    let finding = standing.finding.unwrap();
    assert_eq!((finding.fault, finding.seq), (AuditFault::Altered, 3));
    assert_eq!(finding.told.unwrap().target, "somebody else");
    assert_ne!(finding.seen.unwrap().target, "somebody else");
    console.shut_down().await.unwrap();
    drop(console);

    let (console, _) = noticed(folder.path(), &desk).await;
    live(&desk).await;
    let told = desk.notifications().into_iter().filter(|it| it.title.contains("audit log")).count();
    assert_eq!(told, 1, "a restart tells nothing twice");
    // Somebody has looked into it.
    console.trust_audit().await.unwrap();
    desk.view_with(|view| view.own_alerts.is_empty() && view.gravest.is_none()).await;
    checked(&console, 5).await;
    block(&console, "203.0.113.9").await;
    assert!(checked(&console, 6).await.finding.is_none(), "the log goes on from there");
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_altered_with_its_hash_and_all_after_it_is_noticed() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    seen(folder.path(), &desk).await;
    rewrite(&database(folder.path()), 3);
    let (console, standing) = noticed(folder.path(), &desk).await;
    let finding = standing.finding.unwrap();
    assert_eq!((finding.fault, finding.seq), (AuditFault::Rewritten, 3));
    console.shut_down().await.unwrap();
}

/// A row of the audit log without its hash.
type Fields = (i64, i64, String, String, String, String, String);

/// Alters an entry and writes the chain anew from there, as somebody would who knows how it is made.
fn rewrite(database: &Connection, from: i64) {
    let mut previous: Option<Hash> = database
        .query_row("SELECT hash FROM audit WHERE seq = ?1", [from - 1], |row| row.get::<_, Vec<u8>>(0))
        .unwrap()
        .try_into()
        .ok();
    database.execute("UPDATE audit SET target = 'somebody else' WHERE seq = ?1", [from]).unwrap();
    let mut rows = database
        .prepare(
            "SELECT seq, at, coalesce(admin, ''), coalesce(login, ''), action, target, details FROM audit \
             WHERE seq >= ?1 ORDER BY seq",
        )
        .unwrap();
    let rows: Vec<Fields> = rows
        .query_map([from], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (seq, at, admin, login, action, target, details) in &rows {
        let link = Link { seq: seq.cast_unsigned(), at: *at, admin, login, action, target, details };
        let hash = hash(previous.as_ref(), &link);
        database.execute("UPDATE audit SET hash = ?2 WHERE seq = ?1", (seq, hash.as_slice())).unwrap();
        previous = Some(hash);
    }
    assert!(!rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_log_is_noticed_also_when_it_has_grown_again() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let entries = seen(folder.path(), &desk).await;
    let cut = database(folder.path()).execute("DELETE FROM audit WHERE seq > ?1", [entries - 2]);
    assert_eq!(cut.unwrap(), 2);
    let (console, standing) = noticed(folder.path(), &desk).await;
    let finding = standing.finding.unwrap();
    assert_eq!((finding.fault, finding.seq), (AuditFault::Truncated, entries - 1));
    console.trust_audit().await.unwrap();
    desk.view_with(|view| view.own_alerts.is_empty()).await;
    checked(&console, entries - 2).await;
    for address in ["203.0.113.4", "203.0.113.5", "203.0.113.6"] {
        block(&console, address).await;
    }
    let entries = checked(&console, entries + 1).await.entries;
    console.shut_down().await.unwrap();
    drop(console);

    // Cut, and as many other entries in place of those that are gone.
    let database = database(folder.path());
    database.execute("DELETE FROM audit WHERE seq = ?1", [entries]).unwrap();
    rewrite(&database, i64::from(entries) - 1);
    drop(database);
    let (console, standing) = noticed(folder.path(), &desk).await;
    let fault = standing.finding.unwrap().fault;
    assert_eq!(fault, AuditFault::Rewritten);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_service_is_told_from_one_that_was_tampered_with() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let entries = seen(folder.path(), &desk).await;
    let data = folder.path().join("console/service");
    let older = folder.path().join("older");
    reports::copy_folder(&data, &older);

    let console = desk.start(folder.path());
    live(&desk).await;
    block(&console, "203.0.113.7").await;
    block(&console, "203.0.113.8").await;
    checked(&console, entries + 2).await;
    console.shut_down().await.unwrap();
    drop(console);

    std::fs::remove_dir_all(&data).unwrap();
    reports::copy_folder(&older, &data);
    let console = desk.start(folder.path());
    let restored =
        mailcup_lab::wait::until("the restoration to be seen", Duration::from_secs(20), async || {
            console.audit_standing().await.ok()?.restored
        });
    assert_eq!(restored.await.unwrap().lost, 2);
    let view = live(&desk).await;
    assert!(view.own_alerts.is_empty(), "{:?}", view.own_alerts);
    block(&console, "203.0.113.10").await;
    assert!(checked(&console, entries + 1).await.finding.is_none());
    console.shut_down().await.unwrap();
    drop(console);

    // An older copy out of which an entry was taken that is in it.
    std::fs::remove_dir_all(&data).unwrap();
    reports::copy_folder(&older, &data);
    database(folder.path()).execute("DELETE FROM audit WHERE seq > ?1", [entries - 1]).unwrap();
    let (console, standing) = noticed(folder.path(), &desk).await;
    assert_eq!(standing.finding.unwrap().seq, entries);
    console.shut_down().await.unwrap();
}
