//! A second service on a restored database: the same program, for nobody but the rehearsal. It listens to nothing but
//! its shell's socket, sends no mail, and ends when this one does.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use mailcup_snapshots::Watch;
use tokio::runtime::Handle;

use crate::{
    backup::BackupError,
    cli::{Place, Serve},
    config::Config,
    local,
    secrets::{self, ServerKey},
    store::copy::Counts,
};

/// A large database takes a while to be brought up to date.
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(50);

/// So much of what it says about its failure is told.
const SAID: u64 = 2000;

/// Which program is started, and with which key.
#[derive(Debug)]
pub struct Started<'a> {
    pub program: PathBuf,
    pub server_key: &'a ServerKey,
}

/// This very program, even if its file was replaced by another version since.
pub fn own_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

impl Started<'_> {
    /// Lays the server key down, unless the second service finds it where this one did.
    pub fn give_key(&self, data: &Path) -> Result<(), BackupError> {
        if secrets::credential(secrets::SERVER_KEY_CREDENTIAL).is_some() {
            return Ok(());
        }
        self.server_key.write(data).map_err(|error| BackupError::io(data, error))
    }
}

/// It ends with this value.
pub struct Second {
    child: Child,
    data: PathBuf,
}

impl Second {
    /// Starts it and waits until it is ready. What went wrong is said in words.
    pub fn start(by: &Started<'_>, data: &Path, watch: &dyn Watch) -> Result<Self, String> {
        let mut command = Command::new(&by.program);
        command.arg0("mailcupd").args(["serve", "--sidecar", "--rehearsal", "--data-dir"]).arg(data);
        command.args(["--http", "127.0.0.1:0", "--public", "127.0.0.1:0", "--postfix-policy", "127.0.0.1:0"]);
        // Nothing of this one's configuration: it must end nobody's sessions, and reach no relay.
        command.env_clear();
        if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            command.env("CREDENTIALS_DIRECTORY", folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut second = Self { child, data: data.to_owned() };
        second.await_ready(watch)?;
        Ok(second)
    }

    /// What it counts in its database.
    pub fn counts(&self, runtime: &Handle) -> Result<Counts, String> {
        let place = Place { data_dir: Some(self.data.clone()), config: None };
        let config =
            Config::read(&Serve { place, ..Serve::default() }, []).map_err(|error| error.to_string())?;
        let answer = runtime.block_on(local::ask_running(&config, &local::Request::Count));
        let answer = answer.ok_or_else(|| "it answers nothing".to_owned())??;
        serde_json::from_str(&answer).map_err(|error| error.to_string())
    }

    fn await_ready(&mut self, watch: &dyn Watch) -> Result<(), String> {
        let tokens = format!(
            "{{\"launch_token\":\"{}\",\"setup_token\":\"{}\"}}\n",
            secrets::new_id(),
            secrets::new_id()
        );
        if let Some(stdin) = &mut self.child.stdin {
            stdin.write_all(tokens.as_bytes()).map_err(|error| error.to_string())?;
        }
        let (ready, said) = mpsc::channel();
        if let Some(stdout) = self.child.stdout.take() {
            thread::spawn(move || {
                let mut line = String::new();
                let read = BufReader::new(stdout).read_line(&mut line).unwrap_or(0);
                // Nobody waits if it was cancelled.
                let _ = ready.send(read > 0);
            });
        }
        let begun = Instant::now();
        loop {
            match said.recv_timeout(LOOK) {
                Ok(true) => return Ok(()),
                Ok(false) | Err(mpsc::RecvTimeoutError::Disconnected) => return Err(self.last_words()),
                Err(mpsc::RecvTimeoutError::Timeout) if watch.cancelled() => {
                    return Err("cancelled".to_owned());
                }
                Err(mpsc::RecvTimeoutError::Timeout) if begun.elapsed() > PATIENCE => {
                    return Err("it did not become ready within five minutes".to_owned());
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn last_words(&mut self) -> String {
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            // It has ended, or is about to.
            let _ = stderr.take(SAID).read_to_string(&mut said);
        }
        said.lines().last().map_or_else(|| "it ended without a word".to_owned(), str::to_owned)
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        // There is nothing of it to be kept.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
