//! What a change makes of the policy: the same in the service that keeps it and in the console that tries it.

use std::collections::HashSet;

use mailcup_wire::{
    AccessRule, AccessTerms, FieldProblem, KnownNetworks, KnownNetworksEdit, LimitEdit, LimitId, LimitTerms,
    Login, PolicyChange, PolicyItem, PolicyMode, PolicyState, RuleEdit, RuleId, SendingLimit, Time,
};

use crate::check::{check_known_networks, tidy_access, tidy_limit, tidy_scope};

/// Pieces that one change may name.
const MOST_EDITS: usize = 10_000;

/// When and by whom a change is made, and what new pieces are called.
pub struct Stamp<'a> {
    pub now: Time,
    pub by: Option<&'a Login>,
    pub new_id: &'a mut dyn FnMut() -> String,
}

/// Deleted rules and limits that a change may restore.
#[derive(Debug, Default)]
pub struct Deleted {
    pub rules: Vec<AccessRule>,
    pub limits: Vec<SendingLimit>,
}

/// The policy after a change.
#[derive(Debug)]
pub struct Applied {
    pub state: PolicyState,
    /// Each piece as it is now, in the order of the change.
    pub items: Vec<PolicyItem>,
    /// How the same pieces were before; none for new ones.
    pub former: Vec<Option<PolicyItem>>,
}

/// Why a change can't be made. Nothing of it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ChangeError {
    #[error("Some fields are wrong; nothing was changed.")]
    Invalid(Vec<FieldProblem>),
    #[error("Somebody changed it meanwhile; nothing was changed.")]
    Stale,
    #[error("There is no such rule or limit; nothing was changed.")]
    NotFound,
    #[error("A change that names nothing changes nothing.")]
    Empty,
    #[error("A change names at most {MOST_EDITS} pieces.")]
    TooMany,
    #[error("A change names a piece only once.")]
    Twice,
}

/// Makes a change, all of it or nothing.
pub fn applied(
    state: PolicyState,
    deleted: &Deleted,
    change: PolicyChange,
    mut stamp: Stamp<'_>,
) -> Result<Applied, ChangeError> {
    let pieces = change.rules.len() + change.limits.len() + change.known_networks.len();
    match pieces {
        0 => return Err(ChangeError::Empty),
        1..=MOST_EDITS => {}
        _ => return Err(ChangeError::TooMany),
    }
    must_name_once(&change)?;
    let mut after = Applied { state, items: Vec::with_capacity(pieces), former: Vec::with_capacity(pieces) };
    let mut problems = Vec::new();
    for (place, edit) in change.rules.into_iter().enumerate() {
        let done = after.edit_rule(deleted, edit, &mut stamp);
        note_problems(done, &format!("rules.{place}"), &mut problems)?;
    }
    for (place, edit) in change.limits.into_iter().enumerate() {
        let done = after.edit_limit(deleted, edit, &mut stamp);
        note_problems(done, &format!("limits.{place}"), &mut problems)?;
    }
    for (place, edit) in change.known_networks.into_iter().enumerate() {
        let done = after.edit_known(edit, &stamp);
        note_problems(done, &format!("known_networks.{place}"), &mut problems)?;
    }
    if problems.is_empty() { Ok(after) } else { Err(ChangeError::Invalid(problems)) }
}

/// The change that takes one back, with the versions that it made.
pub fn inverse(former: &[Option<PolicyItem>], items: &[PolicyItem]) -> PolicyChange {
    let mut change = PolicyChange::default();
    for (former, item) in former.iter().zip(items) {
        match item {
            PolicyItem::AccessRule(rule) => change.rules.push(match former {
                Some(PolicyItem::AccessRule(former)) if former.deleted_at.is_none() => {
                    let (id, version) = (rule.id.clone(), rule.version);
                    if rule.deleted_at.is_some() {
                        RuleEdit::Restore { id, version }
                    } else {
                        RuleEdit::Update { id, version, terms: former.terms.clone() }
                    }
                }
                _ => RuleEdit::Delete { id: rule.id.clone(), version: rule.version },
            }),
            PolicyItem::SendingLimit(limit) => change.limits.push(match former {
                Some(PolicyItem::SendingLimit(former)) if former.deleted_at.is_none() => {
                    let (id, version) = (limit.id.clone(), limit.version);
                    if limit.deleted_at.is_some() {
                        LimitEdit::Restore { id, version }
                    } else {
                        LimitEdit::Update { id, version, terms: former.terms.clone() }
                    }
                }
                _ => LimitEdit::Delete { id: limit.id.clone(), version: limit.version },
            }),
            PolicyItem::KnownNetworks(known) => change.known_networks.push(KnownNetworksEdit {
                scope: known.scope.clone(),
                version: known.version,
                networks: match former {
                    Some(PolicyItem::KnownNetworks(former)) => former.networks.clone(),
                    _ => Vec::new(),
                },
            }),
            PolicyItem::Trial(_) => {}
        }
    }
    change
}

