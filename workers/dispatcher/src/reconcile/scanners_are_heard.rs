//! A scanner that is called active was heard of within `SCANNER_OFFLINE_SECONDS`.
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("scanners.mark_silent").await?;
    let silent = upkeep::mark_silent(&mut tx, &world.ctx(), world.config.scanner_offline_seconds).await?;
    tx.commit().await?;
    if silent > 0 {
        tracing::warn!(scanners = silent, "scanners went silent");
    }
    Ok(())
}
