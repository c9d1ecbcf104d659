//! How fast scans go: probes a second over the last minute, from what pages and scripts have read of their progress.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use mipo_domain::ids::{ScanId, ScannerId};

/// The rate is over this much of the past.
const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// Samples closer than this say nothing new.
const STEP: TimeDelta = TimeDelta::seconds(1);
/// A series that nobody asks for is forgotten.
const FORGET: TimeDelta = TimeDelta::minutes(10);

type Key = (ScanId, Option<ScannerId>);
type Series = VecDeque<(DateTime<Utc>, i64)>;

/// Shared by all requests; one series a scan, and one for each scanner in it.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Mutex<HashMap<Key, Series>>>);

impl Rates {
    /// Notes that `done` probes are through at `now`; answers the rate over the last minute, or over the time since
    /// `began` while nothing better is known.
    pub fn observe(
        &self,
        scan: ScanId,
        scanner: Option<ScannerId>,
        now: DateTime<Utc>,
        done: i64,
        began: Option<DateTime<Utc>>,
    ) -> Option<f64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, series| series.back().is_some_and(|(at, _)| now - *at < FORGET));
        let series = all.entry((scan, scanner)).or_default();
        if series.back().is_none_or(|(at, last)| now - *at >= STEP && done >= *last) {
            series.push_back((now, done));
        } else if series.back().is_some_and(|(_, last)| done < *last) {
            // Counted anew, by another attempt: what was before says nothing.
            series.clear();
            series.push_back((now, done));
        }
        // The sample just outside the window is kept: it is where the window begins.
        while series.len() > 2 && series.get(1).is_some_and(|(at, _)| now - *at > WINDOW) {
            series.pop_front();
        }
        let (first, last) = (series.front()?, series.back()?);
        // Scanners report every 15 s: a shorter silence is no standstill.
        let measured = per_second(last.1 - first.1, last.0 - first.0, TimeDelta::seconds(5))
            .filter(|rate| *rate > 0.0 || last.0 - first.0 >= WINDOW / 2);
        measured.or_else(|| per_second(done, now - began?, STEP))
    }
}

fn per_second(probes: i64, time: TimeDelta, at_least: TimeDelta) -> Option<f64> {
    (time >= at_least && probes >= 0).then(|| probes as f64 * 1000.0 / time.num_milliseconds() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let rates = Rates::default();
        let scan = ScanId::from(1);
        assert_eq!(rates.observe(scan, None, at(10), 1_000, Some(at(0))), Some(100.0), "since the start at first");
        for second in 1..=60 {
            rates.observe(scan, None, at(10 + second), 1_000 + second * 10, Some(at(0)));
        }
        let rate = rates.observe(scan, None, at(130), 1_600, Some(at(0))).unwrap();
        assert!((0.0..=10.0).contains(&rate), "nothing moved in the last minute: {rate}");
    }

    #[test]
    fn a_count_that_begins_anew_gives_no_negative_rate() {
        let rates = Rates::default();
        let scan = ScanId::from(1);
        rates.observe(scan, None, at(0), 5_000, None);
        rates.observe(scan, None, at(10), 9_000, None);
        assert_eq!(rates.observe(scan, None, at(20), 100, None), None);
    }
}
