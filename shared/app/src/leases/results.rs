//! Accepting a part: checked, made durable with its task, then acknowledged.
use std::net::IpAddr;

use mipo_domain::exclusions::Exclusions;
use mipo_domain::hash::Hash256;
use mipo_domain::ids::ScanJobId;
use mipo_domain::states::JobStatus;
use mipo_protocol::messages::ResultsAnswer;
use mipo_protocol::part::Part;
use mipo_protocol::part_check::{self, PartRefusal};
use mipo_protocol::problem::Code;
use mipo_queue::payloads::StoreResults;
use mipo_store::config::scanner_keys::Holder;
use mipo_store::jobs::leases::{self, Lease, Progress};
use mipo_store::jobs::uploads::{self, NewPart};
use mipo_store::{Conn, StoreError};
use serde_json::{Value, json};

use super::{LeaseRules, added_exclusions, directive, held, spec_of};
use crate::Ctx;
use crate::events::{self, Event};
use crate::refusal::Refusal;
use crate::scans::touched;

/// zstd level of what is kept until it is stored: fast, and a part repeats itself a lot.
const PAYLOAD_LEVEL: i32 = 1;

/// One part as it came in.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What the body says.
    pub part: Part,
    /// The hash that the scanner named; the caller has compared it with the unpacked body.
    pub sha256: Hash256,
    /// Where it came from.
    pub source_ip: IpAddr,
}

/// Accepts a part, or acknowledges one that is known. Everything that it changes is one transaction. Refused ones are
/// counted: three in a row are a job error.
pub async fn accept(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &LeaseRules,
    scanner: &Holder,
    id: ScanJobId,
    upload: Upload,
) -> Result<ResultsAnswer, Refusal> {
    match accept_next(conn, ctx, rules, scanner, id, upload).await {
        // Only the holder gets these answers.
        Err(refusal) if matches!(refusal.code, Code::SeqConflict | Code::Invalid | Code::OutOfScope) => {
            uploads::count_refused(conn, id).await?;
            Err(refusal.recorded())
        }
        other => other,
    }
}

async fn accept_next(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &LeaseRules,
    scanner: &Holder,
    id: ScanJobId,
    upload: Upload,
) -> Result<ResultsAnswer, Refusal> {
    let mut part = upload.part;
    let lease = held(conn, scanner.id, id, part.lease_attempt).await?;
    if lease.status != JobStatus::Running {
        return Err(Refusal::new(Code::LeaseLost, format!("scan job {id} was not started")));
    }
    let next_seq = uploads::next_seq(conn, id, lease.lease_attempt).await?;
    let answer = |next_seq: i32| ResultsAnswer {
        accepted: true,
        next_seq: u32::try_from(next_seq).unwrap_or(0),
        lease_seconds: rules.lease_seconds,
        directive: directive(lease.scan_status, &lease.hold_reasons),
    };
    let seq = i32::try_from(part.seq).unwrap_or(i32::MAX);
    if seq < next_seq {
        let known = uploads::known(conn, id, lease.lease_attempt, seq).await?;
        if known.is_some_and(|known| known.sha256 == *upload.sha256.as_bytes()) {
            leases::renew(conn, id, f64::from(rules.lease_seconds), None).await?;
            return Ok(answer(next_seq));
        }
        let detail = format!("part {seq} of scan job {id} is known with another hash");
        tell(conn, ctx, scanner, &detail, json!({ "jobId": id, "seq": seq })).await?;
        return Err(Refusal::new(Code::SeqConflict, detail).resume_at(next_seq, lease.resume_index).recorded());
    }
    if seq != next_seq || i64::try_from(part.from_index) != Ok(lease.resume_index) {
        let detail = format!(
            "part {seq} from index {} is not the next one of scan job {id}: that is part {next_seq} from index {}",
            part.from_index, lease.resume_index
        );
        return Err(Refusal::new(Code::SeqConflict, detail).resume_at(next_seq, lease.resume_index));
    }
    let counts = match check(conn, &lease, &mut part).await? {
        Ok(counts) => counts,
        Err(refusal) => return Err(refuse(conn, ctx, scanner, id, refusal).await?),
    };
    let payload = zstd::encode_all(part.to_bytes().as_slice(), PAYLOAD_LEVEL)
        .map_err(|error| StoreError::inconsistent(format!("a part cannot be compressed: {error}")))?;
    let to_index = i64::try_from(part.to_index).unwrap_or(lease.probes_planned);
    uploads::insert(
        conn,
        &NewPart {
            job_id: id,
            lease_attempt: lease.lease_attempt,
            seq,
            scanner_id: scanner.id,
            from_index: lease.resume_index,
            to_index,
            sha256: *upload.sha256.as_bytes(),
            payload: &payload,
            source_ip: &upload.source_ip.to_string(),
        },
    )
    .await?;
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let progress = Progress {
        resume_index: to_index,
        attempted: signed(counts.attempted),
        errors: signed(counts.errors),
        not_probed: signed(counts.not_probed),
        excluded: signed(counts.excluded),
        open: signed(counts.open),
    };
    leases::advance(conn, id, f64::from(rules.lease_seconds), &progress).await?;
    let task = StoreResults::task(scanner.id).continuing(lease.traceparent.as_deref());
    mipo_queue::enqueue(conn, task).await?;
    touched(conn, lease.scan_id).await?;
    Ok(answer(next_seq + 1))
}

async fn check(
    conn: &mut Conn,
    lease: &Lease,
    part: &mut Part,
) -> Result<Result<part_check::PartCounts, PartRefusal>, Refusal> {
    let spec = spec_of(lease)?;
    let added = added_exclusions(conn, lease.id, &lease.added_exclusions, &spec).await?;
    let space = spec
        .index_space()
        .map_err(|error| StoreError::inconsistent(format!("targets of scan job {}: {error}", lease.id)))?;
    let all = Exclusions::new(spec.exclusions.iter().cloned().chain(added).collect());
    Ok(part_check::check(&spec, &space, &all, part))
}

/// A row outside the signed targets is a fault or an attack: the whole part is refused, and somebody is told.
async fn refuse(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    scanner: &Holder,
    id: ScanJobId,
    refusal: PartRefusal,
) -> Result<Refusal, Refusal> {
    match refusal {
        PartRefusal::Invalid { field, message } => Ok(Refusal::invalid(field, "invalid", message)),
        PartRefusal::OutOfScope { ip, port } => {
            let detail = PartRefusal::OutOfScope { ip, port }.to_string();
            let summary = format!("a result outside the targets of job #{id}: {detail}");
            tell(conn, ctx, scanner, &summary, json!({ "jobId": id, "ip": ip, "port": port })).await?;
            Ok(Refusal::new(Code::OutOfScope, detail).recorded())
        }
    }
}

/// Raises the alarm `result-rejected`.
async fn tell(conn: &mut Conn, ctx: &Ctx<'_>, scanner: &Holder, what: &str, detail: Value) -> Result<(), Refusal> {
    events::raise(
        conn,
        ctx,
        Event {
            source: "ingest",
            kind: "result_rejected",
            severity: "critical",
            entity_type: "scanner",
            entity_id: &scanner.id.to_string(),
            summary: &format!("{} handed in {what}", scanner.name),
            detail,
        },
    )
    .await?;
    Ok(())
}
