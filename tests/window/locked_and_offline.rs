//! What the console is worth without its keyring, while locked, without its service, and after a restore.

use std::{fs, path::Path};

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    service::{Api, OWNER, Service, ServiceConfig},
    wait,
};
use mailcup_wire::MailServerKind;

use crate::first_run::{connected, data_folder, files_below, keep_codes, outbox_code, set_up};
use crate::hidden::{close_window, shows};
use crate::page::{Page, SOON};
use crate::reports::Reporter;

const PASSPHRASE: &str = "seven quiet herons walk";

/// No Secret Service: the passphrase path, locking, and what lies on the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_keyring_a_passphrase_protects_the_copy() {
    let config = DesktopConfig { keyring: false, ..DesktopConfig::default() };
    let desktop = Desktop::start(config).await.unwrap();
    let page = Page::open(&desktop).await;
    page.see("Welcome to MailCup").await;
    page.press("A service on this computer").await;
    page.see("Choose a passphrase").await;
    page.fill("Passphrase", PASSPHRASE).await;
    page.fill("The same again", PASSPHRASE).await;
    page.press("Use this passphrase").await;
    crate::first_run::fill_in_set_up(&page).await;
    keep_codes(&page).await;
    page.press("Show what to paste").await;
    let reporter = Reporter::from_snippet(&page.copied("Dovecot configuration").await);
    page.press("Open the console").await;

    let (victim, attacker) = ("secretive@example.org", "198.51.100.77");
    reporter.attack(victim, attacker).await;
    let note = desktop.notifications.await_one(SOON, |n| n.summary.contains(victim)).await.unwrap();
    page.see(victim).await;

    page.press("Your account").await;
    page.press("Lock now").await;
    page.see("The local copy is closed").await;
    let gone = wait::until("the telling notification is taken away", SOON, async || {
        (!desktop.notifications.shown().iter().any(|n| n.id == note.id)).then_some(())
    });
    gone.await.unwrap();
    desktop.notifications.forget();
    let other = "hidden@example.org";
    reporter.attack(other, "203.0.113.9").await;
    let told = desktop.notifications.await_one(SOON, |n| n.summary == "Something happened").await.unwrap();
    let said = format!("{} {}", told.summary, told.body);
    assert!(!said.contains("example.org") && !said.contains("203.0.113"), "{said}");
    assert_eq!(told.actions.iter().filter(|(key, _)| key != "default").count(), 1, "{told:?}");
    let menu = desktop.tray.menu().await.unwrap();
    assert!(!menu.iter().any(|entry| entry.label.contains("example.org")), "{menu:?}");

    // Opening asks to unlock first.
    close_window(&desktop).await;
    desktop.notifications.press(told.id, "open", SOON, async || shows(&desktop).await).await.unwrap();
    page.see("The local copy is closed").await;
    assert!(!page.words().await.contains("example.org"));
    page.fill("Passphrase", "not the passphrase").await;
    page.press("Unlock").await;
    page.see("The passphrase is wrong").await;
    page.fill("Passphrase", PASSPHRASE).await;
    page.press("Unlock").await;
    page.go("/activity").await;
    page.see(other).await;
    page.quit().await;

    for clear in [victim, other, attacker, "203.0.113.9", OWNER.login] {
        let files = files_below(&data_folder(&desktop).join("services"));
        assert!(!files.is_empty());
        for file in files {
            let holds = |needle: &str| contains(&fs::read(&file).unwrap(), needle.as_bytes());
            assert!(!holds(clear), "{clear} stands in clear text in {}", file.display());
        }
    }
    let page = Page::open(&desktop).await;
    page.see("Locked").await;
    assert!(!page.words().await.contains("example.org"));
    page.quit().await;
}

/// The service is away, comes back, and comes back as an older copy of itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_it_shows_what_it_had_and_then_follows_the_service() {
    let mut service = Service::start(ServiceConfig::default()).await.unwrap();
    let owner = service.set_up().await.unwrap();
    let reporter = Reporter::from_snippet(&service.snippet(MailServerKind::Dovecot).await.unwrap());
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;

    reporter.failure("before@example.org", "198.51.100.1", "a").await;
    page.go("/activity").await;
    page.see("before@example.org").await;
    service.stop();
    let older = copy_of(service.data_dir());
    service.run().await.unwrap();
    reporter.failure("dropped@example.org", "198.51.100.2", "a").await;
    page.see("dropped@example.org").await;

    service.stop();
    page.see("Shown as of").await;
    page.quit().await;
    let page = Page::open(&desktop).await;
    page.go("/activity").await;
    page.see("before@example.org").await;
    page.go("/activity?text=dropped").await;
    page.see_no_more("before@example.org").await;
    page.see("dropped@example.org").await;
    page.see("Shown as of").await;

    restore(older.path(), service.data_dir());
    service.run().await.unwrap();
    reporter.failure("after@example.org", "198.51.100.3", "a").await;
    page.go("/activity").await;
    page.see("after@example.org").await;
    page.see_no_more("dropped@example.org").await;
    page.see("before@example.org").await;
    page.see("restored from an older copy").await;
    assert_agrees(&page, &owner).await;
    page.quit().await;
}

/// A damaged local copy is set aside and filled again, and the user is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_is_set_aside_and_filled_again() {
    let desktop = Desktop::start(DesktopConfig::default()).await.unwrap();
    let page = Page::open(&desktop).await;
    set_up(&page).await;
    keep_codes(&page).await;
    page.press("Show what to paste").await;
    let reporter = Reporter::from_snippet(&page.copied("Dovecot configuration").await);
    page.press("Open the console").await;
    reporter.failure("kept@example.org", "198.51.100.1", "a").await;
    page.see("kept@example.org").await;
    page.quit().await;

    let store = files_below(&data_folder(&desktop).join("services"))
        .into_iter()
        .find(|file| file.ends_with("store.db"))
        .unwrap();
    let length = fs::metadata(&store).unwrap().len();
    fs::write(&store, vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    let page = Page::open(&desktop).await;
    // The session was in the copy: signing in anew fills it.
    crate::first_run::sign_in_if_asked(&page, &data_folder(&desktop).join("service/outbox")).await;
    page.see("was set aside").await;
    page.go("/activity").await;
    page.see("kept@example.org").await;
    page.quit().await;
}

/// The window's copy holds exactly the service's events.
async fn assert_agrees(page: &Page, owner: &Api) {
    let agree = wait::until("the copy agrees with the service", SOON, async || {
        let theirs: Vec<String> =
            owner.all_events(None).await.ok()?.into_iter().map(|event| event.id.to_string()).collect();
        let script = "const done = arguments[arguments.length - 1]; window.__TAURI_INTERNALS__.invoke('events', \
                      {query: {filter: {}, before: null, limit: 500}}).then(list => done(list.events.map(e => e.id)), \
                      problem => done([problem.message]))";
        let mine = page.execute_async(script, Vec::new()).await.ok()?;
        let mut mine: Vec<String> = serde_json::from_value(mine.json().clone()).ok()?;
        mine.reverse();
        (mine == theirs).then_some(())
    });
    agree.await.unwrap();
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    restore(folder, copy.path());
    copy
}

/// Makes one folder of files what another is.
fn restore(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
