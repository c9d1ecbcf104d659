//! Concluding one sweep job, in one transaction.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mipo_domain::comparison::{self, Comparison, HostState};
use mipo_domain::coverage::{self, Host, Verdicts};
use mipo_domain::ids::{ChangeId, ScanJobId, ScannerId};
use mipo_domain::intervals::Intervals;
use mipo_domain::ports::PortSet;
use mipo_domain::states::JobStatus;
use mipo_domain::targets::Probe;
use mipo_queue::payloads::ConcludeScan;
use mipo_store::Conn;
use mipo_store::config::scanners;
use mipo_store::jobs::scan_jobs::{self, Job};
use mipo_store::jobs::{job_hosts, unstored_parts};
use mipo_store::results::changes::{self, Change, Ports};
use mipo_store::results::coverage as coverages;
use mipo_store::results::current::{self, Seen};
use mipo_store::results::observations::{self, Found};
use mipo_store::results::scans::{self, Scan};
use serde_json::json;

use super::proof;
use crate::results::{exclusions_of, spec_of};
use crate::scans::touched;
use crate::{AppError, Ctx};

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concluded {
    /// Its results are state now, by this call or an earlier one.
    Yes,
    /// Accepted parts still wait to be stored, or a job of the scanner that ended before is not concluded.
    Waits,
    /// It has not ended.
    NotEnded,
}

/// Concludes the job: coverage, current state, changes, receipt, and the task that ends the scan after its last job.
/// Safe to repeat; one at a time for each vantage.
pub async fn conclude_job(conn: &mut Conn, ctx: &Ctx<'_>, id: ScanJobId) -> Result<Concluded, AppError> {
    let Some(seen) = scan_jobs::get(conn, id).await? else { return Ok(Concluded::Yes) };
    if seen.finished_at.is_none() {
        return Ok(Concluded::NotEnded);
    }
    // Of an ended job neither its scanner nor its parts change any more.
    let shares = unstored_parts::vantages(conn, id).await?;
    let vantages: BTreeSet<ScannerId> = shares.iter().map(|(id, _)| *id).chain([seen.scanner_id]).collect();
    let vantages: Vec<ScannerId> = vantages.into_iter().collect();
    for vantage in &vantages {
        current::lock_vantage(conn, *vantage).await?;
    }
    let job = scan_jobs::lock(conn, id).await?.ok_or(AppError::NotFound("scan job"))?;
    let Some(finished_at) = job.finished_at else { return Ok(Concluded::NotEnded) };
    if job.concluded_at.is_some() {
        return Ok(Concluded::Yes);
    }
    // In the order in which they ended, so that an older look never overwrites a newer one.
    if unstored_parts::any_of_job(conn, id).await? || scan_jobs::any_before(conn, id, &vantages).await? {
        return Ok(Concluded::Waits);
    }
    let Some(scan) = scans::get(conn, job.scan_id).await? else {
        // Nothing can be proved of a scan that is gone; what the job found goes with it.
        job_hosts::delete(conn, id).await?;
        scan_jobs::set_concluded(conn, id, ctx.now()).await?;
        return Ok(Concluded::Yes);
    };
    conclude(conn, ctx, &scan, &job, &shares, finished_at).await?;
    scan_jobs::set_concluded(conn, id, ctx.now()).await?;
    end_scan_after_last(conn, &scan).await?;
    Ok(Concluded::Yes)
}

/// The scan is locked, so that of two last jobs one sees the other.
async fn end_scan_after_last(conn: &mut Conn, scan: &Scan) -> Result<(), AppError> {
    scans::lock(conn, scan.id).await?;
    let tally = scan_jobs::tally(conn, scan.id).await?;
    if tally.live == 0 && tally.unconcluded == 0 {
        let task = ConcludeScan::task(scan.id).continuing(scan.traceparent.as_deref());
        mipo_queue::enqueue(conn, task).await?;
    }
    touched(conn, scan.id).await
}

