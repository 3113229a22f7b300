//! What the copy knows of where sign-ins and messages come from, and of how much is sent.

use std::{cmp::Reverse, collections::HashMap};

use ipnet::IpNet;
use mailcup_guard::{
    learn::{Learned, Seen, learn},
    limiter::{Key, Pool},
};
use mailcup_policy::{known_networks, limit_set, scope};
use mailcup_wire::{
    AccessAction, AccessTerms, LimitId, Login, PolicyMode, Problem, Time,
    desktop::{
        Filter, LearnProposal, LearnQuestion, LearnedNetwork, LimitUsage, Link, SendingNetworks, UsageList,
        UsageQuestion, WhereFrom,
    },
};

use super::super::{Console, blocking};
use crate::store::{Count, Counts, Origin, Whose};

const DAY_MILLIS: i64 = 86_400_000;
const MOST_DAYS: u32 = 400;
const MOST_USAGES: u32 = 500;

impl Console {
    /// Proposes an allow rule from successful sign-ins.
    pub async fn learn(&self, question: LearnQuestion) -> Result<LearnProposal, Problem> {
        let until = self.clock.now();
        let days = i64::from(question.days.clamp(1, MOST_DAYS));
        let from = Time::from_millis(until.as_millis() - days * DAY_MILLIS);
        let whose = Whose {
            scope: scope(&question.scope),
            protocols: question.protocols.clone(),
            from,
            until: Time::from_millis(until.as_millis().saturating_add(1)),
        };
        let origins = self.readers()?.origins(whose).await?;
        blocking(move || Ok(proposal(question, &origins, from, until))).await
    }

    /// Counts against limits.
    pub async fn sending_usage(&self, question: UsageQuestion) -> Result<UsageList, Problem> {
        let (readers, now) = (self.readers()?, self.clock.now());
        let state = readers.policy().await?;
        let (limits, known) = (limit_set(&state.limits), known_networks(&state.known_networks));
        let counts = readers.counts(limits, known, now).await?;
        let mut rows = usages(&counts, &question);
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        rows.truncate(question.count.min(MOST_USAGES) as usize);
        Ok(UsageList { rows, total, at: self.knows_until(now).await? })
    }

    /// From which networks accounts send.
    pub async fn sending_networks(&self, text: String, count: u32) -> Result<Vec<SendingNetworks>, Problem> {
        let readers = self.readers()?;
        let known = known_networks(&readers.policy().await?.known_networks);
        Ok(readers.sending_networks(text, count, known, self.clock.now()).await?)
    }

    /// Where sign-ins came from.
    pub async fn where_from(&self, filter: Filter) -> Result<WhereFrom, Problem> {
        Ok(self.readers()?.where_from(filter, self.clock.now()).await?)
    }

    /// Until when the copy knows what happened.
    async fn knows_until(&self, now: Time) -> Result<Time, Problem> {
        let service = self.here()?.service;
        let view = self.view().await?;
        let here = view.services.into_iter().find(|it| it.id == service);
        Ok(match here {
            Some(here) if here.link == Link::Live => now,
            Some(here) => here.fresh_at.unwrap_or(now),
            None => now,
        })
    }
}

/// Nearest to the limit first.
fn usages(counts: &Counts, question: &UsageQuestion) -> Vec<LimitUsage> {
    let wanted = question.text.trim().to_lowercase();
    let mut rows: Vec<LimitUsage> =
        counts.by_key.iter().filter_map(|(key, count)| usage(counts, key, count)).collect();
    rows.retain(|row| {
        let fits = |text: String| text.to_lowercase().contains(&wanted);
        question.limit.as_ref().is_none_or(|limit| *limit == row.limit)
            && (wanted.is_empty()
                || row.login.as_ref().is_some_and(|login| fits(login.0.clone()))
                || row.network.is_some_and(|network| fits(network.to_string())))
    });
    // In thousandths, so that it can be compared; of a limit of 0, anything is all.
    let part = |row: &LimitUsage| u64::from(row.used) * 1_000 / u64::from(row.of.max(1));
    rows.sort_by(|a, b| {
        let order = |row: &LimitUsage| (Reverse(part(row)), Reverse(row.used));
        order(a).cmp(&order(b)).then_with(|| {
            (&a.limit, &a.login, a.network, a.known).cmp(&(&b.limit, &b.login, b.network, b.known))
        })
    });
    rows
}

