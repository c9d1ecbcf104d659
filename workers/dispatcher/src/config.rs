//! What a dispatcher needs to know.
use mipo_domain::versions::Version;
use mipo_runtime::config::{Environment, Secret};

/// The values of `mipo_runtime::config::Dispatcher` that steer its work; [`Config::default`] has the product's.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this process, unique among dispatchers.
    pub node: String,
    /// `MIPO_ENV`
    pub environment: Environment,
    /// `SECRETS_KEY`
    pub secrets_key: Option<Secret>,
    /// `JOB_SIGNING_KEY`
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
    /// `FLEET_MAX_PPS_PER_HOST`
    pub fleet_max_pps_per_host: u32,
    /// `SYSTEM_EVENTS_RETENTION_DAYS`
    pub system_events_retention_days: u32,
    /// `OPEN_OBSERVATION_RETENTION_DAYS`, 0 = keep
    pub open_observation_retention_days: u32,
    /// `TASK_RETENTION_DAYS`
    pub task_retention_days: u32,
    /// `DEAD_TASK_RETENTION_DAYS`
    pub dead_task_retention_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: "dispatcher".to_owned(),
            environment: Environment::Production,
            secrets_key: None,
            job_signing_key: None,
            scanner_offline_seconds: 120,
            job_max_lease_attempts: 5,
            min_scanner_version: None,
            progress_timeout_auto_fail: false,
            max_job_age_minutes: 1440,
            max_target_ips: 16_777_216,
            max_probes_per_scan: 1_000_000_000,
            fleet_max_pps_per_host: 200,
            system_events_retention_days: 90,
            open_observation_retention_days: 90,
            task_retention_days: 7,
            dead_task_retention_days: 90,
        }
    }
}

impl From<mipo_runtime::config::Dispatcher> for Config {
    fn from(read: mipo_runtime::config::Dispatcher) -> Self {
        Self {
            node: hostname(),
            environment: read.common.environment,
            secrets_key: Some(read.secrets_key),
            job_signing_key: read.job_signing_key,
            scanner_offline_seconds: read.scanner_offline_seconds,
            job_max_lease_attempts: read.job_max_lease_attempts,
            min_scanner_version: read.min_scanner_version,
            progress_timeout_auto_fail: read.progress_timeout_auto_fail,
            max_job_age_minutes: read.max_job_age_minutes,
            max_target_ips: read.max_target_ips,
            max_probes_per_scan: read.max_probes_per_scan,
            fleet_max_pps_per_host: read.fleet_max_pps_per_host,
            system_events_retention_days: read.system_events_retention_days,
            open_observation_retention_days: read.open_observation_retention_days,
            task_retention_days: read.task_retention_days,
            dead_task_retention_days: read.dead_task_retention_days,
        }
    }
}

/// Two dispatchers of one installation run on two hosts, or are two containers.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "dispatcher".to_owned() } else { format!("dispatcher-{name}") }
}
