//! What people do to single tasks, queues and workers. Rights, reasons and audit rows are the caller's.
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::kinds::Kind;
use crate::{QueueError, TaskId};

/// What became of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was pending, and has ended.
    AtOnce,
    /// It runs; its worker hears of it now.
    Asked,
    /// There is no such task, or it has ended already.
    Gone,
}

/// Cancels a task.
pub async fn cancel(conn: &mut PgConnection, id: TaskId) -> Result<Cancelled, QueueError> {
    let answer = sqlx::query_scalar!("select jobs.cancel_task($1)", id.as_uuid()).fetch_one(conn).await?;
    Ok(match answer.as_deref() {
        Some("cancelled") => Cancelled::AtOnce,
        Some(_) => Cancelled::Asked,
        None => Cancelled::Gone,
    })
}

/// Gives a dead or cancelled task its kind's attempts once more, under its own id. False: it is neither.
pub async fn retry(conn: &mut PgConnection, id: TaskId, kind: &Kind) -> Result<bool, QueueError> {
    let moved =
        sqlx::query_scalar!(r#"select jobs.retry_task($1, $2) as "moved!""#, id.as_uuid(), i32::from(kind.attempts))
            .fetch_one(conn)
            .await?;
    Ok(moved)
}

/// Sets a pending, dead or cancelled task aside. Answers the state that it had; `None`: it has none of these.
pub async fn discard(conn: &mut PgConnection, id: TaskId) -> Result<Option<String>, QueueError> {
    Ok(sqlx::query_scalar!("select jobs.discard_task($1)", id.as_uuid()).fetch_one(conn).await?)
}

/// Takes a discard back, within 24 h. Answers the state that the task has again; `None`: it is too late, or it was
/// not discarded.
pub async fn undo_discard(conn: &mut PgConnection, id: TaskId) -> Result<Option<String>, QueueError> {
    Ok(sqlx::query_scalar!("select jobs.undo_discard($1)", id.as_uuid()).fetch_one(conn).await?)
}

/// A scheduled, retrying or snoozed task runs now. False: it does not wait for its time.
pub async fn run_now(conn: &mut PgConnection, id: TaskId) -> Result<bool, QueueError> {
    Ok(sqlx::query_scalar!(r#"select jobs.run_now($1) as "moved!""#, id.as_uuid()).fetch_one(conn).await?)
}

/// Another priority (0 to 9) for a pending task. False: it does not wait.
pub async fn set_priority(conn: &mut PgConnection, id: TaskId, priority: u8) -> Result<bool, QueueError> {
    let moved = sqlx::query_scalar!(
        r#"select jobs.set_priority($1, $2) as "moved!""#,
        id.as_uuid(),
        i16::from(priority.min(9))
    )
    .fetch_one(conn)
    .await?;
    Ok(moved)
}

/// What an operator sets for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Nothing is claimed.
    pub paused: bool,
    /// Slots of one process.
    pub concurrency: i32,
    /// Running tasks over all processes; none = no bound.
    pub max_running: Option<i32>,
    /// Starts in `rate_seconds` over all processes; none = no limit.
    pub rate_limit: Option<i32>,
    /// The window of the rate limit, in seconds.
    pub rate_seconds: i32,
    /// Days that done, cancelled and discarded tasks are kept; none = the product's setting.
    pub keep_done_days: Option<i32>,
    /// Days that dead tasks are kept; none = the product's setting.
    pub keep_dead_days: Option<i32>,
}

/// Changes a queue whose `version` the caller has seen. Answers the new version; `None`: it changed meanwhile.
pub async fn set_queue(
    conn: &mut PgConnection,
    name: &str,
    version: i32,
    settings: QueueSettings,
) -> Result<Option<i32>, QueueError> {
    let version = sqlx::query_scalar!(
        "select jobs.set_queue($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        name,
        version,
        settings.paused,
        settings.concurrency,
        settings.max_running,
        settings.rate_limit,
        settings.rate_seconds,
        settings.keep_done_days,
        settings.keep_dead_days
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

/// A worker takes no new work, or does again. False: it has ended.
pub async fn drain_worker(conn: &mut PgConnection, no: i32, drain: bool) -> Result<bool, QueueError> {
    Ok(sqlx::query_scalar!(r#"select jobs.drain_worker($1, $2) as "found!""#, no, drain).fetch_one(conn).await?)
}

/// What an operator set for a queue, with the version to name in [`set_queue`].
pub async fn queue(conn: &mut PgConnection, name: &str) -> Result<Option<(QueueSettings, i32)>, QueueError> {
    let row = sqlx::query!(
        "select paused, concurrency, max_running, rate_limit, rate_seconds, keep_done_days, keep_dead_days, version from jobs.queues where name = $1",
        name
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let settings = QueueSettings {
            paused: row.paused,
            concurrency: row.concurrency,
            max_running: row.max_running,
            rate_limit: row.rate_limit,
            rate_seconds: row.rate_seconds,
            keep_done_days: row.keep_done_days,
            keep_dead_days: row.keep_dead_days,
        };
        (settings, row.version)
    }))
}

/// What a task is and how it is shown, for refusals and audit rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// The shown state (product 9.1).
    pub state: String,
    /// 0 to 9.
    pub priority: i16,
}

/// How a task stands; `None`: there is none.
pub async fn standing(conn: &mut PgConnection, id: TaskId) -> Result<Option<Standing>, QueueError> {
    let row = sqlx::query_as!(
        Standing,
        r#"select t.kind as "kind!", t.queue as "queue!", t.state as "state!", t.priority as "priority!" from jobs.all_tasks t where t.id = $1"#,
        id.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Hides a failure group until `until`, or, with `None`, shows it again.
pub async fn snooze_failure(
    conn: &mut PgConnection,
    fingerprint: &str,
    until: Option<DateTime<Utc>>,
    reason: &str,
    by: &str,
) -> Result<(), QueueError> {
    sqlx::query_scalar!("select jobs.snooze_failure($1, $2, $3, $4)", fingerprint, until, reason, by)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The worker of this number: its id, and whether it was asked to drain.
pub async fn worker(conn: &mut PgConnection, no: i32) -> Result<Option<(String, bool)>, QueueError> {
    let row = sqlx::query!(
        r#"select id, drain_requested_at is not null as "draining!" from jobs.workers where no = $1 and stopped_at is null"#,
        no
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.draining)))
}
