//! The durable outbox: a mail is stored in the transaction that wants it and sent afterwards, again and
//! again until the relay takes it, refuses it for good, or it is of no use any more.
//!
//! Each mail is sent once, with one exception that no protocol can close: when the service dies between the
//! relay's answer and its note of it, the mail goes out again with the same Message-ID.

mod watch;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use jiff::SignedDuration;
use mailcup_wire::{OutboxStatus, Time};
use sqlx::SqliteConnection;
use tokio::sync::{Notify, watch as channel};
use tokio_util::sync::CancellationToken;

pub use watch::watch;

use crate::{
    app::App,
    clock::Clock,
    event_log::LogTransaction,
    mail::{Mail, SendError, Transport},
    store::{
        Store, StoreError,
        outbox::{self, DueMail, Fate},
    },
};

/// Where mail goes from here.
#[derive(Debug)]
pub struct Route {
    /// The From address.
    pub from: String,
    pub transport: Transport,
}

/// Whether mail gets out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nobody has looked yet.
    Unknown,
    Flows,
    /// The oldest mail was tried and waits since longer than [`STUCK_AFTER`].
    Stuck {
        waiting: u32,
    },
}

/// Mail on its way out.
#[derive(Debug)]
pub struct Outbox {
    store: Store,
    clock: Clock,
    route: ArcSwap<Route>,
    wake: Notify,
    health: channel::Sender<Health>,
}

/// Sends a mail once `tx` is committed.
pub async fn post(app: &App, tx: &mut LogTransaction, mail: &Mail) -> Result<(), StoreError> {
    post_until(app, tx, mail, None).await?;
    Ok(())
}

/// Like [`post`], for a mail that is of no use from `expires_at` on. Answers the mail's id.
pub async fn post_until(
    app: &App,
    tx: &mut LogTransaction,
    mail: &Mail,
    expires_at: Option<Time>,
) -> Result<String, StoreError> {
    let id = app.outbox.enqueue(tx.connection(), mail, expires_at).await?;
    let outbox = Arc::clone(&app.outbox);
    tx.after_commit(move || outbox.wake());
    Ok(id)
}

/// How long a mail may wait before somebody should know.
pub const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// A mail without an end of its own is given up after this, as mail servers do.
const GIVE_UP_AFTER_ATTEMPTS: u32 = 60;
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
const KEEP_FINISHED: SignedDuration = SignedDuration::from_hours(24 * 30);
const AT_ONCE: u32 = 20;
/// How long the end waits for a mail that is under way.
const FAREWELL: Duration = Duration::from_secs(5);
/// Even with nothing due we look now and then: the clock may have been set back.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

