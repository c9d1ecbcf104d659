//! Step 9: ends a scan whose jobs are all concluded.
use std::sync::Arc;

use mipo_app::concluding;
use mipo_queue::payloads::ConcludeScan;
use mipo_queue::{Data, HandlerError, Outcome};

use crate::World;

/// While a job is open there is nothing to do: the last one to be concluded asks again.
pub async fn run(ids: ConcludeScan, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let mut tx = world.db.tx("concluding.scan").await?;
    concluding::conclude_scan(&mut tx, &world.ctx(), ids.scan_id).await?;
    tx.commit().await?;
    Ok(Outcome::Done)
}
