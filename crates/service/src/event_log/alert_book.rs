//! Alerts that are not resolved, with exact counts. The first finding about a subject opens an alert at
//! once; later ones are counted here and written about once a second.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    net::IpAddr,
};

use mailcup_guard::{
    alert::{BackupConcern, Evidence, Subject},
    inbox::{Standing, State},
};
use mailcup_wire::{
    Address, AdminId, Alert, AlertDeed, AlertId, AlertState, AlertStep, EventId, Login, Network, Severity,
    Time,
};

use super::{Lineage, words};
use crate::store::alerts::AlertRow;

/// Milliseconds between two events of one alert.
const PACE: u64 = 1000;

/// Milliseconds without an event after which the next ones open an alert of their own, although the old one
/// was never resolved: it is news. Not so where an alert [waits for its cause](waits_for_its_cause) to go.
const OVER: u64 = 24 * 3600 * 1000;

/// Milliseconds between looks for alerts that are over.
const SWEEP_EVERY: u64 = 3600 * 1000;

/// Accounts, addresses and events that an alert names.
const NAMED: usize = 20;

/// Different accounts and addresses counted exactly for one alert; beyond it their totals stand still.
const DISTINCT: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct AlertBook {
    alerts: BTreeMap<AlertId, Entry>,
    by_subject: BTreeMap<Subject, AlertId>,
    /// Up to where events about a subject were counted by an alert that is resolved.
    counted: BTreeMap<Subject, u64>,
    /// Alerts that changed since they were written.
    held_back: BTreeSet<AlertId>,
    /// When alerts that are over were put out of memory last.
    swept_at: Option<Time>,
}

#[derive(Debug)]
struct Entry {
    row: AlertRow,
    accounts: HashSet<u64>,
    addresses: HashSet<IpAddr>,
    /// Changed since it was written.
    dirty: bool,
    /// When it was written last; none if it must be written with the next transaction.
    written_at: Option<Time>,
}

impl AlertBook {
    /// Takes in an alert from the store.
    pub fn load(&mut self, row: AlertRow) {
        if row.alert.state == AlertState::Resolved {
            let counted = self.counted.entry(row.subject).or_default();
            *counted = (*counted).max(row.counted_seq);
            return;
        }
        self.by_subject.insert(row.subject.clone(), row.alert.id.clone());
        let written_at = Some(row.alert.last_at);
        self.alerts.insert(row.alert.id.clone(), Entry::new(row, written_at));
    }

    /// Takes in an alert that is about to change, be it resolved.
    pub fn admit(&mut self, row: AlertRow) {
        let id = row.alert.id.clone();
        self.by_subject.entry(row.subject.clone()).or_insert_with(|| id.clone());
        let written_at = Some(row.alert.last_at);
        self.alerts.entry(id).or_insert_with(|| Entry::new(row, written_at));
    }

    /// Counts `evidence` for the alert about `subject`, and opens one if there is none. What was counted
    /// before the last start is not counted again.
    pub fn add(
        &mut self,
        subject: &Subject,
        evidence: &[Evidence],
        critical: bool,
        at: Time,
        lineage: &Lineage,
    ) {
        let current = self.by_subject.get(subject).and_then(|id| self.alerts.get_mut(id));
        if let Some(entry) = current.filter(|entry| waits_for_its_cause(subject) || !entry.is_over(at)) {
            entry.count(evidence, at, lineage);
            if critical && entry.row.alert.severity < Severity::Critical {
                entry.row.alert.severity = Severity::Critical;
                entry.wake(at);
            }
            if entry.dirty {
                self.held_back.insert(entry.row.alert.id.clone());
            }
            return;
        }
        let counted = self.counted.get(subject).copied().unwrap_or(0);
        if !evidence.is_empty() && evidence.iter().all(|one| one.seq <= counted) {
            return;
        }
        let mut entry = Entry::new(opened(subject, critical, at, counted), None);
        entry.count(evidence, at, lineage);
        entry.dirty = true;
        let id = entry.row.alert.id.clone();
        self.held_back.insert(id.clone());
        self.by_subject.insert(subject.clone(), id.clone());
        self.alerts.insert(id, entry);
    }

    /// Records a step of an admin, or of the service itself, after which the alert stands as given.
    pub fn step(&mut self, id: &AlertId, step: AlertStep, standing: Standing, head: u64) -> Option<Alert> {
        let entry = self.alerts.get_mut(id)?;
        if step.deed == AlertDeed::State && step.state == AlertState::Resolved {
            entry.row.settled_seq = Some(head);
        }
        entry.take(step, standing);
        self.held_back.insert(id.clone());
        let mut alert = entry.finished();
        alert.version += 1;
        Some(alert)
    }