impl Outbox {
    pub fn new(store: Store, clock: Clock, route: Route) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            route: ArcSwap::from_pointee(route),
            wake: Notify::new(),
            health: channel::Sender::new(Health::Unknown),
        })
    }

    /// Stores a mail in the caller's transaction; call [`Outbox::wake`] once that is committed. After
    /// `expires_at` it is not sent any more. Answers its id.
    pub async fn enqueue(
        &self,
        connection: &mut SqliteConnection,
        mail: &Mail,
        expires_at: Option<Time>,
    ) -> Result<String, StoreError> {
        let id = format!("{:032x}", rand::random::<u128>());
        outbox::insert(connection, &id, mail, self.clock.now(), expires_at).await?;
        Ok(id)
    }

    /// There may be something to send.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Makes every waiting mail due, in the transaction that changes the way out.
    pub async fn hasten(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        outbox::hasten(connection, self.clock.now()).await
    }

    /// Sends by another way from now on.
    pub fn reroute(&self, route: Route) {
        self.route.store(Arc::new(route));
        self.wake();
    }

    /// Sends one mail past the queue, for a test of the way out; answers in the relay's own words.
    pub async fn send_now(&self, mail: &Mail) -> Result<String, SendError> {
        let id = format!("{:032x}", rand::random::<u128>());
        let route = self.route.load_full();
        route.transport.send(&route.from, &id, mail).await
    }

    pub async fn status(&self) -> Result<OutboxStatus, StoreError> {
        let mut connection = self.store.read().acquire().await?;
        outbox::status(&mut connection).await
    }

    /// Follows whether mail gets out.
    pub fn health(&self) -> channel::Receiver<Health> {
        self.health.subscribe()
    }

    /// Sends until `stop`, and a little longer for a mail that is under way. Run it once.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            let round = tokio::select! {
                round = self.round(&stop) => round,
                () = farewell(&stop) => return,
            };
            let sleep = match round {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(%error, "the outbox can't be read or written; it tries again");
                    Duration::from_secs(5)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Sends all that is due; answers how long nothing will be.
    async fn round(&self, stop: &CancellationToken) -> Result<Duration, StoreError> {
        loop {
            let now = self.clock.now();
            let due = {
                let mut connection = self.store.read().acquire().await?;
                outbox::due(&mut connection, now, AT_ONCE).await?
            };
            if due.is_empty() {
                break;
            }
            for mail in due {
                if stop.is_cancelled() {
                    return Ok(Duration::ZERO);
                }
                self.send(mail).await?;
            }
            self.tell_health().await?;
        }
        self.tell_health().await?;
        let mut transaction = self.store.write().await?;
        let now = self.clock.now();
        outbox::forget(&mut transaction, Time::from(now.0.saturating_sub(KEEP_FINISHED).unwrap_or(now.0)))
            .await?;
        transaction.commit().await?;
        let mut connection = self.store.read().acquire().await?;
        let next = outbox::next_due(&mut connection).await?;
        let pause = next.map(|due| due.0.duration_since(now.0).max(SignedDuration::ZERO));
        Ok(pause.map_or(LONGEST_SLEEP, |pause| pause.unsigned_abs().min(LONGEST_SLEEP)))
    }

    async fn send(&self, due: DueMail) -> Result<(), StoreError> {
        let route = self.route.load_full();
        let expired = due.expires_at.is_some_and(|end| self.clock.now() >= end);
        let sent = if expired {
            Err(SendError { permanent: true, answer: "it was of no use any more".to_owned() })
        } else {
            route.transport.send(&route.from, &due.id, &due.mail).await
        };
        let now = self.clock.now();
        let mut transaction = self.store.write().await?;
        match sent {
            Ok(answer) => {
                outbox::finish(&mut transaction, &due.id, Fate::Sent, now, &answer).await?;
                metrics::counter!("mailcup_mails_sent_total").increment(1);
            }
            Err(error) if error.permanent || due.attempts + 1 >= GIVE_UP_AFTER_ATTEMPTS => {
                tracing::warn!(mail = due.id, answer = error.answer, "a mail was given up");
                outbox::finish(&mut transaction, &due.id, Fate::GivenUp, now, &error.answer).await?;
            }
            Err(error) => {
                tracing::warn!(
                    mail = due.id,
                    answer = error.answer,
                    "a mail was not taken; it is tried again"
                );
                let due_at = Time::from(now.0.saturating_add(pause(due.attempts)).unwrap_or(now.0));
                outbox::postpone(&mut transaction, &due.id, due_at, &error.answer).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn tell_health(&self) -> Result<(), StoreError> {
        let status = self.status().await?;
        let now = self.clock.now();
        let late = status.oldest_at.is_some_and(|oldest| now.0.duration_since(oldest.0) >= STUCK_AFTER);
        let health = if late { Health::Stuck { waiting: status.waiting } } else { Health::Flows };
        self.health.send_if_modified(|known| std::mem::replace(known, health) != health);
        Ok(())
    }
}

/// Ends some time after `stop`.
async fn farewell(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}

/// How long to wait after so many attempts: doubling, up to an hour.
fn pause(attempts: u32) -> SignedDuration {
    let doubled = FIRST_PAUSE.as_secs().saturating_mul(1_i64 << attempts.min(20));
    SignedDuration::from_secs(doubled.min(LONGEST_PAUSE.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::mail::{RelaySecurity, TransportConfig};

    const START: i64 = 1_795_507_200_000;

    async fn outbox(folder: &Path, clock: &Clock, config: &TransportConfig) -> Arc<Outbox> {
        let store = Store::open(&folder.join("data")).await.unwrap();
        Outbox::new(store, clock.clone(), route(config))
    }

    fn route(config: &TransportConfig) -> Route {
        Route { from: "mailcup@example.org".into(), transport: Transport::new(config).unwrap() }
    }

    fn local(folder: &Path) -> TransportConfig {
        TransportConfig::Local { folder: folder.join("outbox") }
    }

    fn dead() -> TransportConfig {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = "127.0.0.1".to_owned();
        TransportConfig::Relay { host, port, security: RelaySecurity::None, credentials: None }
    }

    fn arrived(folder: &Path) -> usize {
        std::fs::read_dir(folder.join("outbox/new")).map_or(0, Iterator::count)
    }

    async fn enqueue(outbox: &Outbox, expires_at: Option<Time>) {
        let mail = Mail { to: "anna@example.net".into(), subject: "Code".into(), body: "042137".into() };
        let mut transaction = outbox.store.write().await.unwrap();
        outbox.enqueue(&mut transaction, &mail, expires_at).await.unwrap();
        transaction.commit().await.unwrap();
    }

    fn after(seconds: i64) -> Time {
        Time::from_millis(START + seconds * 1_000)
    }

    #[tokio::test]
    async fn a_relay_that_is_down_loses_nothing_and_the_way_out_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(after(0));
        let stop = CancellationToken::new();
        let outbox = outbox(folder.path(), &clock, &dead()).await;
        enqueue(&outbox, None).await;
        enqueue(&outbox, Some(after(600))).await;

        assert_eq!(outbox.round(&stop).await.unwrap(), Duration::from_secs(15));
        let status = outbox.status().await.unwrap();
        assert_eq!(status.waiting, 2);
        assert!(status.last_error.unwrap().contains("refused"));
        assert_eq!(*outbox.health().borrow(), Health::Flows);

        clock.set(after(601));
        outbox.round(&stop).await.unwrap();
        assert_eq!(*outbox.health().borrow(), Health::Stuck { waiting: 1 }, "the code is of no use any more");

        let mut transaction = outbox.store.write().await.unwrap();
        outbox.hasten(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        outbox.reroute(route(&local(folder.path())));
        outbox.round(&stop).await.unwrap();
        assert_eq!(arrived(folder.path()), 1);
        assert_eq!(*outbox.health().borrow(), Health::Flows);
        outbox.round(&stop).await.unwrap();
        assert_eq!(arrived(folder.path()), 1, "a mail is sent once");
    }

    #[tokio::test]
    async fn a_code_is_not_kept_longer_than_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(after(0));
        let outbox = outbox(folder.path(), &clock, &local(folder.path())).await;
        enqueue(&outbox, None).await;
        outbox.round(&CancellationToken::new()).await.unwrap();
        let bodies: Vec<String> =
            sqlx::query_scalar("SELECT body FROM outbox").fetch_all(outbox.store.read()).await.unwrap();
        assert_eq!(bodies, [""]);
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let seconds: Vec<_> = [0, 1, 2, 7, 8, 40].map(|attempts| pause(attempts).as_secs()).into();
        assert_eq!(seconds, [15, 30, 60, 1_920, 3_600, 3_600]);
    }
}
