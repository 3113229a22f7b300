//! Data that comes with the program, in folders of its own.

use std::path::PathBuf;

/// A folder of this name beside the program, or where packages put it.
pub fn data_folder(name: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let beside = program.parent()?;
    let folders = [beside.join(name), beside.join("../share/mailcup").join(name)];
    folders.into_iter().find(|folder| folder.is_dir())
}
