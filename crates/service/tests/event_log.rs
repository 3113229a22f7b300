//! The event log on a real database: order, durability, what derives from sign-ins.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, path::Path};

use mailcup_guard::alert::{PasswordMark, Rules, Subject};
use mailcup_service::{
    clock::Clock,
    event_log::{AlertChangeError, EventLog, current_alert},
    store::{Store, StoreError, accounts, alerts, events, search},
};
use mailcup_wire::{
    AccountOrigin, Address, Alert, AlertChange, AlertKind, AlertState, EventBody, EventFilter, EventKind,
    Outcome, Protocol, SignIn, SystemFact, Time,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

struct Running {
    log: EventLog,
    task: JoinHandle<()>,
    clock: Clock,
}

impl Running {
    async fn start(folder: &Path) -> Self {
        let clock = Clock::fixed("2026-11-24T08:00:00Z".parse().map(Time).unwrap());
        let store = Store::open(folder).await.unwrap();
        let (log, task) = EventLog::open(store, clock.clone(), Rules::default()).await.unwrap();
        Self { log, task, clock }
    }

    /// Ends it like a crash: nothing that is held back gets written.
    async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
        self.log.store().close().await;
    }

    async fn stop(self) {
        self.log.close().await.unwrap();
        self.task.await.unwrap();
        self.log.store().close().await;
    }

    async fn fail(&self, login: &str, address: &str, mark: u16) {
        self.log
            .append_sign_in(sign_in(login, address, Outcome::Failed), Some(PasswordMark(mark)))
            .await
            .unwrap();
    }

    async fn alerts(&self, state: AlertState) -> Vec<Alert> {
        alerts::list(self.log.store().read(), &[state], None, 50).await.unwrap()
    }

    async fn count_events(&self, kind: EventKind) -> usize {
        let filter = EventFilter { kinds: vec![kind], ..EventFilter::default() };
        let patience = search::Patience::default();
        search::search(self.log.store().read(), &filter, None, 20_000, patience).await.unwrap().rows.len()
    }
}

fn sign_in(login: &str, address: &str, outcome: Outcome) -> SignIn {
    SignIn {
        login: login.into(),
        protocol: Protocol::Imap,
        address: Some(address.parse::<Address>().unwrap()),
        outcome,
        reasons: Vec::new(),
        server: None,
        client: None,
        tls: true,
        place: None,
    }
}

fn started() -> EventBody {
    EventBody::System(SystemFact::Stopped)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_many_writers_stand_in_order_without_gaps() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let mut live = running.log.hub().listen();
    let writers = (0..50).map(|writer| {
        let log = running.log.clone();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for step in 0..20 {
                let login = format!("{writer}-{step}@x");
                let event = sign_in(&login, "203.0.113.1", Outcome::Refused);
                seqs.push((log.append_sign_in(event, None).await.unwrap().seq, login));
            }
            seqs
        })
    });
    let mut answered = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        let seqs = writer.await.unwrap();
        assert!(seqs.is_sorted());
        answered.extend(seqs);
    }
    let stored = events::after(running.log.store().read(), 0, running.log.head_seq(), 2000).await.unwrap();
    assert_eq!(stored.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=1000).collect::<Vec<_>>());
    for (seq, login) in answered {
        assert!(stored[usize::try_from(seq).unwrap() - 1].body.contains(&format!("\"{login}\"")));
    }
    let mut heard = 0;
    while let Ok(batch) = live.try_recv() {
        assert_eq!(batch.first_seq, heard + 1);
        heard = batch.last_seq();
    }
    assert_eq!(heard, 1000);
    running.stop().await;
}

