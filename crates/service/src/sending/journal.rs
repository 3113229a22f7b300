//! The journal of sending limits: one record a line, appended with one `write` each.
//!
//! In its folder lie `N.base`, all that counted when `N` began, and `N.log`, what happened since. A base is written
//! beside its place, flushed and renamed; only then older files go. To read it: the newest base, and all logs from
//! its number on.
//!
//! A line that was cut off, by a full disk or a power cut, is passed over: a line ends in a mark.

mod line;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use mailcup_guard::limiter::Record;

#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    number: u64,
    /// None until something is to be appended, or after it could not be.
    log: Option<File>,
    written: u64,
    base: u64,
    unsynced: bool,
    /// The log may end within a line.
    torn: bool,
    line: String,
}

/// A base that is to be written for a log that has begun.
#[derive(Debug)]
pub struct Rewriting {
    folder: PathBuf,
    number: u64,
}

/// Below this a log is not worth rewriting.
const LONG: u64 = 8 << 20;

impl Journal {
    /// Reads the journal; a folder that is not there is made.
    pub fn open(folder: &Path) -> io::Result<(Self, Vec<Record>)> {
        fs::create_dir_all(folder)?;
        let files = files(folder)?;
        let base = files.iter().filter(|file| file.is_base).map(|file| file.number).max();
        let mut records = Vec::new();
        let mut read = |path: &Path| read(path, &mut records);
        if let Some(number) = base {
            read(&path(folder, number, "base"))?;
        }
        let mut logs: Vec<_> = files.iter().filter(|file| !file.is_base).map(|file| file.number).collect();
        logs.sort_unstable();
        for number in logs.into_iter().filter(|number| base.is_none_or(|base| *number >= base)) {
            read(&path(folder, number, "log"))?;
        }
        let newest = files.iter().map(|file| file.number).max();
        let journal = Self {
            folder: folder.to_owned(),
            // What this process appends never follows a line that another one left unfinished.
            number: newest.map_or(1, |newest| newest + 1),
            log: None,
            written: 0,
            base: 0,
            unsynced: false,
            torn: false,
            line: String::new(),
        };
        Ok((journal, records))
    }

    /// Appends records with one `write`.
    pub fn append(&mut self, records: impl IntoIterator<Item = Record>) -> io::Result<()> {
        self.line.clear();
        if self.torn {
            self.line.push('\n');
        }
        for record in records {
            line::write(&mut self.line, &record);
        }
        let log = match &mut self.log {
            Some(log) => log,
            None => self.log.insert(begin(&self.file_of_log())?),
        };
        let bytes = self.line.as_bytes();
        self.torn = true;
        self.unsynced = true;
        match log.write(bytes)? {
            written if written == bytes.len() => {
                self.torn = false;
                self.written += written as u64;
                Ok(())
            }
            _ => Err(io::Error::new(io::ErrorKind::StorageFull, "only a part of the record was taken")),
        }
    }

    /// The file that is appended to.
    pub fn file(&self) -> PathBuf {
        self.file_of_log()
    }

    pub fn is_long(&self) -> bool {
        self.written > LONG.max(self.base)
    }

    /// Begins a new log; the base that belongs to it must be written from what counts now.
    pub fn begin_anew(&mut self) -> io::Result<Rewriting> {
        let number = self.number + 1;
        self.log = Some(begin(&path(&self.folder, number, "log"))?);
        self.number = number;
        self.written = 0;
        self.torn = false;
        Ok(Rewriting { folder: self.folder.clone(), number })
    }

    /// A base of this size is in its place.
    pub fn rewritten(&mut self, size: u64) {
        self.base = size;
    }

    /// Begins anew from `records`.
    pub fn rewrite(&mut self, records: &[Record]) -> io::Result<()> {
        let size = self.begin_anew()?.write(records)?;
        self.rewritten(size);
        Ok(())
    }

    /// The log, if something was appended since this was asked last.
    pub fn unsynced(&mut self) -> io::Result<Option<File>> {
        if !std::mem::take(&mut self.unsynced) {
            return Ok(None);
        }
        self.log.as_ref().map(File::try_clone).transpose()
    }

    fn file_of_log(&self) -> PathBuf {
        path(&self.folder, self.number, "log")
    }
}

impl Rewriting {
    /// Puts the base in its place and removes what is older. Answers its size.
    pub fn write(self, records: &[Record]) -> io::Result<u64> {
        let place = path(&self.folder, self.number, "base");
        let beside = place.with_extension("new");
        let mut file = BufWriter::new(File::create(&beside)?);
        let (mut line, mut size) = (String::new(), 0);
        for record in records {
            line.clear();
            line::write(&mut line, record);
            file.write_all(line.as_bytes())?;
            size += line.len() as u64;
        }
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&beside, &place)?;
        File::open(&self.folder)?.sync_all()?;
        for file in files(&self.folder)?.into_iter().filter(|file| file.number < self.number) {
            fs::remove_file(file.path)?;
        }
        Ok(size)
    }
}

