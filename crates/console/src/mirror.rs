//! This computer's copy of a service's backup repository: filled as far as is wanted, and opened for review.
//!
//! The repository is encrypted as it is at the service; what opens it lies in the local copy, whose key is in the
//! system's keyring or sealed with the passphrase. While the console is locked, neither is in memory.

mod checking;
mod fill;
mod indexing;

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use data_encoding::BASE64;
use mailcup_snapshots::{Error, FileKind, Folder, Id, MasterKey, Progress, Repository, Storage as _, Watch};
use mailcup_wire::{
    Bytes, Code, MirrorGrant, Problem, ServiceId,
    desktop::{
        MailIndex as IndexView, MailIndexState, Mirror as MirrorView, MirrorPart, MirrorSettings, MirrorState,
    },
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    blocking::blocking,
    controller::{Beside, Contacts},
    review::{MailIndex, Review},
    store::{KeptMirror, Store, StoreError},
};

/// One service's mirror. Clones share it.
#[derive(Clone)]
pub struct Mirror {
    inner: Arc<Inner>,
}

struct Inner {
    service: ServiceId,
    root: PathBuf,
    store: Store,
    index: MailIndex,
    course: Mutex<Course>,
    review: Mutex<Option<Review>>,
    /// What is here and isn't what it should be; it stays until its like is fetched.
    damaged: Mutex<BTreeSet<(FileKind, Id)>>,
    /// Something is wanted otherwise, or may be possible now.
    fill_anew: Notify,
    /// There may be something new, once what is under way is done.
    look: Notify,
    index_anew: Notify,
    /// Ends the indexing that runs.
    stop_indexing: Mutex<CancellationToken>,
    tell: Box<dyn Fn() + Send + Sync>,
}

/// How the work stands.
struct Course {
    state: MirrorState,
    index: MailIndexState,
}

impl Mirror {
    /// Opens what is there. `tell` is called when something changed that a window shows.
    pub async fn open(
        service: ServiceId,
        root: PathBuf,
        store: Store,
        index: MailIndex,
        tell: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let kept = store.readers().mirror().await?;
        let state = match &kept {
            None => MirrorState::Off,
            Some(kept) if kept.paused => MirrorState::Paused,
            Some(_) => MirrorState::Waiting { why: String::new() },
        };
        let mirror = Self {
            inner: Arc::new(Inner {
                service,
                root,
                store,
                index,
                course: Mutex::new(Course { state, index: MailIndexState::Off }),
                review: Mutex::default(),
                damaged: Mutex::default(),
                fill_anew: Notify::new(),
                look: Notify::new(),
                index_anew: Notify::new(),
                stop_indexing: Mutex::default(),
                tell: Box::new(tell),
            }),
        };
        if let Some(kept) = kept {
            mirror.open_review(&kept);
        }
        Ok(mirror)
    }

    /// Fills the mirror, and indexes it, for as long as both are wanted.
    pub fn work(&self, contacts: watch::Receiver<Contacts>) -> [Beside; 2] {
        let (filling, indexing) = (self.clone(), self.clone());
        [
            Beside::start(|stop| async move { filling.keep_filled(contacts, stop).await }),
            Beside::start(|stop| async move { indexing.keep_indexed(stop).await }),
        ]
    }

    /// What the window shows.
    pub async fn view(&self) -> Result<(MirrorView, IndexView), Problem> {
        let kept = self.kept().await?;
        let untold_reads = self.inner.store.readers().untold_reads().await?;
        let (state, mut index_state) = {
            let course = self.course();
            (course.state.clone(), course.index.clone())
        };
        let this = self.clone();
        let (here, snapshots, indexed) = blocking(move || {
            let (here, snapshots) = this.size();
            Ok((here, snapshots, this.inner.index.standing()?.unwrap_or_default()))
        })
        .await?;
        let is_indexed = kept.as_ref().is_some_and(|kept| kept.indexed);
        if !is_indexed
            && !matches!(index_state, MailIndexState::Running { .. } | MailIndexState::Failed { .. })
        {
            index_state = MailIndexState::Off;
        }
        let view = MirrorView {
            state: if kept.is_some() { state } else { MirrorState::Off },
            total: kept.as_ref().and_then(|kept| kept.total),
            complete_at: kept.as_ref().and_then(|kept| kept.complete_at),
            settings: kept.map(|kept| kept.settings),
            here,
            snapshots,
            untold_reads,
        };
        Ok((view, IndexView { state: index_state, messages: indexed.messages, bytes: indexed.bytes }))
    }