/// Bursts are over before anybody has looked.
fn usage(counts: &Counts, key: &Key, count: &Count) -> Option<LimitUsage> {
    let known = match key.pool {
        Pool::Known => true,
        Pool::Others => false,
        Pool::Burst => return None,
    };
    let limit = counts.limits.limits().iter().find(|limit| limit.id == key.limit)?;
    Some(LimitUsage {
        limit: LimitId(key.limit.0.to_string()),
        login: key.login.as_ref().map(|login| Login(login.to_string())),
        network: key.network.map(Into::into),
        known,
        used: count.used,
        of: limit.allowance(known)?,
        frees_at: Some(count.frees_at),
    })
}

fn proposal(
    question: LearnQuestion,
    origins: &HashMap<IpNet, Origin>,
    from: Time,
    until: Time,
) -> LearnProposal {
    let seen = origins.iter().map(|(network, origin)| Seen { network: *network, days: origin.days.clone() });
    let Learned { networks, left_out } = learn(seen, question.min_days as usize);
    let mut accounts: Vec<u32> = origins.values().flat_map(|origin| &origin.accounts).copied().collect();
    accounts.sort_unstable();
    accounts.dedup();
    let sign_ins = origins.values().map(|origin| origin.sign_ins).sum();
    let networks = learned(&networks, origins);
    let covered = networks.iter().map(|it| it.sign_ins).sum();
    let mut allowed: Vec<_> = networks.iter().map(|it| it.network).collect();
    allowed.sort();
    LearnProposal {
        from,
        until,
        left_out: learned(&left_out, origins),
        sign_ins,
        covered,
        accounts: u32::try_from(accounts.len()).unwrap_or(u32::MAX),
        terms: AccessTerms {
            scope: question.scope,
            action: AccessAction::Allow,
            protocols: question.protocols,
            networks: allowed,
            countries: Vec::new(),
            schedule: None,
            expires_at: None,
            note: String::new(),
            enabled: true,
            mode: PolicyMode::ReportOnly,
        },
        networks,
    }
}

/// With what was seen in each; most sign-ins first.
fn learned(networks: &[IpNet], origins: &HashMap<IpNet, Origin>) -> Vec<LearnedNetwork> {
    let mut sums: Vec<(IpNet, Origin)> = networks.iter().map(|net| (*net, Origin::default())).collect();
    sums.sort_by_key(|(network, _)| *network);
    for (client, origin) in origins {
        // They do not overlap, so that the one that holds it is the last that does not begin after it.
        let place = sums.partition_point(|(network, _)| network.network() <= client.network());
        let Some((network, sum)) = place.checked_sub(1).and_then(|place| sums.get_mut(place)) else {
            continue;
        };
        if network.contains(client) {
            sum.add(origin);
        }
    }
    let mut learned: Vec<LearnedNetwork> = sums
        .into_iter()
        .map(|(network, sum)| LearnedNetwork {
            network: network.into(),
            place: sum.place,
            sign_ins: sum.sign_ins,
            accounts: u32::try_from(sum.accounts.len()).unwrap_or(u32::MAX),
            days: u32::try_from(sum.days.len()).unwrap_or(u32::MAX),
            first_at: Time::from_millis(sum.first),
            last_at: Time::from_millis(sum.last),
        })
        .collect();
    learned.sort_by_key(|it| (Reverse(it.sign_ins), it.network));
    learned
}
