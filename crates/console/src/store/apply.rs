//! Taking in what the service says: batches of events with the cursor, whole lists, and another course of the
//! log. Each in one transaction.

use std::collections::{BTreeMap, HashMap};

use mailcup_wire::{Address, Alert, Event, EventBody, EventId, LineageStep, Time, desktop::DataChanged};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    Result, Store, audit,
    index::{Additions, unseal},
    meta::{CURSOR, EVENTS, get, put},
    numbers::{Numbers, keep_other_words},
    policy,
    resources::{Lists, keep_account, keep_alert, keep_block},
    usage::{self, Tally},
};

const HOUR_MILLIS: i64 = 3_600_000;
/// Few enough that a transaction ends soon.
const PRUNED_AT_ONCE: usize = 2_000;

/// What a batch did.
#[derive(Debug, Clone)]
pub struct Applied {
    pub changed: DataChanged,
    /// Alerts that it opened or changed, in their last state.
    pub alerts: Vec<Alert>,
}

/// An unbroken run of the log, as far as we saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub epoch: String,
    pub first_seq: u64,
    pub last_seq: u64,
}

/// The last event that both courses of the log have; none if they share nothing.
pub fn common_point(ours: &[Span], lineage: &[LineageStep]) -> Option<EventId> {
    let mut common = None;
    for span in ours {
        let Some(place) = lineage.iter().position(|step| step.epoch.0 == span.epoch) else { break };
        let theirs_from = lineage[place].first_seq;
        let theirs_until = lineage.get(place + 1).map_or(u64::MAX, |next| next.first_seq);
        if span.first_seq < theirs_from || span.first_seq >= theirs_until {
            break;
        }
        let last = span.last_seq.min(theirs_until - 1);
        common = Some(EventId { epoch: span.epoch.as_str().into(), seq: last });
        if last < span.last_seq {
            break;
        }
    }
    common
}

impl Store {
    /// Takes in events that follow the cursor; those before it are known already. Events before `oldest` only
    /// move the cursor and bring their resources.
    pub async fn apply(&self, events: Vec<Event>, oldest: Time) -> Result<Option<Applied>> {
        self.write_indexed(move |writer, indexed| {
            let change = writer.transaction()?;
            let (applied, additions) = Batch::new(&change, oldest)?.take_in(&events)?;
            change.commit()?;
            indexed.change(|index| index.add(additions));
            Ok(applied)
        })
        .await
    }

    /// Takes in whole lists. What is newer here stays, unless all is to be replaced.
    pub async fn take_lists(&self, lists: Lists, replace: bool) -> Result<()> {
        self.write(move |writer| {
            let change = writer.transaction()?;
            if replace {
                change.execute_batch("DELETE FROM alerts; DELETE FROM blocks; DELETE FROM accounts;")?;
                if lists.policy.is_some() {
                    policy::forget_all(&change)?;
                }
            }
            for alert in &lists.alerts {
                keep_alert(&change, alert)?;
            }
            for block in &lists.blocks {
                keep_block(&change, block)?;
            }
            for account in &lists.accounts {
                keep_account(&change, account)?;
                usage::keep_usage(&change, account)?;
            }
            if let Some(state) = &lists.policy {
                policy::keep_state(&change, state)?;
            }
            if replace {
                usage::drop_strays(&change)?;
            }
            Ok(change.commit()?)
        })
        .await
    }

    /// Follows the service's course of the log: drops our events after the last common one, and says how many.
    pub async fn follow(&self, lineage: Vec<LineageStep>) -> Result<u32> {
        self.write_indexed(move |writer, indexed| {
            let change = writer.transaction()?;
            let common = common_point(&spans(&change)?, &lineage);
            let dropped = drop_after(&change, common.as_ref())?;
            change.commit()?;
            indexed.change(|index| index.remove(&dropped));
            Ok(u32::try_from(dropped.len()).unwrap_or(u32::MAX))
        })
        .await
    }

