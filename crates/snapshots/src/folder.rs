//! A repository in a folder of this computer.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::id::Id;
use crate::storage::{FileKind, Storage};

/// In the name of a file that isn't whole yet; restic passes over such names.
const UNFINISHED: &str = "-tmp-";

/// A repository's folder, laid out as restic does.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a file lies.
    pub fn path(&self, kind: FileKind, id: &Id) -> PathBuf {
        match kind {
            FileKind::Config => self.root.join("config"),
            FileKind::Pack => {
                let name = id.to_string();
                self.root.join("data").join(&name[..2]).join(name)
            }
            FileKind::Key | FileKind::Snapshot | FileKind::Index | FileKind::Lock => {
                self.root.join(kind.folder()).join(id.to_string())
            }
        }
    }

    /// Takes in a file that lies whole on the same disk, if it is what its name says; else it is removed. Of
    /// [`FileKind::Config`], whose id is ignored, nothing can be said.
    pub fn take_in(&self, kind: FileKind, id: &Id, from: &Path) -> io::Result<bool> {
        let mut file = File::open(from)?;
        if kind != FileKind::Config {
            let mut digest = Sha256::new();
            let mut piece = vec![0; 1 << 16];
            loop {
                let read = file.read(&mut piece)?;
                if read == 0 {
                    break;
                }
                digest.update(&piece[..read]);
            }
            if <[u8; 32]>::from(digest.finalize()) != id.0 {
                fs::remove_file(from)?;
                return Ok(false);
            }
        }
        file.sync_all()?;
        let path = self.path(kind, id);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        fs::rename(from, &path)?;
        sync_folder(folder)?;
        Ok(true)
    }

    fn folders(&self, kind: FileKind) -> io::Result<Vec<PathBuf>> {
        let top = self.root.join(kind.folder());
        if kind != FileKind::Pack {
            return Ok(vec![top]);
        }
        let mut folders = Vec::with_capacity(257);
        for entry in fs::read_dir(&top)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
        folders.push(top);
        Ok(folders)
    }

    fn write_new(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let folder = path.parent().unwrap_or(&self.root);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let unfinished = folder.join(format!("{name}{UNFINISHED}{}-{number}", std::process::id()));
        let written = write_and_sync(&unfinished, parts)
            .and_then(|()| fs::rename(&unfinished, path))
            .and_then(|()| sync_folder(folder));
        if written.is_err() {
            // What failed is the news; a file that stays behind is swept later.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

impl Storage for Folder {
    fn at(&self) -> String {
        self.root.display().to_string()
    }

    fn list(&self, kind: FileKind) -> io::Result<Vec<(Id, u64)>> {
        if kind == FileKind::Config {
            return match fs::metadata(self.root.join("config")) {
                Ok(found) => Ok(vec![(Id([0; 32]), found.len())]),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(error),
            };
        }
        let mut files = Vec::new();
        for folder in self.folders(kind)? {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok())
                    && entry.file_type()?.is_file()
                {
                    match entry.metadata() {
                        Ok(found) => files.push((id, found.len())),
                        // Removed while we looked: a lock, or what prune took away.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(files)
    }

    fn read(&self, kind: FileKind, id: &Id) -> io::Result<Vec<u8>> {
        fs::read(self.path(kind, id))
    }

    fn read_range(&self, kind: FileKind, id: &Id, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(kind, id))?;
        // Asked before the memory is: a damaged length must not cost gigabytes.
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > file.metadata().map_or(0, |found| found.len())) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut content = vec![0; length];
        file.read_exact(&mut content)?;
        Ok(content)
    }

    fn write(&self, kind: FileKind, id: &Id, parts: &[&[u8]]) -> io::Result<()> {
        let path = self.path(kind, id);
        match self.write_new(&path, parts) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.root.is_dir() => {
                fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
                self.write_new(&path, parts)
            }
            written => written,
        }
    }

    fn remove(&self, kind: FileKind, id: &Id) -> io::Result<()> {
        match fs::remove_file(self.path(kind, id)) {
            // Somebody else was faster; it is gone, as was wanted.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.root.is_dir() => Ok(()),
            removed => removed,
        }
    }

    fn prepare(&self) -> io::Result<()> {
        for kind in [FileKind::Key, FileKind::Snapshot, FileKind::Index, FileKind::Lock] {
            fs::create_dir_all(self.root.join(kind.folder()))?;
        }
        for first in 0..=u8::MAX {
            fs::create_dir_all(self.root.join(FileKind::Pack.folder()).join(format!("{first:02x}")))?;
        }
        Ok(())
    }

    fn sweep(&self) -> io::Result<()> {
        for kind in [FileKind::Key, FileKind::Snapshot, FileKind::Index, FileKind::Pack, FileKind::Lock] {
            for folder in self.folders(kind)? {
                for entry in fs::read_dir(folder)? {
                    let entry = entry?;
                    let left_behind = entry.file_name().to_string_lossy().contains(UNFINISHED)
                        && entry.metadata()?.modified()?.elapsed().unwrap_or_default()
                            > Duration::from_hours(24);
                    if left_behind {
                        fs::remove_file(entry.path())?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn write_and_sync(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// So that the new name survives a power cut, too.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
