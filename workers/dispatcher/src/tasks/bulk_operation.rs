//! Works through a bulk operation that an operator asked for, a batch a transaction.
use std::sync::Arc;
use std::time::Duration;

use mipo_queue::payloads::BulkOperation;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext, bulk};
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
        let more = bulk::step(&mut tx, id).await?;
        live::emit(&mut tx, live::topics::QUEUES, &format!("bulk:{id}")).await?;
        tx.commit().await?;
        if !more {
            return Ok(Outcome::Done);
        }
    }
}
