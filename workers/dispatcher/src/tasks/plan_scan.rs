//! Step 2: plans a requested scan; of a planned one, signs anew what waits for it.
use std::sync::Arc;

use mipo_app::planning::{self, Planned};
use mipo_domain::ids::ScanId;
use mipo_queue::payloads::PlanScan;
use mipo_queue::{Data, HandlerError, Outcome, TaskContext};

use crate::{World, keys};

/// Plans, or with the last attempt ends the scan.
pub async fn run(ids: PlanScan, task: TaskContext, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    match plan(ids.scan_id, &world).await {
        Err(error) if task.is_last_attempt() || error.is_abort() => {
            give_up(ids.scan_id, &world).await?;
            Err(error)
        }
        other => other,
    }
}

/// A scan that nobody can plan would be tried for ever. A database that is away is no fault of the scan: then this fails
/// too, and the scan is found again by the next round.
async fn give_up(id: ScanId, world: &World) -> Result<(), HandlerError> {
    let mut tx = world.db.tx("planning.give_up").await?;
    planning::give_up(&mut tx, &world.ctx(), id).await?;
    tx.commit().await?;
    Ok(())
}

/// Reads in one snapshot, resolves names outside any transaction, writes in one.
async fn plan(id: ScanId, world: &World) -> Result<Outcome, HandlerError> {
    let (ctx, rules) = (world.ctx(), keys::rules(world));
    let key = keys::signing_key(world).await?;
    let mut read = world.db.read("planning.load").await?;
    let draft = planning::load(&mut read, id, ctx.now()).await?;
    drop(read);
    let Some(draft) = draft else {
        let mut tx = world.db.tx("planning.sign_anew").await?;
        planning::sign_anew(&mut tx, &ctx, &rules, &key, id).await?;
        tx.commit().await?;
        return Ok(Outcome::Done);
    };
    let resolved = planning::resolve(draft.host_names()).await;
    let mut tx = world.db.tx("planning.write").await?;
    let planned = planning::write(&mut tx, &ctx, &draft, &resolved, &rules, &key).await?;
    tx.commit().await?;
    match planned {
        Planned::Jobs(jobs) => tracing::info!(scan.id = id.get(), jobs, "planned"),
        Planned::Refused => tracing::warn!(scan.id = id.get(), "the plan is refused"),
        Planned::NotNeeded => {}
    }
    Ok(Outcome::Done)
}
