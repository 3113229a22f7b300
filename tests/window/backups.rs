//! Backups in the real window: copied to this computer, then reviewed with the service stopped, mail that means harm
//! among them. `MAILCUP_PICTURES=FOLDER` keeps pictures of each page.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mailcup_lab::{
    desktop::{Desktop, DesktopConfig},
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    Account, AccountChange, Admin, AdminChange, BackedUp, BackupJob, BackupOutcome, Backups, NewAccount,
    NewBackupJob,
};
use reqwest::Method;
use tempfile::TempDir;
use thirtyfour::By;
use tokio::net::TcpListener;

use crate::first_run::{connected, outbox_code};
use crate::page::{Page, SOON};

const LONG: Duration = Duration::from_mins(1);
const FIRST_SECOND: i64 = 1_790_000_000;

/// Somebody who waits for a picture to be fetched.
struct Listening {
    at: String,
    called: Arc<AtomicU32>,
}

impl Listening {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let called = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&called);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counting.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { at, called }
    }
}

async fn backed_up(folder: &TempDir) -> (Service, Api) {
    let env = |key: &str, value: String| (format!("MAILCUP_BACKUP_{key}"), value);
    let service = Service::start(ServiceConfig {
        env: vec![
            env("REPOSITORY", folder.path().join("repository").display().to_string()),
            env("MAIL", format!("{}/{{login}}", folder.path().join("mail").display())),
        ],
        ..ServiceConfig::default()
    })
    .await
    .unwrap();
    let owner = service.set_up().await.unwrap();
    let data_dir = service.data_dir().to_str().unwrap().to_owned();
    service.command(&["backup", "init", "--data-dir", &data_dir]).await.unwrap();
    let me: Vec<Admin> = owner.get("/v1/admins").await.unwrap();
    let change = AdminChange { name: None, email: None, role: None, reads_mail: Some(true) };
    let _: Admin = owner.change(Method::PATCH, &format!("/v1/admins/{}", me[0].id), &change).await.unwrap();
    back_up(&owner).await;
    (service, owner)
}

async fn back_up(owner: &Api) -> BackedUp {
    let job: BackupJob = owner.post("/v1/backups/jobs", &NewBackupJob::BackUp).await.unwrap();
    let done = wait::until("the backup", LONG, async || {
        let backups: Backups = owner.get("/v1/backups").await.unwrap();
        backups.jobs.into_iter().find(|it| it.id == job.id && it.ended_at.is_some())
    });
    match done.await.unwrap().outcome.unwrap() {
        BackupOutcome::BackedUp(made) => made,
        other => panic!("{other:?}"),
    }
}

fn deliver(folder: &Path, login: &str, number: i64, text: &str) -> PathBuf {
    let maildir = folder.join("mail").join(login);
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let path = maildir.join("cur").join(format!("{}.M{number}.lab:2,S", FIRST_SECOND + number));
    fs::write(&path, text).unwrap();
    path
}

fn mail(folder: &Path, trap: &str) {
    for number in 0..60 {
        let text = format!(
            "From: Zoe Offerman <zoe@example.net>\r\nTo: anna@example.org\r\nSubject: Invoice {number}\r\n\
             Message-ID: <{number}@example.net>\r\n\r\nDear Anna,\r\n\r\nplease find the figures for week {number} below.\r\n"
        );
        deliver(folder, "anna@example.org", number, &text);
    }
    let hostile = format!(
        "From: \"Your bank\" <service@bank.example>\r\nTo: anna@example.org\r\nSubject: Confirm your account\r\n\
         Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=bank.example; dkim=none; dmarc=fail header.from=bank.example\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <html><head><link rel=stylesheet href=\"http://{trap}/a.css\"><style>@import url(http://{trap}/b.css);body{{background:url(http://{trap}/c.png)}}</style>\
         <meta http-equiv=refresh content=\"0;url=http://{trap}/d\"><base href=\"http://{trap}/\"></head>\
         <body onload=\"fetch('http://{trap}/e')\"><script>fetch('http://{trap}/f')</script>\
         <p>Dear customer, <a href=\"http://{trap}/login\">confirm your account here</a>.</p>\
         <img src=\"http://{trap}/g.gif\" srcset=\"http://{trap}/h.gif 2x\"><iframe src=\"http://{trap}/i\"></iframe>\
         <form action=\"http://{trap}/j\"><input name=password><button>Go</button></form>\
         <video src=\"http://{trap}/k\" poster=\"http://{trap}/l\"></video><object data=\"http://{trap}/m\"></object>\
         <div style=\"position:fixed;inset:0;background:url(http://{trap}/n)\">over everything</div></body></html>\r\n\
         --b\r\nContent-Type: application/octet-stream; name=\"statement.pdf.exe\"\r\n\
         Content-Disposition: attachment; filename=\"statement.pdf.exe\"\r\nContent-Transfer-Encoding: base64\r\n\r\nTVo=\r\n--b--\r\n"
    );
    deliver(folder, "anna@example.org", 100, &hostile);
    deliver(
        folder,
        "bert@example.org",
        1,
        "From: a@example.net\r\nSubject: Greetings\r\n\r\nHello Bert.\r\n",
    );
}

