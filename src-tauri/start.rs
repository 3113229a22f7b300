use std::{
    env,
    error::Error,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser as _;
use mailcup_console_core::{Console, ConsolePaths};
use tauri::{App, AppHandle, Manager, RunEvent, Wry};
use tauri_plugin_window_state::StateFlags;
use tauri_specta::Builder as Boundary;

use crate::arguments::{Arguments, IN_TRAY};
use crate::boundary::boundary;
use crate::desktop::Desktop;
use crate::tray::TrayOnDesktop;
use crate::{log, window};

/// How long the service on this computer may take to stop when the console ends.
const FAREWELL: Duration = Duration::from_secs(5);

const ATTEMPTS: u32 = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(250);

/// Runs the console until it is quit.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(target_os = "linux")]
    crate::drawing::suit_the_graphics_card();
    // Fails only when a provider of cryptography is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let boundary = boundary();
    let built = tauri::Builder::default()
        .invoke_handler(boundary.invoke_handler())
        .setup(move |app| set_up(app, &arguments, &boundary))
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(|app, event| {
                if let RunEvent::Exit = event {
                    take_leave(app);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "MailCup Console can't start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn set_up(app: &mut App, arguments: &Arguments, boundary: &Boundary<Wry>) -> Result<(), Box<dyn Error>> {
    let data = data_folder(app, arguments)?;
    let handle = app.handle();
    be_only_one(handle, &data)?;
    log::begin(&data).map_err(|error| format!("{} can't be written: {error}", data.display()))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "the console starts");
    handle.plugin(tauri_plugin_autostart::Builder::new().arg(IN_TRAY).build())?;
    let remembered = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    handle.plugin(tauri_plugin_window_state::Builder::new().with_state_flags(remembered).build())?;
    handle.plugin(tauri_plugin_dialog::init())?;
    boundary.mount_events(app);
    app.manage(TrayOnDesktop::new());
    let paths = ConsolePaths { data: data.clone(), service_program: beside_us("mailcupd")? };
    let desktop = Desktop::new(handle.clone());
    let console = tauri::async_runtime::block_on(async { Console::start(paths, desktop) })?;
    app.manage(console);
    window::open(handle, &data, arguments.in_tray)?;
    end_on_signal(handle.clone());
    Ok(())
}

fn data_folder(app: &App, arguments: &Arguments) -> Result<PathBuf, Box<dyn Error>> {
    let folder = match &arguments.data_dir {
        Some(folder) => std::path::absolute(folder)?,
        None => app.path().app_data_dir()?,
    };
    fs::create_dir_all(&folder).map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
    Ok(folder)
}

/// An earlier console that is just ending takes no message and leaves the name soon after.
fn be_only_one(handle: &AppHandle, data: &Path) -> tauri::Result<()> {
    for _ in 1..ATTEMPTS {
        match handle.plugin(only_one(data)) {
            Ok(()) => return Ok(()),
            Err(error) => tracing::warn!(%error, "another console does not answer; it may be ending"),
        }
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
    handle.plugin(only_one(data))
}

/// A second start on the same data shows the first one's window and ends.
fn only_one(data: &Path) -> tauri::plugin::TauriPlugin<Wry> {
    let mut hash = DefaultHasher::new();
    data.hash(&mut hash);
    tauri_plugin_single_instance::Builder::new()
        .dbus_id(format!("org.mailcup.console.data{:016x}", hash.finish()))
        .callback(|app, _, _| window::show(app))
        .build()
}

/// A program of ours, which lies in the same folder as this one.
fn beside_us(name: &str) -> std::io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

#[cfg(unix)]
fn end_on_signal(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.exit(0);
    });
}

#[cfg(not(unix))]
fn end_on_signal(_: AppHandle) {}

fn take_leave(app: &AppHandle) {
    let Some(console) = app.try_state::<Console>() else { return };
    let ended =
        tauri::async_runtime::block_on(async { tokio::time::timeout(FAREWELL, console.shut_down()).await });
    if let Ok(Ok(())) = ended {
        tracing::info!("the console ends");
    } else {
        tracing::warn!("the console ends without having stopped everything");
    }
}
