//! One thing in all snapshots: when it came, changed and went.

use std::path::Path;

use mailcup_snapshots::{Entry, Error, Snapshot};
use mailcup_wire::{
    Problem, Time,
    desktop::{HistoryChange, HistoryOf, HistoryStep, ItemHistory, MessageRequest, StatePart, StateRecord},
};

use super::{
    Review,
    compare::{field_changes, flag_changes},
    layout::{self, MessageName, folder_name, message_name, record_key, state_folder},
    wire_id,
};

/// A message as one snapshot has it.
#[derive(PartialEq, Eq)]
struct Seen {
    folder: String,
    name: MessageName,
}

impl Review {
    /// The newest step first, without what the audit log says of it.
    pub fn history(&self, item: &HistoryOf) -> Result<ItemHistory, Problem> {
        let all = self.all_snapshots()?;
        match item {
            HistoryOf::Message { snapshot, path } => {
                let request = MessageRequest { snapshot: snapshot.clone(), path: path.clone() };
                self.message_history(&all, &request)
            }
            HistoryOf::Record { part, key } => Ok(self.record_history(&all, *part, key)),
        }
    }

    fn message_history(&self, all: &[Snapshot], request: &MessageRequest) -> Result<ItemHistory, Problem> {
        let (entry, path) = self.message_entry(request)?;
        let Some(place) = layout::message_at(&path) else {
            return Ok(ItemHistory { steps: Vec::new(), unread: 0 });
        };
        let (maildir, content) = (layout::maildir_of(&place.account), entry.content());
        let is_it = |entry: &Entry, name: &MessageName| {
            name.unique == place.name.unique || entry.content() == content
        };
        let find = |snapshot: &Snapshot| self.find_message(snapshot, &maildir, &is_it);
        let history = walk(all, find, |before, after| match (before, after) {
            (None, Some(after)) => Some(HistoryChange::Appeared { folder: Some(after.folder.clone()) }),
            (Some(_), None) => Some(HistoryChange::Gone),
            (Some(before), Some(after)) if before.folder != after.folder => {
                Some(HistoryChange::Moved { from: before.folder.clone(), to: after.folder.clone() })
            }
            (Some(before), Some(after)) if before.name.flags != after.name.flags => {
                let (added, removed) = flag_changes(&before.name.flags, &after.name.flags);
                Some(HistoryChange::Flagged { added, removed })
            }
            (Some(_), Some(_)) | (None, None) => None,
        });
        Ok(first_is_there(history, all))
    }

    fn record_history(&self, all: &[Snapshot], part: StatePart, key: &str) -> ItemHistory {
        let folder = Path::new("state").join(state_folder(part));
        let find = |snapshot: &Snapshot| -> Result<Option<StateRecord>, Problem> {
            let files = match self.repository.tree(snapshot, &folder) {
                Ok(files) => files,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(self.told(error)),
            };
            let found = files.iter().find(|file| record_key(&file.name.to_string_lossy()) == key);
            found.map(|file| self.record(file)).transpose()
        };
        let history = walk(all, find, |before, after| match (before, after) {
            (None, Some(_)) => Some(HistoryChange::Appeared { folder: None }),
            (Some(_), None) => Some(HistoryChange::Gone),
            (Some(before), Some(after)) if before != after => {
                Some(HistoryChange::Changed { fields: field_changes(Some(before), Some(after)) })
            }
            (Some(_), Some(_)) | (None, None) => None,
        });
        first_is_there(history, all)
    }

    fn find_message(
        &self,
        snapshot: &Snapshot,
        maildir: &Path,
        is_it: &dyn Fn(&Entry, &MessageName) -> bool,
    ) -> Result<Option<Seen>, Problem> {
        let top = match self.repository.tree(snapshot, maildir) {
            Ok(top) => top,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.told(error)),
        };
        let folders = top.iter().filter(|entry| layout::is_mail_folder(entry));
        let folders = folders.filter_map(|entry| entry.name.to_str());
        for folder in std::iter::once("").chain(folders) {
            for part in ["cur", "new"] {
                let entries = self.part(snapshot, &maildir.join(folder), part)?;
                for entry in entries.iter() {
                    let name = entry.name.to_str().map(|name| message_name(name, part == "new"));
                    if let Some(name) = name.filter(|name| is_it(entry, name)) {
                        return Ok(Some(Seen { folder: folder_name(folder), name }));
                    }
                }
            }
        }
        Ok(None)
    }
}

/// Follows one thing from snapshot to snapshot. One that can't be looked at is counted and passed over.
fn walk<T>(
    all: &[Snapshot],
    find: impl Fn(&Snapshot) -> Result<Option<T>, Problem>,
    change: impl Fn(Option<&T>, Option<&T>) -> Option<HistoryChange>,
) -> ItemHistory {
    let (mut steps, mut unread) = (Vec::new(), 0);
    let (mut before, mut looked_at): (Option<T>, Option<Time>) = (None, None);
    for snapshot in all {
        let Ok(found) = find(snapshot) else {
            unread += 1;
            continue;
        };
        if let Some(change) = change(before.as_ref(), found.as_ref()) {
            let (snapshot, at) = (wire_id(snapshot), Time(snapshot.time));
            steps.push(HistoryStep { snapshot, at, after: looked_at, change, audit: Vec::new() });
        }
        before = found;
        looked_at = Some(Time(snapshot.time));
    }
    steps.reverse();
    ItemHistory { steps, unread }
}

/// What the oldest snapshot has came before it, nobody knows when.
fn first_is_there(mut history: ItemHistory, all: &[Snapshot]) -> ItemHistory {
    if let (Some(step), Some(oldest)) = (history.steps.last_mut(), all.first())
        && step.at == Time(oldest.time)
        && let HistoryChange::Appeared { folder } = &step.change
    {
        step.change = HistoryChange::There { folder: folder.clone() };
    }
    history
}
