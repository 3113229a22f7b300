//! The event log: whoever appends an event gets an answer once it is durable; alerts derive from sign-ins in
//! the same transaction.
//!
//! Events that arrive while a transaction is being written go into the next one together (group commit). A
//! change of a resource and its event commit together through [`EventLog::begin`].
//!
//! Times: an event gets the clock's time, but not before its predecessor's as long as the clock was set back
//! by less than a minute; beyond that the log follows the clock. The order of the log is that of its numbers.

mod alert_book;
mod group;
mod lineage;
mod words;
mod writer;

use std::{
    borrow::Cow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use mailcup_guard::{
    alert::{Evidence, PasswordMark, Rules, Subject},
    inbox,
};
use mailcup_wire::{
    AdminId, Alert, AlertChange, AlertDeed, AlertId, AlertState, Block, EventBody, EventId, Login, Place,
    SignIn, Snooze, Submission, Time,
};
use sqlx::{Sqlite, SqliteConnection, Transaction};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, mpsc, oneshot},
    task::JoinHandle,
};

pub use lineage::{Diverged, Lineage};
pub use words::{limit_phrase, network_name, reason_text};

use crate::{
    clock::Clock,
    places::Places,
    risk::SignInRisk,
    sending::hit::Hit,
    store::{Store, StoreError, alerts::AlertRow, events::NewEvent},
    stream::{BatchWriter, Hub},
};
use group::{Group, Groups, Queued};
use writer::{Staged, Writer};

/// Events that wait for their transaction at most; beyond it whoever appends waits.
const QUEUE: usize = 8192;

/// The event log. Clones are the same log.
#[derive(Debug, Clone)]
pub struct EventLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    hub: Hub,
    lineage: Arc<Lineage>,
    places: OnceLock<Arc<Places>>,
    risk: OnceLock<Arc<SignInRisk>>,
    head: AtomicU64,
    writer: Arc<Mutex<Writer>>,
    queue: mpsc::Sender<Queued>,
}

/// A transaction that changes resources and appends what happened. Dropping it takes everything back.
#[derive(Debug)]
pub struct LogTransaction {
    log: EventLog,
    tx: Option<Transaction<'static, Sqlite>>,
    writer: OwnedMutexGuard<Writer>,
    events: Vec<NewEvent>,
    raised: Vec<(Subject, bool)>,
    rules: Option<Rules>,
    after_commit: Vec<AfterCommit>,
    /// Whether the writer's memory was changed ahead of the commit.
    touched: bool,
}

struct AfterCommit(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for AfterCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AfterCommit")
    }
}

