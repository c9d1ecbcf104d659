//! Each minute: what stands in the queues and what began and ended in them, for the charts of the queue pages and for
//! the gauges of the ops listener.
use std::sync::Arc;

use mipo_queue::payloads::Nothing;
use mipo_queue::{Data, HandlerError, Outcome, upkeep};

use crate::World;

/// Writes the sample of the minute that has just ended.
pub async fn run(_: Nothing, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let mut tx = world.db.tx("tasks.sample").await?;
    upkeep::sample(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}
