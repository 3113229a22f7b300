//! Keeps the local copy in step with the service: pages until it has caught up, then the stream; on any fault
//! again from what the store holds. While the console is locked only the stream is heard and nothing is kept.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use mailcup_wire::{
    Alert, Code, Details, Event, EventBody, EventId, EventPage, LineageStep, Problem, Time,
    desktop::{AuditStanding, Link},
};
use rand::RngExt as _;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    Clock,
    api::Api,
    audit::{Asking, Checker},
    changes,
    sse::{Frame, FrameReader},
    store::{Applied, Lists, Store, StoreError},
};

/// How long the local copy keeps events.
const KEPT_DAYS: i64 = 90;
const DAY_MILLIS: i64 = 86_400_000;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A console that is not let in is let in again by a rule that changes, which may be any moment.
const LONGEST_PAUSE_REFUSED: Duration = Duration::from_secs(5);
/// So long after a change should have returned by itself it is asked whether it did.
const AFTER_RETURN: Duration = Duration::from_millis(250);
/// Pages that may wait until they are written.
const PAGES_AHEAD: usize = 2;
/// How often the window hears of what is taken in while catching up.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What became of the sync, for the actor.
#[derive(Debug)]
pub enum News {
    Link(Link),
    /// A batch was taken in; `live` once it had caught up.
    Applied {
        applied: Applied,
        live: bool,
    },
    /// All that the service had is here, up to `at`.
    CaughtUp {
        at: Time,
    },
    /// Something changed without events: lists were taken in, or another course of the log followed.
    Refilled,
    /// Alerts heard while locked.
    Heard {
        alerts: Vec<Alert>,
    },
    /// The service's log goes another way; `dropped` events of ours are not in it.
    Restored {
        dropped: u32,
        at: Time,
    },
    /// The session has ended; sync with it.
    SignedOut,
    StoreFailed(StoreError),
    /// The audit log was checked.
    Audit(Box<AuditStanding>),
}

/// Where events go.
#[derive(Clone)]
pub enum Target {
    Store(Store),
    /// Nowhere; heard from here on.
    Nowhere(Option<EventId>),
}

pub struct Sync {
    pub api: Api,
    pub target: Target,
    pub clock: Clock,
    pub news: mpsc::Sender<News>,
    pub stop: CancellationToken,
    pub audit: Asking,
}

enum Fault {
    Service(Problem),
    Store(StoreError),
    /// Told to stop, or nobody listens.
    Stopped,
}

#[derive(Deserialize)]
struct Hello {
    #[serde(default)]
    head: Option<EventId>,
}

impl Sync {
    /// Runs until told to stop, the session ends or the store fails. The audit log is checked beside.
    pub async fn run(self) {
        let Target::Store(store) = &self.target else { return self.follow_events().await };
        let checker = Checker {
            api: self.api.clone(),
            store: store.clone(),
            clock: self.clock.clone(),
            asking: self.audit.clone(),
            news: self.news.clone(),
        };
        let over = self.stop.child_token();
        let followed = async {
            self.follow_events().await;
            over.cancel();
        };
        tokio::join!(followed, checker.run(&over));
    }

