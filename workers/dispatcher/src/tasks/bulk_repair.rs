//! Carries out the same repair of many job errors, a transaction each.
use std::sync::Arc;
use std::time::Duration;

use mipo_queue::payloads::BulkRepair;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};

use crate::World;
use crate::tasks::repair_job::repair;

/// What an earlier attempt carried out is found done.
pub async fn run(ids: BulkRepair, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    for id in ids.job_error_ids {
        if task.cancelled().is_cancelled() {
            return Ok(Outcome::Snooze(Duration::from_secs(1)));
        }
        repair(&world, id).await?;
    }
    world.ring();
    Ok(Outcome::Done)
}
