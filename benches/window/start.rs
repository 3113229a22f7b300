//! Starting with a full store, and what the processes hold, beside an empty window of the same Tauri.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mailcup_lab::{
    desktop::{Desktop, ProcessMemory},
    service::find_program,
    wait,
};

use crate::{
    page::{CONSOLE, Page, SOON},
    percentile, row,
};

const STARTS: usize = 5;
/// A page has its title, and nothing on it is still to come.
const SHOWN: &str =
    "return !!document.querySelector('h1') && !document.querySelector('main [aria-busy=\"true\"]')";

/// Until memory has settled.
const REST: Duration = Duration::from_secs(5);

pub async fn measure(desktop: &Desktop) {
    let (mut visible, mut usable) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        visible.push(until_visible(desktop, Path::new(CONSOLE), "MailCup").await.0);
        usable.push(until_usable(desktop).await);
    }
    row(
        "Start: window visible (p50, slowest)",
        &format!("{:.0} ms, {:.0} ms", percentile(&mut visible, 50), percentile(&mut visible, 100)),
        "under 1 s",
    );
    row(
        "Start: usable, at most (p50, slowest)",
        &format!("{:.0} ms, {:.0} ms", percentile(&mut usable, 50), percentile(&mut usable, 100)),
        "under 1.5 s",
    );
    let (_, full) = until_visible(desktop, Path::new(CONSOLE), "MailCup").await;
    let empty: PathBuf = find_program("examples/empty_window").unwrap();
    let (_, bare) = until_visible(desktop, &empty, "Empty").await;
    let sum = |processes: &[ProcessMemory]| -> f64 {
        processes.iter().map(|it| f64::from(u32::try_from(it.pss / 1024).unwrap_or(u32::MAX)) / 1024.0).sum()
    };
    for (name, processes) in [("Memory (PSS) of the console", &full), ("  of an empty window", &bare)] {
        row(name, &format!("{:.0} MB", sum(processes)), &named(processes));
    }
    row("  ratio", &format!("{:.2}", sum(&full) / sum(&bare)), "at most 1.4");
}

/// Starts a program by itself; gives the milliseconds until its window shows, and its memory a while later.
async fn until_visible(desktop: &Desktop, program: &Path, title: &str) -> (f64, Vec<ProcessMemory>) {
    let begun = Instant::now();
    let app = desktop.launch(program, &[], &[]).unwrap();
    let shown = wait::until("a window", SOON, async || {
        desktop.window_titles().await.ok()?.iter().any(|shown| shown.contains(title)).then(|| begun.elapsed())
    });
    let Ok(shown) = shown.await else {
        panic!("{} shows no window, and says:\n{}", program.display(), app.stop());
    };
    tokio::time::sleep(REST).await;
    let memory = app.memory();
    app.stop();
    (shown.as_secs_f64() * 1000.0, memory)
}

/// From the driver's request for the window to the first page with what it shows. The driver's own part is in it.
async fn until_usable(desktop: &Desktop) -> f64 {
    let page = Page::open(desktop).await;
    let opened = page.opened_in;
    let begun = Instant::now();
    let usable = wait::until("a usable window", SOON, async || {
        let shown = page.execute(SHOWN, Vec::new()).await.ok()?;
        (shown.json() == true).then(|| opened + begun.elapsed())
    });
    let usable = usable.await.unwrap();
    page.see("Up to date").await;
    page.quit().await;
    usable.as_secs_f64() * 1000.0
}

fn named(processes: &[ProcessMemory]) -> String {
    let parts = processes.iter().map(|it| format!("{} {}", it.name, it.pss / 1_048_576));
    parts.collect::<Vec<_>>().join(", ")
}
