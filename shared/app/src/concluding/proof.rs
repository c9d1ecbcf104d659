//! The receipt of a sweep job: result hash, baseline, open set, forensic facts, and its link in the scanner's chain.
use std::collections::BTreeMap;

use chrono::SubsecRound as _;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::intervals::Intervals;
use mipo_domain::open_set::OpenSet;
use mipo_domain::receipt::Receipt;
use mipo_domain::states::JobStatus;
use mipo_domain::targets::Probe;
use mipo_store::Conn;
use mipo_store::config::planning;
use mipo_store::jobs::scan_jobs::Job;
use mipo_store::jobs::unstored_parts;
use mipo_store::results::observations::Found;
use mipo_store::results::receipts::{self, StoredSet};
use mipo_store::results::scans::Scan;
use serde_json::{Value, json};

use crate::{AppError, Ctx};

/// A chain of deltas is ended by a full set at least every so often.
const LONGEST_DELTA_CHAIN: usize = 99;

/// The level of zstd: sets are small and kept for ever.
const LEVEL: i32 = 9;

/// Writes the receipt; answers its hash. The caller holds the lock of the vantage.
pub(super) async fn write(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scan: &Scan,
    job: &Job,
    shares: &[(ScannerId, Intervals<u64>)],
    found: &BTreeMap<Probe, Found>,
    change_count: usize,
) -> Result<Hash256, AppError> {
    let open: OpenSet = found.keys().copied().collect();
    let result_hash = open.hash();
    let scope_hash = Hash256::from_slice(&job.scope_hash)
        .ok_or_else(|| AppError::Internal(format!("scope hash of job {} is not 32 bytes", job.id)))?;
    let final_status = job.status()?;
    let baseline = receipts::baseline(conn, scan.template_id, job.scanner_id, scope_hash).await?;
    let no_change = final_status == JobStatus::Completed
        && change_count == 0
        && baseline.as_ref().is_some_and(|baseline| baseline.result_hash == result_hash);
    // Without a baseline nothing can be compared; what differs from current state is in the changes all the same.
    let change_count = if baseline.is_some() { change_count } else { 0 };
    let stored = match &baseline {
        Some(baseline) => store_set(conn, &open, baseline.job_id).await?,
        None => StoredSet::Full(pack(&open.lines())?),
    };
    let head = receipts::head(conn, job.scanner_id).await?;
    let scanner = planning::scanner_facts(conn, job.scanner_id).await?;
    let receipt = Receipt {
        job_id: job.id,
        scan_id: scan.id,
        scanner_id: job.scanner_id,
        scanner_name: scanner.as_ref().map_or_else(|| job.scanner_id.to_string(), |scanner| scanner.name.clone()),
        template_id: scan.template_id,
        final_status,
        no_change,
        change_count: u32::try_from(change_count).unwrap_or(u32::MAX),
        open_count: u32::try_from(open.count()).unwrap_or(u32::MAX),
        probes_planned: job.probes_planned.cast_unsigned(),
        probes_attempted: job.probes_attempted.cast_unsigned(),
        excluded_count: job.excluded_count.cast_unsigned(),
        scope_hash,
        result_hash,
        baseline_hash: baseline.as_ref().map(|baseline| baseline.result_hash),
        baseline_job_id: baseline.as_ref().map(|baseline| baseline.job_id),
        chain_position: head.position.cast_unsigned() + 1,
        scanner_version: scanner.as_ref().and_then(|scanner| scanner.scanner_version.clone()),
        forensic: forensic(conn, job, shares, scanner.and_then(|scanner| scanner.binary_sha256)).await?.to_string(),
        // PostgreSQL keeps microseconds; the hash must be over what is read back.
        created_at: ctx.now().trunc_subsecs(6),
    };
    let own = receipt.hash(head.hash);
    receipts::insert(conn, &receipt, head.hash, own, &stored).await?;
    Ok(own)
}

async fn store_set(conn: &mut Conn, open: &OpenSet, baseline: ScanJobId) -> Result<StoredSet, AppError> {
    let chain = receipts::set_chain(conn, baseline).await?;
    if chain.len() > LONGEST_DELTA_CHAIN {
        return Ok(StoredSet::Full(pack(&open.lines())?));
    }
    let delta = open.delta_from(&rebuild(&chain)?);
    Ok(StoredSet::Delta(pack(&delta)?))
}

