//! Blackout windows hold the jobs that they are about, as long as they last, and no others (product 7.5).
use std::time::Duration;

use mipo_app::blackouts;
use mipo_domain::clock::Clock as _;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("blackouts.reach_jobs").await?;
    let scans = blackouts::reach_jobs(&mut tx, &world.ctx(), None).await?;
    tx.commit().await?;
    if scans > 0 {
        tracing::info!(scans, "blackout windows held or released jobs");
    }
    Ok(())
}

/// How long until the next window begins or ends; none when there is none, or when it cannot be read now.
pub async fn until_edge(world: &World) -> Option<Duration> {
    let now = world.now();
    let edge = async {
        let mut tx = world.db.read("blackouts.next_edge").await?;
        Ok::<_, HandlerError>(blackouts::next_edge(&mut tx, now).await?)
    };
    match edge.await {
        Ok(edge) => (edge? - now).to_std().ok(),
        Err(error) => {
            tracing::warn!(?error, "cannot ask when the next blackout window begins or ends");
            None
        }
    }
}
