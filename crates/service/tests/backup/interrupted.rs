//! Backups that are killed, and disks that are full.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use mailcup_lab::{small_disk::SmallDisk, wait};

use super::{Backed, fill, messages, place};

const PATIENCE: Duration = Duration::from_mins(1);

/// What a running backup has come to.
const MOMENTS: [fn(&Backed) -> bool; 3] = [
    |backed| backed.service.data_dir().join("backup-staging/database").exists(),
    |backed| backed.service.data_dir().join("backup-staging/manifest.json").exists(),
    |backed| count(&backed.repository.join("data")) > 0,
];

fn count(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        count += if entry.path().is_dir() { count_files(&entry.path()) } else { 1 };
    }
    count
}

fn count_files(folder: &Path) -> usize {
    fs::read_dir(folder).into_iter().flatten().count()
}

fn start(backed: &Backed, mail: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mailcupd"))
        .args(["backup", "run", "--data-dir"])
        .arg(backed.service.data_dir())
        .env("MAILCUP_BACKUP_REPOSITORY", &backed.repository)
        .env("MAILCUP_BACKUP_MAIL", mail)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_killed_harms_nothing_and_the_next_goes_on() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    for name in ["anna@example.org", "ben@example.org"] {
        fill(&mail.join(name), 1500);
    }
    let pattern = format!("{}/{{login}}", mail.display());
    let backed = Backed::set_up(&repository, &pattern).await;
    let mut killed = 0;
    for has_come in MOMENTS {
        let mut running = start(&backed, &pattern);
        let ended = wait::until("the backup does not come so far", PATIENCE, async || {
            let ended = running.try_wait().unwrap();
            (ended.is_some() || has_come(&backed)).then_some(ended)
        });
        if ended.await.unwrap().is_none() {
            running.kill().unwrap();
            killed += 1;
        }
        running.wait().unwrap();
        let whole = backed.backup(&["check", "--read-data"]).await.unwrap();
        assert!(!whole.contains("fault"), "{whole}");
    }
    assert!(killed > 0, "each backup was over before it could be killed");
    let run = backed.run().await;
    assert_eq!(run["manifest"]["mail"]["messages"], 3000);
    assert!(!backed.service.data_dir().join("backup-staging").exists());
    backed.restic(&["check", "--read-data"]);
    let back = folder.path().join("back");
    let mail_to = format!("{}/{{login}}", folder.path().join("mail-back").display());
    backed.restore(&["--to", back.to_str().unwrap(), "--mail-to", &mail_to]).await.unwrap();
    assert_eq!(messages(&folder.path().join("mail-back")), messages(&mail));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_what_was_there_stays_whole() {
    let (folder, _) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let disk = SmallDisk::mount(12 << 10).unwrap();
    let pattern = format!("{}/{{login}}", mail.display());
    let backed = Backed::set_up(&disk.path().join("repository"), &pattern).await;
    fill(&mail.join("anna@example.org"), 50);
    let mut attachment = vec![0; 3 << 20];
    rand::fill(&mut attachment[..]);
    fs::write(mail.join("anna@example.org/cur/1.attachment:2,"), attachment).unwrap();
    backed.run().await;
    let mut large = vec![0; 24 << 20];
    rand::fill(&mut large[..]);
    fs::write(mail.join("anna@example.org/cur/1.large:2,"), large).unwrap();
    let full = backed.backup(&["run"]).await.unwrap_err();
    assert!(full.contains("is full; make room") && full.contains("exit status: 1"), "{full}");
    assert!(!backed.service.data_dir().join("backup-staging").exists());

    // What was there is whole, and is restored; onto a disk that is too small, nothing is.
    fs::remove_file(mail.join("anna@example.org/cur/1.large:2,")).unwrap();
    let whole = backed.backup(&["check", "--read-data"]).await.unwrap();
    assert!(!whole.contains("fault"), "{whole}");
    let tight = SmallDisk::mount(1 << 10).unwrap();
    let back = folder.path().join("back");
    let mail_to = format!("{}/{{login}}", tight.path().join("mail").display());
    let to = ["--to", back.to_str().unwrap(), "--mail-to"];
    let refused = backed.restore(&[&to[..], &[&mail_to]].concat()).await.unwrap_err();
    assert!(refused.contains("MB are needed; nothing was changed"), "{refused}");
    assert!(!back.exists() && count(tight.path()) == 0);
    let mail_to = format!("{}/{{login}}", folder.path().join("mail-back").display());
    backed.restore(&[&to[..], &[&mail_to]].concat()).await.unwrap();
    assert_eq!(messages(&folder.path().join("mail-back")), messages(&mail));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_that_is_killed_harms_nothing_and_the_next_goes_on() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let anna = mail.join("anna@example.org");
    let pattern = format!("{}/{{login}}", mail.display());
    fill(&anna, 3000);
    let backed = Backed::set_up(&repository, &pattern).await;
    backed.run().await;
    let names = || -> Vec<_> {
        fs::read_dir(repository.join("snapshots")).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let mut killed = 0;
    for round in 0..4 {
        // So much is needed no longer that packs are written anew.
        for (path, _) in messages(&anna).into_iter().skip(round).step_by(3) {
            fs::remove_file(anna.join(path)).unwrap();
        }
        let before = names();
        let mut running = start(&backed, &pattern);
        let ended = wait::until("no snapshot was forgotten", PATIENCE, async || {
            let ended = running.try_wait().unwrap();
            // Of one day the newest is kept: once the other is gone, room is made.
            (ended.is_some() || !before.iter().any(|name| names().contains(name))).then_some(ended)
        });
        if ended.await.unwrap().is_none() {
            running.kill().unwrap();
            killed += 1;
        }
        running.wait().unwrap();
        let whole = backed.backup(&["check", "--read-data"]).await.unwrap();
        assert!(!whole.contains("fault"), "{whole}");
    }
    assert!(killed > 0, "each prune was over before it could be killed");
    let run = backed.run().await;
    assert!(run["thinned"]["error"].is_null(), "{run}");
    backed.restic(&["check", "--read-data"]);
    let back = folder.path().join("back");
    let mail_to = format!("{}/{{login}}", folder.path().join("mail-back").display());
    backed.restore(&["--to", back.to_str().unwrap(), "--mail-to", &mail_to]).await.unwrap();
    assert_eq!(messages(&folder.path().join("mail-back")), messages(&mail));
}
