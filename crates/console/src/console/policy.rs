//! Access rules and sending limits: as the copy has them, and changes of them. What of them can be tried without
//! the service is in the modules below.

mod ask;
mod files;
mod notices;
mod trying;

use mailcup_guard::access::{FindingKind, findings};
use mailcup_policy::{ChangeError, Deleted, inverse, rule_set};
use mailcup_wire::{
    Code, Details, KnownNetworksEdit, LimitEdit, PolicyChange, PolicyItem, PolicyState, Problem, RuleEdit,
    RuleId, Time, Trial,
    desktop::{PolicySaved, PolicyView, RuleFinding, RuleFindingKind},
};

use super::{Console, blocking};
use crate::{api::Api, controller::Request, store::Readers};

pub use self::trying::DryRuns;

/// So many networks of a finding are named.
const NETWORKS_NAMED: usize = 20;

impl Console {
    /// All rules, limits and known networks in the local copy.
    pub async fn policy(&self) -> Result<PolicyView, Problem> {
        let (readers, now) = (self.readers()?, self.clock.now());
        let state = readers.policy().await?;
        let effects = readers.policy_effects(now).await?;
        let has_places = readers.has_places().await?;
        let rules = state.rules.clone();
        let findings = blocking(move || Ok(found(&rule_set(&rules), now, has_places))).await?;
        Ok(PolicyView {
            rules: state.rules,
            limits: state.limits,
            known_networks: state.known_networks,
            findings,
            rule_effects: effects.rules,
            limit_effects: effects.limits,
            trial: state.trial,
        })
    }

    /// Puts a change into effect, all of it or nothing.
    pub async fn save_policy(&self, change: PolicyChange) -> Result<PolicySaved, Problem> {
        let api = self.signed_in().map_err(nothing_changed)?;
        self.save_policy_by(&api, change).await
    }

    pub(super) async fn save_policy_by(
        &self,
        api: &Api,
        change: PolicyChange,
    ) -> Result<PolicySaved, Problem> {
        let former = former(&self.readers()?, &change).await?;
        let changed = match api.change_policy(&change).await {
            Ok(changed) => changed,
            Err(Problem {
                code: Code::LocksOut,
                details: Some(Details::LockOut { lock_out, minutes }),
                ..
            }) => return Ok(PolicySaved::LocksOut { lock_out, minutes }),
            Err(problem) if matches!(problem.code, Code::Stale | Code::NotFound) => {
                if let Some(now) = api.policy().await? {
                    self.told_policy(items_of(now)).await?;
                }
                return Ok(PolicySaved::Stale);
            }
            Err(problem) => return Err(nothing_changed(problem)),
        };
        let undo = inverse(&former, &changed.items);
        let trial = changed.trial.clone();
        let items = changed.items.into_iter().chain(changed.trial.map(PolicyItem::Trial)).collect();
        self.told_policy(items).await?;
        Ok(PolicySaved::Done { undo, trial: trial.map(Box::new) })
    }

    /// Says that a change that locked somebody out stays.
    pub async fn keep_trial(&self) -> Result<Trial, Problem> {
        let trial = self.signed_in()?.keep_trial().await?;
        self.told_policy(vec![PolicyItem::Trial(trial.clone())]).await?;
        Ok(trial)
    }

    /// Takes the change on trial back now.
    pub async fn return_trial(&self) -> Result<Trial, Problem> {
        let trial = self.signed_in()?.return_trial().await?;
        self.told_policy(vec![PolicyItem::Trial(trial.clone())]).await?;
        Ok(trial)
    }

    /// Keeps what the service answered, so that the window need not wait for the stream.
    async fn told_policy(&self, items: Vec<PolicyItem>) -> Result<(), Problem> {
        let service = self.here()?.service;
        self.ask(|reply| Request::PolicyTold(service, items, reply)).await?
    }
}

/// A change that could not be sent says what becomes of it.
fn nothing_changed(problem: Problem) -> Problem {
    if problem.code != Code::Unreachable {
        return problem;
    }
    let message =
        format!("{} Nothing was changed; save again once the service is back.", problem.message.trim_end());
    Problem::new(Code::Unreachable, message)
}

