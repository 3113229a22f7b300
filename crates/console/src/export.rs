//! Writes the events of a filter to a file, beside the actor. The file gets its name once it is whole.

mod rows;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mailcup_wire::{
    Code, ExportId, Problem, Time,
    desktop::{EventQuery, ExportFormat, ExportProgress, ExportRequest, ExportState},
};
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt as _,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::store::Readers;

const PAGE: u32 = 500;
const TELL_EVERY: Duration = Duration::from_millis(100);

type Tell = Arc<dyn Fn(ExportProgress) + Send + Sync>;

/// All exports that are being written. Clones share them.
#[derive(Clone)]
pub struct Exports {
    tell: Tell,
    running: Arc<Mutex<BTreeMap<String, CancellationToken>>>,
    tasks: TaskTracker,
}

impl Exports {
    pub fn new(tell: impl Fn(ExportProgress) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), running: Arc::default(), tasks: TaskTracker::new() }
    }

    /// Begins to write what passes as of `now`.
    pub fn begin(&self, request: ExportRequest, readers: Readers, now: Time) -> Result<ExportId, Problem> {
        let path = PathBuf::from(&request.path);
        if !path.is_absolute() || path.file_name().is_none() {
            return Err(Problem::field("path", "Choose a file in a folder."));
        }
        let id = ExportId(format!("{:016x}", rand::random::<u64>()));
        let stop = CancellationToken::new();
        self.lock().insert(id.0.clone(), stop.clone());
        let export = Export { id: id.clone(), request, readers, now, tell: Arc::clone(&self.tell) };
        let exports = self.clone();
        self.tasks.spawn(async move {
            let last = export.run(&path, &stop).await;
            exports.lock().remove(&last.id.0);
            (exports.tell)(last);
        });
        Ok(id)
    }

    /// Ends an export and removes what was written; one that has ended stays as it is.
    pub fn cancel(&self, id: &ExportId) {
        if let Some(stop) = self.lock().get(&id.0) {
            stop.cancel();
        }
    }

    /// Ends all of them.
    pub async fn end(&self) {
        self.lock().values().for_each(CancellationToken::cancel);
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Export {
    id: ExportId,
    request: ExportRequest,
    readers: Readers,
    now: Time,
    tell: Tell,
}

enum Failure {
    Cancelled,
    Problem(Problem),
}

impl Export {
    async fn run(self, path: &Path, stop: &CancellationToken) -> ExportProgress {
        let unfinished = beside(path, &self.id);
        let mut progress =
            ExportProgress { id: self.id.clone(), written: 0, total: 0, state: ExportState::Running };
        let written = self.write(&unfinished, stop, &mut progress).await;
        let done = match written {
            Ok(()) => fs::rename(&unfinished, path).await.map_err(|error| failed(path, &error)),
            Err(failure) => Err(failure),
        };
        progress.state = match done {
            Ok(()) => ExportState::Done { path: path.display().to_string() },
            Err(failure) => {
                if let Err(error) = fs::remove_file(&unfinished).await
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(%error, "an unfinished export was left behind");
                }
                match failure {
                    Failure::Cancelled => ExportState::Cancelled,
                    Failure::Problem(problem) => ExportState::Failed { problem },
                }
            }
        };
        progress
    }

    async fn write(
        &self,
        path: &Path,
        stop: &CancellationToken,
        progress: &mut ExportProgress,
    ) -> Result<(), Failure> {
        let filter = &self.request.filter;
        progress.total = self.readers.count_events(filter.clone(), None, self.now).await?.events;
        let failed = |error: io::Error| failed(path, &error);
        let mut file = create(path).await.map_err(failed)?;
        let columns = rows::columns(&self.request.columns);
        if self.request.format == ExportFormat::Csv {
            file.write_all(rows::header(&columns).as_bytes()).await.map_err(failed)?;
        }
        let mut told: Option<Instant> = None;
        let mut before = None;
        loop {
            if stop.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                (self.tell)(progress.clone());
                told = Some(Instant::now());
            }
            let query = EventQuery { filter: filter.clone(), before, after: None, limit: PAGE };
            let page = self.readers.events(query, self.now).await?;
            let mut text = String::new();
            for event in &page.events {
                match self.request.format {
                    ExportFormat::Csv => rows::csv(event, &columns, &mut text),
                    ExportFormat::JsonLines => rows::json(event, &mut text)?,
                }
                progress.written += 1;
            }
            // Some may have come since they were counted.
            progress.total = progress.total.max(progress.written);
            file.write_all(text.as_bytes()).await.map_err(failed)?;
            before = page.events.last().map(|event| event.id.clone());
            if !page.more {
                break;
            }
        }
        progress.total = progress.written;
        file.flush().await.map_err(failed)?;
        file.sync_all().await.map_err(failed)
    }
}

