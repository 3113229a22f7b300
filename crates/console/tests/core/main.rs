//! The desktop core against the real service, started by it as on a desktop.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod audit;
mod backups;
mod certificates;
mod copied;
mod desk;
mod drafts;
mod export;
mod logs;
mod mirrors;
mod notifications;
mod policy;
mod put_back;
mod reports;
mod services;

use std::{fs, path::Path, time::Duration};

use mailcup_console_core::Console;
use mailcup_lab::{
    service::{OWNER, Service, ServiceConfig, write_history},
    traffic::history,
};
use mailcup_wire::{
    AlertChange, AlertId, AlertState, BlockTarget, ChallengeAnswer, Code, FactorKind, MailServerKind,
    NewBlock, SnippetRequest, Snooze, Time, WhenDown,
    desktop::{
        ConnectRequest, Credentials, EventQuery, Filter, Link, Notice, PassphraseChange, Pause, Phase,
        QuietHours, Term, Test, View,
    },
};

use self::{
    desk::{Desk, set_up},
    reports::Reports,
};

fn of(login: &str) -> Filter {
    let test = Test::Account { any: vec![login.to_owned()] };
    Filter { span: None, terms: vec![Term { not: false, test }] }
}

fn query() -> EventQuery {
    EventQuery { filter: Filter::default(), before: None, after: None, limit: 500 }
}

async fn reports(console: &Console) -> Reports {
    let dovecot = SnippetRequest { server: MailServerKind::Dovecot, when_down: WhenDown::Open };
    Reports::by(&console.mail_server_snippet(dovecot).await.unwrap().text)
}

