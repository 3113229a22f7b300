//! Fills the mirror: what is needed to look into snapshots first, then what stands in them; what is of no use last.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mailcup_snapshots::{Error, FileKind, Folder, Id, Repository, Storage as _};
use mailcup_wire::{
    BackupProgress, Bytes, Code, MailReads, Problem, Time,
    desktop::{MirrorPart, MirrorScope, MirrorState},
};
use reqwest::StatusCode;
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt as _,
    sync::{Mutex, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Mirror, master_key, other_repository};
use crate::{
    api::Api,
    blocking::blocking,
    controller::Contacts,
    review::{self, Review},
    store::KeptMirror,
};

/// Files that are fetched at the same time.
const AT_ONCE: usize = 4;
/// When the service is asked again whether there is something new.
const LOOK_EVERY: Duration = Duration::from_mins(5);
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// How often the window hears how far it is.
const TELL_EVERY: Duration = Duration::from_millis(250);
const READS_AT_ONCE: u32 = 500;
const PARTIAL: &str = "partial";
/// It has no name of its own.
const CONFIG: Id = Id([0; 32]);

/// What there is at the service, by kind.
type Listing = BTreeMap<FileKind, BTreeMap<Id, u64>>;

impl Mirror {
    pub(super) async fn keep_filled(self, mut contacts: watch::Receiver<Contacts>, stop: CancellationToken) {
        loop {
            let anew = self.inner.fill_anew.notified();
            tokio::pin!(anew);
            let pause = tokio::select! {
                () = stop.cancelled() => return,
                // What was fetched of a file stays, and is gone on from.
                () = &mut anew => continue,
                pause = self.fill_once(&contacts, &stop) => pause,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = anew => {}
                () = self.inner.look.notified() => {}
                _ = contacts.changed(), if pause.is_none() => {}
                () = tokio::time::sleep(pause.unwrap_or(LOOK_EVERY)) => {}
            }
        }
    }

    /// Fills it once, if that is wanted and possible. Returns how long to wait before the next time; none until the
    /// service is there.
    async fn fill_once(
        &self,
        contacts: &watch::Receiver<Contacts>,
        stop: &CancellationToken,
    ) -> Option<Duration> {
        let api = self.api(contacts);
        if let Some(api) = &api
            && let Err(problem) = self.tell_reads(api).await
        {
            tracing::debug!(message = problem.message, "reads of mail wait to be told");
        }
        let kept = match self.kept().await {
            Ok(Some(kept)) => kept,
            Ok(None) => {
                self.set_state(MirrorState::Off);
                return Some(LOOK_EVERY);
            }
            Err(problem) => {
                self.set_state(MirrorState::Failed { why: problem.message });
                return Some(AGAIN_AFTER);
            }
        };
        if kept.paused {
            self.set_state(MirrorState::Paused);
            return Some(LOOK_EVERY);
        }
        let Some(api) = api else {
            self.set_state(MirrorState::Waiting {
                why: "The service can't be reached, or you are signed out.".into(),
            });
            return None;
        };
        match Fill::new(self, &api, &kept).run(stop).await {
            Ok(()) => {
                self.set_state(MirrorState::Complete);
                Some(LOOK_EVERY)
            }
            Err(problem) if problem.code == Code::Unreachable || problem.code == Code::Unauthenticated => {
                self.set_state(MirrorState::Waiting { why: problem.message });
                Some(AGAIN_AFTER)
            }
            Err(problem) => {
                self.set_state(MirrorState::Failed { why: problem.message });
                Some(AGAIN_AFTER)
            }
        }
    }

    /// The service, with a session.
    fn api(&self, contacts: &watch::Receiver<Contacts>) -> Option<Api> {
        let contacts = contacts.borrow();
        let here = contacts.all.iter().find(|contact| contact.service == self.inner.service)?;
        here.api.clone().filter(|api| api.token().is_some())
    }

    /// Tells the service of mail that was read; it knows what it was told twice.
    pub async fn tell_reads(&self, api: &Api) -> Result<(), Problem> {
        loop {
            let reads = self.inner.store.readers().reads_to_tell(READS_AT_ONCE).await?;
            if reads.is_empty() {
                return Ok(());
            }
            let ids = reads.iter().map(|read| read.id.clone()).collect();
            api.tell_reads(&MailReads { reads }).await?;
            self.inner.store.reads_told(ids).await?;
            (self.inner.tell)();
        }
    }
}

