//! `/api/scanners`
mod bind;
mod create;
mod delete;
mod detail;
mod disable;
mod drain;
mod enable;
mod events;
mod filter_values;
mod history;
mod key_history;
mod list;
mod regenerate_token;
mod release_binding;
mod rotate_key;
mod undrain;
mod update;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::scanners::{self, Enrolment, NewScanner, Scanner, ScannerPatch, TOKEN_MINUTES};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::common::{IfMatch, NamedAnswer, named};
use crate::enrolment::Commands;
use crate::state::App;

/// A scanner.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Scanner)]
pub struct ScannerAnswer {
    id: Uuid,
    name: String,
    description: String,
    /// `pending`, `active`, `offline` or `disabled`.
    status: String,
    /// True while it gets no new jobs.
    draining: bool,
    draining_until: Option<DateTime<Utc>>,
    /// `ip`, `subnet`, `asn` or `none`.
    binding_mode: String,
    bound_ip: Option<String>,
    /// Calls from outside the binding.
    ip_mismatch_count: i32,
    /// Calls with a wrong key.
    failed_auth_count: i32,
    /// Probes per second, 0 = no limit.
    rate_limit: i32,
    max_concurrent_jobs: i32,
    /// The part of its key before the secret.
    key_prefix: Option<String>,
    key_created_at: Option<DateTime<Utc>>,
    key_last_used_at: Option<DateTime<Utc>>,
    /// It is asked to take a new key at its next heartbeat.
    rotate_key_requested: bool,
    /// When the one-time token of its key was used a second time; make a new token then.
    key_flagged_at: Option<DateTime<Utc>>,
    /// Until when its unused provisioning token works.
    token_expires_at: Option<DateTime<Utc>>,
    first_heartbeat_at: Option<DateTime<Utc>>,
    last_heartbeat_at: Option<DateTime<Utc>>,
    scanner_version: Option<String>,
    hostname: Option<String>,
    platform: Option<String>,
    arch: Option<String>,
    internal_ip: Option<String>,
    external_ip: Option<String>,
    capabilities: Vec<String>,
    /// As of its last heartbeat.
    #[schema(value_type = Object)]
    metrics: Value,
    last_error: Option<String>,
    /// Probes per second that it reached, moving mean.
    measured_pps: Option<f64>,
    /// SHA-256 of its program, as it says.
    binary_sha256: Option<String>,
    /// Subnets that it scans.
    subnets: Vec<NamedAnswer>,
    /// Jobs that it holds.
    leased_jobs: i64,
    /// Jobs that wait for it.
    waiting_jobs: i64,
    created_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Counts edits.
    version: i32,
}

impl ScannerAnswer {
    fn of(scanner: Scanner, now: DateTime<Utc>) -> Self {
        Self {
            id: scanner.id.as_uuid(),
            draining: scanners::is_draining(&scanner, now),
            subnets: named(&scanner.subnets),
            binary_sha256: scanner.binary_sha256.as_ref().map(hex::encode),
            name: scanner.name,
            description: scanner.description,
            status: scanner.status,
            draining_until: scanner.draining_until,
            binding_mode: scanner.binding_mode,
            bound_ip: scanner.bound_ip,
            ip_mismatch_count: scanner.ip_mismatch_count,
            failed_auth_count: scanner.failed_auth_count,
            rate_limit: scanner.rate_limit,
            max_concurrent_jobs: scanner.max_concurrent_jobs,
            key_prefix: scanner.api_key_prefix,
            key_created_at: scanner.api_key_created_at,
            key_last_used_at: scanner.api_key_last_used_at,
            rotate_key_requested: scanner.rotate_key_requested,
            key_flagged_at: scanner.key_flagged_at,
            token_expires_at: scanner.token_expires_at,
            first_heartbeat_at: scanner.first_heartbeat_at,
            last_heartbeat_at: scanner.last_heartbeat_at,
            scanner_version: scanner.scanner_version,
            hostname: scanner.hostname,
            platform: scanner.platform,
            arch: scanner.arch,
            internal_ip: scanner.internal_ip,
            external_ip: scanner.external_ip,
            capabilities: scanner.capabilities,
            metrics: scanner.metrics,
            last_error: scanner.last_error,
            measured_pps: scanner.measured_pps,
            leased_jobs: scanner.leased_jobs,
            waiting_jobs: scanner.waiting_jobs,
            created_by: scanner.created_by,
            created_at: scanner.created_at,
            updated_at: scanner.updated_at,
            version: scanner.version,
        }
    }
}

