//! Wires ingest: what `mipo ingest` and `mipo up` start.
use std::sync::Arc;

use axum::Router;
use mipo_app::leases::LeaseRules;
use mipo_app::scanner_calls::AuthRules;
use mipo_runtime::{OsEntropy, Shutdown, SystemClock, config};
use mipo_store::Db;

use crate::{Ingest, Settings, announce, router};

/// Starts the background work, which ends with `shutdown`, and gives the router of everything that ingest serves.
#[expect(clippy::unused_async, reason = "services are started alike, and others wait for the database here")]
pub async fn start(
    config: &config::Ingest,
    db: Db,
    shutdown: &Shutdown,
) -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    let settings = Settings {
        trusted_proxies: config.trusted_proxies.clone(),
        public_url: config.public_url.clone(),
        release_dir: config.release_dir.clone(),
        release_public_key: config.release_public_key,
        auth: AuthRules { min_version: config.min_scanner_version.clone() },
        leases: LeaseRules {
            lease_seconds: config.job_lease_seconds,
            max_failed_leases: config.job_max_lease_attempts,
            ..LeaseRules::default()
        },
        unauth_calls_per_minute: config.unauth_calls_per_minute,
        key_calls_per_minute: config.key_calls_per_minute,
    };
    let ingest = Ingest::new(db, Arc::new(SystemClock), Arc::new(OsEntropy), settings, shutdown.clone());
    tokio::spawn(Arc::clone(&ingest).listen());
    tokio::spawn(announce::run(Arc::clone(&ingest)));
    Ok(router(ingest))
}