/// What one vantage probed of the job, and what that changes.
struct Part {
    scanner_id: ScannerId,
    verdicts: BTreeMap<Host, Verdicts>,
    found: BTreeMap<Probe, Found>,
    changes: Vec<Change>,
}

async fn conclude(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    job: &Job,
    shares: &[(ScannerId, Intervals<u64>)],
    finished_at: DateTime<Utc>,
) -> Result<(), AppError> {
    let mut parts = split(conn, job, shares).await?;
    job_hosts::delete(conn, job.id).await?;
    for part in &mut parts {
        let origin =
            coverages::Origin { at: finished_at, scan_id: scan.id, job_id: job.id, scanner_id: part.scanner_id };
        coverages::insert(conn, origin, &part.verdicts).await?;
        let compared = compare(conn, part.scanner_id, &part.verdicts).await?;
        part.changes = list_changes(ctx, &compared, &part.found);
        let seen = Seen { scanner_id: part.scanner_id, scan_id: scan.id, at: finished_at };
        save_state(conn, seen, compared, &part.found).await?;
    }
    let found: BTreeMap<Probe, Found> = parts.iter().flat_map(|part| part.found.clone()).collect();
    let changes = parts.iter().map(|part| part.changes.len()).sum();
    let receipt_hash = proof::write(conn, ctx, scan, job, shares, &found, changes).await?;
    for part in parts {
        let origin = changes::Origin {
            at: finished_at,
            scan_id: scan.id,
            job_id: job.id,
            scanner_id: part.scanner_id,
            receipt_hash,
        };
        changes::insert(conn, origin, &part.changes).await?;
    }
    Ok(())
}

