//! The content of one file of a snapshot.

use std::io::{self, Read};
use std::sync::Arc;

use crate::error::Error;
use crate::id::Id;
use crate::index::Index;
use crate::repository::{Repository, unknown};

/// Reads one file of a snapshot; holds one blob (at most 8 MiB) in memory. Gives right bytes or an error.
#[derive(Debug)]
pub struct Content<'a> {
    repository: &'a Repository,
    index: Arc<Index>,
    blobs: Vec<Id>,
    next: usize,
    current: io::Cursor<Vec<u8>>,
    failed: Option<Error>,
}

impl<'a> Content<'a> {
    pub(crate) fn new(repository: &'a Repository, index: Arc<Index>, blobs: Vec<Id>) -> Self {
        Self { repository, index, blobs, next: 0, current: io::Cursor::default(), failed: None }
    }

    /// At most `length` bytes from `offset` on. Blobs before the offset aren't read.
    pub fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let end = offset.saturating_add(length as u64);
        let mut start = 0u64;
        let mut read = Vec::new();
        for id in &self.blobs {
            if start >= end {
                break;
            }
            let place = self.index.data(id).ok_or_else(|| unknown("blob", id))?;
            let size = u64::from(
                place.raw_length.unwrap_or_else(|| place.length.saturating_sub(crate::sealed::OVERHEAD)),
            );
            if start + size > offset {
                let blob = self.repository.blob(&self.index, place)?;
                let from =
                    usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX).min(blob.len());
                let to = usize::try_from(end - start).unwrap_or(usize::MAX).min(blob.len());
                read.extend_from_slice(&blob[from..to.max(from)]);
            }
            start += size;
        }
        Ok(read)
    }

    /// What made the last [`Read::read`] fail.
    pub fn into_error(self) -> Option<Error> {
        self.failed
    }

    pub(crate) fn next_blob(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(id) = self.blobs.get(self.next) else {
            return Ok(None);
        };
        let place = self.index.data(id).ok_or_else(|| unknown("blob", id))?;
        let blob = self.repository.blob(&self.index, place)?;
        self.next += 1;
        Ok(Some(blob))
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.next_blob() {
                Ok(Some(blob)) => self.current = io::Cursor::new(blob),
                Ok(None) => return Ok(0),
                Err(error) => {
                    let told = io::Error::new(io::ErrorKind::InvalidData, error.to_string());
                    self.failed = Some(error);
                    return Err(told);
                }
            }
        }
    }
}