/// Why an alert was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AlertChangeError {
    #[error("there is no such alert")]
    NotFound,
    #[error("somebody changed the alert meanwhile")]
    Stale(Box<Alert>),
    #[error("a change sets a state, snoozes, or writes a note: at least one, and not the first two at once")]
    Unclear,
    #[error(transparent)]
    Refused(#[from] inbox::Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to be done about an alert, and how its history tells it.
#[derive(Debug)]
struct Wanted {
    step: inbox::Step,
    deed: AlertDeed,
    note: Option<String>,
}

impl EventLog {
    /// Opens the log and begins a new epoch. The task that is answered writes until [`EventLog::close`].
    pub async fn open(
        store: Store,
        clock: Clock,
        rules: Rules,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (writer, lineage) = Writer::open(&store, clock.now(), rules).await?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let head = AtomicU64::new(writer.head());
        let writer = Arc::new(Mutex::new(writer));
        let (hub, places, risk) = (Hub::default(), OnceLock::new(), OnceLock::new());
        let log = Self(Arc::new(Inner { store, clock, hub, lineage, places, risk, head, writer, queue }));
        let task = tokio::spawn(log.clone().write_groups(Groups::of(waiting)));
        Ok((log, task))
    }

    /// From now on sign-ins and submissions say where their addresses are.
    pub fn stamp_with(&self, places: Arc<Places>) {
        // Whoever comes second has nothing else to say.
        let _ = self.0.places.set(places);
    }

    /// From now on sign-ins are taken in there, once they are durable.
    pub fn tell(&self, risk: Arc<SignInRisk>) {
        // Whoever comes second has nothing else to say.
        let _ = self.0.risk.set(risk);
    }

    /// Appends an event and waits until it is durable.
    pub async fn append(&self, body: &EventBody) -> Result<EventId, StoreError> {
        self.append_new(self.0.new_event(Cow::Borrowed(body), None)).await
    }

    /// Appends a sign-in and waits until it is durable. `mark` tells wrong passwords apart.
    pub async fn append_sign_in(
        &self,
        sign_in: SignIn,
        mark: Option<PasswordMark>,
    ) -> Result<EventId, StoreError> {
        self.append_new(self.0.new_event(Cow::Owned(EventBody::SignIn(sign_in)), mark)).await
    }

    /// Appends a submission with the limits that stopped it, and waits until all is durable.
    pub async fn append_submission(
        &self,
        submission: Submission,
        hits: Vec<Hit>,
    ) -> Result<EventId, StoreError> {
        let event = self.0.new_event(Cow::Owned(EventBody::Submission(submission)), None);
        self.append_new(NewEvent { hits, ..event }).await
    }

    /// Appends a submission that nobody is answered by, and waits for a place in the queue alone.
    pub async fn append_submission_later(&self, submission: Submission) -> Result<(), StoreError> {
        let event = self.0.new_event(Cow::Owned(EventBody::Submission(submission)), None);
        let queued = Queued::Event { event, done: None };
        self.0.queue.send(queued).await.map_err(|_| StoreError::Busy)
    }

    /// Appends an event that was prepared before.
    pub async fn append_new(&self, event: NewEvent) -> Result<EventId, StoreError> {
        let (done, answer) = oneshot::channel();
        let queued = Queued::Event { event, done: Some(done) };
        self.0.queue.send(queued).await.map_err(|_| StoreError::Busy)?;
        let seq = answer.await.map_err(|_| StoreError::Busy)??;
        Ok(self.id_of(seq))
    }

    /// Appends events of the past that have their times, in one transaction.
    pub async fn append_past(&self, events: Vec<(Time, NewEvent)>) -> Result<(), StoreError> {
        let mut writer = self.lock().await?;
        let Some(now) = events.last().map(|(at, _)| *at) else { return Ok(()) };
        let mut tx = self.0.store.write().await?;
        let staged = writer.stage_at(&mut tx, events, now, false).await;
        self.settle(writer, tx, staged).await.map(|_| ())
    }

    /// Appends events that were read from a mail server's log and have their times and prints, in one transaction,
    /// as far as they are not known. Answers how many were not. Nobody is alerted by them.
    pub async fn append_imported(&self, events: Vec<(Time, EventBody, i64)>) -> Result<u32, StoreError> {
        let prepared = events.into_iter().map(|(at, body, print)| {
            let event = self.0.new_event(Cow::Owned(body), None);
            (at, NewEvent { print: Some(print), ..event })
        });
        let prepared = prepared.collect();
        let mut writer = self.lock().await?;
        let mut tx = self.0.store.write().await?;
        let staged = writer.stage_imported(&mut tx, prepared).await;
        let stored = staged
            .as_ref()
            .map_or(0, |staged| staged.rows.iter().filter(|(_, event)| event.print.is_some()).count());
        self.settle(writer, tx, staged).await?;
        Ok(u32::try_from(stored).unwrap_or(u32::MAX))
    }

    /// Begins a transaction that changes resources together with their events. It holds the one writing
    /// connection: keep it short, and don't append to the log otherwise meanwhile.
    pub async fn begin(&self) -> Result<LogTransaction, StoreError> {
        let writer = self.lock().await?;
        let tx = self.0.store.write().await?;
        Ok(LogTransaction {
            log: self.clone(),
            tx: Some(tx),
            writer,
            events: Vec::new(),
            raised: Vec::new(),
            rules: None,
            after_commit: Vec::new(),
            touched: false,
        })
    }

    /// Opens an alert that does not come from a sign-in, or adds to the one that is open about `subject`.
    pub async fn raise(&self, subject: Subject, critical: bool) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.raise(subject, critical);
        tx.commit().await.map(|_| ())
    }

    /// Writes what is still held back and takes no more events.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        self.0.queue.send(Queued::Close { done }).await.map_err(|_| StoreError::Busy)?;
        answer.await.map_err(|_| StoreError::Busy)?
    }

    /// How many events wait for their transaction.
    pub fn waiting(&self) -> usize {
        self.0.queue.max_capacity() - self.0.queue.capacity()
    }

    /// The newest durable event.
    pub fn head(&self) -> EventId {
        self.id_of(self.head_seq())
    }

    pub fn head_seq(&self) -> u64 {
        self.0.head.load(Ordering::Acquire)
    }

    pub fn lineage(&self) -> &Lineage {
        &self.0.lineage
    }

    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The whole name of the event with this number.
    pub fn id_of(&self, seq: u64) -> EventId {
        EventId { epoch: self.0.lineage.epoch_of(seq).clone(), seq }
    }

    /// The writer, its memory agreeing with the database.
    async fn lock(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut writer = Arc::clone(&self.0.writer).lock_owned().await;
        if writer.needs_reload() {
            writer.reload(&self.0.store).await?;
            self.0.head.store(writer.head(), Ordering::Release);
        }
        Ok(writer)
    }

    async fn write_groups(self, mut groups: Groups) {
        while let Some(group) = groups.next().await {
            let Group { events, waiters, closing } = group;
            let count = events.len();
            let written = self.write_group(events, closing.is_some()).await;
            if let Err(error) = &written {
                tracing::error!(%error, events = count, "events were not written");
            }
            for (offset, waiter) in (0u64..).zip(waiters) {
                if let Some(waiter) = waiter {
                    // Whoever no longer waits is not interested.
                    let _ = waiter.send(written.clone().map(|first| first + offset));
                }
            }
            if let Some(done) = closing {
                groups.close();
                let _ = done.send(written.map(|_| ()));
                return;
            }
        }
    }

    /// Writes one transaction. Answers the number of its first event.
    async fn write_group(&self, events: Vec<NewEvent>, closing: bool) -> Result<u64, StoreError> {
        let mut writer = self.lock().await?;
        let now = self.0.clock.now();
        if events.is_empty() && !writer.has_due_alerts(now, closing) {
            return Ok(writer.head());
        }
        let mut tx = self.0.store.write().await?;
        let staged = writer.stage(&mut tx, events, now, closing).await;
        self.settle(writer, tx, staged).await
    }

    /// Commits what was staged; answers the number of its first event.
    async fn settle(
        &self,
        mut writer: OwnedMutexGuard<Writer>,
        tx: Transaction<'static, Sqlite>,
        staged: Result<Staged, StoreError>,
    ) -> Result<u64, StoreError> {
        let result = match staged {
            Ok(staged) => tx.commit().await.map(|()| staged).map_err(StoreError::from),
            Err(error) => Err(error),
        };
        match result {
            Ok(staged) => {
                self.publish(&mut writer, &staged);
                Ok(staged.first_seq)
            }
            Err(error) => {
                writer.doubt();
                Err(error)
            }
        }
    }

    fn publish(&self, writer: &mut Writer, staged: &Staged) {
        if let Some(risk) = self.0.risk.get() {
            staged.seen(writer).for_each(|seen| risk.take_in(seen));
        }
        // Beside the count of events: how many share a transaction.
        metrics::counter!("mailcup_event_transactions_total").increment(1);
        writer.advance(staged);
        self.0.head.store(writer.head(), Ordering::Release);
        if self.0.hub.has_listeners() && !staged.rows.is_empty() {
            let mut batch = BatchWriter::new(self.0.lineage.current(), staged.first_seq);
            for (at, event) in &staged.rows {
                batch.add(*at, &event.body);
            }
            self.0.hub.publish(batch.finish());
        }
    }
}