    pub fn get(&self, id: &AlertId) -> Option<AlertRow> {
        let entry = self.alerts.get(id)?;
        Some(AlertRow { alert: entry.finished(), ..entry.row.clone() })
    }

    pub fn about(&self, subject: &Subject) -> Option<AlertId> {
        self.by_subject.get(subject).cloned()
    }

    /// Whether something should be written now.
    pub fn has_due(&self, now: Time, all: bool) -> bool {
        self.held_back.iter().any(|id| self.alerts.get(id).is_some_and(|entry| entry.is_due(now, all)))
    }

    /// The alerts to write now; with `all` also those that would still be held back.
    pub fn take_due(&mut self, now: Time, all: bool) -> Vec<AlertRow> {
        let mut due = Vec::new();
        for id in &self.held_back {
            let Some(entry) = self.alerts.get_mut(id).filter(|entry| entry.is_due(now, all)) else {
                continue;
            };
            entry.row.alert.version += 1;
            entry.row.alert = entry.finished();
            entry.dirty = false;
            entry.written_at = Some(now);
            due.push(entry.row.clone());
        }
        for row in &due {
            self.held_back.remove(&row.alert.id);
            if row.alert.state == AlertState::Resolved {
                self.forget(&row.alert.id);
            }
        }
        self.sweep(now);
        due
    }

    /// Puts alerts that are over out of memory: what follows would open new ones anyway.
    fn sweep(&mut self, now: Time) {
        if self.swept_at.is_some_and(|swept| swept.as_millis().abs_diff(now.as_millis()) < SWEEP_EVERY) {
            return;
        }
        self.swept_at = Some(now);
        let is_done =
            |entry: &Entry| !entry.dirty && entry.is_over(now) && !waits_for_its_cause(&entry.row.subject);
        let done = self.alerts.iter().filter(|(_, entry)| is_done(entry)).map(|(id, _)| id.clone());
        for id in done.collect::<Vec<_>>() {
            self.forget(&id);
        }
    }

    fn forget(&mut self, id: &AlertId) {
        if let Some(entry) = self.alerts.remove(id)
            && self.by_subject.get(&entry.row.subject) == Some(id)
        {
            self.by_subject.remove(&entry.row.subject);
        }
    }
}

/// Alerts whose last event was before this moment are over at `now`.
pub(super) fn recent(now: Time) -> Time {
    Time::from_millis(now.as_millis().saturating_sub_unsigned(OVER))
}

/// Not derived from sign-ins, but resolved by the service itself when its cause is gone.
fn waits_for_its_cause(subject: &Subject) -> bool {
    match subject {
        Subject::OutboxStuck
        | Subject::Backup(
            BackupConcern::Missed
            | BackupConcern::Failed
            | BackupConcern::Damaged
            | BackupConcern::Drill
            | BackupConcern::Copy,
        ) => true,
        Subject::AdminNewDevice { .. }
        | Subject::PolicyReturned { .. }
        | Subject::AdminRecovered { .. }
        | Subject::RepeatedFailures { .. }
        | Subject::NetworkFailures { .. }
        | Subject::SuccessAfterFailures { .. }
        | Subject::LimitReached { .. }
        | Subject::NotMe { .. }
        | Subject::CodeNotGiven { .. }
        | Subject::Backup(BackupConcern::Deletion | BackupConcern::Growth)
        | Subject::StolenPassword { .. } => false,
    }
}

impl Entry {
    fn new(row: AlertRow, written_at: Option<Time>) -> Self {
        Self { row, accounts: HashSet::new(), addresses: HashSet::new(), dirty: false, written_at }
    }

    fn take(&mut self, step: AlertStep, standing: Standing) {
        let alert = &mut self.row.alert;
        alert.state = step.state;
        alert.snoozed_until = standing.snoozed_until.map(Time::from);
        alert.history.push(step);
        self.dirty = true;
        self.written_at = None;
        // The version that writing it will give.
        self.row.step_version = self.row.alert.version + 1;
    }

    /// It grew graver: a snooze ends.
    fn wake(&mut self, at: Time) {
        let before = standing(&self.row.alert);
        let after = before.grown_graver();
        if before.returns_at(at.0) != after.returns_at(at.0) {
            self.take(step(at, AlertDeed::Woken, after, None, None), after);
        }
    }

