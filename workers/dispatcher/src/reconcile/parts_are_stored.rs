//! Every accepted part is stored (step 5b).
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("results.store_accepted").await?;
    upkeep::store_accepted(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
