//! Backups of a real service beside a real Dovecot, with Debian's restic as witness.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

mod disaster;
mod drill;
mod interrupted;
mod repo;
mod restore_interrupted;
mod restore_mail;
mod service;
mod targets;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use mailcup_lab::service::{Api, Service, ServiceConfig};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A service whose configuration names a repository and a folder of mail.
pub struct Backed {
    pub service: Service,
    pub owner: Api,
    pub repository: PathBuf,
    pub phrase: String,
}

impl Backed {
    /// Sets service and backups up.
    pub async fn set_up(repository: &Path, mail: &str) -> Self {
        Self::set_up_with(repository, mail, Vec::new()).await
    }

    /// The same, with further variables of the environment.
    pub async fn set_up_with(repository: &Path, mail: &str, further: Vec<(String, String)>) -> Self {
        let env = |key: &str, value: &str| (format!("MAILCUP_BACKUP_{key}"), value.to_owned());
        let mut env = vec![env("REPOSITORY", repository.to_str().unwrap()), env("MAIL", mail)];
        env.extend(further);
        let service = Service::start(ServiceConfig {
            program: Some(env!("CARGO_BIN_EXE_mailcupd").into()),
            env,
            ..ServiceConfig::default()
        })
        .await
        .unwrap();
        let owner = service.set_up().await.unwrap();
        let mut backed = Self { service, owner, repository: repository.to_owned(), phrase: String::new() };
        let said = backed.backup(&["init"]).await.unwrap();
        let phrase = said.lines().map(str::trim).find(|line| line.split('-').count() == 9);
        phrase.unwrap().clone_into(&mut backed.phrase);
        backed
    }

    /// `mailcupd backup …` on this service's data folder.
    pub async fn backup(&self, arguments: &[&str]) -> Result<String, String> {
        let data_dir = self.service.data_dir().to_str().unwrap();
        let all = [&["backup"], arguments, &["--data-dir", data_dir]].concat();
        self.service.command(&all).await.map_err(|error| error.to_string())
    }

    /// A snapshot, as `backup run --json` tells of it.
    pub async fn run(&self) -> Value {
        serde_json::from_str(&self.backup(&["run", "--json"]).await.unwrap()).unwrap()
    }

    /// Waits until no work is under way.
    pub async fn is_free(&self) {
        let free = mailcup_lab::wait::until("work is under way", service::PATIENCE, async || {
            service::backups(&self.owner).await.running.is_none().then_some(())
        });
        free.await.unwrap();
    }

    /// `mailcupd backup restore` with the phrase.
    pub async fn restore(&self, arguments: &[&str]) -> Result<String, String> {
        self.restore_with(&self.phrase, arguments).await
    }

    pub async fn restore_with(&self, phrase: &str, arguments: &[&str]) -> Result<String, String> {
        let from = ["backup", "restore", "--from", self.repository.to_str().unwrap()];
        let all = [&from, arguments].concat();
        self.service.command_with(&all, &format!("{phrase}\n")).await.map_err(|error| error.to_string())
    }

    /// The same under way, as a process that can be killed.
    pub fn restoring(&self, arguments: &[&str]) -> Child {
        let mut running = Command::new(env!("CARGO_BIN_EXE_mailcupd"))
            .args(["backup", "restore", "--from", self.repository.to_str().unwrap()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        writeln!(running.stdin.take().unwrap(), "{}", self.phrase).unwrap();
        running
    }

    /// Debian's restic, which knows of us only the phrase.
    pub fn restic(&self, arguments: &[&str]) -> Output {
        let output = Command::new("restic")
            .arg("-r")
            .arg(&self.repository)
            .args(arguments)
            .env("RESTIC_PASSWORD", &self.phrase)
            .env("RESTIC_CACHE_DIR", self.repository.with_extension("cache"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// Puts so many messages into a Maildir, most of them seen, some elsewhere than in the inbox; each is another.
pub fn fill(maildir: &Path, messages: usize) {
    let above = fs::metadata(maildir.parent().unwrap()).unwrap();
    let folders = ["", ".Sent", ".Archive"];
    for folder in folders {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(folder).join(part)).unwrap();
        }
    }
    let login = maildir.file_name().unwrap().to_str().unwrap();
    for number in 0..messages {
        // The archive stays empty.
        let folder = if number % 10 == 9 { ".Sent" } else { "" };
        let (part, flags) = if number % 7 == 0 { ("new", "") } else { ("cur", ":2,S") };
        let text = format!(
            "From: sender@example.net\r\nTo: {login}\r\nSubject: message {number}\r\n\
             Message-ID: <{number}.{login}>\r\nDate: Sat, 28 Nov 2026 08:00:00 +0000\r\n\r\n{}\r\n",
            format!("Line {number} of what {login} got.\r\n").repeat(5 + number % 40)
        );
        let name = format!("{}.M{number}P1.lab{flags}", 1_790_000_000 + number);
        fs::write(maildir.join(folder).join(part).join(name), text).unwrap();
    }
    own(maildir, above.uid(), above.gid());
}

pub fn own(path: &Path, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path(), uid, gid);
        }
    }
}

/// Every message below a folder: its path, content and owner. What Dovecot changes by itself is left out: its indexes,
/// and where a message stands.
pub fn messages(folder: &Path) -> BTreeMap<PathBuf, (String, u32)> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let kept = |name: &str| path.parent().unwrap().ends_with(name);
            if path.is_dir() {
                waiting.push(path);
            } else if kept("cur") || kept("new") {
                let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(fs::read(&path).unwrap()));
                let owner = path.metadata().unwrap().uid();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), (hash, owner));
            }
        }
    }
    found
}

/// A folder for a repository that isn't there yet.
pub fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("mailcup-backup-").tempdir().unwrap();
    let repository = folder.path().join("repository");
    (folder, repository)
}
