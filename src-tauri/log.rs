//! What the console does, in a small file beside its data. No secrets and no addresses: those who write log
//! lines keep them out.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

const LARGEST: u64 = 1024 * 1024;
const FILE: &str = "console.log";
const OLDER: &str = "console.log.1";
const FILTER: &str = "warn,mailcup_console=info,mailcup_console_core=info";

/// Begins the log. `MAILCUP_LOG` says what goes into it, as `tracing-subscriber` reads filters.
pub fn begin(folder: &Path) -> io::Result<()> {
    let filter = EnvFilter::try_from_env("MAILCUP_LOG").unwrap_or_else(|_| EnvFilter::new(FILTER));
    let file = LogFile::open(folder)?;
    // Only a second call fails, and there is none.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(file).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
    Ok(())
}

/// Begins a new file when it is full, and keeps the one before.
struct LogFile(Mutex<Open>);

struct Open {
    folder: PathBuf,
    file: File,
    written: u64,
}

impl LogFile {
    fn open(folder: &Path) -> io::Result<Self> {
        let file = append_to(folder)?;
        let written = file.metadata()?.len();
        Ok(Self(Mutex::new(Open { folder: folder.to_owned(), file, written })))
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Line<'a>(MutexGuard<'a, Open>);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let open = &mut *self.0;
        if open.written + bytes.len() as u64 > LARGEST {
            fs::rename(open.folder.join(FILE), open.folder.join(OLDER))?;
            open.file = append_to(&open.folder)?;
            open.written = 0;
        }
        let written = open.file.write(bytes)?;
        open.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.file.flush()
    }
}

fn append_to(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(folder.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_begins_anew_and_keeps_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let log = LogFile::open(folder.path()).unwrap();
        let line = vec![b'x'; 600 * 1024];
        for _ in 0..3 {
            log.make_writer().write_all(&line).unwrap();
        }
        let size = |name| fs::metadata(folder.path().join(name)).unwrap().len();
        assert_eq!((size(FILE), size(OLDER)), (line.len() as u64, line.len() as u64));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
