//! A real Chromium without a screen, driven through `WebDriver` and its developer tools' protocol.

use std::{
    ops::Deref,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use thirtyfour::{Capabilities, WebDriver};
use tokio::net::TcpStream;

use crate::{
    LabError, free_port,
    process::{Daemon, Leash},
    wait,
};

/// Chromium without the parts that draw a desktop's window, as Debian packs it: quicker, and nothing waits for a frame
/// that no screen asks for.
const WITHOUT_A_HEAD: &str = "/usr/bin/chromium-headless-shell";

const PATIENCE: Duration = Duration::from_secs(20);

/// Without a screen it calls itself headless, and is taken for a machine.
const AS_A_PERSON: &str = "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                           Chrome/140.0.0.0 Safari/537.36";

/// A running browser; all of [`WebDriver`]'s methods work on it. Dropping it ends it.
#[derive(Debug)]
pub struct Chromium {
    driver: WebDriver,
    _daemon: Daemon,
    _leash: Leash,
}

impl Chromium {
    /// Starts one with an empty profile.
    pub async fn start() -> Result<Self, LabError> {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Daemon::spawn("chromedriver", &mut command)?;
        let leash = Leash::new(&format!("echo {}", daemon.pid()), None)?;
        wait::until("chromedriver did not listen", PATIENCE, async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await?;
        let mut wanted = Capabilities::new();
        wanted.set("browserName", "chrome")?;
        // Its sandbox does not work for root, who starts mail servers.
        let args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", AS_A_PERSON];
        let mut options = json!({ "args": args });
        if Path::new(WITHOUT_A_HEAD).exists() {
            options["binary"] = WITHOUT_A_HEAD.into();
        }
        wanted.set("goog:chromeOptions", options)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        Ok(Self { driver, _daemon: daemon, _leash: leash })
    }

    /// Asks the developer tools for something.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, LabError> {
        Ok(self.driver.cdp().send_raw(command, parameters).await?)
    }

    /// Shows pages so wide, and by day or by night.
    pub async fn set_look(&self, width: u32, is_dark: bool) -> Result<(), LabError> {
        let size = json!({ "width": width, "height": 700, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await?;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    pub async fn close(self) -> Result<(), LabError> {
        Ok(self.driver.quit().await?)
    }
}

impl Deref for Chromium {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.driver
    }
}
