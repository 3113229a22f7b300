//! Several services in one window.

use mailcup_lab::certificate::{self, SelfSigned};
use mailcup_lab::desktop::{Desktop, DesktopConfig};
use mailcup_lab::service::{Service, ServiceConfig};
use mailcup_wire::{MailServerKind, desktop::View};
use serde_json::{Value, json};

use crate::first_run::{connected, give_credentials, outbox_code};
use crate::page::Page;
use crate::pictures::keep;
use crate::reports::Reporter;

/// One of two services goes away: the window stays useful, and shows each one's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_two_services_shows_its_own_also_while_one_is_away() {
    let (first, mut second) = (service().await, service().await);
    let (at_first, at_second) = (reporter(&first).await, reporter(&second).await);
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &first, async || outbox_code(&first).await).await;
    add(&page, &format!("http://{}", second.endpoints().http)).await;
    sign_in(&page, &second).await;

    at_first.failure("of-the-first@example.org", "198.51.100.1", "a").await;
    at_second.failure("of-the-second@example.org", "198.51.100.2", "a").await;
    page.go("/activity").await;
    page.see("of-the-second@example.org").await;
    page.see_no_more("of-the-first@example.org").await;

    // A command names the service for which its page was drawn; the header gets through to the core.
    let view: View = serde_json::from_value(ask(&page, "view", &Value::Null).await).unwrap();
    let ids: Vec<_> = view.services.iter().map(|it| it.id.0.as_str()).collect();
    assert_eq!(view.service.unwrap().id.0, ids[1]);
    let logins = async |id: &str| ask(&page, "events", &json!({ "mailcup-service": id })).await.to_string();
    assert!(logins(ids[0]).await.contains("of-the-first@"));
    assert!(logins(ids[1]).await.contains("of-the-second@"));

    second.stop();
    page.go("/inbox").await;
    page.see("can't be reached").await;
    page.press(&view.services[1].name).await;
    page.press(&view.services[0].name).await;
    page.see("Up to date").await;
    page.go("/activity").await;
    page.see("of-the-first@example.org").await;
    at_first.failure("still-watched@example.org", "198.51.100.3", "a").await;
    page.see("still-watched@example.org").await;
    page.see_no_more("of-the-second@example.org").await;
    page.quit().await;
}

/// One goes away and another shows another certificate: each says so, and the third goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_away_and_one_with_another_certificate_leave_the_third_useful() {
    let (first, mut away) = (service().await, service().await);
    let (state, certificates) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data_dir = Some(state.path().to_owned());
    let plain = ServiceConfig { data_dir: data_dir.clone(), ..ServiceConfig::default() };
    Service::start(plain).await.unwrap().set_up().await.unwrap();
    SelfSigned::named("first").unwrap().write(certificates.path()).unwrap();
    let env = certificate::served_from(certificates.path());
    let mut changed =
        Service::start(ServiceConfig { data_dir, env, ..ServiceConfig::default() }).await.unwrap();

    let at_first = reporter(&first).await;
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &first, async || outbox_code(&first).await).await;
    add(&page, &format!("http://{}", away.endpoints().http)).await;
    sign_in(&page, &away).await;
    add(&page, &format!("https://{}", changed.endpoints().http)).await;
    page.press("Trust this certificate").await;
    sign_in(&page, &changed).await;
    let view: View = serde_json::from_value(ask(&page, "view", &Value::Null).await).unwrap();
    let names: Vec<_> = view.services.iter().map(|it| it.name.as_str()).collect();

    away.stop();
    changed.stop();
    SelfSigned::named("second").unwrap().write(certificates.path()).unwrap();
    changed.run().await.unwrap();
    page.see("Another certificate").await;
    page.go("/overview").await;
    page.see("The service shows another certificate than the one you trusted").await;
    page.see("Compare certificates").await;
    keep(&page, "services-overview.png").await;
    page.go("/inbox").await;
    page.see("can't be reached").await;
    page.see("another certificate").await;
    keep(&page, "services-inbox.png").await;
    page.go("/settings/services").await;
    page.see("Compare certificates").await;
    keep(&page, "services-settings.png").await;

    page.press(names[2]).await;
    page.press(names[0]).await;
    page.see("Up to date").await;
    page.go("/activity").await;
    at_first.failure("still-watched@example.org", "198.51.100.3", "a").await;
    page.see("still-watched@example.org").await;
    page.quit().await;
}

async fn add(page: &Page, url: &str) {
    page.go("/settings/services/add").await;
    page.fill("Address of the service", url).await;
    page.press("Connect").await;
}

async fn sign_in(page: &Page, service: &Service) {
    give_credentials(page).await;
    page.fill("Six-digit code", &outbox_code(service).await).await;
    page.see("Up to date").await;
}

async fn service() -> Service {
    let service = Service::start(ServiceConfig::default()).await.unwrap();
    service.set_up().await.unwrap();
    service
}

async fn reporter(service: &Service) -> Reporter {
    Reporter::from_snippet(&service.snippet(MailServerKind::Dovecot).await.unwrap())
}

/// What the desktop core answers, with these headers.
async fn ask(page: &Page, command: &str, headers: &Value) -> Value {
    let script = "const done = arguments[arguments.length - 1]; \
                  const headers = arguments[1] ?? {}; \
                  const query = { query: { filter: {}, before: null, limit: 50 } }; \
                  window.__TAURI_INTERNALS__.invoke(arguments[0], query, { headers }).then(done, done)";
    let answer = page.execute_async(script, vec![json!(command), headers.clone()]).await.unwrap();
    answer.json().clone()
}
