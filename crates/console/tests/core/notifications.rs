//! Notifications that the desktop takes its time with.

use mailcup_wire::desktop::{Link, Notification};

use super::{
    desk::{Desk, set_up},
    reports,
};

fn about_anna(notification: &Notification) -> bool {
    notification.title.contains("anna@example.org")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_under_way_when_its_service_is_forgotten_goes_as_soon_as_it_is_there() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let service = desk.ready().await.service.unwrap().id;
    let reports = reports(&console).await;
    desk.set_busy(true);
    for attempt in 0..5 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    let notification = desk.notification_with(about_anna).await;
    console.forget_service(service).await.unwrap();
    desk.set_busy(false);
    desk.taken_away(&notification.key).await;
    console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_under_way_at_the_end_is_not_told_again_at_the_next_start() {
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    set_up(&console).await;
    let reports = reports(&console).await;
    desk.set_busy(true);
    for attempt in 0..5 {
        reports.failure("anna@example.org", "203.0.113.9", attempt).await;
    }
    desk.notification_with(about_anna).await;
    tokio::join!(async { console.shut_down().await.unwrap() }, async { desk.set_busy(false) });
    drop(console);
    let told = desk.notifications().into_iter().filter(about_anna).count();

    let console = desk.start(folder.path());
    desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    // What a start tells of it tells before the end.
    console.shut_down().await.unwrap();
    assert_eq!(desk.notifications().into_iter().filter(about_anna).count(), told);
}
