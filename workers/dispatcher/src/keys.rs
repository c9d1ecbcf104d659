//! The key that signs jobs, and the limits that a plan obeys, from the configuration.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Duration;
use mipo_app::planning::Rules;
use mipo_app::signing::{self, KeySource};
use mipo_domain::sealing::Sealer;
use mipo_protocol::signature::SigningKey;
use mipo_queue::HandlerError;
use mipo_runtime::config::{Environment, Secret};

use crate::World;

/// The key that signs jobs now; made by the first call of an installation.
pub(crate) async fn signing_key(world: &World) -> Result<SigningKey, HandlerError> {
    let Some(secrets) = &world.config.secrets_key else {
        return Err(HandlerError::retry("SECRETS_KEY is not set, so the signing key can neither be kept nor opened"));
    };
    let sealer = Sealer::from_list(secrets.expose())?;
    let configured = world.config.job_signing_key.as_ref().map(configured).transpose()?;
    let mut tx = world.db.tx("signing.active_key").await?;
    let source = KeySource { sealer: &sealer, configured: configured.as_ref() };
    let key = signing::active_key(&mut tx, &world.ctx(), &source).await?;
    tx.commit().await?;
    Ok(key)
}

fn configured(text: &Secret) -> Result<SigningKey, HandlerError> {
    let bytes = STANDARD.decode(text.expose().trim()).ok();
    let seed: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    let wrong = "JOB_SIGNING_KEY is not the base64 of 32 bytes";
    seed.map(|seed| SigningKey::from_seed(&seed)).ok_or_else(|| HandlerError::retry(wrong))
}

/// The limits that a plan obeys.
pub(crate) fn rules(world: &World) -> Rules {
    let config = &world.config;
    Rules {
        max_target_ips: config.max_target_ips,
        max_probes_per_scan: config.max_probes_per_scan,
        fleet_max_pps_per_host: config.fleet_max_pps_per_host,
        development: config.environment == Environment::Development,
        max_job_age: Duration::minutes(config.max_job_age_minutes.into()),
    }
}
