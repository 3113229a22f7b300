//! One attempt, step by step, in the order of a decision.

use std::{cmp::Reverse, sync::Arc};

use jiff::Timestamp;
use mailcup_guard::{
    access::{Against, Miss, RuleSet, Scope, Visitor},
    limit::{Limit, LimitAction, Measure},
    limiter::{Pool, key},
};
use mailcup_policy::{
    access_rule, country, known_networks, limit_id, limit_set, protocol, rule_set, scope, wire_scope,
};
use mailcup_wire::{
    AccessAction, AccessRule, Block, BlockTarget, Login, PolicyState, Problem, Protocol, RuleId, Time,
    desktop::{DecisionAnswer, DecisionQuestion, DecisionStep, DecisionVerdict, RuleMiss},
};

use super::changed;
use crate::store::{Counts, Readers};

#[cfg(test)]
mod tests;

pub async fn decide(
    readers: &Readers,
    question: DecisionQuestion,
    now: Time,
) -> Result<DecisionAnswer, Problem> {
    let at = question.at.unwrap_or(now);
    let login = Login(question.login.0.trim().to_lowercase());
    if login.0.is_empty() {
        return Err(Problem::field("login", "Name an account."));
    }
    let mut state = readers.policy().await?;
    if let Some(change) = question.change {
        state = changed(readers, state, change, now).await?.state;
    }
    let place = match question.address {
        Some(address) => readers.place_of(address).await?,
        None => None,
    };
    let code = place.as_ref().and_then(|place| place.country.as_deref()).and_then(country);
    let attempt = Tried {
        login: &login,
        visitor: Visitor {
            login: &login.0,
            protocol: protocol(question.protocol),
            address: question.address.map(mailcup_wire::Address::ip),
            country: code,
        },
        at: at.0,
    };
    let mut steps = Vec::new();
    let refusing = attempt.blocks(readers.blocks().await?);
    let mut verdict = DecisionVerdict::Allow;
    if !refusing.is_empty() {
        verdict = DecisionVerdict::Refuse;
    }
    steps.push(DecisionStep::Blocks { refusing });
    if attempt.rules(&state, &mut steps) && verdict == DecisionVerdict::Allow {
        verdict = DecisionVerdict::Refuse;
    }
    if let Some(recipients) = question.recipients.filter(|_| question.protocol == Protocol::Submission) {
        let limits = limit_set(&state.limits);
        let known = known_networks(&state.known_networks);
        let counts = readers.counts(limits, known, at).await?;
        let stopped = attempt.limits(&state, &counts, recipients, &mut steps);
        if let Some(action) = stopped.filter(|_| verdict == DecisionVerdict::Allow) {
            verdict = match action {
                LimitAction::Hold => DecisionVerdict::Hold,
                LimitAction::Defer => DecisionVerdict::Defer,
                LimitAction::Reject => DecisionVerdict::Reject,
            };
        }
    }
    Ok(DecisionAnswer { verdict, place, at, steps })
}

struct Tried<'a> {
    login: &'a Login,
    visitor: Visitor<'a>,
    at: Timestamp,
}