/// One filling of the mirror.
pub(super) struct Fill<'a> {
    pub(super) mirror: &'a Mirror,
    api: &'a Api,
    kept: &'a KeptMirror,
    pub(super) folder: Folder,
    throttle: Throttle,
    bytes: AtomicU64,
    files: AtomicU64,
    /// A file came or went since the review last looked.
    changed: AtomicBool,
}

impl<'a> Fill<'a> {
    fn new(mirror: &'a Mirror, api: &'a Api, kept: &'a KeptMirror) -> Self {
        Self {
            mirror,
            api,
            kept,
            folder: Folder::new(&mirror.inner.root),
            throttle: Throttle::new(kept.settings.limit),
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            changed: AtomicBool::new(false),
        }
    }

    async fn run(&self, stop: &CancellationToken) -> Result<(), Problem> {
        self.mirror.moved(MirrorPart::Listing, BackupProgress::default());
        fs::create_dir_all(self.mirror.inner.root.join(PARTIAL)).await.map_err(|error| self.disk(&error))?;
        let prepared = self.folder.prepare();
        prepared.map_err(|error| self.disk(&error))?;
        self.config().await?;
        self.look_at_damaged();
        self.recheck(stop).await?;
        let there = self.listing().await?;
        let small = |kind: FileKind| there[&kind].iter().map(move |(id, size)| (kind, *id, *size));
        let first: Vec<_> = small(FileKind::Key).chain(small(FileKind::Snapshot)).collect();
        self.fetch_all(MirrorPart::Snapshots, first).await?;
        self.fetch_all(MirrorPart::Index, small(FileKind::Index).collect()).await?;
        self.mirror.open_review(self.kept);
        let review = self.mirror.review()?;
        self.refresh(&review);
        let repository = std::sync::Arc::clone(review.repository());
        let packs = &there[&FileKind::Pack];
        let known = repository.packs().map_err(review::problem)?;
        let sized = |id: &Id| packs.get(id).map(|size| (FileKind::Pack, *id, *size));
        let folders = known.iter().filter(|pack| pack.holds_folders).filter_map(|pack| sized(&pack.id));
        self.fetch_all(MirrorPart::Folders, folders.collect()).await?;
        self.refresh(&review);
        let wanted = self.wanted(&repository, &known).await?;
        let data: Vec<_> = wanted.iter().filter_map(sized).collect();
        self.keep_total(&there, &data).await?;
        self.fetch_all(MirrorPart::Data, data).await?;
        self.remove_stale(&there, &wanted)?;
        self.refresh(&review);
        self.complete().await
    }

    /// What was read of the repository is read anew, if it is another one now.
    fn refresh(&self, review: &Review) {
        if self.changed.swap(false, Ordering::Relaxed) {
            review.refresh();
            (self.mirror.inner.tell)();
        }
    }

    async fn listing(&self) -> Result<Listing, Problem> {
        let mut listing = Listing::new();
        // The packs last: an index names no pack that isn't there yet.
        for kind in [FileKind::Key, FileKind::Snapshot, FileKind::Index, FileKind::Pack] {
            listing.insert(kind, self.api.repository_files(kind).await?.into_iter().collect());
        }
        Ok(listing)
    }

    /// A mirror is never filled from another repository than the one that it began with: what is here would go.
    async fn config(&self) -> Result<(), Problem> {
        let answer = self.api.repository_file(FileKind::Config, &CONFIG, 0).await?;
        let sealed = answer.bytes().await.map_err(|error| cut_off(&error))?;
        let told = Repository::identity_in(&sealed, &master_key(self.kept)?);
        if told.map_err(|error| unlike(&error))? != self.kept.repository {
            return Err(other_repository());
        }
        if self.folder.read(FileKind::Config, &CONFIG).is_ok_and(|here| here == sealed) {
            return Ok(());
        }
        let partial = self.mirror.inner.root.join(PARTIAL).join("config");
        fs::write(&partial, &sealed).await.map_err(|error| self.disk(&error))?;
        let taken = self.folder.take_in(FileKind::Config, &CONFIG, &partial);
        taken.map(drop).map_err(|error| self.disk(&error))
    }

