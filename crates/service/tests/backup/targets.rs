//! Copies of the repository at real servers, made by the running service.

use std::{fs, path::Path, process::Command, time::Duration};

use mailcup_lab::{
    free_port,
    moved_clock::MovedClock,
    service::Api,
    storage_servers::{PASSWORD, Rclone, RcloneMode, S3Server, Sshd, USER},
    wait,
};
use mailcup_wire::{
    AlertKind, AlertState, AuditPage, BackupJob, BackupOutcome, BackupTarget, BackupTargetChange,
    BackupTargetId, BackupTargetTest, BackupTargetTested, Bytes, NewBackupJob, TargetCopied, TargetObstacle,
    TargetPlace,
};
use reqwest::{Method, StatusCode};

use super::{
    Backed, fill, place,
    service::{PATIENCE, backups, done, ended},
};

const TARGETS: &str = "/v1/backups/targets";

fn rest(port: u16) -> TargetPlace {
    TargetPlace::Rest { url: format!("http://127.0.0.1:{port}/mail"), user: Some(USER.to_owned()) }
}

fn folder(path: &Path) -> TargetPlace {
    TargetPlace::Folder { path: path.display().to_string() }
}

fn target(place: TargetPlace, secret: Option<&str>) -> BackupTargetChange {
    BackupTargetChange { place, secret: secret.map(str::to_owned), limit: None }
}

fn sftp(server: &Sshd, host_key: Option<String>) -> TargetPlace {
    TargetPlace::Sftp {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: own_name(),
        path: server.files().display().to_string(),
        host_key,
    }
}

fn bucket(server: &S3Server) -> TargetPlace {
    TargetPlace::S3 {
        endpoint: server.endpoint(),
        region: S3Server::REGION.to_owned(),
        bucket: S3Server::BUCKET.to_owned(),
        prefix: "mail".to_owned(),
        access_key: USER.to_owned(),
    }
}

async fn add(api: &Api, change: &BackupTargetChange) -> BackupTarget {
    api.post(TARGETS, change).await.unwrap()
}

async fn change(api: &Api, id: &BackupTargetId, change: &BackupTargetChange) -> BackupTarget {
    let answer = api.request(Method::PUT, &format!("{TARGETS}/{id}")).json(change).send().await.unwrap();
    answer.error_for_status().unwrap().json().await.unwrap()
}

async fn tested(api: &Api, change: BackupTargetChange) -> BackupTargetTested {
    let test = BackupTargetTest { id: None, target: change };
    api.post("/v1/backups/targets/test", &test).await.unwrap()
}

async fn obstacle(api: &Api, change: BackupTargetChange) -> Option<TargetObstacle> {
    tested(api, change).await.trouble.map(|trouble| trouble.what)
}

/// Waits until every target has a full copy.
async fn all_copied(api: &Api) -> Vec<BackupTarget> {
    let copied = wait::until("not every target has a copy", PATIENCE, async || {
        let now = backups(api).await;
        let newest = now.jobs.iter().find_map(|job| match &job.outcome {
            Some(BackupOutcome::BackedUp(made)) => Some(made.at),
            _ => None,
        });
        let has_all = now.targets.iter().all(|target| target.copied_at >= newest);
        (has_all && now.running.is_none()).then_some(now.targets)
    });
    copied.await.unwrap()
}

fn outcome(job: BackupJob) -> Vec<TargetCopied> {
    match job.outcome {
        Some(BackupOutcome::Copied(copied)) => copied.targets,
        _ => panic!("{job:?}"),
    }
}

/// Debian's restic, which knows of us only the phrase.
fn restic_check(backed: &Backed, repository: &str) {
    let checked = Command::new("restic")
        .args(["--no-cache", "-r", repository, "check", "--read-data"])
        .env("RESTIC_PASSWORD", &backed.phrase)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{repository}: {}", String::from_utf8_lossy(&checked.stderr));
}

fn first_pack(repository: &Path) -> std::path::PathBuf {
    let folders = fs::read_dir(repository.join("data")).unwrap();
    let mut packs = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    packs.next().unwrap().unwrap().path()
}

