//! Wires the dispatcher: what `mipo dispatcher` and `mipo up` start.
use mipo_runtime::{Shutdown, config};
use mipo_store::Db;

use crate::Config;

/// Works until `shutdown`.
pub async fn run(
    config: &config::Dispatcher,
    db: Db,
    shutdown: &Shutdown,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    crate::run(db, Config::from(config.clone()), shutdown.clone()).await;
    Ok(())
}
