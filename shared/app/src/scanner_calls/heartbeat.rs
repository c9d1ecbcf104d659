//! A scanner says that it lives.
use std::net::IpAddr;

use mipo_domain::ids::ScannerId;
use mipo_domain::states::{JobStatus, ScanStatus, ScannerStatus};
use mipo_protocol::messages::{Directive, HeartbeatAnswer, HeartbeatRequest, JobDirective, RunningJob};
use mipo_protocol::signature::{KeyId, RotatedKey, Signature};
use mipo_protocol::wire::HEARTBEAT_SECONDS;
use mipo_store::config::scanner_keys::{self, Heartbeat, Holder};
use mipo_store::config::{job_keys, live};
use mipo_store::jobs::leases::{self, Standing};
use mipo_store::{Conn, StoreError};
use serde_json::json;

use super::{AuthRules, MAX_WORD_CHARACTERS, check_word, read_key};
use crate::Ctx;
use crate::events::{self, Event};
use crate::leases::{directive, ids_and_attempts};
use crate::refusal::Refusal;

/// Most capabilities, and most running jobs that a heartbeat may list.
const MAX_CAPABILITIES: usize = 50;
const MAX_RUNNING_JOBS: usize = 64;
/// A machine that wakes up later than this may spoil what it measures; it is kept for the receipt.
const LATE_MS: u64 = 250;

/// Stores the heartbeat and answers what the scanner has to know.
pub async fn heartbeat(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &AuthRules,
    holder: &Holder,
    request: &HeartbeatRequest,
    source: IpAddr,
) -> Result<HeartbeatAnswer, Refusal> {
    check(request)?;
    let metrics = request.metrics.as_ref().map(serde_json::to_value).transpose();
    let before = scanner_keys::heartbeat(
        conn,
        holder.id,
        &Heartbeat {
            external_ip: &source.to_string(),
            scanner_version: request.version.as_deref(),
            hostname: request.hostname.as_deref(),
            internal_ip: request.internal_ip.map(|ip| ip.to_string()),
            capabilities: request.capabilities.as_deref(),
            metrics: metrics.map_err(|error| StoreError::inconsistent(error.to_string()))?,
            last_error: request.last_error.as_deref(),
        },
    )
    .await?;
    if let Some(late) = request.late_ms.filter(|late| *late >= LATE_MS) {
        let (ids, attempts) = ids_and_attempts(request.running_jobs.as_deref().unwrap_or_default());
        leases::note_late(conn, holder.id, &ids, &attempts, i64::try_from(late).unwrap_or(i64::MAX)).await?;
    }
    let returns = matches!(before, ScannerStatus::Pending | ScannerStatus::Offline);
    // Every open page fetches its regions anew when it hears this: only for what somebody waits to see. The age of the
    // last heartbeat and the load are fetched by the pages themselves, now and then.
    if returns || request.last_error.is_some() {
        live::emit(conn, live::topics::SCANNERS, &holder.id.to_string()).await?;
    }
    if returns {
        greet(conn, ctx, holder, before, source).await?;
    }
    Ok(HeartbeatAnswer {
        server_time: ctx.now(),
        heartbeat_seconds: HEARTBEAT_SECONDS,
        directives: directives(conn, holder.id, request).await?,
        draining: holder.draining_until.is_some_and(|until| until > ctx.now()),
        rotate_key: holder.rotate_key_requested,
        min_version: rules.min_version.as_ref().map(ToString::to_string),
        job_public_keys: rotated_keys(conn).await?,
    })
}

fn check(request: &HeartbeatRequest) -> Result<(), Refusal> {
    if let Some(version) = &request.version {
        check_word("version", version, 64)?;
    }
    if let Some(hostname) = &request.hostname {
        check_word("hostname", hostname, MAX_WORD_CHARACTERS)?;
    }
    if let Some(error) = &request.last_error {
        check_word("lastError", error, 2000)?;
    }
    if let Some(capabilities) = &request.capabilities {
        if capabilities.len() > MAX_CAPABILITIES {
            return Err(Refusal::invalid("capabilities", "too_many", format!("must be at most {MAX_CAPABILITIES}")));
        }
        for (n, word) in capabilities.iter().enumerate() {
            check_word(&format!("capabilities[{n}]"), word, 64)?;
        }
    }
    if request.running_jobs.as_ref().is_some_and(|jobs| jobs.len() > MAX_RUNNING_JOBS) {
        return Err(Refusal::invalid("runningJobs", "too_many", format!("must be at most {MAX_RUNNING_JOBS}")));
    }
    Ok(())
}

/// The first heartbeat, or the first one after a silence.
async fn greet(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    holder: &Holder,
    before: ScannerStatus,
    source: IpAddr,
) -> Result<(), Refusal> {
    let what = if before == ScannerStatus::Pending { "sent its first heartbeat" } else { "is back" };
    events::raise(
        conn,
        ctx,
        Event {
            source: "ingest",
            kind: "scanner_up",
            severity: "info",
            entity_type: "scanner",
            entity_id: &holder.id.to_string(),
            summary: &format!("{} {what}, from {source}", holder.name),
            detail: json!({ "sourceIp": source, "before": before.as_str() }),
        },
    )
    .await?;
    Ok(())
}

/// What to do with the jobs that the scanner says it runs.
async fn directives(
    conn: &mut Conn,
    scanner: ScannerId,
    request: &HeartbeatRequest,
) -> Result<Vec<JobDirective>, Refusal> {
    let running: Vec<RunningJob> = request.running_jobs.iter().flatten().copied().collect();
    let ids: Vec<i64> = running.iter().map(|job| job.job_id.get()).collect();
    // Without a lock: the heartbeat holds the scanner's row, and whoever concludes a job holds the job's.
    let standings = leases::standings(conn, scanner, &ids).await?;
    let mut answers = Vec::with_capacity(running.len());
    for job in running {
        let own = standings.iter().find(|standing| {
            standing.id == job.job_id && i64::from(standing.lease_attempt) == i64::from(job.lease_attempt)
        });
        let directive = own.map_or(Ok(Directive::Stop), stands)?;
        answers.push(JobDirective { job_id: job.job_id, directive });
    }
    Ok(answers)
}

fn stands(standing: &Standing) -> Result<Directive, StoreError> {
    let unreadable = |error: &dyn std::fmt::Display| StoreError::inconsistent(format!("job {}: {error}", standing.id));
    let status: JobStatus = standing.status.parse().map_err(|error| unreadable(&error))?;
    let scan: ScanStatus = standing.scan_status.parse().map_err(|error| unreadable(&error))?;
    Ok(if status.is_leased() { directive(scan, &standing.hold_reasons) } else { Directive::Stop })
}

/// Keys in use that another one vouches for. They are named for as long as they sign, also after the one before them is
/// retired: a scanner that was off during the rotation still learns them.
pub async fn rotated_keys(conn: &mut Conn) -> Result<Vec<RotatedKey>, Refusal> {
    let keys = job_keys::in_use(conn).await?;
    let mut rotated = Vec::with_capacity(keys.len());
    for row in keys.iter().filter(|row| row.signed_by.is_some()) {
        let (key_id, public_key) = read_key(row)?;
        rotated.push(RotatedKey {
            key_id,
            public_key,
            signed_by: row.signed_by.clone().map(KeyId),
            signature: row.signature.as_deref().and_then(Signature::from_slice),
        });
    }
    Ok(rotated)
}
