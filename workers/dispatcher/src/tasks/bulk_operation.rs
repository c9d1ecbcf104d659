//! Works through a bulk operation that an operator asked for, a batch a transaction.
use std::sync::Arc;
use std::time::Duration;

use mipo_queue::payloads::BulkOperation;
use mipo_queue::{Data, HandlerError, Outcome, QueueError, TaskContext, bulk};
use mipo_store::config::live;

use crate::World;

/// Until nothing is left, somebody stops the operation, or this process ends; the next attempt goes on at its cursor.
pub async fn run(ids: BulkOperation, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let id = ids.operation_id;
    loop {
        if task.cancelled().is_cancelled() {
            let mut tx = world.db.tx("bulk.interrupted").await?;
            bulk::interrupted(&mut tx, id, task.task_id()).await?;
            tx.commit().await?;
            return Ok(Outcome::Snooze(Duration::from_secs(1)));
        }
        let mut tx = world.db.tx("bulk.step").await?;
        let step = bulk::step(&mut tx, id).await;
        match step {
            Ok(more) => {
                live::emit(&mut tx, live::topics::QUEUES, &format!("bulk:{id}")).await?;
                tx.commit().await?;
                if !more {
                    return Ok(Outcome::Done);
                }
            }
            Err(error) => {
                drop(tx);
                return Err(give_up(&world, &task, id, error).await);
            }
        }
    }
}

/// The operation ends with the last attempt of its task.
async fn give_up(world: &World, task: &TaskContext, id: uuid::Uuid, error: QueueError) -> HandlerError {
    if task.is_last_attempt() {
        let failed = async {
            let mut tx = world.db.tx("bulk.fail").await?;
            bulk::fail(&mut tx, id).await?;
            tx.commit().await?;
            Ok::<_, HandlerError>(())
        };
        if failed.await.is_err() {
            tracing::error!(%id, "a bulk operation cannot be marked as failed");
        }
    }
    error.into()
}
