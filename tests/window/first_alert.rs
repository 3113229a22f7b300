//! From the first start to the first alert, and what one does about it.

use mailcup_lab::{
    clients::MailProtocol,
    desktop::{Desktop, DesktopConfig},
    wait,
};

use crate::first_run::{
    code_from_mailbox, connect_mail_servers, give_credentials, guess, keep_codes, set_relay, set_up,
    sign_in_over,
};
use crate::page::{Page, SOON};

const ATTACKER: &str = "127.0.0.9";
const HONEST: &str = "127.0.0.5";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_sees_stops_and_understands_an_attack() {
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = Page::open(&desktop).await;
    assert_eq!(set_up(&page).await.len(), 10, "{}", page.words().await);
    keep_codes(&page).await;

    let servers = connect_mail_servers(&page).await;
    page.see("Waiting for the first request").await;
    let ben = servers.account("ben").clone();
    let signs_in = |protocol, from, password: &str| {
        let (servers, login, password) = (&servers, ben.login.clone(), password.to_owned());
        async move { sign_in_over(servers, protocol, from, &login, &password).await }
    };
    assert!(signs_in(MailProtocol::Imap, HONEST, &ben.password).await.accepted);
    page.see("Connected").await;
    page.press("Open the console").await;
    page.see("All is well").await;
    page.go("/activity").await;
    page.see(HONEST).await;

    set_relay(&page, &servers).await;
    page.press("Your account").await;
    page.press("Sign out").await;
    page.press("Sign in").await;
    give_credentials(&page).await;
    page.fill("Six-digit code", &code_from_mailbox(&servers).await).await;
    page.see("Up to date").await;

    let wrong_imap = signs_in(MailProtocol::Imap, HONEST, "not it").await;
    let wrong_smtp = signs_in(MailProtocol::Submission, HONEST, "not it").await;
    page.go("/activity").await;
    guess(&servers, ATTACKER, &ben.login, 0..3).await;
    page.see(ATTACKER).await;
    let about_ben = |n: &mailcup_lab::desktop::Notification| n.summary.contains("ben@example.org");
    guess(&servers, ATTACKER, &ben.login, 3..7).await;
    let note = desktop.notifications.await_one(SOON, about_ben).await.unwrap();
    for action in ["open", "block-address", "it-was-them"] {
        assert!(note.has_action(action), "{note:?}");
    }

    let entry = desktop.tray.await_entry("ben@example.org", SOON).await.unwrap();
    assert!(entry.enabled);
    desktop.tray.click("ben@example.org").await.unwrap();
    wait::until("the alert's page", SOON, async || {
        page.address().await.starts_with("/alerts/").then_some(())
    })
    .await
    .unwrap();
    page.see("ben@example.org").await;

    let note = desktop.notifications.await_one(SOON, about_ben).await.unwrap();
    page.go("/blocks").await;
    let is_blocked = async || page.words().await.contains(ATTACKER);
    desktop.notifications.press(note.id, "block-address", SOON, is_blocked).await.unwrap();
    for (protocol, wrong) in [(MailProtocol::Imap, &wrong_imap), (MailProtocol::Submission, &wrong_smtp)] {
        let refused = signs_in(protocol, ATTACKER, &ben.password).await;
        assert_eq!(&refused, wrong, "a refusal looks exactly like a wrong password");
        assert!(signs_in(protocol, HONEST, &ben.password).await.accepted);
    }
    page.go("/activity").await;
    page.see("Refused").await;
    page.quit().await;
}
