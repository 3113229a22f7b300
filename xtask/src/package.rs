//! Packages for Debian and Fedora and their kin: the console, and the service for a mail server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::prerequisites::{self, Purpose};
use crate::run::{build_programs, profile};
use crate::workspace::{Workspace, find_program};
use crate::{data, say, step, tools, ui};

/// The crates that packages are described in, by their folders.
const PACKAGED: [(&str, &str); 2] = [("mailcup-console", "."), ("mailcup-service", "crates/service")];

#[derive(clap::Args)]
pub struct Options {
    /// Where the packages go; `dist` in the checkout if it is not given
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Afterwards, install them on a clean Debian, start service and console there, and remove them again
    #[arg(long)]
    prove: bool,
}

pub fn package(workspace: &Workspace, options: &Options) -> Result<(), Failure> {
    let folder = options.to.clone().unwrap_or_else(|| workspace.root.join("dist"));
    // The tools start in the checkout: a relative folder would be another one there.
    let folder = std::path::absolute(&folder)
        .map_err(|error| Failure::io(format!("finding {}", folder.display()), &error))?;
    ui::require_node()?;
    prerequisites::ensure(Purpose::Build)?;
    if options.prove {
        require_for_proof()?;
    }
    let deb = require(workspace, "cargo-deb")?;
    let rpm = require(workspace, "cargo-generate-rpm")?;
    ui::build(workspace)?;
    build_programs(workspace, &["mailcup-console", "mailcupd"], true)?;
    data::fetch(workspace, profile(true))?;
    clear(&folder)?;
    for (name, path) in PACKAGED {
        let mut command = workspace.tool(&deb);
        command.args(["deb", "--no-build", "--package", name, "--output"]).arg(&folder);
        step::run(&format!("Pack {name} as deb"), &mut command)?;
        let mut command = workspace.tool(&rpm);
        command.args(["generate-rpm", "--package", path, "--output"]).arg(&folder);
        step::run(&format!("Pack {name} as rpm"), &mut command)?;
    }
    for file in packages(&folder)? {
        say::result(&file.display().to_string());
    }
    if options.prove {
        let mut prove = Command::new("bash");
        prove.current_dir(&workspace.root).arg("packaging/prove.sh").arg(&folder);
        step::run("Install, start and remove them on a clean Debian", &mut prove)?;
    }
    Ok(())
}

fn require(workspace: &Workspace, name: &str) -> Result<PathBuf, Failure> {
    tools::find_or_install(workspace, name)
        .ok_or_else(|| Failure::new(format!("{name} is needed: cargo install --locked {name}")))
}

/// Better said before a long build than after.
fn require_for_proof() -> Result<(), Failure> {
    prerequisites::require_root("package --prove")?;
    let needed = [("debootstrap", "debootstrap"), ("systemd-nspawn", "systemd-container")];
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(program, _)| find_program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "a clean Debian is made with debootstrap and started with systemd-nspawn; run:\n  \
         apt-get install --no-install-recommends {}",
        missing.join(" ")
    )))
}

/// Packages of an earlier version must not lie beside the new ones; what else lies there is not ours.
fn clear(folder: &Path) -> Result<(), Failure> {
    let about = || format!("preparing {}", folder.display());
    fs::create_dir_all(folder).map_err(|error| Failure::io(about(), &error))?;
    for file in packages(folder)? {
        fs::remove_file(&file).map_err(|error| Failure::io(about(), &error))?;
    }
    Ok(())
}

/// Our packages in a folder.
fn packages(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let mut files = read().map_err(|error| Failure::io(format!("reading {}", folder.display()), &error))?;
    files.retain(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(is_ours));
    files.sort();
    Ok(files)
}

fn is_ours(name: &str) -> bool {
    let is_package = Path::new(name).extension().is_some_and(|kind| kind == "deb" || kind == "rpm");
    // What follows the name is the version.
    let named = ["mailcupd", "mailcup-console"].iter().filter_map(|ours| name.strip_prefix(ours));
    is_package && named.into_iter().any(|rest| rest.starts_with(['_', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_folder_loses_our_packages_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("mailcup-packages-{}", std::process::id()));
        let kept =
            ["mailcupd.deb", "mailcup_0.1.0_amd64.deb", "postfix_3.7.11_amd64.deb", "mailcupd_notes.txt"];
        let ours = [
            "mailcup-console-0.1.0-1.x86_64.rpm",
            "mailcup-console_0.1.0-1_amd64.deb",
            "mailcupd-0.1.0-1.x86_64.rpm",
            "mailcupd_0.1.0-1_amd64.deb",
        ];
        fs::create_dir_all(&folder).expect("a folder");
        for name in kept.iter().chain(&ours) {
            fs::write(folder.join(name), "").expect("a file");
        }
        let found = packages(&folder).expect("the packages");
        clear(&folder).expect("cleared");
        let mut left: Vec<_> = fs::read_dir(&folder)
            .expect("the folder")
            .map(|entry| entry.expect("a file").file_name().into_string().expect("a name"))
            .collect();
        left.sort();
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(found, ours.map(|name| folder.join(name)));
        let mut kept = kept;
        kept.sort_unstable();
        assert_eq!(left, kept);
    }
}
