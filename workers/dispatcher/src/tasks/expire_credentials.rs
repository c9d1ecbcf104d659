//! Deletes what has expired: tokens, login sessions, previous keys, kept answers, live events.
use std::sync::Arc;

use mipo_queue::payloads::Nothing;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};
use mipo_store::config::expiry::{self, Expiring};

use crate::World;

/// One batch a transaction.
pub async fn run(_: Nothing, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let mut tx = world.db.tx("expiry.previous_keys").await?;
    expiry::forget_previous_keys(&mut tx).await?;
    tx.commit().await?;
    for what in Expiring::ALL {
        loop {
            if task.cancelled().is_cancelled() {
                return Ok(Outcome::Done);
            }
            let mut tx = world.db.tx("expiry.delete").await?;
            let (_, more) = expiry::delete(&mut tx, what).await?;
            tx.commit().await?;
            if !more {
                break;
            }
        }
    }
    Ok(Outcome::Done)
}
