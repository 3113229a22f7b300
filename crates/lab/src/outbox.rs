//! The Maildir into which a service without a relay puts its mail.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{LabError, wait};

/// Beyond this, no mail comes any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// An outbox, by its folder.
#[derive(Debug, Clone)]
pub struct Outbox(PathBuf);

impl Outbox {
    /// That of the service with this data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("outbox"))
    }

    /// Paths of all mails that have gone out.
    pub fn mails(&self) -> HashSet<PathBuf> {
        let entries = fs::read_dir(self.0.join("new")).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }

    /// The next mail after those in `before` that holds `part`, as its reader sees it.
    pub async fn mail(&self, before: &HashSet<PathBuf>, part: &str) -> Result<String, LabError> {
        wait::until(&format!("no mail says “{part}”"), PATIENCE, async || {
            let texts = self.mails().into_iter().filter(|path| !before.contains(path));
            let mut texts = texts.filter_map(|path| fs::read_to_string(path).ok());
            texts.find_map(|text| Some(readable(&text)).filter(|text| text.contains(part)))
        })
        .await
    }
}

/// The six digits that stand alone in a line of a mail.
pub fn six_digits(mail: &str) -> Option<&str> {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    mail.lines().map(str::trim).find(is_code)
}

/// With lines that quoted-printable broke put together again (RFC 2045, section 6.7).
pub fn readable(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}
