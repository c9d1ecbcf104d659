//! One struct a service. A `read` takes every value, so that all mistakes are known before it gives up.
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use mipo_domain::versions::Version;
use mipo_protocol::signature::PublicKey;

use super::judges::{
    drill_identity, job_signing_key, limits, listen, max_leases, public_url, scanner_offline, secrets_key,
    without_effect,
};
use super::otlp::Otlp;
use super::reader::{ConfigError, Effective, Reader};
use super::values::{DatabaseUrl, Environment, Secret};
use crate::telemetry::{self, LogFormat};

/// What every service has.
#[derive(Clone, Debug)]
pub struct Common {
    /// `DATABASE_URL`
    pub database_url: DatabaseUrl,
    /// `DB_POOL_MAX`
    pub db_pool_max: u32,
    /// `MIPO_ENV`
    pub environment: Environment,
    /// `OPS_LISTEN_ADDR`
    pub ops_listen_addr: SocketAddr,
    /// `RUST_LOG`
    pub log_filter: String,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_HEADERS`
    pub otlp: Otlp,
}

impl Common {
    /// The environment is known even where the rest is not: what else is right depends on it.
    fn read(reader: &mut Reader) -> (Option<Self>, Environment) {
        let database_url: Option<DatabaseUrl> = reader.required("DATABASE_URL");
        let shown = database_url.as_ref().map_or_else(|| "(hidden)".to_owned(), DatabaseUrl::redacted);
        reader.hide("DATABASE_URL", shown);
        let db_pool_max = reader.within("DB_POOL_MAX", 10, 2..=500);
        let environment = reader.or("MIPO_ENV", Environment::Production);
        let ops_listen_addr = listen(reader, "OPS_LISTEN_ADDR", crate::ops::PORT);
        let log_filter = reader.or("RUST_LOG", "info".to_owned());
        if let Err(problem) = telemetry::check_filter(&log_filter) {
            reader.mistake("RUST_LOG", problem);
        }
        let log_format = reader.or("LOG_FORMAT", LogFormat::Json);
        let otlp = Otlp::read(reader);
        let common = database_url.map(|database_url| Self {
            database_url,
            db_pool_max,
            environment,
            ops_listen_addr,
            log_filter,
            log_format,
            otlp,
        });
        (common, environment)
    }
}

/// The manager: GUI and admin API.
#[derive(Clone, Debug)]
pub struct Manager {
    /// What every service has.
    pub common: Common,
    /// `LISTEN_ADDR`
    pub listen_addr: SocketAddr,
    /// `PUBLIC_URL`, without a slash at the end
    pub public_url: Option<String>,
    /// `TRUSTED_PROXIES`
    pub trusted_proxies: Vec<IpNet>,
    /// `SECRETS_KEY`: `id:base64` list, the first one seals
    pub secrets_key: Secret,
    /// `RELEASE_PUBLIC_KEY`, base64
    pub release_public_key: Option<PublicKey>,
    /// `MAX_TARGET_IPS`
    pub max_target_ips: u64,
    /// `MAX_PROBES_PER_SCAN`
    pub max_probes_per_scan: u64,
    /// `SESSION_IDLE_MINUTES`
    pub session_idle_minutes: u32,
    /// `SESSION_ABSOLUTE_HOURS`
    pub session_absolute_hours: u32,
    /// `PASSWORD_MIN_LENGTH`
    pub password_min_length: u32,
    /// `BACKUP_API_TOKEN`
    pub backup_api_token: Secret,
    /// `BACKUP_API_URL`
    pub backup_api_url: String,
    /// `OUTBOUND_ALLOW_CIDRS`
    pub outbound_allow_cidrs: Vec<IpNet>,
}

impl Manager {
    /// Reads and judges everything.
    pub fn read(mut reader: Reader) -> Result<(Self, Effective), ConfigError> {
        let r = &mut reader;
        let (common, environment) = Common::read(r);
        let (secrets_key, backup_api_token) = (secrets_key(r), r.required_secret("BACKUP_API_TOKEN"));
        let (listen_addr, public_url) = (listen(r, "LISTEN_ADDR", 3000), public_url(r, environment));
        let (trusted_proxies, release_public_key) = (r.list("TRUSTED_PROXIES"), r.optional("RELEASE_PUBLIC_KEY"));
        without_effect(r, "ASN_TABLE", None);
        // The dispatcher acts on it; a wrong value is named wherever it is given.
        scanner_offline(r);
        let (max_target_ips, max_probes_per_scan) = limits(r);
        let session_idle_minutes = r.within("SESSION_IDLE_MINUTES", 60, 1..=60);
        let session_absolute_hours = r.within("SESSION_ABSOLUTE_HOURS", 24, 1..=24);
        let password_min_length = r.within("PASSWORD_MIN_LENGTH", 15, 8..=256);
        let backup_api_url = r.or("BACKUP_API_URL", "http://backup:3002".to_owned());
        let outbound_allow_cidrs = r.list("OUTBOUND_ALLOW_CIDRS");
        done(reader, || {
            Some(Self {
                common: common?,
                listen_addr,
                public_url,
                trusted_proxies,
                secrets_key: secrets_key?,
                release_public_key,
                max_target_ips,
                max_probes_per_scan,
                session_idle_minutes,
                session_absolute_hours,
                password_min_length,
                backup_api_token: backup_api_token?,
                backup_api_url,
                outbound_allow_cidrs,
            })
        })
    }
}

/// Ingest: scanner and discovery API.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// What every service has.
    pub common: Common,
    /// `LISTEN_ADDR`
    pub listen_addr: SocketAddr,
    /// `PUBLIC_URL`, without a slash at the end
    pub public_url: Option<String>,
    /// `TRUSTED_PROXIES`
    pub trusted_proxies: Vec<IpNet>,
    /// `RELEASE_DIR`
    pub release_dir: Option<PathBuf>,
    /// `RELEASE_PUBLIC_KEY`, base64
    pub release_public_key: Option<PublicKey>,
    /// `MIN_SCANNER_VERSION`
    pub min_scanner_version: Option<Version>,
    /// `JOB_LEASE_SECONDS`
    pub job_lease_seconds: u32,
    /// `JOB_MAX_LEASE_ATTEMPTS`
    pub job_max_lease_attempts: u32,
    /// `UNAUTH_CALLS_PER_MINUTE`
    pub unauth_calls_per_minute: u32,
    /// `KEY_CALLS_PER_MINUTE`
    pub key_calls_per_minute: u32,
}

impl Ingest {
    /// Reads and judges everything.
    pub fn read(mut reader: Reader) -> Result<(Self, Effective), ConfigError> {
        let r = &mut reader;
        let (common, environment) = Common::read(r);
        let (listen_addr, public_url) = (listen(r, "LISTEN_ADDR", 3001), public_url(r, environment));
        let trusted_proxies = r.list("TRUSTED_PROXIES");
        without_effect(r, "ASN_TABLE", None);
        let (release_dir, release_public_key) = (r.optional("RELEASE_DIR"), r.optional("RELEASE_PUBLIC_KEY"));
        let min_scanner_version = r.optional("MIN_SCANNER_VERSION");
        let job_lease_seconds = r.within("JOB_LEASE_SECONDS", 300, 60..=900);
        let job_max_lease_attempts = max_leases(r);
        let unauth_calls_per_minute = r.within("UNAUTH_CALLS_PER_MINUTE", 60, 1..=1_000_000);
        let key_calls_per_minute = r.within("KEY_CALLS_PER_MINUTE", 600, 1..=1_000_000);
        done(reader, || {
            Some(Self {
                common: common?,
                listen_addr,
                public_url,
                trusted_proxies,
                release_dir,
                release_public_key,
                min_scanner_version,
                job_lease_seconds,
                job_max_lease_attempts,
                unauth_calls_per_minute,
                key_calls_per_minute,
            })
        })
    }
}

/// The dispatcher.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    /// What every service has.
    pub common: Common,
    /// `SECRETS_KEY`: `id:base64` list, the first one seals
    pub secrets_key: Secret,
    /// `JOB_SIGNING_KEY`, Ed25519 seed in base64; made and stored sealed without one
    pub job_signing_key: Option<Secret>,
    /// `SCANNER_OFFLINE_SECONDS`
    pub scanner_offline_seconds: u32,
    /// `JOB_MAX_LEASE_ATTEMPTS`
    pub job_max_lease_attempts: u32,
    /// `MIN_SCANNER_VERSION`
    pub min_scanner_version: Option<Version>,
    /// `PROGRESS_TIMEOUT_AUTO_FAIL`
    pub progress_timeout_auto_fail: bool,
    /// `MAX_JOB_AGE_MINUTES`
    pub max_job_age_minutes: u32,
    /// `MAX_TARGET_IPS`
    pub max_target_ips: u64,
    /// `MAX_PROBES_PER_SCAN`
    pub max_probes_per_scan: u64,
    /// `FLEET_MAX_PPS_PER_HOST`, 0 = unlimited
    pub fleet_max_pps_per_host: u32,
    /// `SYSTEM_EVENTS_RETENTION_DAYS`
    pub system_events_retention_days: u32,
    /// `OPEN_OBSERVATION_RETENTION_DAYS`, 0 = keep
    pub open_observation_retention_days: u32,
    /// `TASK_RETENTION_DAYS`
    pub task_retention_days: u32,
    /// `DEAD_TASK_RETENTION_DAYS`
    pub dead_task_retention_days: u32,
    /// `OUTBOUND_ALLOW_CIDRS`
    pub outbound_allow_cidrs: Vec<IpNet>,
}

impl Dispatcher {
    /// Reads and judges everything.
    pub fn read(mut reader: Reader) -> Result<(Self, Effective), ConfigError> {
        let r = &mut reader;
        let (common, _) = Common::read(r);
        let (secrets_key, job_signing_key) = (secrets_key(r), job_signing_key(r));
        let min_scanner_version = r.optional("MIN_SCANNER_VERSION");
        let (scanner_offline_seconds, job_max_lease_attempts) = (scanner_offline(r), max_leases(r));
        let max_job_age_minutes = r.within("MAX_JOB_AGE_MINUTES", 1440, 5..=43_200);
        let progress_timeout_auto_fail = r.or("PROGRESS_TIMEOUT_AUTO_FAIL", false);
        let (max_target_ips, max_probes_per_scan) = limits(r);
        let fleet_max_pps_per_host = r.within("FLEET_MAX_PPS_PER_HOST", 200, 0..=1_000_000);
        // Confirming by a second look comes with its own job kind; until then flips are stored unconfirmed.
        without_effect(r, "CHANGE_CONFIRM", Some("off"));
        let system_events_retention_days = r.within("SYSTEM_EVENTS_RETENTION_DAYS", 90, 7..=3650);
        without_effect(r, "NOTIFICATION_RETENTION_DAYS", Some("90"));
        let open_observation_retention_days = r.within("OPEN_OBSERVATION_RETENTION_DAYS", 90, 0..=3650);
        let task_retention_days = r.within("TASK_RETENTION_DAYS", 7, 1..=3650);
        let dead_task_retention_days = r.within("DEAD_TASK_RETENTION_DAYS", 90, 1..=3650);
        let outbound_allow_cidrs = r.list("OUTBOUND_ALLOW_CIDRS");
        done(reader, || {
            Some(Self {
                common: common?,
                secrets_key: secrets_key?,
                job_signing_key,
                scanner_offline_seconds,
                job_max_lease_attempts,
                min_scanner_version,
                progress_timeout_auto_fail,
                max_job_age_minutes,
                max_target_ips,
                max_probes_per_scan,
                fleet_max_pps_per_host,
                system_events_retention_days,
                open_observation_retention_days,
                task_retention_days,
                dead_task_retention_days,
                outbound_allow_cidrs,
            })
        })
    }
}

/// The backup service.
#[derive(Clone, Debug)]
pub struct Backup {
    /// What every service has.
    pub common: Common,
    /// `LISTEN_ADDR`
    pub listen_addr: SocketAddr,
    /// `SECRETS_KEY`: `id:base64` list, the first one seals
    pub secrets_key: Secret,
    /// `BACKUP_API_TOKEN`
    pub backup_api_token: Secret,
    /// `BACKUP_DIR`
    pub backup_dir: PathBuf,
    /// `BACKUP_RECIPIENTS`
    pub backup_recipients: Vec<String>,
    /// What `BACKUP_DRILL_IDENTITY_FILE` holds
    pub backup_drill_identity: Option<Secret>,
    /// `OUTBOUND_ALLOW_CIDRS`
    pub outbound_allow_cidrs: Vec<IpNet>,
}

impl Backup {
    /// Reads and judges everything.
    pub fn read(mut reader: Reader) -> Result<(Self, Effective), ConfigError> {
        let r = &mut reader;
        let (common, _) = Common::read(r);
        let (secrets_key, backup_api_token) = (secrets_key(r), r.required_secret("BACKUP_API_TOKEN"));
        let listen_addr = listen(r, "LISTEN_ADDR", 3002);
        let backup_dir = PathBuf::from(r.or("BACKUP_DIR", "/backups".to_owned()));
        let (backup_recipients, outbound_allow_cidrs) = (r.list("BACKUP_RECIPIENTS"), r.list("OUTBOUND_ALLOW_CIDRS"));
        let backup_drill_identity = drill_identity(r);
        done(reader, || {
            Some(Self {
                common: common?,
                listen_addr,
                secrets_key: secrets_key?,
                backup_api_token: backup_api_token?,
                backup_dir,
                backup_recipients,
                backup_drill_identity,
                outbound_allow_cidrs,
            })
        })
    }
}

/// Without mistakes every `?` in `make` finds its value; with some, they are the answer.
fn done<T>(reader: Reader, make: impl FnOnce() -> Option<T>) -> Result<(T, Effective), ConfigError> {
    let effective = reader.finish()?;
    make().map(|config| (config, effective)).ok_or_else(|| ConfigError(Vec::new()))
}

#[cfg(test)]
mod tests {
    use mipo_domain::sealing::Sealer;

    use super::*;

    #[test]
    fn defaults_are_those_of_the_specification() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key");
        let secret = Sealer::generate_list(&crate::OsEntropy);
        std::fs::write(&key, &secret).expect("writes");
        let (config, effective) = Dispatcher::read(Reader::from_values([
            ("DATABASE_URL", "postgres:///mipo?host=/run/postgresql&user=mipo_dispatcher".to_owned()),
            ("SECRETS_KEY_FILE", key.display().to_string()),
        ]))
        .expect("good");
        assert_eq!((config.scanner_offline_seconds, config.max_target_ips), (120, 16_777_216));
        assert_eq!(config.common.ops_listen_addr.to_string(), "0.0.0.0:9100");
        assert!(effective.iter().any(|setting| setting.name == "FLEET_MAX_PPS_PER_HOST" && setting.value == "200"));
        assert!(!format!("{config:?} {effective:?}").contains(&secret));
    }

    #[test]
    fn several_wrong_values_are_named_together() {
        let error = Ingest::read(Reader::from_values([
            ("DATABASE_URL", "postgres://db/mipo"),
            ("JOB_LEASE_SECONDS", "5"),
            ("LISTEN_ADDR", "here"),
            ("LOG_FORMAT", "xml"),
        ]))
        .expect_err("wrong");
        let names: Vec<_> = error.0.iter().map(|mistake| mistake.name.as_str()).collect();
        assert_eq!(names, ["DATABASE_URL", "LOG_FORMAT", "LISTEN_ADDR", "JOB_LEASE_SECONDS"]);
    }
}