    /// The snapshots that are here.
    pub fn review(&self) -> Result<Review, Problem> {
        let opened = self.inner.review.lock().unwrap_or_else(PoisonError::into_inner).clone();
        opened.ok_or_else(|| {
            Problem::new(
                Code::Unavailable,
                "There is no copy of the backups on this computer yet. Begin one on the Backups page.",
            )
        })
    }

    pub async fn begin(&self, settings: MirrorSettings, grant: MirrorGrant) -> Result<(), Problem> {
        if let Some(kept) = self.kept().await?
            && kept.repository != grant.repository
        {
            return Err(other_repository());
        }
        let kept = KeptMirror {
            settings,
            paused: false,
            indexed: false,
            repository: grant.repository,
            master_key: grant.master_key,
            total: None,
            complete_at: None,
        };
        master_key(&kept)?;
        self.inner.store.keep_mirror(Some(kept)).await?;
        self.course().state = MirrorState::Waiting { why: String::new() };
        self.inner.fill_anew.notify_one();
        (self.inner.tell)();
        Ok(())
    }

    /// Copies more or less from now on, faster or slower.
    pub async fn set_settings(&self, settings: MirrorSettings) -> Result<(), Problem> {
        let Some(before) = self.kept().await? else { return Err(none_yet()) };
        let other_scope = before.settings.scope != settings.scope;
        if other_scope {
            // It may lack what is here from now on.
            self.stop_indexing();
            let index = self.inner.index.clone();
            blocking(move || index.forget()).await?;
        }
        self.change(move |kept| {
            kept.settings = settings;
            kept.complete_at = kept.complete_at.filter(|_| !other_scope);
        })
        .await
    }

    pub async fn set_paused(&self, paused: bool) -> Result<(), Problem> {
        self.change(move |kept| kept.paused = paused).await
    }

    async fn change(&self, change: impl FnOnce(&mut KeptMirror) + Send + 'static) -> Result<(), Problem> {
        let kept = self.inner.store.change_mirror(change).await?.ok_or_else(none_yet)?;
        self.course().state =
            if kept.paused { MirrorState::Paused } else { MirrorState::Waiting { why: String::new() } };
        self.inner.fill_anew.notify_one();
        (self.inner.tell)();
        Ok(())
    }

