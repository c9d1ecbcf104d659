//! Keeps the partitions of the results series: the next ones made ahead, observations past their time dropped.
use std::sync::Arc;
use std::time::Duration;

use mipo_queue::payloads::Nothing;
use mipo_queue::{Data, HandlerError, Outcome};
use mipo_store::results::partitions;

use crate::World;

/// When partitions that were in use are tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// Whole partitions only: nothing is deleted row by row.
pub async fn run(_: Nothing, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let mut tx = world.db.tx("partitions.make_ahead").await?;
    partitions::make_ahead(&mut tx, super::PARTITION_DAYS).await?;
    tx.commit().await?;
    let days = i32::try_from(world.config.open_observation_retention_days).unwrap_or(0);
    if days > 0 {
        let mut tx = world.db.tx("partitions.drop_old").await?;
        let dropping = partitions::drop_old_observations(&mut tx, days).await?;
        tx.commit().await?;
        if dropping.dropped > 0 {
            tracing::info!(dropped = dropping.dropped, "dropped old observations");
        }
        if dropping.postponed > 0 {
            return Ok(Outcome::Snooze(AGAIN));
        }
    }
    Ok(Outcome::Done)
}
