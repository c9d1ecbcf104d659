//! Tells open pages of the queues what their traffic changed. A queue sends no event of its own, because thousands of
//! tasks a second would be thousands of events: while somebody looks, one statement a second sees whether anything that
//! is shown has become another, for all who look; while nobody does, there is none.
use std::time::Duration;

use mipo_app::ops::views::sample;
use mipo_store::Db;
use mipo_store::config::live::{Heard, topics};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::hub::{Hub, Message};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// The entity of what it tells: `data-live="queues"` hears it, and so does `queues:sample` beside one task.
pub const ENTITY: &str = "sample";

/// Looks until `stop`, as long as a stream listens to the queues.
pub async fn run(hub: &Hub, db: &Db, stop: &CancellationToken) {
    let mut watched = hub.watched();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            gone = watched.wait_for(|streams| *streams > 0) => if gone.is_err() { return },
        }
        // What changed while nobody looked is not known: the first look of a while tells in any case.
        let mut last = None;
        while *watched.borrow() > 0 {
            let next = Instant::now() + EVERY;
            match look(db).await {
                Ok(mark) if last.as_ref() != Some(&mark) => {
                    last = Some(mark);
                    let heard = Heard { topic: topics::QUEUES.to_owned(), entity_id: ENTITY.to_owned() };
                    hub.tell([Message::Changed(heard)]);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the queues could not be sampled; it is tried again"),
            }
            tokio::select! { () = stop.cancelled() => return, () = sleep_until(next) => {} }
        }
    }
}

async fn look(db: &Db) -> Result<String, mipo_app::AppError> {
    let mut tx = db.look("live.sample").await?;
    Ok(sample::mark(&mut tx).await?)
}
