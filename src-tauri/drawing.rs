//! How the web view puts layers together: with the graphics card, or without layers.

use std::{env, fs, os::unix::process::CommandExt as _, path::Path, process::Command};

/// WebKitGTK reads it once, before its first window, and hands it to its web process.
const SWITCH: &str = "WEBKIT_DISABLE_COMPOSITING_MODE";

/// Where no graphics card can be asked, WebKitGTK puts layers together by OpenGL in software: that takes a
/// compiler into memory and copies every frame. Such a computer is better off without layers, so the program
/// starts itself anew with the switch set. Whoever sets it keeps what was set.
pub fn suit_the_graphics_card() {
    if env::var_os(SWITCH).is_some() || has_graphics_card(Path::new("/dev")) {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    // Returns only when it failed; the window opens all the same, drawn the slower way.
    let _ = Command::new(program).args(env::args_os().skip(1)).env(SWITCH, "1").exec();
}

/// Whether a driver offers to render: the kernel's own as `dri/renderD*`, NVIDIA's as `nvidiactl`.
fn has_graphics_card(devices: &Path) -> bool {
    let renders = |name: &std::ffi::OsStr| name.to_str().is_some_and(|it| it.starts_with("renderD"));
    devices.join("nvidiactl").exists()
        || fs::read_dir(devices.join("dri"))
            .is_ok_and(|mut found| found.any(|it| it.is_ok_and(|it| renders(&it.file_name()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_counts_that_renders() {
        let devices = tempfile::tempdir().unwrap();
        assert!(!has_graphics_card(devices.path()));
        fs::create_dir(devices.path().join("dri")).unwrap();
        fs::write(devices.path().join("dri/card0"), "").unwrap();
        assert!(!has_graphics_card(devices.path()), "a card that only shows pictures renders none");
        fs::write(devices.path().join("dri/renderD128"), "").unwrap();
        assert!(has_graphics_card(devices.path()));
        let devices = tempfile::tempdir().unwrap();
        fs::write(devices.path().join("nvidiactl"), "").unwrap();
        assert!(has_graphics_card(devices.path()));
    }
}
