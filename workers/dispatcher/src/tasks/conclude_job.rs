//! Step 7: concludes an ended job when all its parts are stored.
use std::sync::Arc;
use std::time::Duration;

use mipo_app::concluding::{self, Concluded};
use mipo_queue::payloads::ConcludeJob;
use mipo_queue::{Data, HandlerError, Outcome};

use crate::World;

/// How soon it looks again whether the parts are stored.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Waits for parts and for earlier jobs without using an attempt.
pub async fn run(ids: ConcludeJob, world: Data<Arc<World>>) -> Result<Outcome, HandlerError> {
    let mut tx = world.db.tx("concluding.job").await?;
    let concluded = concluding::conclude_job(&mut tx, &world.ctx(), ids.job_id).await?;
    tx.commit().await?;
    match concluded {
        Concluded::Yes => {
            let mut tx = world.db.tx("concluding.learn_speed").await?;
            concluding::learn_speed(&mut tx, ids.job_id).await?;
            tx.commit().await?;
            Ok(Outcome::Done)
        }
        Concluded::NotEnded => Ok(Outcome::Done),
        Concluded::Waits => Ok(Outcome::Snooze(LOOK_AGAIN)),
    }
}
