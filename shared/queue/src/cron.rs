//! Tasks by the clock: each tick fires once, on any number of processes.
//!
//! Whoever moves `last_tick` from the value that it read enqueues, in the same transaction; the others find another
//! value. Of the ticks that were missed, the newest one is made up for, or none, as the entry says. Expressions are the
//! usual five fields in a time zone; gaps and repeated hours are those of [`mipo_domain::calendar`].
use std::time::Duration;

use mipo_domain::calendar::{self, Calendar, Pattern};
use mipo_domain::ids::TaskId;
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
    /// Five fields.
    pub schedule: &'static str,
    /// The IANA name of the time zone in which they are meant.
    pub zone: &'static str,
    /// What is enqueued; its payload has no ids.
    pub kind: &'static Kind,
    /// After downtime: one tick for all that were missed, or none.
    pub catch_up: bool,
}

impl Entry {
    /// An entry in UTC that makes up for what was missed.
    pub const fn new(name: &'static str, schedule: &'static str, kind: &'static Kind) -> Self {
        Self { name, schedule, zone: "UTC", kind, catch_up: true }
    }
}

/// Makes `entries` the ones that run; others retire. What an operator paused stays paused.
pub async fn keep(conn: &mut PgConnection, entries: &[Entry]) -> Result<(), QueueError> {
    for entry in entries {
        parse(entry.schedule, entry.zone)?;
    }
    let names: Vec<_> = entries.iter().map(|entry| entry.name.to_owned()).collect();
    let schedules: Vec<_> = entries.iter().map(|entry| entry.schedule.to_owned()).collect();
    let zones: Vec<_> = entries.iter().map(|entry| entry.zone.to_owned()).collect();
    let queues: Vec<_> = entries.iter().map(|entry| entry.kind.queue.to_owned()).collect();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.name.to_owned()).collect();
    let payloads: Vec<_> = entries.iter().map(|entry| json!({ "v": entry.kind.version, "ids": {} })).collect();
    let catch_up: Vec<_> = entries.iter().map(|entry| entry.catch_up).collect();
    sqlx::query!(
        "select jobs.keep_cron($1, $2, $3, $4, $5, $6, $7)",
        &names,
        &schedules,
        &zones,
        &queues,
        &kinds,
        &payloads,
        &catch_up
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Fires what is due. Answers how long nothing will be.
pub async fn tick(conn: &mut PgConnection) -> Result<Duration, QueueError> {
    let rows = sqlx::query!(
        r#"select name, schedule, zone, kind, catch_up, last_tick, clock_timestamp() as "now!" from jobs.cron
           where not paused and retired_at is null"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut sleep = LONGEST_SLEEP;
    for row in rows {
        let calendar = match parse(&row.schedule, &row.zone) {
            Ok(calendar) => calendar,
            // One that cannot be read does not stop the others.
            Err(error) => {
                tracing::error!(name = row.name, %error, "a cron entry cannot be read");
                continue;
            }
        };
        if let Some(due) = calendar.latest_at(row.now).filter(|due| *due > row.last_tick) {
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
        if let Some(next) = calendar.next_after(row.now) {
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

/// Runs an entry now, whatever its schedule says. `None`: there is no such entry.
pub async fn run_now(conn: &mut PgConnection, name: &str, by: &str) -> Result<Option<TaskId>, QueueError> {
    let kind =
        sqlx::query_scalar!("select kind from jobs.cron where name = $1", name).fetch_optional(&mut *conn).await?;
    let Some(kind) = kind else { return Ok(None) };
    let attempts = kinds::by_name(&kind).map_or(1, |kind| i32::from(kind.attempts));
    let id = sqlx::query_scalar!("select jobs.run_cron($1, $2, $3)", name, attempts, by).fetch_one(conn).await?;
    Ok(id.map(TaskId::from))
}

/// Pauses or resumes an entry. False: there is none, or it is so already.
pub async fn pause(conn: &mut PgConnection, name: &str, paused: bool) -> Result<bool, QueueError> {
    let changed = sqlx::query_scalar!("select jobs.pause_cron($1, $2)", name, paused).fetch_one(conn).await?;
    Ok(changed.unwrap_or(false))
}

/// Whether an entry is paused; `None`: there is none of this name.
pub async fn is_paused(conn: &mut PgConnection, name: &str) -> Result<Option<bool>, QueueError> {
    let paused = sqlx::query_scalar!("select paused from jobs.cron where name = $1 and retired_at is null", name)
        .fetch_optional(conn)
        .await?;
    Ok(paused)
}

/// Reads an expression in a zone.
pub fn parse(expression: &str, zone: &str) -> Result<Calendar, QueueError> {
    let refused = |reason: String| QueueError::Schedule { expression: expression.to_owned(), reason };
    let zone = calendar::zone(zone).map_err(|error| refused(error.to_string()))?;
    Calendar::new(&Pattern::Cron(expression.to_owned()), zone).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_schedule_is_refused() {
        for expression in ["", "* * * *", "61 * * * *", "0 0 * * 8", "0 0 0 * * *", "0 0 30 2 *"] {
            assert!(parse(expression, "UTC").is_err(), "{expression}");
        }
        assert!(parse("0 0 * * *", "Mars/Olympus").is_err());
    }
}
