//! Handing out jobs.
use std::net::IpAddr;

use mipo_protocol::messages::{ClaimedJob, RunningJob};
use mipo_protocol::signature::Signature;
use mipo_protocol::spec::Spec;
use mipo_protocol::wire::Base64;
use mipo_queue::payloads::ConcludeJob;
use mipo_store::config::scanner_keys::Holder;
use mipo_store::config::scanners;
use mipo_store::jobs::leases;
use mipo_store::{Conn, StoreError};

use super::{LeaseRules, added_exclusions, rate_now};
use crate::Ctx;
use crate::refusal::Refusal;
use crate::scans::touched;

/// A scanner asks for work.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// Every job that it still works on.
    pub holding: &'a [RunningJob],
    /// At most so many more.
    pub max: u32,
    /// Where it calls from.
    pub source_ip: IpAddr,
    /// False on the later looks of one long poll: `holding` was judged when the call arrived.
    pub judge_holding: bool,
}

/// Hands out what waits for the scanner. An empty answer means that nothing does.
pub async fn claim(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &LeaseRules,
    scanner: &Holder,
    ask: &Claim<'_>,
) -> Result<Vec<ClaimedJob>, Refusal> {
    // Calls of one scanner take turns: each must see what the others were given. Its row comes before any job's, as in
    // every other call, so that nobody waits in a circle.
    scanners::lock(conn, scanner.id).await?;
    if ask.judge_holding {
        let (ids, attempts) = ids_and_attempts(ask.holding);
        for job in leases::drop_lost(conn, scanner.id, &ids, &attempts).await? {
            if job.ended {
                let task = ConcludeJob::task(job.id, scanner.id).continuing(job.traceparent.as_deref());
                mipo_queue::enqueue(conn, task).await?;
            }
            touched(conn, job.scan_id).await?;
        }
    }
    if scanner.draining_until.is_some_and(|until| until > ctx.now()) {
        return Ok(Vec::new());
    }
    let free = i64::from(scanner.max_concurrent_jobs) - leases::held_count(conn, scanner.id).await?;
    let limit = free.min(i64::from(ask.max));
    if limit <= 0 {
        return Ok(Vec::new());
    }
    let claimed = leases::claim(
        conn,
        scanner.id,
        limit,
        i32::try_from(rules.max_failed_leases).unwrap_or(i32::MAX),
        f64::from(rules.assigned_seconds),
        &ask.source_ip.to_string(),
    )
    .await?;
    let mut jobs = Vec::with_capacity(claimed.len());
    for job in claimed {
        let unreadable = |what: &str| StoreError::inconsistent(format!("scan job {}: {what}", job.id));
        let spec = Spec::from_bytes(&job.spec).map_err(|error| unreadable(&error.to_string()))?;
        let added = added_exclusions(conn, job.id, &job.added_exclusions, &spec).await?;
        touched(conn, job.scan_id).await?;
        jobs.push(ClaimedJob {
            signature: Signature::from_slice(&job.signature)
                .ok_or_else(|| unreadable("the signature is not 64 bytes"))?,
            spec: Base64(job.spec),
            job_id: job.id,
            added_exclusions: added,
            max_probes_per_second: rate_now(scanner, job.max_probes_per_second),
            resume_index: u64::try_from(job.resume_index).unwrap_or(0),
            lease_attempt: u32::try_from(job.lease_attempt).unwrap_or(0),
            lease_seconds: rules.assigned_seconds,
            traceparent: job.traceparent,
        });
    }
    Ok(jobs)
}

/// Jobs and their attempts as two columns.
pub(crate) fn ids_and_attempts(jobs: &[RunningJob]) -> (Vec<i64>, Vec<i32>) {
    jobs.iter().map(|job| (job.job_id.get(), i32::try_from(job.lease_attempt).unwrap_or(i32::MAX))).unzip()
}
