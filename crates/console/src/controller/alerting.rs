//! Notifications: what the desk decides is carried out, and what became of it noted.

use std::sync::Arc;

use jiff::{ZonedDateTime, civil, tz::TimeZone};
use mailcup_wire::{
    Alert, AlertId, AlertState, Problem, Role, Severity,
    desktop::{DataChanged, NotificationAction, Pause},
};

use super::{Controller, Reading, connection::Connected, later};
use crate::{
    Host,
    notify::{Moment, Post, Rules, alert_of, hushed},
    view::Access,
};

/// What became of a notification.
pub struct Posted {
    key: String,
    marks: Vec<(AlertId, Severity)>,
    taken: bool,
}

impl<H: Host> Controller<H> {
    pub(super) fn alerts_changed(&mut self, alerts: &[Alert]) {
        let (rules, now) = (self.rules(), self.moment());
        let posts = if self.access == Access::Locked {
            self.desk.changed_while_locked(alerts, &rules, now)
        } else {
            self.desk.changed(alerts, &rules, now)
        };
        self.carry_out(posts);
    }

    /// Tells of open alerts that nobody was told of yet.
    pub(super) async fn tell_missed(&mut self) {
        let Reading::Open(readers) = self.reading.borrow().clone() else { return };
        match readers.alerts(vec![AlertState::Open]).await {
            Ok(open) => {
                let (rules, now) = (self.rules(), self.moment());
                let posts = self.desk.missed(&open, &rules, now);
                self.carry_out(posts);
            }
            Err(error) => tracing::warn!(%error, "open alerts can't be read"),
        }
    }

    pub(super) fn clear_desk(&mut self) {
        let posts = self.desk.clear();
        self.carry_out(posts);
    }

    pub(super) fn post_due(&mut self) {
        let (rules, now) = (self.rules(), self.moment());
        let posts = self.desk.due(&rules, now);
        self.carry_out(posts);
    }

    /// How long until a notification wants to be posted.
    pub(super) fn until_next_post(&self) -> Option<std::time::Duration> {
        let due = self.desk.next_due()?;
        let millis = due.as_millis() - self.clock.now().as_millis();
        Some(std::time::Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    }

    pub(super) async fn hear_posted(&mut self, posted: Posted) {
        if !posted.taken {
            self.desk.refused(&posted.key, self.clock.now());
            return;
        }
        let now = self.clock.now();
        if !self.desk.taken(&posted.key, &posted.marks, now) {
            self.host.close_notification(&posted.key);
            return;
        }
        if let Some(store) = self.connection.as_ref().and_then(|it| it.store.clone())
            && let Err(error) = store.mark_shown(posted.marks, now).await
        {
            tracing::warn!(%error, "that a notification was shown was not noted");
        }
    }

    pub(super) async fn tick_alerting(&mut self) {
        let now = self.clock.now();
        if self.install.paused_until.is_some_and(|until| now >= until) {
            self.end_pause().await;
        }
        let quiet = hushed(Severity::Attention, &self.rules(), self.moment());
        if std::mem::replace(&mut self.quiet, quiet) && !quiet {
            self.tell_missed().await;
        }
        let next_return = self.connection.as_ref().and_then(Connected::next_return);
        if self.access == Access::Open && next_return.is_some_and(|at| at <= now) {
            self.alerts_returned().await;
        }
        let own = self.connection.as_ref().and_then(|it| it.view().unreachable(now));
        match own {
            Some(alert) if self.access == Access::Open => self.alerts_changed(&[alert]),
            _ => self.settle_unreachable(),
        }
    }

    /// Alerts that were put off are due: they count again, and are told of again.
    async fn alerts_returned(&mut self) {
        self.refresh_figures().await;
        self.changed(&DataChanged { alerts: true, ..DataChanged::default() });
        self.tell_missed().await;
    }

    pub(super) async fn pause(&mut self, pause: &Pause) -> Result<(), Problem> {
        let now = self.clock.now();
        match pause {
            Pause::ForMinutes { minutes } => {
                self.install.paused_until = Some(later(now, i64::from(*minutes) * 60_000));
            }
            Pause::UntilTomorrow => {
                let local = now.0.to_zoned_datetime(TimeZone::system());
                let tomorrow = local.tomorrow().and_then(|day| day.start_of_day());
                self.install.paused_until = Some(
                    tomorrow.map_or(later(now, 86_400_000), |day: ZonedDateTime| day.timestamp().into()),
                );
            }
            Pause::Resume => self.end_pause().await,
        }
        self.folder.keep_install(&self.install)
    }

    pub(super) async fn notification_pressed(
        &mut self,
        key: &str,
        action: NotificationAction,
    ) -> Option<Alert> {
        let id = alert_of(key);
        if action == NotificationAction::Open {
            self.navigate(match &id {
                Some(id) if self.access == Access::Open => format!("/alerts/{id}"),
                _ => "/alerts".to_owned(),
            });
            return None;
        }
        let Reading::Open(readers) = self.reading.borrow().clone() else {
            self.navigate("/alerts");
            return None;
        };
        readers.alert(id?).await.ok().flatten()
    }

    async fn end_pause(&mut self) {
        self.install.paused_until = None;
        if let Err(problem) = self.folder.keep_install(&self.install) {
            tracing::warn!(code = problem.code.as_str(), "the end of the pause was not kept");
        }
        self.tell_missed().await;
    }

    /// The service is back: its notification goes.
    fn settle_unreachable(&mut self) {
        let Some(mut alert) = self.desk.unreachable() else { return };
        alert.state = AlertState::Resolved;
        let (rules, now) = (self.rules(), self.moment());
        let posts = self.desk.changed(&[alert], &rules, now);
        self.carry_out(posts);
    }

    fn carry_out(&self, posts: Vec<Post>) {
        for post in posts {
            match post {
                Post::Close { key } => self.host.close_notification(&key),
                Post::Show { notification, marks } => {
                    let (host, posted) = (Arc::clone(&self.host), self.channels.posted.0.clone());
                    tokio::spawn(async move {
                        let key = notification.key.clone();
                        let shown = host.show_notification(notification).await;
                        if let Err(error) = &shown {
                            tracing::warn!(%error, "a notification was not shown");
                        }
                        // The actor may have ended meanwhile.
                        let _ = posted.send(Posted { key, marks, taken: shown.is_ok() }).await;
                    });
                }
            }
        }
    }

    fn rules(&self) -> Rules {
        let role = self.connection.as_ref().and_then(|it| it.admin.as_ref()).map(|admin| admin.role);
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
