//! What keeps the tables small and known: days, pruning, samples.
use sqlx::PgConnection;

use crate::{QueueError, TaskId, measures};

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

/// A task that ended dead, and of which nobody was told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadTask {
    /// The task.
    pub id: TaskId,
    /// The name of its kind.
    pub kind: String,
    /// What it was unique by. It names what the task was about also where the payload cannot be read.
    pub unique_key: Option<String>,
}

/// Takes at most `limit` dead tasks of which nobody was told yet, the oldest first. Whoever commits has told of them.
pub async fn take_dead(conn: &mut PgConnection, limit: u16) -> Result<Vec<DeadTask>, QueueError> {
    let rows =
        sqlx::query!(r#"select id as "id!", kind as "kind!", unique_key from jobs.tell_dead($1)"#, i32::from(limit))
            .fetch_all(conn)
            .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadTask { id: TaskId::from(row.id), kind: row.kind, unique_key: row.unique_key })
        .collect())
}

/// Counts a dead task that was told of, for `mipo_queue_dead_total`. Call it after the commit.
pub fn count_dead(task: &DeadTask) {
    metrics::counter!(measures::DEAD, "kind" => task.kind.clone()).increment(1);
}

/// Writes the sample of the minute that has ended, returns what live workers do not know of, and sets the gauges
/// of depth and oldest age.
pub async fn sample(conn: &mut PgConnection) -> Result<(), QueueError> {
    let unknown = sqlx::query_scalar!(r#"select jobs.return_unknown() as "count!""#).fetch_one(&mut *conn).await?;
    if unknown > 0 {
        tracing::error!(count = unknown, "returned tasks that their live worker did not know");
    }
    sqlx::query_scalar!("select jobs.sample(date_trunc('minute', clock_timestamp()))").fetch_one(&mut *conn).await?;
    let rows = sqlx::query!(
        r#"select q.name as queue, coalesce(sum(s.scheduled_count), 0) as "scheduled!", coalesce(sum(s.retrying_count), 0) as "retrying!",
             coalesce(sum(s.snoozed_count), 0) as "snoozed!", coalesce(sum(s.waiting_count), 0) as "waiting!",
             coalesce(sum(s.ready_count), 0) as "ready!", coalesce(sum(s.running_count), 0) as "running!",
             coalesce(max(s.oldest_due_ms), 0) as "oldest!"
           from jobs.queues q left join jobs.queue_samples s on s.queue = q.name and s.at = date_trunc('minute', clock_timestamp())
           group by q.name"#
    )
    .fetch_all(conn)
    .await?;
    for row in rows {
        let states = [
            ("scheduled", row.scheduled),
            ("retrying", row.retrying),
            ("snoozed", row.snoozed),
            ("waiting", row.waiting),
            ("ready", row.ready),
            ("running", row.running),
        ];
        for (state, count) in states {
            metrics::gauge!(measures::TASKS, "queue" => row.queue.clone(), "state" => state).set(count as f64);
        }
        metrics::gauge!(measures::OLDEST, "queue" => row.queue).set(row.oldest as f64 / 1000.0);
    }
    Ok(())
}