/// The open set at the start of `chain`: from the full set at its end, delta by delta.
fn rebuild(chain: &[StoredSet]) -> Result<OpenSet, AppError> {
    let broken = |error: &dyn std::fmt::Display| AppError::Internal(format!("open set of a receipt: {error}"));
    let mut set: Option<OpenSet> = None;
    for link in chain.iter().rev() {
        let next = match link {
            StoredSet::Full(bytes) => OpenSet::parse(&unpack(bytes)?),
            StoredSet::Delta(bytes) => {
                set.take().ok_or_else(|| broken(&"a delta without the set before it"))?.apply(&unpack(bytes)?)
            }
        };
        set = Some(next.map_err(|error| broken(&error))?);
    }
    set.ok_or_else(|| broken(&"nothing is stored"))
}

fn pack(text: &str) -> Result<Vec<u8>, AppError> {
    zstd::encode_all(text.as_bytes(), LEVEL).map_err(|error| AppError::Internal(format!("zstd: {error}")))
}

fn unpack(bytes: &[u8]) -> Result<String, AppError> {
    let bytes = zstd::decode_all(bytes).map_err(|error| AppError::Internal(format!("zstd: {error}")))?;
    String::from_utf8(bytes).map_err(|error| AppError::Internal(error.to_string()))
}

/// Everything else that an auditor may ask.
async fn forensic(
    conn: &mut Conn,
    job: &Job,
    shares: &[(ScannerId, Intervals<u64>)],
    binary: Option<Vec<u8>>,
) -> Result<Value, AppError> {
    let parts: Vec<Value> = unstored_parts::facts(conn, job.id)
        .await?
        .into_iter()
        .map(|part| {
            json!({
                "leaseAttempt": part.lease_attempt, "seq": part.seq, "fromIndex": part.from_index, "toIndex": part.to_index,
                "sha256": hex::encode(part.sha256), "sourceIp": part.source_ip, "receivedAt": part.received_at,
            })
        })
        .collect();
    let seconds = match (job.started_at, job.finished_at) {
        (Some(started), Some(finished)) => Some((finished - started).as_seconds_f64()),
        _ => None,
    };
    let reached =
        seconds.filter(|seconds| *seconds > 0.0).map(|seconds| (job.probes_attempted as f64 / seconds).round());
    Ok(json!({
        "attempts": job.attempts,
        "parts": parts,
        "vantages": vantages(conn, job, shares).await?,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "rate": { "asked": job.max_probes_per_second, "reached": reached },
        "counts": { "errors": job.error_count, "notProbed": job.not_probed_count, "resumeIndex": job.resume_index },
        "errorMessage": job.error_message,
        "report": job.complete_report,
        "scopeHash": hex::encode(&job.scope_hash),
        "specSha256": Hash256::of(&job.spec),
        "signature": hex::encode(&job.signature),
        "scannerBinarySha256": binary.map(hex::encode),
    }))
}

/// Who probed which indices (half-open), where the job was given to another scanner on its way; else nothing.
async fn vantages(conn: &mut Conn, job: &Job, shares: &[(ScannerId, Intervals<u64>)]) -> Result<Value, AppError> {
    if shares.iter().all(|(id, _)| *id == job.scanner_id) {
        return Ok(Value::Null);
    }
    let mut listed = Vec::with_capacity(shares.len());
    for (id, own) in shares {
        let name = planning::scanner_facts(conn, *id).await?.map(|scanner| scanner.name);
        let ranges: Vec<[u64; 2]> = own.ranges().iter().map(|(first, last)| [*first, last + 1]).collect();
        listed.push(json!({ "scannerId": id, "scanner": name, "indices": ranges }));
    }
    Ok(Value::Array(listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(lines: &str) -> OpenSet {
        OpenSet::parse(lines).expect("good lines")
    }

    #[test]
    fn a_chain_of_deltas_rebuilds_the_newest_set() {
        let (a, b, c) = (set("10.0.0.1|tcp|22\n"), set("10.0.0.1|tcp|22\n::1|tcp|80\n"), set("::1|tcp|80\n"));
        let full = StoredSet::Full(pack(&a.lines()).expect("packs"));
        let delta = |to: &OpenSet, from: &OpenSet| StoredSet::Delta(pack(&to.delta_from(from)).expect("packs"));
        let chain = [delta(&c, &b), delta(&b, &a), full.clone()];
        assert_eq!(rebuild(&chain).expect("rebuilds"), c);
        assert_eq!(rebuild(&chain[2..]).expect("rebuilds"), a);
        assert!(rebuild(&[]).is_err());
        assert!(rebuild(&chain[..2]).is_err(), "no full set at the end");
    }
}
