//! Chosen mail, back into mailboxes in use: seen by a real Dovecot.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::Path,
};

use mailcup_lab::{
    clients::{ImapClient, MailProtocol, sign_in},
    mail_servers::{MailAccount, MailServers, MailServersConfig},
};
use mailcup_wire::{
    BackupOutcome, Login, MailRestore, MailRestored, MailServerKind, NewBackupJob, RestoreTo, SnapshotId,
};

use super::{
    Backed, fill, messages, place,
    service::{backups, done},
};

const OFFICE: &str = "127.0.0.5";
pub const ANNA: &str = "mail/example.org/anna";

pub async fn restored(backed: &Backed, paths: &[&str], to: RestoreTo) -> MailRestored {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let wanted = MailRestore { snapshot: newest(backed).await, paths, to };
    let job = done(&backed.owner, &NewBackupJob::Restore(wanted)).await;
    match job.outcome {
        Some(BackupOutcome::Restored(restored)) => restored,
        other => panic!("{other:?}"),
    }
}

pub async fn newest(backed: &Backed) -> SnapshotId {
    let jobs = backups(&backed.owner).await.jobs;
    jobs.iter()
        .find_map(|job| match &job.outcome {
            Some(BackupOutcome::BackedUp(made)) => Some(made.snapshot.clone()),
            _ => None,
        })
        .unwrap()
}

