//! Access rules, sending limits, known networks and trials in the state in which the service last told of them,
//! and how often they were the reason of an event.

use std::{collections::BTreeMap, ops::ControlFlow};

use mailcup_wire::{
    AccessRule, KnownNetworks, LimitId, PolicyItem, PolicyScope, PolicyState, RuleId, SendingLimit, Time,
    Trial, TrialState,
    desktop::{Filter, LimitEffect, RuleEffect, Span},
};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{
    Readers, Result, Store,
    index::{Cause, Index},
    meta::{get, put},
    resources::bodies,
    sieve::Sieve,
};

const RULE: u8 = 1;
const LIMIT: u8 = 2;
const KNOWN: u8 = 3;
const TRIAL: u8 = 4;

/// Whether the policy was ever read whole.
const READ: &str = "policy_read";
/// Whether the service has data of places.
const PLACES: &str = "has_places";

/// Effects are those of so many minutes: 30 days.
const LATELY_MINUTES: u32 = 30 * 24 * 60;

/// How often rules and limits were the reason of an event lately.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    pub rules: Vec<RuleEffect>,
    pub limits: Vec<LimitEffect>,
}

impl Readers {
    /// What is in force or could be; what is deleted is not in it.
    pub async fn policy(&self) -> Result<PolicyState> {
        self.run(state).await
    }

    /// A rule, also a deleted one.
    pub async fn access_rule(&self, id: RuleId) -> Result<Option<AccessRule>> {
        self.run(move |reader| item(reader, RULE, &id.0)).await
    }

    /// A limit, also a deleted one.
    pub async fn sending_limit(&self, id: LimitId) -> Result<Option<SendingLimit>> {
        self.run(move |reader| item(reader, LIMIT, &id.0)).await
    }

    /// How often each rule and limit was the reason of an event in the last 30 days.
    pub async fn policy_effects(&self, now: Time) -> Result<Effects> {
        self.run_indexed(move |reader, index| {
            let filter = Filter { span: Some(Span::Last { minutes: LATELY_MINUTES }), terms: Vec::new() };
            let sieve = Sieve::new(reader, index, &filter, now)?;
            Ok(effects(index, &sieve))
        })
        .await
    }
}

impl Readers {
    /// Whether the service has data of places, as far as this copy knows.
    pub async fn has_places(&self) -> Result<bool> {
        self.run(|reader| {
            let sql = "SELECT EXISTS (SELECT 1 FROM places)";
            Ok(get(reader, PLACES)?.unwrap_or(false) || reader.query_row(sql, [], |row| row.get(0))?)
        })
        .await
    }
}

impl Store {
    pub async fn keep_has_places(&self, has: bool) -> Result<()> {
        self.write(move |writer| put(writer, PLACES, &has)).await
    }

    /// Whether the policy was ever read whole; since then events tell of every change.
    pub async fn knows_policy(&self) -> Result<bool> {
        self.read(|reader| Ok(get(reader, READ)?.unwrap_or(false))).await
    }

    /// The change that returns by itself.
    pub async fn running_trial(&self) -> Result<Option<Trial>> {
        self.read(running_trial).await
    }

    /// Takes in the whole policy. What is newer here stays.
    pub async fn take_policy(&self, state: PolicyState) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            keep_state(&change, &state)?;
            Ok(change.commit()?)
        })
        .await
    }

    /// Takes in what a change of ours made, before the stream tells of it.
    pub async fn take_policy_items(&self, items: Vec<PolicyItem>) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            for item in &items {
                keep_item(&change, item)?;
            }
            Ok(change.commit()?)
        })
        .await
    }
}

/// The trial that runs.
pub(super) fn running_trial(reader: &Connection) -> Result<Option<Trial>> {
    let trials: Vec<Trial> = all(reader, TRIAL)?;
    let running = trials.into_iter().filter(|trial| trial.state == TrialState::Running);
    Ok(running.max_by_key(|trial| trial.began_at))
}

pub(super) fn keep_state(change: &Connection, state: &PolicyState) -> Result<()> {
    for rule in &state.rules {
        keep(change, RULE, &rule.id.0, rule.version, rule)?;
    }
    for limit in &state.limits {
        keep(change, LIMIT, &limit.id.0, limit.version, limit)?;
    }
    for known in &state.known_networks {
        keep(change, KNOWN, &name_of(&known.scope), known.version, known)?;
    }
    if let Some(trial) = &state.trial {
        keep(change, TRIAL, &trial.id.0, version_of(trial), trial)?;
    }
    put(change, READ, &true)
}

/// Keeps an item unless a newer state of it is known; answers whether it did.
pub(super) fn keep_item(change: &Connection, item: &PolicyItem) -> Result<bool> {
    match item {
        PolicyItem::AccessRule(rule) => keep(change, RULE, &rule.id.0, rule.version, rule),
        PolicyItem::SendingLimit(limit) => keep(change, LIMIT, &limit.id.0, limit.version, limit),
        PolicyItem::KnownNetworks(known) => keep(change, KNOWN, &name_of(&known.scope), known.version, known),
        PolicyItem::Trial(trial) => keep(change, TRIAL, &trial.id.0, version_of(trial), trial),
    }
}

