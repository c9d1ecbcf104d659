//! No job is older than `MAX_JOB_AGE_MINUTES`.
use mipo_app::upkeep;
use mipo_queue::HandlerError;

use crate::World;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("jobs.end_aged").await?;
    let aged = upkeep::end_aged(&mut tx, &world.ctx(), world.config.max_job_age_minutes).await?;
    tx.commit().await?;
    if aged > 0 {
        tracing::warn!(jobs = aged, "jobs timed out");
    }
    Ok(())
}
