//! A clock that a test moves under a real program: libfaketime between the program and the system.

use std::{fs, path::PathBuf, time::Duration};

use tempfile::TempDir;

use crate::{LabError, error::Doing as _};

/// The system's time, as far ahead of it as the test says. What programs measure by the monotonic clock goes on
/// as it is.
#[derive(Debug)]
pub struct MovedClock {
    folder: TempDir,
}

/// `$LIB` is the dynamic linker's own word for where libraries of this machine lie.
const LIBRARY: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

impl MovedClock {
    pub fn new() -> Result<Self, LabError> {
        let folder = TempDir::new().doing(|| "making a folder for a clock".to_owned())?;
        let clock = Self { folder };
        clock.set_ahead(Duration::ZERO)?;
        Ok(clock)
    }

    /// What a program has to be started with to go by this clock.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", LIBRARY.to_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_RESET", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// From now on the clock is so far ahead of the system's.
    pub fn set_ahead(&self, by: Duration) -> Result<(), LabError> {
        let next = self.folder.path().join("next");
        fs::write(&next, format!("+{}s\n", by.as_secs())).doing(|| format!("writing {}", next.display()))?;
        fs::rename(&next, self.file()).doing(|| format!("setting {}", self.file().display()))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }
}
