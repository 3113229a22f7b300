//! What goes on beside requests.

use std::{sync::Arc, time::Duration};

use mailcup_wire::Time;
use tokio_util::task::TaskTracker;

use crate::{
    app::App,
    metrics,
    sessions::{IDLE, LIFE},
    store::{self, StoreError},
};

/// How often the last uses of sessions and keys are written, and what has expired is ended.
const SWEEP: Duration = Duration::from_mins(1);

/// Begins these jobs; they end when the app stops.
pub(super) fn begin(app: &Arc<App>, tasks: &TaskTracker) {
    tasks.spawn(until_stop(Arc::clone(app), sweep));
    tasks.spawn(until_stop(Arc::clone(app), async |_| metrics::tend().await));
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

async fn write_down(app: &App) -> Result<(), StoreError> {
    app.remember_uses().await?;
    let now = app.clock.now().0;
    let ago = |duration| Time::from(now.saturating_sub(duration).unwrap_or(now));
    let mut tx = app.store.write().await?;
    store::sessions::delete_expired(&mut tx, ago(IDLE), ago(LIFE)).await?;
    tx.commit().await?;
    Ok(())
}
