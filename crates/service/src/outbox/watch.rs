//! Tells the event log when mail does not get out, and when it does again.

use std::{sync::Arc, time::Duration};

use mailcup_guard::alert::Subject;
use mailcup_wire::{EventBody, SystemFact};

use super::Health;
use crate::{app::App, store::StoreError};

const PAUSE: Duration = Duration::from_secs(5);

/// Follows the outbox until the service stops.
pub async fn watch(app: Arc<App>) {
    let mut health = app.outbox.health();
    let mut told = None;
    loop {
        let now = *health.borrow_and_update();
        let stuck = match now {
            Health::Unknown => told,
            Health::Flows => Some(false),
            Health::Stuck { .. } => Some(true),
        };
        let mut failed = false;
        if stuck != told {
            match tell(&app, now).await {
                Ok(()) => told = stuck,
                Err(error) => {
                    tracing::error!(%error, "the outbox's state was not recorded; it is tried again");
                    failed = true;
                }
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE), if failed => {}
            changed = health.changed() => if changed.is_err() { return },
        }
    }
}

async fn tell(app: &App, health: Health) -> Result<(), StoreError> {
    let mut tx = app.log.begin().await?;
    match health {
        Health::Unknown => return Ok(()),
        Health::Stuck { waiting } => {
            tx.append(&EventBody::System(SystemFact::OutboxStuck { waiting }));
            tx.raise(Subject::OutboxStuck, false);
        }
        Health::Flows => {
            if !tx.settle(&Subject::OutboxStuck, "Mail gets out again.") {
                return Ok(());
            }
            tx.append(&EventBody::System(SystemFact::OutboxFlows));
        }
    }
    tx.commit().await.map(|_| ())
}
