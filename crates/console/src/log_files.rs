//! Logs of mail servers that were dropped onto the window or chosen: they wait, are sent to the service one after the
//! other, and say what came of each. Pages never name a path: what is read is what the admin's own desktop gave.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mailcup_wire::{
    Bytes, Code, ImportReport, Problem, Time,
    desktop::{LogDesk, LogFile, LogStanding},
};
use tokio_util::sync::CancellationToken;

/// As many files as lie in a folder of rotated logs for a year.
const MOST_FILES: usize = 400;

/// The logs of one window. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct LogFiles(Arc<Mutex<Desk>>);

#[derive(Debug, Default)]
struct Desk {
    files: Vec<Kept>,
    running: Option<CancellationToken>,
    refused: Option<String>,
}

#[derive(Debug)]
struct Kept {
    path: PathBuf,
    size: u64,
    /// When it was written last, which orders rotated files.
    written_at: Option<jiff::Timestamp>,
    sent: Arc<AtomicU64>,
    standing: LogStanding,
}

/// A file that is to be sent.
#[derive(Debug, Clone)]
pub struct ToSend {
    pub at: usize,
    pub path: PathBuf,
    pub written_at: Option<Time>,
    /// Bytes that are on their way.
    pub sent: Arc<AtomicU64>,
}

impl LogFiles {
    /// Adds files, ordered by when they were written last; what is no file is refused by name, and nothing is added.
    pub fn offer(&self, paths: &[PathBuf]) -> Result<(), Problem> {
        let taken = self.take(paths);
        self.desk().refused = taken.as_ref().err().map(|problem| problem.message.clone());
        taken
    }

    fn take(&self, paths: &[PathBuf]) -> Result<(), Problem> {
        let found = paths.iter().map(|path| Kept::read(path)).collect::<Result<Vec<_>, _>>()?;
        let mut desk = self.desk();
        if desk.running.is_some() {
            return Err(Problem::new(
                Code::Conflict,
                "Logs are being imported; wait for the end or cancel it.",
            ));
        }
        let waits = |file: &&Kept| matches!(file.standing, LogStanding::Waiting);
        let mut known: BTreeSet<_> = desk.files.iter().filter(waits).map(|file| file.path.clone()).collect();
        let new: Vec<_> = found.into_iter().filter(|file| known.insert(file.path.clone())).collect();
        if known.len() > MOST_FILES {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "At most {MOST_FILES} files are imported at once, and these would be {}; import a part of them first.",
                    known.len()
                ),
            ));
        }
        // What an earlier import did is told; new files begin a new list.
        desk.files.retain(|file| waits(&file));
        desk.files.extend(new);
        desk.files.sort_by(|a, b| (a.written_at, &a.path).cmp(&(b.written_at, &b.path)));
        Ok(())
    }

    /// Forgets all files, unless they are being imported.
    pub fn clear(&self) {
        let mut desk = self.desk();
        if desk.running.is_none() {
            *desk = Desk::default();
        }
    }

    pub fn shown(&self) -> LogDesk {
        let desk = self.desk();
        LogDesk {
            files: desk.files.iter().map(Kept::shown).collect(),
            is_running: desk.running.is_some(),
            refused: desk.refused.clone(),
        }
    }

    /// Begins to send what waits; gives those files, and what ends it early.
    pub fn begin(&self) -> Result<(Vec<ToSend>, CancellationToken), Problem> {
        let mut desk = self.desk();
        if desk.running.is_some() {
            return Err(Problem::new(Code::Conflict, "Logs are being imported already."));
        }
        let waiting = desk.files.iter().enumerate();
        let waiting = waiting.filter(|(_, file)| matches!(file.standing, LogStanding::Waiting));
        let files: Vec<_> = waiting.map(|(at, file)| file.to_send(at)).collect();
        if files.is_empty() {
            return Err(Problem::new(Code::Invalid, "There is no log to import."));
        }
        let cancel = CancellationToken::new();
        desk.running = Some(cancel.clone());
        Ok((files, cancel))
    }

    pub fn cancel(&self) {
        if let Some(running) = &self.desk().running {
            running.cancel();
        }
    }

    pub fn sending(&self, at: usize) {
        self.set(at, LogStanding::Sending);
    }

    pub fn done(&self, at: usize, came_of_it: Result<ImportReport, Problem>) {
        let standing = match came_of_it {
            Ok(report) => LogStanding::Done { report: Box::new(report) },
            Err(problem) => LogStanding::Failed { message: problem.message },
        };
        self.set(at, standing);
    }

    /// What was not sent waits on: it can be sent again, and what is there already changes nothing.
    pub fn end(&self) {
        let mut desk = self.desk();
        desk.running = None;
        for file in &mut desk.files {
            if matches!(file.standing, LogStanding::Sending) {
                file.standing = LogStanding::Waiting;
                file.sent.store(0, Ordering::Relaxed);
            }
        }
    }

    fn set(&self, at: usize, standing: LogStanding) {
        if let Some(file) = self.desk().files.get_mut(at) {
            file.standing = standing;
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn read(path: &Path) -> Result<Self, Problem> {
        let refused = |why: &str| Problem::new(Code::Invalid, format!("{}: {why}", path.display()));
        let found = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => refused("you may not read it"),
            _ => refused(&error.to_string()),
        })?;
        if !found.is_file() {
            return Err(refused("it is no file; drop the logs themselves"));
        }
        let written_at = found.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
        Ok(Self {
            path: path.to_owned(),
            size: found.len(),
            written_at,
            sent: Arc::default(),
            standing: LogStanding::Waiting,
        })
    }

    fn to_send(&self, at: usize) -> ToSend {
        let written_at = self.written_at.map(Time);
        ToSend { at, path: self.path.clone(), written_at, sent: Arc::clone(&self.sent) }
    }

    fn shown(&self) -> LogFile {
        LogFile {
            name: name_of(&self.path),
            size: Bytes(self.size),
            sent: Bytes(self.sent.load(Ordering::Relaxed).min(self.size)),
            standing: self.standing.clone(),
        }
    }
}

