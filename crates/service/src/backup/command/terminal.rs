//! What is shown while work goes on.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mailcup_snapshots::{Progress, Watch};

const SHOW_EVERY: Duration = Duration::from_millis(200);

/// A line on the terminal that is written again and again; nothing where stderr is none.
pub struct Terminal {
    is_shown: bool,
    shown_at: Mutex<Option<Instant>>,
    cancelled: AtomicBool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            shown_at: Mutex::default(),
            cancelled: AtomicBool::new(false),
        }
    }
}

impl Terminal {
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    pub fn clear(&self) {
        if self.is_shown && self.shown_at.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            write("\r\x1b[K");
        }
    }
}

impl Watch for Terminal {
    fn progress(&self, progress: Progress) {
        if !self.is_shown {
            return;
        }
        // Whoever finds it taken leaves it to the other.
        let Ok(mut shown_at) = self.shown_at.try_lock() else { return };
        if shown_at.is_some_and(|at| at.elapsed() < SHOW_EVERY) {
            return;
        }
        *shown_at = Some(Instant::now());
        let Progress { bytes, total_bytes, files, total_files } = progress;
        let of = |total: u64| if total == 0 { String::new() } else { format!(" of about {total}") };
        write(&format!(
            "\r\x1b[K{files}{} files, {}{} MB",
            of(total_files),
            bytes / 1_000_000,
            of(total_bytes / 1_000_000)
        ));
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

fn write(text: &str) {
    let mut stderr = io::stderr();
    // Nobody is left to tell if stderr is closed.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
