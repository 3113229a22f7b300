//! Data of places (countries and names of networks), fetched from npm and laid beside the programs. It is too large
//! for git, and mailcupd runs without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::Workspace;
use crate::{say, step};

/// What mailcupd reads, and the licences under which it may be passed on.
const FILES: [&str; 7] = [
    "geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
    "asn/asn-ipv4.csv",
    "asn/asn-ipv6.csv",
    "asn/DBIP-LICENSE",
    "asn/MODIFICATIONS",
    "asn/NRO_LICENSE",
    "asn/ROUTEVIEWS-LICENSE",
];

/// Lays the data beside the programs of a profile's folder (`debug` or `release`), unless this very data is there.
pub fn fetch(workspace: &Workspace, profile: &str) -> Result<(), Failure> {
    let lock = read(&sources(workspace).join("package-lock.json"))?;
    let folder = workspace.target().join(profile).join("places");
    // Not among the data: all that lies there is packed.
    let stamp = workspace.target().join("places").join(format!("laid-{profile}"));
    if folder.is_dir() && fs::read_to_string(&stamp).is_ok_and(|laid| laid == lock) {
        return Ok(());
    }
    let packages = install(workspace, &lock)?;
    let about = || format!("laying the data of places into {}", folder.display());
    fs::create_dir_all(&folder).map_err(|error| Failure::io(about(), &error))?;
    for file in FILES {
        let name = Path::new(file).file_name().unwrap_or_default();
        fs::copy(packages.join(file), folder.join(name)).map_err(|error| Failure::io(about(), &error))?;
    }
    fs::write(&stamp, lock).map_err(|error| Failure::io(about(), &error))
}

/// Like [`fetch`], where the product is as good without: when the registry can't be reached, places are unknown.
pub fn try_to_fetch(workspace: &Workspace, profile: &str) {
    if let Err(failure) = fetch(workspace, profile) {
        say::note(&format!("places stay unknown: {failure}"));
    }
}

/// Installs the packages of the lock file into the target folder; answers where they lie.
fn install(workspace: &Workspace, lock: &str) -> Result<PathBuf, Failure> {
    let folder = workspace.target().join("places");
    let about = || format!("preparing {}", folder.display());
    fs::create_dir_all(&folder).map_err(|error| Failure::io(about(), &error))?;
    fs::write(folder.join("package-lock.json"), lock).map_err(|error| Failure::io(about(), &error))?;
    for file in ["package.json", ".npmrc"] {
        fs::copy(sources(workspace).join(file), folder.join(file))
            .map_err(|error| Failure::io(about(), &error))?;
    }
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(&folder).env("npm_config_update_notifier", "false");
    npm.args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]);
    step::run("Fetch the data of places", &mut npm)?;
    Ok(folder.join("node_modules").join("@ip-location-db"))
}

fn sources(workspace: &Workspace) -> PathBuf {
    workspace.root.join("packaging").join("places")
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::io(format!("reading {}", file.display()), &error))
}
