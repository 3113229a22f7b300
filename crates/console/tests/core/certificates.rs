//! Certificates that no root of the system vouches for: trusted on first use, refused when they change.

use std::{fs, path::Path};

use mailcup_lab::{
    certificate::{self, SelfSigned},
    service::{Service, ServiceConfig},
};
use mailcup_wire::{
    AlertKind, Code, Severity, Time,
    desktop::{CertificateFault, ConnectRequest, ConnectStep, Link, NotificationAction, Phase, View},
};

use super::desk::{self, Desk};

async fn service(folder: &Path) -> Service {
    let env = certificate::served_from(folder);
    Service::start(ServiceConfig { env, ..ServiceConfig::default() }).await.unwrap()
}

fn is_changed(view: &View) -> bool {
    view.service.as_ref().is_some_and(|it| matches!(it.link, Link::CertificateChanged { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_after_it_was_shown_and_a_changed_one_refused_until_it_was() {
    let certificates = tempfile::tempdir().unwrap();
    SelfSigned::named("first").unwrap().write(certificates.path()).unwrap();
    let mut service = service(certificates.path()).await;
    let (folder, desk) = (tempfile::tempdir().unwrap(), Desk::new());
    let console = desk.start(folder.path());
    let url = format!("https://{}", service.endpoints().http);

    // First use: what it shows is shown, and nothing is connected.
    let ask = |trust: Option<&str>| ConnectRequest { url: url.clone(), trust: trust.map(str::to_owned) };
    let ConnectStep::Untrusted { certificate: first } = console.connect(ask(None)).await.unwrap() else {
        panic!("a certificate that signs itself was trusted");
    };
    assert_eq!((first.subject.as_str(), first.self_signed), ("CN=first", true));
    assert_eq!(first.names, ["localhost", "127.0.0.1"]);
    assert_eq!(first.faults, [CertificateFault::UnknownIssuer]);
    assert!(console.view().await.unwrap().services.is_empty());
    let other = format!("{}:00", &first.sha256[..first.sha256.len() - 3]);
    let refused = console.connect(ask(Some(&other))).await.unwrap();
    assert!(matches!(refused, ConnectStep::Untrusted { .. }), "another fingerprint trusts nothing");
    assert_eq!(console.connect(ask(Some(&first.sha256))).await.unwrap(), ConnectStep::Connected);
    desk.view_with(|view| view.phase == Phase::SetUp { needs_token: true }).await;
    let token = fs::read_to_string(service.data_dir().join("setup-token")).unwrap();
    let mut request = desk::request();
    request.token = Some(token.trim().to_owned());
    console.set_up(request).await.unwrap();
    let view = desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    let id = view.service.unwrap().id;

    // Another one, and an expired at that: refused at once, loudly, and shown beside the first.
    service.stop();
    SelfSigned::named("second").unwrap().expired().write(certificates.path()).unwrap();
    service.run().await.unwrap();
    let view = desk.view_with(is_changed).await;
    let Link::CertificateChanged { pinned, found } = view.service.unwrap().link else { panic!() };
    assert_eq!(pinned.unwrap().sha256, first.sha256);
    assert_eq!(found.subject, "CN=second");
    assert_eq!(found.faults, [CertificateFault::Expired]);
    assert!(found.not_after < Time::from_millis(1_620_000_000_000));
    let alert = &view.own_alerts[0];
    assert_eq!((alert.kind, alert.severity), (AlertKind::CertificateChanged, Severity::Critical));
    let notification = desk.notification_with(|it| it.title.contains("another certificate")).await;
    assert_eq!(notification.actions, [NotificationAction::Open]);
    let refused = console.mail_servers().await.unwrap_err();
    assert_eq!(refused.code, Code::Unreachable);
    assert!(refused.message.contains("another certificate"), "{}", refused.message);

    // An outage is an outage again, and nothing is left to be trusted.
    service.stop();
    let is_away =
        |view: &View| matches!(view.service.as_ref().map(|it| &it.link), Some(Link::Offline { .. }));
    let view = desk.view_with(is_away).await;
    assert!(view.own_alerts.is_empty(), "{:?}", view.own_alerts);
    desk.taken_away(&notification.key).await;
    let stale = console.trust_certificate(id.clone(), found.sha256.clone()).await.unwrap_err();
    assert_eq!(stale.code, Code::Conflict);
    service.run().await.unwrap();
    desk.view_with(is_changed).await;

    // It outlives a restart; only the one that was looked at can be trusted.
    console.shut_down().await.unwrap();
    drop(console);
    let console = desk.start(folder.path());
    desk.view_with(is_changed).await;
    let wrong = console.trust_certificate(id.clone(), first.sha256.clone()).await.unwrap_err();
    assert_eq!(wrong.code, Code::Conflict);
    // What can't be kept is not trusted.
    let in_the_way = folder.path().join(format!("console/services/{id}/service.new"));
    fs::create_dir(&in_the_way).unwrap();
    let unkept = console.trust_certificate(id.clone(), found.sha256.clone()).await.unwrap_err();
    assert_eq!(unkept.code, Code::Internal);
    assert!(is_changed(&console.view().await.unwrap()));
    fs::remove_dir(&in_the_way).unwrap();
    console.trust_certificate(id, found.sha256.clone()).await.unwrap();
    let view = desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
    assert_eq!(view.service.unwrap().pinned.unwrap().sha256, found.sha256);
    console.mail_servers().await.unwrap();
    console.shut_down().await.unwrap();
}
