//! The live end of the event log: every batch is written out once, for all consoles that listen.

use std::{fmt::Write as _, sync::Arc};

use axum::body::Bytes;
use mailcup_wire::{Epoch, Time};
use tokio::sync::broadcast;

/// Batches that a slow console may lag behind before it reads from the store again.
const BATCHES: usize = 1024;

/// Where new events come from.
#[derive(Debug, Clone)]
pub struct Hub(broadcast::Sender<Arc<Batch>>);

/// Events that became durable together, as server-sent events.
#[derive(Debug)]
pub struct Batch {
    pub first_seq: u64,
    frames: Bytes,
    /// Where each event's frame ends.
    ends: Vec<usize>,
}

/// Builds a [`Batch`].
#[derive(Debug)]
pub struct BatchWriter<'a> {
    epoch: &'a Epoch,
    first_seq: u64,
    text: String,
    ends: Vec<usize>,
}

impl Default for Hub {
    fn default() -> Self {
        Self(broadcast::Sender::new(BATCHES))
    }
}

impl Hub {
    pub fn has_listeners(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// How many streams are open.
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }

    pub fn publish(&self, batch: Batch) {
        // Without listeners there is nobody to tell.
        let _ = self.0.send(Arc::new(batch));
    }

    pub fn listen(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.0.subscribe()
    }
}

impl Batch {
    pub fn last_seq(&self) -> u64 {
        self.first_seq + self.ends.len() as u64 - 1
    }

    /// The frames of the events after `seq`; none if there are no such events.
    pub fn frames_after(&self, seq: u64) -> Option<Bytes> {
        if seq < self.first_seq {
            return Some(self.frames.clone());
        }
        let skipped = usize::try_from(seq - self.first_seq).ok()?;
        let start = *self.ends.get(skipped)?;
        (start < self.frames.len()).then(|| self.frames.slice(start..))
    }
}

impl<'a> BatchWriter<'a> {
    pub fn new(epoch: &'a Epoch, first_seq: u64) -> Self {
        Self { epoch, first_seq, text: String::new(), ends: Vec::new() }
    }

    pub fn add(&mut self, at: Time, body: &str) {
        let seq = self.first_seq + self.ends.len() as u64;
        write_frame(&mut self.text, self.epoch, seq, at, body);
        self.ends.push(self.text.len());
    }

    pub fn finish(self) -> Batch {
        Batch { first_seq: self.first_seq, frames: Bytes::from(self.text), ends: self.ends }
    }
}

/// Writes an event as a server-sent event. `body` is JSON on one line.
pub fn write_frame(out: &mut String, epoch: &Epoch, seq: u64, at: Time, body: &str) {
    // Writing to a string can't fail.
    let _ = write!(out, "event: event\nid: {epoch}:{seq}\ndata: ");
    write_event(out, epoch, seq, at, body);
    out.push_str("\n\n");
}

/// Writes an event as JSON around its stored body.
pub fn write_event(out: &mut String, epoch: &Epoch, seq: u64, at: Time, body: &str) {
    let _ = write!(out, r#"{{"id":"{epoch}:{seq}","at":"{at}","body":{body}}}"#);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_can_be_joined_in_its_middle() {
        let epoch = Epoch("e".into());
        let mut writer = BatchWriter::new(&epoch, 7);
        for body in ["1", "2", "3"] {
            writer.add(Time::from_millis(0), body);
        }
        let batch = writer.finish();
        assert_eq!(batch.last_seq(), 9);
        let count =
            |seq| batch.frames_after(seq).map(|frames| frames.windows(7).filter(|w| w == b"event: ").count());
        assert_eq!(
            [count(0), count(6), count(7), count(8), count(9)],
            [Some(3), Some(3), Some(2), Some(1), None]
        );
        let last = batch.frames_after(8).unwrap();
        assert_eq!(
            last,
            "event: event\nid: e:9\ndata: {\"id\":\"e:9\",\"at\":\"1970-01-01T00:00:00Z\",\"body\":3}\n\n"
        );
    }
}
