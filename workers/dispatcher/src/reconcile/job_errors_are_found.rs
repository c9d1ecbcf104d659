//! What is wrong with a job is known, told of, and closed when it is over (product 7.8).
use mipo_app::job_errors::{self, Rules};
use mipo_queue::HandlerError;

use crate::World;

/// Batches of specs that one round judges at most; the rest is judged by the next ones.
const BATCHES: usize = 10;

/// One round.
pub async fn run(world: &World) -> Result<(), HandlerError> {
    for _ in 0..BATCHES {
        let mut tx = world.db.tx("job_errors.judge").await?;
        let judged = job_errors::judge_specs(&mut tx).await?;
        tx.commit().await?;
        if judged == 0 {
            break;
        }
    }
    let rules = Rules {
        max_failed_leases: world.config.job_max_lease_attempts,
        min_version: world.config.min_scanner_version.as_ref(),
    };
    let mut tx = world.db.tx("job_errors.find").await?;
    let round = job_errors::find(&mut tx, &world.ctx(), &rules).await?;
    tx.commit().await?;
    if round.opened > 0 {
        tracing::warn!(job_errors = round.opened, "jobs need a repair");
    }
    if round.resolved > 0 {
        tracing::info!(job_errors = round.resolved, "job errors are over");
    }
    if world.config.progress_timeout_auto_fail {
        for id in round.stuck_running {
            let mut tx = world.db.tx("job_errors.fail_by_itself").await?;
            job_errors::fail_by_itself(&mut tx, &world.ctx(), id).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
