//! Changes of rules, limits and known networks: all of a change or nothing, for every client alike.

use std::{collections::HashSet, sync::Arc};

use mailcup_policy::{Applied, ChangeError, Deleted, Stamp};
use mailcup_wire::{
    Code, Details, EventBody, LimitEdit, LockOut, Login, PolicyChange, PolicyChanged, PolicyItem,
    PolicyScope, PolicyState, Problem, RuleEdit, Time,
};
use serde_json::json;

use super::{Compiled, lock_out::Ways, trial};
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    http::{auth::Caller, client::Client, problem::HttpProblem},
    store::{StoreError, policy as rows},
};

/// Makes a change, which holds from the answer on.
///
/// One that locks out whoever makes it, or the last owner, needs to be confirmed and is then on trial. There is at
/// most one trial: while it runs, another change that would lock somebody out, now or once the trial has returned,
/// is refused, confirmed or not.
pub async fn make(
    app: &Arc<App>,
    caller: &Caller,
    client: Client,
    change: PolicyChange,
) -> Result<PolicyChanged, HttpProblem> {
    let actor = Actor::of(caller, client);
    let (confirmed, touches_rules) = (change.confirm_lock_out, !change.rules.is_empty());
    let mut tx = app.log.begin().await?;
    let now = tx.now();
    // Nobody else changes it before this transaction ends.
    let before = app.policy.compiled();
    let deleted = rows::deleted(tx.connection(), &change).await?;
    let Applied { state, items, former } = apply(&before, &deleted, change, now, actor.login().as_ref())?;
    let mut after = before.changed_to(tidy(state));
    write(&mut tx, &items).await?;
    let lock_out = if touches_rules {
        let ways = Ways::gather(app, tx.connection(), caller, client, now).await?;
        judged(&mut tx, &ways, &before, &after).await?
    } else {
        None
    };
    let words = words(&items);
    let mut trial = None;
    if let Some(lock_out) = lock_out {
        if !confirmed {
            return Err(locks_out(lock_out).into());
        }
        let inverse = mailcup_policy::inverse(&former, &items);
        let begun = trial::begin(&mut tx, &actor, words.clone(), lock_out, &inverse).await?;
        after =
            after.changed_to(PolicyState { trial: Some(begun.clone()), ..PolicyState::clone(&after.state) });
        trial = Some(begun);
    }
    let details = json!({ "items": items, "trial": trial });
    audit::record(&mut tx, &actor, "policy.change", &words, &details).await?;
    let live = Arc::clone(app);
    tx.after_commit(move || live.policy.swap(after));
    tx.commit().await?;
    Ok(PolicyChanged { items, trial })
}

/// Whom a change locks out, with the trial in mind that may run.
async fn judged(
    tx: &mut LogTransaction,
    ways: &Ways,
    before: &Compiled,
    after: &Compiled,
) -> Result<Option<LockOut>, HttpProblem> {
    let lock_out = ways.lock_out(Arc::clone(&before.rules), Arc::clone(&after.rules));
    let now = tx.now();
    let Some((trial, inverse)) = rows::running_trial(tx.connection()).await? else { return Ok(lock_out) };
    let returned_before = trial::rules_without(tx.connection(), before, &inverse, now).await?;
    let returned_after = trial::rules_without(tx.connection(), after, &inverse, now).await?;
    if lock_out.is_some() || ways.lock_out(returned_before, returned_after).is_some() {
        return Err(Problem::new(
            Code::Conflict,
            format!(
                "This would lock somebody out, and another change that does is on trial until {}. Keep that \
                 one or take it back first.",
                trial.ends_at
            ),
        )
        .into());
    }
    Ok(None)
}

fn locks_out(lock_out: LockOut) -> Problem {
    let whom = match (lock_out.yourself, lock_out.owners.is_empty()) {
        (true, true) => "you yourself",
        (true, false) => "you yourself and the last owner",
        (false, _) => "the last owner",
    };
    let message = format!(
        "This would lock out {whom}; nothing was changed. Change it, or set confirm_lock_out: it then returns \
         by itself after {} minutes unless somebody who can still sign in keeps it.",
        trial::MINUTES
    );
    let lock_out = Box::new(lock_out);
    Problem::new(Code::LocksOut, message).with(Details::LockOut { lock_out, minutes: trial::MINUTES })
}

