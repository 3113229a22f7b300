//! Which alert makes or updates which notification. Pure: time, rules and what happened come in, posts go out.
//!
//! Each alert has a notification of its own until there are several of a kind within a short time; then they
//! share one that counts. A notification is marked as shown once the desktop has taken it, so that an alert is
//! never lost and repeats only if the console dies within that very call.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil;
use mailcup_wire::{
    Alert, AlertId, AlertKind, Severity, Time,
    desktop::{Notification, NotificationAction, QuietHours},
};

use crate::{
    inbox::waits,
    store::{Shown, Told},
    view::OWN_KINDS,
};

/// So many alerts of a kind have a notification of their own; further ones share one.
const ALONE: usize = 3;
const GROUPED_WITHIN_MILLIS: i64 = 600_000;
/// Between posts of the same notification when an alert joins it, and when only counts grew.
const JOIN_MILLIS: i64 = 100;
const COUNT_MILLIS: i64 = 1_000;
const RETRY_MILLIS: i64 = 30_000;
const NAMED: usize = 3;
const SUMMARY: &str = "summary";
/// The notification that says only that something happened.
pub const LOCKED: &str = "locked";
const ALERT: &str = "alert:";

/// What the admin wants to be told, and may do.
#[derive(Debug, Clone)]
pub struct Rules {
    pub from: Severity,
    pub quiet_hours: Option<QuietHours>,
    pub paused_until: Option<Time>,
    /// Whether the admin may block and resolve.
    pub may_change: bool,
}

/// A moment, in UTC and on the clock on the wall.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub at: Time,
    pub local: civil::Time,
}

/// A notification to show, or to take away.
#[derive(Debug, Clone, PartialEq)]
pub enum Post {
    Show { notification: Notification, marks: Vec<(AlertId, Severity)> },
    Close { key: String },
}

/// What is on the desktop, and what was.
#[derive(Debug, Default)]
pub struct Desk {
    shown: Shown,
    screen: BTreeMap<String, Card>,
    /// Keys of notifications that the desktop is being asked to show.
    under_way: BTreeSet<String>,
    /// When alerts of a kind got a notification of their own.
    alone: BTreeMap<AlertKind, Vec<Time>>,
}

#[derive(Debug, Default)]
struct Card {
    alerts: BTreeMap<AlertId, Alert>,
    /// When it is to be posted next.
    due: Option<Time>,
    posted: Option<Time>,
}

impl Desk {
    pub fn new(shown: Shown) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Alerts that were opened or changed just now.
    pub fn changed(&mut self, alerts: &[Alert], rules: &Rules, now: Moment) -> Vec<Post> {
        let mut posts = Vec::new();
        for alert in alerts {
            if !waits(alert, now.at) {
                posts.extend(self.settle(&alert.id));
            } else if self.wanted(alert, rules, now) {
                let key = self.key_for(alert, now.at);
                self.put(key, alert, now.at, JOIN_MILLIS);
            } else {
                self.update(alert, now.at);
            }
        }
        posts.extend(self.due(rules, now));
        posts
    }

    /// Open alerts that came while nobody was to be told: one notification for all that were not shown yet.
    pub fn missed(&mut self, open: &[Alert], rules: &Rules, now: Moment) -> Vec<Post> {
        let missed: Vec<_> = open.iter().filter(|alert| self.wanted(alert, rules, now)).cloned().collect();
        for alert in &missed {
            let key = if missed.len() == 1 { format!("{ALERT}{}", alert.id) } else { SUMMARY.to_owned() };
            self.put(key, alert, now.at, JOIN_MILLIS);
        }
        self.due(rules, now)
    }

    /// Something happened while the console is locked: says only that.
    pub fn changed_while_locked(&mut self, alerts: &[Alert], rules: &Rules, now: Moment) -> Vec<Post> {
        let told = self.screen.contains_key(LOCKED);
        let wanted = alerts.iter().any(|alert| self.wanted(alert, rules, now));
        if told || !wanted {
            return Vec::new();
        }
        self.screen.insert(LOCKED.to_owned(), Card { posted: Some(now.at), ..Card::default() });
        self.under_way.insert(LOCKED.to_owned());
        vec![Post::Show { notification: while_locked(), marks: Vec::new() }]
    }

    /// The console was locked or unlocked: what is on the desktop tells too much, or no longer enough.
    pub fn clear(&mut self) -> Vec<Post> {
        std::mem::take(&mut self.screen).into_keys().map(|key| Post::Close { key }).collect()
    }

