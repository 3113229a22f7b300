//! What differs between two snapshots.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::id::Id;
use crate::repository::Repository;
use crate::snapshot::Snapshot;
use crate::tree::{Entry, Kind};
use crate::watch::Watch;

/// One difference between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In the newer snapshot; of what was removed, in the older.
    pub path: PathBuf,
    pub change: Change,
    /// Of what was removed, as it was.
    pub entry: Entry,
}

/// How a file differs. Folders show only through their files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Added,
    Removed,
    /// Other content under the same path.
    Changed,
    /// The same content under another path.
    Moved {
        from: PathBuf,
    },
}

impl Repository {
    /// All files that differ, ordered by path. Equal folders aren't looked into; memory grows with the
    /// differences, not with the snapshots.
    pub fn diff(&self, from: &Snapshot, to: &Snapshot, watch: &dyn Watch) -> Result<Vec<Difference>, Error> {
        self.differences(Some(&from.tree), Some(&to.tree), watch)
    }

    /// As [`Repository::diff`], from nothing: all files of a snapshot.
    pub fn files(&self, snapshot: &Snapshot, watch: &dyn Watch) -> Result<Vec<Difference>, Error> {
        self.differences(None, Some(&snapshot.tree), watch)
    }

    fn differences(
        &self,
        from: Option<&Id>,
        to: Option<&Id>,
        watch: &dyn Watch,
    ) -> Result<Vec<Difference>, Error> {
        let mut walk =
            Walk { repository: self, watch, added: Vec::new(), removed: Vec::new(), found: Vec::new() };
        walk.folders(Path::new(""), from, to)?;
        Ok(walk.finish())
    }
}

struct Walk<'a> {
    repository: &'a Repository,
    watch: &'a dyn Watch,
    added: Vec<(PathBuf, Entry)>,
    removed: Vec<(PathBuf, Entry)>,
    found: Vec<Difference>,
}

impl Walk<'_> {
    fn folders(&mut self, path: &Path, from: Option<&Id>, to: Option<&Id>) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        if self.watch.cancelled() {
            return Err(Error::Cancelled);
        }
        let read =
            |tree: Option<&Id>| tree.map_or_else(|| Ok(Arc::default()), |id| self.repository.entries(id));
        let (old, new) = (read(from)?, read(to)?);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.cmp(&new.name),
            };
            let old = if order.is_le() { old.next() } else { None };
            let new = if order.is_ge() { new.next() } else { None };
            self.entries(path, old, new)?;
        }
    }

    /// Two entries of the same name, or one that has no counterpart.
    fn entries(&mut self, folder: &Path, old: Option<&Entry>, new: Option<&Entry>) -> Result<(), Error> {
        let Some(name) = old.or(new).map(|entry| &entry.name) else {
            return Ok(());
        };
        let path = folder.join(name);
        let (old_tree, new_tree) = (old.and_then(|old| old.subtree), new.and_then(|new| new.subtree));
        self.folders(&path, old_tree.as_ref(), new_tree.as_ref())?;
        let file = |entry: &&Entry| entry.kind != Kind::Folder;
        match (old.filter(file), new.filter(file)) {
            (Some(old), Some(new)) if old.blobs != new.blobs || old.kind != new.kind => {
                self.found.push(Difference { path, change: Change::Changed, entry: new.clone() });
            }
            (Some(old), None) => self.removed.push((path, old.clone())),
            (None, Some(new)) => self.added.push((path, new.clone())),
            (Some(_), Some(_)) | (None, None) => {}
        }
        Ok(())
    }

    /// Pairs what went with what came by content, in the order of their paths.
    fn finish(mut self) -> Vec<Difference> {
        let mut gone: BTreeMap<Vec<Id>, Vec<(PathBuf, Entry)>> = BTreeMap::new();
        for (path, entry) in self.removed.into_iter().rev() {
            // Empty files are all alike; that says nothing.
            if entry.blobs.is_empty() {
                self.found.push(Difference { path, change: Change::Removed, entry });
            } else {
                gone.entry(entry.blobs.clone()).or_default().push((path, entry));
            }
        }
        for (path, entry) in self.added {
            let from = gone.get_mut(&entry.blobs).and_then(Vec::pop);
            let change = from.map_or(Change::Added, |(from, _)| Change::Moved { from });
            self.found.push(Difference { path, change, entry });
        }
        for (path, entry) in gone.into_values().flatten() {
            self.found.push(Difference { path, change: Change::Removed, entry });
        }
        self.found.sort_by(|a, b| (&a.path, &a.change).cmp(&(&b.path, &b.change)));
        self.found
    }
}
