//! Backups of a real service, mirrored and reviewed while it is away.

mod disaster;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use mailcup_console_core::Console;
use mailcup_lab::{
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    AdminChange, AuditPage, BackupOutcome, BackupStanding, Code, Login, MailRestore, NewBackupJob, Problem,
    RestoreTo,
    desktop::{
        BackupsView, Link, MailIndexState, MailSearch, MessageOrder, MessageQuery, MessageRequest,
        MirrorScope, MirrorSettings, MirrorState, PassphraseChange,
    },
};
use tempfile::TempDir;

use super::{all_bytes, connect, desk::Desk, holds};

pub const LONG: Duration = Duration::from_mins(1);

/// A service with mail, and a console that is connected to it.
pub struct Backed {
    pub folder: TempDir,
    pub service: Service,
    phrase: String,
    pub owner: Api,
    pub desk: Desk,
    pub console: Console,
}

impl Backed {
    pub async fn start(messages: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for login in ["anna@example.org", "bert@example.org"] {
            for number in 0..messages {
                deliver(folder.path(), login, number);
            }
        }
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(sent(folder.path()).join(part)).unwrap();
        }
        fs::write(sent(folder.path()).join("cur/1.M1.lab:2,S"), "From: anna@example.org\r\n\r\nPaid.\r\n")
            .unwrap();
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
        let said = service.command(&["backup", "init", "--data-dir", &data_dir]).await.unwrap();
        let is_phrase = |line: &&str| line.split('-').count() == 9;
        let phrase = said.lines().map(str::trim).find(is_phrase).unwrap().to_owned();
        let desk = Desk::new();
        let console = desk.start(folder.path());
        connect(&console, &service).await;
        desk.view_with(|view| view.service.as_ref().is_some_and(|it| it.link == Link::Live)).await;
        Self { folder, service, phrase, owner, desk, console }
    }

    /// Makes a snapshot and waits for its end.
    pub async fn back_up(&self) {
        let outcome = self.done(NewBackupJob::BackUp).await;
        assert!(matches!(outcome, BackupOutcome::BackedUp(_)), "{outcome:?}");
    }

    /// Does it and waits for its end.
    pub async fn done(&self, job: NewBackupJob) -> BackupOutcome {
        let job = self.console.begin_backup_job(job).await.unwrap();
        let done = wait::until("the backup", LONG, async || {
            let jobs = self.console.backups().await.unwrap().service.unwrap().jobs;
            jobs.into_iter().find(|it| it.id == job.id && it.ended_at.is_some())
        });
        done.await.unwrap().outcome.unwrap()
    }

    pub async fn may_read_mail(&self) {
        let admin = self.console.admins().await.unwrap().remove(0);
        let change = AdminChange { name: None, email: None, role: None, reads_mail: Some(true) };
        self.console.change_admin(admin.id, change, admin.version).await.unwrap();
    }

    pub async fn view_when(&self, what: &str, wanted: impl Fn(&BackupsView) -> bool) -> BackupsView {
        let seen = wait::until(what, LONG, async || {
            let view = self.console.backups().await.unwrap();
            wanted(&view).then_some(view)
        });
        match seen.await {
            Ok(view) => view,
            Err(error) => panic!("{error}: {:?}", self.console.backups().await.unwrap().mirror),
        }
    }

    pub async fn complete(&self) -> BackupsView {
        let is_complete = |view: &BackupsView| view.mirror.state == MirrorState::Complete;
        self.view_when("the mirror", is_complete).await
    }

    pub fn mirror(&self) -> PathBuf {
        let services = self.folder.path().join("console/services");
        fs::read_dir(services).unwrap().next().unwrap().unwrap().path().join("mirror")
    }
}

fn deliver(folder: &Path, login: &str, number: usize) {
    let maildir = folder.join("mail").join(login);
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let noise: Vec<String> = (0..200).map(|line| format!("{:016x} {line}", rand::random::<u64>())).collect();
    let noise = noise.join("\r\n");
    let text = format!(
        "From: Zoe <zoe@example.net>\r\nTo: {login}\r\nSubject: Invoice {number} of {login}\r\n\
         Message-ID: <{number}.{login}>\r\n\r\nPlease pay the elephant.\r\n{noise}"
    );
    fs::write(maildir.join("cur").join(format!("{}.M{number}.lab:2,S", 1_790_000_000 + number)), text)
        .unwrap();
}

fn sent(folder: &Path) -> PathBuf {
    folder.join("mail/anna@example.org/.Sent")
}

pub fn settings(scope: MirrorScope, limit: Option<u32>) -> MirrorSettings {
    MirrorSettings { scope, limit }
}

