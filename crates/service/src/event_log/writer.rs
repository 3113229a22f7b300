//! The writer's memory: where the log stands, what the alert rules have seen, which accounts exist. All of it
//! derives from the database, so that after a failed transaction it is simply read again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use mailcup_guard::{
    alert::{Evidence, Familiarity, Outcome as WatchOutcome, PasswordMark, Rules, SignIn, Subject, Watch},
    client::client_network,
    inbox::{Standing, State, Step},
};
use mailcup_wire::{
    Account, AccountOrigin, Address, AdminId, Alert, AlertDeed, AlertId, AlertState, Epoch, EventBody,
    EventKind, LineageStep, Login, Outcome, Protocol, Time,
};
use sqlx::SqliteConnection;

use super::{
    AlertChangeError, Lineage, Wanted,
    alert_book::{self, AlertBook},
};
use crate::{
    risk::{Seen, SeenSignIn},
    sending::hit::OwnerMail,
    store::{
        Store, StoreError, accounts, alerts,
        codes::{RowCode, address_bytes},
        events::{self, EpochRow, NewEvent, SentRow, SignInRow},
        limit_mails, outbox,
    },
};

/// How far the clock may be set back without the log's times going back, in milliseconds.
const STEADY: i64 = 60_000;

/// How long a failed write is taken to mean that the next one fails too.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(200);

/// What the service did by itself is told in one alert's history so many times: an attack from thousands of networks
/// would make it endless.
const DEEDS: usize = 10;

/// Networks of accounts that are kept in memory.
const FAMILIAR: usize = 200_000;

/// Sign-ins replayed at a start at most.
const REPLAY: u64 = 50_000;
const REPLAY_PAGE: u32 = 5_000;

#[derive(Debug)]
pub(super) struct Writer {
    lineage: Arc<Lineage>,
    next_seq: u64,
    last_at: Time,
    rules: Rules,
    watch: Watch,
    book: AlertBook,
    accounts: HashSet<Arc<str>>,
    /// Client networks from which an account succeeded, and when first; those that were asked for lately.
    familiar: HashMap<Arc<str>, HashMap<[u8; 16], u64>>,
    familiar_count: usize,
    raised: Vec<(Subject, bool)>,
    failed_at: Option<Instant>,
}

/// Rows that are in a transaction but not yet committed.
#[derive(Debug)]
pub(super) struct Staged {
    pub first_seq: u64,
    pub rows: Vec<(Time, NewEvent)>,
    /// Up to when the log has come by them; none for imported events.
    pub until: Option<Time>,
}

impl Writer {
    /// Begins a new epoch and reads what the log remembers.
    pub async fn open(store: &Store, now: Time, rules: Rules) -> Result<(Self, Arc<Lineage>), StoreError> {
        let last = events::bounds(store.read()).await?.map_or(0, |(_, last, _)| last);
        let epoch = EpochRow { epoch: format!("{:016x}", rand::random::<u64>()), first_seq: last + 1 };
        let mut tx = store.write().await?;
        events::begin_epoch(&mut tx, &epoch, now).await?;
        let mut steps: Vec<_> = events::epochs(&mut tx)
            .await?
            .into_iter()
            .map(|row| LineageStep { epoch: Epoch(row.epoch), first_seq: row.first_seq })
            .collect();
        tx.commit().await?;
        let current = steps.pop().unwrap_or(LineageStep { epoch: Epoch(epoch.epoch), first_seq: last + 1 });
        let lineage = Arc::new(Lineage::new(steps, current));
        let mut writer = Self {
            lineage: Arc::clone(&lineage),
            next_seq: last + 1,
            last_at: Time::from_millis(0),
            rules,
            watch: Watch::new(rules),
            book: AlertBook::default(),
            accounts: HashSet::new(),
            familiar: HashMap::new(),
            familiar_count: 0,
            raised: Vec::new(),
            failed_at: None,
        };
        writer.load(store).await?;
        Ok((writer, lineage))
    }

