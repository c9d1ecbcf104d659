//! A line a queue: is anything late, failing or stuck?
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{COUNT_LIMIT, Count, many_live};
use crate::QueueError;

/// Minutes over which rates are taken.
const RATE_MINUTES: i32 = 5;

/// All queues.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The database's clock.
    pub now: DateTime<Utc>,
    /// The queues, by name.
    pub queues: Vec<QueueLine>,
    /// Versions of workers that started within the last hour, oldest first.
    pub deploys: Vec<Deploy>,
}

/// A version that began to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// The version.
    pub version: String,
    /// When its first worker of this hour started.
    pub at: DateTime<Utc>,
}

/// One queue.
#[derive(Clone, Debug)]
pub struct QueueLine {
    /// Its name.
    pub name: String,
    /// What an operator set.
    pub settings: Settings,
    /// The oldest due task should not be older, in seconds.
    pub age_target_seconds: i32,
    /// How long the oldest due task has waited, in seconds.
    pub oldest_age_seconds: Option<f64>,
    /// Tasks by shown state.
    pub counts: Counts,
    /// Tasks enqueued a second, over the last 5 minutes.
    pub in_per_second: f64,
    /// Tasks ended a second, over the last 5 minutes.
    pub out_per_second: f64,
    /// Share of the attempts of the last hour that failed, 0 to 1; absent when none ended.
    pub failed_share: Option<f64>,
    /// Processes that work on it: seen within 30 s, and not draining.
    pub workers: i64,
    /// Slots of these processes together.
    pub slots: i64,
    /// Seconds until what is due is worked off at the rates of the last 5 minutes; absent when it grows or stands.
    pub drain_seconds: Option<f64>,
    /// The last hour by minute, oldest first; minutes without a sample are missing.
    pub points: Vec<Point>,
}

/// What an operator sets for a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Nothing is claimed.
    pub paused: bool,
    /// Slots of one process.
    pub concurrency: i32,
    /// Running tasks over all processes; none = no bound.
    pub max_running: Option<i32>,
    /// Starts in `rate_seconds`, over all processes; none = no limit.
    pub rate_limit: Option<i32>,
    /// The window of the rate limit, in seconds.
    pub rate_seconds: i32,
    /// Days that done tasks are kept; none = the product's setting.
    pub keep_done_days: Option<i32>,
    /// Days that dead tasks are kept; none = the product's setting.
    pub keep_dead_days: Option<i32>,
    /// Raised by each change; changes name the one that they saw.
    pub version: i32,
}

/// Tasks by shown state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Due later, no attempt yet.
    pub scheduled: Count,
    /// Due later, after a failed attempt.
    pub retrying: Count,
    /// Due later, as the handler said.
    pub snoozed: Count,
    /// Due, held by a group or a key.
    pub waiting: Count,
    /// Due.
    pub ready: Count,
    /// Running.
    pub running: Count,
    /// Dead, as long as they are kept.
    pub dead: Count,
}

/// A minute of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The end of the minute.
    pub at: DateTime<Utc>,
    /// Due and not running.
    pub due: i64,
    /// Running.
    pub running: i64,
    /// Age of the oldest due task, in milliseconds.
    pub oldest_ms: i64,
    /// Enqueued in it.
    pub enqueued: i64,
    /// Ended well in it.
    pub done: i64,
    /// Attempts that failed in it.
    pub failed: i64,
    /// Tasks that died in it.
    pub dead: i64,
}

impl QueueLine {
    /// True when the oldest due task is older than it should be.
    pub fn is_late(&self) -> bool {
        self.oldest_age_seconds.is_some_and(|age| age > f64::from(self.age_target_seconds))
    }

    /// Busy slots of all slots, 0 to 1; absent without a worker.
    pub fn utilisation(&self) -> Option<f64> {
        (self.slots > 0).then(|| (self.counts.running.value as f64 / self.slots as f64).min(1.0))
    }
}

/// What stands in a queue.
struct Standing {
    queue: String,
    scheduled: i64,
    retrying: i64,
    snoozed: i64,
    waiting: i64,
    ready: i64,
    running: i64,
    oldest: Option<f64>,
}

