//! No scan is paused for ever.
use mipo_app::scans;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("scans.cancel_forgotten").await?;
    let cancelled = scans::cancel_forgotten(&mut tx, &world.ctx()).await?;
    tx.commit().await?;
    if cancelled > 0 {
        tracing::warn!(scans = cancelled, "scans were paused for too long and are cancelled");
    }
    Ok(())
}
