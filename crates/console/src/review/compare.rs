//! What became of mail and state between two snapshots.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mailcup_snapshots::{Change, Difference, Entry, Snapshot, Unwatched};
use mailcup_wire::{
    Bytes, Login, Problem, SnapshotId,
    desktop::{
        AccountChanges, ComparisonQuery, FieldChange, MailFlag, MessageChange, MessageChangeKind,
        RecordChange, RecordChangeKind, SnapshotComparison, StatePart, StateRecord,
    },
};

use super::{
    Review, count, layout,
    layout::{MessagePlace, below_mail, received_at, record_key},
    lock,
    message::Head,
    state, wire_id,
};

const LARGEST_PAGE: u32 = 500;
/// All parts but events, of which there are more each day.
const COMPARED: [StatePart; 7] = [
    StatePart::Accounts,
    StatePart::AccessRules,
    StatePart::SendingLimits,
    StatePart::KnownNetworks,
    StatePart::Admins,
    StatePart::Blocks,
    StatePart::Alerts,
];

/// A comparison that was made, so that its next page is there at once.
pub struct Compared {
    from: SnapshotId,
    to: SnapshotId,
    messages: Vec<ChangedMessage>,
    accounts: Vec<AccountChanges>,
    records: Vec<RecordChange>,
}

struct ChangedMessage {
    kind: MessageChangeKind,
    place: MessagePlace,
    path: String,
    entry: Entry,
    before: Option<MessagePlace>,
}

/// A message that was removed: its place, path and file.
type Gone = (MessagePlace, String, Entry);

impl Review {
    pub fn compare(&self, query: &ComparisonQuery) -> Result<SnapshotComparison, Problem> {
        let compared = self.compared(&query.from, &query.to)?;
        let passes = |it: &&ChangedMessage| {
            (query.changes.is_empty() || query.changes.contains(&it.kind))
                && query.account.as_ref().is_none_or(|account| *account == it.place.account)
        };
        let total = count(compared.messages.iter().filter(passes).count());
        let page = compared.messages.iter().filter(passes).skip(query.offset as usize);
        let messages = page
            .take(query.limit.clamp(1, LARGEST_PAGE) as usize)
            .map(|changed| self.message_change(changed, &compared))
            .collect();
        let sum = |of: fn(&AccountChanges) -> u32| compared.accounts.iter().map(of).sum();
        Ok(SnapshotComparison {
            added: sum(|it| it.added),
            removed: sum(|it| it.removed),
            moved: sum(|it| it.moved),
            flagged: sum(|it| it.flagged),
            changed: sum(|it| it.changed),
            accounts: compared.accounts.clone(),
            total,
            messages,
            records: compared.records.clone(),
        })
    }

    fn compared(&self, from: &SnapshotId, to: &SnapshotId) -> Result<Arc<Compared>, Problem> {
        if let Some(known) = lock(&self.compared).as_ref().filter(|it| it.from == *from && it.to == *to) {
            return Ok(Arc::clone(known));
        }
        let (old, new) = (self.snapshot(from)?, self.snapshot(to)?);
        let differences = self.repository.diff(&old, &new, &Unwatched).map_err(|error| self.told(error))?;
        let messages = changed_messages(differences);
        let compared = Arc::new(Compared {
            from: wire_id(&old),
            to: wire_id(&new),
            accounts: by_account(&messages),
            messages,
            records: self.changed_records(&old, &new)?,
        });
        *lock(&self.compared) = Some(Arc::clone(&compared));
        Ok(compared)
    }

    fn message_change(&self, changed: &ChangedMessage, compared: &Compared) -> MessageChange {
        let head = self.head(&changed.entry).unwrap_or_else(|_| Head::default());
        let before = changed.before.as_ref();
        let (added, removed) =
            flag_changes(before.map_or(&[], |it| &it.name.flags), &changed.place.name.flags);
        let is_flagged = before.is_some();
        MessageChange {
            change: changed.kind,
            account: changed.place.account.clone(),
            folder: changed.place.folder.clone(),
            path: changed.path.clone(),
            snapshot: if changed.kind == MessageChangeKind::Removed { &compared.from } else { &compared.to }
                .clone(),
            from_folder: before.filter(|it| it.folder != changed.place.folder).map(|it| it.folder.clone()),
            flags_added: if is_flagged { added } else { Vec::new() },
            flags_removed: if is_flagged { removed } else { Vec::new() },
            received_at: received_at(&changed.place.name, &changed.entry),
            from: head.from,
            subject: head.subject,
            size: Bytes(changed.entry.size),
        }
    }

