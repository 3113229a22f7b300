//! The service's state as a snapshot has it: records as tables.

use std::{collections::BTreeMap, path::Path};

use mailcup_snapshots::{Entry, Kind, Snapshot};
use mailcup_wire::{
    Code, Problem, Time,
    desktop::{FieldChange, RecordRequest, StateField, StatePart, StateQuery, StateRecord, StateTable},
};
use serde_json::Value;

use super::{Review, compare::field_changes, count, layout::record_key, layout::state_folder};

const LARGEST_PAGE: u32 = 500;
const LARGEST_RECORD: usize = 4 << 20;
/// Of events, a day.
const LARGEST_DAY: usize = 256 << 20;

impl Review {
    pub fn snapshot_state(&self, query: &StateQuery) -> Result<StateTable, Problem> {
        let snapshot = self.snapshot(&query.snapshot)?;
        if query.part == StatePart::Events {
            self.events(&snapshot, query)
        } else {
            self.records(&snapshot, query)
        }
    }

    /// The files of a part, ordered by name; none where the snapshot has no such part.
    pub(super) fn record_files(&self, snapshot: &Snapshot, part: StatePart) -> Result<Vec<Entry>, Problem> {
        let folder = Path::new("state").join(state_folder(part));
        match self.repository.tree(snapshot, &folder) {
            Ok(entries) => Ok(entries.iter().filter(|entry| entry.kind == Kind::File).cloned().collect()),
            Err(mailcup_snapshots::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(self.told(error)),
        }
    }

    pub(super) fn record(&self, entry: &Entry) -> Result<StateRecord, Problem> {
        let key = record_key(&entry.name.to_string_lossy());
        Ok(StateRecord { key, fields: fields(&self.record_json(entry)?) })
    }

    /// A record as it lies there, and when its snapshot was taken.
    pub fn record_value(&self, request: &RecordRequest) -> Result<(Value, Time), Problem> {
        let snapshot = self.snapshot(&request.snapshot)?;
        let files = self.record_files(&snapshot, request.part)?;
        let found = files.iter().find(|file| record_key(&file.name.to_string_lossy()) == request.key);
        let gone = || Problem::new(Code::NotFound, "There is no such record in this snapshot.");
        Ok((self.record_json(found.ok_or_else(gone)?)?, Time(snapshot.time)))
    }

    /// Each event of a day, as it lies there.
    pub(super) fn day(&self, entry: &Entry) -> Result<Vec<Value>, Problem> {
        let text = self.start_of(entry, LARGEST_DAY)?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    fn record_json(&self, entry: &Entry) -> Result<Value, Problem> {
        let text = self.start_of(entry, LARGEST_RECORD)?;
        serde_json::from_slice(&text).map_err(|error| {
            let name = entry.name.to_string_lossy();
            Problem::new(Code::Unavailable, format!("The record {name} can't be read: {error}."))
        })
    }

    fn records(&self, snapshot: &Snapshot, query: &StateQuery) -> Result<StateTable, Problem> {
        let wanted = query.text.to_lowercase();
        let files = self.record_files(snapshot, query.part)?;
        // Without a text, only what is shown is read.
        if wanted.trim().is_empty() {
            let total = count(files.len());
            let page = files.iter().skip(query.offset as usize).take(limit(query));
            let records = page.map(|file| self.record(file)).collect::<Result<_, _>>()?;
            return Ok(StateTable { records, total, days: Vec::new() });
        }
        let all: Vec<StateRecord> = files.iter().map(|file| self.record(file)).collect::<Result<_, _>>()?;
        let found: Vec<StateRecord> = all.into_iter().filter(|record| holds(record, &wanted)).collect();
        let total = count(found.len());
        let records = found.into_iter().skip(query.offset as usize).take(limit(query)).collect();
        Ok(StateTable { records, total, days: Vec::new() })
    }

    fn events(&self, snapshot: &Snapshot, query: &StateQuery) -> Result<StateTable, Problem> {
        let files = self.record_files(snapshot, StatePart::Events)?;
        let days: Vec<String> =
            files.iter().rev().map(|file| record_key(&file.name.to_string_lossy())).collect();
        let day = query.day.as_ref().or(days.first());
        let Some(file) = files.iter().find(|file| Some(&record_key(&file.name.to_string_lossy())) == day)
        else {
            return Ok(StateTable { records: Vec::new(), total: 0, days });
        };
        let wanted = query.text.to_lowercase();
        let mut records: Vec<StateRecord> = self.day(file)?.iter().map(event).collect();
        records.retain(|record| wanted.trim().is_empty() || holds(record, &wanted));
        // As everywhere, the newest first.
        records.reverse();
        let total = count(records.len());
        let records = records.into_iter().skip(query.offset as usize).take(limit(query)).collect();
        Ok(StateTable { records, total, days })
    }
}

/// The fields of a record in their order: nested ones with dots, lists of plain values in one field.
pub(super) fn fields(value: &Value) -> Vec<StateField> {
    let mut found = Vec::new();
    flatten(String::new(), value, &mut found);
    found
}

/// What changes from one to the other, field by field.
pub fn changes(before: Option<&Value>, after: &Value) -> Vec<FieldChange> {
    let record = |value: &Value| StateRecord { key: String::new(), fields: fields(value) };
    field_changes(before.map(record).as_ref(), Some(&record(after)))
}

/// By name, for a comparison.
pub(super) fn by_name(record: &StateRecord) -> BTreeMap<&str, &str> {
    record.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect()
}

fn event(value: &Value) -> StateRecord {
    let key = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    StateRecord { key, fields: fields(value) }
}

fn flatten(name: String, value: &Value, found: &mut Vec<StateField>) {
    let nested = |inner: &str| if name.is_empty() { inner.to_owned() } else { format!("{name}.{inner}") };
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (inner, value) in object {
                flatten(nested(inner), value, found);
            }
        }
        Value::Array(list) if list.iter().any(|one| one.is_object() || one.is_array()) => {
            for (number, value) in list.iter().enumerate() {
                flatten(nested(&(number + 1).to_string()), value, found);
            }
        }
        Value::Array(list) => {
            let value = list.iter().map(plain).collect::<Vec<_>>().join(", ");
            found.push(StateField { name, value });
        }
        value => found.push(StateField { name, value: plain(value) }),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null | Value::Object(_) => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn holds(record: &StateRecord, wanted: &str) -> bool {
    let has = |word: &str| {
        record.key.to_lowercase().contains(word)
            || record.fields.iter().any(|field| field.value.to_lowercase().contains(word))
    };
    wanted.split_whitespace().all(has)
}

fn limit(query: &StateQuery) -> usize {
    query.limit.clamp(1, LARGEST_PAGE) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_list_of_named_fields() {
        let value = serde_json::json!({
            "id": "r1", "scope": {"kind": "account", "login": "anna@example.org"}, "networks": ["192.0.2.0/24", "2001:db8::/32"],
            "windows": [{"days": [1, 2], "from": "08:00"}], "expires_at": null, "enforced": true, "empty": {}
        });
        let found: Vec<_> = fields(&value).into_iter().map(|field| (field.name, field.value)).collect();
        for expected in [
            ("scope.login", "anna@example.org"),
            ("networks", "192.0.2.0/24, 2001:db8::/32"),
            ("windows.1.days", "1, 2"),
            ("windows.1.from", "08:00"),
            ("expires_at", ""),
            ("enforced", "true"),
            ("empty", ""),
        ] {
            assert!(
                found.contains(&(expected.0.to_owned(), expected.1.to_owned())),
                "{expected:?} in {found:?}"
            );
        }
    }
}