    /// Removes some of the events before `oldest`; answers whether there may be more.
    pub async fn prune(&self, oldest: Time) -> Result<bool> {
        self.write_indexed(move |writer, indexed| {
            let old =
                indexed.with(writer, |index| Ok(index.older_than(oldest.as_millis(), PRUNED_AT_ONCE)))?;
            let change = writer.transaction()?;
            if let (Some(first), Some(last)) = (old.first(), old.last()) {
                unseal(&change, *first, *last)?;
            }
            let concerned = usage::concerned(&change, &old)?;
            for seq in &old {
                delete_event(&change, *seq)?;
            }
            usage::refill(&change, &concerned, i64::MAX)?;
            change.execute(
                "DELETE FROM hours WHERE hour < ?1 AND last_seq < (SELECT min(seq) FROM events)",
                [hour_of(oldest.as_millis())],
            )?;
            count_less(&change, old.len())?;
            change.commit()?;
            indexed.change(|index| index.remove(&old));
            Ok(old.len() == PRUNED_AT_ONCE)
        })
        .await
    }
}

/// Parts of the names of actions that change what the service alone holds.
const OF_THE_SERVICE: [&str; 7] =
    ["settings", "organization", "admin", "invitation", "api_key", "session", "factor"];

struct Batch<'a> {
    change: &'a Transaction<'a>,
    oldest: Time,
    cursor: Option<EventId>,
    numbers: Numbers<'a>,
    epochs: HashMap<String, i64>,
    hours: BTreeMap<i64, (i64, i64)>,
    stored: u32,
    changed: DataChanged,
    alerts: BTreeMap<String, Alert>,
    tally: Tally,
}

impl<'a> Batch<'a> {
    fn new(change: &'a Transaction<'a>, oldest: Time) -> Result<Self> {
        Ok(Self {
            change,
            oldest,
            cursor: get(change, CURSOR)?,
            numbers: Numbers::new(change),
            epochs: HashMap::new(),
            hours: BTreeMap::new(),
            stored: 0,
            changed: DataChanged::default(),
            alerts: BTreeMap::new(),
            tally: Tally::new(change)?,
        })
    }

    fn take_in(mut self, events: &[Event]) -> Result<(Option<Applied>, Additions)> {
        let seen = self.cursor.as_ref().map_or(0, |cursor| cursor.seq);
        let mut moved = false;
        for event in events.iter().filter(|event| event.id.seq > seen) {
            self.take_resource(&event.body)?;
            self.see(&event.id)?;
            let is_kept = event.at >= self.oldest;
            if is_kept {
                self.keep(event)?;
            }
            self.tally.see(event, is_kept);
            moved = true;
        }
        let Some(head) = self.cursor.clone().filter(|_| moved) else {
            return Ok((None, Additions::default()));
        };
        self.finish(&head)?;
        self.changed.accounts |= std::mem::take(&mut self.tally).write(self.change, &self.numbers.logins)?;
        let applied = Applied { changed: self.changed, alerts: self.alerts.into_values().collect() };
        Ok((Some(applied), self.numbers.additions))
    }

    fn take_resource(&mut self, body: &EventBody) -> Result<()> {
        match body {
            EventBody::Alert(alert) => {
                if keep_alert(self.change, alert)? {
                    self.alerts.insert(alert.id.0.clone(), alert.clone());
                    self.changed.alerts = true;
                }
            }
            EventBody::Block(block) => self.changed.blocks |= keep_block(self.change, block)?,
            EventBody::Account(account) => {
                self.changed.accounts |= keep_account(self.change, account)?;
                if usage::keep_usage(self.change, account)? {
                    self.tally.forget(&account.login);
                }
            }
            EventBody::Admin(action) => {
                self.changed.settings |= OF_THE_SERVICE.iter().any(|part| action.action.contains(part));
            }
            EventBody::Policy(item) => self.changed.policy |= policy::keep_item(self.change, item)?,
            EventBody::SignIn(_) | EventBody::Submission(_) | EventBody::System(_) => {}
        }
        Ok(())
    }