#[tokio::test]
async fn a_burst_is_one_alert_with_the_exact_count_also_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let attempts = (0..10_000u16).map(|mark| {
        let event = sign_in("anna@example.org", "203.0.113.9", Outcome::Failed);
        running.log.append_sign_in(event, Some(PasswordMark(mark % 4096)))
    });
    for attempt in futures_util::future::join_all(attempts).await {
        attempt.unwrap();
    }
    // The clock stood still, so that nothing but the opening was written.
    assert_eq!(running.count_events(EventKind::Alert).await, 1);
    let first = running.alerts(AlertState::Open).await.remove(0);
    running.crash().await;

    let running = Running::start(folder.path()).await;
    let read = |alert: &Alert| (alert.id.clone(), alert.count, alert.accounts_total, alert.addresses_total);
    let now = current_alert(&running.log, &first.id).await.unwrap().unwrap().alert;
    assert_eq!(read(&now), (first.id.clone(), 10_000, 1, 1));
    running.fail("anna@example.org", "203.0.113.10", 1).await;
    running.stop().await;

    let running = Running::start(folder.path()).await;
    let alerts = running.alerts(AlertState::Open).await;
    assert_eq!(alerts.iter().map(read).collect::<Vec<_>>(), [(first.id, 10_001, 1, 2)]);
    assert_eq!(alerts[0].title, "10001 failed sign-ins for anna@example.org");
    assert_eq!(alerts[0].evidence.len(), 20);
    assert!(running.count_events(EventKind::Alert).await <= 3);
    running.stop().await;
}

#[tokio::test]
async fn an_attack_days_later_is_an_alert_of_its_own() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    for day in 0..2 {
        running.clock.set(Time::from_millis(running.clock.now().as_millis() + day * 2 * 86_400_000));
        for mark in 0..6 {
            running.fail("anna@x", "203.0.113.9", mark).await;
        }
    }
    running.crash().await;
    let running = Running::start(folder.path()).await;
    running.stop().await;
    let running = Running::start(folder.path()).await;
    let alerts = running.alerts(AlertState::Open).await;
    assert_eq!(alerts.iter().map(|alert| alert.count).collect::<Vec<_>>(), [6, 6]);
    running.stop().await;
}

#[tokio::test]
async fn what_waits_for_its_cause_is_one_alert_however_long_and_ends_with_it() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let begin = running.clock.now().as_millis();
    let hour = |running: &Running, hour: i64| {
        running.clock.set(Time::from_millis(begin + hour * 3_600_000));
    };
    let device = Subject::AdminNewDevice { login: "olga@x".into(), device: "desk".into() };
    running.log.raise(device, false).await.unwrap();
    running.log.raise(Subject::OutboxStuck, false).await.unwrap();
    hour(&running, 25);
    running.log.append(&started()).await.unwrap();
    running.stop().await;

    let running = Running::start(folder.path()).await;
    hour(&running, 26);
    let store = running.log.store().clone();
    let mut connection = store.read().acquire().await.unwrap();
    let current = alerts::current(&mut connection, running.clock.now()).await.unwrap();
    drop(connection);
    assert_eq!(current.into_iter().map(|row| row.subject).collect::<Vec<_>>(), [Subject::OutboxStuck]);
    running.log.raise(Subject::OutboxStuck, false).await.unwrap();
    let open = running.alerts(AlertState::Open).await;
    let read: Vec<_> = open.iter().map(|alert| (alert.kind, alert.count)).collect();
    assert_eq!(read, [(AlertKind::OutboxStuck, 2), (AlertKind::AdminNewDevice, 1)]);
    let mut tx = running.log.begin().await.unwrap();
    assert!(tx.settle(&Subject::OutboxStuck, "Mail gets out again."));
    tx.commit().await.unwrap();
    let open = running.alerts(AlertState::Open).await;
    assert_eq!(open.iter().map(|alert| alert.kind).collect::<Vec<_>>(), [AlertKind::AdminNewDevice]);
    running.stop().await;
}

