//! Enqueuing inside the caller's transaction.
use std::time::Instant;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{NewTask, QueueError, TaskId, traces};

/// Enqueues `task` in the caller's open transaction. `None`: a pending task with the same unique key stands for it.
pub async fn enqueue(conn: &mut PgConnection, task: NewTask) -> Result<Option<TaskId>, QueueError> {
    Ok(enqueue_many(conn, vec![task]).await?.pop().flatten())
}

/// Enqueues `tasks` in one statement; the answers stand in their order.
pub async fn enqueue_many(conn: &mut PgConnection, tasks: Vec<NewTask>) -> Result<Vec<Option<TaskId>>, QueueError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(task) = tasks.iter().find(|task| task.kind.sealed != task.sealed.is_some()) {
        let reason =
            if task.kind.sealed { "holds secrets: seal it first" } else { "is not sealed: it holds ids alone" };
        return Err(QueueError::Payload { kind: task.kind.name, reason: reason.to_owned() });
    }
    let payloads = tasks
        .iter()
        .map(|task| if task.sealed.is_some() { Ok(None) } else { task.payload().map(Some) })
        .collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<Option<Uuid>> =
        tasks.iter().map(|task| task.sealed.as_ref().map(|sealed| sealed.0.as_uuid())).collect();
    let sealed: Vec<Option<Vec<u8>>> =
        tasks.iter().map(|task| task.sealed.as_ref().map(|sealed| sealed.1.clone())).collect();
    let column =
        |get: fn(&NewTask) -> Option<&str>| tasks.iter().map(|task| get(task).map(str::to_owned)).collect::<Vec<_>>();
    let queues: Vec<String> = tasks.iter().map(|task| task.kind.queue.to_owned()).collect();
    let kinds: Vec<String> = tasks.iter().map(|task| task.kind.name.to_owned()).collect();
    let priorities: Vec<i16> = tasks.iter().map(|task| task.priority).collect();
    let max_attempts: Vec<i32> = tasks.iter().map(|task| i32::from(task.kind.attempts)).collect();
    let run_ats: Vec<_> = tasks.iter().map(|task| task.run_at).collect();
    let delays: Vec<f64> = tasks.iter().map(|task| task.delay.as_secs_f64()).collect();
    let unique_keys = column(|task| task.unique_key.as_deref());
    let conflicts: Vec<String> = tasks.iter().map(|task| task.on_conflict.as_str().to_owned()).collect();
    let concurrency_keys = column(|task| task.concurrency_key.as_deref());
    let limits: Vec<Option<i16>> =
        tasks.iter().map(|task| task.concurrency_key.is_some().then_some(task.concurrency_limit)).collect();
    let groups = column(|task| task.group.as_deref());
    let waits = column(|task| task.waits_for.as_deref());
    let parents = column(|task| task.traceparent.as_deref());
    let creators = column(|task| task.created_by.as_deref());
    let begun = Instant::now();
    let rows = sqlx::query!(
        r#"select ordinal as "ordinal!", task_id as "task_id!"
           from jobs.enqueue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"#,
        &ids as _,
        &queues,
        &kinds,
        &payloads as _,
        &sealed as _,
        &priorities,
        &max_attempts,
        &run_ats as _,
        &delays,
        &unique_keys as _,
        &conflicts,
        &concurrency_keys as _,
        &limits as _,
        &groups as _,
        &waits as _,
        &parents as _,
        &creators as _,
    )
    .fetch_all(conn)
    .await?;
    let mut answers = vec![None; tasks.len()];
    for row in rows {
        if let Some(slot) = usize::try_from(row.ordinal - 1).ok().and_then(|index| answers.get_mut(index)) {
            *slot = Some(TaskId::from(row.task_id));
        }
    }
    let took = begun.elapsed();
    for (task, id) in tasks.iter().zip(&answers) {
        if let Some(id) = *id {
            traces::tell_enqueued(task, id, took);
        }
    }
    Ok(answers)
}
