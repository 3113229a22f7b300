//! The mail of a restore: laid out aside as the mail server wants it, with its owners.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use mailcup_snapshots::{Directory, Existing, Kind, Repository, Snapshot, Trouble, Watch};

use super::{RestoreError, RestoredMail, must_fit, read_file};
use crate::backup::{
    BackupError,
    mail_pattern::{MailPattern, Owner},
    manifest::{self, MAIL, MailPart, Mailbox, NO_DOMAIN, UnixOwner},
    place::{StagedPlace, is_filled, own, refuse_existing},
    source::names_by_number,
};

/// In the place aside: the mail as the snapshot has it.
const AS_IN_SNAPSHOT: &str = ".snapshot";

/// Mail that waits aside.
pub struct StagedMail {
    pub place: StagedPlace,
    /// Each account's, relative to the root.
    pub places: Vec<PathBuf>,
    pub restored: RestoredMail,
}

/// Restores all mail aside. Where a killed restore `goes_on`, accounts that have their mail keep it.
pub fn stage(
    repository: &Repository,
    snapshot: &Snapshot,
    pattern: &MailPattern,
    part: Option<&MailPart>,
    goes_on: bool,
    watch: &dyn Watch,
) -> Result<StagedMail, RestoreError> {
    let owners = owners(repository, snapshot)?;
    let mut troubles = Vec::new();
    let mut homes = Vec::new();
    for owner in owners {
        match pattern.place_of(&owner) {
            Some(place) => homes.push((owner, place)),
            None => troubles.push(Trouble {
                path: manifest::mail_folder(&owner).into(),
                why: format!("{pattern} says nothing of accounts without a domain"),
            }),
        }
    }
    let mut places: Vec<PathBuf> = homes.iter().map(|(_, place)| place.clone()).collect();
    if goes_on {
        let is_back = |place: &PathBuf| is_filled(&pattern.root().join(place)).unwrap_or(true);
        places.retain(|place| !is_back(place));
    }
    refuse_existing(pattern.root(), &places)?;
    let place = StagedPlace::begin_among_others(pattern.root())?;
    must_fit(place.path(), part.map_or(0, |part| part.bytes))?;

    let raw = place.path().join(AS_IN_SNAPSHOT);
    let sink = Directory::new(&raw, Existing::Replace).map_err(|error| RestoreError::io(&raw, error))?;
    let done = match repository.restore(snapshot, Path::new(MAIL), &sink, watch) {
        // No account had any.
        Err(mailcup_snapshots::Error::NotFound { .. }) => mailcup_snapshots::Restored::default(),
        done => done?,
    };
    troubles.extend(done.troubles);
    let mut restored = RestoredMail { files: done.files, bytes: done.bytes, ..RestoredMail::default() };
    let unix = UnixNumbers::read();
    let mut roots_owner = None;
    for (owner, home) in &homes {
        let record = manifest::record_path("mailboxes", &owner.login());
        let record = read_file(repository, snapshot, &record)
            .ok()
            .and_then(|text| serde_json::from_slice::<Mailbox>(&text).ok());
        if record.is_none() {
            let why = "whom it belongs to isn't known: its record is damaged".to_owned();
            troubles.push(Trouble { path: manifest::mail_folder(owner).into(), why });
        }
        let owned_by = record.as_ref().map(|record| unix.numbers(&record.unix_owner));
        roots_owner = roots_owner.or(owned_by);
        let from = raw.join(owner.domain.as_deref().unwrap_or(NO_DOMAIN)).join(&owner.user).join("Maildir");
        let to = if places.contains(home) { place.path().join(home) } else { from.clone() };
        if to != from {
            put(&from, &to, place.path(), owned_by).map_err(|error| explain(&to, owned_by, error))?;
        }
        let folders = record.map(|record| record.folders).unwrap_or_default();
        restored.messages +=
            finish(&to, &folders, owned_by).map_err(|error| explain(&to, owned_by, error))?;
        restored.accounts += 1;
    }
    fs::remove_dir_all(&raw).map_err(|error| RestoreError::io(&raw, error))?;
    if let Some((uid, gid)) = roots_owner.filter(|_| place.owner().is_none()) {
        own(place.path(), uid, gid).map_err(|error| explain(place.path(), roots_owner, error))?;
    }
    troubles.sort();
    restored.troubles = troubles;
    Ok(StagedMail { place, places, restored })
}

