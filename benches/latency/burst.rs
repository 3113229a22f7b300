//! Ten thousand failures in a minute: how often the desktop is told, whether anything is lost, and how long the window
//! stands still meanwhile.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use mailcup_lab::{LabError, desktop::Desktop, stage::Stage, wait};
use mailcup_wire::{EventBody, MailServerKind};

use crate::{page::Page, reports::Reporter};

const FAILURES: u32 = 10_000;
const WITHIN: Duration = Duration::from_mins(1);
/// Reports under way at a time, as of a busy Dovecot.
const TOGETHER: usize = 32;
const LOGIN: &str = "anna@example.org";
const ATTACKER: &str = "203.0.113.200";

/// Counts frames from now on, and notes those over 50 ms: when they came, in seconds, and how long they took, in
/// milliseconds.
const WATCH: &str = "window.frames = 0; window.slow = []; const begun = performance.now(); let before = begun; \
                     const step = (now) => { window.frames += 1; const took = now - before; \
                     if (took > 50) window.slow.push([Math.round((before - begun) / 100) / 10, Math.round(took)]); \
                     before = now; requestAnimationFrame(step); }; requestAnimationFrame(step)";
const WATCHED: &str =
    "return [Math.max(0, ...window.slow.map(([, took]) => took)), window.frames, window.slow]";

pub async fn measure(stage: &Stage, desktop: &Desktop, page: &Page) -> Result<(), LabError> {
    let reporter = Reporter::from_snippet(&stage.service.snippet(MailServerKind::Dovecot).await?);
    let before = failures(stage).await?;
    let told = desktop.notifications.calls().len();
    page.go("/activity").await;
    shown(page).await?;
    page.execute(WATCH, Vec::new()).await.map_err(Box::new)?;
    let begun = Instant::now();
    // Evenly over the minute.
    stream::iter(0..FAILURES)
        .for_each_concurrent(TOGETHER, |number| {
            let reporter = reporter.clone();
            async move {
                tokio::time::sleep_until((begun + WITHIN * number / FAILURES).into()).await;
                reporter.failure(LOGIN, ATTACKER, &format!("guess {number}")).await;
            }
        })
        .await;
    let took = begun.elapsed();
    let calls = desktop.notifications.calls();
    let mut own: Vec<_> = calls[told..].iter().filter(|call| call.summary.contains(LOGIN)).collect();
    let updates = own.len();
    own.sort_by_key(|call| call.id);
    own.dedup_by_key(|call| call.id);
    let frames = page.execute(WATCHED, Vec::new()).await.map_err(Box::new)?;
    let kept = failures(stage).await? - before;
    println!(
        "{FAILURES} failures within {took:.1?}: {kept} recorded; {} notification, shown {updates} times; longest time \
         between two frames in ms (0: none over 50), frames, and the slow ones: {}",
        own.len(),
        frames.json(),
    );
    Ok(())
}

/// The page is there, with its events.
async fn shown(page: &Page) -> Result<(), LabError> {
    const IS_SHOWN: &str = "return document.querySelectorAll('main [aria-rowindex]').length > 5 \
                            && document.querySelector('main [aria-busy=\"true\"]') === null";
    wait::until("the page of activity", WITHIN, async || {
        let shown = page.execute(IS_SHOWN, Vec::new()).await.ok()?;
        shown.json().as_bool()?.then_some(())
    })
    .await
}

async fn failures(stage: &Stage) -> Result<usize, LabError> {
    let events = stage.owner.all_events(None).await?;
    let of_attacker = |body: &EventBody| match body {
        EventBody::SignIn(sign_in) => sign_in.address.is_some_and(|it| it.to_string() == ATTACKER),
        _ => false,
    };
    Ok(events.iter().filter(|event| of_attacker(&event.body)).count())
}