#[tokio::test]
async fn what_was_resolved_stays_so_through_a_start_while_another_alarm_lasts() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let begin = running.clock.now().as_millis();
    let minute = |minute: i64| running.clock.set(Time::from_millis(begin + minute * 60_000));
    for mark in 0..6 {
        running.fail("lasting@x", "203.0.113.9", mark).await;
        running.fail("brief@x", "198.51.100.9", mark).await;
    }
    minute(1);
    let alerts = running.alerts(AlertState::Open).await;
    let brief = alerts.iter().find(|alert| alert.login == Some("brief@x".into())).unwrap();
    let mut tx = running.log.begin().await.unwrap();
    let change = AlertChange { state: Some(AlertState::Resolved), ..AlertChange::default() };
    tx.change_alert(&brief.id, &change, None, brief.version).await.unwrap();
    tx.commit().await.unwrap();
    // Longer than a day, after which an alert without events is over.
    for number in 1..170 {
        minute(9 * i64::from(number));
        running.fail("lasting@x", "203.0.113.9", number + 10).await;
    }
    running.stop().await;

    let running = Running::start(folder.path()).await;
    running.stop().await;
    let running = Running::start(folder.path()).await;
    let open = running.alerts(AlertState::Open).await;
    let read: Vec<_> = open.iter().map(|alert| (alert.login.clone().unwrap().0, alert.count)).collect();
    assert_eq!(read, [("lasting@x".to_owned(), 175)]);
    running.stop().await;
}

#[tokio::test]
async fn every_start_begins_an_epoch_and_the_numbers_go_on() {
    let folder = TempDir::new().unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let running = Running::start(folder.path()).await;
        ids.push(running.log.append(&started()).await.unwrap());
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(running.log.id_of(index as u64 + 1), *id);
            assert_eq!(running.log.lineage().resume(id, running.log.head_seq()), Ok(id.seq));
        }
        running.stop().await;
    }
    assert_eq!(ids.iter().map(|id| id.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(ids.iter().map(|id| &id.epoch).collect::<BTreeSet<_>>().len(), 3);
    // A start without any event leaves no epoch behind.
    Running::start(folder.path()).await.stop().await;
    let running = Running::start(folder.path()).await;
    assert_eq!(running.log.lineage().steps().len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn a_restored_older_copy_shows_by_its_lineage() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let common = running.log.append(&started()).await.unwrap();
    running.stop().await;
    let copy = TempDir::new().unwrap();
    std::fs::copy(folder.path().join("mailcup.db"), copy.path().join("mailcup.db")).unwrap();

    let running = Running::start(folder.path()).await;
    let lost = running.log.append(&started()).await.unwrap();
    running.stop().await;

    let restored = Running::start(copy.path()).await;
    let other = restored.log.append(&started()).await.unwrap();
    assert_eq!(other.seq, lost.seq);
    let resume = |id| restored.log.lineage().resume(id, restored.log.head_seq());
    assert_eq!((resume(&common), resume(&other)), (Ok(1), Ok(2)));
    assert!(resume(&lost).is_err());
    restored.stop().await;
}

#[tokio::test]
async fn a_success_discovers_the_account_and_is_weighed_against_its_networks() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let succeed = |address| running.log.append_sign_in(sign_in("anna@x", address, Outcome::Succeeded), None);
    succeed("203.0.113.1").await.unwrap();
    let mut connection = running.log.store().read().acquire().await.unwrap();
    let account = accounts::get(&mut connection, &"anna@x".into()).await.unwrap().unwrap();
    assert_eq!(account.origin, AccountOrigin::Discovered);
    drop(connection);
    assert_eq!(running.count_events(EventKind::Account).await, 1);

    running.fail("anna@x", "198.51.100.1", 1).await;
    succeed("198.51.100.1").await.unwrap();
    running.fail("anna@x", "203.0.113.1", 2).await;
    succeed("203.0.113.1").await.unwrap();
    let alerts = running.alerts(AlertState::Open).await;
    let kinds: Vec<_> = alerts.iter().map(|alert| (alert.kind, alert.count, alert.network)).collect();
    assert_eq!(kinds, [(AlertKind::SuccessAfterFailures, 2, "198.51.100.1".parse().ok())]);
    running.stop().await;
}

#[tokio::test]
async fn an_alert_is_resolved_reopened_and_stale_only_by_somebody_elses_step() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    for mark in 0..5 {
        running.fail("anna@x", "203.0.113.9", mark).await;
    }
    let alert = running.alerts(AlertState::Open).await.remove(0);
    // Its count grows by a written event in between.
    running.clock.set(Time::from_millis(running.clock.now().as_millis() + 2000));
    running.fail("anna@x", "203.0.113.9", 6).await;
    let change = |state, expected| {
        let (log, id) = (running.log.clone(), alert.id.clone());
        async move {
            let mut tx = log.begin().await?;
            let change = AlertChange { state: Some(state), ..AlertChange::default() };
            let alert = tx.change_alert(&id, &change, Some(("1".into(), "boss".into())), expected).await?;
            tx.commit().await?;
            Ok::<_, AlertChangeError>(alert)
        }
    };
    let resolved = change(AlertState::Resolved, alert.version).await.unwrap();
    assert_eq!((resolved.state, resolved.count), (AlertState::Resolved, 6));
    assert!(matches!(change(AlertState::Open, alert.version).await, Err(AlertChangeError::Stale(_))));
    assert!(running.alerts(AlertState::Open).await.is_empty());
    // What comes after that must pass the threshold anew, also when the service starts in between.
    running.fail("anna@x", "203.0.113.9", 7).await;
    running.crash().await;
    let running = Running::start(folder.path()).await;
    running.fail("anna@x", "203.0.113.9", 8).await;
    assert!(running.alerts(AlertState::Open).await.is_empty());

    let mut tx = running.log.begin().await.unwrap();
    let reopen =
        AlertChange { state: Some(AlertState::Open), note: Some("no".into()), ..AlertChange::default() };
    let alert = tx.change_alert(&alert.id, &reopen, None, resolved.version).await.unwrap();
    tx.commit().await.unwrap();
    let stored = running.alerts(AlertState::Open).await.remove(0);
    assert_eq!((stored.version, stored.history.len()), (alert.version, 2));
    // A change that is not committed leaves nothing behind.
    let mut tx = running.log.begin().await.unwrap();
    let again = AlertChange { state: Some(AlertState::Resolved), ..AlertChange::default() };
    tx.change_alert(&alert.id, &again, None, stored.version).await.unwrap();
    drop(tx);
    let now = current_alert(&running.log, &alert.id).await.unwrap().unwrap().alert;
    assert_eq!(now, stored);
    running.stop().await;
}

