//! Sign-ins under two sets of rules.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZero,
    ops::ControlFlow,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use mailcup_guard::{
    access::Country,
    decision::Attempt,
    replay::{Effect, Replay},
};
use mailcup_wire::{
    EventKind, OutcomeFilter, ReasonCode, Time,
    desktop::{Filter, SignInEffect, Span, Term, Test},
};
use rusqlite::Connection;

use super::{
    Course, Watch,
    result::{self, Named},
    tally::{Refused, Tally},
};
use crate::store::{
    Result,
    class::Class,
    events::classes,
    index::{Index, Indexed, Row, Slice},
    sieve::Sieve,
};

/// Answers that a thread remembers; then it begins anew.
const REMEMBERED: usize = 200_000;

/// Replays in several threads, each of which takes one slice of the index after the other.
pub fn replay_sign_ins(
    indexed: &Indexed,
    reader: &Connection,
    replay: Option<&Replay>,
    course: Course,
    watch: &Watch,
) -> Result<SignInEffect> {
    let (sieve, ready, slices) = indexed.with(reader, |index| {
        let sieve =
            Sieve::new(reader, index, &only(EventKind::SignIn, course), Time::from_millis(course.until))?;
        let slices = index.slices(course.from, course.until);
        watch.expect(slices.iter().map(|slice| slice.rows).sum());
        Ok((sieve, Ready::new(index), slices))
    })?;
    let next = AtomicUsize::new(0);
    let work = || -> Result<Part> {
        let mut part = Part::default();
        while !watch.is_cancelled()
            && let Some(slice) = slices.get(next.fetch_add(1, Ordering::Relaxed))
        {
            indexed.look(|index| part.replay(index, &sieve, *slice, &ready, replay, &course))?;
            watch.add(slice.rows);
        }
        Ok(part)
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(slices.len()).max(1);
    let mut whole = Part::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        parts.extend(workers.into_iter().map(|worker| match worker.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        parts.into_iter().try_for_each(|part| part.map(|part| whole.merge(part)))
    })?;
    let named = indexed.with(reader, |index| {
        let of = |login: u32| whole.successes.get(login as usize).copied().unwrap_or_default();
        result::named(reader, index, &whole.tally, &course, of)
    })?;
    Ok(whole.effect(named, &course))
}

/// Events of a kind within the time.
pub fn only(kind: EventKind, course: Course) -> Filter {
    let (from, until) = (Time::from_millis(course.from), Time::from_millis(course.until));
    Filter {
        span: Some(Span::Between { from: Some(from), until: Some(until) }),
        terms: vec![Term { not: false, test: Test::Kind { any: vec![kind] } }],
    }
}

/// What is looked up by number for every row.
struct Ready {
    classes: Vec<Option<Class>>,
    countries: Vec<Option<Country>>,
    /// Explanations that name a block.
    blocked: Vec<bool>,
}

impl Ready {
    fn new(index: &Index) -> Self {
        const BLOCKED: [ReasonCode; 3] =
            [ReasonCode::BlockedAddress, ReasonCode::BlockedNetwork, ReasonCode::BlockedAccount];
        let country =
            |place: &Option<mailcup_wire::Place>| Country::read(place.as_ref()?.country.as_deref()?);
        let is_blocked = |codes: &[ReasonCode]| codes.iter().any(|code| BLOCKED.contains(code));
        Self {
            classes: classes(),
            countries: index.places.iter().map(country).collect(),
            blocked: index
                .explanations
                .iter()
                .map(|explanation| explanation.as_ref().is_some_and(|it| is_blocked(&it.codes)))
                .collect(),
        }
    }
}

#[derive(Default)]
struct Part {
    looked_at: u32,
    failed_refused: u32,
    /// By login.
    successes: Vec<u32>,
    tally: Tally,
    remembered: HashMap<(u32, u32, u16), Effect>,
}

impl Part {
    fn replay(
        &mut self,
        index: &Index,
        sieve: &Sieve,
        slice: Slice,
        ready: &Ready,
        replay: Option<&Replay>,
        course: &Course,
    ) {
        let depends_on_time = replay.is_some_and(Replay::depends_on_time);
        index.walk(sieve, slice.after, slice.before, |row| {
            let class = ready.classes.get(usize::from(row.class)).copied().flatten();
            let Some(outcome) = class.and_then(|class| class.outcome) else {
                return ControlFlow::Continue(());
            };
            self.looked_at += 1;
            let succeeded = matches!(outcome, OutcomeFilter::Allowed | OutcomeFilter::Challenged);
            if succeeded {
                count(&mut self.successes, row.login);
            }
            let Some(replay) = replay else { return ControlFlow::Continue(()) };
            let effect = if depends_on_time {
                effect(index, ready, replay, &row)
            } else {
                let key = (row.login, row.address, row.class & 15);
                if self.remembered.len() >= REMEMBERED {
                    self.remembered.clear();
                }
                *self.remembered.entry(key).or_insert_with(|| effect(index, ready, replay, &row))
            };
            self.count(index, &row, effect, outcome, ready, course);
            ControlFlow::Continue(())
        });
    }

    fn count(
        &mut self,
        index: &Index,
        row: &Row,
        effect: Effect,
        outcome: OutcomeFilter,
        ready: &Ready,
        course: &Course,
    ) {
        match (effect, outcome) {
            (Effect::Refused, OutcomeFilter::Allowed | OutcomeFilter::Challenged) => {
                let network = index.network_of.get(row.address as usize).copied().unwrap_or_default();
                let refused = Refused { seq: row.seq, at: row.at, login: row.login, network };
                self.tally.refuse(course, &refused);
            }
            (Effect::Refused, OutcomeFilter::Failed) => self.failed_refused += 1,
            (Effect::LetIn, OutcomeFilter::Refused)
                if !ready.blocked.get(row.explanation as usize).copied().unwrap_or_default() =>
            {
                self.tally.let_in(course, row.at);
            }
            (Effect::Same | Effect::Refused | Effect::LetIn, _) => {}
        }
    }

    fn merge(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.failed_refused += other.failed_refused;
        if self.successes.len() < other.successes.len() {
            self.successes.resize(other.successes.len(), 0);
        }
        self.successes.iter_mut().zip(other.successes).for_each(|(sum, other)| *sum += other);
        self.tally.merge(other.tally);
    }

    fn effect(self, named: Named, course: &Course) -> SignInEffect {
        SignInEffect {
            looked_at: self.looked_at,
            refused: self.tally.refused,
            failed_refused: self.failed_refused,
            let_in: self.tally.let_in,
            accounts: named.accounts,
            accounts_total: named.accounts_total,
            networks: named.networks,
            networks_total: named.networks_total,
            steps: named.steps,
            step_seconds: course.step_seconds(),
            samples: named.samples,
        }
    }
}

fn effect(index: &Index, ready: &Ready, replay: &Replay, row: &Row) -> Effect {
    let Some(protocol) =
        ready.classes.get(usize::from(row.class)).copied().flatten().and_then(|it| it.protocol)
    else {
        return Effect::Same;
    };
    let place = index.place_of.get(row.address as usize).copied().unwrap_or_default();
    let attempt = Attempt {
        login: (row.login > 0).then(|| index.logins.get(row.login as usize)),
        protocol: mailcup_policy::protocol(protocol),
        address: address(index, row.address),
        country: ready.countries.get(place as usize).copied().flatten(),
    };
    replay.effect(&attempt, Time::from_millis(row.at).0)
}

pub fn address(index: &Index, no: u32) -> Option<IpAddr> {
    Some(index.addresses.get(no as usize).copied().flatten()?.ip())
}

pub fn count(counts: &mut Vec<u32>, no: u32) {
    let place = no as usize;
    if counts.len() <= place {
        counts.resize(place + 1, 0);
    }
    counts[place] += 1;
}
