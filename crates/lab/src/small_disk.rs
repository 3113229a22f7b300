//! A disk of a few megabytes, to be filled.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{LabError, error::Doing as _};

/// A small disk that lies in a folder. It is taken away in the end.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    /// Its folder, if nobody else has named one.
    _folder: Option<tempfile::TempDir>,
}

impl SmallDisk {
    /// In a folder of its own. Needs root.
    pub fn mount(kib: u32) -> Result<Self, LabError> {
        let folder = tempfile::tempdir().doing(|| "making a folder for a disk".into())?;
        mount(folder.path(), kib)?;
        Ok(Self { path: folder.path().to_owned(), _folder: Some(folder) })
    }

    /// In a folder that is made if need be.
    pub fn mount_at(path: &Path, kib: u32) -> Result<Self, LabError> {
        fs::create_dir_all(path).doing(|| "making a folder for a disk".into())?;
        mount(path, kib)?;
        Ok(Self { path: path.to_owned(), _folder: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it larger or smaller; what lies there stays.
    pub fn resize(&self, kib: u32) -> Result<(), LabError> {
        run(Command::new("mount").args(["-o", &format!("remount,{}", size(kib))]).arg(&self.path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Busy at worst: then it goes once nobody works on it any more.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

fn mount(path: &Path, kib: u32) -> Result<(), LabError> {
    run(Command::new("mount").args(["-t", "tmpfs", "-o", &size(kib), "tmpfs"]).arg(path))
}

fn size(kib: u32) -> String {
    format!("size={kib}k")
}

fn run(command: &mut Command) -> Result<(), LabError> {
    let status = command.status().doing(|| "mounting a small disk".into())?;
    if status.success() {
        Ok(())
    } else {
        Err(LabError::Unsuitable("a small disk can be mounted by root alone".into()))
    }
}
