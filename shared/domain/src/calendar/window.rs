//! Windows of time in which targets are left alone (product 4.1, blackout window): once, or every week in a zone.
use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;

use super::{first_instant, last_instant, weekday_number};

/// Longest weekly window.
pub const LONGEST_MINUTES: u32 = 24 * 60;
/// A window that begins so many days before a local date may still hold on it: a day of its own length, and another
/// that a zone skips or repeats at the date line.
const DAYS_BEFORE: i64 = 3;
/// Within so many days a weekly window begins again, even if one of its beginnings falls into a gap that swallows it.
const DAYS_AHEAD: i64 = 16;

/// A stretch of time, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it is over; none when it goes on for ever, because each window begins before the last one ends.
    pub to: Option<DateTime<Utc>>,
}

/// When a window holds.
///
/// A weekly one begins the first time that the clocks of its zone show its start, and ends the last time that they show
/// its end; of a time that they skip, it is the first instant after the gap. So a window never ends early, and one that
/// lies in a gap as a whole does not occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// From one instant to another.
    Once {
        /// Its begin.
        from: DateTime<Utc>,
        /// Its end, later than the begin.
        to: DateTime<Utc>,
    },
    /// On some days of every week.
    Weekly {
        /// The days on which it begins, 0–6, 0 = Sunday.
        days: BTreeSet<u32>,
        /// The time of day at which it begins.
        start: NaiveTime,
        /// How long it lasts by the clocks, 1 to [`LONGEST_MINUTES`].
        minutes: u32,
        /// Whose clocks.
        zone: Tz,
    },
}

impl Window {
    /// True when `instant` is inside.
    pub fn holds(&self, instant: DateTime<Utc>) -> bool {
        self.end_after(instant).is_some()
    }

    /// The rest of the window that `instant` is in: from there to its end. None when it is in none.
    pub fn rest(&self, instant: DateTime<Utc>) -> Option<Span> {
        let first = self.end_after(instant)?;
        let mut to = first;
        // Windows that touch or overlap are one. After so long it has come round to where it was: it never ends.
        while let Some(later) = self.end_after(to) {
            to = later;
            if to - first > Duration::days(DAYS_AHEAD) {
                return Some(Span { from: instant, to: None });
            }
        }
        Some(Span { from: instant, to: Some(to) })
    }

    /// The first instant after `instant` at which it begins to hold or ceases to. None when that never happens.
    pub fn next_edge(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.rest(instant) {
            Some(rest) => rest.to,
            None => self.begin_after(instant),
        }
    }

    /// The next `count` stretches of time that it covers; the one that `instant` is in comes first, from `instant` on.
    pub fn upcoming(&self, instant: DateTime<Utc>, count: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut next = self.rest(instant).or_else(|| self.rest(self.begin_after(instant)?));
        while let Some(span) = next.filter(|_| spans.len() < count) {
            spans.push(span);
            next = span.to.and_then(|to| self.begin_after(to)).and_then(|begin| self.rest(begin));
        }
        spans
    }

    /// What it means, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Once { from, to } => {
                format!("once, from {} to {} UTC", from.format("%Y-%m-%d %H:%M"), to.format("%Y-%m-%d %H:%M"))
            }
            Self::Weekly { days, start, minutes, zone } => {
                let end = *start + Duration::minutes(i64::from(*minutes));
                let next_day = i64::from(*minutes) > (NaiveTime::MIN - *start).num_minutes().rem_euclid(1440)
                    && *start != NaiveTime::MIN;
                let until = match (*minutes, next_day) {
                    (LONGEST_MINUTES, _) => "for 24 hours".to_owned(),
                    (_, true) => format!("to {} of the next day", end.format("%H:%M")),
                    _ => format!(
                        "to {}",
                        if end == NaiveTime::MIN { "24:00".to_owned() } else { end.format("%H:%M").to_string() }
                    ),
                };
                format!("{} from {} {until} ({})", days_in_words(days), start.format("%H:%M"), zone.name())
            }
        }
    }

    /// The latest end of the windows that hold at `instant`.
    fn end_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Once { from, to } => (*from <= instant && instant < *to).then_some(*to),
            Self::Weekly { zone, .. } => {
                let date = instant.with_timezone(zone).date_naive();
                let held = self.on_dates(date, -DAYS_BEFORE, 1);
                held.filter(|(from, to)| *from <= instant && instant < *to).map(|(_, to)| to).max()
            }
        }
    }

    /// When it begins for the first time after `instant`.
    fn begin_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Once { from, .. } => (*from > instant).then_some(*from),
            Self::Weekly { zone, .. } => {
                let date = instant.with_timezone(zone).date_naive();
                let ahead = self.on_dates(date, -DAYS_BEFORE, DAYS_AHEAD);
                ahead.map(|(from, _)| from).filter(|from| *from > instant).min()
            }
        }
    }

    /// Begin and end of the weekly windows that begin on the dates around `date`.
    fn on_dates(
        &self,
        date: NaiveDate,
        first: i64,
        last: i64,
    ) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> + '_ {
        (first..=last).filter_map(move |offset| {
            let Self::Weekly { days, start, minutes, zone } = self else { return None };
            let date = date.checked_add_signed(Duration::days(offset))?;
            if !days.contains(&weekday_number(date)) {
                return None;
            }
            let begin: NaiveDateTime = date.and_time(*start);
            let end = begin.checked_add_signed(Duration::minutes(i64::from(*minutes)))?;
            Some((first_instant(*zone, begin)?, last_instant(*zone, end)?)).filter(|(from, to)| from < to)
        })
    }
}