/// Every byte of every file below `folder`, names included, in the order of their names.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        bytes.extend(path.file_name().unwrap().as_encoded_bytes());
        bytes.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(&path).unwrap() });
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_to_the_first_alert() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    desk.view_with(|view| view.phase == Phase::FirstRun).await;
    console.start_embedded().await.unwrap();
    desk.view_with(|view| view.phase == Phase::SetUp { needs_token: false }).await;
    console.set_up(desk::request()).await.unwrap();
    let view = desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    assert_eq!(view.phase, Phase::Ready);
    assert_eq!(view.admin.unwrap().login.0, "olga@example.org");

    let reports = reports(&console).await;
    for attempt in 0..5 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    let notification = desk.notification_with(|it| it.title.contains("anna@example.org")).await;
    let id = notification.key.rsplit_once("alert:").expect("it is about one alert").1.to_owned();
    desk.view_with(|view| view.open_alerts == 1).await;

    let events = console.events(query()).await.unwrap().events;
    let failures = events.iter().filter(|event| matches!(&event.body, mailcup_wire::EventBody::SignIn(it) if it.login.0 == "anna@example.org"));
    assert_eq!(failures.count(), 5);

    console
        .notification_pressed(
            notification.key.clone(),
            mailcup_wire::desktop::NotificationAction::BlockAddress,
        )
        .await;
    desk.view_with(|view| view.open_alerts == 0).await;
    let alert = console.alert(id.into()).await.unwrap().unwrap();
    assert_eq!(alert.state, AlertState::Acknowledged);
    let blocks = console.blocks().await.unwrap();
    assert_eq!(blocks[0].target, BlockTarget::Address { address: "203.0.113.9".parse().unwrap() });
    assert!(reports.is_refused("bert@example.org", "203.0.113.9").await);
    assert!(!reports.is_refused("bert@example.org", "203.0.113.10").await);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_readable_only_here_and_also_offline() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let reports = reports(&console).await;
    reports.failure("anna@example.org", "203.0.113.9", 1).await;
    desk.view_with(|view| view.events >= 4).await;
    let before = console.count_events(Filter::default(), None).await.unwrap().events;
    console.shut_down().await.unwrap();
    drop(console);

    let bytes = all_bytes(&folder.path().join("console/services"));
    for secret in ["anna@example.org", "olga@example.org", "203.0.113.9", "Example", "mcs_"] {
        assert!(!holds(&bytes, secret), "{secret} lies in clear text");
    }

    // The service is gone for good; the copy is not.
    fs::remove_dir_all(folder.path().join("console/service")).unwrap();
    fs::write(folder.path().join("console/service"), "no folder").unwrap();
    let console = desk.start(folder.path());
    let view = desk
        .view_with(|view| matches!(view.service.as_ref().map(|it| &it.link), Some(Link::Offline { .. })))
        .await;
    assert_eq!(view.phase, Phase::Ready);
    assert!(view.service.unwrap().fresh_at.is_some(), "it says how old it is");
    assert!(console.count_events(Filter::default(), None).await.unwrap().events >= before);
    let blocked = console.create_block(NewBlock {
        target: BlockTarget::Account { login: "anna@example.org".into() },
        expires_at: None,
        note: String::new(),
        confirm_self: false,
        alert: None,
    });
    assert_eq!(blocked.await.unwrap_err().code, Code::Unreachable);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_set_aside_and_filled_again() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    desk.view_with(|view| view.events >= 2).await;
    console.shut_down().await.unwrap();
    drop(console);

    let services = folder.path().join("console/services");
    let service = fs::read_dir(&services).unwrap().next().unwrap().unwrap().path();
    fs::write(service.join("store.db"), vec![0x5a; 8192]).unwrap();
    let desk = Desk::clone(&desk);
    let console = desk.start(folder.path());
    let view = desk
        .view_with(|view| {
            view.notices.iter().any(|it| matches!(it, Notice::StoreReplaced { .. })) && view.events >= 2
        })
        .await;
    assert_eq!(view.phase, Phase::Ready);
    let Some(Notice::StoreReplaced { kept_at }) = view.notices.first() else { panic!("{:?}", view.notices) };
    assert!(Path::new(kept_at).is_file());
    console.dismiss_notice(view.notices[0].clone()).await.unwrap();
    desk.view_with(|view| view.notices.is_empty()).await;
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_a_passphrase_keeps_the_key_and_locks() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::without_keyring());
    let console = desk.start(folder.path());
    desk.view_with(|view| view.phase == Phase::FirstRun).await;
    console.start_embedded().await.unwrap();
    desk.view_with(|view| matches!(view.phase, Phase::ChoosePassphrase { .. })).await;
    assert_eq!(console.choose_passphrase("short".into()).await.unwrap_err().code, Code::Invalid);
    console.choose_passphrase("correct horse battery".into()).await.unwrap();
    desk.view_with(|view| view.phase == Phase::SetUp { needs_token: false }).await;
    console.set_up(desk::request()).await.unwrap();
    desk.ready().await;
    let reports = reports(&console).await;

    console.lock().await.unwrap();
    let view = desk.view_with(|view| view.phase == Phase::Locked).await;
    assert_eq!((view.events, view.open_alerts, view.admin), (0, 0, None));
    assert_eq!(console.events(query()).await.unwrap_err().code, Code::Locked);
    for attempt in 0..5 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    let notification = desk.notification_with(|_| true).await;
    assert!(!format!("{notification:?}").contains("anna"), "{notification:?}");

    assert_eq!(console.unlock("wrong".into()).await.unwrap_err().code, Code::WrongPassphrase);
    console.unlock("correct horse battery".into()).await.unwrap();
    desk.view_with(|view| view.open_alerts == 1).await;
    desk.notification_with(|it| it.title.contains("anna@example.org")).await;
    console.shut_down().await.unwrap();
    drop(console);

    let console = desk.start(folder.path());
    desk.view_with(|view| view.phase == Phase::Locked).await;
    console.unlock("correct horse battery".into()).await.unwrap();
    desk.view_with(|view| view.phase == Phase::Ready && view.open_alerts == 1).await;
    let told = desk.notifications().into_iter().filter(|it| it.title.contains("anna@example.org")).count();
    assert_eq!(told, 1, "a restart tells nothing twice");
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_a_key_does_not_open_a_locked_console() {
    let elsewhere = Service::start(ServiceConfig::default()).await.unwrap();
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    desk.view_with(|view| view.events >= 2).await;
    let passphrase = |current: Option<&str>, new: Option<&str>| PassphraseChange {
        current: current.map(str::to_owned),
        new: new.map(str::to_owned),
    };
    console.set_passphrase(passphrase(None, Some("correct horse battery"))).await.unwrap();
    console.lock().await.unwrap();

    let url = format!("http://{}", elsewhere.endpoints().http);
    let connected = console.connect(ConnectRequest { url, trust: None }).await;
    assert_eq!(connected.unwrap_err().code, Code::Locked);
    assert_eq!(console.start_embedded().await.unwrap_err().code, Code::Locked);
    let removed = console.set_passphrase(passphrase(Some("correct horse battery"), None)).await;
    assert_eq!(removed.unwrap_err().code, Code::Locked);
    let view = console.view().await.unwrap();
    assert_eq!((view.phase, view.services.len()), (Phase::Locked, 1));
    assert!(desk.keyring_is_empty(), "no other key was made");

    console.unlock("correct horse battery".into()).await.unwrap();
    let view = desk.ready().await;
    assert!(view.events >= 2 && view.notices.is_empty(), "{:?}", view.notices);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snoozed_alert_counts_no_longer_and_comes_back_with_a_notification_when_it_is_due() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let reports = reports(&console).await;
    for attempt in 0..5 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    let about_anna =
        |desk: &Desk| desk.notifications().iter().filter(|it| it.title.contains("anna@example.org")).count();
    let id = desk.notification_with(|it| it.title.contains("anna@example.org")).await.key;
    let id = AlertId::from(id.rsplit_once("alert:").unwrap().1);
    desk.view_with(|view| view.open_alerts == 1).await;

    let at = Time::from_millis(desk.clock().now().as_millis() + 3_600_000);
    let snooze = AlertChange { snooze: Some(Snooze::Until { at }), ..AlertChange::default() };
    console.change_alert(id.clone(), snooze).await.unwrap();
    desk.view_with(|view| view.open_alerts == 0 && view.gravest.is_none()).await;
    // Another failure belongs to it and changes nothing of that.
    reports.failure("anna@example.org", "203.0.113.9", 6).await;
    desk.view_with(|view| view.events >= 12).await;
    let told = about_anna(&desk);

    desk.clock().advance(Duration::from_secs(3_599 + 2));
    desk.view_with(|view| view.open_alerts == 1).await;
    desk.notification_after(told, |it| it.title.contains("anna@example.org")).await;
    assert_eq!(console.alert(id).await.unwrap().unwrap().state, AlertState::Open);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pause_or_quiet_hours_held_back_is_told_after_them() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    let reports = reports(&console).await;
    let day = |hour: u32| format!("{hour:02}:00");
    let local = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system());
    let now: u32 = local.time().hour().unsigned_abs().into();
    let mut preferences = console.preferences().await.unwrap();
    preferences.quiet_hours = Some(QuietHours { from: day((now + 23) % 24), until: day((now + 2) % 24) });
    console.set_preferences(preferences).await.unwrap();
    console.pause_notifications(Pause::ForMinutes { minutes: 10 }).await.unwrap();
    for attempt in 0..5 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    desk.view_with(|view| view.open_alerts == 1).await;
    desk.clock().advance(Duration::from_mins(11));
    desk.view_with(|view| view.paused_until.is_none()).await;
    assert_eq!(desk.notifications(), [], "quiet hours go on");
    desk.clock().advance(Duration::from_hours(3));
    desk.notification_with(|it| it.title.contains("anna@example.org")).await;
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_is_started_again_and_nothing_is_lost() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    let reports = reports(&console).await;
    reports.failure("anna@example.org", "203.0.113.9", 1).await;
    reports::kill_service_in(&folder.path().join("console/service"));
    desk.view_with(|view| view.notices.iter().any(|it| matches!(it, Notice::ServiceRestarted { .. }))).await;
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    reports.failure("anna@example.org", "203.0.113.9", 2).await;
    desk.view_with(|view| view.events >= 7).await;
    let events = console.events(query()).await.unwrap().events;
    let numbers: Vec<_> = events.iter().map(|event| event.id.seq).collect();
    let newest = numbers[0];
    assert_eq!(numbers, (1..=newest).rev().collect::<Vec<_>>(), "in order, without gaps, once");
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_restored_from_an_older_copy_is_followed() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    console.shut_down().await.unwrap();
    drop(console);
    let data = folder.path().join("console/service");
    let older = folder.path().join("older");
    reports::copy_folder(&data, &older);

    let console = desk.start(folder.path());
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    let reporter = reports(&console).await;
    for attempt in 0..5 {
        reporter.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    desk.view_with(|view| view.open_alerts == 1).await;
    console.shut_down().await.unwrap();
    drop(console);

    fs::remove_dir_all(&data).unwrap();
    reports::copy_folder(&older, &data);
    let console = desk.start(folder.path());
    desk.view_with(|view| {
        view.notices.iter().any(|it| matches!(it, Notice::ServiceRestored { dropped, .. } if *dropped >= 5))
    })
    .await;
    desk.view_with(|view| view.open_alerts == 0).await;
    reports(&console).await.failure("bert@example.org", "203.0.113.9", 1).await;
    let filter = of("bert@example.org");
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    let found = mailcup_lab::wait::until("the new event", Duration::from_secs(10), async || {
        (console.count_events(filter.clone(), None).await.unwrap().events == 1).then_some(())
    });
    found.await.unwrap();
    let lost = of("anna@example.org");
    assert_eq!(console.count_events(lost, None).await.unwrap().events, 0);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_is_locked_at_the_start_costs_neither_copy_nor_session() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    desk.view_with(|view| view.events >= 2).await;
    assert_eq!(
        console.choose_passphrase("correct horse battery".into()).await.unwrap_err().code,
        Code::Conflict
    );
    console.shut_down().await.unwrap();
    drop(console);

    desk.set_keyring(false);
    let console = desk.start(folder.path());
    let view = desk.view_with(|view| matches!(view.phase, Phase::ChoosePassphrase { .. })).await;
    let Phase::ChoosePassphrase { why } = view.phase else { panic!() };
    assert!(why.contains("start MailCup Console again"), "{why}");
    desk.set_keyring(true);
    console.choose_passphrase("correct horse battery".into()).await.unwrap();
    let view = desk.view_with(|view| view.phase == Phase::Ready && view.events >= 2).await;
    assert!(view.notices.is_empty(), "the copy was not begun anew: {:?}", view.notices);
    console.shut_down().await.unwrap();
    drop(console);

    let console = desk.start(folder.path());
    desk.view_with(|view| view.phase == Phase::Locked).await;
    console.unlock("correct horse battery".into()).await.unwrap();
    let view = desk.ready().await;
    assert!(view.notices.is_empty(), "{:?}", view.notices);
    console.shut_down().await.unwrap();
}

