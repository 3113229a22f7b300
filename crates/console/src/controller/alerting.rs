//! Notifications: what the desk decides is carried out, and what became of it noted.

use std::{sync::Arc, time::Duration};

use jiff::{ZonedDateTime, civil, tz::TimeZone};
use mailcup_wire::{
    Alert, AlertId, AlertKind, AlertState, Problem, Role, ServiceId, Severity,
    desktop::{DataChanged, NotificationAction, Pause},
};

use super::{Controller, connection::Connected, later};
use crate::{
    Host,
    notify::{LOCKED, Moment, Post, Rules, alert_of, hushed},
    store::Store,
    view::{Access, OWN_KINDS, titled},
};

const LAST_POSTED_WITHIN: Duration = Duration::from_secs(1);

/// What became of a notification.
pub struct Posted {
    connection: u64,
    key: String,
    key_on_desktop: String,
    marks: Vec<(AlertId, Severity)>,
    taken: bool,
}

impl<H: Host> Controller<H> {
    pub(super) fn alerts_changed(&mut self, number: u64, alerts: &[Alert]) {
        let (rules, now, locked) = (self.rules(number), self.moment(), self.access == Access::Locked);
        let Some(connection) = self.connections.at(number) else { return };
        let posts = if locked {
            connection.desk.changed_while_locked(alerts, &rules, now)
        } else {
            connection.desk.changed(alerts, &rules, now)
        };
        self.carry_out(number, posts);
    }

    /// Tells of open alerts that nobody was told of yet.
    pub(super) async fn tell_missed(&mut self, number: u64) {
        let (rules, now, locked) = (self.rules(number), self.moment(), self.access == Access::Locked);
        let Some(connection) = self.connections.at(number).filter(|_| !locked) else { return };
        let Some(readers) = connection.store.as_ref().map(Store::readers) else { return };
        match readers.alerts(vec![AlertState::Open]).await {
            Ok(open) => {
                let posts = connection.desk.missed(&open, &rules, now);
                self.carry_out(number, posts);
            }
            Err(error) => tracing::warn!(%error, "open alerts can't be read"),
        }
    }

    pub(super) fn clear_desk(&mut self, number: u64) {
        let Some(connection) = self.connections.at(number) else { return };
        let posts = connection.desk.clear();
        self.carry_out(number, posts);
    }

    pub(super) fn post_due(&mut self) {
        for number in self.connections.numbers() {
            let (rules, now) = (self.rules(number), self.moment());
            let Some(connection) = self.connections.at(number) else { continue };
            let posts = connection.desk.due(&rules, now);
            self.carry_out(number, posts);
        }
    }

    /// How long until a notification wants to be posted.
    pub(super) fn until_next_post(&self) -> Option<Duration> {
        let due = self.connections.iter().filter_map(|it| it.desk.next_due()).min()?;
        let millis = due.as_millis() - self.clock.now().as_millis();
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    }

    pub(super) async fn hear_posted(&mut self, posted: Posted) {
        let now = self.clock.now();
        let connection = self.connections.at(posted.connection);
        if !posted.taken {
            if let Some(connection) = connection {
                connection.desk.refused(&posted.key, now);
            }
            return;
        }
        let Some(connection) =
            connection.and_then(|it| it.desk.taken(&posted.key, &posted.marks, now).then_some(it))
        else {
            self.host.close_notification(&posted.key_on_desktop);
            return;
        };
        if let Some(store) = connection.store.clone()
            && let Err(error) = store.mark_shown(posted.marks, now).await
        {
            tracing::warn!(%error, "that a notification was shown was not noted");
        }
    }

    /// Waits a little for what the desktop is being asked to show, so that no restart shows it again.
    pub(super) async fn hear_last_posted(&mut self) {
        let patience = tokio::time::sleep(LAST_POSTED_WITHIN);
        tokio::pin!(patience);
        while self.connections.iter().any(|it| it.desk.is_asking()) {
            tokio::select! {
                Some(posted) = self.channels.posted.1.recv() => self.hear_posted(posted).await,
                () = &mut patience => return,
            }
        }
    }

    pub(super) async fn tick_alerting(&mut self) {
        let now = self.clock.now();
        if self.install.paused_until.is_some_and(|until| now >= until) {
            self.end_pause().await;
        }
        let quiet = hushed(Severity::Attention, &self.rules(0), self.moment());
        let over = std::mem::replace(&mut self.quiet, quiet) && !quiet;
        for number in self.connections.numbers() {
            if over {
                self.tell_missed(number).await;
            }
            let next_return = self.connections.get(number).and_then(Connected::next_return);
            if self.access == Access::Open && next_return.is_some_and(|at| at <= now) {
                self.alerts_returned(number).await;
            }
            self.tell_own(number);
        }
    }

    /// Every connection's own alerts, while they may be read.
    pub(super) fn own_alerts(&self) -> Vec<(ServiceId, Vec<Alert>)> {
        let now = self.clock.now();
        let readable = self.connections.iter().filter(|_| self.access == Access::Open);
        readable.map(|it| (it.id().clone(), it.view().own_alerts(now))).collect()
    }

    /// Tells of what the console itself raises about a service, and settles what is over.
    fn tell_own(&mut self, number: u64) {
        let now = self.clock.now();
        let open = self.access == Access::Open;
        let Some(connection) = self.connections.at(number) else { return };
        let own = if open { connection.view().own_alerts(now) } else { Vec::new() };
        let ids: Vec<AlertId> = own.iter().map(|alert| alert.id.clone()).collect();
        if std::mem::replace(&mut connection.own_told, ids.clone()) != ids {
            self.changed(number, &DataChanged { alerts: true, ..DataChanged::default() });
        }
        for kind in OWN_KINDS {
            let told = self.connections.get(number).and_then(|it| it.desk.own(kind));
            if told.is_some_and(|told| !ids.contains(&told.id)) {
                self.settle_own(number, kind);
            }
        }
        self.alerts_changed(number, &own);
    }

