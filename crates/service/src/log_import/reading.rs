//! From bytes to events, in portions.

use std::{borrow::Cow, io::Read, ops::ControlFlow};

use mailcup_wire::{Bytes, ImportReport};

use super::{
    gathering::{Found, Gathering},
    source::{Cut, Lines},
    stamps::Calendar,
};

/// Events in a portion.
pub const PORTION: usize = 2000;

/// Lines after which whoever waits is told, also where there is nothing to store.
const TELL_EVERY: u32 = 20_000;

/// Lines without a time, before any with one, after which it is no log.
const PATIENCE: u32 = 1000;

/// Why a log was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it is no mail log: none of its first {0} lines begins with a time")]
    NoLog(u32),
    #[error("it can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// Whoever takes the portions wants no more.
    #[error("it was cancelled")]
    Cancelled,
}

/// Reads one log. Whenever there is a portion of events, and now and then without, `take` gets it with what was seen
/// so far.
pub fn read(
    reader: impl Read,
    calendar: &mut Calendar,
    gathering: &mut Gathering,
    report: &mut ImportReport,
    mut take: impl FnMut(Vec<Found>, &ImportReport) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut lines = Lines::new(reader);
    gathering.begin_file();
    let before = report.bytes.0;
    let (mut dated, mut undated) = (0u32, 0u32);
    loop {
        let is_told = {
            let Some(cut) = lines.next_line()? else { break };
            match cut {
                Cut::Line(line) => {
                    let line = String::from_utf8_lossy(line);
                    report.lines = report.lines.saturating_add(1);
                    match calendar.read(&line) {
                        Some(line) => {
                            dated = dated.saturating_add(1);
                            gathering.line(&line);
                        }
                        None if line.trim().is_empty() => {}
                        None => {
                            undated = undated.saturating_add(1);
                            gathering.undated(&line);
                        }
                    }
                }
                Cut::TooLong(begin) => {
                    report.lines = report.lines.saturating_add(1);
                    undated = undated.saturating_add(1);
                    gathering.undated(&String::from_utf8_lossy(begin));
                }
                Cut::Unfinished(begin) => {
                    report.cut_off = report.cut_off.saturating_add(1);
                    let begin: Cow<'_, str> = String::from_utf8_lossy(begin);
                    let is_log = dated > 0 || begin.trim().is_empty() || calendar.read(&begin).is_some();
                    undated = undated.saturating_add(u32::from(!is_log));
                }
            }
            report.lines.is_multiple_of(TELL_EVERY)
        };
        if dated == 0 && undated >= PATIENCE {
            return Err(ReadError::NoLog(undated));
        }
        if is_told || gathering.len() >= PORTION {
            report.bytes = Bytes(before + lines.bytes());
            gathering.tell(report);
            if take(gathering.take(), report).is_break() {
                return Err(ReadError::Cancelled);
            }
        }
    }
    report.bytes = Bytes(before + lines.bytes());
    gathering.tell(report);
    if dated == 0 && undated > 0 { Err(ReadError::NoLog(undated)) } else { Ok(()) }
}
