//! Chosen messages and folders of a snapshot, put back into mailboxes that are in use.
//!
//! Nothing is ever written over: what lies there with the same content is left as it is, everything else comes under a
//! new name. A message is written into `tmp`, synced, and then renamed into `cur`, so that none is partly there.

mod chosen;
mod folder;
mod names;

use std::{collections::BTreeMap, path::Path};

use mailcup_snapshots::{Error, Progress, Repository, SnapshotId, Watch};
use mailcup_wire::{Bytes, LeftOutFile, MailRestore, MailRestored, RestoreTo};

use self::{
    chosen::{Chosen, Message},
    folder::{Put, TargetFolder},
    names::FolderName,
};
use super::{
    BackupError,
    disk::{free, megabytes},
    mail_pattern::{MailPattern, Owner},
};

/// So many troubles are named; all are counted.
const NAMED: usize = 100;

/// Messages that are synced together before they come under their names.
const BATCH: usize = 256;

/// What stays free on the disk of the mail.
const RESERVE: u64 = 16 << 20;

/// Puts back what was chosen. Blocks for as long as it takes.
///
/// # Errors
/// If nothing can be restored at all, if the disk is full, or when it is cancelled; what is back then stays.
pub fn restore_mail(
    repository: &Repository,
    pattern: &MailPattern,
    wanted: &MailRestore,
    watch: &dyn Watch,
) -> Result<MailRestored, BackupError> {
    let id: SnapshotId = wanted
        .snapshot
        .0
        .parse()
        .map_err(|_| BackupError::Unclear("this is no name of a snapshot".to_owned()))?;
    let snapshot = repository.snapshot(id)?;
    let done = MailRestored {
        restored: 0,
        there: 0,
        bytes: Bytes(0),
        troubles: Vec::new(),
        trouble_count: 0,
        folders: Vec::new(),
    };
    let mut work = Work { repository, pattern, watch, done, progress: Progress::default() };
    let mut chosen = Chosen::default();
    for path in &wanted.paths {
        if let Err(error) = chosen.add(repository, &snapshot, path) {
            if error.ends_everything() {
                return Err(error);
            }
            work.trouble(path, &error.to_string());
        }
    }
    for (path, why) in std::mem::take(&mut chosen.troubles) {
        work.trouble(&path, &why);
    }
    let mut by_target: BTreeMap<(Owner, FolderName), Vec<Message>> = BTreeMap::new();
    for message in chosen.messages {
        match target(&wanted.to, &message) {
            Ok(target) => by_target.entry(target).or_default().push(message),
            Err(why) => work.trouble(&message.path, &why),
        }
    }
    let all = by_target.values().flatten();
    work.progress.total_files = all.clone().count() as u64;
    work.progress.total_bytes = all.map(|message| message.entry.size).sum();
    must_fit(pattern.root(), work.progress.total_bytes)?;
    for ((owner, name), messages) in by_target {
        work.fill(&owner, &name, &messages)?;
    }
    Ok(work.done)
}

/// Into which folder of whom a message goes.
fn target(to: &RestoreTo, message: &Message) -> Result<(Owner, FolderName), String> {
    match to {
        RestoreTo::Original => Ok((message.owner.clone(), message.folder.clone())),
        RestoreTo::Folder { name } => {
            let name = FolderName::of(name)?;
            // Of a whole account, its folders stay apart.
            let name = if message.of_account { name.with(&message.folder) } else { name };
            Ok((message.owner.clone(), name))
        }
        RestoreTo::Account { login, folder } => {
            let name = FolderName::of(folder)?;
            let name = if message.of_account { name.with(&message.folder) } else { name };
            Ok((owner_of(&login.0)?, name))
        }
    }
}

/// Whose mail lies under a login; refuses what could lead elsewhere.
fn owner_of(login: &str) -> Result<Owner, String> {
    let (user, domain) = match login.rsplit_once('@') {
        Some((user, domain)) => (user, Some(domain)),
        None => (login, None),
    };
    let is_name = |name: &str| names::is_plain(name) && !name.starts_with('.');
    if !is_name(user) || !domain.is_none_or(is_name) {
        return Err(format!("“{login}” is no login of an account"));
    }
    Ok(Owner { domain: domain.map(str::to_owned), user: user.to_owned() })
}

fn must_fit(at: &Path, bytes: u64) -> Result<(), BackupError> {
    let free = free(at).map_err(|error| BackupError::io(at, error))?;
    let needed = bytes.saturating_add(RESERVE);
    if free >= needed {
        return Ok(());
    }
    Err(BackupError::Room { at: at.to_owned(), needed: megabytes(needed), free: megabytes(free) })
}

struct Work<'a> {
    repository: &'a Repository,
    pattern: &'a MailPattern,
    watch: &'a dyn Watch,
    done: MailRestored,
    progress: Progress,
}

impl Work<'_> {
    fn fill(&mut self, owner: &Owner, name: &FolderName, messages: &[Message]) -> Result<(), BackupError> {
        let opened = match self.pattern.place_of(owner) {
            Some(place) => TargetFolder::open(&self.pattern.root().join(place), name),
            None => Err(BackupError::Unclear(format!(
                "{} says nothing of accounts without a domain",
                self.pattern
            ))),
        };
        let mut folder = match opened {
            Ok(folder) => folder,
            Err(error) if error.ends_everything() => return Err(error),
            Err(error) => {
                for message in messages {
                    self.trouble(&message.path, &error.to_string());
                }
                return Ok(());
            }
        };
        for messages in messages.chunks(BATCH) {
            for message in messages {
                if self.watch.cancelled() {
                    return Err(Error::Cancelled.into());
                }
                self.put(&mut folder, message)?;
            }
            self.settle(&mut folder)?;
        }
        let shown = name.to_string();
        if !self.done.folders.contains(&shown) {
            self.done.folders.push(shown);
        }
        Ok(())
    }

    fn put(&mut self, folder: &mut TargetFolder, message: &Message) -> Result<(), BackupError> {
        match folder.put(self.repository, &message.entry, &message.flags) {
            Ok(Put::There) => self.done.there += 1,
            // Counted once it is under its name.
            Ok(Put::Waits) => {}
            Err(error) if error.ends_everything() => return Err(error),
            Err(error) => self.trouble(&message.path, &error.to_string()),
        }
        self.progress.files += 1;
        self.progress.bytes += message.entry.size;
        self.watch.progress(self.progress);
        Ok(())
    }

    fn settle(&mut self, folder: &mut TargetFolder) -> Result<(), BackupError> {
        let settled = folder.settle()?;
        self.done.restored += settled.messages;
        self.done.bytes = Bytes(self.done.bytes.0 + settled.bytes);
        Ok(())
    }

    fn trouble(&mut self, path: &str, why: &str) {
        self.done.trouble_count += 1;
        if self.done.troubles.len() < NAMED {
            self.done.troubles.push(LeftOutFile { path: path.to_owned(), why: why.to_owned() });
        }
    }
}