fn own_name() -> String {
    let name = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(name.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_target_gets_each_backup_and_is_proven() {
    let (at, repository) = place();
    let mail = at.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 300);
    let backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let api = &backed.owner;
    let (rclone, s3, sshd) = (
        Rclone::start(RcloneMode::Rest).await.unwrap(),
        S3Server::start().await.unwrap(),
        Sshd::start().await.unwrap(),
    );
    let disk = at.path().join("second-disk");
    let login_key = sshd.login_key().unwrap();

    assert_eq!(obstacle(api, target(folder(&disk), None)).await, Some(TargetObstacle::NoFolder));
    fs::create_dir(&disk).unwrap();
    assert_eq!(obstacle(api, target(rest(rclone.port()), Some("wrong"))).await, Some(TargetObstacle::Login));
    assert_eq!(obstacle(api, target(rest(free_port()), Some(PASSWORD))).await, Some(TargetObstacle::Refused));
    let unknown = tested(api, target(sftp(&sshd, None), Some(&login_key))).await.trouble.unwrap();
    assert_eq!((unknown.what, &unknown.host_key), (TargetObstacle::HostKey, &Some(sshd.host_key().unwrap())));
    let places = [
        target(folder(&disk), None),
        target(rest(rclone.port()), Some(PASSWORD)),
        target(bucket(&s3), Some(PASSWORD)),
        target(sftp(&sshd, unknown.host_key), Some(&login_key)),
    ];
    for place in &places {
        let found = tested(api, place.clone()).await;
        assert!(found.trouble.is_none() && !found.is_copy, "{found:?}");
        add(api, place).await;
    }
    let told: serde_json::Value = api.get("/v1/backups").await.unwrap();
    assert!(!told.to_string().contains(PASSWORD) && !told.to_string().contains("PRIVATE KEY"));

    done(api, &NewBackupJob::BackUp).await;
    let targets = all_copied(api).await;
    assert!(targets.iter().all(|it| it.size.is_some() && it.trouble.is_none() && !it.overdue), "{targets:?}");
    let at_rclone =
        format!("rest:http://{USER}:{}@127.0.0.1:{}/mail", PASSWORD.replace(' ', "%20"), rclone.port());
    restic_check(&backed, &at_rclone);
    for files in [disk.clone(), s3.files().join("mail"), sshd.files()] {
        restic_check(&backed, files.to_str().unwrap());
    }
    assert!(tested(api, places[1].clone()).await.is_copy);

    mends_a_flipped_bit(api, &targets[1], &rclone.files().join("mail")).await;

    // The next one brings what is new, and nothing twice.
    done(api, &NewBackupJob::BackUp).await;
    all_copied(api).await;
    let again = outcome(done(api, &NewBackupJob::Copy { target: None }).await);
    assert!(again.len() == 4 && again.iter().all(|it| it.files == 0 && it.trouble.is_none()), "{again:?}");
    restic_check(&backed, &at_rclone);

    comes_back(&backed, &rclone, at.path()).await;
}

async fn mends_a_flipped_bit(api: &Api, target: &BackupTarget, files: &Path) {
    let pack = first_pack(files);
    let whole = fs::read(&pack).unwrap();
    let mut flipped = whole.clone();
    flipped[99] ^= 1;
    fs::write(&pack, flipped).unwrap();
    let proof = outcome(done(api, &NewBackupJob::ProveCopy { target: target.id.clone() }).await);
    assert!(proof[0].mended == 1 && proof[0].read > 3 && proof[0].trouble.is_none(), "{proof:?}");
    assert_eq!(fs::read(&pack).unwrap(), whole);
    let now = backups(api).await.targets.into_iter().find(|it| it.id == target.id);
    assert!(now.unwrap().proven_at.is_some());
}

/// The way back, on a machine that has nothing but the phrase and the server's password.
async fn comes_back(backed: &Backed, rclone: &Rclone, at: &Path) {
    let (secret, fetched, restored) = (at.join("secret"), at.join("fetched"), at.join("restored"));
    fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let from = format!("rest:http://{USER}@127.0.0.1:{}/mail", rclone.port());
    let fetch =
        ["backup", "fetch", "--from", &from, "--secret-file", &text(&secret), "--to", &text(&fetched)];
    backed.service.command(&fetch).await.unwrap();
    restic_check(backed, &text(&fetched));
    let restore =
        ["backup", "restore", "--from", &text(&fetched), "--to", &text(&restored), "--without-mail"];
    backed.service.command_with(&restore, &format!("{}\n", backed.phrase)).await.unwrap();
    assert!(restored.join("server-key").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_changed_and_removed_by_owners_and_never_sends_its_password_elsewhere() {
    let (_at, repository) = place();
    let backed = Backed::set_up(&repository, "/nowhere/{login}").await;
    let (_elsewhere, other_repository) = place();
    let other = Backed::set_up(&other_repository, "/nowhere/{login}").await;
    let api = &backed.owner;
    let rclone = Rclone::start(RcloneMode::Rest).await.unwrap();
    add(&other.owner, &target(rest(rclone.port()), Some(PASSWORD))).await;
    let copied = outcome(done(&other.owner, &NewBackupJob::Copy { target: None }).await);
    assert!(copied[0].trouble.is_none(), "{copied:?}");

    // Where another repository lies, nothing is written.
    let mine = add(api, &target(rest(rclone.port()), Some(PASSWORD))).await;
    let refused = outcome(done(api, &NewBackupJob::Copy { target: Some(mine.id.clone()) }).await);
    assert_eq!(refused[0].trouble.as_ref().map(|it| it.what), Some(TargetObstacle::Foreign));
    let shown = backups(api).await.targets.remove(0);
    assert!(shown.copied_at.is_none() && shown.trouble.is_some() && shown.has_secret, "{shown:?}");
    restic_check(&other, &rclone.files().join("mail").display().to_string());

    let path = format!("{TARGETS}/{}", mine.id);
    let url = format!("http://127.0.0.1:{}/another", rclone.port());
    let place = TargetPlace::Rest { url, user: Some(USER.to_owned()) };
    let kept = change(api, &mine.id, &target(place, None)).await;
    assert!(kept.has_secret && kept.trouble.is_none());
    let copied = outcome(done(api, &NewBackupJob::Copy { target: None }).await);
    assert!(copied[0].trouble.is_none(), "{copied:?}");
    let elsewhere = target(rest(free_port()), None);
    let lost = change(api, &mine.id, &elsewhere).await;
    assert!(!lost.has_secret && lost.copied_at.is_none());
    let answer = api.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let answer = api.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(rclone.files().join("another/config").exists(), "what lies there stays");
    let audit: AuditPage = api.get("/v1/audit").await.unwrap();
    for action in ["backup.target_add", "backup.target_change", "backup.target_remove"] {
        assert!(audit.entries.iter().any(|entry| entry.action == action), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_killed_goes_on_by_itself() {
    let (at, repository) = place();
    let mail = at.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 2000);
    let mut backed = Backed::set_up(&repository, &format!("{}/{{login}}", mail.display())).await;
    let rclone = Rclone::start(RcloneMode::Rest).await.unwrap();
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let slow = BackupTargetChange { limit: Some(Bytes(1024)), ..target(rest(rclone.port()), Some(PASSWORD)) };
    let added = add(&backed.owner, &slow).await;
    let copy = NewBackupJob::Copy { target: None };
    let begun: BackupJob = backed.owner.post("/v1/backups/jobs", &copy).await.unwrap();
    let has_packs = wait::until("no pack is copied", PATIENCE, async || {
        let files = backups(&backed.owner).await.running.filter(|it| it.id == begun.id)?.progress.files;
        (files >= 2).then_some(())
    });
    has_packs.await.unwrap();
    change(&backed.owner, &added.id, &target(rest(rclone.port()), None)).await;
    backed.service.kill();
    let snapshots = rclone.files().join("mail/snapshots");
    assert!(!snapshots.exists() || fs::read_dir(&snapshots).unwrap().next().is_none());
    backed.service.run().await.unwrap();
    let job = ended(&backed.owner, &begun).await;
    assert!(matches!(job.outcome, Some(BackupOutcome::Failed { .. })), "{job:?}");
    let targets = all_copied(&backed.owner).await;
    assert!(targets[0].trouble.is_none(), "{targets:?}");
    let job = backups(&backed.owner)
        .await
        .jobs
        .into_iter()
        .find(|job| job.outcome.as_ref().is_some_and(|it| matches!(it, BackupOutcome::Copied(_))));
    let gone_on = outcome(job.unwrap());
    assert!(
        u64::from(gone_on[0].files) > 0 && gone_on[0].bytes.0 < targets[0].size.unwrap().0,
        "{gone_on:?}"
    );
    restic_check(&backed, &rclone.files().join("mail").display().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_far_behind_is_told_until_it_has_a_copy() {
    let (at, repository) = place();
    let mail = at.path().join("mail");
    fs::create_dir(&mail).unwrap();
    fill(&mail.join("anna@example.org"), 10);
    let (clock, pattern) = (MovedClock::new().unwrap(), format!("{}/{{login}}", mail.display()));
    let mut backed = Backed::set_up_with(&repository, &pattern, clock.env()).await;
    let disk = at.path().join("second-disk");
    fs::create_dir(&disk).unwrap();
    done(&backed.owner, &NewBackupJob::BackUp).await;
    let added = add(&backed.owner, &target(folder(&disk), None)).await;
    fs::remove_dir(&disk).unwrap();
    let state = async |api: &Api| {
        let mut alerts = api.alerts().await.unwrap().into_iter();
        alerts.find(|alert| alert.kind == AlertKind::CopyMissed).map(|alert| alert.state)
    };
    assert_eq!(state(&backed.owner).await, None);
    backed.service.stop();
    clock.set_ahead(Duration::from_hours(60)).unwrap();
    backed.service.run().await.unwrap();
    let open = wait::until("the alert is not raised", PATIENCE, async || {
        (state(&backed.owner).await == Some(AlertState::Open)).then_some(())
    });
    open.await.unwrap();
    assert!(backups(&backed.owner).await.targets[0].overdue);
    fs::create_dir(&disk).unwrap();
    backed.is_free().await;
    let copied = outcome(done(&backed.owner, &NewBackupJob::Copy { target: Some(added.id) }).await);
    assert!(copied[0].trouble.is_none(), "{copied:?}");
    let settled = wait::until("the alert is not settled", PATIENCE, async || {
        (state(&backed.owner).await == Some(AlertState::Resolved)).then_some(())
    });
    settled.await.unwrap();
}
