//! Ten thousand failures in a minute: how often the desktop is told, whether anything is lost, and how long the window
//! stands still meanwhile.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use mailcup_lab::{LabError, desktop::Desktop, stage::Stage};
use mailcup_wire::{EventBody, MailServerKind};

use crate::{page::Page, reports::Reporter};

const FAILURES: u32 = 10_000;
const WITHIN: Duration = Duration::from_mins(1);
/// Reports under way at a time, as of a busy Dovecot.
const TOGETHER: usize = 32;
const LOGIN: &str = "anna@example.org";
const ATTACKER: &str = "203.0.113.200";

/// Times between frames since it was begun, and the longest of them, in milliseconds.
const WATCH: &str = "window.longest = 0; window.frames = 0; let before = performance.now(); \
                     const step = (now) => { window.longest = Math.max(window.longest, now - before); \
                     window.frames += 1; before = now; requestAnimationFrame(step); }; requestAnimationFrame(step)";

pub async fn measure(stage: &Stage, desktop: &Desktop, page: &Page) -> Result<(), LabError> {
    let reporter = Reporter::from_snippet(&stage.service.snippet(MailServerKind::Dovecot).await?);
    let before = failures(stage).await?;
    let told = desktop.notifications.calls().len();
    page.go("/activity").await;
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
    let frames =
        page.execute("return [window.longest, window.frames]", Vec::new()).await.map_err(Box::new)?;
    let kept = failures(stage).await? - before;
    println!(
        "{FAILURES} failures within {took:.1?}: {kept} recorded; {} notification, shown {updates} times; longest time \
         between two frames and frames: {} ms",
        own.len(),
        frames.json(),
    );
    Ok(())
}

async fn failures(stage: &Stage) -> Result<usize, LabError> {
    let events = stage.owner.all_events(None).await?;
    let of_attacker = |body: &EventBody| match body {
        EventBody::SignIn(sign_in) => sign_in.address.is_some_and(|it| it.to_string() == ATTACKER),
        _ => false,
    };
    Ok(events.iter().filter(|event| of_attacker(&event.body)).count())
}