    fn see(&mut self, id: &EventId) -> Result<()> {
        let epoch = &id.epoch.0;
        let seq = id.seq.cast_signed();
        if self.epochs.contains_key(epoch) {
            self.cursor = Some(id.clone());
            return Ok(());
        }
        let no = self
            .change
            .prepare_cached(
                "INSERT INTO epochs (epoch, first_seq, last_seq) VALUES (?1, ?2, ?2) \
                 ON CONFLICT (epoch) DO UPDATE SET last_seq = max(last_seq, ?2) RETURNING no",
            )?
            .query_row(params![epoch, seq], |row| row.get(0))?;
        // The one before ends with the last event seen in it.
        self.end_epoch()?;
        self.epochs.insert(epoch.clone(), no);
        self.cursor = Some(id.clone());
        Ok(())
    }

    fn end_epoch(&self) -> Result<()> {
        if let Some(cursor) = &self.cursor {
            self.change
                .prepare_cached("UPDATE epochs SET last_seq = max(last_seq, ?2) WHERE epoch = ?1")?
                .execute(params![cursor.epoch.0, cursor.seq.cast_signed()])?;
        }
        Ok(())
    }

    fn keep(&mut self, event: &Event) -> Result<()> {
        let seq = event.id.seq.cast_signed();
        let at = event.at.as_millis();
        let row = self.numbers.row(seq, at, &event.body)?;
        self.change
            .prepare_cached(
                "INSERT INTO events (seq, epoch, at, class, login, address, explanation, device) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                seq,
                self.epochs[&event.id.epoch.0],
                at,
                row.class,
                some(row.login),
                some(row.address),
                some(row.explanation),
                some(row.device)
            ])?;
        self.change
            .prepare_cached("INSERT INTO event_bodies (seq, body) VALUES (?1, ?2)")?
            .execute(params![seq, serde_json::to_string(&event.body)?])?;
        keep_other_words(self.change, seq, &event.body)?;
        if let EventBody::Submission(submission) = &event.body {
            self.change
                .prepare_cached("INSERT INTO submissions (seq, recipients) VALUES (?1, ?2)")?
                .execute(params![seq, submission.recipients])?;
        }
        self.numbers.additions.rows.push(row);
        let span = self.hours.entry(hour_of(at)).or_insert((seq, seq));
        *span = (span.0.min(seq), span.1.max(seq));
        self.stored += 1;
        self.changed.events = true;
        Ok(())
    }

    fn finish(&self, head: &EventId) -> Result<()> {
        self.end_epoch()?;
        for (hour, (first, last)) in &self.hours {
            self.change
                .prepare_cached(
                    "INSERT INTO hours (hour, first_seq, last_seq) VALUES (?1, ?2, ?3) ON CONFLICT (hour) \
                     DO UPDATE SET first_seq = min(first_seq, ?2), last_seq = max(last_seq, ?3)",
                )?
                .execute(params![hour, first, last])?;
        }
        let events: u32 = get(self.change, EVENTS)?.unwrap_or(0);
        put(self.change, EVENTS, &(events + self.stored))?;
        put(self.change, CURSOR, head)
    }
}

pub(super) fn hour_of(millis: i64) -> i64 {
    millis.div_euclid(HOUR_MILLIS)
}

/// As 16 bytes, IPv4 as mapped: in this form addresses sort by network.
pub(super) fn address_bytes(address: Address) -> [u8; 16] {
    match address.ip() {
        std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        std::net::IpAddr::V6(v6) => v6.octets(),
    }
}

/// An address from its 16 bytes.
pub(super) fn address_from(bytes: &[u8]) -> Option<Address> {
    let bytes: [u8; 16] = bytes.try_into().ok()?;
    Some(Address::from(std::net::IpAddr::from(bytes)))
}

