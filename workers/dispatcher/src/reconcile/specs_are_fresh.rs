//! A job that is to be handed out has a signature that holds: resumed jobs, those whose signature ends soon, and those
//! of a key that was replaced are signed anew.
use mipo_app::{planning, signing};
use mipo_queue::HandlerError;

use crate::{World, keys};

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let key = keys::signing_key(world).await?;
    let mut tx = world.db.tx("signing.replace_older").await?;
    signing::replace_older(&mut tx, &world.ctx(), &key).await?;
    tx.commit().await?;
    let mut tx = world.db.tx("planning.sign_anew_due").await?;
    let signed = planning::sign_anew_due(&mut tx, &world.ctx(), &keys::rules(world), &key).await?;
    tx.commit().await?;
    if signed > 0 {
        tracing::info!(jobs = signed, "signed anew");
    }
    Ok(())
}
