//! Backups that the running service makes: by request and by itself.

use std::{fs, time::Duration};

use mailcup_lab::{moved_clock::MovedClock, service::Api, wait};
use mailcup_wire::{
    AlertKind, AlertState, BackupJob, BackupOutcome, BackupStanding, BackupWork, Backups, Code, NewBackupJob,
};
use reqwest::Method;

use super::{Backed, fill, place};

pub const PATIENCE: Duration = Duration::from_mins(2);

pub async fn backups(api: &Api) -> Backups {
    api.get("/v1/backups").await.unwrap()
}

/// Begins work and waits for its end.
pub async fn done(api: &Api, new: &NewBackupJob) -> BackupJob {
    let begun: BackupJob = api.post("/v1/backups/jobs", new).await.unwrap();
    ended(api, &begun).await
}

pub async fn ended(api: &Api, begun: &BackupJob) -> BackupJob {
    let ended = wait::until("the work does not end", PATIENCE, async || {
        backups(api).await.jobs.into_iter().find(|job| job.id == begun.id)
    });
    ended.await.unwrap()
}

/// What a request was refused with.
async fn refusal(api: &Api, method: Method, path: &str, body: &impl serde::Serialize) -> Code {
    let response = api.request(method, path).json(body).send().await.unwrap();
    let problem: mailcup_wire::ProblemDetails = response.json().await.unwrap();
    problem.code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_and_proofs_are_made_by_request_one_at_a_time() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 1500);
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let api = &backed.owner;
    let before = backups(api).await;
    assert_eq!((before.standing, before.may_read_mail), (BackupStanding::Ready, false));
    let schedule = before.schedule.unwrap();
    assert_eq!((schedule.time.as_str(), schedule.data_read_days, schedule.keep.daily), ("02:30", 7, 14));

    let begun: BackupJob = api.post("/v1/backups/jobs", &NewBackupJob::BackUp).await.unwrap();
    assert_eq!(
        refusal(api, Method::POST, "/v1/backups/jobs", &NewBackupJob::ProveNames).await,
        Code::Conflict
    );
    assert_eq!(backups(api).await.running.unwrap().id, begun.id);
    let job = ended(api, &begun).await;
    let Some(BackupOutcome::BackedUp(made)) = job.outcome else { panic!("{job:?}") };
    assert_eq!((made.messages, made.accounts, made.left_out_count), (1500, 1, 0));
    assert!(job.by.is_some() && job.ended_at.is_some() && job.progress.files > 1500, "{:?}", job.progress);
    let listed: serde_json::Value =
        serde_json::from_slice(&backed.restic(&["snapshots", "--json"]).stdout).unwrap();
    assert_eq!(listed[0]["id"], made.snapshot.0);
    assert!(backups(api).await.size.unwrap().0 > made.stored.0);

    for (new, work) in [
        (NewBackupJob::ProveNames, BackupWork::ProveNames),
        (NewBackupJob::ProveStructure, BackupWork::ProveStructure),
        (NewBackupJob::ProveData { all: false }, BackupWork::ProveData),
        (NewBackupJob::ProveData { all: true }, BackupWork::ProveData),
    ] {
        let job = done(api, &new).await;
        let Some(BackupOutcome::Proven(proven)) = &job.outcome else { panic!("{job:?}") };
        assert_eq!((job.work, proven.fault_count), (work, 0));
        assert_eq!(proven.share.is_some(), matches!(new, NewBackupJob::ProveData { all: false }));
        assert_eq!(backups(api).await.proofs.iter().find(|it| it.work == work), Some(&job));
    }
    // A damaged pack is named by the proof that promises to find it, and stays the newest of its kind.
    let pack = first_pack(&repository);
    let mut content = fs::read(&pack).unwrap();
    content[100] ^= 1;
    fs::write(&pack, content).unwrap();
    let job = done(api, &NewBackupJob::ProveNames).await;
    let Some(BackupOutcome::Proven(proven)) = job.outcome else { panic!("{job:?}") };
    assert_eq!((proven.fault_count, proven.faults[0].file_kind.as_str()), (1, "pack"));
    assert_eq!(proven.faults[0].file, pack.file_name().unwrap().to_str().unwrap());

    assert_eq!(refusal(api, Method::DELETE, "/v1/backups/jobs/nothing", &()).await, Code::NotFound);
    let audit: mailcup_wire::AuditPage = api.get("/v1/audit").await.unwrap();
    assert_eq!(audit.entries.iter().filter(|entry| entry.action == "backup.begin").count(), 6);
}

