//! A repository copied to another place, file by file, so that a fire where it lies costs nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Fault, Wrong};
use crate::id::Id;
use crate::parallel;
use crate::storage::{FileKind, Storage};
use crate::watch::{Progress, Watch};

/// What must stand before what: a snapshot is at the copy only with all that it needs.
const SENT: [FileKind; 4] = [FileKind::Key, FileKind::Pack, FileKind::Index, FileKind::Snapshot];

/// So often is a repository looked at anew that changes while it is copied.
const LOOKS: usize = 3;

const CONFIG: Id = Id([0; 32]);

/// How a repository is copied.
#[derive(Clone, Copy, Debug)]
pub struct CopyRules {
    /// Whether there may be no copy yet. Else an empty place is taken for a disk that isn't mounted.
    pub may_begin: bool,
    /// Whether what the repository doesn't hold goes from the copy.
    pub may_remove: bool,
    /// In bytes a second.
    pub limit: Option<u64>,
}

/// What became of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicated {
    /// Sent now.
    pub files: u64,
    pub bytes: u64,
    /// What the copy holds in all.
    pub total_files: u64,
    pub total_bytes: u64,
    /// What the repository no longer holds and the copy doesn't, either.
    pub removed: u64,
    /// What the place doesn't let go: it only takes more.
    pub kept: u64,
    /// Files of the repository that are damaged: they were not sent, and nothing was removed.
    pub faults: Vec<Fault>,
}

/// What became of damaged files of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Replaced by what the repository holds.
    pub files: u64,
    pub bytes: u64,
    /// Damaged in the repository, too, or no longer in it.
    pub unmended: Vec<Fault>,
}

/// Copies what isn't there yet, then removes what is no longer needed. Stopped at any moment, the copy is whole as it
/// was, and the next one goes on.
pub fn replicate(
    from: &dyn Storage,
    to: &dyn Storage,
    rules: CopyRules,
    watch: &dyn Watch,
) -> Result<Replicated, Error> {
    begin(from, to, rules)?;
    let mut copied = Replicated::default();
    for look in 1..=LOOKS {
        // Snapshots first, so that all they need is in what is listed afterwards.
        let [snapshots, indexes, packs, keys] =
            [FileKind::Snapshot, FileKind::Index, FileKind::Pack, FileKind::Key]
                .map(|kind| listed(from, kind));
        let here = Files([
            (FileKind::Key, keys?),
            (FileKind::Pack, packs?),
            (FileKind::Index, indexes?),
            (FileKind::Snapshot, snapshots?),
        ]);
        let there = Files::of(to)?;
        let plan = Plan::new(&here, &there);
        let snapshots = there.count(FileKind::Snapshot);
        if here.count(FileKind::Snapshot) == 0 && snapshots > 0 {
            return Err(Error::Emptied { at: to.at(), snapshots });
        }
        let mut sending = Sending::new(from, to, rules.limit, watch, &plan);
        sending.is_last = look == LOOKS;
        for kind in SENT {
            let of_kind: Vec<_> = plan.send.iter().filter(|file| file.kind == kind).collect();
            parallel::each(&of_kind, |file| sending.send(file))?;
        }
        let has_moved = sending.has_moved.load(Ordering::Relaxed);
        copied.files += sending.files.load(Ordering::Relaxed);
        copied.bytes += sending.bytes.load(Ordering::Relaxed);
        copied.faults = sending.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
        (copied.total_files, copied.total_bytes) = here.sums();
        if has_moved {
            continue;
        }
        if copied.faults.is_empty() && rules.may_remove {
            remove(to, &plan.remove, &mut copied, watch)?;
        }
        break;
    }
    Ok(copied)
}

/// Replaces what a proof found damaged at a copy.
pub fn mend(
    from: &dyn Storage,
    to: &dyn Storage,
    faults: &[Fault],
    watch: &dyn Watch,
) -> Result<Mended, Error> {
    let mut mended = Mended::default();
    for fault in faults {
        if watch.cancelled() {
            return Err(Error::Cancelled);
        }
        let content = match from.read(fault.kind, &fault.id) {
            Ok(content) if fault.kind == FileKind::Config || Id::of(&content) == fault.id => content,
            Ok(_) => {
                mended.unmended.push(fault.clone());
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                mended.unmended.push(fault.clone());
                continue;
            }
            Err(source) => return Err(Error::io(&from.at(), source)),
        };
        let failed = |source| Error::io(&to.at(), source);
        to.remove(fault.kind, &fault.id).map_err(failed)?;
        to.write(fault.kind, &fault.id, &[&content]).map_err(failed)?;
        mended.files += 1;
        mended.bytes += content.len() as u64;
    }
    Ok(mended)
}

