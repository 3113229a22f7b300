//! Writes what happened in the past into a log, with the service's own code but in large portions: for
//! demonstrations and for measurements on months of events.

use std::io::BufRead;

use mailcup_guard::alert::Rules;
use mailcup_wire::{EventBody, Time};
use serde::Deserialize;

use crate::{
    clock::Clock,
    config::Config,
    event_log::EventLog,
    jobs,
    store::{Store, StoreError, events::NewEvent},
};

/// Events in one transaction.
const PORTION: usize = 5000;

/// Something that happened, on one line of JSON.
#[derive(Debug, Clone, Deserialize)]
pub struct PastEvent {
    pub at: Time,
    pub body: EventBody,
    /// Tells the passwords of failed sign-ins apart.
    #[serde(default)]
    pub mark: Option<u16>,
}

/// Why no more was written; what came before is in the log.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("line {line} is no event: {message}")]
    Line { line: usize, message: String },
}

/// Reads events line by line, in the order of time, into the log of a service that does not run. Answers how
/// many there were.
pub async fn read(config: &Config, lines: impl BufRead) -> Result<u64, HistoryError> {
    let store = Store::open(&config.data_dir).await?;
    let (log, writing) = EventLog::open(store.clone(), Clock::system(), Rules::default()).await?;
    let written = read_into(&log, lines).await;
    log.close().await?;
    // It ended with the log.
    let _ = writing.await;
    store.close().await;
    written
}

/// Writes events, in the order of time, with all that derives from them. Answers how many there were.
pub async fn write(log: &EventLog, events: impl IntoIterator<Item = PastEvent>) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut events = events.into_iter();
    loop {
        let portion: Vec<_> = events
            .by_ref()
            .take(PORTION)
            .map(|event| (event.at, NewEvent::new(&event.body, event.mark)))
            .collect();
        if portion.is_empty() {
            jobs::index(log).await?;
            jobs::roll_up(log).await?;
            return Ok(count);
        }
        count += portion.len() as u64;
        log.append_past(portion).await?;
    }
}

async fn read_into(log: &EventLog, lines: impl BufRead) -> Result<u64, HistoryError> {
    let mut wrong = None;
    let lines = (1..).zip(lines.lines()).map_while(|(line, text)| {
        let text = text.map_err(|error| error.to_string());
        let event = text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
        event.map_err(|message| wrong = Some(HistoryError::Line { line, message })).ok()
    });
    let written = write(log, lines).await?;
    wrong.map_or(Ok(written), Err)
}
