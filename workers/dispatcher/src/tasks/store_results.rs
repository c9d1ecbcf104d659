//! Step 5b: stores the accepted parts of one scanner in order, one transaction a part.
use std::sync::Arc;

use mipo_app::results;
use mipo_queue::payloads::StoreResults;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};

use crate::World;

/// Parts that one attempt stores at most; the rest is another task, so that no attempt runs into its deadline.
const PARTS: usize = 200;

/// Until none is left. What follows when no attempt can store a part is done by the pass `dead_tasks_are_told`.
pub async fn run(ids: StoreResults, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    for _ in 0..PARTS {
        if task.cancelled().is_cancelled() {
            break;
        }
        let mut tx = world.db.tx("results.store_part").await?;
        let stored = results::store_next_part(&mut tx, ids.scanner_id).await?;
        tx.commit().await?;
        if stored.is_none() {
            return Ok(Outcome::Done);
        }
    }
    let mut tx = world.db.tx("results.store_on").await?;
    let rest = StoreResults::task(ids.scanner_id).traceparent(task.traceparent());
    mipo_queue::enqueue(&mut tx, rest).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}
