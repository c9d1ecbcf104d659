//! Step 2: plans a requested scan; of a planned one, signs anew what waits for it.
use std::sync::Arc;

use mipo_app::planning::{self, Planned};
use mipo_domain::ids::ScanId;
use mipo_queue::payloads::PlanScan;
use mipo_queue::{Data, HandlerError, Outcome};

use crate::{World, keys};

/// Plans. What follows when no attempt can is done by the pass `dead_tasks_are_told`.
pub async fn run(ids: PlanScan, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    plan(ids.scan_id, &world).await
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
