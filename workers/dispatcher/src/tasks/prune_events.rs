//! Deletes system events that are older than `SYSTEM_EVENTS_RETENTION_DAYS`.
use std::sync::Arc;

use mipo_queue::payloads::Nothing;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};
use mipo_store::config::events;

use crate::World;

/// One batch a transaction.
pub async fn run(_: Nothing, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let days = i32::try_from(world.config.system_events_retention_days).unwrap_or(i32::MAX);
    while !task.cancelled().is_cancelled() {
        let mut tx = world.db.tx("events.prune").await?;
        let gone = events::prune(&mut tx, days).await?;
        tx.commit().await?;
        if gone == 0 {
            break;
        }
    }
    Ok(Outcome::Done)
}
