//! One queue: how long its tasks waited and ran, by kind, over an hour to thirty days.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::histogram::{Times, add, times};
use super::overview::{self, Deploy, QueueLine};
use crate::QueueError;

/// How far back a chart looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// By minute.
    #[default]
    Hour,
    /// By a quarter of an hour.
    Day,
    /// By 2 hours.
    Week,
    /// 30 days, by 6 hours.
    Month,
}

impl Range {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// `1h`, `24h`, `7d` or `30d`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> i32 {
        match self {
            Self::Hour => 3600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
        }
    }

    /// The length of one point in seconds.
    pub const fn step_seconds(self) -> i32 {
        match self {
            Self::Hour => 60,
            Self::Day => 900,
            Self::Week => 7200,
            Self::Month => 21_600,
        }
    }
}

impl std::str::FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|range| range.as_str() == text).ok_or_else(|| "Write 1h, 24h, 7d or 30d.".to_owned())
    }
}

/// One queue and its times.
#[derive(Clone, Debug)]
pub struct QueueDetail {
    /// As in the overview.
    pub line: QueueLine,
    /// Versions that started within the last hour.
    pub deploys: Vec<Deploy>,
    /// What the charts cover.
    pub range: Range,
    /// What ended, by kind.
    pub kinds: Vec<KindTimes>,
}

/// A kind over the range.
#[derive(Clone, Debug)]
pub struct KindTimes {
    /// The kind.
    pub kind: String,
    /// From due to begun, of those that ended well.
    pub wait: Times,
    /// From begun to ended.
    pub run: Times,
    /// Oldest first; steps in which nothing ended are missing.
    pub points: Vec<TimesPoint>,
}

/// A step of a chart.
#[derive(Clone, Copy, Debug)]
pub struct TimesPoint {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// From due to begun.
    pub wait: Times,
    /// From begun to ended.
    pub run: Times,
    /// Ended well.
    pub done: i64,
    /// Attempts that failed.
    pub failed: i64,
    /// Tasks that died.
    pub dead: i64,
}

/// What a step adds up.
#[derive(Default)]
struct Step {
    wait: Vec<i64>,
    run: Vec<i64>,
    done: i64,
    failed: i64,
    dead: i64,
}

struct Sample {
    kind: String,
    step: DateTime<Utc>,
    wait_histogram: Vec<i32>,
    run_histogram: Vec<i32>,
    done: i32,
    failed: i32,
    dead: i32,
}

/// The queue of this name.
pub async fn detail(conn: &mut PgConnection, name: &str, range: Range) -> Result<Option<QueueDetail>, QueueError> {
    let Some(line) = overview::line(conn, name).await? else { return Ok(None) };
    let samples = match range {
        Range::Hour | Range::Day => by_minute(conn, name, range).await?,
        Range::Week | Range::Month => by_hour(conn, name, range).await?,
    };
    let mut kinds: BTreeMap<String, BTreeMap<DateTime<Utc>, Step>> = BTreeMap::new();
    for sample in samples {
        let step = kinds.entry(sample.kind).or_default().entry(sample.step).or_default();
        add(&mut step.wait, &sample.wait_histogram);
        add(&mut step.run, &sample.run_histogram);
        step.done += i64::from(sample.done);
        step.failed += i64::from(sample.failed);
        step.dead += i64::from(sample.dead);
    }
    let kinds = kinds.into_iter().map(|(kind, steps)| of_kind(kind, &steps)).collect();
    Ok(Some(QueueDetail { line, deploys: overview::deploys(conn).await?, range, kinds }))
}

fn of_kind(kind: String, steps: &BTreeMap<DateTime<Utc>, Step>) -> KindTimes {
    let (mut wait, mut run) = (Vec::new(), Vec::new());
    let sum = |all: &mut Vec<i64>, more: &[i64]| {
        all.resize(all.len().max(more.len()), 0);
        all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
    };
    let points = steps
        .iter()
        .map(|(at, step)| {
            sum(&mut wait, &step.wait);
            sum(&mut run, &step.run);
            TimesPoint {
                at: *at,
                wait: times(&step.wait),
                run: times(&step.run),
                done: step.done,
                failed: step.failed,
                dead: step.dead,
            }
        })
        .collect();
    KindTimes { kind, wait: times(&wait), run: times(&run), points }
}

/// A sample bears the end of its minute; the step is where the minute began.
async fn by_minute(conn: &mut PgConnection, name: &str, range: Range) -> Result<Vec<Sample>, QueueError> {
    let rows = sqlx::query_as!(
        Sample,
        r#"select s.kind, date_bin(make_interval(secs => $2), s.at - interval '1 minute', '2000-01-01Z'::timestamptz) as "step!", s.wait_histogram,
             s.run_histogram, s.done_count as done, s.failed_count as failed, s.dead_count as dead
           from jobs.queue_samples s
           where s.queue = $1 and s.at > now() - make_interval(secs => $3) and (s.done_count > 0 or s.failed_count > 0 or s.dead_count > 0)"#,
        name,
        f64::from(range.step_seconds()),
        f64::from(range.seconds())
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The hours that have ended, and the minutes of the one that has not.
async fn by_hour(conn: &mut PgConnection, name: &str, range: Range) -> Result<Vec<Sample>, QueueError> {
    let rows = sqlx::query_as!(
        Sample,
        r#"select s.kind as "kind!", date_bin(make_interval(secs => $2), s.at, '2000-01-01Z'::timestamptz) as "step!", s.wait_histogram as "wait_histogram!",
             s.run_histogram as "run_histogram!", s.done_count as "done!", s.failed_count as "failed!", s.dead_count as "dead!"
           from (
             select * from jobs.queue_hours h where h.queue = $1 and h.at > now() - make_interval(secs => $3)
             union all
             select * from jobs.queue_samples m where m.queue = $1
               and m.at > (select coalesce(max(h.at) + interval '1 hour', now() - interval '2 hours') from jobs.queue_hours h where h.queue = $1)
               and m.at > now() - interval '2 hours'
           ) s
           where s.done_count > 0 or s.failed_count > 0 or s.dead_count > 0"#,
        name,
        f64::from(range.step_seconds()),
        f64::from(range.seconds())
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