/// A file's own name.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, u64)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in files {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_len(age * 10).unwrap();
            file.set_modified(
                std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(1000 - age),
            )
            .unwrap();
        }
        folder
    }

    fn names(logs: &LogFiles) -> Vec<String> {
        logs.shown().files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn rotated_logs_wait_in_the_order_in_which_they_were_written() {
        let folder = folder(&[("mail.log", 0), ("mail.log.2.gz", 20), ("mail.log.1", 10)]);
        let at = |name: &str| folder.path().join(name);
        let logs = LogFiles::default();
        logs.offer(&[at("mail.log"), at("mail.log.1")]).unwrap();
        logs.offer(&[at("mail.log.2.gz"), at("mail.log")]).unwrap();
        assert_eq!(names(&logs), ["mail.log.2.gz", "mail.log.1", "mail.log"]);
        let refused = logs.offer(&[at("mail.log.1"), folder.path().to_owned()]).unwrap_err();
        assert!(refused.message.contains("it is no file"), "{refused:?}");
        assert!(logs.offer(&[at("missing")]).is_err());
        assert_eq!(names(&logs).len(), 3);
        assert!(logs.shown().refused.is_some_and(|why| why.contains("missing")));
        logs.clear();
        assert_eq!(logs.shown(), LogDesk { files: Vec::new(), is_running: false, refused: None });
        assert_eq!(logs.begin().unwrap_err().code, Code::Invalid);
    }

    #[test]
    fn more_files_than_are_imported_at_once_are_refused_together() {
        let names_of = |count: u64| (0..count).map(|number| format!("mail.log.{number}")).collect::<Vec<_>>();
        let many = names_of(401);
        let folder = folder(&many.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>());
        let paths: Vec<_> = many.iter().map(|name| folder.path().join(name)).collect();
        let logs = LogFiles::default();
        logs.offer(&paths[..1]).unwrap();
        let refused = logs.offer(&paths[1..]).unwrap_err();
        assert!(refused.message.contains("these would be 401"), "{refused:?}");
        assert_eq!(names(&logs), ["mail.log.0"]);
        logs.offer(&paths[..400]).unwrap();
        assert_eq!(names(&logs).len(), 400);
    }

    #[test]
    fn what_was_cancelled_waits_on_and_what_is_done_is_told_until_other_files_come() {
        let folder = folder(&[("a", 3), ("b", 2), ("c", 1)]);
        let paths = ["a", "b", "c"].map(|name| folder.path().join(name));
        let logs = LogFiles::default();
        logs.offer(&paths).unwrap();
        let (files, cancel) = logs.begin().unwrap();
        assert_eq!(logs.begin().unwrap_err().code, Code::Conflict);
        assert_eq!(logs.offer(&paths).unwrap_err().code, Code::Conflict);
        logs.clear();
        logs.sending(files[0].at);
        files[0].sent.store(12, Ordering::Relaxed);
        assert_eq!(logs.shown().files[0].sent, Bytes(12));
        logs.done(files[0].at, Ok(ImportReport::default()));
        logs.done(files[1].at, Err(Problem::new(Code::Invalid, "It is no log.")));
        logs.sending(files[2].at);
        logs.cancel();
        assert!(cancel.is_cancelled());
        logs.end();
        let shown = logs.shown();
        assert!(
            !shown.is_running && matches!(shown.files[0].standing, LogStanding::Done { .. }),
            "{shown:?}"
        );
        let failed = LogStanding::Failed { message: "It is no log.".to_owned() };
        assert_eq!((&shown.files[1].standing, &shown.files[2].standing), (&failed, &LogStanding::Waiting));
        let (again, _) = logs.begin().unwrap();
        assert_eq!(again.iter().map(|file| file.at).collect::<Vec<_>>(), [2]);
        logs.end();
        logs.offer(&[paths[0].clone()]).unwrap();
        assert_eq!(names(&logs), ["a", "c"]);
    }
}
