//! What a scanner does with its jobs: claim, start, progress, results, release, complete (product 6.4 and 7.5).
//!
//! Every call but the claim first locks the job and asks [`held`] whether the caller still holds it: same scanner,
//! same lease attempt, time left. A stale holder is told so and changes nothing.
mod calls;
mod claim;
mod complete;
mod results;

use mipo_domain::exclusions::Exclusion;
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::states::ScanStatus;
use mipo_protocol::messages::Directive;
use mipo_protocol::problem::Code;
use mipo_protocol::spec::Spec;
use mipo_store::config::scanner_keys::Holder;
use mipo_store::jobs::leases::{self, Lease};
use mipo_store::{Conn, StoreError};
use serde_json::Value;

pub use calls::{progress, release, start};
pub(crate) use claim::ids_and_attempts;
pub use claim::{Claim, claim};
pub use complete::complete;
pub use results::{Upload, accept};

use crate::exclusions;
use crate::refusal::Refusal;

/// How long leases last, and when hand-out stops.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRules {
    /// After `start`, progress and results.
    pub lease_seconds: u32,
    /// Between claim and `start`.
    pub assigned_seconds: u32,
    /// Failed leases in a row after which a job is not handed out by itself any more.
    pub max_failed_leases: u32,
}

impl Default for LeaseRules {
    fn default() -> Self {
        Self { lease_seconds: 300, assigned_seconds: 60, max_failed_leases: 5 }
    }
}

/// Locks the job and refuses unless `scanner` holds it with `attempt`.
pub(crate) async fn held(conn: &mut Conn, scanner: ScannerId, id: ScanJobId, attempt: u32) -> Result<Lease, Refusal> {
    let lease = leases::lock(conn, scanner, id).await?.ok_or_else(|| Refusal::job_not_found(id))?;
    still_held(&lease, attempt)?;
    Ok(lease)
}

/// Refuses unless the lease is the caller's and has time left.
pub(crate) fn still_held(lease: &Lease, attempt: u32) -> Result<(), Refusal> {
    if lease.status.is_terminal() {
        return Err(Refusal::new(Code::JobEnded, format!("scan job {} has ended as {}", lease.id, lease.status)));
    }
    if i64::from(attempt) != i64::from(lease.lease_attempt) {
        let detail = format!("lease attempt {attempt} is not the current one of scan job {}", lease.id);
        return Err(Refusal::new(Code::LeaseLost, detail));
    }
    if !lease.status.is_leased() || !lease.live {
        let detail = format!("the lease of scan job {} has ended; it is {} now", lease.id, lease.status);
        return Err(Refusal::new(Code::LeaseLost, detail));
    }
    Ok(())
}

/// What the holder of a job is to do, by the status of its scan and the reasons that hold it.
pub(crate) fn directive(scan: ScanStatus, hold_reasons: &[String]) -> Directive {
    if scan == ScanStatus::Cancelling || scan.is_terminal() {
        Directive::Stop
    } else if hold_reasons.is_empty() && scan != ScanStatus::Paused {
        Directive::Continue
    } else {
        Directive::Pause
    }
}

/// Reads the spec of a job as it was signed.
pub(crate) fn spec_of(lease: &Lease) -> Result<Spec, Refusal> {
    Ok(crate::results::read_spec(lease.id, &lease.spec)?)
}

/// The ceiling of a job's rate as it is now (product 7.3): what the plan left it, and no more than its share of the
/// scanner's limit, should that be lower by now. 0 is unlimited.
pub(crate) fn rate_now(scanner: &Holder, planned: i32) -> u32 {
    let share = match scanner.rate_limit {
        0 => 0,
        limit => (limit / scanner.max_concurrent_jobs.max(1)).max(1),
    };
    let lowest = [planned, share].into_iter().filter(|pps| *pps > 0).min();
    lowest.and_then(|pps| u32::try_from(pps).ok()).unwrap_or(0)
}

/// Exclusions that hold now and meet the job, but are not in its spec; those found before stay for the job.
pub(crate) async fn added_exclusions(
    conn: &mut Conn,
    id: ScanJobId,
    known: &Value,
    spec: &Spec,
) -> Result<Vec<Exclusion>, Refusal> {
    let mut added: Vec<Exclusion> = serde_json::from_value(known.clone())
        .map_err(|error| StoreError::inconsistent(format!("added_exclusions of scan job {id}: {error}")))?;
    let before = added.len();
    for exclusion in exclusions::in_force(conn).await?.meeting(&spec.targets) {
        if !spec.exclusions.contains(&exclusion) && !added.contains(&exclusion) {
            added.push(exclusion);
        }
    }
    if added.len() > before {
        let value = serde_json::to_value(&added).map_err(|error| StoreError::inconsistent(error.to_string()))?;
        leases::set_added_exclusions(conn, id, &value).await?;
    }
    Ok(added)
}
