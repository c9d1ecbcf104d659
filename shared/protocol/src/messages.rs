//! Requests and answers of the scanner API, product 6.4.
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use mipo_domain::exclusions::Exclusion;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::states::JobStatus;
use serde::{Deserialize, Serialize};

use crate::signature::{JobPublicKey, RotatedKey, Signature};
use crate::spec::SignedSpec;
use crate::wire::Base64;

/// `POST /scanner/provision`. It holds a secret: no Debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisionRequest {
    /// The one-time token.
    pub token: String,
    /// The name of the machine.
    pub hostname: String,
    /// The scanner's version.
    pub version: String,
    /// `linux`, `darwin` or `windows`.
    pub platform: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// SHA-256 of the running binary.
    pub binary_sha256: Hash256,
}

/// Answer to [`ProvisionRequest`]. It holds a secret: no Debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionAnswer {
    /// Its id.
    pub scanner_id: ScannerId,
    /// Its name.
    pub name: String,
    /// Its key; shown this once.
    pub api_key: String,
    /// The job key to pin.
    pub job_public_key: JobPublicKey,
    /// How often to say that it lives.
    pub heartbeat_seconds: u32,
    /// The server's clock.
    pub server_time: DateTime<Utc>,
}

/// System metrics of the machine; a value that it cannot know is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Load average, 1 min.
    pub load_avg1m: Option<f64>,
    /// Load average, 5 min.
    pub load_avg5m: Option<f64>,
    /// Load average, 15 min.
    pub load_avg15m: Option<f64>,
    /// Memory.
    pub memory_total_bytes: Option<u64>,
    /// Memory that programs can still have.
    pub memory_available_bytes: Option<u64>,
    /// Received since boot.
    pub network_rx_bytes: Option<u64>,
    /// Sent since boot.
    pub network_tx_bytes: Option<u64>,
    /// CPUs.
    pub num_cpus: Option<u32>,
}

/// A job that the scanner works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningJob {
    /// The job.
    pub job_id: ScanJobId,
    /// With which attempt.
    pub lease_attempt: u32,
}

/// `POST /scanner/heartbeat`; everything is optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatRequest {
    /// The scanner's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Its own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_ip: Option<IpAddr>,
    /// What it can do, at most 50 words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// The machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// What it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_jobs: Option<Vec<RunningJob>>,
    /// How late the last heartbeat was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<u64>,
    /// What is wrong, such as a clock too far off to start a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// What a scanner is to do with a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Directive {
    /// Go on.
    #[default]
    Continue,
    /// Flush and release.
    Pause,
    /// Stop; the job is over.
    Stop,
}

/// A directive about one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobDirective {
    /// The job.
    pub job_id: ScanJobId,
    /// What to do.
    pub directive: Directive,
}

/// Answer to [`HeartbeatRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeartbeatAnswer {
    /// The server's clock.
    pub server_time: DateTime<Utc>,
    /// How often to say that it lives.
    pub heartbeat_seconds: u32,
    /// About the jobs that it works on.
    #[serde(default)]
    pub directives: Vec<JobDirective>,
    /// No new jobs.
    #[serde(default)]
    pub draining: bool,
    /// Rotate the key.
    #[serde(default)]
    pub rotate_key: bool,
    /// The lowest version that gets jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
    /// Job keys, during a rotation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub job_public_keys: Vec<RotatedKey>,
}

/// Answer to `POST /scanner/key/rotate`. It holds a secret: no Debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RotateAnswer {
    /// The new key; shown this once.
    pub api_key: String,
}

/// One job of the answer to `GET /scanner/jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedJob {
    /// The bytes of the spec.
    pub spec: Base64,
    /// The signature over them.
    pub signature: Signature,
    /// Equal to the spec's.
    pub job_id: ScanJobId,
    /// To be skipped besides the spec's.
    #[serde(default)]
    pub added_exclusions: Vec<Exclusion>,
    /// A lower ceiling than the spec's, 0 = unlimited.
    #[serde(default)]
    pub max_probes_per_second: u32,
    /// Where to go on.
    pub resume_index: u64,
    /// The attempt that this lease has.
    pub lease_attempt: u32,
    /// How long it lasts from now.
    pub lease_seconds: u32,
    /// The trace that the scan belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl ClaimedJob {
    /// The signed part of it.
    pub fn signed_spec(&self) -> SignedSpec {
        SignedSpec { spec: self.spec.clone(), signature: self.signature }
    }
}

/// `POST /scanner/jobs/:id/start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRequest {
    /// The attempt of the lease.
    pub lease_attempt: u32,
}

/// Answer to [`StartRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartAnswer {
    /// How long the lease lasts from now.
    pub lease_seconds: u32,
    /// What to do.
    #[serde(default)]
    pub directive: Directive,
}

/// `POST /scanner/jobs/:id/progress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgressRequest {
    /// The attempt of the lease.
    pub lease_attempt: u32,
    /// Every lower index has its verdict.
    pub probed_index: u64,
    /// Open ports so far.
    pub result_count: u64,
}

/// Answer to [`ProgressRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressAnswer {
    /// How long the lease lasts from now.
    pub lease_seconds: u32,
    /// What to do.
    #[serde(default)]
    pub directive: Directive,
    /// To be skipped besides the spec's.
    #[serde(default)]
    pub added_exclusions: Vec<Exclusion>,
    /// A lower ceiling than the spec's, 0 = unlimited.
    #[serde(default)]
    pub max_probes_per_second: u32,
}

/// Answer to `POST /scanner/jobs/:id/results`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultsAnswer {
    /// True.
    pub accepted: bool,
    /// The number of the next part.
    pub next_seq: u32,
    /// How long the lease lasts from now.
    pub lease_seconds: u32,
    /// What to do.
    #[serde(default)]
    pub directive: Directive,
}

/// `POST /scanner/jobs/:id/release`; the answer is `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The attempt of the lease.
    pub lease_attempt: u32,
    /// Every lower index has its verdict.
    pub probed_index: u64,
    /// Why.
    pub reason: String,
}

/// How a job ended, in the scanner's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CompleteStatus {
    /// Every index has its verdict.
    Completed,
    /// Refused or given up.
    Failed,
}

/// `POST /scanner/jobs/:id/complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompleteRequest {
    /// The attempt of the lease.
    pub lease_attempt: u32,
    /// How it ended.
    pub status: CompleteStatus,
    /// Open ports.
    pub result_count: u64,
    /// The number of the last part, −1 = none.
    pub last_seq: i64,
    /// Probes made.
    pub probes_attempted: u64,
    /// The scanner's own result hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_hash: Option<Hash256>,
    /// Why it failed, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Answer to [`CompleteRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteAnswer {
    /// The status that the job has from now on.
    pub final_status: JobStatus,
}
