//! What runs by the clock: in words, when next, and how it went last.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mipo_domain::ids::TaskId;
use sqlx::PgConnection;

use crate::{QueueError, cron};

/// Ticks that are shown ahead.
const NEXT: usize = 5;
/// Hours of the sparkline.
pub const HOURS: usize = 24;

/// An entry.
#[derive(Clone, Debug)]
pub struct CronLine {
    /// Its name.
    pub name: String,
    /// Five fields.
    pub schedule: String,
    /// The time zone of the fields.
    pub zone: String,
    /// The schedule in words, or why it cannot be read.
    pub words: String,
    /// The queue of what is enqueued.
    pub queue: String,
    /// The kind of what is enqueued.
    pub kind: String,
    /// After downtime one tick makes up for all that were missed.
    pub catch_up: bool,
    /// It does not tick.
    pub paused: bool,
    /// The last tick that was fired.
    pub last_tick: DateTime<Utc>,
    /// The next ticks, as if it were not paused.
    pub next: Vec<DateTime<Utc>>,
    /// The task of the last tick or of the last "run now".
    pub last: Option<CronRun>,
    /// Tasks of its kind that ended well and that died, by hour, the newest last.
    pub hours: [(i64, i64); HOURS],
    /// Raised by each change.
    pub version: i32,
}

/// What became of a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronRun {
    /// The task.
    pub task: TaskId,
    /// Its shown state.
    pub state: String,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it failed last.
    pub error: Option<String>,
}

/// All entries, by name.
pub async fn entries(conn: &mut PgConnection) -> Result<Vec<CronLine>, QueueError> {
    let rows = sqlx::query!(
        r#"select c.name, c.schedule, c.zone, c.queue, c.kind, c.catch_up, c.paused, c.last_tick, c.version, now() as "now!",
             t.id as "task?", t.state as "state?", t.started_at as "started_at?", t.finished_at as "finished_at?", t.last_error as "error?"
           from jobs.cron c left join lateral (
             select t.id, t.state, t.started_at, t.finished_at, t.last_error from jobs.all_tasks t where t.id = c.last_task_id limit 1
           ) t on true
           where c.retired_at is null order by c.name"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let hours = hours(conn, rows.iter().map(|row| row.kind.clone()).collect()).await?;
    let entries = rows.into_iter().map(|row| {
        let (words, next) = match cron::parse(&row.schedule, &row.zone) {
            Ok(calendar) => (calendar.in_words(), calendar.upcoming(row.now, NEXT)),
            Err(error) => (error.to_string(), Vec::new()),
        };
        let last = row.task.zip(row.state).map(|(task, state)| CronRun {
            task: task.into(),
            error: row.error.filter(|_| state != "done"),
            state,
            started_at: row.started_at,
            finished_at: row.finished_at,
        });
        CronLine {
            hours: hours.get(&row.kind).copied().unwrap_or([(0, 0); HOURS]),
            name: row.name,
            schedule: row.schedule,
            zone: row.zone,
            words,
            queue: row.queue,
            kind: row.kind,
            catch_up: row.catch_up,
            paused: row.paused,
            last_tick: row.last_tick,
            next,
            last,
            version: row.version,
        }
    });
    Ok(entries.collect())
}

async fn hours(
    conn: &mut PgConnection,
    kinds: Vec<String>,
) -> Result<BTreeMap<String, [(i64, i64); HOURS]>, QueueError> {
    let rows = sqlx::query!(
        r#"select h.kind, floor(extract(epoch from now() - h.at) / 3600)::integer as "age!", sum(h.done_count) as "done!", sum(h.dead_count) as "dead!"
           from jobs.queue_hours h join jobs.queues q on q.name = h.queue
           where h.kind = any ($1) and h.at > now() - interval '24 hours' group by 1, 2"#,
        &kinds
    )
    .fetch_all(conn)
    .await?;
    let mut hours: BTreeMap<String, [(i64, i64); HOURS]> = BTreeMap::new();
    for row in rows {
        let line = hours.entry(row.kind).or_insert([(0, 0); HOURS]);
        if let Some(hour) = usize::try_from(row.age).ok().and_then(|age| HOURS.checked_sub(age + 1)) {
            line[hour] = (line[hour].0 + row.done, line[hour].1 + row.dead);
        }
    }
    Ok(hours)
}