    /// The packs that are to be here.
    async fn wanted(
        &self,
        repository: &std::sync::Arc<Repository>,
        known: &[mailcup_snapshots::PackFile],
    ) -> Result<BTreeSet<Id>, Problem> {
        let folders = known.iter().filter(|pack| pack.holds_folders).map(|pack| pack.id);
        let logins = match &self.kept.settings.scope {
            MirrorScope::Whole => return Ok(known.iter().map(|pack| pack.id).collect()),
            MirrorScope::Folders => return Ok(folders.collect()),
            MirrorScope::Accounts { logins } => logins.clone(),
        };
        let (repository, mut wanted) = (std::sync::Arc::clone(repository), folders.collect::<BTreeSet<_>>());
        blocking(move || {
            let mut paths: Vec<PathBuf> = ["manifest.json", "state"].map(PathBuf::from).to_vec();
            paths.extend(logins.iter().map(review::maildir_of));
            for snapshot in repository.snapshots().map_err(review::problem)?.snapshots {
                for path in &paths {
                    match repository.entry(&snapshot, path) {
                        Ok(entry) => repository.add_packs_of(&entry, &mut wanted).map_err(review::problem)?,
                        Err(Error::NotFound { .. }) => {}
                        Err(error) => return Err(review::problem(error)),
                    }
                }
            }
            Ok(wanted)
        })
        .await
    }

    /// Fetches what isn't here, smallest first, so that a cut loses little.
    async fn fetch_all(&self, part: MirrorPart, files: Vec<(FileKind, Id, u64)>) -> Result<(), Problem> {
        let mut here: BTreeMap<(FileKind, Id), u64> = BTreeMap::new();
        for kind in files.iter().map(|(kind, ..)| *kind).collect::<BTreeSet<_>>() {
            let found = self.folder.list(kind).map_err(|error| self.disk(&error))?;
            here.extend(found.into_iter().map(|(id, size)| ((kind, id), size)));
        }
        here.retain(|file, _| !self.mirror.damaged().contains(file));
        let mut missing: Vec<_> =
            files.into_iter().filter(|(kind, id, size)| here.get(&(*kind, *id)) != Some(size)).collect();
        missing.sort_by_key(|(kind, id, size)| (*kind, *size, *id));
        let total = BackupProgress {
            total_bytes: Bytes(missing.iter().map(|(.., size)| size).sum()),
            total_files: u32::try_from(missing.len()).unwrap_or(u32::MAX),
            ..BackupProgress::default()
        };
        self.bytes.store(0, Ordering::Relaxed);
        self.files.store(0, Ordering::Relaxed);
        let tell = || {
            let bytes = Bytes(self.bytes.load(Ordering::Relaxed));
            let files = u32::try_from(self.files.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
            self.mirror.moved(part, BackupProgress { bytes, files, ..total });
        };
        let fetching = stream::iter(missing)
            .map(|(kind, id, size)| async move {
                self.fetch(kind, id, size).await?;
                self.files.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| std::future::ready(Ok(())));
        tokio::pin!(fetching);
        let mut tick = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                done = &mut fetching => {
                    tell();
                    return done;
                }
                _ = tick.tick() => tell(),
            }
        }
    }

    /// Fetches a file, from where an earlier try was cut off. What came damaged is fetched once more from the start.
    async fn fetch(&self, kind: FileKind, id: Id, size: u64) -> Result<(), Problem> {
        let partial = self.mirror.inner.root.join(PARTIAL).join(format!("{}-{id}", kind.folder()));
        for _ in 0..2 {
            match self.receive(kind, &id, size, &partial).await {
                Ok(()) => {}
                // Thinned out since we listed: the next look doesn't name it.
                Err(problem) if problem.code == Code::NotFound => return Ok(()),
                Err(problem) => return Err(problem),
            }
            let (root, from) = (self.mirror.inner.root.clone(), partial.clone());
            let taken =
                tokio::task::spawn_blocking(move || Folder::new(root).take_in(kind, &id, &from)).await;
            let taken = taken.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
            if taken.map_err(|error| self.disk(&error))? {
                self.mirror.damaged().remove(&(kind, id));
                self.changed.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
        Err(Problem::new(
            Code::Unavailable,
            format!(
                "The {kind} file {id} of the service's backups isn't what its name says: it is damaged there. Check the \
                 backups on the server (mailcupd backup check)."
            ),
        ))
    }

    async fn receive(&self, kind: FileKind, id: &Id, size: u64, partial: &Path) -> Result<(), Problem> {
        let mut had = fs::metadata(partial).await.map_or(0, |found| found.len());
        if had > size {
            had = 0;
        }
        if had > 0 && had == size {
            return Ok(());
        }
        let answer = self.api.repository_file(kind, id, had).await?;
        let goes_on = answer.status() == StatusCode::PARTIAL_CONTENT;
        let mut options = OpenOptions::new();
        options.create(true).write(true).append(goes_on).truncate(!goes_on);
        let mut file = options.open(partial).await.map_err(|error| self.disk(&error))?;
        if goes_on {
            self.bytes.fetch_add(had, Ordering::Relaxed);
        }
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| cut_off(&error))?;
            file.write_all(&piece).await.map_err(|error| self.disk(&error))?;
            self.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
            self.throttle.pass(piece.len() as u64).await;
        }
        file.flush().await.map_err(|error| self.disk(&error))
    }