fn first_pack(repository: &std::path::Path) -> std::path::PathBuf {
    let folders = fs::read_dir(repository.join("data")).unwrap();
    let mut packs = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    packs.next().unwrap().unwrap().path()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_cancelled_and_stopped_without_harm_and_the_next_goes_on() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    for name in ["anna@example.org", "ben@example.org"] {
        fill(&mail.join(name), 2000);
    }
    let mut backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let begun: BackupJob = backed.owner.post("/v1/backups/jobs", &NewBackupJob::BackUp).await.unwrap();
    let path = format!("/v1/backups/jobs/{}", begun.id);
    backed.owner.request(Method::DELETE, &path).send().await.unwrap().error_for_status().unwrap();
    let job = ended(&backed.owner, &begun).await;
    assert_eq!(job.outcome, Some(BackupOutcome::Cancelled));

    // By the service's own end, at leisure and at once.
    for end in [super::Service::stop, super::Service::kill] {
        let begun: BackupJob = backed.owner.post("/v1/backups/jobs", &NewBackupJob::BackUp).await.unwrap();
        end(&mut backed.service);
        backed.service.run().await.unwrap();
        let job = ended(&backed.owner, &begun).await;
        let Some(BackupOutcome::Failed { problem }) = job.outcome else { panic!("{job:?}") };
        assert!(problem.message.contains("service was stopped while a snapshot was made"), "{problem}");
    }
    let job = done(&backed.owner, &NewBackupJob::BackUp).await;
    assert!(matches!(job.outcome, Some(BackupOutcome::BackedUp(_))), "{job:?}");
    assert!(!backed.service.data_dir().join("backup-staging").exists());
    backed.restic(&["check", "--read-data"]);
    // The shell's own goes on beside the service.
    assert_eq!(backed.run().await["manifest"]["mail"]["messages"], 4000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_was_missed_is_made_up_for_and_proven() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 50);
    let clock = MovedClock::new().unwrap();
    let pattern = format!("{}/{{login}}", mail.display());
    let mut backed = Backed::set_up_with(&repository, &pattern, clock.env()).await;
    for days in 1..=2 {
        // The schedule looks at the clock each second, and makes up for what was missed minutes after a start.
        backed.service.stop();
        clock.set_ahead(Duration::from_hours(24 * days)).unwrap();
        backed.service.run().await.unwrap();
        let before = backups(&backed.owner).await.jobs.len();
        let next = backups(&backed.owner).await.schedule.unwrap().next_at.0;
        clock.set_ahead(Duration::from_hours(24 * days) + Duration::from_mins(40)).unwrap();
        let made = wait::until("no backup was made by itself", PATIENCE, async || {
            let now = backups(&backed.owner).await;
            let works: Vec<_> =
                now.jobs[..now.jobs.len() - before].iter().rev().map(|job| job.work).collect();
            (now.running.is_none() && works.len() >= 3).then_some((works, now))
        });
        let (works, now) = made.await.unwrap();
        assert_eq!(works[..3], [BackupWork::BackUp, BackupWork::ProveStructure, BackupWork::ProveData]);
        let job = &now.jobs[now.jobs.len() - before - 1];
        assert!(job.by.is_none() && job.begun_at.0 >= next, "{job:?}, {next}");
        assert!(matches!(job.outcome, Some(BackupOutcome::BackedUp(_))), "{job:?}");
        assert!(now.schedule.unwrap().next_at.0 > job.begun_at.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wants_an_eye_is_told_and_taken_back_once_it_is_well() {
    let (folder, repository) = place();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    let anna = mail.join("anna@example.org");
    fill(&anna, 300);
    let clock = MovedClock::new().unwrap();
    let pattern = format!("{}/{{login}}", mail.display());
    let mut backed = Backed::set_up_with(&repository, &pattern, clock.env()).await;
    let state = async |api: &Api, kind: AlertKind| {
        api.alerts().await.unwrap().into_iter().find(|alert| alert.kind == kind).map(|alert| alert.state)
    };
    let is = async |api: &Api, kind: AlertKind, wanted: AlertState| {
        let found = wait::until("the alert does not stand so", PATIENCE, async || {
            (state(api, kind).await == Some(wanted)).then_some(())
        });
        found.await.unwrap_or_else(|error| panic!("{kind:?}, {wanted:?}: {error}"));
    };
    done(&backed.owner, &NewBackupJob::BackUp).await;
    assert!(backed.owner.alerts().await.unwrap().is_empty());

    // Half of the mail is gone.
    for (path, _) in super::messages(&anna).into_iter().step_by(2) {
        fs::remove_file(anna.join(path)).unwrap();
    }
    done(&backed.owner, &NewBackupJob::BackUp).await;
    is(&backed.owner, AlertKind::MassDeletion, AlertState::Open).await;

    // A pack is damaged, and mended.
    let pack = first_pack(&repository);
    let whole = fs::read(&pack).unwrap();
    let mut damaged = whole.clone();
    damaged[10] ^= 1;
    fs::write(&pack, damaged).unwrap();
    done(&backed.owner, &NewBackupJob::ProveNames).await;
    is(&backed.owner, AlertKind::BackupDamaged, AlertState::Open).await;
    done(&backed.owner, &NewBackupJob::ProveStructure).await;
    fs::write(&pack, whole).unwrap();
    assert_eq!(state(&backed.owner, AlertKind::BackupDamaged).await, Some(AlertState::Open));
    done(&backed.owner, &NewBackupJob::ProveNames).await;
    is(&backed.owner, AlertKind::BackupDamaged, AlertState::Resolved).await;

    // The disk of the repository is away, for two days.
    let away = folder.path().join("away");
    fs::rename(&repository, &away).unwrap();
    let job = done(&backed.owner, &NewBackupJob::BackUp).await;
    let Some(BackupOutcome::Failed { problem }) = job.outcome else { panic!("{job:?}") };
    assert!(problem.message.contains("repository"), "{problem}");
    is(&backed.owner, AlertKind::BackupFailed, AlertState::Open).await;
    let drill = done(&backed.owner, &NewBackupJob::Drill).await;
    assert!(matches!(drill.outcome, Some(BackupOutcome::Failed { .. })), "{drill:?}");
    is(&backed.owner, AlertKind::DrillFailed, AlertState::Open).await;
    clock.set_ahead(Duration::from_hours(48)).unwrap();
    is(&backed.owner, AlertKind::BackupMissed, AlertState::Open).await;

    // It is there again, and what waits for its cause outlives the service.
    backed.service.stop();
    fs::rename(&away, &repository).unwrap();
    backed.service.run().await.unwrap();
    done(&backed.owner, &NewBackupJob::BackUp).await;
    for kind in [AlertKind::BackupFailed, AlertKind::BackupMissed] {
        is(&backed.owner, kind, AlertState::Resolved).await;
    }
    done(&backed.owner, &NewBackupJob::Drill).await;
    is(&backed.owner, AlertKind::DrillFailed, AlertState::Resolved).await;
}
