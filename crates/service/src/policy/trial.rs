//! Trials: changes that lock somebody out and return by themselves.
//!
//! A trial is taken back piece by piece: each rule that the change made is deleted, each that it changed or deleted
//! is as it was before. A piece that somebody changed since is left as they made it, since that is what they
//! wanted with the trial before their eyes. No change that a trial is followed by can keep its return from
//! letting people in: while it runs, a change is judged, too, by the rules as they would be after the return.

use std::sync::Arc;

use jiff::SignedDuration;
use mailcup_guard::{access::RuleSet, alert::Subject};
use mailcup_policy::Deleted;
use mailcup_wire::{
    Code, EventBody, LimitEdit, LockOut, PolicyChange, PolicyItem, PolicyState, Problem, RuleEdit, Time,
    Trial, TrialId, TrialState,
};
use serde_json::json;
use sqlx::SqliteConnection;

use super::{Compiled, change};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    http::problem::HttpProblem,
    store::{StoreError, policy as rows},
};

pub(super) const MINUTES: u32 = 10;

/// After a failure it is tried again so much later.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// Ends the trial that runs when its time is over, as long as the service lives.
pub async fn run(app: Arc<App>) {
    let mut changes = app.policy.changes();
    loop {
        changes.mark_unchanged();
        let ends_at = app.policy.compiled().state.trial.as_ref().map(|trial| trial.ends_at);
        let over = async {
            match ends_at {
                Some(end) => app.clock.reaches(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = over => if let Err(error) = end_due(&app).await {
                tracing::error!(error = %error.problem().message, "a trial was not taken back; it will be tried again");
                if app.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                    return;
                }
            },
        }
    }
}

/// Takes back the trial whose time is over, if there is one.
pub async fn end_due(app: &Arc<App>) -> Result<(), HttpProblem> {
    let tx = app.log.begin().await?;
    let now = tx.now();
    let running = app.policy.compiled().state.trial.clone();
    match running.filter(|trial| trial.ends_at <= now) {
        Some(_) => take_back(app, tx, &Actor::default(), Whose::Time).await.map(drop),
        None => Ok(()),
    }
}

/// Keeps the change that is on trial.
pub async fn keep(app: &Arc<App>, actor: &Actor) -> Result<Trial, HttpProblem> {
    let mut tx = app.log.begin().await?;
    let before = app.policy.compiled();
    let (trial, _) = rows::running_trial(tx.connection()).await?.ok_or_else(none_runs)?;
    let Some((_, login)) = &actor.admin else {
        return Err(Problem::new(
            Code::Conflict,
            "Only a signed-in admin can keep the change: that they are answered shows that somebody gets in.",
        )
        .into());
    };
    if !app.policy.would_judge(&login.0, actor.address, tx.now()).is_empty() {
        return Err(Problem::new(
            Code::RefusedHere,
            "You are let in by the way that was opened on the server's shell; the rules would refuse you. Take \
             the change back, or make another.",
        )
        .into());
    }
    let trial = ended(trial, TrialState::Kept, tx.now(), actor);
    finish(app, tx, actor, "policy.trial.keep", trial, before, PolicyState::clone).await
}

/// Takes back the change that is on trial.
pub async fn take_back_now(app: &Arc<App>, actor: &Actor) -> Result<Trial, HttpProblem> {
    take_back(app, app.log.begin().await?, actor, Whose::Hand).await
}

/// Who takes a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Time,
    Hand,
}

/// A trial that begins, for a change that makes `lock_out`.
pub(super) async fn begin(
    tx: &mut LogTransaction,
    actor: &Actor,
    change: String,
    lock_out: LockOut,
    inverse: &PolicyChange,
) -> Result<Trial, StoreError> {
    let now = tx.now();
    let trial = Trial {
        id: TrialId(format!("{:016x}", rand::random::<u64>())),
        admin: actor.id(),
        login: actor.login(),
        change,
        lock_out,
        began_at: now,
        ends_at: Time::from(now.0 + SignedDuration::from_mins(MINUTES.into())),
        state: TrialState::Running,
        ended_at: None,
        ended_by_login: None,
    };
    rows::begin_trial(tx.connection(), &trial, inverse).await?;
    tx.append(&EventBody::Policy(PolicyItem::Trial(trial.clone())));
    Ok(trial)
}

