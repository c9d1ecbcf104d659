//! The runs of a schedule in the order in which they start.
use chrono::{DateTime, Duration, Utc};

use super::{Calendar, jitter_offset};
use crate::ids::ScheduleId;

/// One run of a schedule. Ordered by its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// When it starts: the planned time and its offset.
    pub starts_at: DateTime<Utc>,
    /// When the calendar says.
    pub planned_at: DateTime<Utc>,
}

impl Occurrence {
    /// Later than everything that starts by `instant`.
    pub const fn by(instant: DateTime<Utc>) -> Self {
        Self { starts_at: instant, planned_at: DateTime::<Utc>::MAX_UTC }
    }
}

/// A calendar with the jitter of one schedule.
///
/// The jitter may be longer than the time between two planned times; then a run that is planned later may start
/// earlier. Runs are therefore found by their starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    calendar: Calendar,
    schedule: ScheduleId,
    jitter_minutes: u32,
}

impl Timetable {
    /// The runs of `schedule`, which start up to `jitter_minutes` after their planned times.
    pub const fn new(calendar: Calendar, schedule: ScheduleId, jitter_minutes: u32) -> Self {
        Self { calendar, schedule, jitter_minutes }
    }

    /// The calendar.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    fn occurrence(&self, planned_at: DateTime<Utc>) -> Occurrence {
        let offset = jitter_offset(self.schedule, planned_at, self.jitter_minutes);
        Occurrence { starts_at: planned_at + offset, planned_at }
    }

    fn longest_offset(&self) -> Duration {
        Duration::minutes(i64::from(self.jitter_minutes))
    }

    /// The first run after `last`, in the order of starts.
    pub fn next_after(&self, last: Occurrence) -> Option<Occurrence> {
        // What was planned a whole jitter before still starts at this instant.
        let mut planned = last.starts_at - self.longest_offset() - Duration::seconds(1);
        let mut first: Option<Occurrence> = None;
        while let Some(next) = self.calendar.next_after(planned) {
            // Nothing starts before it is planned.
            if first.is_some_and(|first| next > first.starts_at) {
                break;
            }
            let candidate = self.occurrence(next);
            if candidate > last && first.is_none_or(|first| candidate < first) {
                first = Some(candidate);
            }
            planned = next;
        }
        first
    }

    /// The last run that starts by `instant`.
    pub fn latest_by(&self, instant: DateTime<Utc>) -> Option<Occurrence> {
        // This one surely starts by then. What starts later is planned at most a jitter before its start.
        let mut latest = self.occurrence(self.calendar.latest_at(instant - self.longest_offset())?);
        let mut planned = latest.starts_at - self.longest_offset() - Duration::seconds(1);
        while let Some(next) = self.calendar.next_after(planned).filter(|next| *next <= instant) {
            let candidate = self.occurrence(next);
            if candidate.starts_at <= instant {
                latest = latest.max(candidate);
            }
            planned = next;
        }
        Some(latest)
    }

    /// The next `count` runs that start after `instant`.
    pub fn upcoming(&self, instant: DateTime<Utc>, count: usize) -> Vec<Occurrence> {
        std::iter::successors(self.next_after(Occurrence::by(instant)), |last| self.next_after(*last))
            .take(count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::calendar::Pattern;

    fn timetable(expression: &str, zone: Tz, id: u128, jitter_minutes: u32) -> Timetable {
        let calendar = Calendar::new(&Pattern::Cron(expression.to_owned()), zone).expect("is a calendar");
        Timetable::new(calendar, ScheduleId::from(Uuid::from_u128(id)), jitter_minutes)
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn without_jitter_runs_start_as_planned() {
        let table = timetable("30 2 * * *", Tz::Europe__Berlin, 1, 0);
        let runs = table.upcoming(at("2026-10-24T00:00:00Z"), 3);
        let starts: Vec<String> = runs.iter().map(|run| run.starts_at.to_rfc3339()).collect();
        // The clocks go back on the 25th: 02:30 happens twice and runs once, the first time.
        assert_eq!(starts, ["2026-10-24T00:30:00+00:00", "2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"]);
        assert!(runs.iter().all(|run| run.starts_at == run.planned_at));
        assert_eq!(table.latest_by(at("2026-10-25T00:30:00Z")), Some(runs[1]));
        assert_eq!(table.latest_by(at("2026-10-25T00:29:59Z")), Some(runs[0]));
    }

    #[test]
    fn a_run_planned_before_an_instant_may_start_after_it() {
        // Of a whole day of jitter, some schedule starts late.
        let late = (0..50)
            .map(|id| timetable("0 2 * * *", Tz::UTC, id, 1440))
            .find(|table| table.occurrence(at("2026-03-01T02:00:00Z")).starts_at > at("2026-03-01T20:00:00Z"))
            .expect("one of fifty");
        let next = late.next_after(Occurrence::by(at("2026-03-01T20:00:00Z"))).expect("runs");
        assert_eq!(next.planned_at, at("2026-03-01T02:00:00Z"));
    }

    proptest! {
        /// Against the plain definition: all planned times of a stretch with their offsets, sorted.
        #[test]
        fn runs_come_in_the_order_of_their_starts(
            id in any::<u128>(), jitter in 0_u32..=1440, every in 7_u32..60, start in 0_i64..400 * 86_400,
        ) {
            let table = timetable(&format!("*/{every} */3 * * *"), Tz::America__New_York, id, jitter);
            let from = DateTime::from_timestamp(1_770_000_000 + start, 0).expect("a time");
            let planned = table.calendar.upcoming(from - Duration::days(2), 700);
            let mut all: Vec<Occurrence> = planned.iter().map(|planned| table.occurrence(*planned)).collect();
            all.sort();
            let expected: Vec<Occurrence> = all.iter().copied().filter(|run| run.starts_at > from).take(20).collect();
            prop_assert_eq!(table.upcoming(from, 20), expected);
            let latest = all.iter().copied().filter(|run| run.starts_at <= from).max();
            prop_assert_eq!(table.latest_by(from), latest);
        }
    }
}
