//! Events that go into one transaction together.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, timeout_at},
};

use crate::store::{StoreError, events::NewEvent};

/// Events in one transaction at most.
const GROUP: usize = 1024;

/// After a group of several events that somebody waits for, the next one waits this long for company: their senders
/// answer soon, and one flush then serves all of them. A lone event is written at once.
const COMPANY: Duration = Duration::from_millis(1);

/// Events that nobody waits for wait this long for company, or for an event that somebody waits for.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often counts of alerts that were held back are looked after.
const TICK: Duration = Duration::from_secs(1);

/// Told the number of an event once that is durable.
type Waiter = oneshot::Sender<Result<u64, StoreError>>;

#[derive(Debug)]
pub(super) enum Queued {
    Event { event: NewEvent, done: Option<Waiter> },
    Close { done: oneshot::Sender<Result<(), StoreError>> },
}

/// What is written at once; without events, the time has come to look after alerts that were held back.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub events: Vec<NewEvent>,
    /// One for each event.
    pub waiters: Vec<Option<Waiter>>,
    pub closing: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// Gathers what is queued.
#[derive(Debug)]
pub(super) struct Groups {
    queue: mpsc::Receiver<Queued>,
    tick: Interval,
    /// Several events of the latest group were waited for.
    crowded: bool,
}

impl Queued {
    fn is_awaited(&self) -> bool {
        !matches!(self, Self::Event { done: None, .. })
    }
}

impl Groups {
    pub fn of(queue: mpsc::Receiver<Queued>) -> Self {
        let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { queue, tick, crowded: false }
    }

    /// The next group; none once nobody can queue anything.
    pub async fn next(&mut self) -> Option<Group> {
        let mut gathered = Vec::with_capacity(GROUP);
        tokio::select! {
            biased;
            count = self.queue.recv_many(&mut gathered, GROUP) => if count == 0 { return None },
            _ = self.tick.tick() => {}
        }
        if !gathered.is_empty() {
            self.wait_for_company(&mut gathered).await;
        }
        self.crowded = gathered.iter().filter(|queued| queued.is_awaited()).nth(1).is_some();
        Some(gathered.into())
    }

    /// Takes nothing more in.
    pub fn close(&mut self) {
        self.queue.close();
    }

    async fn wait_for_company(&mut self, gathered: &mut Vec<Queued>) {
        let mut is_awaited = gathered.iter().any(Queued::is_awaited);
        if is_awaited && !self.crowded {
            return;
        }
        let patience = Instant::now() + PATIENCE;
        while !is_awaited && gathered.len() < GROUP {
            let before = gathered.len();
            let more = self.queue.recv_many(gathered, GROUP - before);
            match timeout_at(patience, more).await {
                Ok(0) | Err(_) => return,
                Ok(_) => is_awaited = gathered[before..].iter().any(Queued::is_awaited),
            }
        }
        if self.crowded && gathered.len() < GROUP {
            tokio::time::sleep(COMPANY).await;
            while gathered.len() < GROUP
                && let Ok(queued) = self.queue.try_recv()
            {
                gathered.push(queued);
            }
        }
    }
}

impl From<Vec<Queued>> for Group {
    fn from(gathered: Vec<Queued>) -> Self {
        let mut group = Self::default();
        for queued in gathered {
            match queued {
                Queued::Event { event, done } => {
                    group.events.push(event);
                    group.waiters.push(done);
                }
                Queued::Close { done } => group.closing = Some(done),
            }
        }
        group
    }
}
