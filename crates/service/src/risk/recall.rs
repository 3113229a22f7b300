//! Reads the past again at a start: what succeeded in the last half year, what failed within the last day, what was
//! sent in the last thirty, and the blocks that were set by themselves.

use std::{collections::BTreeSet, iter::Peekable, sync::Arc, time::Instant, vec};

use jiff::SignedDuration;
use mailcup_guard::{
    alert::PasswordMark,
    block::Target,
    defence::FORGIVEN_AFTER,
    risk::{MEMORY, signals::Password},
};
use mailcup_wire::{Block, Outcome, Protocol, Time};

use super::{Seen, SignInRisk, State, Visitor, defend::cause_of};
use crate::{
    app::App,
    policy::guard_target,
    store::{
        StoreError, accounts, blocks,
        events::{self, Past, PastSince, SentRow, SignInRow},
        owners_words::{self, OwnersWord},
    },
};

/// Events read at once.
const PAGE: u32 = 5_000;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How accounts send is learned from so much of the past.
const SENDING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// So many strikes back, none can still count.
const STRIKES: i32 = 8;

/// The past, as far as it was read.
struct Recall<'a> {
    risk: &'a SignInRisk,
    state: State,
    /// Since when failures count, and what follows from successes for a while.
    recent: Time,
    /// In the order of time.
    deeds: Peekable<vec::IntoIter<Deed>>,
    accounts: BTreeSet<String>,
}

/// What people and the service did about sign-ins.
struct Deed {
    at: Time,
    what: What,
}

enum What {
    Set(Arc<Block>),
    Lifted(Arc<Block>),
    Said(OwnersWord),
}

/// Reads it. What happens meanwhile is taken in afterwards, and nobody is judged before.
pub async fn recall(app: &Arc<App>) -> Result<(), StoreError> {
    let (begun, now) = (Instant::now(), app.clock.now());
    // What comes after the head waits: a sign-in is taken in before the head says that it is there.
    let head = app.log.head_seq();
    let first_waiting = app.risk.with(|state| state.waiting.as_ref()?.iter().find_map(Seen::seq));
    let until = first_waiting.unwrap_or(head + 1);
    let mut connection = app.store.read().acquire().await?;
    let said = owners_words::since(&mut connection, before(now, MEMORY)).await?;
    let set = blocks::by_itself(&mut connection, before(now, FORGIVEN_AFTER * STRIKES)).await?;
    let mut past = Recall {
        risk: &app.risk,
        state: State::default(),
        recent: before(now, DAY),
        deeds: deeds(set, said),
        accounts: accounts::logins(&mut connection).await?.into_iter().collect(),
    };
    let since = PastSince { failures: past.recent, sent: before(now, SENDING) };
    let (mut after, mut count) = ((before(now, MEMORY), 0), 0usize);
    loop {
        let page = events::past(&mut connection, after, since, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.place();
        count += page.len();
        for event in page.iter().filter(|event| event.place().1 < until) {
            past.take_in(event);
        }
        tokio::task::yield_now().await;
    }
    past.do_until(now);
    drop(connection);
    app.risk.begin(past.state);
    tracing::info!(events = count, millis = begun.elapsed().as_millis(), "the past of sign-ins is known");
    Ok(())
}

impl SignInRisk {
    /// Judges from now on by this past and what happened since.
    pub(super) fn begin(&self, past: State) {
        let waiting = self.with(|state| std::mem::replace(state, past).waiting);
        for seen in waiting.into_iter().flatten() {
            self.take_in(seen);
        }
    }
}

impl Recall<'_> {
    fn take_in(&mut self, past: &Past) {
        self.do_until(past.place().0);
        match past {
            Past::SignIn { row, protocol, client } => self.sign_in(row, *protocol, client.as_deref()),
            Past::Sent(sent) => self.sent(sent),
        }
    }

    fn sign_in(&mut self, row: &SignInRow, protocol: Protocol, client: Option<&str>) {
        let State { history, lately, .. } = &mut self.state;
        let visitor = Visitor {
            login: &row.login,
            protocol,
            address: row.address,
            client,
            password: Password::NotRight,
        };
        let attempt = self.risk.attempt(&visitor, row.at);
        match row.outcome {
            Outcome::Succeeded => {
                history.learn(&attempt.sign_in);
                if row.at >= self.recent {
                    lately.succeeded(&attempt.sign_in, attempt.coordinates);
                }
            }
            Outcome::Failed => {
                let (mark, exists) = (row.mark.map(PasswordMark), self.accounts.contains(&*row.login));
                lately.failed(&attempt.sign_in, mark, exists, history);
            }
            Outcome::Refused | Outcome::Challenged => {}
        }
    }

    /// Whatever it shows was seen then, and what was done about it is among the deeds.
    fn sent(&mut self, sent: &SentRow) {
        self.state.send(sent, self.risk.origin(sent.address));
    }

    /// Does what was done until that time.
    fn do_until(&mut self, at: Time) {
        while let Some(Deed { at, what }) = self.deeds.next_if(|deed| deed.at <= at) {
            match what {
                What::Set(block) => self.set(&block, at),
                What::Lifted(block) => self.state.lifted(&guard_target(&block.target)),
                What::Said(word) => self.risk.heed(&mut self.state, &word),
            }
        }
    }

    fn set(&mut self, block: &Block, at: Time) {
        let target = guard_target(&block.target);
        let State { defence, lately, senders, .. } = &mut self.state;
        match (block.cause.and_then(cause_of), block.expires_at, &target) {
            (_, None, Target::Sending(login)) => senders.suspended(login),
            (Some(cause), Some(end), _) => defence.resume(target, cause, at.0, end.0, lately),
            (_, None, _) | (None, ..) => {}
        }
    }
}

fn deeds(set: Vec<Block>, said: Vec<OwnersWord>) -> Peekable<vec::IntoIter<Deed>> {
    let of = |block: Block| {
        let block = Arc::new(block);
        let lifted_at = block.lifted_at;
        let begun = Deed { at: block.created_at, what: What::Set(Arc::clone(&block)) };
        let lifted = lifted_at.map(|at| Deed { at, what: What::Lifted(block) });
        [Some(begun), lifted].into_iter().flatten()
    };
    let said = said.into_iter().map(|word| Deed { at: word.at, what: What::Said(word) });
    let mut deeds: Vec<_> = set.into_iter().flat_map(of).chain(said).collect();
    deeds.sort_by_key(|deed| deed.at);
    deeds.into_iter().peekable()
}

fn before(now: Time, time: SignedDuration) -> Time {
    Time::from(now.0.saturating_sub(time).unwrap_or(now.0))
}
