//! What people do to single tasks, queues and workers. Rights, reasons and audit rows are the caller's.
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
