//! What an import shows while it goes on, and at its end.

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use mailcup_wire::ImportReport;

use super::SHOW_EVERY;
use crate::log_import::source::Source;

/// A line on the terminal that is written again and again; nothing where stderr is none.
pub(super) struct Progress {
    is_shown: bool,
    shown_at: Option<Instant>,
    read: Vec<Arc<AtomicU64>>,
    /// None where something has no end yet.
    size: Option<u64>,
}

impl Progress {
    pub fn new(sources: &[(PathBuf, Source)]) -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            shown_at: None,
            read: sources.iter().map(|(_, source)| Arc::clone(&source.read)).collect(),
            size: sources.iter().map(|(_, source)| source.size).sum(),
        }
    }

    pub fn show(&mut self, report: &ImportReport) {
        if !self.is_shown || self.shown_at.is_some_and(|at| at.elapsed() < SHOW_EVERY) {
            return;
        }
        self.shown_at = Some(Instant::now());
        let read: u64 = self.read.iter().map(|read| read.load(Ordering::Relaxed)).sum();
        let part =
            self.size.filter(|size| *size > 0).map(|size| format!("{} %, ", (read * 100 / size).min(100)));
        let text = format!(
            "\r\x1b[K{}{} MB, {} lines, {} events stored, {} known, {} lines not understood",
            part.unwrap_or_default(),
            report.bytes.0 / 1_000_000,
            report.lines,
            report.events.stored,
            report.events.known,
            report.not_understood
        );
        write(&text);
    }

    pub fn clear(&mut self) {
        if self.is_shown && self.shown_at.take().is_some() {
            write("\r\x1b[K");
        }
    }
}

fn write(text: &str) {
    let mut stderr = std::io::stderr();
    // Nobody is left to tell if stderr is closed.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// A report for a person.
pub(super) fn in_words(report: &ImportReport, dry_run: bool) -> String {
    let ImportReport { bytes, lines, found, ignored, cut_off, not_understood, shapes, events } = report;
    let mut text = format!("{lines} lines read ({} MB unpacked)\n", bytes.0 / 1_000_000);
    let mut count = |count: u32, what: &str| {
        if count > 0 {
            // Into a string: it can't fail.
            let _ = writeln!(text, "{count:>12} {what}");
        }
    };
    count(found.signed_in, "sign-ins that succeeded");
    count(found.failed, "sign-ins that failed");
    count(found.accepted, "messages handed in");
    count(found.refused, "messages refused");
    count(ignored.dovecot, "lines of Dovecot that tell nothing of these");
    count(ignored.postfix, "lines of Postfix that tell nothing of these");
    count(ignored.others, "lines of other programs");
    count(*cut_off, "lines cut off at the end of a file");
    count(*not_understood, "lines not understood");
    for shape in shapes {
        let _ = writeln!(text, "\n{:>12} times not understood, such as", shape.lines);
        for example in &shape.examples {
            let _ = writeln!(text, "             {example}");
        }
    }
    if dry_run {
        text.push_str("\nNothing was stored.\n");
        return text;
    }
    let _ = writeln!(text, "\n{} events stored", events.stored);
    let mut left_out = |count: u32, why: &str| {
        if count > 0 {
            let _ = writeln!(text, "{count:>12} left out: {why}");
        }
    };
    left_out(events.known, "known from an import before");
    left_out(events.recorded, "mailcupd has recorded that time itself (--also-recorded takes them)");
    left_out(events.too_old, "older than events are kept");
    left_out(events.future, "in the future; is the year right (--year)?");
    text
}
