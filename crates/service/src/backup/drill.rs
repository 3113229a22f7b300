//! The rehearsal of a disaster: the newest snapshot is restored into a scratch folder, a second `mailcupd` is started on
//! it, and what came back is compared with what the snapshot promises and with what is there now.

mod second;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use mailcup_snapshots::{Directory, Entry, Error, Existing, Repository, Snapshot, Watch};
use mailcup_wire::{DrillCheck, DrillCheckKind, DrillReport, SnapshotId, Time};
use tokio::runtime::Handle;

use self::second::Second;
pub use self::second::{Started, own_program};
use super::{
    BackupError,
    disk::{free, megabytes, remove},
    jobs::whole,
    keys::WrappedServerKey,
    mail_pattern::{MailPattern, Owner},
    manifest::{DATABASE, MAIL, Manifest, NO_DOMAIN, SERVER_KEY},
    open_repository,
    restore::{RestoreError, check_database, manifest_of, read_file},
    run,
    state::{self, Hashing},
};
use crate::{config::BackupConfig, store::copy::Counts};

/// Messages that are compared, picked at random.
const SAMPLE: usize = 1000;

/// What stays free on the disk.
const RESERVE: u64 = 64 << 20;

/// What to do about a failed check, where nothing better is known.
const ADVICE: &str = "Prove the repository (names, structure, all data); if it is whole, make a new snapshot and \
                      rehearse again.";

/// Rehearses. Blocks for as long as it takes; `runtime` is for the database.
///
/// # Errors
/// If it can't be rehearsed at all, or when it is cancelled. What doesn't come back as it should is a failed check.
pub fn drill(
    runtime: &Handle,
    data_dir: &Path,
    config: &BackupConfig,
    by: &Started<'_>,
    watch: &dyn Watch,
) -> Result<DrillReport, BackupError> {
    let begun = Instant::now();
    let scratch = Scratch::begin(data_dir)?;
    let repository = open_repository(data_dir, config)?;
    let mut ours = repository.snapshots()?.snapshots;
    ours.retain(run::is_ours);
    let snapshot = ours.pop().ok_or_else(|| {
        BackupError::Unclear("there is no snapshot yet; make one, then rehearse".to_owned())
    })?;
    let mut report = DrillReport {
        snapshot: SnapshotId(snapshot.id.to_string()),
        snapshot_at: Time::from(snapshot.time),
        seconds: 0.0,
        checks: Vec::new(),
    };
    let rehearsal =
        Rehearsal { runtime, repository: &repository, snapshot: &snapshot, scratch: &scratch, watch };
    let manifest = match manifest_of(&repository, &snapshot).map_err(BackupError::from_restore) {
        Ok(manifest) => manifest,
        Err(error) => {
            report.checks.push(failed(DrillCheckKind::Restored, &error.to_string()));
            report.seconds = begun.elapsed().as_secs_f64();
            return Ok(report);
        }
    };
    must_fit(data_dir, &manifest)?;
    let restored = rehearsal.restore(&manifest, by)?;
    let has_database = restored.has_database;
    report.checks.push(restored.check);
    if has_database {
        let answered = rehearsal.start(by, &manifest, restored.messages)?;
        report.seconds = begun.elapsed().as_secs_f64();
        report.checks.extend(answered);
    } else {
        report.seconds = begun.elapsed().as_secs_f64();
    }
    report.checks.push(rehearsal.compare(config.mail.as_ref())?);
    Ok(report)
}

/// Removes what a rehearsal left that was killed.
pub fn tidy(data_dir: &Path) -> io::Result<()> {
    let path = data_dir.join(FOLDER);
    if !path.exists() {
        return Ok(());
    }
    match lock(data_dir) {
        Ok(_held) => remove(&path),
        // By the shell's, right now.
        Err(BackupError::Busy) => Ok(()),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

const FOLDER: &str = "backup-drill";

/// The folder in which a service comes back; it goes with this value.
struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    fn begin(data_dir: &Path) -> Result<Self, BackupError> {
        let lock = lock(data_dir)?;
        let path = data_dir.join(FOLDER);
        let failed = |error| BackupError::io(&path, error);
        remove(&path).map_err(failed)?;
        DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        let scratch = Self { path: path.clone(), _lock: lock };
        DirBuilder::new().mode(0o700).create(scratch.data()).map_err(failed)?;
        Ok(scratch)
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    fn mail(&self) -> PathBuf {
        self.path.join(MAIL)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the scratch folder stays until the next start");
        }
    }
}

fn lock(data_dir: &Path) -> Result<File, BackupError> {
    let path = data_dir.join("backup-drill.lock");
    let failed = |error| BackupError::io(&path, error);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => BackupError::Busy,
        TryLockError::Error(error) => failed(error),
    })?;
    Ok(lock)
}