fn elephant() -> MailSearch {
    MailSearch { text: "elephant anna".into(), account: None, gone: false, offset: 0, limit: 10 }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mirrored_is_reviewed_while_the_service_is_away_and_each_read_is_told_later() {
    let mut backed = Backed::start(40).await;
    let console = backed.console.clone();
    let view = console.backups().await.unwrap();
    let told = view.service.unwrap();
    assert_eq!(
        (told.standing, told.may_read_mail, view.mirror.state),
        (BackupStanding::Ready, false, MirrorState::Off)
    );
    assert_eq!(console.snapshots().await.unwrap_err().code, Code::Unavailable);
    backed.back_up().await;
    let whole = || settings(MirrorScope::Whole, None);
    assert_eq!(console.begin_mirror(whole()).await.unwrap_err().code, Code::Forbidden);
    backed.may_read_mail().await;
    console.begin_mirror(whole()).await.unwrap();
    let view = backed.complete().await;
    assert_eq!(view.mirror.total, Some(view.mirror.here));
    console.begin_mail_index().await.unwrap();
    backed.view_when("the index", |view| view.index.state == MailIndexState::Complete).await;

    backed.service.stop();
    let snapshot = console.snapshots().await.unwrap().snapshots.remove(0);
    assert_eq!(snapshot.counts.unwrap().messages, 81);
    let boxes = console.mailboxes(snapshot.id.clone()).await.unwrap();
    assert_eq!(boxes[0].login.0, "anna@example.org");
    let folders = console.mail_folders(snapshot.id.clone(), boxes[0].path.clone()).await.unwrap();
    assert_eq!(folders.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["INBOX", "Sent"]);
    let query = MessageQuery {
        snapshot: snapshot.id.clone(),
        path: folders[0].path.clone(),
        offset: 0,
        limit: 50,
        order: MessageOrder::Newest,
        threads: true,
    };
    let list = console.messages(query).await.unwrap();
    assert_eq!((list.total, list.messages[0].subject.as_str()), (40, "Invoice 39 of anna@example.org"));
    let hits = console.search_mail(elephant()).await.unwrap();
    assert_eq!(hits.total, 40);
    let request = MessageRequest { snapshot: snapshot.id.clone(), path: list.messages[0].path.clone() };
    let message = console.message(request).await.unwrap();
    assert!(message.text.unwrap().starts_with("Please pay the elephant."));
    let view = console.backups().await.unwrap();
    assert!(view.away.is_some() && view.service.is_some());
    assert_eq!(view.mirror.untold_reads, 1);
    let bytes = all_bytes(&backed.folder.path().join("console/services"));
    for secret in ["Invoice", "elephant", "zoe@example.net", "anna@example.org"] {
        assert!(!holds(&bytes, secret), "{secret} lies in clear text");
    }

    backed.service.run().await.unwrap();
    backed
        .view_when("reads that were told", |view| view.away.is_none() && view.mirror.untold_reads == 0)
        .await;
    let audit: AuditPage = backed.owner.get("/v1/audit?limit=500").await.unwrap();
    let read =
        audit.entries.iter().filter(|it| it.target == "anna@example.org" && it.details.contains("INBOX"));
    assert_eq!(read.count(), 1, "{:?}", audit.entries);
    assert!(audit.entries.iter().all(|entry| !entry.details.contains("Invoice")));

    // A whole account comes back with all of its folders, as it is named here.
    let lost = sent(backed.folder.path()).join("cur/1.M1.lab:2,S");
    fs::remove_file(&lost).unwrap();
    let paths = vec![boxes[0].path.clone()];
    let restore = MailRestore { snapshot: snapshot.id, paths, to: RestoreTo::Original };
    let outcome = backed.done(NewBackupJob::Restore(restore)).await;
    let BackupOutcome::Restored(restored) = outcome else { panic!("{outcome:?}") };
    assert_eq!((restored.restored, restored.there, restored.trouble_count), (1, 40, 0), "{restored:?}");

    // What comes at the service comes here, and is found; of one day, the newest snapshot stays.
    deliver(backed.folder.path(), "anna@example.org", 99);
    backed.back_up().await;
    backed
        .view_when("the newer index", |view| {
            view.index.state == MailIndexState::Complete && view.index.messages == 82
        })
        .await;
    assert_eq!(backed.console.search_mail(elephant()).await.unwrap().total, 41);

    // Locked, nothing of it can be read; forgotten, nothing of it is left.
    let passphrase = PassphraseChange { current: None, new: Some("correct horse battery".into()) };
    backed.console.set_passphrase(passphrase).await.unwrap();
    backed.console.lock().await.unwrap();
    assert_eq!(backed.console.snapshots().await.unwrap_err().code, Code::Locked);
    assert_eq!(backed.console.backups().await.unwrap_err().code, Code::Locked);
    backed.console.unlock("correct horse battery".into()).await.unwrap();
    backed.desk.ready().await;
    let kept = backed.console.snapshots().await.unwrap().snapshots;
    assert_eq!((kept.len(), kept[0].counts.as_ref().unwrap().messages), (1, 82));
    let mirror = backed.mirror();
    assert!(mirror.join("config").exists());
    backed.console.forget_mirror().await.unwrap();
    assert!(!mirror.exists());
    assert_eq!(backed.console.snapshots().await.unwrap_err().code, Code::Unavailable);
    backed.console.shut_down().await.unwrap();
}

/// Reads Anna's messages and counts them; never a wrong byte.
async fn read_all(console: &Console) -> Result<usize, Problem> {
    let snapshot = console.snapshots().await?.snapshots[0].id.clone();
    let account = console.mailboxes(snapshot.clone()).await?[0].path.clone();
    let path = console.mail_folders(snapshot.clone(), account).await?[0].path.clone();
    let (order, threads) = (MessageOrder::Newest, false);
    let query = MessageQuery { snapshot: snapshot.clone(), path, offset: 0, limit: 200, order, threads };
    let list = console.messages(query).await?;
    for row in &list.messages {
        let request = MessageRequest { snapshot: snapshot.clone(), path: row.path.clone() };
        let message = console.message(request).await?;
        assert!(message.text.unwrap().starts_with("Please pay"));
    }
    Ok(list.messages.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_was_cut_off_goes_on_and_what_is_damaged_is_fetched_again() {
    let mut backed = Backed::start(150).await;
    backed.back_up().await;
    backed.may_read_mail().await;
    // So slow that it is under way when the console ends.
    backed.console.begin_mirror(settings(MirrorScope::Whole, Some(100))).await.unwrap();
    let partial = backed.mirror().join("partial");
    let begun = wait::until("a part of a pack", LONG, async || {
        let parts: Vec<_> = fs::read_dir(&partial).ok()?.map(|entry| entry.unwrap()).collect();
        let large = |it: &fs::DirEntry| it.metadata().is_ok_and(|found| found.len() > 100_000);
        parts.into_iter().find(large).map(|it| it.file_name())
    });
    let part = begun.await.unwrap();
    backed.console.shut_down().await.unwrap();
    let had = fs::metadata(partial.join(&part)).unwrap().len();
    assert!(had > 100_000);

    backed.console = backed.desk.start(backed.folder.path());
    backed.desk.ready().await;
    backed.console.change_mirror(settings(MirrorScope::Whole, None)).await.unwrap();
    backed.complete().await;
    assert_eq!(fs::read_dir(&partial).unwrap().count(), 0);
    let counts = backed.console.snapshots().await.unwrap().snapshots.remove(0).counts.unwrap();
    assert_eq!(counts.messages, 301);

    // A disk that forgets: every pack of messages.
    let packs = fs::read_dir(backed.mirror().join("data"))
        .unwrap()
        .flat_map(|it| fs::read_dir(it.unwrap().path()).unwrap());
    for pack in packs.map(|it| it.unwrap().path()) {
        let mut content = fs::read(&pack).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        fs::write(&pack, content).unwrap();
    }
    backed.console.shut_down().await.unwrap();
    backed.console = backed.desk.start(backed.folder.path());
    backed.desk.ready().await;
    let healed = wait::until("all messages", LONG, async || {
        let done = read_all(&backed.console).await;
        // What is damaged was named, and is asked for again.
        let settings = settings(MirrorScope::Whole, None);
        if done.is_err() {
            backed.console.change_mirror(settings).await.unwrap();
        }
        done.ok()
    });
    assert_eq!(healed.await.unwrap(), 150);
    backed.console.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_chosen_accounts_or_folders_holds_no_more() {
    let backed = Backed::start(60).await;
    backed.back_up().await;
    backed.may_read_mail().await;
    backed.console.begin_mirror(settings(MirrorScope::Folders, None)).await.unwrap();
    let folders = backed.complete().await.mirror.here.0;
    let snapshot = backed.console.snapshots().await.unwrap().snapshots.remove(0);
    assert_eq!(snapshot.counts, None);
    let list = |path: &str| MessageQuery {
        snapshot: snapshot.id.clone(),
        path: path.to_owned(),
        offset: 0,
        limit: 10,
        order: MessageOrder::Newest,
        threads: false,
    };
    let anna = backed.console.messages(list("example.org/anna/Maildir")).await.unwrap();
    assert_eq!((anna.total, anna.messages[0].subject.as_str()), (60, ""));
    assert!(anna.messages[0].unread_because.is_some());
    assert_eq!(backed.console.begin_mail_index().await.unwrap_err().code, Code::Conflict);

    let logins = vec![Login("anna@example.org".into())];
    backed.console.change_mirror(settings(MirrorScope::Accounts { logins }, None)).await.unwrap();
    let more = backed.view_when("Anna's mail", |view| {
        view.mirror.state == MirrorState::Complete && view.mirror.here.0 > folders
    });
    more.await;
    let anna = backed.console.messages(list("example.org/anna/Maildir")).await.unwrap();
    assert_eq!(anna.messages[0].subject, "Invoice 59 of anna@example.org");
    backed.console.change_mirror(settings(MirrorScope::Folders, None)).await.unwrap();
    backed
        .view_when("less again", |view| {
            view.mirror.state == MirrorState::Complete && view.mirror.here.0 == folders
        })
        .await;
    backed.console.shut_down().await.unwrap();
}
