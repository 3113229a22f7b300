//! Pages, counts, groups and courses in time of events under a filter.

use std::collections::BTreeMap;

use ipnet::IpNet;
use mailcup_wire::{
    Address, Event, EventBody, EventId, Network, OutcomeFilter, Time,
    desktop::{
        Completion, CompletionField, CompletionQuery, Count, EventList, EventQuery, Filter, Group, GroupBy,
        GroupList, GroupOrder, GroupQuery, Timeline, TimelinePoint, TimelineQuery,
    },
};
use rusqlite::{OptionalExtension as _, Row};

use super::{
    Readers, Result,
    class::{Class, address_of, login_of},
    passes::passes,
};

const LARGEST_PAGE: u32 = 500;
const MOST_STEPS: u32 = 200;
const MOST_COMPLETIONS: u32 = 50;
const HOUR_MILLIS: i64 = 3_600_000;
const STEPS_SECONDS: [u32; 13] =
    [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 64_800, 86_400];

impl Readers {
    /// A page of events, newest first.
    pub async fn events(&self, query: EventQuery, now: Time) -> Result<EventList> {
        let before = query.before.map_or(u64::MAX, |id| id.seq);
        let after = query.after.map_or(0, |id| id.seq);
        let mut events = self.passing(query.filter, now).await?;
        events.retain(|event| event.id.seq < before && event.id.seq > after);
        Ok(page(events, 0, query.limit))
    }

    /// Events from the place `offset`, counted from the newest.
    pub async fn events_at(&self, filter: Filter, offset: u32, limit: u32, now: Time) -> Result<EventList> {
        Ok(page(self.passing(filter, now).await?, offset, limit))
    }

    /// How many events that pass are newer than this one.
    pub async fn event_position(&self, filter: Filter, id: EventId, now: Time) -> Result<u32> {
        let events = self.passing(filter, now).await?;
        Ok(number(events.iter().filter(|event| event.id.seq > id.seq).count()))
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
        let events = number(self.passing(filter, now).await?.len());
        let limit = at_most.unwrap_or(u32::MAX);
        Ok(Count { events: events.min(limit), exact: events <= limit })
    }

    pub async fn event_groups(&self, query: GroupQuery, now: Time) -> Result<GroupList> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for event in self.passing(query.filter, now).await? {
            let Some(key) = group_key(&event, query.by) else { continue };
            let empty = || Group {
                key: key.clone(),
                events: 0,
                allowed: 0,
                failed: 0,
                refused: 0,
                first_at: event.at,
                last_at: event.at,
            };
            let group = groups.entry(key.clone()).or_insert_with(empty);
            group.events += 1;
            count_outcome(&event.body, [&mut group.allowed, &mut group.failed, &mut group.refused]);
            group.first_at = group.first_at.min(event.at);
            group.last_at = group.last_at.max(event.at);
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        match query.order {
            GroupOrder::Newest => groups.sort_by_key(|group| std::cmp::Reverse(group.last_at)),
            GroupOrder::Most => groups.sort_by_key(|group| std::cmp::Reverse(group.events)),
            GroupOrder::Refused => groups.sort_by_key(|group| std::cmp::Reverse(group.refused)),
        }
        let limit = query.limit.clamp(1, LARGEST_PAGE) as usize;
        let rest = groups.into_iter().skip(query.offset as usize);
        let mut groups: Vec<Group> = rest.take(limit + 1).collect();
        let more = groups.len() > limit;
        groups.truncate(limit);
        Ok(GroupList { groups, more })
    }

    pub async fn event_timeline(&self, query: TimelineQuery, now: Time) -> Result<Timeline> {
        let (from, until) = (query.from.as_millis(), query.until.as_millis());
        let step_seconds = step_seconds(from, until, query.buckets);
        let step = i64::from(step_seconds) * 1_000;
        let mut points = BTreeMap::new();
        for event in self.passing(query.filter, now).await? {
            let at = event.at.as_millis();
            let Some(protocol) = Class::of(&event.body).protocol.filter(|_| at >= from && at < until) else {
                continue;
            };
            let begins = at.div_euclid(step) * step;
            let empty = || TimelinePoint {
                at: Time::from_millis(begins),
                protocol,
                allowed: 0,
                failed: 0,
                refused: 0,
            };
            let point = points.entry((begins, protocol)).or_insert_with(empty);
            count_outcome(&event.body, [&mut point.allowed, &mut point.failed, &mut point.refused]);
        }
        let points =
            points.into_values().filter(|point| point.allowed + point.failed + point.refused > 0).collect();
        Ok(Timeline { from: Time::from_millis(from.div_euclid(step) * step), step_seconds, points })
    }