impl Inner {
    /// Prepares an event that happens now. Where an address is, is asked here and nowhere else, so that every event
    /// says it.
    fn new_event(&self, mut body: Cow<'_, EventBody>, mark: Option<PasswordMark>) -> NewEvent {
        if let Some(place) = self.place_of(&body) {
            match body.to_mut() {
                EventBody::SignIn(it) => it.place = Some(place),
                EventBody::Submission(it) => it.place = Some(place),
                EventBody::Alert(_)
                | EventBody::Block(_)
                | EventBody::Account(_)
                | EventBody::Policy(_)
                | EventBody::Admin(_)
                | EventBody::System(_) => {}
            }
        }
        NewEvent::new(&body, mark.map(|mark| mark.0))
    }

    /// Where what happened came from, unless it says so itself.
    fn place_of(&self, body: &EventBody) -> Option<Place> {
        let (said, address) = match body {
            EventBody::SignIn(it) => (&it.place, it.address),
            EventBody::Submission(it) => (&it.place, it.address),
            EventBody::Alert(_)
            | EventBody::Block(_)
            | EventBody::Account(_)
            | EventBody::Policy(_)
            | EventBody::Admin(_)
            | EventBody::System(_) => return None,
        };
        match said {
            Some(_) => None,
            None => self.places.get()?.of(address?.ip()),
        }
    }
}

