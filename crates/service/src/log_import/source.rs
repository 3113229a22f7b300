//! Logs as bytes: unpacked, and cut into lines.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use mailcup_wire::Time;
use ruzstd::decoding::StreamingDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const BUFFER: usize = 256 * 1024;

/// A log that was opened.
pub struct Source {
    pub reader: Box<dyn Read + Send>,
    /// When it was written last.
    pub written_at: Time,
    /// As it is stored; none for what has no end yet.
    pub size: Option<u64>,
    /// How much of that was read.
    pub read: Arc<AtomicU64>,
}

/// One line of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// Without its end.
    Line(&'a [u8]),
    /// Longer than any line of a mail server's; its begin.
    TooLong(&'a [u8]),
    /// What follows the last line's end: a log that is still being written ends so.
    Unfinished(&'a [u8]),
}

/// Cuts bytes into lines.
pub struct Lines<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    bytes: u64,
    ended: bool,
    /// In a line that is too long.
    skipping: bool,
}

/// Opens a file, or stdin as `-`.
pub fn open(path: &Path, now: Time) -> io::Result<Source> {
    let read = Arc::new(AtomicU64::new(0));
    if path.as_os_str() == "-" {
        let reader = unpack(Counted { reader: io::stdin(), read: Arc::clone(&read) })?;
        return Ok(Source { reader, written_at: now, size: None, read });
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name the files in it"));
    }
    let written_at =
        about.modified().ok().and_then(|at| jiff::Timestamp::try_from(at).ok()).map_or(now, Time::from);
    let reader = unpack(Counted { reader: file, read: Arc::clone(&read) })?;
    Ok(Source { reader, written_at, size: Some(about.len()), read })
}

/// Unpacks what is packed by gzip or zstd; leaves the rest as it is.
pub fn unpack(reader: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let begin = reader.fill_buf()?;
    if begin.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(reader)));
    }
    if begin.starts_with(&ZSTD) {
        return Ok(Box::new(Frames { state: Some(State::Between(reader)) }));
    }
    Ok(Box::new(reader))
}

impl<R: Read> Lines<R> {
    pub fn new(reader: R) -> Self {
        Self::with_buffer(reader, BUFFER)
    }

    fn with_buffer(reader: R, size: usize) -> Self {
        let buffer = vec![0; size].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, bytes: 0, ended: false, skipping: false }
    }

    /// How much was read, unpacked.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line. A packed log that breaks off ends there.
    pub fn next_line(&mut self) -> io::Result<Option<Cut<'_>>> {
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
                let line = self.start..self.start + length;
                self.start += length + 1;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                let line = &self.buffer[line];
                return Ok(Some(Cut::Line(line.strip_suffix(b"\r").unwrap_or(line))));
            }
            if self.ended {
                let rest = self.start..self.end;
                self.start = self.end;
                let is_whole = rest.is_empty() || std::mem::take(&mut self.skipping);
                return Ok((!is_whole).then(|| Cut::Unfinished(&self.buffer[rest])));
            }
            if self.end - self.start == self.buffer.len() {
                (self.start, self.end) = (0, 0);
                if !std::mem::replace(&mut self.skipping, true) {
                    return Ok(Some(Cut::TooLong(&self.buffer[..1024.min(self.buffer.len())])));
                }
                continue;
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.end += count;
                    self.bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.ended = true,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What zstd packed, be it in several pieces one after the other.
struct Frames<R: BufRead> {
    state: Option<State<R>>,
}

enum State<R: BufRead> {
    Between(R),
    Within(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state.take() {
                None => return Ok(0),
                Some(State::Between(mut reader)) => {
                    if reader.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(reader).map_err(|error| broken(&error))?;
                    self.state = Some(State::Within(Box::new(decoder)));
                }
                Some(State::Within(mut decoder)) => {
                    let count = decoder.read(into)?;
                    if count > 0 || into.is_empty() {
                        self.state = Some(State::Within(decoder));
                        return Ok(count);
                    }
                    self.state = Some(State::Between(decoder.into_inner()));
                }
            }
        }
    }
}

fn broken(error: &dyn std::error::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn lines(bytes: &[u8], size: usize) -> Vec<String> {
        let mut lines = Lines::with_buffer(bytes, size);
        let mut all = Vec::new();
        while let Some(cut) = lines.next_line().unwrap() {
            all.push(match cut {
                Cut::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Cut::TooLong(begin) => format!("too long: {}", String::from_utf8_lossy(&begin[..3])),
                Cut::Unfinished(line) => format!("unfinished: {}", String::from_utf8_lossy(line)),
            });
        }
        assert_eq!(lines.bytes(), bytes.len() as u64);
        all
    }

    #[test]
    fn lines_end_in_many_ways() {
        for size in [8, 9, 64] {
            assert_eq!(lines(b"one\ntwo\r\n\nthree", size), ["one", "two", "", "unfinished: three"]);
        }
        assert_eq!(lines(b"a\n", 8), ["a"]);
        assert_eq!(lines(b"", 8), [""; 0]);
        assert_eq!(lines(b"one\n0123456789abcdef\ntwo\n", 8), ["one", "too long: 012", "two"]);
        assert_eq!(lines(b"0123456789abcdef", 8), ["too long: 012"]);
    }

    fn unpacked(bytes: Vec<u8>) -> Vec<u8> {
        let mut lines = Lines::new(unpack(io::Cursor::new(bytes)).unwrap());
        let mut all = Vec::new();
        while let Some(cut) = lines.next_line().unwrap() {
            if let Cut::Line(line) = cut {
                all.extend_from_slice(line);
                all.push(b'\n');
            }
        }
        all
    }

    #[test]
    fn gzip_and_zstd_are_unpacked_also_in_pieces_and_broken_off() {
        let text: Vec<u8> = (0..20_000).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
        let gzip = |part: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        };
        let zstd = |part: &[u8]| {
            ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest)
        };
        let (first, second) = text.split_at(text.len() / 2);
        assert_eq!(unpacked(text.clone()), text);
        assert_eq!(unpacked([gzip(first), gzip(second)].concat()), text);
        assert_eq!(unpacked([zstd(first), zstd(second)].concat()), text);
        let mut cut = gzip(&text);
        cut.truncate(cut.len() / 2);
        let begin = unpacked(cut);
        assert!(!begin.is_empty() && text.starts_with(&begin));
    }
}