    /// Values that hold `text`, the most frequent first.
    pub async fn complete(&self, query: CompletionQuery) -> Result<Vec<Completion>> {
        let wanted = query.text.trim().to_lowercase();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for event in self.passing(Filter::default(), Time::from_millis(0)).await? {
            let value = match query.field {
                CompletionField::Account => login_of(&event.body).map(|login| login.0.clone()),
                CompletionField::Domain => login_of(&event.body)
                    .and_then(|login| login.0.rsplit_once('@').map(|(_, domain)| domain.to_owned())),
                CompletionField::Network => {
                    address_of(&event.body).map(|address| network_around(address).to_string())
                }
                CompletionField::Device => match event.body {
                    EventBody::SignIn(sign_in) => sign_in.client,
                    _ => None,
                },
            };
            if let Some(value) = value.filter(|value| value.to_lowercase().contains(&wanted)) {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut found: Vec<Completion> =
            counts.into_iter().map(|(value, events)| Completion { value, events }).collect();
        found.sort_by_key(|completion| std::cmp::Reverse(completion.events));
        found.truncate(query.limit.min(MOST_COMPLETIONS) as usize);
        Ok(found)
    }

    async fn passing(&self, filter: Filter, now: Time) -> Result<Vec<Event>> {
        self.run(move |reader| {
            let mut statement = reader.prepare_cached(
                "SELECT events.seq, at, epochs.epoch, body FROM events JOIN event_bodies USING (seq) \
                 JOIN epochs ON epochs.no = events.epoch ORDER BY events.seq DESC",
            )?;
            let mut events = Vec::new();
            for row in statement.query_map([], stored_event)? {
                let event = row?.read()?;
                if passes(&event, &filter, now) {
                    events.push(event);
                }
            }
            Ok(events)
        })
        .await
    }
}

fn page(events: Vec<Event>, offset: u32, limit: u32) -> EventList {
    let limit = limit.clamp(1, LARGEST_PAGE) as usize;
    let mut events: Vec<Event> = events.into_iter().skip(offset as usize).take(limit + 1).collect();
    let more = events.len() > limit;
    events.truncate(limit);
    EventList { events, more }
}

fn group_key(event: &Event, by: GroupBy) -> Option<String> {
    match by {
        GroupBy::Account => login_of(&event.body).map(|login| login.0.clone()),
        GroupBy::Network => address_of(&event.body).map(|address| network_around(address).to_string()),
        GroupBy::Hour => {
            let hour = event.at.as_millis().div_euclid(HOUR_MILLIS) * HOUR_MILLIS;
            Some(Time::from_millis(hour).to_string())
        }
    }
}

fn network_around(address: Address) -> Network {
    let prefix = if address.ip().is_ipv4() { 24 } else { 64 };
    IpNet::new_assert(address.ip(), prefix).into()
}

fn count_outcome(body: &EventBody, [allowed, failed, refused]: [&mut u32; 3]) {
    match Class::of(body).outcome {
        Some(OutcomeFilter::Allowed) => *allowed += 1,
        Some(OutcomeFilter::Failed) => *failed += 1,
        Some(OutcomeFilter::Refused) => *refused += 1,
        Some(OutcomeFilter::Challenged | OutcomeFilter::Abandoned) | None => {}
    }
}

fn step_seconds(from: i64, until: i64, buckets: u32) -> u32 {
    let wanted = until.saturating_sub(from).max(0) / 1_000 / i64::from(buckets.clamp(1, MOST_STEPS));
    STEPS_SECONDS.into_iter().find(|step| i64::from(*step) >= wanted).unwrap_or(86_400)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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

fn stored_event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent { seq: row.get(0)?, at: row.get(1)?, epoch: row.get(2)?, body: row.get(3)? })
}
