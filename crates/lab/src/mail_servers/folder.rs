//! The temporary folder of one pair of servers, with the owners and modes that they insist on.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use crate::{LabError, error::Doing as _};

/// Owns the mail. No account of the machine has this number, and none is made.
pub(super) const MAIL_UID: u32 = 59_587;

const LOG_LINES: usize = 40;
/// Unix socket paths end at 108 bytes; the longest of ours needs this much below the folder.
const LONGEST_FOLDER: usize = 60;

#[derive(Debug)]
pub(super) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(super) fn create() -> Result<Self, LabError> {
        let dir = tempfile::Builder::new()
            .prefix("mailcup-")
            .tempdir()
            .doing(|| "creating the folder of the mail servers".into())?;
        let folder = Self { dir };
        if folder.path().as_os_str().len() > LONGEST_FOLDER {
            return Err(LabError::Unsuitable(format!(
                "{} is too long for unix sockets below it; set TMPDIR to a shorter path",
                folder.path().display()
            )));
        }
        mode(folder.path(), 0o755)?;
        for name in ["dovecot", "dovecot/conf.d", "postfix", "run", "log", "queue", "queue/pid"] {
            folder.make(name, 0o755)?;
        }
        folder.make("mail", 0o700)?;
        own(&folder.at("mail"), Some(MAIL_UID), Some(MAIL_UID))?;
        folder.make("data", 0o700)?;
        own(&folder.at("data"), Some(id_of("/etc/passwd", "postfix")?), None)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn dovecot_conf(&self) -> PathBuf {
        self.at("dovecot/dovecot.conf")
    }

    pub(super) fn dovecot_dir(&self) -> PathBuf {
        self.at("dovecot")
    }

    /// Takes away what snippets wrote.
    pub(super) fn clear_dovecot_snippets(&self) -> Result<(), LabError> {
        let folder = self.at("dovecot/conf.d");
        fs::remove_dir_all(&folder)
            .and_then(|()| fs::create_dir(&folder))
            .doing(|| format!("emptying {}", folder.display()))
    }

    pub(super) fn postfix_dir(&self) -> PathBuf {
        self.at("postfix")
    }

    /// Makes the queue as `postfix check` would, which takes two seconds longer.
    pub(super) fn prepare_queue(&self) -> Result<(), LabError> {
        let postfix = id_of("/etc/passwd", "postfix")?;
        let postdrop = id_of("/etc/group", "postdrop")?;
        for name in [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
            "saved", "trace",
        ] {
            let path = self.make(&format!("queue/{name}"), 0o700)?;
            own(&path, Some(postfix), None)?;
        }
        for (name, bits) in [("maildrop", 0o1730), ("public", 0o2710)] {
            let path = self.make(&format!("queue/{name}"), bits)?;
            own(&path, Some(postfix), Some(postdrop))?;
            mode(&path, bits)?;
        }
        Ok(())
    }

    pub(super) fn write(&self, name: &str, content: &str) -> Result<(), LabError> {
        let path = self.at(name);
        fs::write(&path, content).doing(|| format!("writing {}", path.display()))
    }

    /// For what Postfix reads at its start: it waits two seconds where a file was changed just now.
    pub(super) fn write_as_if_old(&self, name: &str, content: &str) -> Result<(), LabError> {
        self.write(name, content)?;
        let path = self.at(name);
        let file = fs::File::options().write(true).open(&path);
        file.and_then(|file| file.set_modified(SystemTime::now() - Duration::from_mins(1)))
            .doing(|| format!("dating {} back", path.display()))
    }

    /// For a file with passwords: Dovecot's authentication process may read it, others may not.
    pub(super) fn write_for_dovecot(&self, name: &str, content: &str) -> Result<(), LabError> {
        self.write(name, content)?;
        let path = self.at(name);
        own(&path, None, Some(id_of("/etc/group", "dovecot")?))?;
        mode(&path, 0o640)
    }

    /// How often Postfix has read its configuration anew.
    pub(super) fn postfix_reloads(&self) -> usize {
        let log = fs::read(self.at("log/mail.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).matches("reload -- version").count()
    }

    /// A shell expression that prints the two servers' processes.
    pub(super) fn print_pids(&self) -> String {
        format!(
            "cat '{}' '{}' 2>/dev/null",
            self.at("queue/pid/master.pid").display(),
            self.at("run/dovecot/master.pid").display()
        )
    }

    pub(super) fn log_tails(&self) -> String {
        let mut out = String::new();
        for name in ["log/dovecot.log", "log/mail.log"] {
            let path = self.at(name);
            let _ = writeln!(out, "--- {}", path.display());
            let text = fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            for line in lines.iter().skip(lines.len().saturating_sub(LOG_LINES)) {
                let _ = writeln!(out, "{line}");
            }
        }
        out
    }

    fn make(&self, name: &str, bits: u32) -> Result<PathBuf, LabError> {
        let path = self.at(name);
        fs::create_dir_all(&path).doing(|| format!("creating {}", path.display()))?;
        mode(&path, bits)?;
        Ok(path)
    }
}

fn mode(path: &Path, bits: u32) -> Result<(), LabError> {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).doing(|| format!("chmod {}", path.display()))
}

fn own(path: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<(), LabError> {
    chown(path, uid, gid).doing(|| format!("chown {} (the mail servers start only as root)", path.display()))
}

fn id_of(file: &str, name: &str) -> Result<u32, LabError> {
    let text = fs::read_to_string(file).doing(|| format!("reading {file}"))?;
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(2)?.parse().ok())
        .ok_or_else(|| {
            LabError::Unsuitable(format!("no {name} in {file}; are Postfix and Dovecot installed?"))
        })
}