/// The policy after a change.
pub(super) fn apply(
    before: &Compiled,
    deleted: &Deleted,
    change: PolicyChange,
    now: Time,
    by: Option<&Login>,
) -> Result<Applied, HttpProblem> {
    let was_deleted = names_deleted(&change, deleted);
    let mut new_id = || format!("{:016x}", rand::random::<u64>());
    let stamp = Stamp { now, by, new_id: &mut new_id };
    let state = PolicyState::clone(&before.state);
    mailcup_policy::applied(state, deleted, change, stamp)
        .map_err(|error| refusal(error, was_deleted, &before.state).into())
}

/// Writes what a change made, with its events.
pub(super) async fn write(tx: &mut LogTransaction, items: &[PolicyItem]) -> Result<(), StoreError> {
    for item in items {
        rows::put(tx.connection(), item).await?;
        tx.append(&EventBody::Policy(item.clone()));
    }
    Ok(())
}

/// The state in the order in which it is read from the store.
pub(super) fn tidy(mut state: PolicyState) -> PolicyState {
    state.rules.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    state.limits.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    state.known_networks.sort_by(|a, b| a.scope.cmp(&b.scope));
    state
}

/// A change in words.
pub(super) fn words(items: &[PolicyItem]) -> String {
    let kinds =
        [("access rule", "access rules"), ("sending limit", "sending limits"), ("known networks", "")];
    let parts = kinds.into_iter().filter_map(|(one, many)| {
        let scopes = items.iter().filter_map(named).filter(|(kind, _)| *kind == one).map(|(_, scope)| scope);
        let scopes: Vec<_> = scopes.collect();
        let whose = match scopes.first()? {
            PolicyScope::Organization => "everybody",
            PolicyScope::Domain { domain } => domain,
            PolicyScope::Account { login } => &login.0,
        };
        let same = scopes.iter().collect::<HashSet<_>>().len() == 1;
        Some(match (scopes.len(), same) {
            (1, _) => format!("{one} of {whose}"),
            (count, true) => format!("{count} {many} of {whose}"),
            (count, false) if many.is_empty() => format!("{one} of {count}"),
            (count, false) => format!("{count} {many}"),
        })
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn named(item: &PolicyItem) -> Option<(&'static str, &PolicyScope)> {
    match item {
        PolicyItem::AccessRule(rule) => Some(("access rule", &rule.terms.scope)),
        PolicyItem::SendingLimit(limit) => Some(("sending limit", &limit.terms.scope)),
        PolicyItem::KnownNetworks(known) => Some(("known networks", &known.scope)),
        PolicyItem::Trial(_) => None,
    }
}

/// Whether a change means to edit what somebody deleted meanwhile.
fn names_deleted(change: &PolicyChange, deleted: &Deleted) -> bool {
    let rule = change.rules.iter().any(|edit| match edit {
        RuleEdit::Update { id, .. } | RuleEdit::Delete { id, .. } => {
            deleted.rules.iter().any(|rule| rule.id == *id)
        }
        RuleEdit::Create { .. } | RuleEdit::Restore { .. } => false,
    });
    rule || change.limits.iter().any(|edit| match edit {
        LimitEdit::Update { id, .. } | LimitEdit::Delete { id, .. } => {
            deleted.limits.iter().any(|limit| limit.id == *id)
        }
        LimitEdit::Create { .. } | LimitEdit::Restore { .. } => false,
    })
}

fn refusal(error: ChangeError, was_deleted: bool, state: &PolicyState) -> Problem {
    let message = error.to_string();
    match error {
        ChangeError::Invalid(fields) => Problem::new(Code::Invalid, message).with(Details::Fields { fields }),
        ChangeError::NotFound if !was_deleted => Problem::new(Code::NotFound, message),
        // The policy has no tag of its own: each piece has its version.
        ChangeError::Stale | ChangeError::NotFound => {
            Problem::new(Code::Stale, "Somebody changed it meanwhile; nothing was changed. Look at it anew.")
                .with(Details::Current {
                    etag: String::new(),
                    value: serde_json::to_value(state).unwrap_or_default(),
                })
        }
        ChangeError::Empty | ChangeError::TooMany | ChangeError::Twice => {
            Problem::new(Code::BadRequest, message)
        }
    }
}