    /// The newest event that is durable.
    pub fn head(&self) -> u64 {
        self.next_seq - 1
    }

    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.watch.set_rules(rules);
    }

    /// The memory may say other than the database; it will be read again.
    pub fn doubt(&mut self) {
        self.failed_at = Some(Instant::now());
    }

    pub fn needs_reload(&self) -> bool {
        self.failed_at.is_some()
    }

    /// Reads the memory anew after a failed write.
    ///
    /// # Errors
    /// [`StoreError::Full`] right after a failure, so that a full disk costs little.
    pub async fn reload(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.failed_at.is_some_and(|failed| failed.elapsed() < REST_AFTER_FAILURE) {
            tokio::time::sleep(REST_AFTER_FAILURE).await;
        }
        self.load(store).await?;
        self.failed_at = None;
        Ok(())
    }

    pub fn has_due_alerts(&self, now: Time, all: bool) -> bool {
        let now = self.steady(now);
        self.watch.has_overdue(now.0) || self.book.has_due(now, all)
    }

    pub fn open_alert(&self, id: &AlertId) -> Option<alerts::AlertRow> {
        self.book.get(id)
    }

    /// Alerts to raise with the next transaction.
    pub fn raise(&mut self, raised: Vec<(Subject, bool)>) {
        self.raised.extend(raised);
    }

    /// The alert that is open about `subject`, or one that is opened; none where its history tells enough of what the
    /// service did by itself.
    pub fn alert_about(
        &mut self,
        subject: &Subject,
        critical: bool,
        evidence: &Evidence,
        at: Time,
    ) -> Option<AlertId> {
        if self.book.about(subject).is_none() {
            self.book.add(subject, std::slice::from_ref(evidence), critical, at, &self.lineage);
        }
        let id = self.book.about(subject)?;
        let row = self.book.get(&id)?;
        let by_itself =
            row.alert.history.iter().filter(|step| step.admin.is_none() && step.deed != AlertDeed::State);
        (by_itself.count() < DEEDS).then_some(id)
    }

    /// Resolves the alert about `subject`. Answers whether there was one.
    pub fn settle(&mut self, subject: &Subject, note: &str, at: Time) -> bool {
        let Some(id) = self.book.about(subject) else { return false };
        let resolved = Standing { state: State::Resolved, snoozed_until: None };
        let step = alert_book::step(at, AlertDeed::State, resolved, None, Some(note.to_owned()));
        self.watch.settle(subject);
        self.book.step(&id, step, resolved, self.head()).is_some()
    }

    /// Does something about an alert; it is written with this transaction. `expected` is the version that
    /// the caller saw; none if it does not matter.
    pub async fn change_alert(
        &mut self,
        tx: &mut SqliteConnection,
        id: &AlertId,
        wanted: Wanted,
        by: Option<(AdminId, Login)>,
        expected: Option<u32>,
        at: Time,
    ) -> Result<Alert, AlertChangeError> {
        let row = match self.book.get(id) {
            Some(row) => row,
            None => alerts::get(tx, id).await?.ok_or(AlertChangeError::NotFound)?,
        };
        // Counts that grew meanwhile make nobody's decision stale; a step of somebody else does.
        if expected.is_some_and(|seen| seen < row.step_version || seen > row.alert.version) {
            return Err(AlertChangeError::Stale(Box::new(row.alert)));
        }
        let at = self.steady(at);
        let standing = alert_book::standing(&row.alert).after(wanted.step, at.0)?;
        if wanted.step == Step::Set(State::Resolved) {
            self.watch.settle(&row.subject);
        }
        self.book.admit(row);
        let step = alert_book::step(at, wanted.deed, standing, by, wanted.note);
        self.book.step(id, step, standing, self.head()).ok_or(AlertChangeError::NotFound)
    }

    /// Puts events and all that derives from them into a transaction. After its commit
    /// [`Writer::advance`] must follow, after its failure [`Writer::doubt`].
    pub async fn stage(
        &mut self,
        tx: &mut SqliteConnection,
        events: Vec<NewEvent>,
        now: Time,
        all_alerts: bool,
    ) -> Result<Staged, StoreError> {
        let at = self.steady(now);
        self.stage_at(tx, events.into_iter().map(|event| (at, event)).collect(), at, all_alerts).await
    }

    /// Like [`Writer::stage`], for events that have their times.
    pub async fn stage_at(
        &mut self,
        tx: &mut SqliteConnection,
        mut rows: Vec<(Time, NewEvent)>,
        now: Time,
        all_alerts: bool,
    ) -> Result<Staged, StoreError> {
        let first_seq = self.next_seq;
        let mut derived = Vec::new();
        for (seq, (at, event)) in (first_seq..).zip(&rows) {
            match event.kind {
                EventKind::SignIn => self.take_in(tx, seq, *at, event, &mut derived).await?,
                EventKind::Account => self.accounts.extend(event.login.clone()),
                EventKind::Submission => self.take_in_hits(tx, seq, *at, event).await?,
                EventKind::Alert
                | EventKind::Block
                | EventKind::Policy
                | EventKind::Admin
                | EventKind::System => {}
            }
        }
        for (subject, critical) in std::mem::take(&mut self.raised) {
            let evidence = evidence_in(first_seq, &rows);
            self.book.add(&subject, &evidence, critical, now, &self.lineage);
        }
        for finding in self.watch.overdue(now.0) {
            self.book.add(&finding.subject, &finding.evidence, finding.critical, now, &self.lineage);
        }
        for row in self.book.take_due(now, all_alerts) {
            alerts::put(tx, &row).await?;
            derived.push((now, NewEvent::new(&EventBody::Alert(row.alert), None)));
        }
        rows.extend(derived);
        events::insert(tx, first_seq, &rows).await?;
        let until = rows.last().map(|(at, _)| *at);
        Ok(Staged { first_seq, rows, until })
    }

    /// Puts imported events into a transaction, as far as they are not known: accounts are discovered and networks
    /// become known by them, and nobody is alerted. After it follows what follows [`Writer::stage`].
    pub async fn stage_imported(
        &mut self,
        tx: &mut SqliteConnection,
        mut rows: Vec<(Time, NewEvent)>,
    ) -> Result<Staged, StoreError> {
        let first_seq = self.next_seq;
        rows.sort_by_key(|(at, _)| *at);
        if let (Some((from, _)), Some((until, _))) = (rows.first(), rows.last()) {
            let mut known = events::prints(tx, *from, *until).await?;
            rows.retain(|(_, event)| event.print.is_none_or(|print| known.insert(print)));
        }
        let mut derived = Vec::new();
        for (seq, (at, event)) in (first_seq..).zip(&rows) {
            if event.kind == EventKind::SignIn {
                self.learn(tx, seq, *at, event, &mut derived).await?;
            }
        }
        rows.extend(derived);
        events::insert(tx, first_seq, &rows).await?;
        Ok(Staged { first_seq, rows, until: None })
    }

    /// What was staged is durable now.
    pub fn advance(&mut self, staged: &Staged) {
        self.next_seq = staged.first_seq + staged.rows.len() as u64;
        self.last_at = staged.until.unwrap_or(self.last_at);
    }

    /// Derives from a sign-in: an account that is discovered, a network that becomes known, alerts.
    async fn take_in(
        &mut self,
        tx: &mut SqliteConnection,
        seq: u64,
        at: Time,
        event: &NewEvent,
        derived: &mut Vec<(Time, NewEvent)>,
    ) -> Result<(), StoreError> {
        let (Some(login), Some(outcome)) = (&event.login, event.outcome.and_then(Outcome::from_code)) else {
            return Ok(());
        };
        let familiarity = self.learn(tx, seq, at, event, derived).await?;
        self.observe(
            &SignInRow {
                seq,
                at,
                outcome,
                mark: event.mark,
                login: Arc::clone(login),
                address: event.address,
            },
            familiarity,
        );
        Ok(())
    }

    /// Derives from a sign-in that succeeded: an account that is discovered, a network that becomes known.
    async fn learn(
        &mut self,
        tx: &mut SqliteConnection,
        seq: u64,
        at: Time,
        event: &NewEvent,
        derived: &mut Vec<(Time, NewEvent)>,
    ) -> Result<Familiarity, StoreError> {
        let succeeded = event.outcome.and_then(Outcome::from_code) == Some(Outcome::Succeeded);
        let Some(login) = event.login.as_ref().filter(|_| succeeded) else { return Ok(Familiarity::Known) };
        if is_of_account(event.protocol) && !self.accounts.contains(login) {
            derived.extend(discover(tx, login, at).await?.map(|event| (at, event)));
            self.accounts.insert(Arc::clone(login));
        }
        let Some(address) = event.address else { return Ok(Familiarity::Known) };
        let network = address_bytes(client_network(address.ip()).network());
        self.familiarity(tx, login, network, seq, true).await
    }

    /// Derives from a submission that limits stopped: alerts, and the owner's mail.
    async fn take_in_hits(
        &mut self,
        tx: &mut SqliteConnection,
        seq: u64,
        at: Time,
        event: &NewEvent,
    ) -> Result<(), StoreError> {
        for hit in &event.hits {
            let evidence = Evidence {
                seq,
                at: at.0,
                login: event.login.clone().unwrap_or_default(),
                address: event.address.map(Address::ip),
            };
            self.book.add(&hit.subject, &[evidence], false, at, &self.lineage);
            if let Some(OwnerMail { limit, login, window, mail }) = &hit.mail
                && limit_mails::claim(tx, limit, login, *window, at).await?
            {
                outbox::insert(tx, &format!("{:032x}", rand::random::<u128>()), mail, at, None).await?;
            }
        }
        Ok(())
    }

    fn observe(&mut self, row: &SignInRow, familiarity: Familiarity) {
        let sign_in = SignIn {
            seq: row.seq,
            at: row.at.0,
            login: &row.login,
            known: self.accounts.contains(&row.login),
            address: row.address.map(Address::ip),
            outcome: match row.outcome {
                Outcome::Succeeded => WatchOutcome::Succeeded,
                Outcome::Failed => WatchOutcome::Failed,
                Outcome::Challenged => WatchOutcome::Challenged,
                Outcome::Refused => WatchOutcome::Other,
            },
            mark: row.mark.map(PasswordMark),
            familiarity,
        };
        for finding in self.watch.observe(&sign_in) {
            self.book.add(&finding.subject, &finding.evidence, finding.critical, row.at, &self.lineage);
        }
    }

    /// What the account's successes before `seq` say about `network`. With `learn` the network is known from
    /// now on.
    async fn familiarity(
        &mut self,
        connection: &mut SqliteConnection,
        login: &Arc<str>,
        network: [u8; 16],
        seq: u64,
        learn: bool,
    ) -> Result<Familiarity, StoreError> {
        let known = self.familiar.get(login).and_then(|networks| networks.get(&network)).copied();
        let first = match known {
            Some(first) => Some(first),
            None => events::known_since(connection, login, network).await?,
        };
        if let Some(first) = first {
            self.remember(login, network, first);
            if first < seq {
                return Ok(Familiarity::Known);
            }
        }
        let remembered =
            self.familiar.get(login).is_some_and(|networks| networks.values().any(|it| *it < seq));
        let earlier = remembered || events::has_known_network(connection, login, seq).await?;
        if learn {
            self.remember(login, network, seq);
            events::add_known_network(connection, login, network, seq).await?;
        }
        Ok(if earlier { Familiarity::New } else { Familiarity::FirstEver })
    }

    fn remember(&mut self, login: &Arc<str>, network: [u8; 16], first: u64) {
        let networks = self.familiar.entry(Arc::clone(login)).or_default();
        if networks.insert(network, first).is_none() {
            self.familiar_count += 1;
        }
        if self.familiar_count > FAMILIAR {
            self.forget_familiar();
        }
    }

    fn forget_familiar(&mut self) {
        self.familiar.clear();
        self.familiar_count = 0;
    }

    /// The clock's time, unless that goes back a little.
    fn steady(&self, now: Time) -> Time {
        let back = self.last_at.as_millis().saturating_sub(now.as_millis());
        if (0..STEADY).contains(&back) { self.last_at } else { now }
    }

    /// Reads everything from the database and replays what can still matter to the alert rules.
    async fn load(&mut self, store: &Store) -> Result<(), StoreError> {
        let bounds = events::bounds(store.read()).await?;
        let mut connection = store.read().acquire().await?;
        self.accounts = accounts::logins(&mut connection).await?.into_iter().map(Arc::from).collect();
        self.forget_familiar();
        self.raised.clear();
        self.watch = Watch::new(self.rules);
        self.book = AlertBook::default();
        let Some((_, last, _)) = bounds else {
            self.next_seq = 1;
            return Ok(());
        };
        self.next_seq = last + 1;
        let Some(last_at) = events::recorded_last(store.read()).await? else { return Ok(()) };
        self.last_at = last_at;

        let window = i64::try_from(self.rules.window.as_millis()).unwrap_or(i64::MAX);
        let lately = Time::from_millis(last_at.as_millis().saturating_sub(window));
        // What is replayed meets the alerts of its time, so that it opens none a second time.
        let recent = alert_book::recent(last_at).min(lately);
        let mut rows = alerts::current(&mut connection, recent).await?;
        // An alarm that lasts is followed from its beginning, so that different accounts count once.
        let lasting = |row: &&alerts::AlertRow| row.alert.last_at >= lately;
        let since = rows.iter().filter(lasting).map(|row| row.alert.first_at).min().unwrap_or(lately);
        let first = events::first_since(&mut connection, since.min(lately), REPLAY).await?.unwrap_or(last);
        let after = (first - 1).max(last.saturating_sub(REPLAY));
        if since < recent {
            rows = alerts::current(&mut connection, since).await?;
        }
        self.replay(&mut connection, after, rows, lately).await
    }

    async fn replay(
        &mut self,
        connection: &mut SqliteConnection,
        mut after: u64,
        rows: Vec<alerts::AlertRow>,
        lately: Time,
    ) -> Result<(), StoreError> {
        let mut settled: Vec<_> =
            rows.iter().filter_map(|row| Some((row.settled_seq?, row.subject.clone()))).collect();
        settled.sort();
        let mut settled = settled.into_iter().peekable();
        let mut cut_off: Vec<_> = rows
            .iter()
            .filter(|row| row.alert.state != AlertState::Resolved && row.alert.last_at >= lately)
            .map(|row| (row.alert.first_at, row.subject.clone()))
            .collect();
        for row in rows {
            self.book.load(row);
        }
        loop {
            let page = events::sign_ins(connection, after, REPLAY_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            for row in page {
                // Alarms that began before the replay does.
                for (first_at, subject) in cut_off.drain(..) {
                    if first_at < row.at {
                        self.watch.resume(&subject, row.at.0);
                    }
                }
                while let Some((_, subject)) = settled.next_if(|(seq, _)| *seq < row.seq) {
                    self.watch.settle(&subject);
                }
                let mut familiarity = Familiarity::Known;
                if row.outcome == Outcome::Succeeded
                    && let Some(address) = row.address
                    && self.watch.watches(&row.login)
                {
                    let network = address_bytes(client_network(address.ip()).network());
                    familiarity = self.familiarity(connection, &row.login, network, row.seq, false).await?;
                }
                self.observe(&row, familiarity);
            }
        }
    }
}