    /// Posts whose time has come.
    pub fn due(&mut self, rules: &Rules, now: Moment) -> Vec<Post> {
        let mut posts = Vec::new();
        for (key, card) in &mut self.screen {
            if self.under_way.contains(key) || card.due.is_none_or(|due| due > now.at) {
                continue;
            }
            card.due = None;
            let Some(notification) = drawn(key, &card.alerts, rules) else { continue };
            card.posted = Some(now.at);
            self.under_way.insert(key.clone());
            let marks = card.alerts.values().map(|alert| (alert.id.clone(), alert.severity));
            posts.push(Post::Show { notification, marks: marks.collect() });
        }
        posts
    }

    /// When [`Desk::due`] has something next.
    pub fn next_due(&self) -> Option<Time> {
        let at_rest = self.screen.iter().filter(|(key, _)| !self.under_way.contains(*key));
        at_rest.filter_map(|(_, card)| card.due).min()
    }

    /// Whether the desktop is being asked to show something.
    pub fn is_asking(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// The desktop took a notification. Answers whether it may stay: while it was under way its alerts may
    /// have been settled, or the console locked.
    #[must_use]
    pub fn taken(&mut self, key: &str, marks: &[(AlertId, Severity)], now: Time) -> bool {
        self.under_way.remove(key);
        if !self.screen.contains_key(key) {
            return false;
        }
        for (alert, severity) in marks {
            let told = self.shown.entry(alert.clone()).or_insert(Told { severity: *severity, at: now });
            *told = Told { severity: told.severity.max(*severity), at: now };
        }
        true
    }

    /// The desktop did not take a notification; it is tried again later.
    pub fn refused(&mut self, key: &str, now: Time) {
        self.under_way.remove(key);
        if let Some(card) = self.screen.get_mut(key) {
            card.due = Some(later(now, RETRY_MILLIS));
        }
    }

    /// The admin took a notification away: counting on does not bring it back.
    pub fn dismissed(&mut self, key: &str) {
        let at_rest = !self.under_way.contains(key);
        let told = |card: &Card| at_rest && card.alerts.keys().all(|id| self.shown.contains_key(id));
        if self.screen.get(key).is_some_and(told) {
            self.screen.remove(key);
        }
    }

    /// The console's own alert of a kind, if it is on the desktop.
    pub fn own(&self, kind: AlertKind) -> Option<Alert> {
        let mut alerts = self.screen.values().flat_map(|card| card.alerts.values());
        alerts.find(|alert| alert.kind == kind).cloned()
    }

    fn wanted(&self, alert: &Alert, rules: &Rules, now: Moment) -> bool {
        waits(alert, now.at)
            && alert.severity >= rules.from
            && self.shown.get(&alert.id).is_none_or(|told| is_news(alert, told))
            && !self
                .screen
                .values()
                .any(|card| card.alerts.get(&alert.id).is_some_and(|known| known.severity >= alert.severity))
            && !hushed(alert.severity, rules, now)
    }

    fn key_for(&mut self, alert: &Alert, now: Time) -> String {
        let own = format!("{ALERT}{}", alert.id);
        let alone = self.alone.entry(alert.kind).or_default();
        alone.retain(|at| now.as_millis() - at.as_millis() < GROUPED_WITHIN_MILLIS);
        if self.screen.contains_key(&own) {
            return own;
        }
        if alone.len() < ALONE {
            alone.push(now);
            return own;
        }
        format!("kind:{:?}", alert.kind)
    }

    fn put(&mut self, key: String, alert: &Alert, now: Time, pause: i64) {
        let card = self.screen.entry(key).or_default();
        card.alerts.insert(alert.id.clone(), alert.clone());
        let earliest = card.posted.map_or(now, |posted| later(posted, pause).max(now));
        card.due = Some(card.due.map_or(earliest, |due| due.min(earliest)));
    }

    fn update(&mut self, alert: &Alert, now: Time) {
        let key = self.screen.iter().find(|(_, card)| card.alerts.contains_key(&alert.id));
        if let Some(key) = key.map(|(key, _)| key.clone()) {
            self.put(key, alert, now, COUNT_MILLIS);
        }
    }

    /// An alert is no longer open: its notification goes.
    fn settle(&mut self, id: &AlertId) -> Vec<Post> {
        let mut empty = BTreeSet::new();
        for (key, card) in &mut self.screen {
            if card.alerts.remove(id).is_some() && card.alerts.is_empty() {
                empty.insert(key.clone());
            }
        }
        self.screen.retain(|key, _| !empty.contains(key));
        empty.into_iter().map(|key| Post::Close { key }).collect()
    }
}

/// Whether it grew graver since it was told of, or came back after it was put off.
fn is_news(alert: &Alert, told: &Told) -> bool {
    told.severity < alert.severity || alert.snoozed_until.is_some_and(|until| until > told.at)
}

/// The alert that a notification is about, if it is about one.
pub fn alert_of(key: &str) -> Option<AlertId> {
    key.strip_prefix(ALERT).map(AlertId::from)
}

/// Whether quiet hours or a pause keep an alert of this severity back.
pub fn hushed(severity: Severity, rules: &Rules, now: Moment) -> bool {
    if rules.paused_until.is_some_and(|until| now.at < until) {
        return true;
    }
    severity < Severity::Critical && rules.quiet_hours.as_ref().is_some_and(|hours| within(hours, now.local))
}

/// Reads `HH:MM`.
pub fn wall_time(text: &str) -> Option<civil::Time> {
    let (hour, minute) = text.split_once(':')?;
    civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn within(hours: &QuietHours, now: civil::Time) -> bool {
    let (Some(from), Some(until)) = (wall_time(&hours.from), wall_time(&hours.until)) else { return false };
    if from <= until { from <= now && now < until } else { now >= from || now < until }
}

/// Says only that something happened.
fn while_locked() -> Notification {
    Notification {
        key: LOCKED.to_owned(),
        title: "Something happened".to_owned(),
        body: "Unlock MailCup Console to see it.".to_owned(),
        severity: Severity::Attention,
        actions: vec![NotificationAction::Open],
        kind: None,
    }
}

fn drawn(key: &str, alerts: &BTreeMap<AlertId, Alert>, rules: &Rules) -> Option<Notification> {
    if key == LOCKED {
        return Some(while_locked());
    }
    let newest = alerts.values().max_by_key(|alert| alert.last_at)?;
    if alerts.len() == 1 {
        let mut actions = vec![NotificationAction::Open];
        if rules.may_change && !OWN_KINDS.contains(&newest.kind) {
            if !newest.addresses.is_empty() {
                actions.push(NotificationAction::BlockAddress);
            }
            let may_be_owner = newest.may_be_owner();
            actions.push(if may_be_owner {
                NotificationAction::ItWasThem
            } else {
                NotificationAction::ItsFine
            });
        }
        // In a group's notification an action would be about one alert of those that it may grow to hold.
        let actions = if key.starts_with(ALERT) { actions } else { vec![NotificationAction::Open] };
        return Some(Notification {
            key: key.to_owned(),
            title: newest.title.clone(),
            body: newest.text.clone(),
            severity: newest.severity,
            actions,
            kind: Some(newest.kind),
        });
    }
    let mut by_time: Vec<&Alert> = alerts.values().collect();
    by_time.sort_by_key(|alert| std::cmp::Reverse(alert.last_at));
    let mut lines: Vec<String> = by_time.iter().take(NAMED).map(|alert| alert.title.clone()).collect();
    if by_time.len() > NAMED {
        lines.push(format!("and {} more", by_time.len() - NAMED));
    }
    let title = if key == SUMMARY {
        format!("{} alerts you have not seen", alerts.len())
    } else {
        format!("{} more alerts: {}", alerts.len(), named(newest.kind))
    };
    Some(Notification {
        key: key.to_owned(),
        title,
        body: lines.join("\n"),
        severity: alerts.values().map(|alert| alert.severity).max()?,
        actions: vec![NotificationAction::Open],
        kind: (key != SUMMARY).then_some(newest.kind),
    })
}

fn named(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::RepeatedFailures => "repeated failed sign-ins",
        AlertKind::NetworkFailures => "networks that fail on several accounts",
        AlertKind::SuccessAfterFailures => "sign-ins after failures",
        AlertKind::AdminNewDevice => "admins on new devices",
        AlertKind::OutboxStuck => "mail does not get out",
        AlertKind::LimitReached => "a sending limit is used up",
        AlertKind::CodeNotGiven => "a password was right, its code never given",
        AlertKind::StolenPassword => "a password was right, its sign-in not like the owner's",
        AlertKind::NotMe => "an owner says that it was not them",
        AlertKind::PolicyReturned => "a change of the policy returned by itself",
        AlertKind::AdminRecovered => "an admin was let in from the server",
        AlertKind::BackupMissed => "no recent backup",
        AlertKind::BackupFailed => "a backup failed",
        AlertKind::MassDeletion => "much mail is gone since the last backup",
        AlertKind::BackupGrowth => "a backup grew unusually",
        AlertKind::BackupDamaged => "the backup repository is damaged",
        AlertKind::DrillFailed => "a restore rehearsal failed",
        AlertKind::CopyMissed => "a copy of the backups is far behind",
        AlertKind::ServiceUnreachable => "the service can't be reached",
        AlertKind::AuditBroken => "the audit log was tampered with",
        AlertKind::CertificateChanged => "certificates that are not trusted",
    }
}

fn later(time: Time, millis: i64) -> Time {
    Time::from_millis(time.as_millis() + millis)
}

#[cfg(test)]
mod tests;
