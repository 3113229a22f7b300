//! The pages: Node and npm, their packages, and the built files that go into the console.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::platform::Platform;
use crate::step;
use crate::workspace::Workspace;

/// The oldest Node that Vite and our packages run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// Folders whose content no build reads.
const NOT_SOURCES: [&str; 5] = ["node_modules", "dist", "dist-mock", "test-results", "playwright-report"];

/// `npm` in the pages' folder.
pub fn npm(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(workspace.ui()).args(args).env("npm_config_update_notifier", "false");
    command
}

/// Installs the pages' packages unless those of this very lock file are there.
pub fn install(workspace: &Workspace) -> Result<(), Failure> {
    let lock_file = workspace.ui().join("package-lock.json");
    let lock = fs::read_to_string(&lock_file)
        .map_err(|error| Failure::io(format!("reading {}", lock_file.display()), &error))?;
    let stamp = workspace.ui().join("node_modules").join(".mailcup-installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if step::output_of(&mut npm(workspace, &["--version"])).is_none() {
        return Err(Failure::new(
            "npm is needed beside Node and there is none; install your system's npm package",
        ));
    }
    step::run("Install the pages' packages", &mut npm(workspace, &["ci", "--no-audit", "--no-fund"]))?;
    write(&stamp, &lock)
}

/// Builds the pages unless nothing that goes into them has changed.
pub fn build(workspace: &Workspace) -> Result<(), Failure> {
    install(workspace)?;
    let stamp = workspace.ui().join("node_modules").join(".mailcup-built");
    let built = workspace.ui().join("dist").join("index.html");
    if built.is_file()
        && fs::read_to_string(&stamp)
            .is_ok_and(|print| fingerprint(&workspace.ui()).is_ok_and(|now| now == print))
    {
        return Ok(());
    }
    step::run("Build the pages", &mut npm(workspace, &["run", "build"]))?;
    // Taken afterwards: the build itself writes sources, such as compiled messages.
    write(&stamp, &fingerprint(&workspace.ui())?)
}

/// Says what to do when there is no Node, or one that is too old.
pub fn require_node() -> Result<(), Failure> {
    let found = step::output_of(Command::new("node").arg("--version"));
    let version = found.as_deref().and_then(node_version);
    if version.is_some_and(|version| version >= OLDEST_NODE) {
        return Ok(());
    }
    let (major, minor) = OLDEST_NODE;
    let there_is =
        found.map_or_else(|| "there is none".to_owned(), |found| format!("this is {}", found.trim()));
    Err(Failure::new(format!("Node {major}.{minor} or newer is needed; {there_is}. {}", how_to_get_node())))
}

fn how_to_get_node() -> &'static str {
    match Platform::here() {
        Platform::Debian | Platform::Ubuntu => {
            "Debian 12's and Ubuntu 24.04's own nodejs is too old: install the current release for your \
             system from https://nodejs.org/en/download, then start this again."
        }
        Platform::Fedora => "Run:\n  sudo dnf install nodejs npm",
        Platform::Arch => "Run:\n  sudo pacman -S --needed nodejs npm",
        Platform::MacOs => "Run:\n  brew install node",
        Platform::Windows => "Run:\n  winget install OpenJS.NodeJS.LTS",
        Platform::OtherLinux => "Install it from https://nodejs.org/en/download.",
    }
}

/// Major and minor of `v20.19.4`.
fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Changes when a file that goes into the pages changes, appears or goes; the same in every checkout.
fn fingerprint(ui: &Path) -> Result<String, Failure> {
    let mut files = BTreeMap::new();
    collect(ui, ui, &mut files)
        .map_err(|error| Failure::io(format!("reading the pages in {}", ui.display()), &error))?;
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !NOT_SOURCES.contains(&&*name) {
                collect(root, &entry.path(), files)?;
            }
        } else {
            let path = entry.path();
            let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            files.insert(relative, fs::read(&path)?);
        }
    }
    Ok(())
}

fn write(file: &Path, content: &str) -> Result<(), Failure> {
    fs::write(file, content).map_err(|error| Failure::io(format!("writing {}", file.display()), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare() {
        assert_eq!(node_version("v20.19.4\n"), Some((20, 19)));
        assert_eq!(node_version("v18.20.4"), Some((18, 20)));
        assert_eq!(node_version("20"), None);
        assert!(node_version("v22.1.0").is_some_and(|version| version >= OLDEST_NODE));
    }

    #[test]
    fn the_fingerprint_follows_sources_and_nothing_else() {
        let ui = std::env::temp_dir().join(format!("mailcup-xtask-{}", std::process::id()));
        for folder in ["src", "node_modules", "dist"] {
            fs::create_dir_all(ui.join(folder)).expect("a folder");
        }
        fs::write(ui.join("src/a.ts"), "1").expect("a file");
        let first = fingerprint(&ui).expect("a print");
        fs::write(ui.join("dist/a.js"), "1").expect("a file");
        fs::write(ui.join("node_modules/b.js"), "1").expect("a file");
        assert_eq!(fingerprint(&ui).expect("a print"), first);
        fs::write(ui.join("src/a.ts"), "2").expect("a file");
        let changed = fingerprint(&ui).expect("a print");
        assert_ne!(changed, first);
        fs::rename(ui.join("src/a.ts"), ui.join("src/b.ts")).expect("a rename");
        assert_ne!(fingerprint(&ui).expect("a print"), changed);
        fs::remove_dir_all(&ui).expect("tidy");
    }
}
