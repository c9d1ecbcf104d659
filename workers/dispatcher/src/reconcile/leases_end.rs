//! A lease that ended unrenewed frees its job: no scan outlives its lease, and none is lost with its scanner.
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("leases.take_back").await?;
    let lapsed = upkeep::take_back_leases(&mut tx).await?;
    tx.commit().await?;
    if lapsed > 0 {
        tracing::warn!(jobs = lapsed, "leases ended unrenewed; their jobs go back");
    }
    Ok(())
}
