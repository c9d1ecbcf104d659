//! Starts schedules at their time (product 7.6): sleeps until the next start, at most 10 s, so that a schedule that
//! was made or moved meanwhile is seen in time.
use std::sync::Arc;
use std::time::Duration;

use mipo_app::schedules::{self, Ran};
use mipo_domain::clock::Clock as _;
use mipo_queue::HandlerError;
use tokio_util::sync::CancellationToken;

use crate::World;

/// The longest sleep.
const LONGEST: Duration = Duration::from_secs(10);
/// Starts of one transaction.
const BATCH: usize = 100;

/// Starts what is due, again and again, until `term` ends.
pub async fn run(world: Arc<World>, term: CancellationToken) {
    loop {
        let pause = match round(&world).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(?error, "cannot start what is due");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = term.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Starts everything that is due now. Answers how long to sleep.
pub async fn round(world: &World) -> Result<Duration, HandlerError> {
    while batch(world).await? == BATCH {}
    let mut tx = world.db.read("schedules.next").await?;
    let now = world.now();
    let next = mipo_store::config::schedules::next_start(&mut tx, now).await?;
    Ok(next.and_then(|next| (next - now).to_std().ok()).map_or(LONGEST, |wait| wait.min(LONGEST)))
}

/// Answers how many schedules were moved on; those that wait for their last run stay due and do not count.
async fn batch(world: &World) -> Result<usize, HandlerError> {
    let mut tx = world.db.tx("schedules.start").await?;
    let done = schedules::start_due(&mut tx, &world.ctx(), BATCH as i64).await?;
    tx.commit().await?;
    for (id, ran) in &done {
        match ran {
            Ran::Started(scans) => tracing::info!(schedule.id = %id, scans, "a schedule has started"),
            Ran::Skipped => tracing::info!(schedule.id = %id, "a run was left out: the one before has not ended"),
            Ran::Missed => tracing::warn!(schedule.id = %id, "a run was missed"),
            Ran::Waits => {}
        }
    }
    Ok(done.iter().filter(|(_, ran)| *ran != Ran::Waits).count())
}
