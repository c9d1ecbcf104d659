//! Tasks by the clock: each tick fires once, on any number of processes.
//!
//! Whoever moves `last_tick` from the value that it read enqueues, in the same transaction; the others find another
//! value. Of the ticks that were missed, the newest one is made up for. Expressions are the usual five fields, in UTC.
use std::str::FromStr as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::QueueError;
use crate::kinds::{self, Kind};

/// Longest sleep: what an operator paused or resumed is seen after that.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

/// An entry that the code knows.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Five fields, UTC.
    pub schedule: &'static str,
    /// What is enqueued; its payload has no ids.
    pub kind: &'static Kind,
}

/// Makes the table hold `entries` and no others. What an operator paused stays paused.
pub async fn keep(conn: &mut PgConnection, entries: &[Entry]) -> Result<(), QueueError> {
    for entry in entries {
        Schedule::parse(entry.schedule)?;
    }
    let names: Vec<_> = entries.iter().map(|entry| entry.name.to_owned()).collect();
    let schedules: Vec<_> = entries.iter().map(|entry| entry.schedule.to_owned()).collect();
    let queues: Vec<_> = entries.iter().map(|entry| entry.kind.queue.to_owned()).collect();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.name.to_owned()).collect();
    let payloads: Vec<_> = entries.iter().map(|entry| json!({ "v": entry.kind.version, "ids": {} })).collect();
    sqlx::query!("select jobs.keep_cron($1, $2, $3, $4, $5)", &names, &schedules, &queues, &kinds, &payloads)
        .execute(conn)
        .await?;
    Ok(())
}

/// Fires what is due. Answers how long nothing will be.
pub async fn tick(conn: &mut PgConnection) -> Result<Duration, QueueError> {
    let rows = sqlx::query!(
        r#"select name, schedule, kind, catch_up, last_tick, clock_timestamp() as "now!" from jobs.cron where not paused"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut sleep = LONGEST_SLEEP;
    for row in rows {
        let schedule = Schedule::parse(&row.schedule)?;
        if let Some(due) = schedule.newest(row.last_tick, row.now) {
            let missed = row.now - due > chrono::TimeDelta::minutes(1);
            let attempts = kinds::by_name(&row.kind).map_or(1, |kind| i32::from(kind.attempts));
            let fired = sqlx::query_scalar!(
                r#"select jobs.fire_cron($1, $2, $3, $4, $5) as "fired!""#,
                row.name,
                row.last_tick,
                due,
                missed && !row.catch_up,
                attempts
            )
            .fetch_one(&mut *conn)
            .await?;
            if fired {
                tracing::debug!(name = row.name, %due, "cron tick");
            }
        }
        if let Some(next) = schedule.next(row.now) {
            sleep = sleep.min((next - row.now).to_std().unwrap_or_default());
        }
    }
    Ok(sleep)
}

/// Ticks until `shutdown`. Run it on any number of processes.
pub async fn run(pool: PgPool, shutdown: CancellationToken) {
    loop {
        // Each tick is fired by one statement: given up in the middle, it fired or it did not.
        let looked = tokio::select! {
            () = shutdown.cancelled() => return,
            looked = once(&pool) => looked,
        };
        let sleep = match looked {
            // A little late rather than a little early, by another clock.
            Ok(sleep) => sleep + Duration::from_millis(20),
            Err(error) => {
                tracing::warn!(%error, "cron cannot look");
                Duration::from_secs(5)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

async fn once(pool: &PgPool) -> Result<Duration, QueueError> {
    let mut conn = pool.acquire().await?;
    tick(&mut conn).await
}

/// A five-field expression in UTC.
struct Schedule(cron::Schedule);

impl Schedule {
    fn parse(expression: &str) -> Result<Self, QueueError> {
        let refused = |reason: String| QueueError::Schedule { expression: expression.to_owned(), reason };
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(refused("five fields are wanted: minute hour day month weekday".to_owned()));
        };
        // The library counts seconds too, and weekdays from 1 = Sunday.
        let weekday = weekdays(weekday).ok_or_else(|| refused(format!("`{weekday}` is no weekday")))?;
        cron::Schedule::from_str(&format!("0 {minute} {hour} {day} {month} {weekday} *"))
            .map(Self)
            .map_err(|error| refused(error.to_string()))
    }

    /// The newest tick after `last` and not after `now`.
    fn newest(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.after(&last).take_while(|tick| *tick <= now).last()
    }

    fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.after(&now).next()
    }
}

/// Turns Unix weekdays (0 and 7 = Sunday) into the library's. Steps keep their number.
fn weekdays(field: &str) -> Option<String> {
    let list = field.split(',').map(|part| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let range = range
            .split('-')
            .map(|day| match day.parse::<u8>() {
                Ok(day @ 0..=7) => Some((day % 7 + 1).to_string()),
                Ok(_) => None,
                Err(_) => Some(day.to_owned()),
            })
            .collect::<Option<Vec<_>>>()?
            .join("-");
        Some(step.map_or_else(|| range.clone(), |step| format!("{range}/{step}")))
    });
    Some(list.collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_newest_missed_tick_is_the_one_that_counts() {
        let schedule = Schedule::parse("*/15 * * * *").expect("parses");
        assert_eq!(schedule.newest(at("2026-01-05T10:00:00Z"), at("2026-01-05T10:14:59Z")), None);
        assert_eq!(
            schedule.newest(at("2026-01-05T10:00:00Z"), at("2026-01-05T13:07:00Z")),
            Some(at("2026-01-05T13:00:00Z"))
        );
        assert_eq!(schedule.next(at("2026-01-05T13:00:00Z")), Some(at("2026-01-05T13:15:00Z")));
    }

    #[test]
    fn sunday_is_0_and_7() {
        for expression in ["0 5 * * 0", "0 5 * * 7"] {
            let schedule = Schedule::parse(expression).expect("parses");
            assert_eq!(schedule.next(at("2026-01-05T00:00:00Z")), Some(at("2026-01-11T05:00:00Z")), "{expression}");
        }
        let weekdays = Schedule::parse("0 5 * * 1-5").expect("parses");
        assert_eq!(weekdays.next(at("2026-01-09T06:00:00Z")), Some(at("2026-01-12T05:00:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for expression in ["", "* * * *", "61 * * * *", "0 0 * * 8", "0 0 0 * * *"] {
            assert!(Schedule::parse(expression).is_err(), "{expression}");
        }
    }
}
