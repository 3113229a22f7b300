//! A place that is filled aside and then comes there at once.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::disk::remove;

const ASIDE: &str = ".mailcup-restoring";

/// A folder that must be empty, or not there, until it is filled. What was left aside by a kill is begun anew; what an
/// error leaves goes with this value.
#[derive(Debug)]
pub struct StagedPlace {
    target: PathBuf,
    aside: PathBuf,
    /// Owner, group and mode that the folder had.
    was: Option<(u32, u32, u32)>,
    is_settled: bool,
}

/// Why a place can't be filled.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(
        "{} isn't empty (there is {}); nothing was changed. Restore into an empty place, or move away what is there",
        target.display(), found.display()
    )]
    NotEmpty { target: PathBuf, found: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl StagedPlace {
    /// For a folder that is to be filled as a whole.
    pub fn begin(target: &Path) -> Result<Self, PlaceError> {
        if let Some(found) = first_in(target)? {
            return Err(PlaceError::NotEmpty { target: target.to_owned(), found: found.into() });
        }
        Self::begin_among_others(target)
    }

    /// For a folder in which other things may be.
    pub fn begin_among_others(target: &Path) -> Result<Self, PlaceError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PlaceError::Io { path, source }
        };
        let was = match fs::metadata(target) {
            Ok(found) => Some((found.uid(), found.gid(), found.permissions().mode() & 0o7777)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(target)(error)),
        };
        let parent = target.parent().unwrap_or(target);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        let aside = aside(target, was.is_some());
        remove(&aside).map_err(failed(&aside))?;
        DirBuilder::new().mode(0o700).create(&aside).map_err(failed(&aside))?;
        Ok(Self { target: target.to_owned(), aside, was, is_settled: false })
    }

    /// What a restore that was killed had left of this name beside a place.
    pub fn left_of(target: &Path, name: &str) -> Option<Vec<u8>> {
        fs::read(aside(target, target.exists()).join(name)).ok()
    }

    /// Where to put things meanwhile.
    pub fn path(&self) -> &Path {
        &self.aside
    }

    /// Owner and group that what comes here should have, if the place was there before.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.was.map(|(uid, gid, _)| (uid, gid))
    }

    /// Puts things where they belong: all at once where the folder wasn't there, else those that are named, each at
    /// once, in this order. Refuses before the first if one is there already.
    pub fn settle(mut self, things: &[PathBuf]) -> Result<(), PlaceError> {
        let failed = |path: &Path, source| PlaceError::Io { path: path.to_owned(), source };
        sync_all(&self.aside).map_err(|error| failed(&self.aside, error))?;
        if self.was.is_none() {
            fs::rename(&self.aside, &self.target).map_err(|error| failed(&self.target, error))?;
            self.is_settled = true;
            return sync_parent(&self.target).map_err(|error| failed(&self.target, error));
        }
        refuse_existing(&self.target, things)?;
        for thing in things {
            let (from, to) = (self.aside.join(thing), self.target.join(thing));
            self.make_parents(thing).map_err(|error| failed(&to, error))?;
            fs::rename(&from, &to).map_err(|error| failed(&to, error))?;
        }
        sync_all(&self.target).map_err(|error| failed(&self.target, error))
    }

    /// Folders above a thing, owned as they were made aside.
    fn make_parents(&self, thing: &Path) -> io::Result<()> {
        let mut above: Vec<&Path> =
            thing.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty()).collect();
        above.reverse();
        for folder in above {
            let to = self.target.join(folder);
            let like = fs::metadata(self.aside.join(folder))?;
            match DirBuilder::new().mode(like.permissions().mode() & 0o7777).create(&to) {
                Ok(()) => own(&to, like.uid(), like.gid())?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for StagedPlace {
    fn drop(&mut self) {
        if !self.is_settled {
            // What failed is the news; the next restore removes what stays.
            let _ = remove(&self.aside);
        }
    }
}

/// A folder that is there may be a disk of its own, onto which nothing can be renamed from outside.
fn aside(target: &Path, is_there: bool) -> PathBuf {
    if is_there {
        return target.join(ASIDE);
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.parent().unwrap_or(target).join(format!(".{name}{ASIDE}"))
}

/// Whether a folder is there and holds anything.
pub fn is_filled(folder: &Path) -> Result<bool, PlaceError> {
    first_in(folder).map(|found| found.is_some())
}

/// Refuses if one of these is there and holds anything.
pub fn refuse_existing(target: &Path, things: &[PathBuf]) -> Result<(), PlaceError> {
    for thing in things {
        let path = target.join(thing);
        match first_in(&path) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(PlaceError::NotEmpty { target: target.to_owned(), found: path }),
            Err(PlaceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {
                return Err(PlaceError::NotEmpty { target: target.to_owned(), found: path });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives a file to somebody, if it isn't theirs.
pub fn own(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if (found.uid(), found.gid()) == (uid, gid) { Ok(()) } else { chown(path, Some(uid), Some(gid)) }
}

/// Something in a folder, but for what each disk has and what a killed restore left.
fn first_in(folder: &Path) -> Result<Option<std::ffi::OsString>, PlaceError> {
    let failed = |source| PlaceError::Io { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if name != ASIDE && name != "lost+found" {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn sync_all(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(folder)?)?)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    fs::File::open(path.parent().unwrap_or(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_place_is_filled_at_once_whether_or_not_its_folder_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for exists in [false, true] {
            let target = folder.path().join(format!("data-{exists}"));
            if exists {
                fs::create_dir(&target).unwrap();
            }
            let place = StagedPlace::begin(&target).unwrap();
            fs::create_dir(place.path().join("a")).unwrap();
            fs::write(place.path().join("a/b"), "b").unwrap();
            assert!(!target.join("a").exists());
            place.settle(&["a/b".into()]).unwrap();
            assert_eq!(names(&target), ["a"]);
            assert_eq!(fs::read_to_string(target.join("a/b")).unwrap(), "b");
            assert!(matches!(StagedPlace::begin(&target), Err(PlaceError::NotEmpty { .. })));
        }
        assert_eq!(names(folder.path()), ["data-false", "data-true"]);
    }

    #[test]
    fn what_was_not_settled_leaves_nothing_and_what_a_kill_left_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data");
        drop(StagedPlace::begin(&target).unwrap());
        assert!(names(folder.path()).is_empty());
        let killed = StagedPlace::begin(&target).unwrap();
        fs::write(killed.path().join("half"), "").unwrap();
        std::mem::forget(killed);
        let place = StagedPlace::begin(&target).unwrap();
        assert!(names(place.path()).is_empty());
        place.settle(&[]).unwrap();
        assert!(names(&target).is_empty());
    }

    #[test]
    fn among_others_nothing_that_is_there_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("anna/Maildir/cur")).unwrap();
        fs::create_dir_all(folder.path().join("ben")).unwrap();
        let place = StagedPlace::begin_among_others(folder.path()).unwrap();
        for name in ["anna", "ben"] {
            fs::create_dir_all(place.path().join(name).join("Maildir/new")).unwrap();
        }
        let things = ["anna/Maildir".into(), "ben/Maildir".into()];
        let refused = place.settle(&things).unwrap_err().to_string();
        assert!(refused.contains("anna/Maildir"), "{refused}");
        assert_eq!(names(folder.path()), ["anna", "ben"]);
        assert!(names(&folder.path().join("ben")).is_empty());
    }
}
