//! Our console on the desktop: as a plain process, or driven through `WebDriver`.

use std::{
    io::Read as _,
    ops::Deref,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use thirtyfour::{Capabilities, WebDriver, error::WebDriverError};
use tokio::net::TcpStream;

use super::{
    Desktop, ProcessMemory,
    processes::{children, memory_of, name_of, tree},
};
use crate::{
    LabError, free_port,
    process::{Daemon, Leash, signal},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs on the desktop by itself.
#[derive(Debug)]
pub struct App {
    daemon: Daemon,
    _leash: Leash,
}

/// The console's window under `WebDriver`; all of [`WebDriver`]'s methods work on it.
#[derive(Debug)]
pub struct Window {
    driver: Option<WebDriver>,
    app: u32,
    /// From the request for the window until the driver could speak to its page.
    pub opened_in: Duration,
    webdriver: Daemon,
    _leash: Leash,
}

impl Desktop {
    /// Starts a program with these arguments and further environment variables.
    pub fn launch(&self, program: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Result<App, LabError> {
        let mut command = self.command(program);
        command.args(arguments).envs(env.iter().copied()).stdin(Stdio::null()).stderr(Stdio::piped());
        let daemon = Daemon::spawn(&program.display().to_string(), &mut command)?;
        let leash = Leash::new(&format!("echo {}", daemon.pid()), None)?;
        Ok(App { daemon, _leash: leash })
    }

    /// Opens the console in a window that `WebDriver` drives.
    pub async fn open(
        &self,
        program: &Path,
        arguments: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Window, LabError> {
        let port = free_port();
        let mut command = self.command("WebKitWebDriver");
        command
            .args([format!("--port={port}"), "--host=127.0.0.1".into()])
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .envs(env.iter().copied())
            .stdin(Stdio::null());
        let webdriver = Daemon::spawn("WebKitWebDriver", &mut command)?;
        let leash = Leash::new(&format!("echo {}", webdriver.pid()), None)?;
        wait::until("WebKitWebDriver did not listen", PATIENCE, async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await?;
        let begun = Instant::now();
        let mut wanted = Capabilities::new();
        let options = serde_json::json!({ "binary": program, "args": arguments });
        wanted.set("webkitgtk:browserOptions", options)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        let opened_in = begun.elapsed();
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        // The kernel keeps 15 bytes of a program's name.
        let is_app =
            |pid: &u32| name_of(*pid).is_some_and(|comm| !comm.is_empty() && name.starts_with(&comm));
        let Some(app) = children(webdriver.pid()).into_iter().find(is_app) else {
            return Err(LabError::Unsuitable(format!("WebKitWebDriver did not start {}", program.display())));
        };
        Ok(Window { driver: Some(driver), app, opened_in, webdriver, _leash: leash })
    }
}

impl App {
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    pub fn memory(&self) -> Vec<ProcessMemory> {
        memory_of(self.pid())
    }

    /// Whether it ends by itself within `patience`, as a second instance does.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        self.daemon.ends_within(patience)
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.daemon.kill();
    }

    /// Ends it by SIGTERM and gives what it wrote to stderr.
    pub fn stop(mut self) -> String {
        self.daemon.terminate();
        let mut text = Vec::new();
        if let Some(mut pipe) = self.daemon.child_mut().stderr.take() {
            let _ = pipe.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

const CHANGE_SOMETHING: &str = "
    const mark = document.createElement('i');
    Object.assign(mark.style, { position: 'fixed', right: 0, bottom: 0, width: '1px', height: '1px' });
    document.body.append(mark);
    let turn = 0;
    const changing = setInterval(() => { mark.style.background = `rgb(0 0 0 / 0.00${++turn % 9 + 1})`; }, 20);
    window.changeNothing = () => { clearInterval(changing); mark.remove(); };";

impl Window {
    /// The console's process.
    pub fn pid(&self) -> u32 {
        self.app
    }

    /// The console, its web processes and its embedded service.
    pub fn processes(&self) -> Vec<u32> {
        tree(self.app)
    }

    pub fn memory(&self) -> Vec<ProcessMemory> {
        memory_of(self.app)
    }

    /// The page's picture, as PNG. The driver waits until the page is painted once more, which a window without
    /// layers does only where something changed: so something unseen changes meanwhile.
    pub async fn picture(&self, file: &Path) -> Result<(), LabError> {
        self.execute(CHANGE_SOMETHING, Vec::new()).await?;
        self.screenshot(file).await?;
        self.execute("window.changeNothing()", Vec::new()).await?;
        Ok(())
    }

    /// Ends the console as `WebDriver` does.
    pub async fn close(mut self) -> Result<(), LabError> {
        match self.driver.take() {
            Some(driver) => Ok(driver.quit().await?),
            None => Ok(()),
        }
    }

    /// `kill -9` of the console alone; what it started has to notice by itself.
    pub async fn kill(mut self) -> Result<(), LabError> {
        signal(self.app, Signal::KILL);
        self.forget_session();
        let app = self.app;
        wait::until("the console did not die", PATIENCE, async || ended(app).then_some(())).await
    }

    fn forget_session(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _ = driver.leak();
        }
    }
}

impl Deref for Window {
    type Target = WebDriver;

    #[expect(clippy::expect_used, reason = "only close and kill take it, and they take the window")]
    fn deref(&self) -> &WebDriver {
        self.driver.as_ref().expect("an open window has its session")
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if self.driver.is_some() {
            // A session that nobody ended: WebKitWebDriver takes its window along.
            signal(self.app, Signal::TERM);
            self.forget_session();
        }
        self.webdriver.terminate();
    }
}

impl From<WebDriverError> for LabError {
    fn from(error: WebDriverError) -> Self {
        Self::Window(Box::new(error))
    }
}

/// A killed process stays as a zombie until its parent asks.
fn ended(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}
