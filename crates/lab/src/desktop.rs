//! A private desktop: X server, D-Bus session, Secret Service, notification server, tray, and our console
//! in a real window. Any number side by side, without a screen.

mod closing;
mod notifications;
mod processes;
mod tray;
mod window;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use zbus::{fdo::DBusProxy, names::BusName};

pub use notifications::{CloseReason, Notification, Notifications};
pub use processes::{ProcessMemory, memory_of};
pub use tray::{MenuEntry, Tray, TrayState};
pub use window::{App, Window};

use crate::{
    LabError,
    error::Doing as _,
    process::{Daemon, Leash},
    wait,
};

const STARTUP: Duration = Duration::from_secs(10);

/// What the desktop has.
#[derive(Debug, Clone, Copy)]
pub struct DesktopConfig {
    /// Of the screen, in pixels.
    pub width: u32,
    pub height: u32,
    /// Whether a Secret Service runs, with an unlocked keyring.
    pub keyring: bool,
}

impl Default for DesktopConfig {
    fn default() -> Self {
        Self { width: 1280, height: 800, keyring: true }
    }
}

/// A running desktop with an empty home folder; dropping it ends all its processes.
#[derive(Debug)]
pub struct Desktop {
    pub notifications: Notifications,
    pub tray: Tray,
    display: String,
    bus_address: String,
    // In the order in which they end.
    keyring: Option<Daemon>,
    bus: Daemon,
    screen: Daemon,
    leash: Leash,
    home: TempDir,
}

impl Desktop {
    pub async fn start(config: DesktopConfig) -> Result<Self, LabError> {
        install_tls();
        let home = tempfile::Builder::new()
            .prefix("mailcup-desktop-")
            .tempdir()
            .doing(|| "creating a home folder".into())?;
        for name in XDG_FOLDERS.map(|(_, name)| name) {
            fs::create_dir_all(home.path().join(name)).doing(|| format!("creating {name}"))?;
        }
        let (screen, display) = start_screen(config)?;
        let (bus, bus_address) = start_bus(home.path())?;
        let connection = zbus::connection::Builder::address(bus_address.as_str())?.build().await?;
        let notifications = Notifications::serve(&connection).await?;
        let tray = Tray::serve(&connection).await?;
        let leash = Leash::new(&format!("echo {} {}", screen.pid(), bus.pid()), Some(home.path()))?;
        let mut desktop =
            Self { notifications, tray, display, bus_address, keyring: None, bus, screen, leash, home };
        if config.keyring {
            desktop.start_keyring(&connection).await?;
        }
        Ok(desktop)
    }

    /// A command that runs on this desktop.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address)
            .env("HOME", self.home.path())
            .env("GDK_BACKEND", "x11")
            .env("GSETTINGS_BACKEND", "memory")
            .env("NO_AT_BRIDGE", "1")
            .env_remove("WAYLAND_DISPLAY");
        for (variable, name) in XDG_FOLDERS {
            command.env(variable, self.home.path().join(name));
        }
        command
    }

    /// The home folder; `data`, `config`, `cache` and `run` in it are the XDG folders.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn bus_address(&self) -> &str {
        &self.bus_address
    }

    /// A picture of the whole screen, as PNG.
    pub async fn screenshot(&self, file: &Path) -> Result<(), LabError> {
        let mut command = self.command("import");
        command.args(["-window", "root"]).arg(file);
        run(command).await.map(drop)
    }

    /// Titles of the windows that are visible.
    pub async fn window_titles(&self) -> Result<Vec<String>, LabError> {
        let mut command = self.command("xdotool");
        command.args(["search", "--onlyvisible", "--name", ".", "getwindowname", "%@"]);
        // xdotool fails when it finds none.
        Ok(run(command).await.unwrap_or_default().lines().map(str::to_owned).collect())
    }

    /// Closes a visible window as the button in its title bar does.
    pub fn ask_to_close(&self, title: &str) -> Result<(), LabError> {
        closing::ask_to_close(&self.display, title)
    }

    /// Ends the Secret Service, as on a desktop that has none.
    pub fn stop_keyring(&mut self) {
        drop(self.keyring.take());
    }

    async fn start_keyring(&mut self, connection: &zbus::Connection) -> Result<(), LabError> {
        let mut command = self.command("gnome-keyring-daemon");
        command
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut keyring = Daemon::spawn("gnome-keyring-daemon", &mut command)?;
        if let Some(mut pipe) = keyring.child_mut().stdin.take() {
            pipe.write_all(b"keyring password").doing(|| "unlocking the keyring".into())?;
        }
        self.keyring = Some(keyring);
        let bus = DBusProxy::new(connection).await?;
        let name = BusName::try_from("org.freedesktop.secrets").map_err(zbus::Error::from)?;
        wait::until("the Secret Service did not appear", STARTUP, async || {
            bus.name_has_owner(name.clone()).await.ok().filter(|owned| *owned)
        })
        .await
        .map(drop)
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.stop_keyring();
        self.bus.terminate();
        self.screen.terminate();
        self.leash.release();
    }
}

const XDG_FOLDERS: [(&str, &str); 4] = [
    ("XDG_DATA_HOME", "data"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_RUNTIME_DIR", "run"),
];

/// reqwest is built without a provider of cryptography; the first to ask chooses one for the process.
pub(crate) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn start_screen(config: DesktopConfig) -> Result<(Daemon, String), LabError> {
    let geometry = format!("{}x{}x24", config.width, config.height);
    let (daemon, number) = start_and_read_line(
        "Xvfb",
        // It would begin anew, and refuse whoever comes meanwhile, when the last window closes.
        Command::new("Xvfb").args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            &geometry,
            "-nolisten",
            "tcp",
            "-noreset",
        ]),
    )?;
    Ok((daemon, format!(":{number}")))
}

/// A session bus that activates nothing: what isn't started here is absent.
fn start_bus(home: &Path) -> Result<(Daemon, String), LabError> {
    let file = home.join("bus.conf");
    fs::write(&file, BUS_CONFIGURATION).doing(|| "writing the configuration of the bus".into())?;
    start_and_read_line(
        "dbus-daemon",
        Command::new("dbus-daemon")
            .arg(format!("--config-file={}", file.display()))
            .args(["--nofork", "--print-address=1"]),
    )
}

const BUS_CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

fn start_and_read_line(name: &str, command: &mut Command) -> Result<(Daemon, String), LabError> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut daemon = Daemon::spawn(name, command)?;
    let mut line = String::new();
    if let Some(output) = daemon.child_mut().stdout.take() {
        BufReader::new(output).read_line(&mut line).doing(|| format!("reading from {name}"))?;
    }
    if line.is_empty() {
        daemon.ends_within(Duration::from_secs(1));
        daemon.still_runs()?;
        return Err(LabError::unexpected(name, "nothing"));
    }
    Ok((daemon, line.trim().to_owned()))
}

async fn run(command: Command) -> Result<String, LabError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = tokio::process::Command::from(command).output().await.doing(|| format!("running {name}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(LabError::Ended {
        program: name,
        status: output.status.to_string(),
        evidence: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
