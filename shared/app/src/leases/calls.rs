//! Start, progress, release.
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::states::{JobStatus, ScanStatus};
use mipo_protocol::messages::{ProgressAnswer, ProgressRequest, ReleaseRequest, StartAnswer, StartRequest};
use mipo_protocol::problem::Code;
use mipo_queue::payloads::ConcludeJob;
use mipo_store::Conn;
use mipo_store::config::scanner_keys::Holder;
use mipo_store::jobs::leases;
use serde_json::json;

use super::{LeaseRules, added_exclusions, directive, held, rate_now, spec_of};
use crate::audit::Entry;
use crate::refusal::Refusal;
use crate::scans::touched;
use crate::{Actor, Caller, Ctx, audit};

/// The holder starts: the job runs, and the first one of a scan sets the scan `running`. Repeatable.
pub async fn start(
    conn: &mut Conn,
    ctx: &Ctx<'_>,
    rules: &LeaseRules,
    scanner: &Holder,
    id: ScanJobId,
    request: StartRequest,
) -> Result<StartAnswer, Refusal> {
    let lease = held(conn, scanner.id, id, request.lease_attempt).await?;
    leases::start(conn, id, f64::from(rules.lease_seconds)).await?;
    let first = leases::start_scan(conn, lease.scan_id, ctx.now()).await?;
    touched(conn, lease.scan_id).await?;
    if first {
        let caller =
            Caller { actor: Actor::Scanner { id: scanner.id, name: scanner.name.clone() }, ..ctx.caller.clone() };
        let entry = Entry::change("running", "scan", lease.scan_id)
            .diff(json!({ "status": ScanStatus::Pending }), json!({ "status": ScanStatus::Running, "jobId": id }));
        audit::record(conn, &Ctx { caller: &caller, ..*ctx }, entry).await?;
    }
    Ok(StartAnswer { lease_seconds: rules.lease_seconds, directive: directive(lease.scan_status, &lease.hold_reasons) })
}

/// The holder lives and says how far it is.
pub async fn progress(
    conn: &mut Conn,
    rules: &LeaseRules,
    scanner: &Holder,
    id: ScanJobId,
    request: ProgressRequest,
) -> Result<ProgressAnswer, Refusal> {
    let lease = held(conn, scanner.id, id, request.lease_attempt).await?;
    if lease.status != JobStatus::Running {
        return Err(Refusal::new(Code::LeaseLost, format!("scan job {id} was not started")));
    }
    let probed = i64::try_from(request.probed_index).ok().filter(|probed| *probed <= lease.probes_planned);
    let Some(probed) = probed else {
        let most = lease.probes_planned;
        return Err(Refusal::invalid(
            "probedIndex",
            "out_of_range",
            format!("must be at most {most}, the size of the job"),
        ));
    };
    leases::renew(conn, id, f64::from(rules.lease_seconds), Some(probed)).await?;
    let added = added_exclusions(conn, id, &lease.added_exclusions, &spec_of(&lease)?).await?;
    touched(conn, lease.scan_id).await?;
    Ok(ProgressAnswer {
        lease_seconds: rules.lease_seconds,
        directive: directive(lease.scan_status, &lease.hold_reasons),
        added_exclusions: added,
        max_probes_per_second: rate_now(scanner, lease.max_probes_per_second),
    })
}

/// The holder hands the job back: for its shutdown, or because it was told to pause or stop. No attempt is lost.
pub async fn release(
    conn: &mut Conn,
    scanner: ScannerId,
    id: ScanJobId,
    request: &ReleaseRequest,
) -> Result<(), Refusal> {
    if request.reason.chars().count() > 200 || request.reason.chars().any(char::is_control) {
        return Err(Refusal::invalid("reason", "too_long", "must be at most 200 printable characters"));
    }
    let lease = held(conn, scanner, id, request.lease_attempt).await?;
    let probed = i64::try_from(request.probed_index).unwrap_or(i64::MAX);
    if leases::release(conn, id, probed, &request.reason).await? == JobStatus::Cancelled {
        let task = ConcludeJob::task(id, scanner).continuing(lease.traceparent.as_deref());
        mipo_queue::enqueue(conn, task).await?;
    }
    touched(conn, lease.scan_id).await?;
    Ok(())
}
