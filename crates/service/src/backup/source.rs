//! Everything that goes into a snapshot, in the order of its paths: the database, the wrapped server key, the mail, then
//! the manifest, which counts the mail, and the state.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mailcup_snapshots::{BackupSource, SourceEntry};
use sha2::{Digest as _, Sha256};

use super::{
    BackupError,
    mail_pattern::{MailPattern, Place},
    manifest::{self, LeftOut, MANIFEST, MailPart, Mailbox, Manifest, STATE, UnixOwner},
    state::{self, Records},
    walk::{Rules, Step, Walk},
};
use crate::clock::Clock;

/// So many things that aren't backed up are named; more are counted.
const NAMED: usize = 100;

/// What is backed up. It can be gone through once.
#[derive(Debug)]
pub struct Contents {
    pub shared: Arc<Shared>,
    open: Mutex<Option<Open>>,
    expected: Option<(u64, u64)>,
}

/// What the one who goes through it tells to the one who waits.
#[derive(Debug, Default)]
pub struct Shared {
    failed: AtomicBool,
    failure: Mutex<Option<BackupError>>,
    manifest: Mutex<Option<Manifest>>,
}

/// What the one who goes through it needs.
#[derive(Debug)]
struct Open {
    staging: PathBuf,
    mail: Option<MailPattern>,
    manifest: Manifest,
    records: Records,
    clock: Clock,
}

impl Contents {
    /// `manifest` and `records` are those of the state, which is in the staging folder already; `expected` is about how
    /// many bytes and files there will be.
    pub fn new(
        staging: &Path,
        mail: Option<MailPattern>,
        manifest: Manifest,
        records: Records,
        clock: Clock,
        expected: Option<(u64, u64)>,
    ) -> Self {
        let open = Open { staging: staging.to_owned(), mail, manifest, records, clock };
        Self { shared: Arc::default(), open: Mutex::new(Some(open)), expected }
    }
}

impl Shared {
    /// Whether the source can't go on: then nothing of it may become a snapshot.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub fn take_failure(&self) -> Option<BackupError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The manifest as it went into the snapshot.
    pub fn take_manifest(&self) -> Option<Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, error: BackupError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }
}

impl BackupSource for Contents {
    fn entries(&self) -> Box<dyn Iterator<Item = SourceEntry> + Send> {
        let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            self.shared
                .fail(BackupError::io(Path::new(STATE), io::Error::other("it was gone through already")));
            return Box::new(std::iter::empty());
        };
        let staging = open.staging.clone();
        let staged = {
            let (staging, shared) = (staging.clone(), Arc::clone(&self.shared));
            move |folder: &str| staged(&staging, folder, Arc::clone(&shared))
        };
        let before = staged("database").chain(staged("keys"));
        let mail = Mail::new(open, Arc::clone(&self.shared));
        // Not there before the mail is at its end.
        let after = std::iter::once_with(move || {
            let manifest = Walk::file(staging.join(MANIFEST), MANIFEST.into());
            manifest.into_iter().chain(staged(STATE))
        });
        Box::new(before.chain(mail).chain(after.flatten()))
    }

    fn expected(&self) -> Option<(u64, u64)> {
        self.expected
    }
}

/// The files of a folder of the staging folder, all of which must be readable.
fn staged(
    staging: &Path,
    folder: &str,
    shared: Arc<Shared>,
) -> impl Iterator<Item = SourceEntry> + Send + use<> {
    Walk::new(staging.join(folder), folder.into(), Rules::All).filter_map(move |step| match step {
        Step::File(found) => Some(found.entry),
        Step::MailFolder(_) => None,
        Step::LeftOut(path, why) => {
            shared.fail(BackupError::io(&path, io::Error::other(why)));
            None
        }
    })
}

/// Goes through the mail of every account; at its end it writes the manifest.
struct Mail {
    open: Open,
    shared: Arc<Shared>,
    part: MailPart,
    list: Sha256,
    names: UnixNames,
    /// None before the first look.
    places: Option<std::vec::IntoIter<Place>>,
    current: Option<(Mailbox, Walk)>,
    is_over: bool,
}

impl Mail {
    fn new(open: Open, shared: Arc<Shared>) -> Self {
        Self {
            part: MailPart::new(
                open.mail.as_ref().map(ToString::to_string).unwrap_or_default(),
                open.clock.now(),
            ),
            open,
            shared,
            list: Sha256::new(),
            names: UnixNames::default(),
            places: None,
            current: None,
            is_over: false,
        }
    }

    fn advance(&mut self) -> Result<Option<SourceEntry>, BackupError> {
        loop {
            if let Some((mailbox, walk)) = &mut self.current {
                match walk.next() {
                    Some(Step::File(found)) => {
                        let entry = found.entry;
                        mailbox.files += 1;
                        mailbox.messages += u64::from(found.is_message);
                        mailbox.bytes += entry.size;
                        self.list.update(entry.path.as_os_str().as_encoded_bytes());
                        self.list.update(format!("\0{}\0{}\n", entry.size, entry.modified));
                        return Ok(Some(entry));
                    }
                    Some(Step::MailFolder(folder)) => mailbox.folders.push(folder.display().to_string()),
                    Some(Step::LeftOut(path, why)) => leave_out(&mut self.part, &path, why),
                    None => self.finish_mailbox()?,
                }
            } else if self.places.is_none() {
                self.look()?;
            } else if let Some(place) = self.places.as_mut().and_then(Iterator::next) {
                self.begin(&place);
            } else {
                self.finish()?;
                return Ok(None);
            }
        }
    }

