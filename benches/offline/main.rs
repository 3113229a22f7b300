//! Old mail on a train, in the real window: the console's copy of 60 snapshots of 100,000 messages, the service stopped,
//! and no network but loopback.
//!
//! `cargo xtask bench offline [-- MESSAGES SNAPSHOTS]`; it runs in a network namespace without a route.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails says where")]

use std::{error::Error, fs, path::Path, sync::Arc, time::Duration};

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig, Window},
    service::{Service, ServiceConfig},
    wait,
};
use mailcup_snapshots::{Folder, Label, Repository, Unwatched, Watch};
use mailcup_wire::{Admin, AdminChange};
use reqwest::Method;

use crate::{
    first_run::{connected, outbox_code},
    mail::{Day, LARGE},
    page::Page,
};

#[path = "../../tests/window/first_run.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod first_run;
#[path = "../../crates/console/benches/review/mail.rs"]
mod mail;
#[path = "../../tests/window/page.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod page;

const MESSAGES: u32 = 100_000;
const SNAPSHOTS: u32 = 60;
const ROUNDS: usize = 25;
const LONG: Duration = Duration::from_mins(20);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let messages = numbers.first().copied().unwrap_or(MESSAGES);
    let snapshots = numbers.get(1).copied().unwrap_or(SNAPSHOTS);
    println!("{messages} messages, {snapshots} snapshots; {}", routes());
    let folder = tempfile::Builder::new().prefix("mailcup-offline-").tempdir()?;
    let (mut service, ids) = filled(folder.path(), messages, snapshots).await?;
    let desktop = Desktop::start(DesktopConfig { width: 1600, height: 1000, keyring: true }).await?;
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    copied(&page, snapshots).await;
    service.stop();
    seen(&page, "Offline since").await;
    measure(&page, &ids).await;
    page.quit().await;
    Ok(())
}

/// Which networks this process can reach.
fn routes() -> String {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    match routes.lines().skip(1).count() {
        0 => "no route but loopback".to_owned(),
        count => format!("{count} routes"),
    }
}

/// A service whose repository holds the snapshots; answers their ids, oldest first.
async fn filled(
    folder: &Path,
    messages: u32,
    snapshots: u32,
) -> Result<(Service, Vec<String>), Box<dyn Error>> {
    let repository = folder.join("repository");
    let env = |key: &str, value: String| (format!("MAILCUP_BACKUP_{key}"), value);
    let service = Service::start(ServiceConfig {
        env: vec![
            env("REPOSITORY", repository.display().to_string()),
            env("MAIL", format!("{}/{{login}}", folder.join("mail").display())),
        ],
        ..ServiceConfig::default()
    })
    .await?;
    let owner = service.set_up().await?;
    let data_dir = service.data_dir().to_str().unwrap_or_default().to_owned();
    let said = service.command(&["backup", "init", "--data-dir", &data_dir]).await?;
    let me: Vec<Admin> = owner.get("/v1/admins").await?;
    let change = AdminChange { name: None, email: None, role: None, reads_mail: Some(true) };
    let _: Admin = owner.change(Method::PATCH, &format!("/v1/admins/{}", me[0].id), &change).await?;
    let phrase = said.split_whitespace().find(|word| word.matches('-').count() == 8).ok_or("no phrase")?;
    let opened = Repository::open_with_password(Arc::new(Folder::new(repository)), phrase)?;
    let watch: Arc<dyn Watch> = Arc::new(Unwatched);
    for day in 0..snapshots {
        let label =
            Label { host: "measured".to_owned(), tags: vec!["mailcup".to_owned()], time: mail::time(day) };
        opened.backup(Arc::new(Day { day, messages }), &label, &watch)?;
        opened.refresh();
    }
    let ids = opened.snapshots()?.snapshots.iter().map(|snapshot| snapshot.id.to_string()).collect();
    Ok((service, ids))
}

/// Takes the copy, and makes the index of it.
async fn copied(page: &Page, snapshots: u32) {
    page.go("/backups/copy").await;
    page.see("Take a copy").await;
    page.press("I have understood that the copy can’t be called back").await;
    page.press("Take the copy").await;
    seen(page, &format!("Complete: {snapshots} snapshots")).await;
    page.press("Switch search on").await;
    seen(page, "can be searched").await;
}

async fn seen(page: &Page, words: &str) {
    let found = wait::until(words, LONG, async || page.words().await.contains(words).then_some(()));
    found.await.unwrap();
}

async fn measure(page: &Page, ids: &[String]) {
    let [oldest, .., before, newest] = ids else { panic!("too few snapshots") };
    page.set_script_timeout(Duration::from_mins(1)).await.unwrap();
    page.execute(include_str!("page.js"), Vec::new()).await.unwrap();
    let folder = format!("/backups/{newest}?at={LARGE}");
    let path = wait::until("a message's path", Duration::from_secs(20), async || {
        measured(page, &folder, "rows", "").await;
        let script = "const row = document.querySelector('[role=\"grid\"] [role=\"row\"][aria-rowindex=\"2\"]'); \
                      row?.querySelector('[role=\"gridcell\"]:nth-child(3)')?.click(); return location.hash";
        let hash = page.execute(script, Vec::new()).await.ok()?.json().as_str()?.to_owned();
        hash.contains("message=").then(|| hash.trim_start_matches('#').to_owned())
    });
    let path = path.await.unwrap();
    let snapshots = "/backups/snapshots";
    for (what, from, address, kind, wanted, bound) in [
        (
            "The newest snapshot opens",
            snapshots,
            &*format!("/backups/{newest}"),
            "text",
            "anna@example.org",
            1000,
        ),
        ("First headers of the large folder", snapshots, &folder, "rows", "", 200),
        ("A message", &folder, &path, "letter", "wort", 100),
        (
            "Compared with the day before",
            snapshots,
            &format!("/backups/compare/{before}/{newest}"),
            "rows",
            "",
            2000,
        ),
        (
            "Compared with the oldest",
            snapshots,
            &format!("/backups/compare/{oldest}/{newest}"),
            "rows",
            "",
            2000,
        ),
        ("Found: a rare word", "/backups/search?q=wort2", "/backups/search?q=zuber17", "others", "", 50),
        ("Found: a common word", "/backups/search?q=zuber17", "/backups/search?q=wort1", "others", "", 50),
        ("The search opens with what is found", snapshots, "/backups/search?q=wort1", "rows", "", 200),
    ] {
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            measured(page, from, "text", "").await;
            took.push(measured(page, address, kind, wanted).await);
        }
        took.sort_by(f64::total_cmp);
        let (median, slowest) = (took[ROUNDS / 2], took[ROUNDS - 1]);
        println!("{what:<36}{median:>8.0} ms, slowest {slowest:>6.0}   under {bound} ms");
    }
}

/// Milliseconds from the address to the frame that shows what is wanted.
async fn measured(window: &Window, address: &str, kind: &str, wanted: &str) -> f64 {
    let script = "const [address, kind, wanted, done] = arguments; \
                  window.measured.go(address, kind, wanted).then(done, (error) => done(String(error)))";
    let given = [address, kind, wanted].map(serde_json::Value::from);
    let answer = window.execute_async(script, given.to_vec()).await.unwrap().json().clone();
    answer.as_f64().unwrap_or_else(|| panic!("{address}: {answer}"))
}