    async fn follow_events(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut since: Option<Time> = None;
        loop {
            let mut progress = false;
            let mut longest = LONGEST_PAUSE;
            let fault = match self.round(&mut progress).await {
                Ok(()) => Fault::Service(Problem::new(Code::Unreachable, "The service closed the stream.")),
                Err(fault) => fault,
            };
            if progress {
                pause = FIRST_PAUSE;
                since = None;
            }
            let told = match fault {
                Fault::Stopped => return,
                Fault::Store(error) => {
                    let _ = self.tell(News::StoreFailed(error)).await;
                    return;
                }
                Fault::Service(problem) if problem.code == Code::Unauthenticated => {
                    let _ = self.tell(News::SignedOut).await;
                    return;
                }
                Fault::Service(problem) if problem.code == Code::RefusedHere => {
                    let refused = self.refused(&mut since).await;
                    longest = refused.as_ref().map_or(longest, |until| *until);
                    refused.map(drop)
                }
                Fault::Service(problem) => self.recover(problem, &mut since).await,
            };
            if told.is_err() {
                return;
            }
            let jitter = rand::rng().random_range(0.75..1.25);
            let slept = tokio::time::sleep(pause.mul_f64(jitter).min(longest));
            if self.stop.run_until_cancelled(slept).await.is_none() {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn recover(&mut self, problem: Problem, since: &mut Option<Time>) -> Result<(), Fault> {
        if let (Code::EpochDiverged, Some(Details::Lineage { lineage })) = (problem.code, &problem.details) {
            return match self.follow(lineage.clone()).await {
                Err(Fault::Service(problem)) => self.offline(&problem, since).await,
                Err(Fault::Store(error)) => {
                    self.tell(News::StoreFailed(error)).await.and(Err(Fault::Stopped))
                }
                other => other,
            };
        }
        self.offline(&problem, since).await
    }

    async fn offline(&mut self, problem: &Problem, since: &mut Option<Time>) -> Result<(), Fault> {
        let since = *since.get_or_insert_with(|| self.clock.now());
        if let Some(untrusted) = self.api.untrusted() {
            return self.tell(News::Link(untrusted.into())).await;
        }
        self.tell(News::Link(Link::Offline { since, why: problem.message.clone() })).await
    }

    /// Says that rules or blocks don't let this console in; answers after how long to ask again at the latest.
    async fn refused(&mut self, since: &mut Option<Time>) -> Result<Duration, Fault> {
        let now = self.clock.now();
        let since = *since.get_or_insert(now);
        let trial = match &self.target {
            Target::Store(store) => store.running_trial().await.map_err(Fault::Store)?,
            Target::Nowhere(_) => None,
        };
        let returns_at = trial.map(|trial| trial.ends_at);
        self.tell(News::Link(Link::RefusedHere { since, returns_at })).await?;
        let until_return = returns_at.map(|at| at.as_millis() - now.as_millis());
        let until_return =
            until_return.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis);
        let asked_again = until_return.map_or(LONGEST_PAUSE_REFUSED, |left| left + AFTER_RETURN);
        Ok(asked_again.min(LONGEST_PAUSE_REFUSED))
    }

    /// Drops what the service's log does not have, and takes its lists as they are now.
    async fn follow(&mut self, lineage: Vec<LineageStep>) -> Result<(), Fault> {
        let at = self.clock.now();
        match &mut self.target {
            Target::Nowhere(cursor) => {
                // What happened meanwhile is seen after unlocking.
                *cursor = None;
                Ok(())
            }
            Target::Store(store) => {
                let store = store.clone();
                let dropped = store.follow(lineage).await.map_err(Fault::Store)?;
                self.take_lists(&store, true).await?;
                self.tell(News::Restored { dropped, at }).await
            }
        }
    }

    async fn round(&mut self, progress: &mut bool) -> Result<(), Fault> {
        match self.target.clone() {
            Target::Store(store) => {
                self.catch_up(&store, progress).await?;
                self.note_places(&store).await?;
                // Only now is it known that the service's log is on the course that was seen.
                self.audit.whole();
                self.listen(Some(&store), progress).await
            }
            Target::Nowhere(_) => self.listen(None, progress).await,
        }
    }

    async fn catch_up(&mut self, store: &Store, progress: &mut bool) -> Result<(), Fault> {
        let cursor = store.cursor().await.map_err(Fault::Store)?;
        if cursor.is_none() {
            self.take_lists(store, false).await?;
        } else if !store.knows_policy().await.map_err(Fault::Store)? {
            self.take_policy(store).await?;
        }
        // The next page is fetched while one is written.
        let (pages, mut fetched) = mpsc::channel(PAGES_AHEAD);
        let oldest = oldest_kept(self.clock.now());
        let _fetching = AbortOnDropHandle::new(tokio::spawn(fetch(self.api.clone(), cursor, oldest, pages)));
        let mut gathered = Gathered::default();
        let caught_up = self.take_pages(store, &mut fetched, oldest, &mut gathered, progress).await;
        if !matches!(caught_up, Err(Fault::Stopped))
            && let Some(applied) = gathered.take()
        {
            // What came before a page that failed is here all the same.
            self.tell(News::Applied { applied, live: false }).await?;
        }
        caught_up
    }

    async fn take_pages(
        &mut self,
        store: &Store,
        fetched: &mut mpsc::Receiver<Result<EventPage, Problem>>,
        oldest: Time,
        gathered: &mut Gathered,
        progress: &mut bool,
    ) -> Result<(), Fault> {
        loop {
            let page = self.stop.run_until_cancelled(fetched.recv()).await.flatten();
            let page = page.ok_or(Fault::Stopped)?.map_err(Fault::Service)?;
            *progress = true;
            let last = page.events.last().map_or(0, |event| event.id.seq);
            gathered.behind(page.events.len(), page.head.seq.saturating_sub(last));
            if !page.events.is_empty() {
                let taken = store.apply(page.events, oldest).await.map_err(Fault::Store)?;
                gathered.add(taken);
            }
            if !page.more || gathered.is_due() {
                self.tell_gathered(gathered, page.more).await?;
            }
            if !page.more {
                return Ok(());
            }
        }
    }

    async fn tell_gathered(&mut self, gathered: &mut Gathered, more: bool) -> Result<(), Fault> {
        if more {
            let (behind, total) = (gathered.behind, gathered.total());
            self.tell(News::Link(Link::CatchingUp { behind, total })).await?;
        }
        match gathered.take() {
            Some(applied) => self.tell(News::Applied { applied, live: false }).await,
            None => Ok(()),
        }
    }

    async fn listen(&mut self, store: Option<&Store>, progress: &mut bool) -> Result<(), Fault> {
        let cursor = match store {
            Some(store) => store.cursor().await.map_err(Fault::Store)?,
            None => match &self.target {
                Target::Nowhere(cursor) => cursor.clone(),
                Target::Store(_) => None,
            },
        };
        let opening = self.api.stream(cursor.as_ref());
        let response = self.stop.run_until_cancelled(opening).await.ok_or(Fault::Stopped)?;
        let mut stream = response.map_err(Fault::Service)?.bytes_stream();
        let mut reader = FrameReader::default();
        while let Some(chunk) = self.stop.run_until_cancelled(stream.next()).await.ok_or(Fault::Stopped)? {
            let chunk = chunk.map_err(|error| {
                Fault::Service(Problem::new(Code::Unreachable, crate::api::spelled_out(&error)))
            })?;
            let frames = reader.push(&chunk).map_err(|error| foreign(&error))?;
            let mut events = Vec::new();
            for frame in frames {
                self.frame(&frame, &mut events, cursor.as_ref(), progress).await?;
            }
            match store {
                Some(store) => self.apply(store, events, true).await?,
                None => self.hear(events).await?,
            }
        }
        Ok(())
    }

    async fn frame(
        &mut self,
        frame: &Frame,
        events: &mut Vec<Event>,
        cursor: Option<&EventId>,
        progress: &mut bool,
    ) -> Result<(), Fault> {
        match frame.event.as_str() {
            "hello" => {
                let hello: Hello = serde_json::from_str(&frame.data).map_err(|error| foreign(&error))?;
                *progress = true;
                let ahead = hello.head.map_or(0, |head| head.seq);
                if ahead <= cursor.map_or(0, |cursor| cursor.seq) {
                    self.tell(News::CaughtUp { at: self.clock.now() }).await?;
                }
                self.tell(News::Link(Link::Live)).await
            }
            "event" => {
                events.push(serde_json::from_str(&frame.data).map_err(|error| foreign(&error))?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn apply(&mut self, store: &Store, events: Vec<Event>, live: bool) -> Result<(), Fault> {
        if events.is_empty() {
            return Ok(());
        }
        let is_audited = events.iter().any(|event| matches!(event.body, EventBody::Admin(_)));
        let applied = store.apply(events, oldest_kept(self.clock.now())).await.map_err(Fault::Store)?;
        if live && is_audited {
            self.audit.new_entries();
        }
        match applied {
            Some(applied) => self.tell(News::Applied { applied, live }).await,
            None => Ok(()),
        }
    }

    async fn hear(&mut self, events: Vec<Event>) -> Result<(), Fault> {
        let Some(head) = events.last().map(|event| event.id.clone()) else { return Ok(()) };
        self.target = Target::Nowhere(Some(head));
        let alerts = events.into_iter().filter_map(|event| match event.body {
            EventBody::Alert(alert) => Some(alert),
            EventBody::SignIn(_)
            | EventBody::Submission(_)
            | EventBody::Block(_)
            | EventBody::Account(_)
            | EventBody::Policy(_)
            | EventBody::Admin(_)
            | EventBody::System(_) => None,
        });
        let alerts = alerts.collect();
        self.tell(News::Heard { alerts }).await
    }

    async fn take_lists(&mut self, store: &Store, replace: bool) -> Result<(), Fault> {
        let fetch = async {
            Ok(Lists {
                alerts: self.api.alerts().await?,
                blocks: self.api.blocks().await?,
                accounts: self.api.accounts().await?,
                policy: self.api.policy().await?,
            })
        };
        let lists =
            self.stop.run_until_cancelled(fetch).await.ok_or(Fault::Stopped)?.map_err(Fault::Service)?;
        store.take_lists(lists, replace).await.map_err(Fault::Store)?;
        self.tell(News::Refilled).await
    }

    /// Whether the service knows places; one that does not tell is no fault.
    async fn note_places(&mut self, store: &Store) -> Result<(), Fault> {
        let asked = self.stop.run_until_cancelled(self.api.place_sources()).await.ok_or(Fault::Stopped)?;
        match asked {
            Ok(sources) => store.keep_has_places(!sources.is_empty()).await.map_err(Fault::Store),
            Err(_) => Ok(()),
        }
    }

    /// For a copy that is older than access rules and sending limits.
    async fn take_policy(&mut self, store: &Store) -> Result<(), Fault> {
        let asked = self.stop.run_until_cancelled(self.api.policy()).await.ok_or(Fault::Stopped)?;
        let Some(policy) = asked.map_err(Fault::Service)? else { return Ok(()) };
        store.take_policy(policy).await.map_err(Fault::Store)?;
        self.tell(News::Refilled).await
    }

    async fn tell(&self, news: News) -> Result<(), Fault> {
        let sent = self.stop.run_until_cancelled(self.news.send(news)).await;
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(Fault::Stopped) }
    }
}

/// What was taken in since it was told last: telling each page would make the window draw for every one of
/// them.
#[derive(Default)]
struct Gathered {
    applied: Option<Applied>,
    told: Option<Instant>,
    taken: u32,
    behind: u32,
}

impl Gathered {
    fn behind(&mut self, taken: usize, behind: u64) {
        self.taken = self.taken.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX));
        self.behind = u32::try_from(behind).unwrap_or(u32::MAX);
    }

    fn total(&self) -> u32 {
        self.taken.saturating_add(self.behind)
    }

    fn add(&mut self, applied: Option<Applied>) {
        match (&mut self.applied, applied) {
            (Some(gathered), Some(applied)) => {
                changes::add(&mut gathered.changed, &applied.changed);
                gathered.alerts.extend(applied.alerts);
            }
            (none, applied) => *none = none.take().or(applied),
        }
    }

    fn is_due(&self) -> bool {
        self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY)
    }

    fn take(&mut self) -> Option<Applied> {
        self.told = Some(Instant::now());
        self.applied.take()
    }
}

/// Fetches page after page; the first time from the oldest event that is kept here.
async fn fetch(
    api: Api,
    mut cursor: Option<EventId>,
    oldest: Time,
    pages: mpsc::Sender<Result<EventPage, Problem>>,
) {
    loop {
        let mut page = match &cursor {
            Some(cursor) => api.events_after(cursor).await,
            None => api.events_since(oldest).await,
        };
        let mut more = page.as_ref().is_ok_and(|page| page.more);
        if more && let Ok(told) = &page {
            let seen = cursor.as_ref().map_or(0, |cursor| cursor.seq);
            match told.events.last() {
                Some(last) if last.id.seq > seen => cursor = Some(last.id.clone()),
                // It would be asked for the same page for ever.
                _ => (page, more) = (Err(leads_nowhere()), false),
            }
        }
        // Whoever no longer wants pages has ended.
        if pages.send(page).await.is_err() || !more {
            return;
        }
    }
}

/// Events before this are not kept here.
pub fn oldest_kept(now: Time) -> Time {
    Time::from_millis(now.as_millis() - KEPT_DAYS * DAY_MILLIS)
}

fn leads_nowhere() -> Problem {
    let message = "The service tells of further events and does not send them.";
    Problem::new(Code::Unreachable, message)
}

fn foreign(error: &dyn std::error::Error) -> Fault {
    let message = format!("The service sent what this console does not understand ({error}).");
    Fault::Service(Problem::new(Code::Unreachable, message))
}

#[cfg(test)]
mod tests;