#[tokio::test]
async fn new_thresholds_hold_from_their_commit_on_for_whoever_waits_behind_it() {
    let folder = TempDir::new().unwrap();
    let running = Running::start(folder.path()).await;
    let rules = |account_failures| Rules { account_failures, ..Rules::default() };
    let mut taken_back = running.log.begin().await.unwrap();
    taken_back.set_rules(rules(1));
    drop(taken_back);
    running.fail("anna@x", "203.0.113.9", 1).await;
    assert!(running.alerts(AlertState::Open).await.is_empty(), "what is not committed does not hold");

    let mut changing = running.log.begin().await.unwrap();
    changing.set_rules(rules(2));
    let (log, behind) = (running.log.clone(), tokio::sync::oneshot::channel());
    let waiting = tokio::spawn(async move {
        let begun = log.begin();
        behind.0.send(()).unwrap();
        let mut tx = begun.await.unwrap();
        tx.append_sign_in(sign_in("anna@x", "203.0.113.9", Outcome::Failed), Some(PasswordMark(2)));
        tx.commit().await.unwrap();
    });
    behind.1.await.unwrap();
    changing.commit().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(running.alerts(AlertState::Open).await.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_folder_in_use_or_of_a_newer_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    assert!(matches!(Store::open(folder.path()).await, Err(StoreError::Locked(_))));
    let mut tx = store.write().await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    drop(store);
    let refused = Store::open(folder.path()).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooNew { found: 9999, .. }), "{refused}");
}
