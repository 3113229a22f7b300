//! What is remembered of failing subjects: bounded in subjects and in failures of each.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::Hash,
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{Evidence, SignIn};
use crate::client::client_network;

/// Subjects remembered in each state; beyond it the one that failed longest ago is forgotten.
const SUBJECTS: usize = 50_000;

/// Failures remembered of one subject.
pub(super) const TRACES: usize = 32;

/// One failure.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    pub login: Arc<str>,
    pub address: Option<IpAddr>,
    /// Same mark, same password.
    pub mark: u64,
}

/// Failing subjects, with the one that failed longest ago at hand.
#[derive(Debug)]
pub(super) struct Tracks<K> {
    subjects: HashMap<K, Track>,
    quiet: BTreeMap<u64, K>,
    alarmed: BTreeMap<u64, K>,
    unknown_alarms: usize,
    turns: u64,
}

/// Under which a failure counts.
#[derive(Debug)]
pub(super) struct Terms {
    /// Different ones that begin an alarm.
    pub threshold: usize,
    /// Milliseconds.
    pub window: u64,
    /// Whether an alarm may begin now.
    pub may_alarm: bool,
    /// Whether the subject is known to exist.
    pub known: bool,
}

#[derive(Debug)]
struct Track {
    traces: VecDeque<Trace>,
    alarmed: bool,
    known: bool,
    last: i64,
    /// Its key in `quiet` or `alarmed`.
    turn: u64,
}

impl Trace {
    pub fn new(sign_in: &SignIn<'_>, login: Arc<str>) -> Self {
        // A password without a mark differs from every other one.
        let mark = sign_in.mark.map_or(sign_in.seq | 1 << 63, |mark| u64::from(mark.0));
        Self { seq: sign_in.seq, at: sign_in.at.as_millisecond(), login, address: sign_in.address, mark }
    }

    pub fn evidence(&self) -> Evidence {
        Evidence {
            seq: self.seq,
            at: Timestamp::from_millisecond(self.at).unwrap_or(Timestamp::UNIX_EPOCH),
            login: Arc::clone(&self.login),
            address: self.address,
        }
    }
}

impl<K> Default for Tracks<K> {
    fn default() -> Self {
        Self {
            subjects: HashMap::new(),
            quiet: BTreeMap::new(),
            alarmed: BTreeMap::new(),
            unknown_alarms: 0,
            turns: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Tracks<K> {
    /// The remembered form of a key, which can be shared.
    pub fn key_of<Q>(&self, key: &Q) -> Option<K>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.subjects.get_key_value(key).map(|(key, _)| key.clone())
    }

    pub fn unknown_alarms(&self) -> usize {
        self.unknown_alarms
    }

    /// Forgets subjects that were quiet for longer than `window` milliseconds, seen from `now`.
    pub fn sweep(&mut self, now: i64, window: u64) {
        for alarmed in [false, true] {
            while let Some(key) = self.oldest(alarmed) {
                if self.subjects.get(&key).is_some_and(|track| track.last.abs_diff(now) <= window) {
                    break;
                }
                self.forget(&key);
            }
        }
    }

    /// Adds a failure. Answers what belongs to the subject's alarm: nothing while there is none, all that
    /// led to it when it begins, and after that each failure alone.
    pub fn add<D: Ord>(
        &mut self,
        key: &K,
        trace: Trace,
        terms: &Terms,
        distinct: impl Fn(&Trace) -> D,
    ) -> Option<Vec<Evidence>> {
        let mut track = self.take(key).unwrap_or_else(|| Track::new(trace.at));
        let alarmed_before = track.alarmed;
        track.last = trace.at;
        track.known |= terms.known;
        let newest = trace.evidence();
        track.remember(trace, terms, &distinct);
        if !track.alarmed && terms.may_alarm && track.count_distinct(&distinct) >= terms.threshold {
            track.alarmed = true;
        }
        let answer = match (alarmed_before, track.alarmed) {
            (_, false) => None,
            (false, true) => Some(track.traces.iter().map(Trace::evidence).collect()),
            (true, true) => Some(vec![newest]),
        };
        self.put(key.clone(), track);
        answer
    }

    /// Begins an alarm that was open at `at`.
    pub fn resume(&mut self, key: &K, at: i64) {
        let mut track = self.take(key).unwrap_or_else(|| Track::new(at));
        track.alarmed = true;
        track.known = true;
        track.last = track.last.max(at);
        self.put(key.clone(), track);
    }

    pub fn forget(&mut self, key: &K) {
        self.take(key);
    }

    fn oldest(&self, alarmed: bool) -> Option<K> {
        let order = if alarmed { &self.alarmed } else { &self.quiet };
        order.first_key_value().map(|(_, key)| key.clone())
    }

    fn take(&mut self, key: &K) -> Option<Track> {
        let track = self.subjects.remove(key)?;
        if track.alarmed {
            self.alarmed.remove(&track.turn);
            self.unknown_alarms -= usize::from(!track.known);
        } else {
            self.quiet.remove(&track.turn);
        }
        Some(track)
    }

    fn put(&mut self, key: K, mut track: Track) {
        if self.order(track.alarmed).len() >= SUBJECTS
            && let Some(oldest) = self.oldest(track.alarmed)
        {
            self.forget(&oldest);
        }
        self.turns += 1;
        track.turn = self.turns;
        self.order(track.alarmed).insert(track.turn, key.clone());
        self.unknown_alarms += usize::from(track.alarmed && !track.known);
        self.subjects.insert(key, track);
    }

    fn order(&mut self, alarmed: bool) -> &mut BTreeMap<u64, K> {
        if alarmed { &mut self.alarmed } else { &mut self.quiet }
    }
}

impl Tracks<Arc<str>> {
    /// Takes out the account's failures from `network`, if they were tried with at least `needed` different
    /// passwords.
    pub fn take_from_network(&mut self, key: &Arc<str>, network: IpNet, needed: usize) -> Option<Vec<Trace>> {
        let track = self.subjects.get_mut(key)?;
        let is_from = |trace: &Trace| trace.address.is_some_and(|ip| client_network(ip) == network);
        let failures: Vec<_> = track.traces.iter().filter(|trace| is_from(trace)).cloned().collect();
        let passwords: BTreeSet<_> = failures.iter().map(|trace| trace.mark).collect();
        if passwords.len() < needed {
            return None;
        }
        track.traces.retain(|trace| !is_from(trace));
        Some(failures)
    }
}

impl Track {
    fn new(at: i64) -> Self {
        Self { traces: VecDeque::new(), alarmed: false, known: false, last: at, turn: 0 }
    }

    /// Adds a trace and drops what is too old or too much: of more failures than can be kept, one that has
    /// its like goes first, so that a stale password tried again and again does not push out the others.
    fn remember<D: Ord>(&mut self, trace: Trace, terms: &Terms, distinct: impl Fn(&Trace) -> D) {
        let now = trace.at;
        self.traces.retain(|old| old.at.abs_diff(now) <= terms.window);
        self.traces.push_back(trace);
        if self.traces.len() > TRACES {
            let mut times = BTreeMap::new();
            for old in &self.traces {
                *times.entry(distinct(old)).or_insert(0u32) += 1;
            }
            let oldest_of_several = self.traces.iter().position(|old| times[&distinct(old)] > 1);
            self.traces.remove(oldest_of_several.unwrap_or(0));
        }
    }

    fn count_distinct<D: Ord>(&self, distinct: impl Fn(&Trace) -> D) -> usize {
        self.traces.iter().map(distinct).collect::<BTreeSet<_>>().len()
    }
}
