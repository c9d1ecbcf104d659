//! Wires the backup service: what `mipo backup` and `mipo up` start.
use std::sync::Arc;

use axum::Router;
use mipo_runtime::{Shutdown, config};
use mipo_store::Db;

use crate::http;

/// Gives the internal API, once the folder of the bundles is there.
#[expect(clippy::unused_async, reason = "all services start in the same way")]
pub async fn start(
    config: &config::Backup,
    db: Db,
    _shutdown: &Shutdown,
) -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    std::fs::create_dir_all(&config.backup_dir)
        .map_err(|error| format!("BACKUP_DIR: {}: {error}", config.backup_dir.display()))?;
    Ok(http::router(Arc::new(http::Backup {
        db,
        token: config.backup_api_token.clone(),
        folder: config.backup_dir.clone(),
    })))
}
