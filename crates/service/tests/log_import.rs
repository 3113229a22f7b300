//! Logs read by the command, into a service that runs and into one that does not; logs that a real Dovecot and Postfix
//! wrote; and what imported events must not do.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use jiff::{SignedDuration, Timestamp};
use mailcup_lab::{
    clients::{MailProtocol, Mechanism, OutgoingMessage, SmtpClient, Source, sign_in},
    mail_servers::{MailServers, MailServersConfig},
    outbox::Outbox,
    service::{Api, Service, ServiceConfig},
    wait,
};
use mailcup_wire::{
    AccountOrigin, AlertState, AuditPage, Event, EventBody, ImportReport, Outcome, Protocol, ReasonCode,
    SignIn, SubmissionOutcome, Time,
};
use tempfile::TempDir;

const MAILCUPD: &str = env!("CARGO_BIN_EXE_mailcupd");
const SOON: Duration = Duration::from_secs(10);

struct Stage {
    service: Service,
    owner: Api,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let config = ServiceConfig { program: Some(MAILCUPD.into()), ..ServiceConfig::default() };
        let service = Service::start(config).await.unwrap();
        let owner = service.set_up().await.unwrap();
        Self { service, owner, folder: tempfile::tempdir().unwrap() }
    }

    fn import(&self, arguments: &[&str]) -> Output {
        let mut command = import_log(self.service.data_dir());
        command.args(arguments).output().unwrap()
    }

    fn report(&self, files: &[&Path]) -> ImportReport {
        let mut command = import_log(self.service.data_dir());
        let output = command.args(["--json", "--time-zone", "UTC"]).args(files).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    async fn imported(&self) -> Vec<Event> {
        imported(&self.owner.all_events(None).await.unwrap())
    }
}

fn import_log(data_dir: &Path) -> Command {
    let mut command = Command::new(MAILCUPD);
    command.arg("import-log").arg("--data-dir").arg(data_dir);
    command
}

fn imported(events: &[Event]) -> Vec<Event> {
    let is_imported = |event: &&Event| {
        let reasons = match &event.body {
            EventBody::SignIn(it) => &it.reasons,
            EventBody::Submission(it) => &it.reasons,
            _ => return false,
        };
        reasons.iter().any(|reason| reason.code == ReasonCode::Imported)
    };
    events.iter().filter(is_imported).cloned().collect()
}

fn sign_ins(events: &[Event]) -> Vec<&SignIn> {
    let sign_ins = events.iter().filter_map(|event| match &event.body {
        EventBody::SignIn(it) => Some(it),
        _ => None,
    });
    sign_ins.collect()
}