/// Signs in to a service elsewhere, with the code from its outbox.
async fn connect(console: &Console, service: &Service) {
    let url = format!("http://{}", service.endpoints().http);
    console.connect(ConnectRequest { url, trust: None }).await.unwrap();
    let credentials = Credentials { login: OWNER.login.into(), password: OWNER.password.into() };
    console.sign_in(credentials).await.unwrap();
    let mails = service.data_dir().join("outbox/new");
    let code = mailcup_lab::wait::until("the code's mail", std::time::Duration::from_secs(10), async || {
        let mail = fs::read_dir(&mails).ok()?.find_map(|mail| fs::read_to_string(mail.ok()?.path()).ok())?;
        let mut words = mail.split(|c: char| !c.is_ascii_digit());
        words.rfind(|word| word.len() == 6).map(str::to_owned)
    });
    let answer = ChallengeAnswer { factor: FactorKind::Email, code: code.await.unwrap() };
    console.answer_challenge(answer).await.unwrap();
}

/// Damages a page in the middle of the copy in the console's folder.
fn damage_a_page(folder: &Path) {
    let services = folder.join("console/services");
    let store = fs::read_dir(&services).unwrap().next().unwrap().unwrap().path().join("store.db");
    let mut bytes = fs::read(&store).unwrap();
    // Behind the first pages of all tables, where the drafts lie, too.
    let page = bytes.len() / 4096 * 3 / 4 * 4096;
    bytes[page + 100..page + 164].fill(0x5a);
    fs::write(&store, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_a_page_that_nothing_asks_for_is_found_and_mended() {
    let service = Service::start(ServiceConfig::default()).await.unwrap();
    service.set_up().await.unwrap();
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    connect(&console, &service).await;
    let reports = reports(&console).await;
    for attempt in 0..300 {
        reports.failure(&format!("user{attempt}@example.org"), "203.0.113.9", attempt).await;
    }
    let before = desk.view_with(|view| view.events >= 300).await.events;
    console.shut_down().await.unwrap();
    drop(console);

    damage_a_page(folder.path());
    // The service is there at once, so that the sync begins before the copy is read through.
    let console = desk.start(folder.path());
    let replaced = |view: &View| {
        view.notices.iter().any(|it| matches!(it, Notice::StoreReplaced { .. })) && view.events >= before
    };
    desk.view_with(replaced).await;
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_comes_page_after_page_as_far_as_it_is_kept() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let data_dir = folder.path().join("service");
    let days_ago = |days: i64| jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    let logins = || (0..50).map(|number| format!("user-{number}@example.org"));
    let past = history(1, logins(), days_ago(200), days_ago(100), 1_500).chain(history(
        2,
        logins(),
        days_ago(80),
        days_ago(1),
        2_000,
    ));
    write_history(&data_dir, past).unwrap();
    let service = ServiceConfig { data_dir: Some(data_dir), ..ServiceConfig::default() };
    let service = Service::start(service).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let console = desk.start(&folder.path().join("console"));
    connect(&console, &service).await;
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;

    let all = owner.all_events(None).await.unwrap();
    let kept = all.iter().filter(|event| event.at > Time::from(days_ago(90))).count();
    assert!(all.len() > kept + 1_000 && kept > 2_000, "{kept} of {}", all.len());
    let here = mailcup_lab::wait::until("every event that is kept", Duration::from_secs(20), async || {
        let here = console.count_events(Filter::default(), None).await.unwrap();
        (here.events as usize == kept).then_some(())
    });
    here.await.unwrap();
    console.shut_down().await.unwrap();
}