fn must_fit(data_dir: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let mail = manifest.mail.as_ref().map_or(0, |mail| mail.bytes);
    let needed = 2 * manifest.database.bytes + mail + RESERVE;
    let free = free(data_dir).map_err(|error| BackupError::io(data_dir, error))?;
    if free >= needed {
        return Ok(());
    }
    Err(BackupError::Room { at: data_dir.to_owned(), needed: megabytes(needed), free: megabytes(free) })
}

struct Rehearsal<'a> {
    runtime: &'a Handle,
    repository: &'a Repository,
    snapshot: &'a Snapshot,
    scratch: &'a Scratch,
    watch: &'a dyn Watch,
}

struct Back {
    check: DrillCheck,
    has_database: bool,
    messages: u64,
}

impl Rehearsal<'_> {
    /// Brings back database, key and mail.
    fn restore(&self, manifest: &Manifest, by: &Started<'_>) -> Result<Back, BackupError> {
        let mut troubles = Vec::new();
        let database = self
            .restore_database(manifest, by)
            .or_else(|error| self.trouble(error, "the database", &mut troubles))?;
        let mut files = u64::from(database.is_some());
        let mail = self.restore_mail().or_else(|error| self.trouble(error, "the mail", &mut troubles))?;
        if let Some(mail) = &mail {
            files += mail.files;
            troubles.extend(mail.troubles.iter().map(|it| format!("{}: {}", it.path.display(), it.why)));
        }
        let check = if let Some(first) = troubles.first() {
            let message =
                format!("{} things did not come back; the first: {first}. {ADVICE}", troubles.len());
            DrillCheck { check: DrillCheckKind::Restored, passed: false, looked_at: whole(files), message }
        } else {
            let message =
                "The database is sound and what the manifest says; all mail of the snapshot is back."
                    .to_owned();
            DrillCheck { check: DrillCheckKind::Restored, passed: true, looked_at: whole(files), message }
        };
        let messages = if mail.is_some() { count_messages(&self.scratch.mail()) } else { 0 };
        Ok(Back { check, has_database: database.is_some(), messages })
    }

    /// What is damaged is a failed check; a cancel or a full disk ends the rehearsal.
    fn trouble<T>(
        &self,
        error: BackupError,
        what: &str,
        troubles: &mut Vec<String>,
    ) -> Result<Option<T>, BackupError> {
        if error.ends_everything() || self.watch.cancelled() {
            return Err(if self.watch.cancelled() { Error::Cancelled.into() } else { error });
        }
        troubles.push(format!("{what}: {error}"));
        Ok(None)
    }

    fn restore_database(&self, manifest: &Manifest, by: &Started<'_>) -> Result<Option<()>, BackupError> {
        let data = self.scratch.data();
        let sealed =
            read_file(self.repository, self.snapshot, SERVER_KEY).map_err(BackupError::from_restore)?;
        let sealed: WrappedServerKey =
            serde_json::from_slice(&sealed).map_err(|error| BackupError::Unclear(error.to_string()))?;
        if sealed.fingerprint != by.server_key.fingerprint() {
            return Err(BackupError::ServerKeyChanged);
        }
        by.give_key(&data)?;
        let path = data.join("mailcup.db");
        let failed = |error| BackupError::io(&path, error);
        let entry = self.repository.entry(self.snapshot, Path::new(DATABASE))?;
        self.repository.export(&entry, &mut File::create_new(&path).map_err(failed)?)?;
        let (_, sha256) = run::digest(&path).map_err(failed)?;
        if sha256 != manifest.database.sha256 {
            return Err(BackupError::Unclear("its SHA-256 isn't what the manifest says".to_owned()));
        }
        self.runtime.block_on(check_database(&path, manifest)).map_err(BackupError::from_restore)?;
        Ok(Some(()))
    }

    fn restore_mail(&self) -> Result<Option<mailcup_snapshots::Restored>, BackupError> {
        let mail = self.scratch.mail();
        let sink = Directory::new(&mail, Existing::Replace).map_err(|error| BackupError::io(&mail, error))?;
        match self.repository.restore(self.snapshot, Path::new(MAIL), &sink, self.watch) {
            Err(Error::NotFound { .. }) => Ok(Some(mailcup_snapshots::Restored::default())),
            done => Ok(Some(done?)),
        }
    }

    /// Starts a service on what came back, and compares what it counts with the manifest.
    fn start(
        &self,
        by: &Started<'_>,
        manifest: &Manifest,
        messages: u64,
    ) -> Result<Vec<DrillCheck>, BackupError> {
        let second = Second::start(by, &self.scratch.data(), self.watch);
        let counts = second.and_then(|second| second.counts(self.runtime));
        if self.watch.cancelled() {
            return Err(Error::Cancelled.into());
        }
        match counts {
            Ok(counts) => {
                let started = DrillCheck {
                    check: DrillCheckKind::Started,
                    passed: true,
                    looked_at: 1,
                    message: "A second service started on the restored database and answered.".to_owned(),
                };
                Ok(vec![started, counted(&counts, manifest, messages)])
            }
            Err(why) => Ok(vec![failed(
                DrillCheckKind::Started,
                &format!("no service runs on the restored database: {why}"),
            )]),
        }
    }

    /// Compares messages with the repository, and with the mail as it lies there now.
    fn compare(&self, pattern: Option<&MailPattern>) -> Result<DrillCheck, BackupError> {
        let files = match self.repository.files(self.snapshot, self.watch) {
            Ok(files) => files,
            Err(Error::Damaged(fault)) => return Ok(failed(DrillCheckKind::Messages, &fault.to_string())),
            Err(error) => return Err(error.into()),
        };
        let messages = files.into_iter().filter(|file| is_message(&file.path));
        let sample = pick(messages.map(|file| (file.path, file.entry)).collect());
        let (mut looked_at, mut live, mut wrong) = (0, 0, Vec::new());
        for (path, entry) in &sample {
            if self.watch.cancelled() {
                return Err(Error::Cancelled.into());
            }
            looked_at += 1;
            match self.compare_one(path, entry, pattern) {
                Ok(was_there) => live += u32::from(was_there),
                Err(why) => wrong.push(format!("{}: {why}", path.display())),
            }
        }
        let message = match wrong.first() {
            Some(first) => format!(
                "{} of {looked_at} messages are not the same; the first: {first}. {ADVICE}",
                wrong.len()
            ),
            None => format!(
                "{looked_at} messages picked at random are byte for byte those of the repository; {live} of them lie \
                 unchanged in their mailboxes, and are the same there."
            ),
        };
        Ok(DrillCheck { check: DrillCheckKind::Messages, passed: wrong.is_empty(), looked_at, message })
    }

    /// Answers whether the message lies unchanged in its mailbox.
    fn compare_one(&self, path: &Path, entry: &Entry, pattern: Option<&MailPattern>) -> Result<bool, String> {
        let mut hashing = Hashing::new(io::sink());
        self.repository.export(entry, &mut hashing).map_err(|error| error.to_string())?;
        let expected = state::hex(&hashing.digest());
        let restored =
            run::digest(&self.scratch.path.join(path)).map_err(|error| format!("not restored: {error}"))?;
        if restored.1 != expected {
            return Err("it was not restored as it is in the repository".to_owned());
        }
        let Some(place) = pattern.and_then(|pattern| live(pattern, path)) else { return Ok(false) };
        let unchanged = fs::metadata(&place).is_ok_and(|found| {
            let modified = found.modified().ok().and_then(|at| jiff::Timestamp::try_from(at).ok());
            found.len() == entry.size && modified == entry.modified
        });
        if !unchanged {
            return Ok(false);
        }
        match run::digest(&place) {
            Ok((_, found)) if found == expected => Ok(true),
            Ok(_) => {
                Err("it has another content than the message in its mailbox, which was not changed since"
                    .to_owned())
            }
            // Moved this very moment.
            Err(_) => Ok(false),
        }
    }
}

