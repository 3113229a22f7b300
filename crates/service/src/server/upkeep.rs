//! What goes on beside requests.

use std::{sync::Arc, time::Duration};

use mailcup_guard::alert::Subject;
use mailcup_wire::{EventBody, SystemFact};
use tokio_util::task::TaskTracker;

use crate::{app::App, metrics, outbox::Health, store::StoreError};

/// How often the last uses of sessions and keys are written, and what has expired is ended.
const SWEEP: Duration = Duration::from_mins(1);

/// Begins all jobs; they end when the app stops.
pub(super) fn begin(app: &Arc<App>, tasks: &TaskTracker) {
    let outbox = Arc::clone(&app.outbox);
    let stop = app.stop.clone();
    tasks.spawn(async move { outbox.run(stop).await });
    tasks.spawn(until_stop(Arc::clone(app), watch_outbox));
    tasks.spawn(until_stop(Arc::clone(app), sweep));
    tasks.spawn(until_stop(Arc::clone(app), async |_| metrics::tend().await));
}

async fn until_stop(app: Arc<App>, job: impl AsyncFnOnce(Arc<App>)) {
    let stop = app.stop.clone();
    stop.run_until_cancelled(job(app)).await;
}

/// Raises an alert when mail does not get out, and settles it when it does again.
async fn watch_outbox(app: Arc<App>) {
    let mut health = app.outbox.health();
    while health.changed().await.is_ok() {
        let now = *health.borrow_and_update();
        if let Err(error) = tell(&app, now).await {
            tracing::error!(%error, "the outbox's state was not recorded");
        }
    }
}

async fn tell(app: &App, health: Health) -> Result<(), StoreError> {
    let mut tx = app.log.begin().await?;
    match health {
        Health::Stuck { waiting } => {
            tx.append(&EventBody::System(SystemFact::OutboxStuck { waiting }));
            tx.raise(Subject::OutboxStuck, false);
        }
        Health::Flows => {
            tx.append(&EventBody::System(SystemFact::OutboxFlows));
            tx.settle(&Subject::OutboxStuck, "Mail gets out again.");
        }
    }
    tx.commit().await?;
    Ok(())
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
