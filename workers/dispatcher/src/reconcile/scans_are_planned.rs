//! Every requested scan is planned (step 2).
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("scans.plan_requested").await?;
    upkeep::plan_requested(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
