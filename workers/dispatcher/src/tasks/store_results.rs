//! Step 5b: stores the accepted parts of one scanner in order, one transaction a part.
use std::sync::Arc;
use std::time::Duration;

use mipo_app::results;
use mipo_queue::payloads::StoreResults;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};

use crate::World;

/// Parts that one attempt stores at most; the rest is another task, so that no attempt runs into its deadline.
const PARTS: usize = 200;

/// After the last attempt the next one waits so long: what cannot be stored now can hardly be in ten seconds.
const PAUSE: Duration = Duration::from_secs(600);

/// Stores what waits; somebody is told when the last attempt fails too.
pub async fn run(ids: StoreResults, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    match store(ids, &task, &world).await {
        Err(error) if task.is_last_attempt() || error.is_abort() => {
            let mut tx = world.db.tx("results.store_failed").await?;
            results::store_failed(&mut tx, &world.ctx(), ids.scanner_id).await?;
            // Pending, it stands for the one that every round would ask for.
            mipo_queue::enqueue(&mut tx, StoreResults::task(ids.scanner_id).delay(PAUSE)).await?;
            tx.commit().await?;
            Err(error)
        }
        other => other,
    }
}

/// Until none is left.
async fn store(ids: StoreResults, task: &TaskContext, world: &World) -> Result<Outcome, HandlerError> {
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
    mipo_queue::enqueue(&mut tx, StoreResults::task(ids.scanner_id)).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}