/// What of the change that takes a trial back still fits: each piece that nobody changed since.
pub(super) async fn rest_of(
    connection: &mut SqliteConnection,
    state: &PolicyState,
    inverse: &PolicyChange,
) -> Result<(PolicyChange, Deleted), StoreError> {
    let mut deleted = rows::deleted(connection, inverse).await?;
    deleted.rules.retain(|gone| state.rules.iter().all(|rule| rule.id != gone.id));
    deleted.limits.retain(|gone| state.limits.iter().all(|limit| limit.id != gone.id));
    let mut rest = inverse.clone();
    rest.rules.retain(|edit| match edit {
        RuleEdit::Create { .. } => true,
        RuleEdit::Update { id, version, .. } | RuleEdit::Delete { id, version } => {
            state.rules.iter().any(|rule| rule.id == *id && rule.version == *version)
        }
        RuleEdit::Restore { id, version } => {
            deleted.rules.iter().any(|rule| rule.id == *id && rule.version == *version)
        }
    });
    rest.limits.retain(|edit| match edit {
        LimitEdit::Create { .. } => true,
        LimitEdit::Update { id, version, .. } | LimitEdit::Delete { id, version } => {
            state.limits.iter().any(|limit| limit.id == *id && limit.version == *version)
        }
        LimitEdit::Restore { id, version } => {
            deleted.limits.iter().any(|limit| limit.id == *id && limit.version == *version)
        }
    });
    rest.known_networks.retain(|edit| {
        state.known_networks.iter().any(|known| known.scope == edit.scope && known.version == edit.version)
    });
    Ok((rest, deleted))
}

/// Rules as they would be, were the trial taken back from this state.
pub(super) async fn rules_without(
    connection: &mut SqliteConnection,
    compiled: &Compiled,
    inverse: &PolicyChange,
    now: Time,
) -> Result<Arc<RuleSet>, HttpProblem> {
    let (rest, deleted) = rest_of(connection, &compiled.state, inverse).await?;
    if rest.rules.is_empty() {
        return Ok(Arc::clone(&compiled.rules));
    }
    let state = change::apply(compiled, &deleted, rest, now, None)?.state;
    Ok(mailcup_policy::rule_set(&state.rules).into())
}

async fn take_back(
    app: &Arc<App>,
    mut tx: LogTransaction,
    actor: &Actor,
    whose: Whose,
) -> Result<Trial, HttpProblem> {
    let before = app.policy.compiled();
    let now = tx.now();
    let (trial, inverse) = rows::running_trial(tx.connection()).await?.ok_or_else(none_runs)?;
    let (rest, deleted) = rest_of(tx.connection(), &before.state, &inverse).await?;
    let mut state = PolicyState::clone(&before.state);
    if !(rest.rules.is_empty() && rest.limits.is_empty() && rest.known_networks.is_empty()) {
        let applied = change::apply(&before, &deleted, rest, now, actor.login().as_ref())?;
        change::write(&mut tx, &applied.items).await?;
        state = applied.state;
    }
    let trial = ended(trial, TrialState::Returned, now, actor);
    if whose == Whose::Time {
        let by = trial.login.as_ref().map_or("a key", |login| &login.0);
        tx.raise(Subject::PolicyReturned { by: by.into(), trial: trial.id.0.as_str().into() }, false);
    }
    finish(app, tx, actor, "policy.trial.return", trial, before, |_| state).await
}

fn ended(trial: Trial, state: TrialState, now: Time, actor: &Actor) -> Trial {
    Trial { state, ended_at: Some(now), ended_by_login: actor.login(), ..trial }
}

/// Writes that a trial ended, and takes in the state after it.
async fn finish(
    app: &Arc<App>,
    mut tx: LogTransaction,
    actor: &Actor,
    action: &str,
    trial: Trial,
    before: Compiled,
    state: impl FnOnce(&PolicyState) -> PolicyState,
) -> Result<Trial, HttpProblem> {
    change::write(&mut tx, &[PolicyItem::Trial(trial.clone())]).await?;
    audit::record(&mut tx, actor, action, &trial.change, &json!({ "trial": trial })).await?;
    let state = PolicyState { trial: None, ..state(&before.state) };
    let after = before.changed_to(change::tidy(state));
    let live = Arc::clone(app);
    tx.after_commit(move || live.policy.swap(after));
    tx.commit().await?;
    Ok(trial)
}

fn none_runs() -> Problem {
    Problem::new(Code::NotFound, "No change is on trial.")
}
