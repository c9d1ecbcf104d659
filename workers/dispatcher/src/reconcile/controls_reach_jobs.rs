//! What an operator said of a scan (pause, resume, cancel) holds for each of its jobs.
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("scans.reach_all_jobs").await?;
    upkeep::reach_all_jobs(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