#[derive(Debug)]
struct Found {
    number: u64,
    is_base: bool,
    path: PathBuf,
}

fn files(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let (Some(stem), Some(extension)) = (path.file_stem(), path.extension()) else { continue };
        let Some(number) = stem.to_str().and_then(|stem| stem.parse().ok()) else { continue };
        match extension.to_str() {
            Some("base") => found.push(Found { number, is_base: true, path }),
            Some("log") => found.push(Found { number, is_base: false, path }),
            // Left behind by a base that was not finished.
            Some("new") => fs::remove_file(&path)?,
            _ => {}
        }
    }
    Ok(found)
}

fn path(folder: &Path, number: u64, extension: &str) -> PathBuf {
    folder.join(format!("{number}.{extension}"))
}

fn begin(file: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(file)
}

fn read(file: &Path, records: &mut Vec<Record>) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(file)?);
    let (mut bytes, mut unread) = (Vec::new(), 0u32);
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        match std::str::from_utf8(&bytes).ok().and_then(line::read) {
            Some(record) => records.push(record),
            None if bytes.as_slice() == b"\n" => {}
            None => unread += 1,
        }
        bytes.clear();
    }
    if unread > 0 {
        tracing::warn!(file = %file.display(), lines = unread, "lines of sending limits were cut off");
    }
    Ok(())
}

#[cfg(test)]
impl Journal {
    /// From now on nothing can be appended, as on a full disk.
    pub fn break_log(&mut self) {
        self.log = Some(File::open(self.file()).unwrap());
    }

    pub fn mend_log(&mut self) {
        self.log = None;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mailcup_guard::{
        limit::LimitId,
        limiter::{Counts, GivenBack, Key, Lease, Pool},
    };

    use super::*;

    fn lease(count: u32) -> Record {
        let key = Key {
            limit: LimitId("l".into()),
            counts: Counts::Recipients,
            pool: Pool::Others,
            login: Some("anna@example.org".into()),
            network: "2001:db8::/64".parse().ok(),
        };
        let until = Timestamp::from_millisecond(1_795_507_200_123).unwrap();
        let gone_at = Timestamp::from_millisecond(1_795_510_800_123).unwrap();
        Record::Lease(Lease { key, count, left: 3, until, gone_at })
    }

    fn reopened(folder: &Path) -> (Journal, Vec<Record>) {
        Journal::open(folder).unwrap()
    }

    #[test]
    fn what_was_appended_is_read_again_across_rewriting() {
        let folder = tempfile::tempdir().unwrap();
        let folder = &folder.path().join("sending");
        let (mut journal, none) = reopened(folder);
        assert!(none.is_empty());
        journal.append([lease(1), lease(2)]).unwrap();
        let Record::Lease(Lease { key, gone_at, .. }) = lease(0) else { unreachable!() };
        let given = Record::GivenBack(GivenBack { key, count: 1, gone_at });
        journal.append([given.clone()]).unwrap();
        let (mut journal, read) = reopened(folder);
        assert_eq!(read, [lease(1), lease(2), given.clone()]);
        // Its process dies before the base is there.
        drop(journal.begin_anew().unwrap());
        journal.append([lease(4)]).unwrap();
        let (mut journal, read) = reopened(folder);
        assert_eq!(read, [lease(1), lease(2), given, lease(4)]);
        journal.rewrite(&[lease(9)]).unwrap();
        journal.append([lease(5)]).unwrap();
        assert_eq!(reopened(folder).1, [lease(9), lease(5)]);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over_and_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopened(folder.path());
        journal.append([lease(1)]).unwrap();
        let file = journal.file();
        let whole = fs::read(&file).unwrap();
        for length in 1..whole.len() - 1 {
            fs::write(&file, [&whole, &whole[..length]].concat()).unwrap();
            assert_eq!(reopened(folder.path()).1, [lease(1)], "{length} bytes");
            fs::write(&file, [&whole[..length], b"\n", &whole].concat()).unwrap();
            assert_eq!(reopened(folder.path()).1, [lease(1)], "{length} bytes");
        }
        fs::write(&file, [&whole[..], b"\0\0\0\0\n\xff\xfe\n"].concat()).unwrap();
        assert_eq!(reopened(folder.path()).1, [lease(1)]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_at_each_append() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopened(folder.path());
        // A folder in the log's place: nobody may write that, root included.
        fs::create_dir(journal.file()).unwrap();
        assert!(journal.append([lease(1)]).is_err());
        fs::remove_dir(journal.file()).unwrap();
        journal.append([lease(2)]).unwrap();
        assert_eq!(reopened(folder.path()).1, [lease(2)]);
    }
}
