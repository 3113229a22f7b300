//! Reads the past again at a start: what succeeded in the last half year, what failed within the last day, and the
//! blocks that were set by themselves.

use std::{collections::BTreeSet, iter::Peekable, sync::Arc, time::Instant, vec};

use jiff::SignedDuration;
use mailcup_guard::{
    alert::PasswordMark,
    defence::{Defence, FORGIVEN_AFTER},
    risk::{History, MEMORY, lately::Lately, signals::Password},
};
use mailcup_wire::{Block, Outcome, Time};

use super::{SignInRisk, Visitor, defend::cause_of};
use crate::{
    app::App,
    policy::guard_target,
    store::{
        StoreError, accounts, blocks,
        events::{self, PastSignIn},
    },
};

/// Sign-ins read at once.
const PAGE: u32 = 5_000;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// So many strikes back, none can still count.
const STRIKES: i32 = 8;

/// The past, as far as it was read.
struct Past {
    history: History,
    lately: Lately,
    defence: Defence,
    /// In the order of time.
    deeds: Peekable<vec::IntoIter<Deed>>,
    accounts: BTreeSet<String>,
}

/// A block that was set, or lifted.
struct Deed {
    at: Time,
    block: Arc<Block>,
    is_lift: bool,
}

/// Reads it. What happens meanwhile is taken in afterwards, and nobody is judged before.
pub async fn recall(app: &Arc<App>) -> Result<(), StoreError> {
    let (begun, now) = (Instant::now(), app.clock.now());
    // What comes after the head waits: a sign-in is taken in before the head says that it is there.
    let head = app.log.head_seq();
    let first_waiting = app.risk.with(|state| state.waiting.as_ref()?.first().map(|seen| seen.seq));
    let until = first_waiting.unwrap_or(head + 1);
    let mut connection = app.store.read().acquire().await?;
    let set = blocks::by_itself(&mut connection, before(now, FORGIVEN_AFTER * STRIKES)).await?;
    let mut past = Past {
        history: History::default(),
        lately: Lately::default(),
        defence: Defence::default(),
        deeds: deeds(set),
        accounts: accounts::logins(&mut connection).await?.into_iter().collect(),
    };
    let (mut after, mut count) = ((before(now, MEMORY), 0), 0usize);
    loop {
        let page = events::past_sign_ins(&mut connection, after, before(now, DAY), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.row.at, last.row.seq);
        count += page.len();
        for sign_in in page.iter().filter(|it| it.row.seq < until) {
            past.take_in(&app.risk, sign_in, before(now, DAY));
        }
        tokio::task::yield_now().await;
    }
    past.do_until(now);
    drop(connection);
    app.risk.begin(past.history, past.lately, past.defence);
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

impl Past {
    fn take_in(&mut self, risk: &SignInRisk, past: &PastSignIn, recent: Time) {
        let row = &past.row;
        self.do_until(row.at);
        let client = past.client();
        let visitor = Visitor {
            login: &row.login,
            protocol: past.protocol,
            address: row.address,
            client: client.as_deref(),
            password: Password::NotRight,
        };
        let attempt = risk.attempt(&visitor, row.at);
        match row.outcome {
            Outcome::Succeeded => {
                self.history.learn(&attempt.sign_in);
                if row.at >= recent {
                    self.lately.succeeded(&attempt.sign_in, attempt.coordinates);
                }
            }
            Outcome::Failed => {
                let (mark, exists) = (row.mark.map(PasswordMark), self.accounts.contains(&*row.login));
                self.lately.failed(&attempt.sign_in, mark, exists, &self.history);
            }
            Outcome::Refused | Outcome::Challenged => {}
        }
    }

    /// Sets and lifts the blocks of that time.
    fn do_until(&mut self, at: Time) {
        while let Some(Deed { at, block, is_lift }) = self.deeds.next_if(|deed| deed.at <= at) {
            let target = guard_target(&block.target);
            if is_lift {
                self.defence.lifted(&target, &mut self.lately);
            } else if let (Some(cause), Some(end)) = (block.cause, block.expires_at) {
                self.defence.resume(target, cause_of(cause), at.0, end.0, &mut self.lately);
            }
        }
    }
}

fn deeds(set: Vec<Block>) -> Peekable<vec::IntoIter<Deed>> {
    let of = |block: Block| {
        let block = Arc::new(block);
        let lifted_at = block.lifted_at;
        let begun = Deed { at: block.created_at, block: Arc::clone(&block), is_lift: false };
        let lifted = lifted_at.map(|at| Deed { at, block, is_lift: true });
        [Some(begun), lifted].into_iter().flatten()
    };
    let mut deeds: Vec<_> = set.into_iter().flat_map(of).collect();
    deeds.sort_by_key(|deed| deed.at);
    deeds.into_iter().peekable()
}

fn before(now: Time, time: SignedDuration) -> Time {
    Time::from(now.0.saturating_sub(time).unwrap_or(now.0))
}