    /// Finds all accounts' folders.
    fn look(&mut self) -> Result<(), BackupError> {
        self.part.from = self.open.clock.now();
        let mut places = Vec::new();
        if let Some(pattern) = &self.open.mail {
            let part = &mut self.part;
            let mut refused = |path: &Path, error: &io::Error| leave_out(part, path, error.to_string());
            places = pattern
                .places(&mut refused)
                .map_err(|source| BackupError::MailRoot { root: pattern.root().to_owned(), source })?;
        }
        // In the order of their paths in the snapshot.
        places.sort_by_cached_key(|place| PathBuf::from(manifest::mail_folder(&place.owner)));
        self.places = Some(places.into_iter());
        Ok(())
    }

    fn begin(&mut self, place: &Place) {
        if let Err(why) = is_maildir(&place.path) {
            if let Some(why) = why {
                leave_out(&mut self.part, &place.path, why);
            }
            return;
        }
        let unix_owner = match fs::metadata(&place.path) {
            Ok(found) => self.names.owner(found.uid(), found.gid()),
            Err(error) => return leave_out(&mut self.part, &place.path, error.to_string()),
        };
        let login = place.owner.login();
        let mailbox = Mailbox { login, messages: 0, files: 0, bytes: 0, folders: Vec::new(), unix_owner };
        let in_snapshot = manifest::mail_folder(&place.owner).into();
        self.current = Some((mailbox, Walk::new(place.path.clone(), in_snapshot, Rules::Maildir)));
    }

    fn finish_mailbox(&mut self) -> Result<(), BackupError> {
        let Some((mailbox, _)) = self.current.take() else { return Ok(()) };
        self.part.accounts += 1;
        self.part.files += mailbox.files;
        self.part.messages += mailbox.messages;
        self.part.bytes += mailbox.bytes;
        self.open.records.put(&manifest::record_path("mailboxes", &mailbox.login), &mailbox)
    }

    fn finish(&mut self) -> Result<(), BackupError> {
        let open = &mut self.open;
        let mut manifest = open.manifest.clone();
        if open.mail.is_some() {
            self.part.until = open.clock.now();
            self.part.sha256 = state::hex(&self.list.finalize_reset());
            manifest.mail = Some(self.part.clone());
        }
        manifest.state.sha256 = open.records.digest();
        let path = open.staging.join(MANIFEST);
        let failed = |error| BackupError::io(&path, error);
        let text = state::sorted_json(&manifest).map_err(|error| failed(error.into()))?;
        fs::write(&path, text).map_err(failed)?;
        *self.shared.manifest.lock().unwrap_or_else(PoisonError::into_inner) = Some(manifest);
        Ok(())
    }
}

impl Iterator for Mail {
    type Item = SourceEntry;

    fn next(&mut self) -> Option<SourceEntry> {
        if self.is_over {
            return None;
        }
        let entry = self.advance().unwrap_or_else(|error| {
            self.shared.fail(error);
            None
        });
        self.is_over = entry.is_none();
        entry
    }
}

/// Why a place of mail isn't backed up; none of one that was never used.
fn is_maildir(path: &Path) -> Result<(), Option<String>> {
    if path.join("cur").is_dir() {
        return Ok(());
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Some("it is a file; only Maildir is backed up yet, no mbox".to_owned()));
        }
        Err(error) => return Err(Some(error.to_string())),
    };
    let names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    if names.is_empty() {
        return Err(None);
    }
    let is_dbox = names.iter().any(|name| name == "mailboxes" || name == "storage" || name == "dbox-Mails");
    Err(Some(if is_dbox {
        "it is in Dovecot's dbox format; only Maildir is backed up yet".to_owned()
    } else {
        "it is no Maildir (it has no cur); only Maildir is backed up yet".to_owned()
    }))
}

fn leave_out(part: &mut MailPart, path: &Path, why: String) {
    let path = path.display().to_string();
    tracing::warn!(path, why, "mail is left out of the backup");
    part.left_out_count += 1;
    if part.left_out.len() < NAMED {
        part.left_out.push(LeftOut { path, why });
    }
}

/// Names of users and groups, each looked up once.
#[derive(Debug, Default)]
struct UnixNames {
    users: Option<HashMap<u32, String>>,
    groups: Option<HashMap<u32, String>>,
}

impl UnixNames {
    fn owner(&mut self, uid: u32, gid: u32) -> UnixOwner {
        let users = self.users.get_or_insert_with(|| names_by_number("/etc/passwd"));
        let groups = self.groups.get_or_insert_with(|| names_by_number("/etc/group"));
        UnixOwner { uid, gid, user: users.get(&uid).cloned(), group: groups.get(&gid).cloned() }
    }
}

/// From a file of lines `name:…:number:…`.
pub fn names_by_number(file: &str) -> HashMap<u32, String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(line).collect()
}
