//! Changes of rules, limits and known networks: all of a change or nothing, for every client alike.

use std::{collections::HashSet, sync::Arc};

use mailcup_policy::{Applied, ChangeError, Deleted, Stamp};
use mailcup_wire::{
    Code, Details, EventBody, LimitEdit, Login, PolicyChange, PolicyChanged, PolicyItem, PolicyScope,
    PolicyState, Problem, RuleEdit, Time,
};
use serde_json::json;

use super::Compiled;
use crate::{
    app::App,
    audit::{self, Actor},
    event_log::LogTransaction,
    http::{auth::Caller, client::Client, problem::HttpProblem},
    store::{StoreError, policy as rows},
};

/// Makes a change, which holds from the answer on.
pub async fn make(
    app: &Arc<App>,
    caller: &Caller,
    client: Client,
    change: PolicyChange,
) -> Result<PolicyChanged, HttpProblem> {
    let actor = Actor::of(caller, client);
    let mut tx = app.log.begin().await?;
    // Nobody else changes it before this transaction ends.
    let before = app.policy.compiled();
    let deleted = rows::deleted(tx.connection(), &change).await?;
    let applied = apply(&before, &deleted, change, tx.now(), actor.login().as_ref())?;
    let after = before.changed_to(tidy(applied.state));
    let items = applied.items;
    write(&mut tx, &items).await?;
    let details = json!({ "items": items });
    audit::record(&mut tx, &actor, "policy.change", &words(&items), &details).await?;
    let live = Arc::clone(app);
    tx.after_commit(move || live.policy.swap(after));
    tx.commit().await?;
    Ok(PolicyChanged { items, trial: None })
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