/// How often each content lies in a folder.
pub fn contents(folder: &Path) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for (hash, _) in messages(folder).into_values() {
        *counts.entry(hash).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chosen_mail_comes_back_once_and_the_mail_server_shows_it() {
    let (_folder, repository) = place();
    let mut servers = MailServers::start(MailServersConfig {
        accounts: MailAccount::many(3),
        ..MailServersConfig::default()
    })
    .await
    .unwrap();
    let mail = servers.mail_folder();
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let snippet = backed.service.snippet(MailServerKind::Dovecot).await.unwrap();
    servers.apply(&snippet, "").await.unwrap();
    let anna = mail.join("anna@example.org");
    fill(&anna, 100);
    fs::write(anna.join("subscriptions"), "V\t2\n\nSent\n").unwrap();
    super::own(&anna.join("subscriptions"), anna.metadata().unwrap().uid(), anna.metadata().unwrap().gid());
    fill(&mail.join("ben@example.org"), 10);
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let before = contents(&anna);

    // Half of the inbox is lost; it comes back once, however often it is restored.
    let lost: Vec<_> = messages(&anna).into_keys().filter(|path| path.starts_with("cur")).take(40).collect();
    for path in &lost {
        fs::remove_file(anna.join(path)).unwrap();
    }
    let inbox = format!("{ANNA}/Maildir");
    for expected in [(40, 50), (0, 90)] {
        let restored = restored(&backed, &[&inbox], RestoreTo::Original).await;
        assert_eq!((restored.restored, restored.there), expected, "{restored:?}");
        assert_eq!((restored.trouble_count, restored.folders), (0, vec!["INBOX".to_owned()]));
    }
    assert_eq!(contents(&anna), before);
    assert_eq!(fs::read_dir(anna.join("tmp")).unwrap().count(), 0);
    let owners: std::collections::BTreeSet<u32> = messages(&anna).into_values().map(|(_, uid)| uid).collect();
    assert_eq!(owners, [anna.metadata().unwrap().uid()].into());
    let flags =
        messages(&anna).into_keys().filter(|path| path.to_string_lossy().ends_with(".mailcup,S=")).count();
    assert_eq!(flags, 0, "each new name says its size and flags");

    // One message and a folder into a stamped folder; a whole account into another's.
    let one = format!("{ANNA}/Maildir/{}", lost[0].display());
    let sent = format!("{ANNA}/Maildir/.Sent");
    let stamped = RestoreTo::Folder { name: "Restored 2026-11-24".to_owned() };
    let done = restored(&backed, &[&one, &one, &sent], stamped.clone()).await;
    assert_eq!((done.restored, done.there, done.trouble_count), (11, 0, 0), "{done:?}");
    assert_eq!(done.folders, ["Restored 2026-11-24"]);
    assert!(fs::read_to_string(anna.join("subscriptions")).unwrap().ends_with("\nRestored 2026-11-24\n"));
    assert!(anna.join(".Restored 2026-11-24/maildirfolder").is_file());
    let again = restored(&backed, &[&one, &sent], stamped).await;
    assert_eq!((again.restored, again.there), (0, 11));

    let ben = servers.account("ben");
    let mut imap = ImapClient::connect(servers.ports(), OFFICE.parse().unwrap()).await.unwrap();
    let anna_account = servers.account("anna");
    assert!(imap.login(&anna_account.login, &anna_account.password).await.unwrap().accepted);
    assert_eq!(imap.message_count().await.unwrap(), 90);
    imap.logout().await.unwrap();
    let source = OFFICE.parse().unwrap();
    assert!(
        sign_in(servers.ports(), MailProtocol::Imap, source, &ben.login, &ben.password)
            .await
            .unwrap()
            .accepted
    );

    // Mail of one in the mailbox of another takes more than a role.
    let to_ben =
        RestoreTo::Account { login: Login("ben@example.org".to_owned()), folder: "From Anna".to_owned() };
    let wanted = MailRestore { snapshot: newest(&backed).await, paths: vec![ANNA.to_owned()], to: to_ben };
    let job = NewBackupJob::Restore(wanted);
    let refused =
        backed.owner.request(reqwest::Method::POST, "/v1/backups/jobs").json(&job).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    permit(&backed).await;
    let job = super::service::done(&backed.owner, &job).await;
    let Some(BackupOutcome::Restored(done)) = job.outcome else { panic!("{job:?}") };
    assert_eq!((done.restored, done.trouble_count), (100, 0), "{done:?}");
    assert_eq!(done.folders, ["From Anna", "From Anna/Sent"]);
    let ben = mail.join("ben@example.org");
    assert_eq!(messages(&ben.join(".From Anna.Sent")).len(), 10);
    let seen = servers.doveadm(&["mailbox", "status", "-u", "ben@example.org", "messages", "From Anna*"]);
    assert!(seen.contains("messages=90") && seen.contains("messages=10"), "{seen}");
    let audit: mailcup_wire::AuditPage = backed.owner.get("/v1/audit?limit=500").await.unwrap();
    assert_eq!(audit.entries.iter().filter(|entry| entry.action == "backup.restored").count(), 5);
}

/// The owner gives the permission to themselves.
async fn permit(backed: &Backed) {
    let admins: Vec<mailcup_wire::Admin> = backed.owner.get("/v1/admins").await.unwrap();
    let path = format!("/v1/admins/{}", admins[0].id);
    let change = serde_json::json!({ "reads_mail": true });
    let changed: mailcup_wire::Admin =
        backed.owner.change(reqwest::Method::PATCH, &path, &change).await.unwrap();
    assert!(changed.reads_mail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_out_of_a_mailbox_is_refused_and_the_rest_comes_back() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let anna = mail.join("anna@example.org");
    fill(&anna, 20);
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let outside = folder.path().join("outside");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(outside.join(part)).unwrap();
    }
    let sent = format!("{ANNA}/Maildir/.Sent");
    for path in ["mail/../manifest.json", "database/mailcup.db", "mail/example.org/../../keys", "mail", ""] {
        let done = restored(&backed, &[path, &sent], RestoreTo::Original).await;
        assert_eq!((done.trouble_count, done.there), (1, 2), "{path}: {done:?}");
    }
    for name in ["../../outside", "..", "a/../b", ""] {
        let done = restored(&backed, &[&sent], RestoreTo::Folder { name: name.to_owned() }).await;
        assert_eq!((done.restored, done.trouble_count), (0, 2), "{name}: {done:?}");
    }
    // A link in the way isn't followed.
    symlink(&outside, anna.join(".Linked")).unwrap();
    let done = restored(&backed, &[&sent], RestoreTo::Folder { name: "Linked".to_owned() }).await;
    assert_eq!((done.restored, done.trouble_count), (0, 2), "{done:?}");
    fs::remove_dir_all(anna.join(".Sent/cur")).unwrap();
    symlink(outside.join("cur"), anna.join(".Sent/cur")).unwrap();
    let done = restored(&backed, &[&sent], RestoreTo::Original).await;
    assert_eq!((done.restored, done.trouble_count), (0, 2), "{done:?}");
    assert!(messages(&outside).is_empty());

    // A mailbox that isn't there is named; a message with another content under the same name stays beside.
    permit(&backed).await;
    let nobody = RestoreTo::Account { login: Login("../outside".to_owned()), folder: "INBOX".to_owned() };
    let done = restored(&backed, &[&sent], nobody).await;
    assert_eq!((done.restored, done.trouble_count), (0, 2), "{done:?}");
    let path = messages(&anna).into_keys().find(|path| path.starts_with("cur")).unwrap();
    fs::write(anna.join(&path), "another content").unwrap();
    let done = restored(&backed, &[&format!("{ANNA}/Maildir/{}", path.display())], RestoreTo::Original).await;
    assert_eq!((done.restored, done.there), (1, 0), "{done:?}");
    assert_eq!(fs::read_to_string(anna.join(&path)).unwrap(), "another content");
}
