//! Why a pending task does not run.
use chrono::{DateTime, Utc};
use mipo_domain::ids::TaskId;
use sqlx::PgConnection;

use super::{Count, database};
use crate::QueueError;

/// Tasks that are counted before one's own in the line.
const AHEAD_MAX: i64 = 1000;
/// Tasks of a group or key that are named.
const NAMED: i64 = 20;
/// A statement that runs longer makes the database slow.
const SLOW_SECONDS: f64 = 5.0;

/// A reason; several can hold at once. The first one is what must change first.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Its queue is paused. Resume it.
    Paused,
    /// It is not due yet. Run it now.
    NotDue {
        /// When it will be.
        run_at: DateTime<Utc>,
        /// `scheduled`, `retrying` or `snoozed`.
        state: &'static str,
    },
    /// Tasks of the group that it waits for have not ended.
    Group {
        /// The group.
        group: String,
        /// How many are left.
        left: Count,
        /// Some of them.
        tasks: Vec<TaskId>,
    },
    /// As many tasks of its concurrency key run as may.
    KeyLimit {
        /// The key.
        key: String,
        /// So many may run at once.
        limit: i64,
        /// Those that run.
        holders: Vec<Holder>,
    },
    /// As many tasks of its queue run as may over all processes. Raise the bound.
    QueueBound {
        /// The bound.
        max_running: i64,
        /// How many run.
        running: i64,
    },
    /// As many tasks of its queue began as may in this time.
    RateLimit {
        /// So many may begin …
        limit: i64,
        /// … in so many seconds.
        seconds: i64,
        /// When the next one may.
        free_at: Option<DateTime<Utc>>,
    },
    /// No live process works on its queue.
    NoWorker {
        /// Processes that do and were lost within the last hour.
        lost: i64,
    },
    /// Every process that works on its queue is draining.
    Draining {
        /// How many.
        workers: i64,
    },
    /// Workers of its queue live, but no running version knows its kind.
    UnknownKind,
    /// Every slot for its queue is taken. Raise the concurrency.
    NoFreeSlot {
        /// Slots of all live processes for its queue.
        slots: i64,
        /// How many are taken.
        busy: i64,
    },
    /// A statement has run for long.
    DatabaseSlow {
        /// For so many seconds.
        seconds: f64,
        /// How it begins.
        statement: String,
    },
    /// Nothing holds it; so many stand before it in the line.
    InLine {
        /// Tasks before it.
        ahead: Count,
    },
}

/// A task that holds a slot of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub id: TaskId,
    /// Its kind.
    pub kind: String,
    /// Since when.
    pub started_at: DateTime<Utc>,
    /// Which worker runs it.
    pub worker: Option<String>,
}

struct Pending {
    queue: String,
    kind: String,
    run_at: DateTime<Utc>,
    state: String,
    paused: bool,
    concurrency: i32,
    max_running: Option<i32>,
    rate_limit: Option<i32>,
    rate_seconds: i32,
    concurrency_key: Option<String>,
    concurrency_limit: Option<i16>,
    waits_for: Option<String>,
    bounded: i64,
}

/// Why the task does not run. `None`: it is not pending.
pub async fn why(conn: &mut PgConnection, id: TaskId) -> Result<Option<Vec<Why>>, QueueError> {
    let task = sqlx::query_as!(
        Pending,
        r#"select t.queue, t.kind, t.run_at, jobs.shown_state(t) as "state!", q.paused, q.concurrency, q.max_running, q.rate_limit, q.rate_seconds,
             t.concurrency_key, t.concurrency_limit, t.waits_for,
             (select count(*) from jobs.tasks b where b.queue = q.name and b.bounded) as "bounded!"
           from jobs.tasks t join jobs.queues q on q.name = t.queue where t.id = $1 and t.status = 'pending'"#,
        id.as_uuid()
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(task) = task else { return Ok(None) };
    let mut all = Vec::new();
    if task.paused {
        all.push(Why::Paused);
    }
    let not_due = ["scheduled", "retrying", "snoozed"].into_iter().find(|state| *state == task.state);
    if let Some(state) = not_due {
        all.push(Why::NotDue { run_at: task.run_at, state });
    }
    all.extend(group(conn, &task).await?);
    all.extend(key(conn, &task).await?);
    if let Some(bound) = task.max_running.map(i64::from).filter(|bound| task.bounded >= *bound) {
        all.push(Why::QueueBound { max_running: bound, running: task.bounded });
    }
    all.extend(rate(conn, &task).await?);
    all.extend(capacity(conn, &task).await?);
    if not_due.is_none() {
        all.extend(slow(conn).await?);
    }
    if all.is_empty() {
        all.push(Why::InLine { ahead: ahead(conn, id).await? });
    }
    Ok(Some(all))
}

async fn group(conn: &mut PgConnection, task: &Pending) -> Result<Option<Why>, QueueError> {
    let Some(group) = &task.waits_for else { return Ok(None) };
    let ids = sqlx::query_scalar!(
        "select t.id from jobs.tasks t where t.group_key = $1 order by t.id limit $2",
        group,
        NAMED
    )
    .fetch_all(&mut *conn)
    .await?;
    if ids.is_empty() {
        return Ok(None);
    }
    let left = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from jobs.tasks t where t.group_key = $1 limit $2) n"#,
        group,
        super::COUNT_LIMIT + 1
    )
    .fetch_one(conn)
    .await?;
    let tasks = ids.into_iter().map(TaskId::from).collect();
    Ok(Some(Why::Group { group: group.clone(), left: Count::capped(left), tasks }))
}

