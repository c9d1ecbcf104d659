//! When schedules run and blackout windows hold: five-field expressions, the simpler types and weekly windows, in IANA
//! time zones (product 7.5, 7.6).
//!
//! A local time that a zone skips runs at the first instant after the gap; one that a zone repeats runs once, the
//! first time. Jitter is a function of the schedule and the planned time, so everybody computes the same start.
mod cron;
mod timetable;
mod window;

use chrono::{
    DateTime, Datelike as _, Duration, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _,
    Timelike as _, Utc,
};
use chrono_tz::Tz;
use sha2::{Digest as _, Sha256};

pub use cron::{BadCron, Cron};
pub use timetable::{Occurrence, Timetable};
pub use window::{LONGEST_MINUTES, Span, Window};

use crate::ids::ScheduleId;

/// An expression that does not occur within so many days never does: the longest wait is for a 29 February.
const HORIZON_DAYS: i64 = 8 * 366 + 31;
/// No zone turns its clocks back by more.
const LONGEST_OVERLAP_HOURS: i64 = 26;
/// No zone skips more: a whole day, at the date line.
const LONGEST_GAP_MINUTES: i64 = 26 * 60;

/// The types of schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every hour at this minute.
    Hourly {
        /// 0–59
        minute: u32,
    },
    /// Every day.
    Daily {
        /// 0–23
        hour: u32,
        /// 0–59
        minute: u32,
    },
    /// Every week.
    Weekly {
        /// 0–6, 0 = Sunday
        weekday: u32,
        /// 0–23
        hour: u32,
        /// 0–59
        minute: u32,
    },
    /// Every month that has this day.
    Monthly {
        /// 1–31
        day: u32,
        /// 0–23
        hour: u32,
        /// 0–59
        minute: u32,
    },
    /// Five fields.
    Cron(String),
}

impl Pattern {
    /// The expression that means the same.
    pub fn expression(&self) -> String {
        match self {
            Self::Hourly { minute } => format!("{minute} * * * *"),
            Self::Daily { hour, minute } => format!("{minute} {hour} * * *"),
            Self::Weekly { weekday, hour, minute } => format!("{minute} {hour} * * {weekday}"),
            Self::Monthly { day, hour, minute } => format!("{minute} {hour} {day} * *"),
            Self::Cron(text) => text.clone(),
        }
    }
}

/// The name is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; write a name such as Europe/Berlin or UTC")]
pub struct UnknownZone(pub String);

/// Universal time as a zone.
pub const UTC: Tz = Tz::UTC;

/// Reads an IANA name.
pub fn zone(name: &str) -> Result<Tz, UnknownZone> {
    name.parse().map_err(|_| UnknownZone(name.to_owned()))
}

/// The names of all zones that this build knows, in order.
pub fn zone_names() -> impl Iterator<Item = &'static str> {
    chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
}

/// An expression in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    cron: Cron,
    zone: Tz,
}

impl Calendar {
    /// `pattern` in `zone`. Refuses what never occurs, such as 30 February.
    pub fn new(pattern: &Pattern, zone: Tz) -> Result<Self, BadCron> {
        let expression = pattern.expression();
        let calendar = Self { cron: Cron::parse(&expression)?, zone };
        let start = DateTime::from_timestamp(0, 0).unwrap_or_default();
        if calendar.next_after(start).is_none() { Err(BadCron::never(&expression)) } else { Ok(calendar) }
    }

    /// Five fields in UTC.
    pub fn utc(expression: &str) -> Result<Self, BadCron> {
        Self::new(&Pattern::Cron(expression.to_owned()), Tz::UTC)
    }

    /// The expression.
    pub const fn cron(&self) -> &Cron {
        &self.cron
    }

    /// The zone.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The first occurrence after `instant`.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = instant.with_timezone(&self.zone).naive_local();
        let mut date = from.date();
        let last = date.checked_add_signed(Duration::days(HORIZON_DAYS))?;
        while date <= last {
            if self.cron.matches_date(date) {
                for time in self.cron.times().filter(|time| date > from.date() || *time >= floor_minute(from.time())) {
                    let at = self.instant_of(date.and_time(time))?;
                    if at > instant {
                        return Some(at);
                    }
                }
            }
            date = date.succ_opt()?;
        }
        None
    }

    /// The last occurrence at or before `instant`.
    pub fn latest_at(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A later local time may be an earlier instant while a zone repeats an hour.
        let from = instant.with_timezone(&self.zone).naive_local() + Duration::hours(LONGEST_OVERLAP_HOURS);
        let mut date = from.date();
        let first = date.checked_sub_signed(Duration::days(HORIZON_DAYS))?;
        while date >= first {
            if self.cron.matches_date(date) {
                let times: Vec<NaiveTime> = self.cron.times().collect();
                for time in times.into_iter().rev() {
                    if let Some(at) = self.instant_of(date.and_time(time))
                        && at <= instant
                    {
                        return Some(at);
                    }
                }
            }
            date = date.pred_opt()?;
        }
        None
    }

    /// The next `count` occurrences after `instant`.
    pub fn upcoming(&self, instant: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(instant), |at| self.next_after(*at)).take(count).collect()
    }

    /// The instant at which a local time runs.
    fn instant_of(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        first_instant(self.zone, local)
    }

    /// What it means, in words.
    pub fn in_words(&self) -> String {
        format!("{} ({})", self.cron.in_words(), self.zone.name())
    }
}

/// The first instant at which the clocks of `zone` show `local`, or the first one after the gap that it lies in.
fn first_instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    shown(zone, local).and_then(MappedLocalTime::earliest)
}

/// The last instant at which the clocks of `zone` show `local`, or the first one after the gap that it lies in.
fn last_instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    shown(zone, local).and_then(MappedLocalTime::latest)
}

fn shown(zone: Tz, local: NaiveDateTime) -> Option<MappedLocalTime<DateTime<Utc>>> {
    (0..=LONGEST_GAP_MINUTES)
        .map(|minutes| zone.from_local_datetime(&(local + Duration::minutes(minutes))))
        .find(|shown| shown.earliest().is_some())
        .map(|shown| shown.map(|at| at.with_timezone(&Utc)))
}

fn floor_minute(time: NaiveTime) -> NaiveTime {
    NaiveTime::from_hms_opt(time.hour(), time.minute(), 0).unwrap_or(time)
}

/// How long after its planned time a run starts: 0 to `jitter_minutes` × 60 seconds, fixed by schedule and time.
pub fn jitter_offset(schedule: ScheduleId, planned: DateTime<Utc>, jitter_minutes: u32) -> Duration {
    let digest = Sha256::new()
        .chain_update(schedule.as_uuid().as_bytes())
        .chain_update(planned.format("%Y-%m-%dT%H:%M:%SZ").to_string())
        .finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    let span = u64::from(jitter_minutes) * 60 + 1;
    Duration::seconds((u64::from_be_bytes(first) % span) as i64)
}

/// The day of the week, 0 = Sunday.
pub(crate) fn weekday_number(date: NaiveDate) -> u32 {
    date.weekday().num_days_from_sunday()
}

#[cfg(test)]
mod tests;
