//! Carries out the repair of one job error that an operator asked for.
use std::sync::Arc;

use mipo_app::job_errors;
use mipo_domain::ids::JobErrorId;
use mipo_queue::payloads::RepairJob;
use mipo_queue::{Data, HandlerError, Outcome};

use crate::{World, keys};

/// Done once: what was carried out says so in the history, in the same transaction.
pub async fn run(ids: RepairJob, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    repair(&world, ids.job_error_id).await?;
    // Whether it helped is seen by the next round.
    world.ring();
    Ok(Outcome::Done)
}

/// The same, for one of many.
pub(super) async fn repair(world: &World, id: JobErrorId) -> Result<(), HandlerError> {
    let key = keys::signing_key(world).await?;
    let mut tx = world.db.tx("job_errors.carry_out").await?;
    job_errors::carry_out(&mut tx, &world.ctx(), &keys::rules(world), &key, id).await?;
    tx.commit().await?;
    Ok(())
}