/// `every day`, `Monday to Friday`, `Monday, Wednesday and Sunday`.
fn days_in_words(days: &BTreeSet<u32>) -> String {
    let week = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    let chosen: Vec<usize> = (0..7).filter(|n| days.contains(&week[*n].num_days_from_sunday())).collect();
    let name = |n: usize| NAMES[n];
    match chosen.as_slice() {
        [_, _, _, _, _, _, _] => "every day".to_owned(),
        [first, .., last] if chosen.len() > 2 && last - first + 1 == chosen.len() => {
            format!("{} to {}", name(*first), name(*last))
        }
        [start @ .., last] if !start.is_empty() => {
            let start: Vec<&str> = start.iter().map(|n| name(*n)).collect();
            format!("{} and {}", start.join(", "), name(*last))
        }
        [only] => name(*only).to_owned(),
        [] => "never".to_owned(),
        [..] => String::new(),
    }
}

const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn weekly(days: &[u32], start: &str, minutes: u32, zone: Tz) -> Window {
        let start = NaiveTime::parse_from_str(start, "%H:%M").expect("a time of day");
        Window::Weekly { days: days.iter().copied().collect(), start, minutes, zone }
    }

    fn span(window: &Window, instant: &str) -> String {
        let upcoming = window.upcoming(at(instant), 1);
        let [one] = upcoming.as_slice() else { return "none".to_owned() };
        let to = one.to.map_or("for ever".to_owned(), |to| to.format("%d %H:%M").to_string());
        format!("{} {to}", one.from.format("%d %H:%M"))
    }

    #[test]
    fn once_is_from_its_begin_to_before_its_end() {
        let window = Window::Once { from: at("2026-03-01T10:00:00Z"), to: at("2026-03-01T12:00:00Z") };
        for (instant, holds, edge) in [
            ("2026-03-01T09:59:59Z", false, Some("2026-03-01T10:00:00Z")),
            ("2026-03-01T10:00:00Z", true, Some("2026-03-01T12:00:00Z")),
            ("2026-03-01T11:59:59Z", true, Some("2026-03-01T12:00:00Z")),
            ("2026-03-01T12:00:00Z", false, None),
        ] {
            assert_eq!((window.holds(at(instant)), window.next_edge(at(instant))), (holds, edge.map(at)), "{instant}");
        }
        assert_eq!(window.in_words(), "once, from 2026-03-01 10:00 to 2026-03-01 12:00 UTC");
    }

    #[test]
    fn a_week_has_its_windows() {
        let office = weekly(&[1, 2, 3, 4, 5], "08:00", 600, Tz::Europe__Berlin);
        // 2026-03-02 is a Monday; Berlin is an hour ahead.
        assert_eq!(span(&office, "2026-03-01T00:00:00Z"), "02 07:00 02 17:00");
        assert_eq!(span(&office, "2026-03-02T09:00:00Z"), "02 09:00 02 17:00");
        assert_eq!(span(&office, "2026-03-06T17:00:00Z"), "09 07:00 09 17:00", "over the weekend");
        let night = weekly(&[6], "22:00", 480, Tz::UTC);
        assert_eq!(span(&night, "2026-03-08T03:00:00Z"), "08 03:00 08 06:00", "past midnight");
    }

    #[test]
    fn windows_that_touch_are_one_and_some_never_end() {
        let weekend = weekly(&[6, 0], "00:00", 1440, Tz::UTC);
        assert_eq!(span(&weekend, "2026-03-06T00:00:00Z"), "07 00:00 09 00:00");
        let always = weekly(&[0, 1, 2, 3, 4, 5, 6], "13:00", 1440, Tz::Europe__Berlin);
        assert_eq!(span(&always, "2026-03-06T00:00:00Z"), "06 00:00 for ever");
        assert_eq!(always.next_edge(at("2026-10-25T01:30:00Z")), None, "not even where a day has 25 hours");
    }

    #[test]
    fn skipped_and_repeated_hours_belong_to_the_window() {
        // 2026-03-29 02:00 → 03:00 and 2026-10-25 03:00 → 02:00 in Berlin.
        let night = weekly(&[6], "22:00", 480, Tz::Europe__Berlin);
        assert_eq!(span(&night, "2026-03-28T12:00:00Z"), "28 21:00 29 04:00", "until six by the clocks");
        assert_eq!(span(&night, "2026-10-24T12:00:00Z"), "24 20:00 25 05:00");
        let gap = weekly(&[0], "02:15", 30, Tz::Europe__Berlin);
        assert_eq!(span(&gap, "2026-03-28T12:00:00Z"), "05 00:15 05 00:45", "the one in the gap does not occur");
        let across = weekly(&[0], "02:15", 60, Tz::Europe__Berlin);
        assert_eq!(span(&across, "2026-03-28T12:00:00Z"), "29 01:00 29 01:15");
        assert_eq!(span(&across, "2026-10-24T12:00:00Z"), "25 00:15 25 02:15", "from the first 02:15 to 03:15");
    }

    #[test]
    fn words_say_when() {
        for (days, start, minutes, words) in [
            (&[1, 2, 3, 4, 5][..], "08:00", 600, "Monday to Friday from 08:00 to 18:00 (UTC)"),
            (&[0, 1, 2, 3, 4, 5, 6], "22:00", 480, "every day from 22:00 to 06:00 of the next day (UTC)"),
            (&[6, 0], "00:00", 1440, "Saturday and Sunday from 00:00 for 24 hours (UTC)"),
            (&[1, 3, 0], "20:00", 240, "Monday, Wednesday and Sunday from 20:00 to 24:00 (UTC)"),
            (&[3], "00:00", 90, "Wednesday from 00:00 to 01:30 (UTC)"),
        ] {
            assert_eq!(weekly(days, start, minutes, Tz::UTC).in_words(), words);
        }
    }

    /// Of each minute of a stretch, whether it is inside: by looking at what the clocks show, minute by minute.
    fn naive(
        days: &BTreeSet<u32>,
        start: NaiveTime,
        minutes: u32,
        zone: Tz,
        from: DateTime<Utc>,
        count: i64,
    ) -> Vec<bool> {
        let margin = 3 * 24 * 60;
        let shown: Vec<NaiveDateTime> = (-margin..count + margin)
            .map(|n| (from + Duration::minutes(n)).with_timezone(&zone).naive_local())
            .collect();
        let mut inside = vec![false; shown.len()];
        let mut date = shown[0].date();
        while date <= shown[shown.len() - 1].date() {
            let begin = date.and_time(start);
            let end = begin + Duration::minutes(i64::from(minutes));
            let first = shown.iter().position(|at| *at == begin).or_else(|| shown.iter().position(|at| *at > begin));
            let last = shown.iter().rposition(|at| *at == end).or_else(|| shown.iter().position(|at| *at > end));
            if days.contains(&weekday_number(date)) {
                let (first, last) = (first.unwrap_or(shown.len()), last.unwrap_or(shown.len()));
                inside[first.min(last)..last].fill(true);
            }
            date = date.succ_opt().expect("a date");
        }
        inside[margin as usize..(margin + count) as usize].to_vec()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn agrees_with_looking_at_every_minute(
            days in prop::collection::btree_set(0_u32..7, 1..=7),
            start in prop_oneof![0_u32..1440, 0_u32..240],
            minutes in prop_oneof![1_u32..=1440, 1_u32..200, Just(1440)],
            place in prop_oneof![
                Just((Tz::Europe__Berlin, "2026-03-28T04:17:00Z")),
                Just((Tz::Europe__Berlin, "2026-10-24T04:17:00Z")),
                Just((Tz::America__New_York, "2026-11-01T01:00:00Z")),
                Just((Tz::Australia__Lord_Howe, "2026-10-03T10:00:00Z")),
                Just((Tz::America__Havana, "2026-10-31T20:00:00Z")),
                Just((Tz::Pacific__Apia, "2011-12-29T08:00:00Z")),
                Just((Tz::UTC, "2026-03-28T20:17:00Z")),
            ],
        ) {
            let start = NaiveTime::from_hms_opt(start / 60, start % 60, 0).expect("a time of day");
            let (zone, from) = (place.0, at(place.1));
            let window = Window::Weekly { days: days.clone(), start, minutes, zone };
            let inside = naive(&days, start, minutes, zone, from, 48 * 60);
            let instant = |n: usize| from + Duration::minutes(n as i64);
            for (n, expected) in inside.iter().enumerate() {
                prop_assert_eq!(window.holds(instant(n)), *expected, "{}", instant(n));
            }
            for n in (0..inside.len()).step_by(37) {
                let edge = inside[n..].iter().position(|other| *other != inside[n]).map(|ahead| instant(n + ahead));
                let found = window.next_edge(instant(n)).filter(|edge| *edge <= instant(inside.len() - 1));
                prop_assert_eq!(found, edge, "after {}", instant(n));
            }
        }
    }
}