impl Applied {
    fn edit_rule(
        &mut self,
        deleted: &Deleted,
        edit: RuleEdit,
        stamp: &mut Stamp<'_>,
    ) -> Result<(), ChangeError> {
        let now = stamp.now;
        let (former, rule) = match edit {
            RuleEdit::Create { terms } => {
                let terms = tidy_access(terms).map_err(ChangeError::Invalid)?;
                (None, new_rule(RuleId((stamp.new_id)()), terms, stamp))
            }
            RuleEdit::Update { id, version, terms } => {
                let terms = tidy_access(terms).map_err(ChangeError::Invalid)?;
                let former = take(&mut self.state.rules, |rule| rule.id == id, |rule| rule.version, version)?;
                let keeps_mode =
                    counts(former.terms.enabled, former.terms.mode) == counts(terms.enabled, terms.mode);
                let mode_since = if keeps_mode { former.mode_since } else { now };
                (Some(former.clone()), AccessRule { terms, mode_since, ..former })
            }
            RuleEdit::Delete { id, version } => {
                let former = take(&mut self.state.rules, |rule| rule.id == id, |rule| rule.version, version)?;
                (Some(former.clone()), AccessRule { deleted_at: Some(now), ..former })
            }
            RuleEdit::Restore { id, version } => {
                let former = deleted.rules.iter().find(|rule| rule.id == id).ok_or(ChangeError::NotFound)?;
                must_be(former.version, version)?;
                (Some(former.clone()), AccessRule { deleted_at: None, mode_since: now, ..former.clone() })
            }
        };
        let rule = if former.is_none() {
            rule
        } else {
            AccessRule {
                changed_at: now,
                changed_by_login: stamp.by.cloned(),
                version: rule.version.saturating_add(1),
                ..rule
            }
        };
        if rule.deleted_at.is_none() {
            self.state.rules.push(rule.clone());
        }
        self.former.push(former.map(PolicyItem::AccessRule));
        self.items.push(PolicyItem::AccessRule(rule));
        Ok(())
    }

    fn edit_limit(
        &mut self,
        deleted: &Deleted,
        edit: LimitEdit,
        stamp: &mut Stamp<'_>,
    ) -> Result<(), ChangeError> {
        let now = stamp.now;
        let (former, limit) = match edit {
            LimitEdit::Create { terms } => {
                let terms = tidy_limit(terms).map_err(ChangeError::Invalid)?;
                (None, new_limit(LimitId((stamp.new_id)()), terms, stamp))
            }
            LimitEdit::Update { id, version, terms } => {
                let terms = tidy_limit(terms).map_err(ChangeError::Invalid)?;
                let former =
                    take(&mut self.state.limits, |limit| limit.id == id, |limit| limit.version, version)?;
                let keeps_mode =
                    counts(former.terms.enabled, former.terms.mode) == counts(terms.enabled, terms.mode);
                let mode_since = if keeps_mode { former.mode_since } else { now };
                (Some(former.clone()), SendingLimit { terms, mode_since, ..former })
            }
            LimitEdit::Delete { id, version } => {
                let former =
                    take(&mut self.state.limits, |limit| limit.id == id, |limit| limit.version, version)?;
                (Some(former.clone()), SendingLimit { deleted_at: Some(now), ..former })
            }
            LimitEdit::Restore { id, version } => {
                let former =
                    deleted.limits.iter().find(|limit| limit.id == id).ok_or(ChangeError::NotFound)?;
                must_be(former.version, version)?;
                (Some(former.clone()), SendingLimit { deleted_at: None, mode_since: now, ..former.clone() })
            }
        };
        let limit = if former.is_none() {
            limit
        } else {
            SendingLimit {
                changed_at: now,
                changed_by_login: stamp.by.cloned(),
                version: limit.version.saturating_add(1),
                ..limit
            }
        };
        if limit.deleted_at.is_none() {
            self.state.limits.push(limit.clone());
        }
        self.former.push(former.map(PolicyItem::SendingLimit));
        self.items.push(PolicyItem::SendingLimit(limit));
        Ok(())
    }