/// Whether a place can be used: it is empty (false) or holds a copy of this repository (true), and files can be
/// written, read and removed there.
pub fn probe(from: &dyn Storage, to: &dyn Storage, content: &[u8]) -> Result<bool, Error> {
    let failed = |source| Error::io(&to.at(), source);
    let config = config(from)?;
    let is_copy = match found(to, &config)? {
        Found::Copy => true,
        Found::Broken => false,
        Found::Nothing => {
            must_be_empty(from, to)?;
            to.prepare().map_err(failed)?;
            false
        }
    };
    // One pack more, which no index knows, disturbs nobody, should it stay.
    let id = Id::of(content);
    to.write(FileKind::Pack, &id, &[content]).map_err(failed)?;
    let read = to.read(FileKind::Pack, &id).map_err(failed)?;
    match to.remove(FileKind::Pack, &id) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(failed(error)),
        // What only takes more is a fine place.
        Ok(()) | Err(_) => {}
    }
    if read == content {
        Ok(is_copy)
    } else {
        Err(failed(io::Error::other("what was written reads otherwise")))
    }
}

/// What lies at a place for a copy.
enum Found {
    Copy,
    /// The beginning of our config: whoever wrote it died.
    Broken,
    Nothing,
}

fn begin(from: &dyn Storage, to: &dyn Storage, rules: CopyRules) -> Result<(), Error> {
    let failed = |source| Error::io(&to.at(), source);
    let config = config(from)?;
    match found(to, &config)? {
        Found::Copy => return to.sweep().map_err(failed),
        Found::Broken => to.remove(FileKind::Config, &CONFIG).map_err(failed)?,
        Found::Nothing if !rules.may_begin => return Err(Error::Gone { at: to.at() }),
        Found::Nothing => {
            must_be_empty(from, to)?;
            to.prepare().map_err(failed)?;
        }
    }
    to.write(FileKind::Config, &CONFIG, &[&config]).map_err(failed)
}

fn config(from: &dyn Storage) -> Result<Vec<u8>, Error> {
    match from.read(FileKind::Config, &CONFIG) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NoRepository { at: from.at() }),
        read => read.map_err(|source| Error::io(&from.at(), source)),
    }
}

fn found(to: &dyn Storage, config: &[u8]) -> Result<Found, Error> {
    if listed(to, FileKind::Config)?.is_empty() {
        return Ok(Found::Nothing);
    }
    let there = to.read(FileKind::Config, &CONFIG).map_err(|source| Error::io(&to.at(), source))?;
    if there == config {
        Ok(Found::Copy)
    } else if config.starts_with(&there) {
        Ok(Found::Broken)
    } else {
        Err(Error::Foreign { at: to.at() })
    }
}

/// A repository that lost its config is none to be written over.
fn must_be_empty(from: &dyn Storage, to: &dyn Storage) -> Result<(), Error> {
    let here = listed(from, FileKind::Key)?;
    if listed(to, FileKind::Key)?.keys().all(|id| here.contains_key(id)) {
        return Ok(());
    }
    Err(Error::Foreign { at: to.at() })
}

/// What isn't there is empty.
fn listed(storage: &dyn Storage, kind: FileKind) -> Result<BTreeMap<Id, u64>, Error> {
    match storage.list(kind) {
        Ok(files) => Ok(files.into_iter().collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(Error::io(&storage.at(), source)),
    }
}

/// In the order in which they are sent.
struct Files([(FileKind, BTreeMap<Id, u64>); 4]);

impl Files {
    fn of(storage: &dyn Storage) -> Result<Self, Error> {
        let [keys, packs, indexes, snapshots] =
            SENT.map(|kind| listed(storage, kind).map(|files| (kind, files)));
        Ok(Self([keys?, packs?, indexes?, snapshots?]))
    }

    fn count(&self, kind: FileKind) -> u64 {
        self.0.iter().filter(|(of, _)| *of == kind).map(|(_, files)| files.len() as u64).sum()
    }

    /// Files and bytes.
    fn sums(&self) -> (u64, u64) {
        let all = self.0.iter().flat_map(|(_, files)| files.values());
        all.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }
}

/// What is to be done, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    send: Vec<File>,
    remove: Vec<(FileKind, Id)>,
}

#[derive(Debug, PartialEq, Eq)]
struct File {
    kind: FileKind,
    id: Id,
    size: u64,
    /// What has its name there has another size: whoever wrote it died.
    replaces: bool,
}

impl Plan {
    fn new(here: &Files, there: &Files) -> Self {
        let mut plan = Self::default();
        for ((kind, here), (_, there)) in here.0.iter().zip(&there.0) {
            let (kind, found) = (*kind, |id: &Id| there.get(id).copied());
            let missing = here.iter().filter(|(id, size)| found(id) != Some(**size));
            plan.send.extend(missing.map(|(id, size)| File {
                kind,
                id: *id,
                size: *size,
                replaces: found(id).is_some(),
            }));
            plan.remove.extend(there.keys().filter(|id| !here.contains_key(id)).map(|id| (kind, *id)));
        }
        // Whoever reads the copy meanwhile must miss nothing.
        plan.remove.sort_by_key(|(kind, id)| (SENT.iter().rev().position(|it| it == kind), *id));
        plan
    }
}

