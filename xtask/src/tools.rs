//! Cargo's own tools that checks and packages need: taken from the system, else installed once for all checkouts.

use std::path::PathBuf;

use crate::step;
use crate::workspace::{Workspace, find_program};

/// None if there is none and it can't be installed.
pub fn find_or_install(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    let own = workspace.tools().join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let found = find_program(name).or_else(|| own.is_file().then(|| own.clone()));
    if found.is_some() {
        return found;
    }
    let mut install = workspace.cargo();
    install.args(["install", "--locked", "--root"]).arg(workspace.tools()).arg(name);
    step::run(&format!("Install {name}, once for all checkouts"), &mut install).ok().map(|()| own)
}