async fn key(conn: &mut PgConnection, task: &Pending) -> Result<Option<Why>, QueueError> {
    let (Some(key), Some(limit)) = (&task.concurrency_key, task.concurrency_limit) else { return Ok(None) };
    let rows = sqlx::query!(
        r#"select t.id, t.kind, t.started_at, w.id as "worker?" from jobs.tasks t left join jobs.workers w on w.no = t.locked_by
           where t.concurrency_key = $1 and t.concurrency_slot is not null order by t.concurrency_slot"#,
        key
    )
    .fetch_all(conn)
    .await?;
    let limit = i64::from(limit);
    if (rows.len() as i64) < limit {
        return Ok(None);
    }
    let holders = rows.into_iter().take(NAMED as usize).filter_map(|row| {
        Some(Holder { id: row.id.into(), kind: row.kind, started_at: row.started_at?, worker: row.worker })
    });
    Ok(Some(Why::KeyLimit { key: key.clone(), limit, holders: holders.collect() }))
}

async fn rate(conn: &mut PgConnection, task: &Pending) -> Result<Option<Why>, QueueError> {
    let Some(limit) = task.rate_limit.map(i64::from) else { return Ok(None) };
    let seconds = i64::from(task.rate_seconds);
    let row = sqlx::query!(
        r#"select coalesce(sum(s.count), 0)::bigint as "count!", min(s.at) + make_interval(secs => $2) as free_at
           from jobs.queue_starts s where s.queue = $1 and s.at > now() - make_interval(secs => $2)"#,
        task.queue,
        seconds as f64
    )
    .fetch_one(conn)
    .await?;
    Ok((row.count >= limit).then_some(Why::RateLimit { limit, seconds, free_at: row.free_at }))
}

async fn capacity(conn: &mut PgConnection, task: &Pending) -> Result<Option<Why>, QueueError> {
    let workers = sqlx::query!(
        r#"select count(*) filter (where w.live and w.drain_requested_at is null) as "working!",
             count(*) filter (where w.live and w.drain_requested_at is not null) as "draining!", count(*) filter (where not w.live) as "lost!"
           from (select w.drain_requested_at, w.last_seen_at > now() - interval '30 seconds' as live from jobs.workers w
             where w.last_seen_at > now() - interval '1 hour' and w.stopped_at is null and $1 = any (w.queues)) w"#,
        task.queue
    )
    .fetch_one(&mut *conn)
    .await?;
    if workers.working == 0 {
        return Ok(Some(match workers.draining {
            0 => Why::NoWorker { lost: workers.lost },
            workers => Why::Draining { workers },
        }));
    }
    if crate::kinds::by_name(&task.kind).is_none() {
        return Ok(Some(Why::UnknownKind));
    }
    let slots = workers.working * i64::from(task.concurrency);
    let busy = sqlx::query_scalar!(
        r#"select (select count(*) from jobs.tasks k where k.queue = $1 and k.concurrency_slot is not null)
             + (select count(*) from (select t.status from jobs.tasks t where t.queue = $1 and t.concurrency_key is null
                  order by t.rank, t.id limit 1000 + $2::bigint) f where f.status = 'running') as "busy!""#,
        task.queue,
        slots
    )
    .fetch_one(conn)
    .await?;
    Ok((busy >= slots).then_some(Why::NoFreeSlot { slots, busy }))
}

async fn slow(conn: &mut PgConnection) -> Result<Option<Why>, QueueError> {
    let slowest = database::slowest(conn).await?.filter(|statement| statement.seconds >= SLOW_SECONDS);
    Ok(slowest.map(|found| Why::DatabaseSlow { seconds: found.seconds, statement: found.text }))
}

async fn ahead(conn: &mut PgConnection, id: TaskId) -> Result<Count, QueueError> {
    let ahead = sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
             select from jobs.tasks me join jobs.tasks t on t.queue = me.queue and (t.rank, t.id) < (me.rank, me.id) and t.status = 'pending'
             where me.id = $1 limit $2) n"#,
        id.as_uuid(),
        AHEAD_MAX + 1
    )
    .fetch_one(conn)
    .await?;
    Ok(if ahead > AHEAD_MAX { Count::about(AHEAD_MAX) } else { Count::exact(ahead) })
}
