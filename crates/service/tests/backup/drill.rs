//! Rehearsals of a disaster.

use std::fs;

use mailcup_wire::{BackupJob, BackupOutcome, DrillCheckKind, DrillReport, NewBackupJob};

use super::{
    Backed, fill, messages, place,
    service::{done, ended},
};

const KINDS: [DrillCheckKind; 4] =
    [DrillCheckKind::Restored, DrillCheckKind::Started, DrillCheckKind::Counted, DrillCheckKind::Messages];

async fn drilled(backed: &Backed) -> DrillReport {
    let job = done(&backed.owner, &NewBackupJob::Drill).await;
    match job.outcome {
        Some(BackupOutcome::Drilled(report)) => report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_brings_the_service_back_and_names_what_does_not_come_back() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    for name in ["anna@example.org", "ben@example.org"] {
        fill(&mail.join(name), 700);
    }
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let job = done(&backed.owner, &NewBackupJob::Drill).await;
    let Some(BackupOutcome::Failed { problem }) = job.outcome else { panic!("{job:?}") };
    assert!(problem.message.contains("no snapshot yet"), "{problem}");

    done(&backed.owner, &NewBackupJob::BackUp).await;
    let before = messages(&mail);
    let report = drilled(&backed).await;
    assert_eq!(report.checks.iter().map(|check| check.check).collect::<Vec<_>>(), KINDS);
    assert!(report.checks.iter().all(|check| check.passed), "{report:#?}");
    assert!(report.checks[2].message.contains("1 admins, 1400 messages"), "{report:#?}");
    assert_eq!((report.checks[0].looked_at, report.checks[3].looked_at), (1401, 1000));
    assert!(report.checks[3].message.contains("1000 of them lie unchanged"), "{report:#?}");
    assert!(report.seconds > 0.0 && report.seconds < 60.0, "{}", report.seconds);
    eprintln!("back after {:.1} s", report.seconds);
    assert!(!backed.service.data_dir().join("backup-drill").exists());
    assert_eq!(messages(&mail), before);
    // The shell's own, too.
    let said = backed.backup(&["drill"]).await.unwrap();
    assert!(said.contains("passed: As the manifest says"), "{said}");

    // A message that changed under its name, by a sick disk: the time says that nobody wrote it.
    let sick = mail.join("anna@example.org/cur");
    for entry in fs::read_dir(&sick).unwrap() {
        let path = entry.unwrap().path();
        let modified = path.metadata().unwrap().modified().unwrap();
        let mut content = fs::read(&path).unwrap();
        content[30] ^= 1;
        fs::write(&path, content).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    }
    let report = drilled(&backed).await;
    let check = &report.checks[3];
    assert!(!check.passed && check.message.contains("anna/Maildir/cur/"), "{report:#?}");
    assert!(report.checks[..3].iter().all(|check| check.passed), "{report:#?}");

    // And a damaged repository: which check, on what, and what to do.
    for folder in fs::read_dir(repository.join("data")).unwrap() {
        for pack in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let mut content = fs::read(&path).unwrap();
            let middle = content.len() / 2;
            content[middle] ^= 1;
            fs::write(&path, content).unwrap();
        }
    }
    let report = drilled(&backed).await;
    let check = &report.checks[0];
    assert!(!check.passed && check.message.contains("Prove the repository"), "{report:#?}");
    assert!(!backed.service.data_dir().join("backup-drill").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_that_is_cancelled_or_killed_leaves_nothing() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 2500);
    let mut backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let scratch = backed.service.data_dir().join("backup-drill");
    let begun: BackupJob = backed.owner.post("/v1/backups/jobs", &NewBackupJob::Drill).await.unwrap();
    let path = format!("/v1/backups/jobs/{}", begun.id);
    backed.owner.request(reqwest::Method::DELETE, &path).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(ended(&backed.owner, &begun).await.outcome, Some(BackupOutcome::Cancelled));
    assert!(!scratch.exists());

    let begun: BackupJob = backed.owner.post("/v1/backups/jobs", &NewBackupJob::Drill).await.unwrap();
    let restoring = mailcup_lab::wait::until("nothing is restored", super::service::PATIENCE, async || {
        scratch.join("mail").exists().then_some(())
    });
    restoring.await.unwrap();
    backed.service.kill();
    assert!(scratch.exists(), "it was over before it could be killed");
    backed.service.run().await.unwrap();
    assert!(!scratch.exists());
    let job = ended(&backed.owner, &begun).await;
    let Some(BackupOutcome::Failed { problem }) = job.outcome else { panic!("{job:?}") };
    assert!(problem.message.contains("stopped while a restore was rehearsed"), "{problem}");
    assert!(drilled(&backed).await.checks.iter().all(|check| check.passed));
}