/// What each vantage probed: one, or after a reassign several, of which each answers for the indices that it handed in.
async fn split(conn: &mut Conn, job: &Job, shares: &[(ScannerId, Intervals<u64>)]) -> Result<Vec<Part>, AppError> {
    let found = observations::of_job(conn, job.id).await?;
    let spec = match spec_of(job) {
        Ok(spec) => spec,
        // Nobody can have probed what nobody can read.
        Err(_) if job.resume_index == 0 => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let space = spec.index_space().map_err(|error| AppError::Internal(format!("spec of job {}: {error}", job.id)))?;
    let exclusions = exclusions_of(job)?;
    let resume_index = job.resume_index.cast_unsigned();
    let read = coverage::Job { targets: &spec.targets, space: &space, exclusions: &exclusions, resume_index };
    let verdicts = read_verdicts(conn, job, read, &found).await?;
    let part = |scanner_id, verdicts: BTreeMap<Host, Verdicts>| {
        let found = still_open(&found, &verdicts);
        Part { scanner_id, verdicts, found, changes: Vec::new() }
    };
    Ok(match shares {
        [] => vec![part(job.scanner_id, verdicts)],
        [(only, _)] => vec![part(*only, verdicts)],
        several => several.iter().map(|(id, own)| part(*id, coverage::share(read, &verdicts, own))).collect(),
    })
}

async fn read_verdicts(
    conn: &mut Conn,
    job: &Job,
    read: coverage::Job<'_>,
    found: &[Found],
) -> Result<BTreeMap<Host, Verdicts>, AppError> {
    let exceptions: BTreeMap<_, _> = job_hosts::of_job(conn, job.id).await?.into_iter().collect();
    let mut open: BTreeMap<Host, Vec<u16>> = BTreeMap::new();
    for Probe { ip, protocol, port } in found.iter().map(|found| found.probe) {
        open.entry((ip, protocol)).or_default().push(port);
    }
    let open = open.into_iter().map(|(host, ports)| (host, ports.into_iter().collect::<PortSet>())).collect();
    Ok(coverage::verdicts(read, &exceptions, &open))
}

/// What was found open and counts, each port once, in the order of the open set.
fn still_open(found: &[Found], verdicts: &BTreeMap<Host, Verdicts>) -> BTreeMap<Probe, Found> {
    let counts = |probe: &Probe| {
        verdicts.get(&(probe.ip, probe.protocol)).is_some_and(|verdicts| verdicts.open.contains(probe.port))
    };
    found.iter().filter(|found| counts(&found.probe)).map(|found| (found.probe, found.clone())).collect()
}

async fn compare(
    conn: &mut Conn,
    scanner_id: ScannerId,
    verdicts: &BTreeMap<Host, Verdicts>,
) -> Result<Vec<(Host, Comparison)>, AppError> {
    // A host on which nothing was looked at keeps its state.
    let looked_at: Vec<Host> =
        verdicts.iter().filter(|(_, verdicts)| !verdicts.looked_at().is_empty()).map(|(host, _)| *host).collect();
    let mut known = current::load(conn, scanner_id, &looked_at).await?;
    Ok(looked_at
        .into_iter()
        .map(|host| {
            let before: HostState = known.remove(&host).unwrap_or_default();
            (host, comparison::compare(&before, &verdicts[&host]))
        })
        .collect())
}

/// Without a second look every change is marked as not confirmed.
fn list_changes(ctx: &Ctx<'_>, compared: &[(Host, Comparison)], found: &BTreeMap<Probe, Found>) -> Vec<Change> {
    let mut changes = Vec::new();
    for ((ip, protocol), comparison) in compared {
        let change = |ports, flip: &comparison::Flip, found: Option<&Found>| Change {
            id: ChangeId::mint(ctx.clock, ctx.entropy),
            ip: *ip,
            protocol: *protocol,
            ports,
            from: flip.from,
            to: flip.to,
            service: found.and_then(|found| found.service.clone()),
            version: found.and_then(|found| found.version.clone()),
            confirmed: false,
            evidence: found.map_or_else(
                || json!({ "reason": "not looked at a second time" }),
                |found| json!({ "tries": found.tries, "rttUs": found.rtt_us, "reason": "not looked at a second time" }),
            ),
        };
        for flip in &comparison.flips {
            if flip.touches_open() {
                changes.extend(flip.ports.iter().map(|port| {
                    change(Ports::One(port), flip, found.get(&Probe { ip: *ip, protocol: *protocol, port }))
                }));
            } else {
                changes.push(change(Ports::Many(flip.ports.clone()), flip, None));
            }
        }
    }
    changes
}

async fn save_state(
    conn: &mut Conn,
    seen: Seen,
    compared: Vec<(Host, Comparison)>,
    found: &BTreeMap<Probe, Found>,
) -> Result<(), AppError> {
    let mut gone = Vec::new();
    let mut hosts = Vec::with_capacity(compared.len());
    for (host, comparison) in compared {
        if !comparison.gone.is_empty() {
            gone.push((host, comparison.gone));
        }
        hosts.push((host, comparison.after));
    }
    current::save_hosts(conn, seen, &hosts).await?;
    current::remove_open(conn, seen.scanner_id, &gone).await?;
    current::save_open(conn, seen, &found.values().collect::<Vec<_>>()).await?;
    Ok(())
}

/// The moving mean of the scanner's speed, for estimates. In a transaction of its own, after the conclusion: it locks the
/// scanner's row, which the scanner's calls lock before they lock jobs.
pub async fn learn_speed(conn: &mut Conn, id: ScanJobId) -> Result<(), AppError> {
    let Some(job) = scan_jobs::get(conn, id).await? else { return Ok(()) };
    let (Some(started), Some(finished)) = (job.started_at, job.finished_at) else { return Ok(()) };
    let seconds = (finished - started).as_seconds_f64();
    // A limited job tells how fast it was allowed to be, and a short one tells little.
    if job.status()? == JobStatus::Completed && job.max_probes_per_second == 0 && seconds >= 1.0 {
        scanners::learn_speed(conn, job.scanner_id, job.probes_attempted as f64 / seconds).await?;
    }
    Ok(())
}