/// A scanner with its one-time token, which is in no other answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Enrolment)]
pub struct EnrolmentAnswer {
    scanner: ScannerAnswer,
    /// `mipo_pt_…`, shown this once.
    token: String,
    token_expires_at: DateTime<Utc>,
    /// Installs, enrols and starts it; `null` while no release is served.
    install_command: Option<String>,
    /// Enrols it where the program is there already.
    enrol_command: String,
    /// SHA-256 of the install script as it is served, hex; `null` while that is not known.
    script_sha256: Option<String>,
    /// The release files that the install command may fetch.
    binaries: Vec<BinaryAnswer>,
}

/// A release file that is served.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleaseFile)]
pub struct BinaryAnswer {
    /// `mipo-scanner-<platform>-<architecture>`
    name: String,
    /// SHA-256, hex; `--sha256` of the install command takes it where no signature can be checked.
    sha256: String,
}

impl EnrolmentAnswer {
    pub(crate) fn of(enrolment: Enrolment, commands: Commands, now: DateTime<Utc>) -> Self {
        Self {
            token: enrolment.token.reveal().to_owned(),
            token_expires_at: enrolment.expires_at,
            scanner: ScannerAnswer::of(enrolment.scanner, now),
            install_command: commands.install,
            enrol_command: commands.enrol,
            script_sha256: commands.script_sha256,
            binaries: commands
                .binaries
                .into_iter()
                .map(|file| BinaryAnswer { name: file.name, sha256: file.sha256 })
                .collect(),
        }
    }
}

const fn one_hour() -> i64 {
    TOKEN_MINUTES
}

const fn one_job() -> i64 {
    1
}

fn by_address() -> String {
    "ip".to_owned()
}

/// A new scanner.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewScanner)]
pub struct NewScannerBody {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`.
    name: String,
    #[serde(default)]
    description: String,
    /// `ip`, `subnet` or `none`.
    #[serde(default = "by_address")]
    binding_mode: String,
    /// Probes per second, 0 to 100,000; 0 = no limit.
    #[serde(default)]
    rate_limit: i64,
    /// 1 to 8.
    #[serde(default = "one_job")]
    max_concurrent_jobs: i64,
    /// How long the token works, 5 to 1,440 minutes.
    #[serde(default = "one_hour")]
    ttl_minutes: i64,
}

impl From<NewScannerBody> for NewScanner {
    fn from(body: NewScannerBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            binding_mode: body.binding_mode,
            rate_limit: body.rate_limit,
            max_concurrent_jobs: body.max_concurrent_jobs,
            token_minutes: body.ttl_minutes,
        }
    }
}

/// What is to change of a scanner.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ScannerPatch)]
pub struct ScannerPatchBody {
    /// The version that is edited; else `If-Match`.
    version: Option<i32>,
    name: Option<String>,
    description: Option<String>,
    binding_mode: Option<String>,
    rate_limit: Option<i64>,
    max_concurrent_jobs: Option<i64>,
}

impl ScannerPatchBody {
    fn patch(self, if_match: IfMatch) -> Result<ScannerPatch, AppError> {
        Ok(ScannerPatch {
            version: if_match.or(self.version)?,
            name: self.name,
            description: self.description,
            binding_mode: self.binding_mode,
            rate_limit: self.rate_limit,
            max_concurrent_jobs: self.max_concurrent_jobs,
        })
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(create::create))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(detail::detail))
        .routes(routes!(update::update))
        .routes(routes!(delete::delete))
        .routes(routes!(history::history))
        .routes(routes!(events::events))
        .routes(routes!(key_history::key_history))
        .routes(routes!(regenerate_token::regenerate_token))
        .routes(routes!(rotate_key::rotate_key))
        .routes(routes!(bind::bind))
        .routes(routes!(release_binding::release_binding))
        .routes(routes!(enable::enable))
        .routes(routes!(disable::disable))
        .routes(routes!(drain::drain))
        .routes(routes!(undrain::undrain))
}