    fn edit_known(&mut self, edit: KnownNetworksEdit, stamp: &Stamp<'_>) -> Result<(), ChangeError> {
        let scope = tidy_scope(edit.scope);
        let problems = check_known_networks(&scope, &edit.networks);
        if !problems.is_empty() {
            return Err(ChangeError::Invalid(problems));
        }
        let place = self.state.known_networks.iter().position(|known| known.scope == scope);
        let former = place.map(|place| self.state.known_networks.remove(place));
        let version = former.as_ref().map_or(0, |known| known.version);
        must_be(version, edit.version)?;
        let mut networks = edit.networks;
        networks.sort();
        networks.dedup();
        let known = KnownNetworks {
            scope,
            networks,
            changed_at: stamp.now,
            changed_by_login: stamp.by.cloned(),
            version: version.saturating_add(1),
        };
        self.state.known_networks.push(known.clone());
        self.former.push(former.map(PolicyItem::KnownNetworks));
        self.items.push(PolicyItem::KnownNetworks(known));
        Ok(())
    }
}

fn new_rule(id: RuleId, terms: AccessTerms, stamp: &Stamp<'_>) -> AccessRule {
    AccessRule {
        id,
        terms,
        mode_since: stamp.now,
        created_at: stamp.now,
        created_by_login: stamp.by.cloned(),
        changed_at: stamp.now,
        changed_by_login: stamp.by.cloned(),
        deleted_at: None,
        version: 1,
    }
}

fn new_limit(id: LimitId, terms: LimitTerms, stamp: &Stamp<'_>) -> SendingLimit {
    SendingLimit {
        id,
        terms,
        mode_since: stamp.now,
        created_at: stamp.now,
        created_by_login: stamp.by.cloned(),
        changed_at: stamp.now,
        changed_by_login: stamp.by.cloned(),
        deleted_at: None,
        version: 1,
    }
}

/// How much a rule or limit counts.
fn counts(enabled: bool, mode: PolicyMode) -> Option<PolicyMode> {
    enabled.then_some(mode)
}

fn take<T>(
    pieces: &mut Vec<T>,
    is_it: impl Fn(&T) -> bool,
    version_of: impl Fn(&T) -> u32,
    version: u32,
) -> Result<T, ChangeError> {
    let place = pieces.iter().position(is_it).ok_or(ChangeError::NotFound)?;
    must_be(version_of(&pieces[place]), version)?;
    Ok(pieces.remove(place))
}

fn must_be(version: u32, expected: u32) -> Result<(), ChangeError> {
    if version == expected { Ok(()) } else { Err(ChangeError::Stale) }
}

/// Gathers what is wrong with fields, so that all of it is said at once.
fn note_problems(
    done: Result<(), ChangeError>,
    prefix: &str,
    problems: &mut Vec<FieldProblem>,
) -> Result<(), ChangeError> {
    match done {
        Err(ChangeError::Invalid(found)) => {
            problems.extend(found.into_iter().map(|FieldProblem { field, message }| FieldProblem {
                field: format!("{prefix}.{field}"),
                message,
            }));
            Ok(())
        }
        other => other,
    }
}

fn must_name_once(change: &PolicyChange) -> Result<(), ChangeError> {
    let mut rules = HashSet::new();
    let mut limits = HashSet::new();
    let mut scopes = HashSet::new();
    let rules_once = change.rules.iter().all(|edit| match edit {
        RuleEdit::Create { .. } => true,
        RuleEdit::Update { id, .. } | RuleEdit::Delete { id, .. } | RuleEdit::Restore { id, .. } => {
            rules.insert(id)
        }
    });
    let limits_once = change.limits.iter().all(|edit| match edit {
        LimitEdit::Create { .. } => true,
        LimitEdit::Update { id, .. } | LimitEdit::Delete { id, .. } | LimitEdit::Restore { id, .. } => {
            limits.insert(id)
        }
    });
    let scopes_once = change.known_networks.iter().all(|edit| scopes.insert(tidy_scope(edit.scope.clone())));
    if rules_once && limits_once && scopes_once { Ok(()) } else { Err(ChangeError::Twice) }
}

#[cfg(test)]
mod tests;