impl LogTransaction {
    /// The connection, for changes of resources.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        self.tx.as_mut().unwrap_or_else(|| unreachable!("a transaction ends only by value"))
    }

    /// The time that the log goes by.
    pub fn now(&self) -> Time {
        self.log.0.clock.now()
    }

    /// Appends an event.
    pub fn append(&mut self, body: &EventBody) {
        self.events.push(self.log.0.new_event(Cow::Borrowed(body), None));
    }

    /// Appends a sign-in; `mark` tells wrong passwords apart.
    pub fn append_sign_in(&mut self, sign_in: SignIn, mark: Option<PasswordMark>) {
        self.events.push(self.log.0.new_event(Cow::Owned(EventBody::SignIn(sign_in)), mark));
    }

    /// Opens an alert, or adds to the one that is open about `subject`; the sign-ins of this transaction are
    /// its evidence.
    pub fn raise(&mut self, subject: Subject, critical: bool) {
        self.raised.push((subject, critical));
    }

    /// The alert that is open about `subject`; opens one with `evidence` if there is none. None where this very
    /// sign-in was counted by one that is resolved, or where its history is long enough.
    pub fn alert_about(&mut self, subject: &Subject, critical: bool, evidence: &Evidence) -> Option<AlertId> {
        self.touched = true;
        self.writer.alert_about(subject, critical, evidence, self.log.0.clock.now())
    }

    /// Resolves the alert about `subject` because its cause is gone; false if none is open.
    pub fn settle(&mut self, subject: &Subject, note: &str) -> bool {
        let at = self.log.0.clock.now();
        let settled = self.writer.settle(subject, note, at);
        self.touched |= settled;
        settled
    }

    /// Does something about an alert, if nobody did after the version `expected`.
    pub async fn change_alert(
        &mut self,
        id: &AlertId,
        change: &AlertChange,
        by: Option<(AdminId, Login)>,
        expected: u32,
    ) -> Result<Alert, AlertChangeError> {
        let wanted = Wanted::by(change).ok_or(AlertChangeError::Unclear)?;
        self.do_about(id, wanted, by, Some(expected)).await
    }

    /// Notes in an alert's history that this block answers it.
    pub async fn answer_with(
        &mut self,
        id: &AlertId,
        block: &Block,
        by: Option<(AdminId, Login)>,
    ) -> Result<Alert, AlertChangeError> {
        let deed = AlertDeed::Blocked { block: block.id.clone(), target: block.target.clone() };
        self.do_about(id, Wanted { step: inbox::Step::Note, deed, note: None }, by, None).await
    }

    /// Takes new thresholds for alerts, which hold from this commit on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = Some(rules);
    }

    async fn do_about(
        &mut self,
        id: &AlertId,
        wanted: Wanted,
        by: Option<(AdminId, Login)>,
        expected: Option<u32>,
    ) -> Result<Alert, AlertChangeError> {
        let at = self.log.0.clock.now();
        let tx = self.tx.as_mut().unwrap_or_else(|| unreachable!("a transaction ends only by value"));
        let alert = self.writer.change_alert(tx, id, wanted, by, expected, at).await?;
        self.touched = true;
        Ok(alert)
    }

    /// Does `then` right after the commit, whether or not somebody still waits for it.
    pub fn after_commit(&mut self, then: impl FnOnce() + Send + 'static) {
        self.after_commit.push(AfterCommit(Box::new(then)));
    }

    /// Writes everything; answers the ids of the events, once they are durable. Goes on when the caller no
    /// longer waits.
    pub async fn commit(self) -> Result<Vec<EventId>, StoreError> {
        tokio::spawn(self.commit_now()).await.map_err(|_| StoreError::Busy)?
    }

    async fn commit_now(mut self) -> Result<Vec<EventId>, StoreError> {
        let now = self.log.0.clock.now();
        let count = self.events.len() as u64;
        let events = std::mem::take(&mut self.events);
        let raised = std::mem::take(&mut self.raised);
        self.touched = true;
        let Some(mut tx) = self.tx.take() else { return Err(StoreError::Busy) };
        self.writer.raise(raised);
        let staged = self.writer.stage(&mut tx, events, now, false).await?;
        tx.commit().await?;
        self.touched = false;
        let log = self.log.clone();
        log.publish(&mut self.writer, &staged);
        if let Some(rules) = self.rules.take() {
            self.writer.set_rules(rules);
        }
        for AfterCommit(then) in std::mem::take(&mut self.after_commit) {
            then();
        }
        Ok((staged.first_seq..staged.first_seq + count).map(|seq| log.id_of(seq)).collect())
    }
}

