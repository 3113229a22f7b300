//! What goes on beside requests.

use std::{sync::Arc, time::Duration};

use mailcup_wire::Time;
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

use crate::{
    app::App,
    metrics,
    sessions::{IDLE, LIFE},
    store::{self, StoreError},
};

/// How often the last uses of sessions and keys are written, and what has expired is ended.
const SWEEP: Duration = Duration::from_mins(1);

/// How much of what sending limits count a power cut may lose. The end of this process loses nothing.
const SYNC: Duration = Duration::from_secs(1);
const TEND_EVERY: u32 = 10;

/// Begins these jobs; they end when the app stops.
pub(super) fn begin(app: &Arc<App>, tasks: &TaskTracker) {
    tasks.spawn(until_stop(Arc::clone(app), sweep));
    tasks.spawn(until_stop(Arc::clone(app), async |_| metrics::tend().await));
    tasks.spawn(until_stop(Arc::clone(app), keep_counts));
}

async fn until_stop(app: Arc<App>, job: impl AsyncFnOnce(Arc<App>)) {
    let stop = app.stop.clone();
    stop.run_until_cancelled(job(app)).await;
}

async fn sweep(app: Arc<App>) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tick.tick().await;
        app.sessions.end_expired();
        if let Err(error) = write_down(&app).await {
            tracing::error!(%error, "uses and ends of sessions were not written");
        }
    }
}

/// Carries the journal of sending limits to the disk, and keeps it short.
async fn keep_counts(app: Arc<App>) {
    let mut tick = tokio::time::interval(SYNC);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0u32.. {
        tick.tick().await;
        let (app, tend) = (Arc::clone(&app), round.is_multiple_of(TEND_EVERY));
        let kept = tokio::task::spawn_blocking(move || {
            app.sending.sync()?;
            if tend { app.sending.tend(app.clock.now().0) } else { Ok(()) }
        });
        if let Ok(Err(error)) = kept.await {
            tracing::error!(%error, "the journal of sending limits can't be kept; it is tried again");
        }
    }
}

async fn write_down(app: &App) -> Result<(), StoreError> {
    app.remember_uses().await?;
    let now = app.clock.now().0;
    let ago = |duration| Time::from(now.saturating_sub(duration).unwrap_or(now));
    let mut tx = app.store.write().await?;
    store::sessions::delete_expired(&mut tx, ago(IDLE), ago(LIFE)).await?;
    tx.commit().await?;
    Ok(())
}