    fn changed_records(&self, old: &Snapshot, new: &Snapshot) -> Result<Vec<RecordChange>, Problem> {
        let mut changes = Vec::new();
        for part in COMPARED {
            let files = |snapshot: &Snapshot| -> Result<BTreeMap<String, Entry>, Problem> {
                let files = self.record_files(snapshot, part)?;
                Ok(files.into_iter().map(|file| (file.name.to_string_lossy().into_owned(), file)).collect())
            };
            let (before, after) = (files(old)?, files(new)?);
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let (old, new) = (before.get(name), after.get(name));
                if old.map(Entry::content) != new.map(Entry::content) {
                    changes.push(self.record_change(part, name, old, new)?);
                }
            }
        }
        Ok(changes)
    }

    fn record_change(
        &self,
        part: StatePart,
        name: &str,
        old: Option<&Entry>,
        new: Option<&Entry>,
    ) -> Result<RecordChange, Problem> {
        let read = |entry: Option<&Entry>| entry.map(|entry| self.record(entry)).transpose();
        let (before, after) = (read(old)?, read(new)?);
        let change = match (&before, &after) {
            (None, _) => RecordChangeKind::Added,
            (_, None) => RecordChangeKind::Removed,
            (Some(_), Some(_)) => RecordChangeKind::Changed,
        };
        Ok(RecordChange {
            part,
            key: record_key(name),
            change,
            fields: field_changes(before.as_ref(), after.as_ref()),
        })
    }
}

/// Fields that differ between two states of a record, ordered by name.
pub(super) fn field_changes(before: Option<&StateRecord>, after: Option<&StateRecord>) -> Vec<FieldChange> {
    let (before, after) = (before.map(state::by_name), after.map(state::by_name));
    let names: BTreeSet<&str> =
        before.iter().chain(&after).flat_map(|fields| fields.keys().copied()).collect();
    let value = |fields: &Option<BTreeMap<&str, &str>>, name: &str| {
        fields.as_ref().and_then(|fields| fields.get(name)).map(|value| (*value).to_owned())
    };
    names
        .into_iter()
        .map(|name| FieldChange {
            name: name.to_owned(),
            before: value(&before, name),
            after: value(&after, name),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

/// Flags that came, and that went.
pub(super) fn flag_changes(before: &[MailFlag], after: &[MailFlag]) -> (Vec<MailFlag>, Vec<MailFlag>) {
    let without = |all: &[MailFlag], other: &[MailFlag]| {
        all.iter().copied().filter(|flag| !other.contains(flag)).collect::<Vec<_>>()
    };
    (without(after, before), without(before, after))
}

/// Differences of files as changes of messages. A message keeps the first part of its name when its flags change, and
/// mostly when it is moved; where it doesn't, its content tells.
fn changed_messages(differences: Vec<Difference>) -> Vec<ChangedMessage> {
    let mut removed: BTreeMap<(Login, String), Vec<Gone>> = BTreeMap::new();
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for found in differences {
        let Some(place) = layout::message_at(&found.path) else { continue };
        let path = below_mail(&found.path);
        let before = match &found.change {
            Change::Moved { from } => layout::message_at(from),
            Change::Added | Change::Removed | Change::Changed => None,
        };
        match found.change {
            Change::Removed => {
                let key = (place.account.clone(), place.name.unique.clone());
                removed.entry(key).or_default().push((place, path, found.entry));
            }
            Change::Changed => {
                let kind = MessageChangeKind::Changed;
                changed.push(ChangedMessage { kind, place, path, entry: found.entry, before: None });
            }
            Change::Added | Change::Moved { .. } => added.push((place, path, found.entry, before)),
        }
    }
    for (place, path, entry, before) in added {
        let key = (place.account.clone(), place.name.unique.clone());
        // The same content by chance, in another account: one came, and another went.
        let before = before
            .filter(|it| it.account == place.account)
            .or_else(|| removed.get_mut(&key).and_then(Vec::pop).map(|(place, ..)| place));
        let kind = match &before {
            None => MessageChangeKind::Added,
            Some(before) if before.folder != place.folder => MessageChangeKind::Moved,
            Some(_) => MessageChangeKind::Flagged,
        };
        changed.push(ChangedMessage { kind, place, path, entry, before });
    }
    changed.extend(removed.into_values().flatten().map(|(place, path, entry)| ChangedMessage {
        kind: MessageChangeKind::Removed,
        place,
        path,
        entry,
        before: None,
    }));
    // What is gone is what one looks for.
    changed.sort_by_cached_key(|it| {
        let received = std::cmp::Reverse(received_at(&it.place.name, &it.entry));
        (it.kind != MessageChangeKind::Removed, it.kind, received, it.path.clone())
    });
    changed
}

fn by_account(messages: &[ChangedMessage]) -> Vec<AccountChanges> {
    let mut accounts: BTreeMap<&Login, AccountChanges> = BTreeMap::new();
    for message in messages {
        let login = &message.place.account;
        let changes = accounts.entry(login).or_insert_with(|| AccountChanges {
            login: login.clone(),
            added: 0,
            removed: 0,
            moved: 0,
            flagged: 0,
            changed: 0,
        });
        *match message.kind {
            MessageChangeKind::Added => &mut changes.added,
            MessageChangeKind::Removed => &mut changes.removed,
            MessageChangeKind::Moved => &mut changes.moved,
            MessageChangeKind::Flagged => &mut changes.flagged,
            MessageChangeKind::Changed => &mut changes.changed,
        } += 1;
    }
    let mut accounts: Vec<_> = accounts.into_values().collect();
    let all = |it: &AccountChanges| it.added + it.removed + it.moved + it.flagged + it.changed;
    accounts
        .sort_by(|a, b| (b.removed, all(b)).cmp(&(a.removed, all(a))).then_with(|| a.login.cmp(&b.login)));
    accounts
}
