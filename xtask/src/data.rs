//! Data that lies beside the programs: countries and names of networks, and rules that tell browsers apart. It is fetched
//! from npm, and mailcupd runs without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::Workspace;
use crate::{say, step};

/// What mailcupd reads, and the licences under which it may be passed on, by the folder in which it looks for it.
const FILES: [(&str, &[&str]); 2] = [
    (
        "places",
        &[
            "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
            "@ip-location-db/asn/asn-ipv4.csv",
            "@ip-location-db/asn/asn-ipv6.csv",
            "@ip-location-db/asn/DBIP-LICENSE",
            "@ip-location-db/asn/MODIFICATIONS",
            "@ip-location-db/asn/NRO_LICENSE",
            "@ip-location-db/asn/ROUTEVIEWS-LICENSE",
        ],
    ),
    ("clients", &["uap-core/regexes.yaml", "uap-core/LICENSE"]),
];

/// Lays the data beside the programs of a profile's folder (`debug` or `release`), unless this very data is there.
pub fn fetch(workspace: &Workspace, profile: &str) -> Result<(), Failure> {
    let lock = read(&sources(workspace).join("package-lock.json"))?;
    let beside = workspace.target().join(profile);
    // Not among the data: all that lies there is packed.
    let stamp = installed(workspace).join(format!("laid-{profile}"));
    let is_there = FILES.iter().all(|(folder, _)| beside.join(folder).is_dir());
    if is_there && fs::read_to_string(&stamp).is_ok_and(|laid| laid == lock) {
        return Ok(());
    }
    let packages = install(workspace, &lock)?;
    for (folder, files) in FILES {
        let folder = beside.join(folder);
        let about = || format!("laying data into {}", folder.display());
        fs::create_dir_all(&folder).map_err(|error| Failure::io(about(), &error))?;
        for file in files {
            let name = Path::new(file).file_name().unwrap_or_default();
            fs::copy(packages.join(file), folder.join(name)).map_err(|error| Failure::io(about(), &error))?;
        }
    }
    fs::write(&stamp, lock).map_err(|error| Failure::io(format!("writing {}", stamp.display()), &error))
}

/// Like [`fetch`], where the product is as good without: when the registry can't be reached, places and browsers are unknown.
pub fn try_to_fetch(workspace: &Workspace, profile: &str) {
    if let Err(failure) = fetch(workspace, profile) {
        say::note(&format!("places and browsers stay unknown: {failure}"));
    }
}

/// Installs the packages of the lock file into the target folder; answers where they lie.
fn install(workspace: &Workspace, lock: &str) -> Result<PathBuf, Failure> {
    let folder = installed(workspace);
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
    step::run("Fetch the data of places and clients", &mut npm)?;
    Ok(folder.join("node_modules"))
}

/// Where the packages are installed.
fn installed(workspace: &Workspace) -> PathBuf {
    workspace.target().join("data")
}

fn sources(workspace: &Workspace) -> PathBuf {
    workspace.root.join("packaging").join("data")
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::io(format!("reading {}", file.display()), &error))
}