    fn count(&mut self, evidence: &[Evidence], at: Time, lineage: &Lineage) {
        for one in evidence {
            self.add_to_totals(one);
            if one.seq <= self.row.counted_seq {
                continue;
            }
            self.row.counted_seq = one.seq;
            let alert = &mut self.row.alert;
            alert.count = alert.count.saturating_add(1);
            let moment = Time::from(one.at);
            if alert.count == 1 {
                alert.first_at = moment;
            }
            alert.last_at = moment;
            let id = EventId { epoch: lineage.epoch_of(one.seq).clone(), seq: one.seq };
            name(&mut alert.evidence, id);
            name(&mut alert.accounts, Login(one.login.to_string()));
            if let Some(address) = one.address {
                name(&mut alert.addresses, Address::from(address));
            }
            self.dirty = true;
        }
        if evidence.is_empty() {
            self.row.alert.count = self.row.alert.count.saturating_add(1);
            self.row.alert.last_at = at;
            self.dirty = true;
        }
        let total = |seen: usize, before: u32| before.max(u32::try_from(seen).unwrap_or(u32::MAX));
        let alert = &mut self.row.alert;
        alert.accounts_total = total(self.accounts.len(), alert.accounts_total);
        alert.addresses_total = total(self.addresses.len(), alert.addresses_total);
    }

    fn add_to_totals(&mut self, one: &Evidence) {
        if self.accounts.len() < DISTINCT {
            self.accounts.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(&one.login));
        }
        if let Some(address) = one.address
            && self.addresses.len() < DISTINCT
        {
            self.addresses.insert(address);
        }
    }

    /// Not at a time before its last event: a start replays such ones.
    fn is_over(&self, at: Time) -> bool {
        self.row.alert.last_at < recent(at)
    }

    fn is_due(&self, now: Time, all: bool) -> bool {
        let rested =
            self.written_at.is_none_or(|written| written.as_millis().abs_diff(now.as_millis()) >= PACE);
        self.dirty && (all || rested)
    }

    /// The alert with its words for the counts as they are.
    fn finished(&self) -> Alert {
        let mut alert = self.row.alert.clone();
        (alert.title, alert.text) = words::alert_text(&self.row.subject, &alert);
        alert
    }
}

/// A step as [`AlertBook::step`] takes it.
pub(super) fn step(
    at: Time,
    deed: AlertDeed,
    standing: Standing,
    by: Option<(AdminId, Login)>,
    note: Option<String>,
) -> AlertStep {
    let (admin, login) = by.unzip();
    let state = match standing.state {
        State::Open => AlertState::Open,
        State::Acknowledged => AlertState::Acknowledged,
        State::Resolved => AlertState::Resolved,
    };
    AlertStep { at, deed, state, admin, login, note }
}

/// How an alert stands with people.
pub(super) fn standing(alert: &Alert) -> Standing {
    Standing { state: guard_state(alert.state), snoozed_until: alert.snoozed_until.map(|until| until.0) }
}

pub(super) fn guard_state(state: AlertState) -> State {
    match state {
        AlertState::Open => State::Open,
        AlertState::Acknowledged => State::Acknowledged,
        AlertState::Resolved => State::Resolved,
    }
}

fn opened(subject: &Subject, critical: bool, at: Time, counted_seq: u64) -> AlertRow {
    let (login, network) = match subject {
        Subject::RepeatedFailures { login }
        | Subject::AdminNewDevice { login, .. }
        | Subject::AdminRecovered { login }
        | Subject::StolenPassword { login } => (Some(login), None),
        Subject::NetworkFailures { network } => (None, Some(network)),
        Subject::SuccessAfterFailures { login, network } | Subject::NotMe { login, network } => {
            (Some(login), Some(network))
        }
        Subject::CodeNotGiven { login, network } => (Some(login), network.as_ref()),
        Subject::LimitReached { login, network, .. } => (login.as_ref(), network.as_ref()),
        Subject::OutboxStuck | Subject::PolicyReturned { .. } | Subject::Backup(_) => (None, None),
    };
    let alert = Alert {
        id: AlertId(format!("{:016x}", rand::random::<u64>())),
        kind: words::kind(subject),
        severity: words::severity(critical),
        state: AlertState::Open,
        title: String::new(),
        text: String::new(),
        login: login.map(|login| Login(login.to_string())),
        network: network.map(|network| Network::from(*network)),
        accounts: Vec::new(),
        accounts_total: 0,
        addresses: Vec::new(),
        addresses_total: 0,
        count: 0,
        first_at: at,
        last_at: at,
        evidence: Vec::new(),
        snoozed_until: None,
        history: Vec::new(),
        version: 0,
    };
    AlertRow { alert, subject: subject.clone(), counted_seq, settled_seq: None, step_version: 0 }
}

/// Puts `item` first among those named.
fn name<T: PartialEq>(named: &mut Vec<T>, item: T) {
    if let Some(known) = named.iter().position(|one| *one == item) {
        named[..=known].rotate_right(1);
        return;
    }
    named.truncate(NAMED - 1);
    named.insert(0, item);
}
