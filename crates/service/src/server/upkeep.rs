//! What goes on beside requests.

use std::{sync::Arc, time::Duration};

use tokio_util::task::TaskTracker;

use crate::{app::App, metrics, store::StoreError};

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
        let over = app.sessions.end_expired();
        let swept = async {
            app.remember_uses().await?;
            let mut tx = app.store.write().await?;
            for session in over {
                crate::store::sessions::delete(&mut tx, &session.id).await?;
            }
            tx.commit().await?;
            Ok::<_, StoreError>(())
        };
        if let Err(error) = swept.await {
            tracing::error!(%error, "uses and ends of sessions were not written");
        }
    }
}
