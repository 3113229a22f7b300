//! Restores of chosen mail that are killed, and disks that are full.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use mailcup_lab::{small_disk::SmallDisk, wait};
use mailcup_wire::{BackupJob, BackupOutcome, MailRestore, NewBackupJob, RestoreTo};

use super::{
    Backed, fill, messages, place,
    restore_mail::{ANNA, contents, newest, restored},
    service::{backups, done},
};

const PATIENCE: Duration = Duration::from_mins(1);

/// How many messages a restore has brought back under their names, and has begun.
fn brought(maildir: &Path) -> (usize, usize) {
    let count = |folder: &str, own: bool| {
        let names = fs::read_dir(maildir.join(folder)).into_iter().flatten().flatten();
        names.filter(|it| !own || it.file_name().to_string_lossy().contains(".mailcup,")).count()
    };
    (count("cur", true), count("tmp", false))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_whole_messages_and_the_next_completes_it_without_doubles() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let anna = mail.join("anna@example.org");
    fill(&anna, 3000);
    let mut backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let before = contents(&anna);
    // What stays, and what comes meanwhile, is nobody's business.
    let lost: Vec<_> = messages(&anna).into_keys().filter(|path| path.starts_with("cur")).collect();
    for path in lost.iter().skip(100) {
        fs::remove_file(anna.join(path)).unwrap();
    }
    fs::write(anna.join("new/1799999999.M1.lab"), "Subject: since then\r\n\r\nNew.\r\n").unwrap();
    let stayed = messages(&anna);
    let wanted = MailRestore {
        snapshot: newest(&backed).await,
        paths: vec![ANNA.to_owned()],
        to: RestoreTo::Original,
    };
    let moments: [fn(&Path, usize) -> bool; 4] = [
        |anna, _| brought(anna).1 > 0,
        |anna, had| brought(anna).0 > had,
        |anna, had| brought(anna).0 > had + 300 && brought(anna).1 > 0,
        |anna, had| brought(anna).0 > had + 600,
    ];
    let mut killed = 0;
    for has_come in moments {
        let had = brought(&anna).0;
        let job: BackupJob =
            backed.owner.post("/v1/backups/jobs", &NewBackupJob::Restore(wanted.clone())).await.unwrap();
        let come = wait::until("the restore does not come so far", PATIENCE, async || {
            if has_come(&anna, had) {
                return Some(true);
            }
            let jobs = backups(&backed.owner).await.jobs;
            jobs.iter().any(|it| it.id == job.id).then_some(false)
        });
        killed += u32::from(come.await.unwrap());
        backed.service.kill();
        let here = messages(&anna);
        for (path, (hash, owner)) in &here {
            let known = before.contains_key(hash) || stayed.get(path) == Some(&(hash.clone(), *owner));
            assert!(known, "{} is not a whole message", path.display());
        }
        assert!(stayed.iter().all(|(path, it)| here.get(path) == Some(it)), "what was there is untouched");
        backed.service.run().await.unwrap();
    }
    assert!(killed > 1, "the restores were over before they could be killed");
    let told = backups(&backed.owner).await.jobs.remove(0);
    assert!(
        matches!(told.outcome, Some(BackupOutcome::Failed { .. } | BackupOutcome::Restored(_))),
        "{told:?}"
    );
    let last = restored(&backed, &[ANNA], RestoreTo::Original).await;
    assert_eq!((last.restored + last.there, last.trouble_count), (3000, 0), "{last:?}");
    let mut expected = before;
    expected.extend(messages(&anna.join("new")).into_values().map(|(hash, _)| (hash, 1)));
    let after = contents(&anna);
    assert_eq!(after.len(), 3001);
    assert!(after.values().all(|times| *times == 1), "nothing came twice");
    assert!(expected.keys().eq(after.keys()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_a_restore_is_told_and_it_goes_on_once_there_is_room() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let anna = mail.join("anna@example.org");
    // A disk of its own, as nothing tells before: it is full in the middle.
    let disk = SmallDisk::mount_at(&anna, 16 << 10).unwrap();
    fill(&anna, 400);
    let mut attachment = vec![0; 2 << 20];
    for number in 0..4 {
        rand::fill(&mut attachment[..]);
        fs::write(anna.join(format!("cur/17900000{number}.large:2,")), &attachment).unwrap();
    }
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let before = contents(&anna);
    for path in messages(&anna).into_keys().filter(|path| path.starts_with("cur")) {
        fs::remove_file(anna.join(path)).unwrap();
    }
    let stayed = messages(&anna);
    disk.resize(5 << 10).unwrap();
    let wanted = MailRestore {
        snapshot: newest(&backed).await,
        paths: vec![ANNA.to_owned()],
        to: RestoreTo::Original,
    };
    let job = done(&backed.owner, &NewBackupJob::Restore(wanted.clone())).await;
    let Some(BackupOutcome::Failed { problem }) = job.outcome else { panic!("{job:?}") };
    assert!(problem.message.contains("is full; make room there and try again"), "{}", problem.message);
    let here = messages(&anna);
    assert!(here.values().all(|(hash, _)| before.contains_key(hash)), "each is a whole message");
    assert!(stayed.iter().all(|(path, it)| here.get(path) == Some(it)));
    assert_eq!(fs::read_dir(anna.join("tmp")).unwrap().count(), 0, "nothing half done is left behind");

    disk.resize(32 << 10).unwrap();
    let last = restored(&backed, &[ANNA], RestoreTo::Original).await;
    assert_eq!((last.restored + last.there, last.trouble_count), (404, 0), "{last:?}");
    assert_eq!(contents(&anna), before);
    let names: BTreeSet<_> = fs::read_dir(anna.join("tmp"))
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap()
        .into_iter()
        .map(|it| it.file_name())
        .collect();
    assert!(names.is_empty());

    // What can't fit is not begun.
    drop(disk);
    let tight = SmallDisk::mount_at(&mail, 2 << 10).unwrap();
    fill(&anna, 1);
    let job = done(&backed.owner, &NewBackupJob::Restore(wanted)).await;
    let Some(BackupOutcome::Failed { problem }) = job.outcome else { panic!("{job:?}") };
    assert!(problem.message.contains("MB are needed"), "{}", problem.message);
    assert_eq!(messages(&anna).len(), 1);
    drop(tight);
}

/// How many messages of a server that comes back wait aside.
fn aside(mail: &Path) -> usize {
    let of =
        |login: &str| mail.join(".mailcup-restoring/.snapshot/example.org").join(login).join("Maildir/cur");
    ["anna", "ben"].iter().map(|login| fs::read_dir(of(login)).into_iter().flatten().count()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_it_comes_back_comes_back_by_the_same_command() {
    const LOGINS: [&str; 2] = ["anna@example.org", "ben@example.org"];
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    for login in LOGINS {
        fill(&mail.join(login), 1500);
    }
    let pattern = format!("{}/{{login}}", mail.display());
    let mut backed = Backed::set_up(&repository, &pattern).await;
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let (before, snapshot) = (messages(&mail), newest(&backed).await);
    backed.service.kill();
    // The folder of the mail is there on the new machine, as a disk of its own is.
    for login in LOGINS {
        fs::remove_dir_all(mail.join(login)).unwrap();
    }
    let data = folder.path().join("new-data");
    let to = ["--to", data.to_str().unwrap()];
    let mut killed = 0;
    for enough in [1, 500, 1500] {
        let mut running = backed.restoring(&to);
        let ended = wait::until("the restore does not come so far", PATIENCE, async || {
            let ended = running.try_wait().unwrap();
            (ended.is_some() || aside(&mail) >= enough).then_some(ended)
        });
        if ended.await.unwrap().is_some() {
            break;
        }
        running.kill().unwrap();
        running.wait().unwrap();
        killed += 1;
        assert!(!data.exists(), "a data folder is there before all of it is");
        assert!(LOGINS.iter().all(|login| !mail.join(login).exists()), "mail is there before all of it is");
    }
    assert!(killed > 0, "the restores were over before they could be killed");
    if !data.exists() {
        backed.restore(&to).await.unwrap();
    }
    assert_eq!(messages(&mail), before, "every message, byte for byte, with its owner");

    // What a kill between the mail of one account and that of the next leaves.
    fs::remove_dir_all(&data).unwrap();
    fs::remove_dir_all(mail.join(LOGINS[1])).unwrap();
    let refused = backed.restore(&to).await.unwrap_err();
    assert!(refused.contains("isn't empty") && refused.contains(LOGINS[0]), "{refused}");
    let left = folder.path().join(".new-data.mailcup-restoring");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("mail-follows"), format!("{snapshot} {pattern}")).unwrap();
    let said = backed.restore(&to).await.unwrap();
    assert!(said.contains("3000 of 3000 messages in 2 accounts"), "{said}");
    assert_eq!(messages(&mail), before, "every message, byte for byte, with its owner");
    assert!(!left.exists() && !mail.join(".mailcup-restoring").exists());
}
