//! `mailcupd import-log`: reads logs here and hands what it found to the running service, or to its database while it
//! does not run. The files are opened by whoever runs the command, so that the service needs no right to read them.

mod progress;
mod sink;

use std::{
    io::Write as _,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::tz::TimeZone;
use mailcup_wire::{ImportReport, Time};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::{progress::Progress, sink::Sink};
use super::{
    gathering::{Found, Gathering},
    reading::{self, ReadError},
    source::{self, Source},
    stamps::Calendar,
};
use crate::config::Config;

/// What to read, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// `-` is stdin.
    pub files: Vec<PathBuf>,
    /// Of stamps that name none.
    pub zone: TimeZone,
    /// Of the first line, where stamps name none.
    pub year: Option<i16>,
    pub dry_run: bool,
    pub json: bool,
    /// Also what the service recorded itself.
    pub also_recorded: bool,
}

/// How it ended; the exit code of the command follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// Some file is no log, or could not be read; the others were.
    SomeUnread,
    Cancelled,
}

/// Portions that wait for being stored.
const AHEAD: usize = 2;

/// What the reading thread tells.
enum News {
    Portion(Vec<Found>, Box<ImportReport>),
    Unread(PathBuf, ReadError),
}

/// Reads all files, the oldest first, and prints what came of it.
pub async fn run(config: Config, options: Options) -> Result<Ended, String> {
    let now = Time::from(jiff::Timestamp::now());
    let (sources, mut some_unread) = open_all(&options.files, now);
    if sources.is_empty() {
        return Ok(Ended::SomeUnread);
    }
    let mut sink = if options.dry_run {
        Sink::Nowhere
    } else {
        Sink::open(config, &names(&options.files), options.also_recorded).await?
    };
    let stop = CancellationToken::new();
    let mut progress = Progress::new(&sources);
    let (news, mut told) = mpsc::channel(AHEAD);
    let reading = {
        let (options, stop) = (options.clone(), stop.clone());
        tokio::task::spawn_blocking(move || read_all(sources, &options, &stop, &news))
    };
    let mut report = ImportReport::default();
    let mut cancelled = false;
    let mut failed = None;
    // One for the whole run: a signal that comes while a portion is stored counts too.
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let one = tokio::select! {
            one = told.recv() => one,
            _ = &mut interrupt => {
                cancelled = true;
                stop.cancel();
                break;
            }
        };
        match one {
            None => break,
            Some(News::Unread(path, error)) => {
                some_unread |= !matches!(error, ReadError::Cancelled);
                progress.clear();
                complain(&format!("{}: {error}", path.display()));
            }
            Some(News::Portion(found, seen)) => {
                let events = report.events;
                report = ImportReport { events, ..*seen };
                match sink.keep(found).await {
                    Ok(events) => report.events += events,
                    Err(error) => {
                        failed = Some(error);
                        stop.cancel();
                        break;
                    }
                }
                progress.show(&report);
            }
        }
    }
    drop(told);
    progress.clear();
    // It tells by its news. One that was cancelled may wait for more of its input, which may never come.
    if !cancelled {
        let _ = reading.await;
    }
    let closed = sink.close(&report).await;
    if let Some(error) = failed {
        return Err(error);
    }
    closed?;
    print(&report, &options)?;
    Ok(match (cancelled, some_unread) {
        (true, _) => Ended::Cancelled,
        (false, true) => Ended::SomeUnread,
        (false, false) => Ended::Done,
    })
}

/// The sources that could be opened, the oldest first; and whether some could not.
fn open_all(files: &[PathBuf], now: Time) -> (Vec<(PathBuf, Source)>, bool) {
    let mut sources = Vec::new();
    let mut some_unread = false;
    for path in files {
        match source::open(path, now) {
            Ok(source) => sources.push((path.clone(), source)),
            Err(error) => {
                some_unread = true;
                complain(&format!("{}: {error}", path.display()));
            }
        }
    }
    sources.sort_by_key(|(_, source)| source.written_at);
    (sources, some_unread)
}

fn read_all(
    sources: Vec<(PathBuf, Source)>,
    options: &Options,
    stop: &CancellationToken,
    news: &mpsc::Sender<News>,
) {
    let mut gathering = Gathering::default();
    let mut report = ImportReport::default();
    for (path, source) in sources {
        let mut calendar = Calendar::new(options.zone.clone(), source.written_at, options.year);
        let done =
            reading::read(source.reader, &mut calendar, &mut gathering, &mut report, |found, report| {
                let portion = News::Portion(found, Box::new(report.clone()));
                let is_heard = !stop.is_cancelled() && news.blocking_send(portion).is_ok();
                if is_heard { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        if let Err(error) = done {
            let is_over = matches!(error, ReadError::Cancelled);
            // Whoever hears no more has ended.
            if news.blocking_send(News::Unread(path, error)).is_err() || is_over {
                return;
            }
        }
    }
    gathering.finish();
    gathering.tell(&mut report);
    let mut rest = gathering.take();
    loop {
        let later = rest.split_off(rest.len().min(reading::PORTION));
        let sent = news.blocking_send(News::Portion(rest, Box::new(report.clone())));
        if sent.is_err() || later.is_empty() {
            return;
        }
        rest = later;
    }
}

fn names(files: &[PathBuf]) -> String {
    let name = |path: &PathBuf| match path.to_str() {
        Some("-") => "stdin".to_owned(),
        _ => Path::file_name(path).unwrap_or_default().display().to_string(),
    };
    files.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn complain(message: &str) {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr(), "mailcupd: {message}");
}

fn print(report: &ImportReport, options: &Options) -> Result<(), String> {
    let text = if options.json {
        let mut json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
        json.push('\n');
        json
    } else {
        progress::in_words(report, options.dry_run)
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);