async fn pictured(page: &Page, name: &str) {
    if let Some(folder) = std::env::var_os("MAILCUP_PICTURES") {
        page.painted(&Path::new(&folder).join(format!("backups-{name}.png"))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_service_stopped_old_mail_is_found_and_nothing_in_it_calls_home() {
    let (folder, trap) = (tempfile::tempdir().unwrap(), Listening::start().await);
    mail(folder.path(), &trap.at);
    let (mut service, _owner) = backed_up(&folder).await;
    let config = DesktopConfig { width: 1600, height: 1000, ..DesktopConfig::default() };
    let desktop = Desktop::start(config).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    page.watch_faults().await;

    page.go("/backups").await;
    page.see("62 messages").await;
    pictured(&page, "standing").await;
    page.go("/backups/copy").await;
    page.see("Take a copy").await;
    pictured(&page, "terms").await;
    page.press("I have understood that the copy can’t be called back").await;
    page.press("Take the copy").await;
    page.see("Complete: 1 snapshot").await;
    page.press("Switch search on").await;
    page.see("62 messages can be searched").await;
    pictured(&page, "copy").await;

    service.stop();
    page.go("/backups/snapshots").await;
    page.see("62").await;
    pictured(&page, "snapshots").await;
    page.go("/backups/search?q=figures").await;
    page.see("Invoice 59").await;
    pictured(&page, "search").await;
    page.go("/backups").await;
    page.see("As the service told it last").await;
    page.go("/backups/search?q=confirm+account").await;
    page.see("Confirm your account").await;
    let row = By::XPath("//*[contains(text(), 'Confirm your account')]");
    page.find(row).await.unwrap().click().await.unwrap();
    page.see("remote").await;
    page.see("statement.pdf.exe").await;
    let shown = wait::until("the letter in its frame", SOON, async || {
        let script = "return document.querySelector('iframe[srcdoc]')?.srcdoc ?? ''";
        let said = page.execute(script, Vec::new()).await.ok()?;
        said.json().as_str().filter(|it| it.contains("Dear customer")).map(str::to_owned)
    });
    let shown = shown.await.unwrap();
    for bad in ["<script", "<iframe", "<form", "onload", "<style", "g.gif", "<video", "<object"] {
        assert!(!shown.contains(bad), "{bad} in {shown}");
    }
    let frame = "const done = arguments[arguments.length - 1]; const frame = document.querySelector('iframe[srcdoc]'); \
                 requestAnimationFrame(() => requestAnimationFrame(() => done(frame.getBoundingClientRect().height)))";
    let height = page.execute_async(frame, Vec::new()).await.unwrap().json().as_f64().unwrap();
    assert!(height > 50.0, "the letter has {height} pixels");
    page.enter_frame(0).await.unwrap();
    let letter = wait::until("the letter", SOON, async || {
        let text = page.find(By::Tag("body")).await.ok()?.text().await.ok()?;
        text.contains("Dear customer").then_some(text)
    });
    let letter = letter.await.unwrap();
    page.enter_default_frame().await.unwrap();
    pictured(&page, "message").await;
    assert!(letter.contains("confirm your account here"), "{letter}");
    assert_eq!(trap.called.load(Ordering::Relaxed), 0, "a message called home");
    page.must_be_faultless().await;

    service.run().await.unwrap();
    page.see("Up to date").await;
    page.go("/audit").await;
    page.see("Mail read in a snapshot").await;
    page.quit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accounts_note_is_put_back_after_a_look_at_what_that_changes() {
    const LOGIN: &str = "anna@example.org";
    let folder = tempfile::tempdir().unwrap();
    mail(folder.path(), "127.0.0.1:9");
    let (service, owner) = backed_up(&folder).await;
    let new = NewAccount { login: LOGIN.into(), name: "Anna".to_owned(), note: "Away until May".to_owned() };
    let _: Account = owner.post("/v1/accounts", &new).await.unwrap();
    let BackedUp { snapshot, .. } = back_up(&owner).await;
    let change = AccountChange { name: Some("Anna B.".to_owned()), note: Some(String::new()) };
    let path = format!("/v1/accounts/{LOGIN}");
    let _: Account = owner.change(Method::PATCH, &path, &change).await.unwrap();

    let config = DesktopConfig { width: 1600, height: 1000, ..DesktopConfig::default() };
    let desktop = Desktop::start(config).await.unwrap();
    let page = connected(&desktop, &service, async || outbox_code(&service).await).await;
    page.watch_faults().await;
    page.go("/backups/copy").await;
    page.see("Take a copy").await;
    page.press("I have understood that the copy can’t be called back").await;
    page.press("Take the copy").await;
    page.see("Complete: ").await;
    page.go(&format!("/backups/{snapshot}/state/accounts/{LOGIN}")).await;
    page.see("Away until May").await;
    pictured(&page, "record").await;
    page.press("Put back…").await;
    page.see("This is what changes at the service").await;
    page.see("Anna B.").await;
    pictured(&page, "put-back").await;
    page.press("Put back").await;
    page.see("Put back as it was.").await;
    let account: Account = owner.get(&path).await.unwrap();
    assert_eq!((account.name.as_str(), account.note.as_str()), ("Anna", "Away until May"));
    let audit: serde_json::Value = owner.get("/v1/audit").await.unwrap();
    let entries = audit["entries"].as_array().unwrap();
    let changes = entries.iter().filter(|entry| entry["action"] == "account.change");
    let named = changes.filter(|entry| entry.to_string().contains(&snapshot.to_string())).count();
    assert_eq!(named, 1, "the audit log names the snapshot: {audit}");
    page.must_be_faultless().await;
    page.quit().await;
}