fn remove(
    to: &dyn Storage,
    stale: &[(FileKind, Id)],
    copied: &mut Replicated,
    watch: &dyn Watch,
) -> Result<(), Error> {
    for (kind, id) in stale {
        if watch.cancelled() {
            return Err(Error::Cancelled);
        }
        match to.remove(*kind, id) {
            Ok(()) => copied.removed += 1,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                copied.kept = stale.len() as u64 - copied.removed;
                return Ok(());
            }
            Err(source) => return Err(Error::io(&to.at(), source)),
        }
    }
    Ok(())
}

/// A copy under way, on several threads.
struct Sending<'a> {
    from: &'a dyn Storage,
    to: &'a dyn Storage,
    limit: Option<u64>,
    watch: &'a dyn Watch,
    begun: Instant,
    total_files: u64,
    total_bytes: u64,
    files: AtomicU64,
    bytes: AtomicU64,
    faults: Mutex<Vec<Fault>>,
    /// Something is gone that was listed.
    has_moved: AtomicBool,
    /// Then what is gone is missing.
    is_last: bool,
}

impl<'a> Sending<'a> {
    fn new(
        from: &'a dyn Storage,
        to: &'a dyn Storage,
        limit: Option<u64>,
        watch: &'a dyn Watch,
        plan: &Plan,
    ) -> Self {
        Self {
            from,
            to,
            limit,
            watch,
            begun: Instant::now(),
            total_files: plan.send.len() as u64,
            total_bytes: plan.send.iter().map(|file| file.size).sum(),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            faults: Mutex::default(),
            has_moved: AtomicBool::new(false),
            is_last: false,
        }
    }

    fn send(&self, file: &File) -> Result<(), Error> {
        self.go_on()?;
        let content = match self.from.read(file.kind, &file.id) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.is_last => {
                self.has_moved.store(true, Ordering::Relaxed);
                return Ok(());
            }
            Err(error) => {
                self.fault(file, Wrong::Unreadable(error.to_string()));
                return Ok(());
            }
        };
        if Id::of(&content) != file.id {
            self.fault(file, Wrong::Hash);
            return Ok(());
        }
        let failed = |source| Error::io(&self.to.at(), source);
        if file.replaces {
            self.to.remove(file.kind, &file.id).map_err(failed)?;
        }
        self.to.write(file.kind, &file.id, &[&content]).map_err(failed)?;
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(file.size, Ordering::Relaxed) + file.size;
        let (total_bytes, total_files) = (self.total_bytes, self.total_files);
        self.watch.progress(Progress { bytes, total_bytes, files, total_files });
        self.pace(bytes)
    }

    fn fault(&self, file: &File, wrong: Wrong) {
        let fault = Fault { kind: file.kind, id: file.id, wrong };
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    fn go_on(&self) -> Result<(), Error> {
        if self.watch.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Waits as long as so many bytes may take in all.
    fn pace(&self, bytes: u64) -> Result<(), Error> {
        const NAP: Duration = Duration::from_millis(100);
        let Some(limit) = self.limit else { return Ok(()) };
        let may_take = Duration::from_millis(bytes.saturating_mul(1000) / limit.max(1));
        while let Some(left) = may_take.checked_sub(self.begun.elapsed()).filter(|left| !left.is_zero()) {
            self.go_on()?;
            thread::sleep(left.min(NAP));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(of: &[(FileKind, u8, u64)]) -> Files {
        Files(SENT.map(|kind| {
            let named = of.iter().filter(|(it, ..)| *it == kind);
            (kind, named.map(|(_, name, size)| (Id([*name; 32]), *size)).collect())
        }))
    }

    #[test]
    fn what_is_missing_or_half_there_is_sent_and_what_is_stale_goes_snapshots_first() {
        use FileKind::{Index, Key, Pack, Snapshot};
        let here = files(&[(Key, 1, 10), (Pack, 2, 20), (Pack, 3, 30), (Index, 4, 40), (Snapshot, 5, 50)]);
        let there = files(&[(Key, 1, 10), (Pack, 2, 7), (Pack, 8, 80), (Index, 7, 70), (Snapshot, 6, 60)]);
        let plan = Plan::new(&here, &there);
        let sent: Vec<_> = plan.send.iter().map(|it| (it.kind, it.id.0[0], it.size, it.replaces)).collect();
        assert_eq!(
            sent,
            [(Pack, 2, 20, true), (Pack, 3, 30, false), (Index, 4, 40, false), (Snapshot, 5, 50, false)]
        );
        let removed: Vec<_> = plan.remove.iter().map(|(kind, id)| (*kind, id.0[0])).collect();
        assert_eq!(removed, [(Snapshot, 6), (Index, 7), (Pack, 8)]);
        assert_eq!(Plan::new(&here, &here), Plan::default());
    }
}