impl<E: Into<Problem>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StorageFull,
        _ => Code::Unavailable,
    };
    Failure::Problem(Problem::new(code, format!("{} can't be written: {error}.", path.display())))
}

/// In the same folder, so that the file can be renamed.
fn beside(path: &Path, id: &ExportId) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{id}.part"))
}

/// Only its user may read it.
async fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use mailcup_wire::{Event, EventBody, SystemFact, desktop::Filter};
    use tokio::sync::mpsc;

    use super::*;
    use crate::{key::ConsoleKey, store::Store};

    const EVENTS: u64 = 2_000;

    async fn store(folder: &Path) -> Store {
        let key = ConsoleKey::generate().store_key(&"exported".into());
        let store = Store::open(&folder.join("store.db"), &key).unwrap();
        let event = |seq: u64| Event {
            id: format!("a:{seq}").parse().unwrap(),
            at: Time::from_millis(1_764_000_000_000),
            body: EventBody::System(SystemFact::Stopped),
        };
        store.apply((1..=EVENTS).map(event).collect(), Time::from_millis(0)).await.unwrap();
        store
    }

    fn request(folder: &Path) -> ExportRequest {
        ExportRequest {
            filter: Filter::default(),
            format: ExportFormat::Csv,
            path: folder.join("events.csv").display().to_string(),
            columns: Vec::new(),
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn one_that_is_cancelled_leaves_nothing() {
        let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = store(folder.path()).await;
        let (sender, mut told) = mpsc::unbounded_channel();
        let handle: Arc<OnceLock<Exports>> = Arc::default();
        let own = Arc::clone(&handle);
        let exports = Exports::new(move |progress| {
            if let Some(exports) = own.get().filter(|_| progress.state == ExportState::Running) {
                exports.cancel(&progress.id);
            }
            sender.send(progress).unwrap();
        });
        assert!(handle.set(exports.clone()).is_ok());
        exports.begin(request(target.path()), store.readers(), Time::from_millis(0)).unwrap();
        assert_eq!(told.recv().await.unwrap().state, ExportState::Running);
        let last = told.recv().await.unwrap();
        assert_eq!((last.state, u64::from(last.total)), (ExportState::Cancelled, EVENTS));
        assert_eq!(files(target.path()), [""; 0]);
    }

    #[tokio::test]
    async fn one_whose_copy_is_closed_meanwhile_leaves_nothing() {
        let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = store(folder.path()).await;
        let (sender, mut told) = mpsc::unbounded_channel();
        let exports = Exports::new(move |progress| sender.send(progress).unwrap());
        let readers = store.readers();
        store.close().await;
        exports.begin(request(target.path()), readers, Time::from_millis(0)).unwrap();
        let ended = told.recv().await.unwrap();
        assert!(
            matches!(&ended.state, ExportState::Failed { problem } if problem.code == Code::Locked),
            "{ended:?}"
        );
        exports.end().await;
        assert_eq!(files(target.path()), [""; 0]);
    }
}