fn spans(connection: &Connection) -> Result<Vec<Span>> {
    let mut statement =
        connection.prepare_cached("SELECT epoch, first_seq, last_seq FROM epochs ORDER BY first_seq")?;
    let spans = statement.query_map([], |row| {
        Ok(Span {
            epoch: row.get(0)?,
            first_seq: row.get::<_, i64>(1)?.cast_unsigned(),
            last_seq: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    })?;
    Ok(spans.collect::<rusqlite::Result<_>>()?)
}

/// Answers what it dropped, in order.
fn drop_after(change: &Connection, common: Option<&EventId>) -> Result<Vec<i64>> {
    let last = common.map_or(0, |id| id.seq.cast_signed());
    let doomed = change
        .prepare_cached("SELECT seq FROM events WHERE seq > ?1 ORDER BY seq")?
        .query_map([last], |row| row.get::<_, i64>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut concerned = usage::concerned(change, &doomed)?;
    concerned.append(&mut usage::seen_after(change, last)?);
    for seq in &doomed {
        delete_event(change, *seq)?;
    }
    usage::refill(change, &concerned, last)?;
    let common_at = change
        .prepare_cached("SELECT at FROM events WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([last], |row| row.get(0))
        .optional()?;
    audit::note_restored(change, common_at)?;
    change.execute("DELETE FROM epochs WHERE first_seq > ?1", [last])?;
    change.execute("UPDATE epochs SET last_seq = min(last_seq, ?1)", [last])?;
    change.execute("DELETE FROM hours WHERE first_seq > ?1", [last])?;
    change.execute("UPDATE hours SET last_seq = min(last_seq, ?1)", [last])?;
    match common {
        Some(id) => put(change, CURSOR, id)?,
        None => {
            change.execute("DELETE FROM meta WHERE name = ?1", [CURSOR])?;
        }
    }
    count_less(change, doomed.len())?;
    unseal(change, last.saturating_add(1), i64::MAX)?;
    Ok(doomed)
}

/// The database's way to say none.
pub(super) fn some(no: u32) -> Option<u32> {
    (no > 0).then_some(no)
}

fn delete_event(change: &Connection, seq: i64) -> Result<()> {
    let of_events =
        ["events WHERE seq", "event_bodies WHERE seq", "submissions WHERE seq", "event_words WHERE rowid"];
    for table in of_events {
        change.prepare_cached(&format!("DELETE FROM {table} = ?1"))?.execute([seq])?;
    }
    Ok(())
}

fn count_less(change: &Connection, fewer: usize) -> Result<()> {
    let events: u32 = get(change, EVENTS)?.unwrap_or(0);
    put(change, EVENTS, &events.saturating_sub(u32::try_from(fewer).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(of: &[(&str, u64, u64)]) -> Vec<Span> {
        of.iter()
            .map(|(epoch, first_seq, last_seq)| Span {
                epoch: (*epoch).to_owned(),
                first_seq: *first_seq,
                last_seq: *last_seq,
            })
            .collect()
    }

    fn lineage(of: &[(&str, u64)]) -> Vec<LineageStep> {
        of.iter()
            .map(|(epoch, first_seq)| LineageStep { epoch: (*epoch).into(), first_seq: *first_seq })
            .collect()
    }

    fn common(ours: &[(&str, u64, u64)], theirs: &[(&str, u64)]) -> Option<String> {
        common_point(&spans(ours), &lineage(theirs)).map(|id| id.to_string())
    }

    #[test]
    fn the_common_point_is_the_last_event_of_both_courses() {
        // The service went on where we are.
        assert_eq!(common(&[("a", 1, 80)], &[("a", 1), ("b", 101)]).as_deref(), Some("a:80"));
        // A copy of the time of a:50 was restored.
        assert_eq!(common(&[("a", 1, 80)], &[("a", 1), ("c", 51)]).as_deref(), Some("a:50"));
        // The copy is from before b, of which we saw events.
        assert_eq!(common(&[("a", 1, 80), ("b", 81, 90)], &[("a", 1), ("c", 51)]).as_deref(), Some("a:50"));
        assert_eq!(common(&[("a", 1, 80), ("b", 81, 90)], &[("a", 1), ("c", 81)]).as_deref(), Some("a:80"));
        // It is another service's log, or starts anew.
        assert_eq!(common(&[("a", 1, 80)], &[("x", 1)]), None);
        assert_eq!(common(&[], &[("x", 1)]), None);
        // We came late: older epochs are unknown to us.
        assert_eq!(common(&[("b", 90, 95)], &[("a", 1), ("b", 81), ("c", 93)]).as_deref(), Some("b:92"));
    }
}
