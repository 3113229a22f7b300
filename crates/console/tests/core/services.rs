//! Several services in one console.

use std::{fs, time::Duration};

use mailcup_lab::service::{Service, ServiceConfig};
use mailcup_wire::{
    AlertId, AlertKind, AlertState, BlockTarget, Code, NewBlock, ServiceId,
    desktop::{ConnectRequest, Link, NotificationAction, Phase, View},
};

use super::{connect, desk::Desk, reports, set_up};

fn is_live(view: &View, id: &ServiceId) -> bool {
    view.services.iter().any(|it| it.id == *id && it.link == Link::Live)
}

fn block(address: &str) -> NewBlock {
    NewBlock {
        target: BlockTarget::Address { address: address.parse().unwrap() },
        expires_at: None,
        note: String::new(),
        confirm_self: false,
        alert: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_keeps_its_own_and_a_command_goes_where_its_page_was_drawn() {
    let elsewhere = Service::start(ServiceConfig::default()).await.unwrap();
    elsewhere.set_up().await.unwrap();
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let first = desk.ready().await.service.unwrap().id;
    connect(&console, &elsewhere).await;
    let second = desk.ready().await.service.unwrap().id;
    assert_ne!(first, second);
    desk.view_with(|view| is_live(view, &first) && is_live(view, &second)).await;

    // A page that was drawn for the first acts on the first, although the second is shown.
    let (at_first, at_second) = (console.at(first.clone()), console.at(second.clone()));
    at_first.create_block(block("203.0.113.9")).await.unwrap();
    let blocked = mailcup_lab::wait::until("the block's event", Duration::from_secs(10), async || {
        (at_first.blocks().await.unwrap().len() == 1).then_some(())
    });
    blocked.await.unwrap();
    assert!(at_second.blocks().await.unwrap().is_empty());
    assert!(console.blocks().await.unwrap().is_empty(), "without a name it is the one that is shown");

    // Both are watched, whichever is shown; what they tell names them.
    console.rename_service(second.clone(), "  Choir  of St. Mary ".into()).await.unwrap();
    for (at, login) in [(&at_first, "anna@example.org"), (&at_second, "bert@example.org")] {
        let reports = reports(at).await;
        for attempt in 0..5 {
            reports.failure(login, "203.0.113.77", attempt).await;
        }
    }
    let of_first = desk.notification_with(|it| it.title.contains("anna@example.org")).await;
    let of_second = desk.notification_with(|it| it.title.contains("bert@example.org")).await;
    assert!(of_first.title.starts_with("Example: "), "{}", of_first.title);
    assert!(of_second.title.starts_with("Choir of St. Mary: "), "{}", of_second.title);
    // The owner's device is new to the second, which is an alert as well.
    let counted = |view: &View| view.services.iter().map(|it| it.open_alerts).eq([1, 2]);
    let view = desk.view_with(counted).await;
    assert_eq!(view.open_alerts, 2, "the window counts what it shows");
    assert_eq!(desk.tray().status, "3 open alerts");
    let all = console.all_alerts(vec![AlertState::Open]).await.unwrap();
    let services: Vec<_> = all.iter().map(|it| it.service_name.as_str()).collect();
    assert_eq!(services, ["Choir of St. Mary", "Example", "Choir of St. Mary"], "newest first");

    // The button of a notification acts on its own service; the notification itself leads there.
    console.notification_pressed(of_first.key.clone(), NotificationAction::ItsFine).await;
    desk.view_with(|view| view.services.iter().any(|it| it.id == first && it.open_alerts == 0)).await;
    assert_eq!(at_second.alerts(vec![AlertState::Open]).await.unwrap().len(), 2);
    console.notification_pressed(of_first.key, NotificationAction::Open).await;
    assert_eq!(desk.asked_for().unwrap().service, Some(first.clone()));

    // What this admin did there a moment ago makes no newer version of it, although another service is shown.
    let reporter = reports(&at_first).await;
    for attempt in 0..5 {
        reporter.failure("carl@example.org", "198.51.100.9", attempt).await;
    }
    let of_carl = desk.notification_with(|it| it.title.contains("carl@example.org")).await;
    desk.view_with(|view| view.services.iter().any(|it| it.id == first && it.open_alerts == 1)).await;
    let alert = AlertId::from(of_carl.key.rsplit_once("alert:").unwrap().1);
    console.notification_pressed(of_carl.key, NotificationAction::BlockAddress).await;
    desk.view_with(|view| view.services.iter().any(|it| it.id == first && it.open_alerts == 0)).await;
    let alert = at_first.alert(alert).await.unwrap().unwrap();
    assert_eq!(alert.state, AlertState::Acknowledged);

    console.switch_service(first.clone()).await.unwrap();
    assert_eq!(console.blocks().await.unwrap().len(), 2);
    console.shut_down().await.unwrap();
    drop((console, at_first, at_second));

    // The second is away at the next start; the first is none the worse, and the copy of the second readable.
    drop(elsewhere);
    let console = desk.start(folder.path());
    let view = desk
        .view_with(|view| {
            let away = |it: &&mailcup_wire::desktop::ServiceView| matches!(it.link, Link::Offline { .. });
            is_live(view, &first) && view.services.iter().filter(away).count() == 1
        })
        .await;
    assert_eq!((view.phase, view.service.unwrap().id), (Phase::Ready, first.clone()), "as it was left");
    assert_eq!(desk.tray().status, "2 open alerts; Choir of St. Mary: the service can't be reached");
    let away = console.at(second.clone());
    assert_eq!(away.alerts(vec![AlertState::Open]).await.unwrap().len(), 2);
    assert_eq!(away.create_block(block("203.0.113.10")).await.unwrap_err().code, Code::Unreachable);

    // That it is away becomes an alert, which is told and stands among those of all services.
    let told = desk.others_told();
    desk.clock().advance(Duration::from_secs(61));
    desk.notification_with(|it| it.title == "Choir of St. Mary: The service can't be reached").await;
    desk.others_told_after(told).await;
    let own = async |states| {
        let all = console.all_alerts(states).await.unwrap();
        let own = all.into_iter().filter(|it| it.alert.kind == AlertKind::ServiceUnreachable);
        own.map(|it| (it.service, it.service_name)).collect::<Vec<_>>()
    };
    assert_eq!(own(vec![AlertState::Open]).await, [(second.clone(), "Choir of St. Mary".to_owned())]);
    assert_eq!(own(vec![AlertState::Resolved]).await, []);

    console.forget_service(second.clone()).await.unwrap();
    assert!(!folder.path().join("console/services").join(&second.0).exists());
    assert_eq!(away.blocks().await.unwrap_err().code, Code::NotFound);
    assert_eq!(console.view().await.unwrap().services.len(), 1);
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_be_kept_is_not_begun_and_one_that_cannot_be_removed_goes_on() {
    let elsewhere = Service::start(ServiceConfig::default()).await.unwrap();
    elsewhere.set_up().await.unwrap();
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let first = desk.ready().await.service.unwrap().id;
    let services = || fs::read_dir(folder.path().join("console/services")).unwrap().count();

    let in_the_way = folder.path().join("console/console.new");
    fs::create_dir(&in_the_way).unwrap();
    let url = format!("http://{}", elsewhere.endpoints().http);
    let unkept = console.connect(ConnectRequest { url, trust: None }).await.unwrap_err();
    assert_eq!(unkept.code, Code::Internal);
    let view = console.view().await.unwrap();
    assert_eq!((view.services.len(), services()), (1, 1));
    assert_eq!(view.service.unwrap().id, first);
    fs::remove_dir(&in_the_way).unwrap();

    connect(&console, &elsewhere).await;
    let second = desk.ready().await.service.unwrap().id;
    desk.view_with(|view| is_live(view, &second)).await;
    fs::create_dir(&in_the_way).unwrap();
    let unkept = console.forget_service(second.clone()).await.unwrap_err();
    assert_eq!(unkept.code, Code::Internal);
    assert!(is_live(&console.view().await.unwrap(), &second));
    fs::remove_dir(&in_the_way).unwrap();
    console.shut_down().await.unwrap();
    drop(console);

    let console = desk.start(folder.path());
    let view = desk.view_with(|view| is_live(view, &first) && is_live(view, &second)).await;
    assert_eq!(view.services.len(), 2);
    console.forget_service(second).await.unwrap();
    assert_eq!((console.view().await.unwrap().services.len(), services()), (1, 1));
    console.shut_down().await.unwrap();
}
