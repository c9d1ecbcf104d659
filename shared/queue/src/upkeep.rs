//! What keeps the tables small, and what people do to single tasks.
use sqlx::PgConnection;

use crate::kinds::Kind;
use crate::{QueueError, TaskId};

/// Rows that one statement deletes at most.
const BATCH: i32 = 5000;

/// Days that are made ahead.
const DAYS_AHEAD: i32 = 7;

/// Makes the days of the history that are to come. Answers how many were missing.
pub async fn make_days(conn: &mut PgConnection) -> Result<i32, QueueError> {
    let made = sqlx::query_scalar!(r#"select jobs.keep_task_days($1) as "made!""#, DAYS_AHEAD).fetch_one(conn).await?;
    Ok(made)
}

/// Deletes one batch of what is past its time. Answers 0 when nothing is left; call it again otherwise, each time in
/// a transaction of its own.
pub async fn prune(conn: &mut PgConnection, days: u16, dead_days: u16) -> Result<i64, QueueError> {
    let gone = sqlx::query_scalar!(
        r#"select jobs.prune_tasks($1, $2, $3) as "gone!""#,
        i32::from(days),
        i32::from(dead_days),
        BATCH
    )
    .fetch_one(conn)
    .await?;
    Ok(gone)
}

/// What became of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It was pending, and has ended.
    AtOnce,
    /// It runs; its worker will hear of it with its next renewal.
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
