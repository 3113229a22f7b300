use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// The one feature set for every build: another one would rebuild half of the dependencies.
pub const FEATURES: [&str; 3] = ["--workspace", "--features", "custom-protocol"];

/// Where the checkout is and where its builds go.
pub struct Workspace {
    pub root: PathBuf,
    cache: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout that this program was built from.
    pub fn locate() -> Result<Self, Failure> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .ok_or_else(|| Failure::new("start this with `cargo xtask` inside the checkout"))?
            .to_path_buf();
        let cache = cache_folder(env::consts::OS, |name| env::var_os(name).filter(|value| !value.is_empty()))
            .ok_or_else(|| Failure::new("no home folder is known: set HOME, or CARGO_TARGET_DIR"))?;
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), |folder| root.join(folder));
        Ok(Self { root, cache, target })
    }

    pub fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// Tools that we install for ourselves, outside of the checkout.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// What fuzzers built and found, outside of the checkout.
    pub fn fuzzed(&self) -> PathBuf {
        self.cache.join("fuzz")
    }

    /// Where builds go.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Built programs of a profile's folder (`debug` or `release`).
    pub fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// `cargo` as a person would start it in the root, but building into the shared target folder.
    pub fn cargo(&self) -> Command {
        self.tool(Path::new(&env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))))
    }

    /// One of cargo's tools, in the same way.
    pub fn tool(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        // What `cargo run` told about xtask itself would reach every build script and spoil the cache.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO"
            }) {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// The per-user folder shared by all checkouts.
fn cache_folder(os: &str, var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let home = || var("HOME").map(PathBuf::from);
    let base = match os {
        "windows" => var("LOCALAPPDATA").map(PathBuf::from)?,
        "macos" => home()?.join("Library").join("Caches"),
        _ => var("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| home().map(|home| home.join(".cache")))?,
    };
    Some(base.join("mailcup"))
}

/// Whether a program of this name lies on the search path, or where servers are kept.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .find(|file| is_file(file))
}

fn is_file(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(os: &str, vars: &[(&str, &str)]) -> Option<PathBuf> {
        cache_folder(os, |name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_folder_follows_each_systems_custom() {
        assert_eq!(folder("linux", &[("HOME", "/h")]), Some("/h/.cache/mailcup".into()));
        assert_eq!(folder("linux", &[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), Some("/c/mailcup".into()));
        assert_eq!(
            folder("linux", &[("HOME", "/h"), ("XDG_CACHE_HOME", "relative")]),
            Some("/h/.cache/mailcup".into())
        );
        assert_eq!(folder("macos", &[("HOME", "/h")]), Some("/h/Library/Caches/mailcup".into()));
        assert_eq!(folder("windows", &[("LOCALAPPDATA", "/l")]), Some("/l/mailcup".into()));
        assert_eq!(folder("linux", &[]), None);
    }
}