/// Whose mail the snapshot holds.
fn owners(repository: &Repository, snapshot: &Snapshot) -> Result<Vec<Owner>, RestoreError> {
    let folders = |path: &Path| match repository.tree(snapshot, path) {
        Err(mailcup_snapshots::Error::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(RestoreError::from(error)),
        Ok(entries) => {
            let folders = entries.iter().filter(|entry| entry.kind == Kind::Folder);
            Ok(folders.filter_map(|entry| entry.name.to_str().map(str::to_owned)).collect::<Vec<_>>())
        }
    };
    let mut owners = Vec::new();
    for domain in folders(Path::new(MAIL))? {
        for user in folders(&Path::new(MAIL).join(&domain))? {
            let domain = Some(domain.clone()).filter(|domain| domain != NO_DOMAIN);
            owners.push(Owner { domain, user });
        }
    }
    Ok(owners)
}

/// Moves an account's mail to its place; what is made above it belongs to the same owner.
fn put(from: &Path, to: &Path, root: &Path, owned_by: Option<(u32, u32)>) -> io::Result<()> {
    let parent = to.parent().unwrap_or(root);
    fs::create_dir_all(parent)?;
    for folder in parent.ancestors().take_while(|folder| *folder != root) {
        set(folder, owned_by)?;
    }
    match fs::rename(from, to) {
        // Not one of its files could be restored.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(to),
        renamed => renamed,
    }
}

/// Makes the folders that were empty, and gives everything to its owner. Answers how many messages there are.
fn finish(maildir: &Path, folders: &[String], owned_by: Option<(u32, u32)>) -> io::Result<u64> {
    let is_below =
        |folder: &str| Path::new(folder).components().all(|it| matches!(it, std::path::Component::Normal(_)));
    for folder in folders.iter().filter(|folder| is_below(folder)) {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(maildir.join(folder).join(part))?;
        }
    }
    let mut messages = 0;
    let mut waiting = vec![maildir.to_owned()];
    while let Some(folder) = waiting.pop() {
        set(&folder, owned_by)?;
        let holds_messages =
            folder != maildir && folder.file_name().is_some_and(|name| name == "cur" || name == "new");
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
                continue;
            }
            messages += u64::from(holds_messages && !entry.file_name().as_encoded_bytes().starts_with(b"."));
            if let Some((uid, gid)) = owned_by {
                own(&entry.path(), uid, gid)?;
            }
        }
    }
    Ok(messages)
}

fn set(folder: &Path, owned_by: Option<(u32, u32)>) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    owned_by.map_or(Ok(()), |(uid, gid)| own(folder, uid, gid))
}

fn explain(path: &Path, owned_by: Option<(u32, u32)>, error: io::Error) -> RestoreError {
    match (error.kind(), owned_by) {
        (io::ErrorKind::PermissionDenied, Some((uid, _))) => {
            RestoreError::Ownership { path: path.to_owned(), uid }
        }
        _ => RestoreError::Backup(BackupError::io(path, error)),
    }
}

/// The numbers that users and groups have on this machine.
struct UnixNumbers {
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
}

impl UnixNumbers {
    fn read() -> Self {
        let turned = |file| names_by_number(file).into_iter().map(|(number, name)| (name, number)).collect();
        Self { users: turned("/etc/passwd"), groups: turned("/etc/group") }
    }

    /// By name where that name is known here, else as it was.
    fn numbers(&self, owner: &UnixOwner) -> (u32, u32) {
        let find = |names: &HashMap<String, u32>, name: &Option<String>| {
            name.as_ref().and_then(|name| names.get(name)).copied()
        };
        (
            find(&self.users, &owner.user).unwrap_or(owner.uid),
            find(&self.groups, &owner.group).unwrap_or(owner.gid),
        )
    }
}
