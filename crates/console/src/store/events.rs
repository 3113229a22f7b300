//! Pages, counts, groups and courses in time of events under a filter.

use std::{cmp::Reverse, collections::BTreeMap, ops::ControlFlow};

use mailcup_wire::{
    Event, EventId, OutcomeFilter, Time,
    desktop::{
        Completion, CompletionField, CompletionQuery, Count, EventList, EventQuery, Filter, Group, GroupBy,
        GroupList, GroupOrder, GroupQuery, Timeline, TimelinePoint, TimelineQuery,
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row as Stored};

use super::{
    Readers, Result,
    class::{Class, protocol_number, protocol_of},
    index::{Index, Row},
    sieve::Sieve,
};

const LARGEST_PAGE: u32 = 500;
const MOST_STEPS: u32 = 200;
const MOST_COMPLETIONS: u32 = 50;
const HOUR_MILLIS: i64 = 3_600_000;
const STEPS_SECONDS: [u32; 13] =
    [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400];

impl Readers {
    /// A page of events, newest first.
    pub async fn events(&self, query: EventQuery, now: Time) -> Result<EventList> {
        let before = query.before.map_or(i64::MAX, |id| number(id.seq));
        let after = query.after.map_or(i64::MIN, |id| number(id.seq));
        self.run_indexed(move |reader, index| {
            let sieve = Sieve::new(reader, index, &query.filter, now)?;
            let limit = page_size(query.limit);
            let mut seqs = Vec::with_capacity(limit + 1);
            index.walk(&sieve, after, before, |row| {
                seqs.push(row.seq);
                if seqs.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            page(reader, &seqs, limit)
        })
        .await
    }

    /// Events from the place `offset`, counted from the newest.
    pub async fn events_at(&self, filter: Filter, offset: u32, limit: u32, now: Time) -> Result<EventList> {
        self.run_indexed(move |reader, index| {
            let sieve = Sieve::new(reader, index, &filter, now)?;
            let (offset, limit) = (offset as usize, page_size(limit));
            if sieve.is_open() {
                return page(reader, &index.seqs_at(offset, limit + 1), limit);
            }
            let (mut passed, mut seqs) = (0, Vec::with_capacity(limit + 1));
            index.walk(&sieve, i64::MIN, i64::MAX, |row| {
                if passed >= offset {
                    seqs.push(row.seq);
                }
                passed += 1;
                if seqs.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            page(reader, &seqs, limit)
        })
        .await
    }

    /// How many events that pass are newer than this one.
    pub async fn event_position(&self, filter: Filter, id: EventId, now: Time) -> Result<u32> {
        self.run_indexed(move |reader, index| {
            let sieve = Sieve::new(reader, index, &filter, now)?;
            Ok(count(index, &sieve, number(id.seq), u32::MAX))
        })
        .await
    }

    pub async fn event(&self, id: EventId) -> Result<Option<Event>> {
        self.run(move |reader| {
            let event = reader
                .prepare_cached(
                    "SELECT events.seq, at, epochs.epoch, body FROM events JOIN event_bodies USING (seq) \
                     JOIN epochs ON epochs.no = events.epoch WHERE events.seq = ?1 AND epochs.epoch = ?2",
                )?
                .query_row((i64::try_from(id.seq).unwrap_or(-1), &id.epoch.0), stored_event)
                .optional()?;
            event.map(StoredEvent::read).transpose()
        })
        .await
    }

    /// Stops at `at_most`; without it the count is exact.
    pub async fn count_events(&self, filter: Filter, at_most: Option<u32>, now: Time) -> Result<Count> {
        self.run_indexed(move |reader, index| {
            let sieve = Sieve::new(reader, index, &filter, now)?;
            let limit = at_most.unwrap_or(u32::MAX);
            let events = if sieve.is_open() {
                index.events()
            } else {
                count(index, &sieve, i64::MIN, limit.saturating_add(1))
            };
            Ok(Count { events: events.min(limit), exact: events <= limit })
        })
        .await
    }

    pub async fn event_groups(&self, query: GroupQuery, now: Time) -> Result<GroupList> {
        self.run_indexed(move |reader, index| {
            let sieve = Sieve::new(reader, index, &query.filter, now)?;
            let mut groups = grouped(index, &sieve, query.by);
            match query.order {
                GroupOrder::Newest => groups.sort_by_key(|(_, group)| Reverse(group.last)),
                GroupOrder::Most => groups.sort_by_key(|(_, group)| Reverse((group.events, group.last))),
                GroupOrder::Refused => groups.sort_by_key(|(_, group)| Reverse((group.refused, group.last))),
            }
            let limit = page_size(query.limit);
            let rest = groups.into_iter().skip(query.offset as usize).take(limit + 1);
            let mut groups: Vec<Group> =
                rest.map(|(key, group)| group.named(name_of_group(index, query.by, key))).collect();
            let more = groups.len() > limit;
            groups.truncate(limit);
            Ok(GroupList { groups, more })
        })
        .await
    }

    pub async fn event_timeline(&self, query: TimelineQuery, now: Time) -> Result<Timeline> {
        self.run_indexed(move |reader, index| {
            let (from, until) = (query.from.as_millis(), query.until.as_millis());
            let step_seconds = step_seconds(from, until, query.buckets);
            let step = i64::from(step_seconds) * 1_000;
            let mut sieve = Sieve::new(reader, index, &query.filter, now)?;
            sieve.from = sieve.from.max(from);
            sieve.until = sieve.until.min(until);
            let points = points(index, &sieve, step);
            let from = Time::from_millis(from.div_euclid(step) * step);
            Ok(Timeline { from, step_seconds, points })
        })
        .await
    }

    /// Values that hold `text`, the most frequent first.
    pub async fn complete(&self, query: CompletionQuery) -> Result<Vec<Completion>> {
        self.run_indexed(move |reader, index| {
            let everything = Sieve::new(reader, index, &Filter::default(), Time::from_millis(0))?;
            let mut counts: Vec<u32> = Vec::new();
            index.walk(&everything, i64::MIN, i64::MAX, |row| {
                let place = match query.field {
                    CompletionField::Account => row.login as usize,
                    CompletionField::Domain => number_in(&index.domain_of, row.login),
                    CompletionField::Network => number_in(&index.network_of, row.address),
                    CompletionField::Device => row.device as usize,
                };
                if counts.len() <= place {
                    counts.resize(place + 1, 0);
                }
                counts[place] += 1;
                ControlFlow::Continue(())
            });
            let wanted = query.text.trim().to_lowercase();
            let mut found: BTreeMap<String, u32> = BTreeMap::new();
            for (no, events) in counts.into_iter().enumerate().skip(1).filter(|(_, events)| *events > 0) {
                let value = match query.field {
                    CompletionField::Account => index.logins.get(no).to_owned(),
                    CompletionField::Domain => index.domains.get(no).to_owned(),
                    CompletionField::Network => network_name(index, no),
                    CompletionField::Device => index.clients.get(no).to_owned(),
                };
                if !value.is_empty() && value.to_lowercase().contains(&wanted) {
                    *found.entry(value).or_default() += events;
                }
            }
            let mut found: Vec<Completion> =
                found.into_iter().map(|(value, events)| Completion { value, events }).collect();
            found.sort_by_key(|completion| Reverse(completion.events));
            found.truncate(query.limit.min(MOST_COMPLETIONS) as usize);
            Ok(found)
        })
        .await
    }
}

#[derive(Default, Clone, Copy)]
struct Sum {
    events: u32,
    allowed: u32,
    failed: u32,
    refused: u32,
    first: i64,
    last: i64,
}

impl Sum {
    fn add(&mut self, outcome: Option<OutcomeFilter>, at: i64) {
        if self.events == 0 {
            (self.first, self.last) = (at, at);
        }
        self.events += 1;
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        match outcome {
            Some(OutcomeFilter::Allowed) => self.allowed += 1,
            Some(OutcomeFilter::Failed) => self.failed += 1,
            Some(OutcomeFilter::Refused) => self.refused += 1,
            Some(OutcomeFilter::Challenged | OutcomeFilter::Abandoned) | None => {}
        }
    }

    fn named(self, key: String) -> Group {
        Group {
            key,
            events: self.events,
            allowed: self.allowed,
            failed: self.failed,
            refused: self.refused,
            first_at: Time::from_millis(self.first),
            last_at: Time::from_millis(self.last),
        }
    }
}

/// Sums for each step of time. Events mostly come in order, so that one rarely looks for another step.
struct Steps<const SUMS: usize> {
    millis: i64,
    now: (i64, [Sum; SUMS]),
    others: BTreeMap<i64, [Sum; SUMS]>,
}

impl<const SUMS: usize> Steps<SUMS> {
    fn new(millis: i64) -> Self {
        Self { millis, now: (i64::MIN, [Sum::default(); SUMS]), others: BTreeMap::new() }
    }

    fn at(&mut self, at: i64) -> &mut [Sum; SUMS] {
        let step = at.div_euclid(self.millis);
        if step != self.now.0 {
            let next = self.others.remove(&step).unwrap_or([Sum::default(); SUMS]);
            let (last, sums) = std::mem::replace(&mut self.now, (step, next));
            self.others.insert(last, sums);
        }
        &mut self.now.1
    }

    /// In order of time; only steps in which something happened.
    fn sums(mut self) -> impl Iterator<Item = (i64, [Sum; SUMS])> {
        self.others.insert(self.now.0, self.now.1);
        self.others.into_iter().filter(|(_, sums)| sums.iter().any(|sum| sum.events > 0))
    }
}

fn points(index: &Index, sieve: &Sieve, step: i64) -> Vec<TimelinePoint> {
    const NUMBERS: usize = 16;
    let classes = classes();
    let mut steps = Steps::<NUMBERS>::new(step);
    index.walk(sieve, i64::MIN, i64::MAX, |row| {
        let class = classes.get(usize::from(row.class)).copied().flatten();
        if let Some((protocol, outcome)) = class.and_then(|class| class.protocol.zip(class.outcome)) {
            let place = usize::try_from(protocol_number(protocol)).unwrap_or_default() % NUMBERS;
            steps.at(row.at)[place].add(Some(outcome), row.at);
        }
        ControlFlow::Continue(())
    });
    let mut points = Vec::new();
    for (at, sums) in steps.sums() {
        for (number, sum) in (0..).zip(sums) {
            let Some(protocol) = protocol_of(number) else { continue };
            if sum.allowed + sum.failed + sum.refused > 0 {
                points.push(TimelinePoint {
                    at: Time::from_millis(at * step),
                    protocol,
                    allowed: sum.allowed,
                    failed: sum.failed,
                    refused: sum.refused,
                });
            }
        }
    }
    points
}

/// Sums by number, or by the hour since 1970; what belongs to no group is left out.
fn grouped(index: &Index, sieve: &Sieve, by: GroupBy) -> Vec<(i64, Sum)> {
    let classes = classes();
    let outcome = |row: &Row| classes.get(usize::from(row.class)).copied().flatten()?.outcome;
    if by == GroupBy::Hour {
        let mut hours = Steps::<1>::new(HOUR_MILLIS);
        index.walk(sieve, i64::MIN, i64::MAX, |row| {
            hours.at(row.at)[0].add(outcome(&row), row.at);
            ControlFlow::Continue(())
        });
        return hours.sums().map(|(hour, [sum])| (hour, sum)).collect();
    }
    let mut sums: Vec<Sum> = Vec::new();
    index.walk(sieve, i64::MIN, i64::MAX, |row| {
        let place = match by {
            GroupBy::Network => number_in(&index.network_of, row.address),
            GroupBy::Account | GroupBy::Hour => row.login as usize,
        };
        if sums.len() <= place {
            sums.resize(place + 1, Sum::default());
        }
        sums[place].add(outcome(&row), row.at);
        ControlFlow::Continue(())
    });
    let named = (0_i64..).zip(sums).skip(1);
    named.filter(|(_, sum)| sum.events > 0).collect()
}

fn name_of_group(index: &Index, by: GroupBy, key: i64) -> String {
    let no = usize::try_from(key).unwrap_or_default();
    match by {
        GroupBy::Account => index.logins.get(no).to_owned(),
        GroupBy::Network => network_name(index, no),
        GroupBy::Hour => Time::from_millis(key * HOUR_MILLIS).to_string(),
    }
}

fn network_name(index: &Index, no: usize) -> String {
    index.networks.get(no).copied().flatten().map(|network| network.to_string()).unwrap_or_default()
}

/// Classes by their numbers.
pub(super) fn classes() -> Vec<Option<Class>> {
    (0..1 << 11).map(Class::numbered).collect()
}

fn number_in(numbers: &[u32], no: u32) -> usize {
    numbers.get(no as usize).copied().unwrap_or_default() as usize
}

/// Counts those after a number, at most so many.
fn count(index: &Index, sieve: &Sieve, after: i64, at_most: u32) -> u32 {
    let mut events = 0_u32;
    index.walk(sieve, after, i64::MAX, |_| {
        events += 1;
        if events >= at_most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    events
}

fn page_size(limit: u32) -> usize {
    limit.clamp(1, LARGEST_PAGE) as usize
}

fn page(reader: &Connection, seqs: &[i64], limit: usize) -> Result<EventList> {
    let mut statement = reader.prepare_cached(
        "SELECT events.seq, at, epochs.epoch, body FROM events JOIN event_bodies USING (seq) \
         JOIN epochs ON epochs.no = events.epoch WHERE events.seq = ?1",
    )?;
    let mut events = Vec::with_capacity(limit.min(seqs.len()));
    for seq in seqs.iter().take(limit) {
        // One that was removed a moment ago is passed over.
        if let Some(event) = statement.query_row([seq], stored_event).optional()? {
            events.push(event.read()?);
        }
    }
    Ok(EventList { events, more: seqs.len() > limit })
}

fn step_seconds(from: i64, until: i64, buckets: u32) -> u32 {
    let span = until.saturating_sub(from).max(0);
    let buckets = 1_000 * i64::from(buckets.clamp(1, MOST_STEPS));
    let wanted = span.saturating_add(buckets - 1) / buckets;
    STEPS_SECONDS.into_iter().find(|step| i64::from(*step) >= wanted).unwrap_or(86_400)
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

struct StoredEvent {
    seq: i64,
    at: i64,
    epoch: String,
    body: String,
}

impl StoredEvent {
    fn read(self) -> Result<Event> {
        let id = EventId { epoch: self.epoch.into(), seq: self.seq.cast_unsigned() };
        Ok(Event { id, at: Time::from_millis(self.at), body: serde_json::from_str(&self.body)? })
    }
}

fn stored_event(row: &Stored<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent { seq: row.get(0)?, at: row.get(1)?, epoch: row.get(2)?, body: row.get(3)? })
}