/// All queues as they are now.
pub async fn overview(conn: &mut PgConnection) -> Result<Overview, QueueError> {
    let now = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&mut *conn).await?;
    let mut standing: BTreeMap<String, (Standing, bool)> = BTreeMap::new();
    let about = many_live(conn).await?;
    let rows = if about { sampled(conn).await? } else { counted(conn).await? };
    standing.extend(rows.into_iter().map(|row| (row.queue.clone(), (row, about))));
    let dead: BTreeMap<String, i64> = dead(conn).await?.into_iter().collect();
    let dead_about = dead.values().sum::<i64>() > COUNT_LIMIT;
    let mut points = points(conn).await?;
    let rows = sqlx::query!(
        r#"select q.name, q.paused, q.concurrency, q.max_running, q.rate_limit, q.rate_seconds, q.keep_done_days, q.keep_dead_days, q.version,
             q.age_target_seconds, w.count as "live!" from jobs.queues q
           cross join lateral (select count(*) from jobs.workers w where q.name = any (w.queues) and w.stopped_at is null
             and w.drain_requested_at is null and w.last_seen_at > now() - interval '30 seconds') w
           order by q.name"#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut queues = Vec::with_capacity(rows.len());
    for row in rows {
        let mut line = QueueLine {
            points: points.remove(&row.name).unwrap_or_default(),
            slots: row.live * i64::from(row.concurrency),
            workers: row.live,
            age_target_seconds: row.age_target_seconds,
            settings: Settings {
                paused: row.paused,
                concurrency: row.concurrency,
                max_running: row.max_running,
                rate_limit: row.rate_limit,
                rate_seconds: row.rate_seconds,
                keep_done_days: row.keep_done_days,
                keep_dead_days: row.keep_dead_days,
                version: row.version,
            },
            oldest_age_seconds: None,
            counts: Counts::default(),
            in_per_second: 0.0,
            out_per_second: 0.0,
            failed_share: None,
            drain_seconds: None,
            name: row.name,
        };
        if let Some((standing, about)) = standing.remove(&line.name) {
            line.stand(&standing, about);
        }
        let dead = dead.get(&line.name).copied().unwrap_or_default();
        line.counts.dead = if dead_about { Count::about(dead) } else { Count::exact(dead) };
        line.rates(now);
        queues.push(line);
    }
    Ok(Overview { now, queues, deploys: deploys(conn).await? })
}

/// One queue, if there is one of this name.
pub async fn line(conn: &mut PgConnection, name: &str) -> Result<Option<QueueLine>, QueueError> {
    Ok(overview(conn).await?.queues.into_iter().find(|line| line.name == name))
}

impl QueueLine {
    fn stand(&mut self, standing: &Standing, about: bool) {
        let count = |value| Count { value, about };
        self.counts = Counts {
            scheduled: count(standing.scheduled),
            retrying: count(standing.retrying),
            snoozed: count(standing.snoozed),
            waiting: count(standing.waiting),
            ready: count(standing.ready),
            running: count(standing.running),
            dead: Count::default(),
        };
        self.oldest_age_seconds = standing.oldest;
    }

    fn rates(&mut self, now: DateTime<Utc>) {
        let seconds = f64::from(RATE_MINUTES * 60);
        let from = now - chrono::TimeDelta::minutes(i64::from(RATE_MINUTES) + 1);
        let recent: Vec<_> = self.points.iter().filter(|point| point.at > from).rev().take(5).collect();
        self.in_per_second = recent.iter().map(|point| point.enqueued).sum::<i64>() as f64 / seconds;
        self.out_per_second = recent.iter().map(|point| point.done + point.dead).sum::<i64>() as f64 / seconds;
        let failed: i64 = self.points.iter().map(|point| point.failed).sum();
        let ended = failed + self.points.iter().map(|point| point.done).sum::<i64>();
        self.failed_share = (ended > 0).then(|| failed as f64 / ended as f64);
        let due = self.counts.ready.value + self.counts.waiting.value + self.counts.running.value;
        let speed = self.out_per_second - self.in_per_second;
        self.drain_seconds = match due {
            0 => Some(0.0),
            due if speed > 0.0 => Some(due as f64 / speed),
            _ => None,
        };
    }
}

