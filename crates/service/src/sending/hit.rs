//! Limits that a message met: an alert for the admins, and a mail for the account's owner.

use std::time::Duration;

use jiff::SignedDuration;
use mailcup_guard::{alert::Subject, limiter::Reached};
use mailcup_wire::{LimitId, Login, Submission, SubmissionOutcome};
use moka::sync::Cache;

use crate::{
    app::App,
    event_log::limit_phrase,
    mail::{
        Mail,
        text::{self, Limited},
    },
    policy::postfix::Judged,
    store::StoreError,
};

/// A limit that stopped a message.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The alert that counts it.
    pub subject: Subject,
    pub mail: Option<OwnerMail>,
}

/// A mail to the account's owner that goes out unless one did for this limit within `window`.
#[derive(Debug, Clone)]
pub struct OwnerMail {
    pub limit: LimitId,
    pub login: Login,
    pub window: SignedDuration,
    pub mail: Mail,
}

/// Owners who were told lately, so that a flood of refusals asks the store once a minute.
#[derive(Debug)]
pub struct Told(Cache<(LimitId, Login), ()>);

const TOLD: Duration = Duration::from_mins(1);

/// What is told at most once a day where a limit knows no window.
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Default for Told {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(100_000).time_to_live(TOLD).build())
    }
}

/// Records a message, and in the same transaction what follows from the limits that it met.
pub async fn record(app: &App, judged: Judged) -> Result<(), StoreError> {
    let Judged { submission, reached } = judged;
    let stopped: Vec<_> = reached.iter().filter(|reached| reached.limit.enforced).collect();
    let hits: Vec<_> = stopped.iter().map(|reached| hit(app, &submission, reached)).collect();
    let told: Vec<_> = hits
        .iter()
        .filter_map(|hit| hit.mail.as_ref())
        .map(|owner| (owner.limit.clone(), owner.login.clone()))
        .collect();
    app.log.append_submission(submission, hits).await?;
    if !told.is_empty() {
        app.outbox.wake();
    }
    for one in told {
        app.told.0.insert(one, ());
    }
    Ok(())
}

fn hit(app: &App, submission: &Submission, reached: &Reached) -> Hit {
    let key = &reached.key;
    let subject = Subject::LimitReached {
        limit: reached.limit.id.0.clone(),
        login: key.login.clone(),
        network: key.network.filter(|_| key.login.is_none()),
    };
    Hit { subject, mail: owner_mail(app, submission, reached) }
}

/// None where the login is no address, or the owner was told a moment ago.
fn owner_mail(app: &App, submission: &Submission, reached: &Reached) -> Option<OwnerMail> {
    let login = submission.login.clone().filter(|login| login.0.contains('@'))?;
    let limit = LimitId(reached.limit.id.0.to_string());
    if app.told.0.contains_key(&(limit.clone(), login.clone())) {
        return None;
    }
    let organization = app.settings.organization.load();
    let organization = organization.as_ref().as_ref().map_or("your organization", |it| it.name.as_str());
    let mail = text::limit_reached(&Limited {
        organization,
        login: &login.0,
        at: app.clock.now().0,
        address: submission.address.map(mailcup_wire::Address::ip),
        limit: &limit_phrase(reached),
        held: submission.outcome == SubmissionOutcome::Held,
        nothing_at_all: reached.of == 0,
    });
    let window = reached.limit.measure.window().map_or(DAY, mailcup_guard::limit::Window::length);
    Some(OwnerMail { limit, login, window, mail })
}