impl Drop for LogTransaction {
    fn drop(&mut self) {
        if self.touched {
            self.writer.doubt();
        }
    }
}

impl Wanted {
    fn by(change: &AlertChange) -> Option<Self> {
        let note = change.note.clone().filter(|note| !note.trim().is_empty());
        if change.was_owner {
            let is_clear =
                matches!(change.state, None | Some(AlertState::Resolved)) && change.snooze.is_none();
            let step = inbox::Step::Set(inbox::State::Resolved);
            return is_clear.then_some(Self { step, deed: AlertDeed::WasOwner, note });
        }
        let (step, deed) = match (change.state, &change.snooze) {
            (Some(state), None) => (inbox::Step::Set(alert_book::guard_state(state)), AlertDeed::State),
            (None, Some(Snooze::Until { at })) => {
                (inbox::Step::Snooze { until: at.0 }, AlertDeed::Snoozed { until: *at })
            }
            (None, Some(Snooze::End)) => (inbox::Step::Wake, AlertDeed::Woken),
            (None, None) if note.is_some() => (inbox::Step::Note, AlertDeed::Noted),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(Self { step, deed, note })
    }
}

/// Looks up an alert as it stands now, counts held back included where it is open.
pub async fn current_alert(log: &EventLog, id: &AlertId) -> Result<Option<AlertRow>, StoreError> {
    let writer = log.lock().await?;
    if let Some(row) = writer.open_alert(id) {
        return Ok(Some(row));
    }
    drop(writer);
    let mut connection = log.0.store.read().acquire().await?;
    crate::store::alerts::get(&mut connection, id).await
}