/// Compares what a service counts with what the snapshot says of itself.
fn counted(counts: &Counts, manifest: &Manifest, messages: u64) -> DrillCheck {
    let state = &manifest.state;
    let mail = manifest.mail.as_ref();
    let pairs = [
        ("accounts", counts.accounts, state.accounts),
        ("access rules", counts.access_rules, state.access_rules),
        ("sending limits", counts.sending_limits, state.sending_limits),
        ("admins", counts.admins, state.admins),
    ];
    let mut wrong: Vec<String> = pairs
        .iter()
        .filter(|(_, found, expected)| found != expected)
        .map(|(what, found, expected)| format!("{found} {what}, the manifest says {expected}"))
        .collect();
    // Those that were deleted while the backup ran were listed and aren't there.
    let listed = mail.map_or(0, |mail| mail.messages);
    if messages > listed || (listed - messages) * 100 > listed {
        wrong.push(format!("{messages} messages, the manifest says {listed}"));
    }
    let looked_at = whole(pairs.iter().map(|(_, found, _)| found).sum::<u64>() + messages);
    let message = if wrong.is_empty() {
        let list = pairs.map(|(what, found, _)| format!("{found} {what}")).join(", ");
        let gone = match listed - messages {
            0 => String::new(),
            gone => format!(" ({gone} were deleted while the backup ran)"),
        };
        format!("As the manifest says: {list}, {messages} messages{gone}.")
    } else {
        format!("The restored service has {}. {ADVICE}", wrong.join("; "))
    };
    DrillCheck { check: DrillCheckKind::Counted, passed: wrong.is_empty(), looked_at, message }
}

