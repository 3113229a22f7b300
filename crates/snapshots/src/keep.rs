//! Which snapshots are kept.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::id::SnapshotId;
use crate::snapshot::Snapshot;

/// How many snapshots are kept: the newest of each of the last so many days, weeks, months and years that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepRules {
    pub daily: u32,
    /// Of ISO 8601: from Monday on.
    pub weekly: u32,
    pub monthly: u32,
    pub yearly: u32,
}

impl KeepRules {
    /// Those that no rule keeps, days counted in this zone. The newest of all is always kept.
    pub fn forgettable(&self, snapshots: &[Snapshot], zone: &TimeZone) -> Vec<SnapshotId> {
        let mut newest_first: Vec<(Date, &Snapshot)> =
            snapshots.iter().map(|snapshot| (zone.to_datetime(snapshot.time).date(), snapshot)).collect();
        newest_first.sort_by_key(|(_, snapshot)| std::cmp::Reverse((snapshot.time, snapshot.id)));
        let mut kept: BTreeSet<SnapshotId> =
            newest_first.first().map(|(_, newest)| newest.id).into_iter().collect();
        let mut keep = |count: u32, period: fn(Date) -> (i16, i8)| {
            let mut seen = BTreeSet::new();
            for (date, snapshot) in &newest_first {
                if seen.len() < count as usize && seen.insert(period(*date)) {
                    kept.insert(snapshot.id);
                }
            }
        };
        keep(self.weekly, |date| {
            let week = date.iso_week_date();
            (week.year(), week.week())
        });
        keep(self.monthly, |date| (date.year(), date.month()));
        keep(self.yearly, |date| (date.year(), 0));
        let mut days = BTreeSet::new();
        for (date, snapshot) in &newest_first {
            if days.len() < self.daily as usize && days.insert(*date) {
                kept.insert(snapshot.id);
            }
        }
        snapshots.iter().map(|snapshot| snapshot.id).filter(|id| !kept.contains(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::id::Id;

    fn snapshots(hours: &[u32]) -> Vec<Snapshot> {
        let at = |(number, hour): (usize, &u32)| Snapshot {
            id: SnapshotId(Id::of(&number.to_le_bytes())),
            time: Timestamp::from_second(1_600_000_000 + i64::from(*hour) * 3600).unwrap(),
            host: String::new(),
            tags: Vec::new(),
            paths: Vec::new(),
            summary: None,
            tree: Id([0; 32]),
        };
        hours.iter().enumerate().map(at).collect()
    }

    fn kept(rules: KeepRules, all: &[Snapshot]) -> Vec<Snapshot> {
        let forgotten = rules.forgettable(all, &TimeZone::UTC);
        all.iter().filter(|snapshot| !forgotten.contains(&snapshot.id)).cloned().collect()
    }

    #[test]
    fn a_month_of_days_leaves_a_week_of_them_and_the_last_of_each_week() {
        let days: Vec<u32> = (0..30).map(|day| day * 24).collect();
        let rules = KeepRules { daily: 7, weekly: 3, monthly: 1, yearly: 1 };
        let days: Vec<String> = kept(rules, &snapshots(&days))
            .iter()
            .map(|snapshot| TimeZone::UTC.to_datetime(snapshot.time).date().to_string())
            .collect();
        // 2020-10-04 is a Sunday.
        assert_eq!(
            days,
            [
                "2020-10-04",
                "2020-10-06",
                "2020-10-07",
                "2020-10-08",
                "2020-10-09",
                "2020-10-10",
                "2020-10-11",
                "2020-10-12"
            ]
        );
    }

    proptest! {
        #[test]
        fn rules_keep_the_newest_and_never_more_than_they_say(
            hours in prop::collection::vec(0_u32..50_000, 0..60),
            daily in 0_u32..10, weekly in 0_u32..6, monthly in 0_u32..6, yearly in 0_u32..4,
        ) {
            let rules = KeepRules { daily, weekly, monthly, yearly };
            let all = snapshots(&hours);
            let kept = kept(rules, &all);
            prop_assert_eq!(kept.iter().map(|one| one.time).max(), all.iter().map(|one| one.time).max());
            prop_assert!(kept.len() <= 1.max((daily + weekly + monthly + yearly) as usize));
            // The newest of each of the last days that have one.
            let day = |one: &Snapshot| TimeZone::UTC.to_datetime(one.time).date();
            let days: BTreeSet<Date> = all.iter().map(day).collect();
            for date in days.iter().rev().take(daily as usize) {
                let newest = all.iter().filter(|one| day(one) == *date).map(|one| one.time).max();
                prop_assert!(kept.iter().any(|one| Some(one.time) == newest));
            }
            // What is kept is kept again: forgetting twice forgets nothing more.
            prop_assert!(rules.forgettable(&kept, &TimeZone::UTC).is_empty());
        }
    }
}