    async fn keep_total(&self, there: &Listing, data: &[(FileKind, Id, u64)]) -> Result<(), Problem> {
        let small =
            [FileKind::Key, FileKind::Snapshot, FileKind::Index].iter().flat_map(|kind| there[kind].values());
        let total = Bytes(small.sum::<u64>() + data.iter().map(|(.., size)| size).sum::<u64>());
        self.update(move |kept| kept.total = Some(total)).await
    }

    async fn complete(&self) -> Result<(), Problem> {
        self.update(|kept| kept.complete_at = Some(Time(jiff::Timestamp::now()))).await?;
        self.mirror.inner.index_anew.notify_one();
        Ok(())
    }

    /// What is kept, unless it was forgotten meanwhile.
    async fn update(&self, change: impl FnOnce(&mut KeptMirror) + Send + 'static) -> Result<(), Problem> {
        self.mirror.inner.store.change_mirror(change).await?;
        Ok(())
    }

    /// Removes what the service no longer has, or what is no longer wanted: what leads to other files first.
    fn remove_stale(&self, there: &Listing, wanted: &BTreeSet<Id>) -> Result<(), Problem> {
        for kind in [FileKind::Snapshot, FileKind::Key, FileKind::Index, FileKind::Pack] {
            for (id, _) in self.folder.list(kind).map_err(|error| self.disk(&error))? {
                let stays =
                    there[&kind].contains_key(&id) && (kind != FileKind::Pack || wanted.contains(&id));
                if !stays {
                    self.changed.store(true, Ordering::Relaxed);
                    self.folder.remove(kind, &id).map_err(|error| self.disk(&error))?;
                }
            }
        }
        Ok(())
    }

    fn disk(&self, error: &std::io::Error) -> Problem {
        full(&self.mirror.inner.root, error)
    }
}

/// So many bytes a second at most.
struct Throttle {
    bytes_a_second: Option<f64>,
    free_at: Mutex<Instant>,
}

impl Throttle {
    fn new(kib: Option<u32>) -> Self {
        Self {
            bytes_a_second: kib.map(|kib| f64::from(kib.max(1)) * 1024.0),
            free_at: Mutex::new(Instant::now()),
        }
    }

    async fn pass(&self, bytes: u64) {
        let Some(rate) = self.bytes_a_second else { return };
        #[expect(clippy::cast_precision_loss, reason = "a piece has some kilobytes")]
        let takes = Duration::from_secs_f64(bytes as f64 / rate);
        let until = {
            let mut free_at = self.free_at.lock().await;
            *free_at = (*free_at).max(Instant::now()) + takes;
            *free_at
        };
        tokio::time::sleep_until(until).await;
    }
}

fn cut_off(error: &reqwest::Error) -> Problem {
    Problem::new(Code::Unreachable, format!("The connection was cut: {}.", crate::api::spelled_out(error)))
}

fn unlike(error: &Error) -> Problem {
    Problem::new(
        Code::Unavailable,
        format!(
            "The key of this copy doesn't open the service's backups ({error}). They are damaged there, or others than \
             the ones that were copied. This copy stays as it is and can be reviewed; check the backups on the server \
             (mailcupd backup check)."
        ),
    )
}

pub(super) fn full(root: &Path, error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull {
        let message = format!(
            "This computer's disk is full: the copy in {} can't grow. Make room, or copy less.",
            root.display()
        );
        return Problem::new(Code::StorageFull, message);
    }
    Problem::new(Code::Unavailable, format!("The copy in {} can't be written: {error}.", root.display()))
}