impl Tried<'_> {
    /// Blocks in force that refuse it.
    fn blocks(&self, mut blocks: Vec<Block>) -> Vec<Block> {
        let holds = |net: &mailcup_wire::Network| {
            self.visitor.address.is_some_and(|address| net.net().contains(&address.to_canonical()))
        };
        blocks.retain(|block| {
            let in_force = block.lifted_at.is_none_or(|lifted| self.at < lifted.0)
                && block.expires_at.is_none_or(|end| self.at < end.0)
                && self.at >= block.created_at.0;
            in_force
                && match &block.target {
                    BlockTarget::Address { address } => {
                        self.visitor.address.map(|ip| ip.to_canonical()) == Some(address.ip())
                    }
                    BlockTarget::Network { network } => holds(network),
                    BlockTarget::Account { login } => login == self.login,
                    BlockTarget::AccountNetwork { login, network } => login == self.login && holds(network),
                    BlockTarget::Sending { .. } => false,
                }
        });
        blocks
    }

    /// Adds what rules say; answers whether they refuse.
    fn rules(&self, state: &PolicyState, steps: &mut Vec<DecisionStep>) -> bool {
        let compiled = rule_set(&state.rules);
        let judgement = compiled.judge(&self.visitor, self.at);
        let mut for_login: Vec<&AccessRule> =
            state.rules.iter().filter(|rule| scope(&rule.terms.scope).holds(&self.login.0)).collect();
        // The most specific first.
        for_login.sort_by_key(|rule| Reverse(scope(&rule.terms.scope)));
        let step =
            |rule: &&AccessRule| DecisionStep::Rule { rule: (*rule).clone(), misses: self.misses(rule) };
        let denying = for_login.iter().filter(|rule| rule.terms.action == AccessAction::Deny);
        steps.extend(denying.map(step));
        let by = judgement.against.iter().find_map(|against| match against {
            Against::Denied(rule) => Some(RuleId(rule.0.to_string())),
            Against::NotAllowed { .. } => None,
        });
        steps.push(DecisionStep::Denied { by });
        let allowing = for_login.iter().filter(|rule| rule.terms.action == AccessAction::Allow);
        steps.extend(allowing.map(step));
        steps.push(self.list(&compiled, &for_login));
        !judgement.against.is_empty()
    }

    /// The list of allow rules that decides.
    fn list(&self, compiled: &RuleSet, for_login: &[&AccessRule]) -> DecisionStep {
        let deciding = compiled.deciding_scope(&self.login.0, self.visitor.protocol);
        let is_of = |rule: &AccessRule, list: &Scope| {
            rule.terms.action == AccessAction::Allow
                && rule.terms.mode == mailcup_wire::PolicyMode::Enforced
                && scope(&rule.terms.scope) == *list
        };
        let matched = deciding.as_ref().and_then(|list| {
            let mut of_list = for_login.iter().filter(|rule| is_of(rule, list));
            of_list.find(|rule| self.misses(rule).is_empty()).map(|rule| rule.id.clone())
        });
        DecisionStep::List { scope: deciding.as_ref().map(wire_scope), matched }
    }

    fn misses(&self, rule: &AccessRule) -> Vec<RuleMiss> {
        let off = (!rule.terms.enabled).then_some(RuleMiss::SwitchedOff);
        let misses = access_rule(&rule.id, &rule.terms).misses(&self.visitor, self.at);
        off.into_iter().chain(misses.into_iter().filter_map(shown)).collect()
    }

    /// Adds what limits say; answers what becomes of the message.
    fn limits(
        &self,
        state: &PolicyState,
        counts: &Counts,
        recipients: u32,
        steps: &mut Vec<DecisionStep>,
    ) -> Option<LimitAction> {
        let known = counts.known.holds(&self.login.0, self.visitor.address);
        let mut stopped = None;
        for limit in counts.limits.applying(&self.login.0) {
            let measured = self.measured(limit, counts, known, recipients);
            let Some(shown) = state.limits.iter().find(|it| limit_id(&it.id) == limit.id) else { continue };
            if measured.reached && limit.enforced {
                stopped = stopped.max(Some(limit.action));
            }
            let (used, of, reached) = (measured.used, measured.of, measured.reached);
            steps.push(DecisionStep::Limit { limit: shown.clone(), known, used, of, reached });
        }
        stopped
    }

    /// The figure of a limit, or its burst where that is what is reached.
    fn measured(&self, limit: &Limit, counts: &Counts, known: bool, recipients: u32) -> Measured {
        let login: Arc<str> = self.login.0.as_str().into();
        let used = |pool| counts.used(&key(limit, pool, &login, self.visitor.address));
        let (wanted, counted) = match limit.measure {
            Measure::Recipients(_) => (recipients, true),
            Measure::Messages(_) => (1, true),
            Measure::RecipientsPerMessage => (recipients, false),
        };
        let pool = if known { Pool::Known } else { Pool::Others };
        let of = limit.allowance(known);
        let so_far = if counted { used(pool) } else { 0 };
        let reached = of.is_some_and(|of| so_far.saturating_add(wanted) > of);
        let burst = limit.burst.filter(|_| counted && !reached).map(|burst| (used(Pool::Burst), burst.count));
        match burst.filter(|(used, of)| used.saturating_add(wanted) > *of) {
            Some((used, of)) => Measured { used, of: Some(of), reached: true },
            None => Measured { used: so_far, of, reached },
        }
    }
}

struct Measured {
    used: u32,
    of: Option<u32>,
    reached: bool,
}

/// Rules of other scopes are not shown at all.
fn shown(miss: Miss) -> Option<RuleMiss> {
    Some(match miss {
        Miss::OtherScope => return None,
        Miss::OtherProtocol => RuleMiss::OtherProtocol,
        Miss::NoAddress => RuleMiss::NoAddress,
        Miss::OtherNetwork => RuleMiss::OtherNetwork,
        Miss::OtherCountry => RuleMiss::OtherCountry,
        Miss::UnknownCountry => RuleMiss::UnknownCountry,
        Miss::OutsideSchedule => RuleMiss::OutsideSchedule,
        Miss::Expired => RuleMiss::Expired,
    })
}
