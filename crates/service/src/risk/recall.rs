//! Reads the past again at a start: what succeeded in the last half year, what failed within the last day, and the
//! blocks that were set by themselves.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use jiff::SignedDuration;
use mailcup_guard::{
    alert::PasswordMark,
    block::Target,
    defence::{Defence, FORGIVEN_AFTER},
    risk::{History, MEMORY, lately::Lately, signals::Password},
};
use mailcup_wire::{Outcome, Time};

use super::{SignInRisk, Visitor};
use crate::{
    app::App,
    policy::guard_target,
    store::{StoreError, accounts, blocks, events},
};

/// Sign-ins read at once.
const PAGE: u32 = 5_000;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// So many strikes back, none can still count.
const STRIKES: i32 = 8;

/// Reads it. What happens meanwhile is taken in afterwards, and nobody is judged before.
pub async fn recall(app: &Arc<App>) -> Result<(), StoreError> {
    let (begun, now) = (Instant::now(), app.clock.now());
    let (mut history, mut lately) = (History::default(), Lately::default());
    let mut connection = app.store.read().acquire().await?;
    let exists = accounts::logins(&mut connection).await?;
    let exists: std::collections::BTreeSet<_> = exists.into_iter().collect();
    let defence = strikes(&blocks::by_itself(&mut connection, before(now, FORGIVEN_AFTER * STRIKES)).await?);
    let (mut after, mut count) = ((before(now, MEMORY), 0), 0usize);
    let until = app.risk.with(|state| state.waiting.as_ref().and_then(|it| it.first().map(|seen| seen.seq)));
    loop {
        let page = events::past_sign_ins(&mut connection, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.at, last.seq);
        count += page.len();
        for row in page.iter().filter(|row| until.is_none_or(|until| row.seq < until)) {
            let client = row.client();
            let visitor = Visitor {
                login: &row.login,
                protocol: row.protocol,
                address: row.address,
                client: client.as_deref(),
                password: Password::NotRight,
            };
            let attempt = app.risk.attempt(&visitor, row.at);
            let is_recent = row.at >= before(now, DAY);
            match row.outcome {
                Outcome::Succeeded => {
                    history.learn(&attempt.sign_in);
                    if is_recent {
                        lately.succeeded(&attempt.sign_in, attempt.coordinates);
                    }
                }
                Outcome::Failed if is_recent => {
                    let (mark, exists) = (row.mark.map(PasswordMark), exists.contains(&*row.login));
                    lately.failed(&attempt.sign_in, mark, exists, &history);
                }
                Outcome::Failed | Outcome::Refused | Outcome::Challenged => {}
            }
        }
        tokio::task::yield_now().await;
    }
    drop(connection);
    app.risk.begin(history, lately, defence);
    tracing::info!(sign_ins = count, millis = begun.elapsed().as_millis(), "the past of sign-ins is known");
    Ok(())
}

impl SignInRisk {
    /// Judges from now on by this past and what happened since.
    pub(super) fn begin(&self, history: History, lately: Lately, defence: Defence) {
        let waiting = self.with(|state| {
            (state.history, state.lately, state.defence) = (history, lately, defence);
            state.waiting.take()
        });
        for seen in waiting.into_iter().flatten() {
            self.take_in(seen);
        }
    }
}

fn strikes(blocks: &[mailcup_wire::Block]) -> Defence {
    let (mut defence, mut counts) = (Defence::default(), BTreeMap::<Target, u32>::new());
    for block in blocks {
        let target = guard_target(&block.target);
        // Lifting forgives all that was before.
        let count = counts.entry(target.clone()).or_default();
        *count = if block.lifted_at.is_some() { 0 } else { *count + 1 };
        if let (1.., Some(end)) = (*count, block.expires_at) {
            defence.resume(target, *count, end.0);
        }
    }
    defence
}

fn before(now: Time, time: SignedDuration) -> Time {
    Time::from(now.0.saturating_sub(time).unwrap_or(now.0))
}
