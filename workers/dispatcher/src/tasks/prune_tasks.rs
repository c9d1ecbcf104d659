//! Keeps the history of tasks: days made ahead, old ones dropped.
use std::sync::Arc;

use mipo_queue::payloads::Nothing;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext, upkeep};

use crate::World;

/// One batch a transaction, so that nothing is locked for long and a stop is obeyed soon.
pub async fn run(_: Nothing, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let days = u16::try_from(world.config.task_retention_days).unwrap_or(u16::MAX);
    let dead_days = u16::try_from(world.config.dead_task_retention_days).unwrap_or(u16::MAX);
    let mut tx = world.db.tx("tasks.make_days").await?;
    upkeep::make_days(&mut tx).await?;
    tx.commit().await?;
    while !task.cancelled().is_cancelled() {
        let mut tx = world.db.tx("tasks.prune").await?;
        let gone = upkeep::prune(&mut tx, days, dead_days).await?;
        tx.commit().await?;
        if gone == 0 {
            break;
        }
    }
    Ok(Outcome::Done)
}