/// Few enough to look at each.
async fn counted(conn: &mut PgConnection) -> Result<Vec<Standing>, QueueError> {
    let rows = sqlx::query_as!(
        Standing,
        r#"with full_keys as materialized (
             select t.concurrency_key from jobs.tasks t where t.concurrency_slot is not null
             group by t.concurrency_key having count(*) >= max(t.concurrency_limit)
           ), live as (
             select t.queue, greatest(t.run_at, t.created_at) as due_at,
               case
                 when t.status = 'running' then 'running'
                 when t.run_at > now() then case when t.snoozed then 'snoozed' when t.attempts > 0 then 'retrying' else 'scheduled' end
                 when t.rank = 'infinity' or t.concurrency_key in (select concurrency_key from full_keys) then 'waiting'
                 else 'ready'
               end as state
             from jobs.tasks t
           )
           select l.queue as "queue!", count(*) filter (where l.state = 'scheduled') as "scheduled!",
             count(*) filter (where l.state = 'retrying') as "retrying!", count(*) filter (where l.state = 'snoozed') as "snoozed!",
             count(*) filter (where l.state = 'waiting') as "waiting!", count(*) filter (where l.state = 'ready') as "ready!",
             count(*) filter (where l.state = 'running') as "running!",
             extract(epoch from now() - min(l.due_at) filter (where l.state in ('ready', 'waiting')))::double precision as oldest
           from live l group by l.queue"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// As the last sample saw them; the oldest are looked up at the front of each line.
async fn sampled(conn: &mut PgConnection) -> Result<Vec<Standing>, QueueError> {
    let rows = sqlx::query_as!(
        Standing,
        r#"select q.name as "queue!", coalesce(s.scheduled, 0) as "scheduled!", coalesce(s.retrying, 0) as "retrying!",
             coalesce(s.snoozed, 0) as "snoozed!", coalesce(s.waiting, 0) as "waiting!", coalesce(s.ready, 0) as "ready!",
             coalesce(s.running, 0) as "running!", extract(epoch from now() - f.oldest)::double precision as oldest
           from jobs.queues q
           left join (
             select s.queue, sum(s.scheduled_count) as scheduled, sum(s.retrying_count) as retrying, sum(s.snoozed_count) as snoozed,
               sum(s.waiting_count) as waiting, sum(s.ready_count) as ready, sum(s.running_count) as running
             from jobs.queue_samples s
             where s.at = (select max(at) from jobs.queue_samples where at > now() - interval '10 minutes') group by s.queue
           ) s on s.queue = q.name
           cross join lateral (
             select min(greatest(x.run_at, x.created_at)) as oldest from (
               (select t.run_at, t.created_at from jobs.tasks t where t.queue = q.name and t.concurrency_key is null and t.rank <= now()
                  and t.status = 'pending' and t.run_at <= now() order by t.rank, t.id limit 200)
               union all
               (select t.run_at, t.created_at from jobs.tasks t where t.queue = q.name and t.concurrency_key is not null and t.rank <= now()
                  and t.status = 'pending' and t.run_at <= now() order by t.rank, t.id limit 200)
             ) x
           ) f"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Dead tasks by queue, of the newest that are counted.
async fn dead(conn: &mut PgConnection) -> Result<Vec<(String, i64)>, QueueError> {
    let rows = sqlx::query!(
        r#"select h.queue as "queue!", count(*) as "count!" from (
             select h.queue from jobs.task_history h where h.status = 'dead' order by h.id desc limit $1
           ) h group by h.queue"#,
        COUNT_LIMIT + 1
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.queue, row.count)).collect())
}

async fn points(conn: &mut PgConnection) -> Result<BTreeMap<String, Vec<Point>>, QueueError> {
    let rows = sqlx::query!(
        r#"select s.queue, s.at, sum(s.ready_count + s.waiting_count) as "due!", sum(s.running_count) as "running!",
             coalesce(max(s.oldest_due_ms), 0) as "oldest!", sum(s.enqueued_count) as "enqueued!", sum(s.done_count) as "done!",
             sum(s.failed_count) as "failed!", sum(s.dead_count) as "dead!"
           from jobs.queue_samples s where s.at > now() - interval '1 hour' group by s.queue, s.at order by s.queue, s.at"#
    )
    .fetch_all(conn)
    .await?;
    let mut points: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for row in rows {
        points.entry(row.queue).or_default().push(Point {
            at: row.at,
            due: row.due,
            running: row.running,
            oldest_ms: row.oldest,
            enqueued: row.enqueued,
            done: row.done,
            failed: row.failed,
            dead: row.dead,
        });
    }
    Ok(points)
}

pub(super) async fn deploys(conn: &mut PgConnection) -> Result<Vec<Deploy>, QueueError> {
    let rows = sqlx::query_as!(
        Deploy,
        r#"select w.version, min(w.started_at) as "at!" from jobs.workers w
           where w.last_seen_at > now() - interval '1 hour' and w.started_at > now() - interval '1 hour'
           group by w.version order by 2"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