impl Staged {
    /// What of it says something of risk. What was imported is past: it is read with the rest of the past.
    pub fn seen(&self, writer: &Writer) -> impl Iterator<Item = Seen> {
        let rows = (self.first_seq..).zip(&self.rows).filter(|(_, (_, event))| event.print.is_none());
        rows.filter_map(|(seq, (at, event))| {
            let login = event.login.clone()?;
            if let Some(recipients) = event.sent_to {
                return Some(Seen::Sent(SentRow { seq, at: *at, login, address: event.address, recipients }));
            }
            if event.kind != EventKind::SignIn {
                return None;
            }
            Some(Seen::SignIn(SeenSignIn {
                seq,
                at: *at,
                exists: writer.accounts.contains(&login),
                login,
                protocol: event.protocol?,
                address: event.address,
                client: event.client.clone(),
                outcome: event.outcome.and_then(Outcome::from_code)?,
                mark: event.mark,
                refused_for_risk: event.refused_for_risk,
            }))
        })
    }
}

/// Sign-ins of accounts, not of admins.
fn is_of_account(protocol: Option<Protocol>) -> bool {
    match protocol {
        Some(Protocol::Web | Protocol::Imap | Protocol::Pop3 | Protocol::Submission | Protocol::Sieve) => {
            true
        }
        Some(Protocol::Api) | None => false,
    }
}

async fn discover(
    tx: &mut SqliteConnection,
    login: &Arc<str>,
    at: Time,
) -> Result<Option<NewEvent>, StoreError> {
    let account = Account {
        login: Login(login.to_string()),
        name: String::new(),
        origin: AccountOrigin::Discovered,
        created_at: at,
        note: String::new(),
        version: 1,
    };
    let added = accounts::add(tx, &account).await?;
    Ok(added.then(|| NewEvent::new(&EventBody::Account(account), None)))
}

/// The sign-ins among staged rows.
fn evidence_in(first_seq: u64, rows: &[(Time, NewEvent)]) -> Vec<Evidence> {
    let sign_ins = (first_seq..).zip(rows).filter(|(_, (_, event))| event.kind == EventKind::SignIn);
    sign_ins
        .filter_map(|(seq, (at, event))| {
            let login = event.login.clone()?;
            Some(Evidence { seq, at: at.0, login, address: event.address.map(Address::ip) })
        })
        .collect()
}