pub(super) fn forget_all(change: &Connection) -> Result<()> {
    change.execute("DELETE FROM policy_items", [])?;
    Ok(())
}

fn keep(change: &Connection, kind: u8, id: &str, version: u32, item: &impl Serialize) -> Result<bool> {
    let kept = change
        .prepare_cached(
            "INSERT INTO policy_items (kind, id, version, body) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (kind, id) DO UPDATE SET version = ?3, body = ?4 \
             WHERE excluded.version > policy_items.version",
        )?
        .execute(params![kind, id, version, serde_json::to_string(item)?])?;
    Ok(kept > 0)
}

/// A trial ends once and has no version of its own.
fn version_of(trial: &Trial) -> u32 {
    match trial.state {
        TrialState::Running => 1,
        TrialState::Kept | TrialState::Returned => 2,
    }
}

fn name_of(scope: &PolicyScope) -> String {
    match scope {
        PolicyScope::Organization => "organization".to_owned(),
        PolicyScope::Domain { domain } => format!("domain {domain}"),
        PolicyScope::Account { login } => format!("account {login}"),
    }
}

/// Rules and limits in the order in which they were created.
fn state(reader: &Connection) -> Result<PolicyState> {
    // One moment for all that is read.
    let moment = reader.unchecked_transaction()?;
    let mut rules: Vec<AccessRule> = all(&moment, RULE)?;
    rules.retain(|rule| rule.deleted_at.is_none());
    rules.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut limits: Vec<SendingLimit> = all(&moment, LIMIT)?;
    limits.retain(|limit| limit.deleted_at.is_none());
    limits.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut known_networks: Vec<KnownNetworks> = all(&moment, KNOWN)?;
    known_networks.sort_by(|a, b| a.scope.cmp(&b.scope));
    Ok(PolicyState { rules, limits, known_networks, trial: running_trial(&moment)? })
}

fn all<T: serde::de::DeserializeOwned>(reader: &Connection, kind: u8) -> Result<Vec<T>> {
    bodies(reader, "SELECT body FROM policy_items WHERE kind = ?1", &[&kind])
}

fn item<T: serde::de::DeserializeOwned>(reader: &Connection, kind: u8, id: &str) -> Result<Option<T>> {
    let sql = "SELECT body FROM policy_items WHERE kind = ?1 AND id = ?2";
    Ok(bodies(reader, sql, &[&kind, &id])?.pop())
}

/// How often something was a reason, and would have been.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    did: u32,
    would: u32,
    last: i64,
}

/// One pass over the rows counts by explanation; what explanations name is added up after that.
fn effects(index: &Index, sieve: &Sieve) -> Effects {
    let names_something: Vec<bool> = index
        .explanations
        .iter()
        .map(|explanation| explanation.as_ref().is_some_and(|it| !it.causes.is_empty()))
        .collect();
    if !names_something.contains(&true) {
        return Effects::default();
    }
    let mut events: Vec<(u32, i64)> = vec![(0, i64::MIN); names_something.len()];
    index.walk(sieve, i64::MIN, i64::MAX, |row| {
        let place = row.explanation as usize;
        if names_something.get(place).copied().unwrap_or_default() {
            let (count, last) = &mut events[place];
            *count += 1;
            *last = (*last).max(row.at);
        }
        ControlFlow::Continue(())
    });
    let (mut rules, mut limits) = (BTreeMap::<&RuleId, Sum>::new(), BTreeMap::<&LimitId, Sum>::new());
    for (explanation, (count, last)) in index.explanations.iter().zip(&events) {
        let Some(explanation) = explanation.as_ref().filter(|_| *count > 0) else { continue };
        for cause in &explanation.causes {
            let (sum, would) = match cause {
                Cause::Rule { id, would } => (rules.entry(id).or_default(), *would),
                Cause::Limit { id, would } => (limits.entry(id).or_default(), *would),
            };
            *(if would { &mut sum.would } else { &mut sum.did }) += count;
            sum.last = sum.last.max(*last);
        }
    }
    let at = |millis| Some(Time::from_millis(millis));
    Effects {
        rules: rules
            .into_iter()
            .map(|(rule, sum)| RuleEffect {
                rule: rule.clone(),
                refused: sum.did,
                would_refuse: sum.would,
                last_at: at(sum.last),
            })
            .collect(),
        limits: limits
            .into_iter()
            .map(|(limit, sum)| LimitEffect {
                limit: limit.clone(),
                stopped: sum.did,
                would_stop: sum.would,
                last_at: at(sum.last),
            })
            .collect(),
    }
}