    /// Removes the copy, its index, and what opens it. Reads that the service doesn't know of stay to be told.
    pub async fn forget(&self) -> Result<(), Problem> {
        self.stop_indexing();
        self.inner.store.keep_mirror(None).await?;
        self.close();
        self.course().state = MirrorState::Off;
        self.inner.fill_anew.notify_one();
        let (root, index) = (self.inner.root.clone(), self.inner.index.clone());
        let removed = blocking(move || {
            index.forget()?;
            match fs::remove_dir_all(&root) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Problem::new(
                    Code::Internal,
                    format!("{} can't be removed: {error}.", root.display()),
                )),
                _ => Ok(()),
            }
        });
        let removed = removed.await;
        (self.inner.tell)();
        removed
    }

    pub async fn set_indexed(&self, indexed: bool) -> Result<(), Problem> {
        let Some(kept) = self.kept().await? else { return Err(none_yet()) };
        if indexed && matches!(kept.settings.scope, mailcup_wire::desktop::MirrorScope::Folders) {
            return Err(Problem::new(
                Code::Conflict,
                "This copy holds folders alone, without the messages in them: there is nothing to index. Copy the mail, \
                 too, then switch the search on.",
            ));
        }
        self.inner.store.change_mirror(move |kept| kept.indexed = indexed).await?;
        if !indexed {
            self.stop_indexing();
        }
        self.inner.index_anew.notify_one();
        (self.inner.tell)();
        Ok(())
    }

    pub async fn forget_index(&self) -> Result<(), Problem> {
        self.set_indexed(false).await?;
        let index = self.inner.index.clone();
        blocking(move || index.forget()).await?;
        (self.inner.tell)();
        Ok(())
    }

    /// Closes what is open, so that no key stays in memory.
    pub fn close(&self) {
        self.inner.index.close();
        *self.inner.review.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// There may be something new at the service.
    pub fn look(&self) {
        self.inner.look.notify_one();
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    async fn kept(&self) -> Result<Option<KeptMirror>, Problem> {
        Ok(self.inner.store.readers().mirror().await?)
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.inner.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop_indexing(&self) {
        self.inner.stop_indexing.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// Opens the repository as far as it is here. Before its config is, there is nothing to open.
    fn open_review(&self, kept: &KeptMirror) {
        let mut review = self.inner.review.lock().unwrap_or_else(PoisonError::into_inner);
        if review.is_some() {
            return;
        }
        let opened = master_key(kept).and_then(|key| {
            let folder = Arc::new(Folder::new(&self.inner.root));
            match Repository::open(folder.clone(), key.clone()) {
                // Nothing else needs it; it is fetched again with the next filling.
                Err(Error::Config { .. }) => Ok(Repository::salvage(folder, key)),
                opened => opened.map_err(crate::review::problem),
            }
        });
        match opened {
            Ok(repository) => *review = Some(Review::new(Arc::new(repository), self.inner.index.clone())),
            Err(problem) => tracing::debug!(message = problem.message, "the mirror can't be opened yet"),
        }
    }

    /// Bytes and snapshots that are here.
    fn size(&self) -> (Bytes, u32) {
        let folder = Folder::new(&self.inner.root);
        let (mut bytes, mut snapshots) = (0, 0);
        for kind in FileKind::KEPT {
            let files = folder.list(kind).unwrap_or_default();
            if kind == FileKind::Snapshot {
                snapshots = u32::try_from(files.len()).unwrap_or(u32::MAX);
            }
            bytes += files.iter().map(|(_, size)| size).sum::<u64>();
        }
        (Bytes(bytes), snapshots)
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeSet<(FileKind, Id)>> {
        self.inner.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, state: MirrorState) {
        let mut course = self.course();
        if course.state != state {
            course.state = state;
            drop(course);
            (self.inner.tell)();
        }
    }

    fn moved(&self, part: MirrorPart, progress: mailcup_wire::BackupProgress) {
        self.set_state(MirrorState::Running { part, progress });
    }
}

/// Ends the work when it is told to.
pub struct Stopped(pub CancellationToken);

impl Watch for Stopped {
    fn progress(&self, _: Progress) {}

    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

fn master_key(kept: &KeptMirror) -> Result<MasterKey, Problem> {
    let fault = || Problem::new(Code::Internal, "The service gave no key that opens its backups.");
    let bytes = Zeroizing::new(BASE64.decode(kept.master_key.as_bytes()).map_err(|_| fault())?);
    Ok(MasterKey::from_bytes(bytes.as_slice().try_into().map_err(|_| fault())?))
}

fn other_repository() -> Problem {
    Problem::new(
        Code::Conflict,
        "The service has another backup repository than the one that was copied here. To copy the new one, forget this \
         copy first; until then it stays as it is and can be reviewed.",
    )
}

fn none_yet() -> Problem {
    Problem::new(Code::NotFound, "There is no copy of the backups on this computer yet.")
}
