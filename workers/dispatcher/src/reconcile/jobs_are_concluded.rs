//! Every ended job is concluded, and every scan after its last job (steps 7 and 9).
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("concluding.find").await?;
    upkeep::conclude_ended(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