/// One failed sign-in a minute up to now, which is far beyond what raises an alert.
fn failures(count: i64, until: Timestamp) -> String {
    let mut log = String::new();
    for number in 0..count {
        let at = until - SignedDuration::from_secs((count - number) * 2);
        let stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(
        log,
            "{stamp} mail dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): \
             user=<anna@example.org>, method=PLAIN, rip=203.0.113.7, lip=192.0.2.1, TLS, session=<f{number}>"
        )
        .unwrap();
    }
    let stamp = until.strftime("%Y-%m-%dT%H:%M:%SZ");
    writeln!(
        log,
        "{stamp} mail dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=203.0.113.7, \
         lip=192.0.2.1, mpid=1, TLS, session=<in>"
    )
    .unwrap();
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_real_servers_log_is_what_happened() {
    let servers = MailServers::start(MailServersConfig::default()).await.unwrap();
    let anna = servers.account("anna").clone();
    let from: Source = "203.0.113.77".parse().unwrap();
    let protocols = [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Sieve];
    for protocol in protocols {
        assert!(
            sign_in(servers.ports(), protocol, from, &anna.login, &anna.password).await.unwrap().accepted
        );
        assert!(!sign_in(servers.ports(), protocol, from, &anna.login, "wrong").await.unwrap().accepted);
        assert!(!sign_in(servers.ports(), protocol, from, "nobody@example.org", "x").await.unwrap().accepted);
    }
    let world: Source = "2001:db8::7".parse().unwrap();
    let wrong =
        sign_in(servers.ports(), MailProtocol::Submission, world, &anna.login, "wrong").await.unwrap();
    assert!(!wrong.accepted);
    let mut smtp = SmtpClient::connect(servers.ports(), world).await.unwrap();
    assert!(smtp.login(Mechanism::Plain, &anna.login, &anna.password).await.unwrap().accepted);
    let recipients = ["ben@example.org".to_owned(), "far@example.com".to_owned()];
    let message = OutgoingMessage { sender: &anna.login, recipients: &recipients, subject: "Hi", body: "x" };
    assert!(smtp.send(message).await.unwrap().accepted());
    let unknown = ["nobody@example.org".to_owned()];
    assert!(!smtp.send(OutgoingMessage { recipients: &unknown, ..message }).await.unwrap().accepted());
    smtp.quit().await.unwrap();

    let stage = Stage::set().await;
    let logs = ["log/dovecot.log", "log/mail.log"].map(|name| servers.folder().join(name));
    let zone = || {
        let mut command = import_log(stage.service.data_dir());
        command.args(["--json", "--dry-run"]).args(&logs);
        serde_json::from_slice::<ImportReport>(&command.output().unwrap().stdout).ok()
    };
    wait::until("the logs did not tell all of it", SOON, async || {
        zone().filter(|report| report.found.accepted == 1 && report.found.failed == 7)
    })
    .await
    .unwrap();
    assert!(stage.imported().await.is_empty(), "a dry run stores nothing");
    let output = stage.import(&["--json", logs[0].to_str().unwrap(), logs[1].to_str().unwrap()]);
    let report: ImportReport = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.not_understood, 0, "{:#?}", report.shapes);

    let events = stage.imported().await;
    let sign_ins = sign_ins(&events);
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Sieve] {
        let mut of_protocol: Vec<_> = sign_ins
            .iter()
            .filter(|it| it.protocol == protocol)
            .map(|it| {
                (it.login.0.as_str(), it.outcome, &*it.reasons[0].text, it.address.unwrap().to_string())
            })
            .collect();
        of_protocol.sort_unstable_by(|a, b| (a.0, a.2).cmp(&(b.0, b.2)));
        let address = || "203.0.113.77".to_owned();
        let expected = [
            ("anna@example.org", Outcome::Succeeded, "The password was right.", address()),
            ("anna@example.org", Outcome::Failed, "The password was wrong.", address()),
            ("nobody@example.org", Outcome::Failed, "There is no such account.", address()),
        ];
        assert_eq!(of_protocol, expected, "{protocol:?}");
    }
    let smtp: Vec<_> = sign_ins.iter().filter(|it| it.protocol == Protocol::Submission).collect();
    let outcomes: Vec<_> = smtp.iter().map(|it| (it.login.0.as_str(), it.outcome)).collect();
    assert_eq!(outcomes, [("anna@example.org", Outcome::Failed), ("anna@example.org", Outcome::Succeeded)]);
    assert!(smtp.iter().all(|it| it.address.unwrap().to_string() == "2001:db8::7"));
    let submissions: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Submission(it) => Some((it.outcome, it.recipients, it.sender.as_deref())),
            _ => None,
        })
        .collect();
    assert!(
        submissions.contains(&(SubmissionOutcome::Accepted, 2, Some("anna@example.org"))),
        "{submissions:?}"
    );
    assert!(
        submissions.iter().any(|(outcome, ..)| *outcome == SubmissionOutcome::Rejected),
        "{submissions:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_lines_are_stored_once_however_they_come() {
    let mut stage = Stage::set().await;
    let day_ago = Timestamp::now() - SignedDuration::from_hours(24);
    let log = failures(5000, day_ago);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let part = |from: usize, until: usize| lines[from..until].concat().into_bytes();

    let old = stage.file("mail.log.1", &part(0, 3000));
    assert_eq!(stage.report(&[&old]).events.stored, 3000);
    assert_eq!(
        stage.report(&[&old]).events,
        mailcup_wire::ImportEvents { known: 3000, ..Default::default() }
    );

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&part(2000, 4000)).unwrap();
    let overlapping = stage.file("mail.log.gz", &gzip.finish().unwrap());
    // Still being written: the last line is cut off.
    let mut cut = part(3500, 5001);
    cut.truncate(cut.len() - 20);
    let current = stage.file("mail.log", &[b"\xff not UTF-8, and no log\r\n".as_slice(), &cut].concat());
    let report = stage.report(&[&current, &overlapping]);
    assert_eq!((report.events.stored, report.events.known), (2000, 1500));
    assert_eq!((report.cut_off, report.not_understood), (1, 1));

    // The service does not run now, and the log went on.
    stage.service.stop();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let whole = stage.file("all.zst", &ruzstd::encoding::compress_to_vec(log.as_bytes(), level));
    let report = stage.report(&[&whole]);
    assert_eq!((report.events.stored, report.events.known, report.cut_off), (1, 5000, 0));
    stage.service.run().await.unwrap();
    assert_eq!(stage.imported().await.len(), 5001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_has_its_own_time_and_alarms_nobody() {
    let mut stage = Stage::set().await;
    let now = Timestamp::now();
    let before = stage.owner.all_events(None).await.unwrap();
    let recent = stage.file("recent.log", failures(300, now).as_bytes());
    let ancient = "Jan  1 10:00:00 mail dovecot: imap-login: Login: user=<a>, rip=203.0.113.7, session=<a>\n";
    let ancient = stage.file("ancient.log", ancient.as_bytes());
    let long_ago = SystemTime::now() - Duration::from_hours(1000 * 24);
    File::options().append(true).open(&ancient).unwrap().set_modified(long_ago).unwrap();
    let report = stage.report(&[&recent, &ancient]);
    assert_eq!((report.events.stored, report.events.too_old), (301, 1));

    let events = stage.owner.all_events(None).await.unwrap();
    let numbers: Vec<_> = events.iter().map(|event| event.id.seq).collect();
    let first = before[0].id.seq;
    assert_eq!(numbers, (first..first + events.len() as u64).collect::<Vec<_>>(), "without gaps");
    let history = imported(&events);
    let oldest = history.iter().map(|event| event.at).min().unwrap();
    assert!(Time::from(now - SignedDuration::from_secs(602)) <= oldest && oldest <= Time::from(now));
    let discovered = events.iter().find_map(|event| match &event.body {
        EventBody::Account(account) => Some(account.clone()),
        _ => None,
    });
    assert_eq!(discovered.map(|account| account.origin), Some(AccountOrigin::Discovered));

    // A start replays what alert rules have seen lately.
    stage.service.stop();
    stage.service.run().await.unwrap();
    let alerts = stage.owner.alerts().await.unwrap();
    assert!(alerts.iter().all(|alert| alert.state != AlertState::Open), "{alerts:?}");
    let mails = Outbox::of(stage.service.data_dir()).mails();
    let told = mails.iter().filter(|mail| fs::read_to_string(mail).unwrap().contains("203.0.113.7"));
    assert_eq!(told.count(), 0, "nobody is told of the past");
    let audit: AuditPage = stage.owner.get("/v1/audit").await.unwrap();
    let entry = audit.entries.iter().find(|entry| entry.action == "log.import").unwrap();
    assert_eq!(entry.target, "recent.log, ancient.log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_takes_a_log_and_says_what_is_none() {
    let stage = Stage::set().await;
    let log = failures(10, Timestamp::now() - SignedDuration::from_hours(1));
    let send = async |path: &str, body: Vec<u8>| {
        let request = stage.owner.request(reqwest::Method::POST, path);
        let response =
            request.header("Content-Type", "application/octet-stream").body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, answer) = send("/v1/imports?name=mail.log", log.clone().into_bytes()).await;
    assert_eq!(status, 200, "{answer}");
    let report: ImportReport = serde_json::from_str(&answer).unwrap();
    assert_eq!((report.events.stored, report.found.failed, report.found.signed_in), (11, 10, 1));
    let (_, answer) = send("/v1/imports?name=mail.log", log.into_bytes()).await;
    let report: ImportReport = serde_json::from_str(&answer).unwrap();
    assert_eq!((report.events.stored, report.events.known), (0, 11));

    let (status, answer) = send("/v1/imports", vec![b'x'; 4_000_000]).await;
    assert_eq!(status, 400);
    assert!(answer.contains("it is no mail log"), "{answer}");
    assert_eq!(send("/v1/imports?time_zone=Nowhere", Vec::new()).await.0, 400);
    assert_eq!(send("/v1/imports?year=3", Vec::new()).await.0, 400);
    let audit: AuditPage = stage.owner.get("/v1/audit").await.unwrap();
    let entries: Vec<_> = audit.entries.iter().filter(|entry| entry.action == "log.import").collect();
    assert!(matches!(entries[..], [entry] if entry.login.is_some()), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_how_it_ended() {
    let stage = Stage::set().await;
    let picture: Vec<u8> = (0..100_000u32).flat_map(u32::to_be_bytes).collect();
    let no_log = stage.file("picture", &picture);
    let log = stage.file("mail.log", failures(3, Timestamp::now()).as_bytes());
    let (no_log, log) = (no_log.to_str().unwrap(), log.to_str().unwrap());
    let output = stage.import(&[no_log, "/does/not/exist", log]);
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("picture: it is no mail log") && told.contains("/does/not/exist: "), "{told}");
    assert_eq!(stage.imported().await.len(), 4, "the others are read");
    assert_eq!(stage.import(&["--time-zone", "Mars/Base", log]).status.code(), Some(2));
    assert_eq!(stage.import(&[]).status.code(), Some(2));

    let mut by_stdin = import_log(stage.service.data_dir());
    by_stdin.args(["--json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = by_stdin.spawn().unwrap();
    running.stdin.take().unwrap().write_all(failures(3, Timestamp::now()).as_bytes()).unwrap();
    assert!(running.wait_with_output().unwrap().status.success());

    // One that waits for more is ended by Ctrl+C.
    let mut waiting = import_log(stage.service.data_dir());
    let mut waiting = waiting.arg("-").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = waiting.stdin.take().unwrap();
    let many = failures(3000, Timestamp::now() - SignedDuration::from_hours(3));
    stdin.write_all(many.as_bytes()).unwrap();
    wait::until("no portion was stored", SOON, async || (stage.imported().await.len() > 2000).then_some(()))
        .await
        .unwrap();
    let pid = rustix::process::Pid::from_raw(waiting.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    // Its input stays open: a log that ends in the same moment would be one that was read to its end.
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    drop(stdin);
}
