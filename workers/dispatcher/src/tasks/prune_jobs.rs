//! Deletes scan jobs and parts 30 days after their end, and cuts of scopes that nobody used for 90 days.
use std::sync::Arc;

use mipo_queue::payloads::Nothing;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};
use mipo_store::jobs::lapses;

use crate::World;

/// One batch a transaction.
pub async fn run(_: Nothing, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    while !task.cancelled().is_cancelled() {
        let mut tx = world.db.tx("jobs.prune").await?;
        let gone = lapses::prune(&mut tx).await?;
        tx.commit().await?;
        if gone == 0 {
            break;
        }
    }
    Ok(Outcome::Done)
}
