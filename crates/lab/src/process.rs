//! Processes that end when their owner does.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{LabError, error::Doing as _, wait};

const GRACE: Duration = Duration::from_secs(5);

const STARTUP: Duration = Duration::from_secs(20);

/// A child process, terminated on drop.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
}

impl Daemon {
    pub(crate) fn spawn(name: &str, command: &mut Command) -> Result<Self, LabError> {
        let child =
            command.spawn().doing(|| format!("starting {name} ({})", command.get_program().display()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// An error if the process has ended by itself.
    pub(crate) fn still_runs(&mut self) -> Result<(), LabError> {
        match self.child.try_wait().doing(|| format!("asking after {}", self.name))? {
            None => Ok(()),
            Some(status) => Err(LabError::Ended {
                program: self.name.clone(),
                status: status.to_string(),
                evidence: String::new(),
            }),
        }
    }

    /// Waits until it `listens`. Where it ends instead or never does, the error says what stands in its log.
    pub(crate) async fn await_start(
        &mut self,
        log: &Path,
        listens: impl AsyncFn() -> bool,
    ) -> Result<(), LabError> {
        let late = format!("{} did not listen", self.name);
        let started = wait::until(&late, STARTUP, async || {
            if let Err(ended) = self.still_runs() {
                return Some(Err(ended));
            }
            listens().await.then_some(Ok(()))
        });
        let evidence = || fs::read_to_string(log).unwrap_or_default();
        started.await.flatten().map_err(|error| error.with_evidence(&evidence()))
    }

    /// Whether the process ends by itself within `patience`.
    pub(crate) fn ends_within(&mut self, patience: Duration) -> bool {
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// SIGTERM, then SIGKILL if that isn't heard within five seconds.
    pub(crate) fn terminate(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.child.id(), Signal::TERM);
        }
        self.wait_or_kill();
    }

    fn wait_or_kill(&mut self) {
        if !self.ends_within(GRACE) {
            self.kill();
        }
    }

    /// SIGKILL for a session leader and all that it started.
    pub(crate) fn kill_group(&mut self) {
        if let Some(pid) = raw(self.child.id()) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.kill();
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// Sends `signal` to the process; one that has ended already is no error.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Ends servers and removes their folder even when the process that started them is killed and can't.
///
/// A shell waits on a pipe whose other end only we hold.
#[derive(Debug)]
pub(crate) struct Leash {
    shell: Child,
}

impl Leash {
    /// `pids_script` is a shell expression that prints the processes to end; `folder` is removed after that.
    pub(crate) fn new(pids_script: &str, folder: Option<&Path>) -> Result<Self, LabError> {
        let script = format!(
            "read -r word; [ \"$word\" = released ] && exit 0; \
             kill -TERM $({pids_script}) 2>/dev/null; sleep 2; kill -KILL $({pids_script}) 2>/dev/null; \
             [ -z \"$1\" ] || rm -rf -- \"$1\""
        );
        // A group of its own, so that Ctrl+C on the test run doesn't take the leash along.
        let shell = std::os::unix::process::CommandExt::process_group(
            Command::new("sh").args(["-c", &script, "leash"]).arg(folder.unwrap_or(Path::new(""))),
            0,
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .doing(|| "starting the shell that cleans up after us".into())?;
        Ok(Self { shell })
    }

    pub(crate) fn release(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _ = pipe.write_all(b"released\n");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.release();
    }
}
