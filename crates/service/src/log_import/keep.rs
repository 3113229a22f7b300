//! What is read from logs, stored by the service.

use std::sync::Arc;

use mailcup_wire::{EventBody, ImportEvents, ImportReport, MailServerKind, Time};
use serde_json::json;

use super::gathering::Found;
use crate::{
    app::App,
    audit::{self, Actor},
    store::StoreError,
};

const DAY: i64 = 86_400_000;

/// By how much the clocks of a mail server and of the service may differ.
const SKEW: i64 = 300_000;

/// What of the events that logs tell of is left out.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Older ones would go at once.
    kept_since: Time,
    /// Later ones can't have happened.
    now: Time,
    /// From when on the service records sign-ins, and submissions, by itself.
    sign_ins_recorded: Option<Time>,
    submissions_recorded: Option<Time>,
}

impl Bounds {
    /// With `also_recorded`, what the service recorded itself is taken all the same.
    pub fn of(app: &App, also_recorded: bool) -> Self {
        let now = app.clock.now();
        let days = i64::from(app.settings.retention.load().event_days);
        let servers = if also_recorded { Vec::new() } else { app.mail_servers.all() };
        let since = |kind| {
            let of_kind = servers.iter().filter(|server| server.server == kind);
            of_kind.map(|server| server.first_request_at).min()
        };
        Self {
            kept_since: Time::from_millis(now.as_millis() - days * DAY),
            now: Time::from_millis(now.as_millis() + SKEW),
            sign_ins_recorded: since(MailServerKind::Dovecot),
            submissions_recorded: since(MailServerKind::Postfix),
        }
    }

    fn count<'a>(&self, found: &Found, events: &'a mut ImportEvents) -> Option<&'a mut u32> {
        let recorded = match found.body {
            EventBody::SignIn(_) => self.sign_ins_recorded,
            EventBody::Submission(_) => self.submissions_recorded,
            EventBody::Alert(_)
            | EventBody::Block(_)
            | EventBody::Account(_)
            | EventBody::Policy(_)
            | EventBody::Admin(_)
            | EventBody::System(_) => return Some(&mut events.known),
        };
        if found.at > self.now {
            Some(&mut events.future)
        } else if found.at < self.kept_since {
            Some(&mut events.too_old)
        } else if recorded.is_some_and(|since| found.at >= since) {
            Some(&mut events.recorded)
        } else {
            None
        }
    }
}

/// Stores a portion, all of it or nothing.
pub async fn keep(app: &App, found: Vec<Found>, bounds: Bounds) -> Result<ImportEvents, StoreError> {
    let mut events = ImportEvents::default();
    let mut kept = Vec::with_capacity(found.len());
    for one in found {
        match bounds.count(&one, &mut events) {
            Some(count) => *count += 1,
            None => kept.push((one.at, one.body, one.print)),
        }
    }
    if kept.is_empty() {
        return Ok(events);
    }
    let offered = u32::try_from(kept.len()).unwrap_or(u32::MAX);
    events.stored = app.log.append_imported(kept).await?;
    events.known += offered - events.stored;
    Ok(events)
}

/// Notes in the audit log that logs were imported, if any event was stored.
pub async fn note(
    app: &Arc<App>,
    actor: &Actor,
    target: &str,
    report: &ImportReport,
) -> Result<(), StoreError> {
    if report.events.stored == 0 {
        return Ok(());
    }
    let details = json!({
        "lines": report.lines,
        "events": report.events,
        "not_understood": report.not_understood,
    });
    let mut tx = app.log.begin().await?;
    audit::record(&mut tx, actor, "log.import", target, &details).await?;
    tx.commit().await?;
    Ok(())
}