/// How the pieces of a change are before it, in its order; none for new ones.
async fn former(readers: &Readers, change: &PolicyChange) -> Result<Vec<Option<PolicyItem>>, Problem> {
    let mut former = Vec::new();
    for edit in &change.rules {
        former.push(match edit {
            RuleEdit::Create { .. } => None,
            RuleEdit::Update { id, .. } | RuleEdit::Delete { id, .. } | RuleEdit::Restore { id, .. } => {
                readers.access_rule(id.clone()).await?.map(PolicyItem::AccessRule)
            }
        });
    }
    for edit in &change.limits {
        former.push(match edit {
            LimitEdit::Create { .. } => None,
            LimitEdit::Update { id, .. } | LimitEdit::Delete { id, .. } | LimitEdit::Restore { id, .. } => {
                readers.sending_limit(id.clone()).await?.map(PolicyItem::SendingLimit)
            }
        });
    }
    if !change.known_networks.is_empty() {
        let state = readers.policy().await?;
        let known = |edit: &KnownNetworksEdit| {
            let scope = mailcup_policy::tidy_scope(edit.scope.clone());
            state.known_networks.iter().find(|known| known.scope == scope).cloned()
        };
        former.extend(change.known_networks.iter().map(|edit| known(edit).map(PolicyItem::KnownNetworks)));
    }
    Ok(former)
}

/// Deleted pieces that a change restores.
async fn restored(readers: &Readers, change: &PolicyChange) -> Result<Deleted, Problem> {
    let mut deleted = Deleted::default();
    for edit in &change.rules {
        if let RuleEdit::Restore { id, .. } = edit {
            deleted.rules.extend(readers.access_rule(id.clone()).await?);
        }
    }
    for edit in &change.limits {
        if let LimitEdit::Restore { id, .. } = edit {
            deleted.limits.extend(readers.sending_limit(id.clone()).await?);
        }
    }
    Ok(deleted)
}

/// Why a change can't be tried.
fn untryable(error: ChangeError) -> Problem {
    let message = error.to_string();
    match error {
        ChangeError::Invalid(fields) => Problem::new(Code::Invalid, message).with(Details::Fields { fields }),
        ChangeError::Stale => Problem::new(Code::Stale, message),
        ChangeError::NotFound => Problem::new(Code::NotFound, message),
        ChangeError::Empty | ChangeError::TooMany | ChangeError::Twice => {
            Problem::new(Code::Invalid, message)
        }
    }
}

fn items_of(state: PolicyState) -> Vec<PolicyItem> {
    let rules = state.rules.into_iter().map(PolicyItem::AccessRule);
    let limits = state.limits.into_iter().map(PolicyItem::SendingLimit);
    let known = state.known_networks.into_iter().map(PolicyItem::KnownNetworks);
    rules.chain(limits).chain(known).chain(state.trial.map(PolicyItem::Trial)).collect()
}

fn found(rules: &mailcup_guard::access::RuleSet, now: Time, has_places: bool) -> Vec<RuleFinding> {
    let finding = |finding: mailcup_guard::access::Finding| RuleFinding {
        rule: RuleId(finding.rule.0.to_string()),
        kind: match finding.kind {
            FindingKind::Swallowed => RuleFindingKind::Swallowed,
            FindingKind::PartlySwallowed => RuleFindingKind::PartlySwallowed,
            FindingKind::Redundant => RuleFindingKind::Redundant,
            FindingKind::Expired => RuleFindingKind::Expired,
            FindingKind::ListClosed => RuleFindingKind::ListClosed,
            FindingKind::ExpiresSoon => RuleFindingKind::ExpiresSoon,
            FindingKind::Overruled => RuleFindingKind::Overruled,
            FindingKind::NeverInTime => RuleFindingKind::NeverInTime,
            FindingKind::NoPlaces => RuleFindingKind::NoPlaces,
        },
        other: finding.other.map(|other| RuleId(other.0.to_string())),
        networks: finding.networks.into_iter().take(NETWORKS_NAMED).map(Into::into).collect(),
    };
    findings(rules.rules(), now.0, has_places).into_iter().map(finding).collect()
}