    /// Alerts that were put off are due: they count again, and are told of again.
    async fn alerts_returned(&mut self, number: u64) {
        self.refresh_figures(number).await;
        self.changed(number, &DataChanged { alerts: true, ..DataChanged::default() });
        self.tell_missed(number).await;
    }

    pub(super) async fn pause(&mut self, pause: &Pause) -> Result<(), Problem> {
        let now = self.clock.now();
        let until = match pause {
            Pause::ForMinutes { minutes } => later(now, i64::from(*minutes) * 60_000),
            Pause::UntilTomorrow => {
                let local = now.0.to_zoned_datetime(TimeZone::system());
                let tomorrow = local.tomorrow().and_then(|day| day.start_of_day());
                tomorrow.map_or(later(now, 86_400_000), |day: ZonedDateTime| day.timestamp().into())
            }
            Pause::Resume => {
                self.end_pause().await;
                return self.folder.keep_install(&self.install);
            }
        };
        self.change_install(|install| install.paused_until = Some(until))
    }

    pub(super) async fn notification_pressed(
        &mut self,
        key: &str,
        action: NotificationAction,
    ) -> Option<(ServiceId, Alert)> {
        let (service, own) = parts_of(key);
        let id = alert_of(own);
        if action == NotificationAction::Open {
            let page = match &id {
                Some(id) if self.access == Access::Open => format!("/alerts/{id}"),
                _ => "/alerts".to_owned(),
            };
            self.navigate(service, page);
            return None;
        }
        let open = self.access == Access::Open;
        let connection = service.as_ref().and_then(|service| self.connections.number_of(service));
        let connection = connection.and_then(|number| self.connections.get(number)).filter(|_| open);
        let Some(readers) = connection.and_then(|it| it.store.as_ref()).map(Store::readers) else {
            self.navigate(service, "/alerts");
            return None;
        };
        Some((service?, readers.alert(id?).await.ok().flatten()?))
    }

    pub(super) fn notification_dismissed(&mut self, key: &str) {
        match parts_of(key) {
            (Some(service), own) => {
                if let Ok(connection) = self.at_service(&service) {
                    connection.desk.dismissed(own);
                }
            }
            (None, own) => {
                for connection in self.connections.iter_mut() {
                    connection.desk.dismissed(own);
                }
            }
        }
    }

    async fn end_pause(&mut self) {
        self.install.paused_until = None;
        if let Err(problem) = self.folder.keep_install(&self.install) {
            tracing::warn!(code = problem.code.as_str(), "the end of the pause was not kept");
        }
        for number in self.connections.numbers() {
            self.tell_missed(number).await;
        }
    }

    /// What the console itself told of is over: its notification goes.
    fn settle_own(&mut self, number: u64, kind: AlertKind) {
        let (rules, now) = (self.rules(number), self.moment());
        let Some(connection) = self.connections.at(number) else { return };
        let Some(mut alert) = connection.desk.own(kind) else { return };
        alert.state = AlertState::Resolved;
        let posts = connection.desk.changed(&[alert], &rules, now);
        self.carry_out(number, posts);
    }

    /// On the desktop a notification's key names the service, and so does its title where there are several.
    /// Those that say only that something happened are one.
    fn carry_out(&self, number: u64, posts: Vec<Post>) {
        let Some(connection) = self.connections.get(number) else { return };
        let several = self.connections.len() > 1;
        for post in posts {
            match post {
                Post::Close { key } => self.host.close_notification(&key_on_desktop(connection.id(), &key)),
                Post::Show { mut notification, marks } => {
                    let (host, posted) = (Arc::clone(&self.host), self.channels.posted.0.clone());
                    let key_on_desktop = key_on_desktop(connection.id(), &notification.key);
                    let key = std::mem::replace(&mut notification.key, key_on_desktop.clone());
                    if several && key != LOCKED {
                        notification.title = titled(&self.name_of(connection), &notification.title);
                    }
                    tokio::spawn(async move {
                        let shown = host.show_notification(notification).await;
                        if let Err(error) = &shown {
                            tracing::warn!(%error, "a notification was not shown");
                        }
                        let taken = shown.is_ok();
                        // The actor may have ended meanwhile.
                        let _ = posted
                            .send(Posted { connection: number, key, key_on_desktop, marks, taken })
                            .await;
                    });
                }
            }
        }
    }

    fn rules(&self, number: u64) -> Rules {
        let role = self.connections.get(number).and_then(|it| it.admin.as_ref()).map(|admin| admin.role);
        let preferences = &self.install.preferences;
        Rules {
            from: preferences.notify_from,
            quiet_hours: preferences.quiet_hours.clone(),
            paused_until: self.install.paused_until,
            may_change: matches!(role, Some(Role::Admin | Role::Owner)),
        }
    }

    fn moment(&self) -> Moment {
        let at = self.clock.now();
        let local: civil::Time = at.0.to_zoned_datetime(TimeZone::system()).time();
        Moment { at, local }
    }
}

fn key_on_desktop(service: &ServiceId, own: &str) -> String {
    if own == LOCKED { own.to_owned() } else { format!("{service}/{own}") }
}

/// The service that a notification's key names, and the key within that.
fn parts_of(key: &str) -> (Option<ServiceId>, &str) {
    match key.split_once('/') {
        Some((service, own)) => (Some(service.into()), own),
        None => (None, key),
    }
}
