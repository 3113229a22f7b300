//! Reads server-sent events (WHATWG HTML, section 9.2) from bytes as they come.

/// More than this without an empty line is no stream of ours.
const LARGEST_FRAME: usize = 4 * 1024 * 1024;

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// Empty for the unnamed kind.
    pub event: String,
    pub id: Option<String>,
    pub data: String,
}

#[derive(Debug, Default)]
pub struct FrameReader {
    unread: Vec<u8>,
    frame: Frame,
    has_data: bool,
    frame_bytes: usize,
}

/// The peer sent what no event stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service sent a stream that can't be read")]
pub struct FrameError;

impl FrameReader {
    /// Takes bytes and answers the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        self.unread.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut start = 0;
        while let Some(length) = self.unread[start..].iter().position(|byte| *byte == b'\n') {
            let line = self.unread[start..start + length].strip_suffix(b"\r");
            let line = line.unwrap_or(&self.unread[start..start + length]);
            let line = std::str::from_utf8(line).map_err(|_| FrameError)?.to_owned();
            start += length + 1;
            frames.extend(self.line(&line)?);
        }
        self.unread.drain(..start);
        if self.unread.len() > LARGEST_FRAME { Err(FrameError) } else { Ok(frames) }
    }

    fn line(&mut self, line: &str) -> Result<Option<Frame>, FrameError> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            self.frame_bytes = 0;
            return Ok(std::mem::take(&mut self.has_data).then_some(frame));
        }
        self.frame_bytes += line.len();
        if self.frame_bytes > LARGEST_FRAME {
            return Err(FrameError);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.frame.event),
            "id" => self.frame.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ": ping\n\nevent: hello\ndata: {}\n\nid: a:1\r\nevent: event\r\ndata: {\"x\":\ndata: 1}\r\n\r\n\
                          event: nothing\n\ndata:ü\n\n";

    fn frames() -> Vec<Frame> {
        let frame = |event: &str, id: Option<&str>, data: &str| Frame {
            event: event.to_owned(),
            id: id.map(str::to_owned),
            data: data.to_owned(),
        };
        vec![frame("hello", None, "{}"), frame("event", Some("a:1"), "{\"x\":\n1}"), frame("", None, "ü")]
    }

    proptest! {
        #[test]
        fn reads_the_same_however_the_bytes_are_cut(cuts in proptest::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut reader = FrameReader::default();
            let mut read = Vec::new();
            for pair in cuts.windows(2) {
                read.extend(reader.push(&STREAM.as_bytes()[pair[0]..pair[1]]).unwrap());
            }
            prop_assert_eq!(read, frames());
        }
    }

    #[test]
    fn gives_up_on_an_endless_frame() {
        let mut reader = FrameReader::default();
        assert_eq!(reader.push(&vec![b'x'; LARGEST_FRAME + 1]), Err(FrameError));
        let mut reader = FrameReader::default();
        let line = format!("data: {}\n", "x".repeat(1000));
        let endless = line.repeat(LARGEST_FRAME / 1000 + 1);
        assert_eq!(reader.push(endless.as_bytes()), Err(FrameError));
    }
}