fn failed(check: DrillCheckKind, why: &str) -> DrillCheck {
    let message = format!("{}. {ADVICE}", super::jobs::sentence(why).trim_end_matches('.'));
    DrillCheck { check, passed: false, looked_at: 0, message }
}

/// At most [`SAMPLE`] of them, each as likely as any other.
fn pick<T>(mut all: Vec<T>) -> Vec<T> {
    let wanted = all.len().min(SAMPLE);
    for index in 0..wanted {
        let other = rand::random_range(index..all.len());
        all.swap(index, other);
    }
    all.truncate(wanted);
    all
}

fn is_message(path: &Path) -> bool {
    let is_part = path.parent().is_some_and(|part| part.ends_with("cur") || part.ends_with("new"));
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    path.starts_with(MAIL) && is_part && !is_hidden
}

/// Where a message of a snapshot lies in its mailbox.
fn live(pattern: &MailPattern, path: &Path) -> Option<PathBuf> {
    let mut parts = path.strip_prefix(MAIL).ok()?.components();
    let mut name = || parts.next().and_then(|part| part.as_os_str().to_str()).map(str::to_owned);
    let (domain, user) = (name()?, name()?);
    name()?;
    let owner = Owner { domain: Some(domain).filter(|domain| domain != NO_DOMAIN), user };
    Some(pattern.root().join(pattern.place_of(&owner)?).join(parts.as_path()))
}

fn count_messages(mail: &Path) -> u64 {
    let mut count = 0;
    let mut waiting = vec![mail.to_owned()];
    while let Some(folder) = waiting.pop() {
        let is_part = folder.ends_with("cur") || folder.ends_with("new");
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            } else {
                count += u64::from(is_part && !entry.file_name().as_encoded_bytes().starts_with(b"."));
            }
        }
    }
    count
}

impl BackupError {
    fn from_restore(error: RestoreError) -> Self {
        match error {
            RestoreError::Backup(error) => error,
            other => Self::Unclear(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::manifest::{DatabasePart, FORMAT, MailPart, StatePart};

    fn manifest(messages: u64) -> Manifest {
        let now = Time::from_millis(0);
        Manifest {
            format: FORMAT,
            version: String::new(),
            organization: None,
            database: DatabasePart { at: now, schema: 1, bytes: 0, sha256: String::new() },
            state: StatePart {
                accounts: 5,
                access_rules: 2,
                sending_limits: 1,
                admins: 1,
                ..StatePart::default()
            },
            mail: Some(MailPart { messages, ..MailPart::new(String::new(), now) }),
        }
    }

    #[test]
    fn what_was_deleted_while_the_backup_ran_is_no_loss_and_anything_else_is_named() {
        let counts =
            Counts { accounts: 5, access_rules: 2, sending_limits: 1, admins: 1, alerts: 9, events: 99 };
        let check = counted(&counts, &manifest(1000), 998);
        assert!(check.passed && check.message.contains("2 were deleted"), "{}", check.message);
        assert!(!counted(&counts, &manifest(1000), 1001).passed);
        assert!(!counted(&counts, &manifest(1000), 900).passed);
        let check = counted(&Counts { access_rules: 1, ..counts }, &manifest(10), 10);
        assert!(
            !check.passed && check.message.contains("1 access rules, the manifest says 2"),
            "{}",
            check.message
        );
    }

    #[test]
    fn a_sample_holds_each_once() {
        assert_eq!(pick(vec![1, 2, 3]).len(), 3);
        let picked: std::collections::BTreeSet<_> = pick((0..5000).collect()).into_iter().collect();
        assert_eq!(picked.len(), SAMPLE);
    }

    #[test]
    fn a_message_is_found_where_it_lies_now() {
        let pattern: MailPattern = "/v/{login}".parse().unwrap();
        let path = Path::new("mail/example.org/anna/Maildir/.Sent/cur/1.a:2,S");
        assert_eq!(live(&pattern, path), Some("/v/anna@example.org/.Sent/cur/1.a:2,S".into()));
        assert!(is_message(path) && !is_message(Path::new("mail/_/anna/Maildir/dovecot-uidlist")));
    }
}
