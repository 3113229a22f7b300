//! Which messages of a snapshot are meant.

use std::path::{Path, PathBuf};

use mailcup_snapshots::{Entry, Error, Kind, Repository, Snapshot};

use super::names::{FolderName, is_plain};
use crate::backup::{
    BackupError,
    mail_pattern::Owner,
    manifest::{MAIL, NO_DOMAIN},
};

const MAILDIR: &str = "Maildir";

/// Messages of a snapshot, each once.
#[derive(Debug, Default)]
pub struct Chosen {
    pub messages: Vec<Message>,
    /// Paths that can't be looked into, and why.
    pub troubles: Vec<(String, String)>,
    seen: std::collections::BTreeSet<String>,
}

#[derive(Debug)]
pub struct Message {
    /// In the snapshot.
    pub path: String,
    pub owner: Owner,
    pub folder: FolderName,
    /// Its standard flags, by their letters.
    pub flags: String,
    pub entry: Entry,
    /// It came with all of its account.
    pub of_account: bool,
}

impl Chosen {
    /// Adds what a path names: a message, a folder (without those below it), or a whole account
    /// (`mail/example.org/anna`).
    pub fn add(
        &mut self,
        repository: &Repository,
        snapshot: &Snapshot,
        path: &str,
    ) -> Result<(), BackupError> {
        let unclear = |why: &str| BackupError::Unclear(why.to_owned());
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let parts = parts.strip_prefix(&[MAIL]).unwrap_or(&parts);
        if !parts.iter().all(|part| is_plain(part)) {
            return Err(unclear("this is no path of mail in a snapshot"));
        }
        let whole: PathBuf = [MAIL].iter().chain(parts).collect();
        match parts {
            [domain, user] => {
                let owner = owner(domain, user);
                let maildir = whole.join(MAILDIR);
                for entry in
                    repository.tree(snapshot, &maildir)?.iter().filter(|entry| entry.kind == Kind::Folder)
                {
                    let name = entry.name.to_str().and_then(FolderName::in_maildir);
                    if let Some(name) = name {
                        let folder = maildir.join(&entry.name);
                        self.folder_or_trouble(repository, snapshot, &folder, &owner, &name, true)?;
                    }
                }
                self.folder_or_trouble(repository, snapshot, &maildir, &owner, &FolderName::default(), true)
            }
            [domain, user, MAILDIR] => {
                self.folder(repository, snapshot, &whole, &owner(domain, user), &FolderName::default(), false)
            }
            [domain, user, MAILDIR, folder] if !is_part(folder) => {
                let name =
                    FolderName::in_maildir(folder).ok_or_else(|| unclear("this is no folder of mail"))?;
                self.folder(repository, snapshot, &whole, &owner(domain, user), &name, false)
            }
            [domain, user, MAILDIR, folder @ .., part, file] if is_part(part) && folder.len() < 2 => {
                let name = FolderName::in_maildir(folder.first().unwrap_or(&""))
                    .ok_or_else(|| unclear("this is no folder of mail"))?;
                let entry = repository.entry(snapshot, &whole)?;
                let above = whole.parent().unwrap_or(&whole);
                if entry.kind != Kind::File || file.starts_with('.') {
                    return Err(unclear("this is no message"));
                }
                self.message(above, entry, &owner(domain, user), &name, false);
                Ok(())
            }
            _ => Err(unclear("this is neither a message nor a folder nor an account")),
        }
    }

    fn folder_or_trouble(
        &mut self,
        repository: &Repository,
        snapshot: &Snapshot,
        path: &Path,
        owner: &Owner,
        name: &FolderName,
        of_account: bool,
    ) -> Result<(), BackupError> {
        match self.folder(repository, snapshot, path, owner, name, of_account) {
            Err(error) if !error.ends_everything() => {
                self.troubles.push((path.display().to_string(), error.to_string()));
                Ok(())
            }
            done => done,
        }
    }

    fn folder(
        &mut self,
        repository: &Repository,
        snapshot: &Snapshot,
        path: &Path,
        owner: &Owner,
        name: &FolderName,
        of_account: bool,
    ) -> Result<(), BackupError> {
        for part in ["cur", "new"] {
            let part = path.join(part);
            let entries = match repository.tree(snapshot, &part) {
                // It was empty.
                Err(Error::NotFound { .. }) => continue,
                entries => entries?,
            };
            for entry in entries.iter().filter(|entry| entry.kind == Kind::File) {
                if !entry.name.as_encoded_bytes().starts_with(b".") {
                    self.message(&part, entry.clone(), owner, name, of_account);
                }
            }
        }
        // A folder that isn't there at all is told.
        repository.tree(snapshot, path)?;
        Ok(())
    }

    fn message(&mut self, above: &Path, entry: Entry, owner: &Owner, folder: &FolderName, of_account: bool) {
        let path = above.join(&entry.name).display().to_string();
        if self.seen.insert(path.clone()) {
            let flags = flags(&entry.name.to_string_lossy());
            let (owner, folder) = (owner.clone(), folder.clone());
            self.messages.push(Message { path, owner, folder, flags, entry, of_account });
        }
    }
}

fn is_part(name: &str) -> bool {
    name == "cur" || name == "new"
}

fn owner(domain: &str, user: &str) -> Owner {
    let domain = Some(domain).filter(|domain| *domain != NO_DOMAIN).map(str::to_owned);
    Owner { domain, user: user.to_owned() }
}

/// Draft, flagged, passed, replied, seen. Not that it is to be deleted: it was brought back. Keywords have letters, too,
/// whose meaning each folder keeps for itself.
fn flags(name: &str) -> String {
    let (_, flags) = name.split_once(":2,").unwrap_or((name, ""));
    ["D", "F", "P", "R", "S"].into_iter().filter(|flag| flags.contains(*flag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_flags_stay_in_order_and_a_deleted_message_comes_back_undeleted() {
        assert_eq!(flags("1.a.host,S=5:2,STRab"), "RS");
        assert_eq!(flags("1.a.host"), "");
        assert_eq!(flags("1.a.host:2,"), "");
    }
}
