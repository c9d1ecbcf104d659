//! What runs by the clock (product 9.4), and the clock itself.
use std::sync::Arc;
use std::time::Duration;

use mipo_queue::cron::{self, Entry};
use mipo_queue::{QueueError, kinds};
use tokio_util::sync::CancellationToken;

use crate::World;

/// The entries of `jobs.cron`, in UTC.
pub static ENTRIES: &[Entry] = &[
    Entry::new("rollup-queues", "* * * * *", &kinds::ROLLUP_QUEUES),
    Entry::new("prune-tasks", "*/15 * * * *", &kinds::PRUNE_TASKS),
    Entry::new("prune-events", "30 1 * * *", &kinds::PRUNE_EVENTS),
    Entry::new("prune-jobs", "40 1 * * *", &kinds::PRUNE_JOBS),
    Entry::new("prune-observations", "50 1 * * *", &kinds::PRUNE_OBSERVATIONS),
    Entry::new("expire-credentials", "*/5 * * * *", &kinds::EXPIRE_CREDENTIALS),
];

/// Says once what the table holds, looks after what must not wait for a tick, and ticks until `term` ends.
pub async fn run(world: Arc<World>, term: CancellationToken) {
    while let Err(error) = prepare(&world).await {
        tracing::warn!(%error, "cannot write the cron table yet");
        tokio::select! {
            () = term.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
    cron::run(world.db.pool().clone(), term).await;
}

/// An installation that was off for long finds no day and no partition for today; both are made before work begins.
async fn prepare(world: &World) -> Result<(), QueueError> {
    let mut conn = world.db.pool().acquire().await?;
    cron::keep(&mut conn, ENTRIES).await?;
    mipo_queue::upkeep::make_days(&mut conn).await?;
    if let Err(error) = mipo_store::results::partitions::make_ahead(&mut conn, crate::tasks::PARTITION_DAYS).await {
        tracing::warn!(%error, "cannot make partitions ahead");
    }
    Ok(())
}
