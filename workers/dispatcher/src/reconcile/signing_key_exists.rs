//! The key that signs jobs exists from the first round on, so that new scanners can be given its public half.
use mipo_queue::HandlerError;

use crate::{World, keys};

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    keys::signing_key(world).await?;
    Ok(())
}
