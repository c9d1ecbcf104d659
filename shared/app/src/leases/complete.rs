//! The end of a job, in the scanner's words and by the server's own counters.
use mipo_domain::ids::{ScanJobId, ScannerId};
use mipo_domain::states::{JobCounters, JobStatus};
use mipo_protocol::messages::{CompleteAnswer, CompleteRequest, CompleteStatus};
use mipo_protocol::problem::Code;
use mipo_queue::payloads::ConcludeJob;
use mipo_store::jobs::{leases, uploads};
use mipo_store::{Conn, StoreError};

use super::still_held;
use crate::refusal::Refusal;
use crate::scans::touched;

/// Longest error message.
const MAX_MESSAGE_CHARACTERS: usize = 2000;

/// Ends the job. The final status comes from what was accepted, not from what is claimed. A repeat by the same attempt
/// gets the same answer.
pub async fn complete(
    conn: &mut Conn,
    scanner: ScannerId,
    id: ScanJobId,
    request: &CompleteRequest,
) -> Result<CompleteAnswer, Refusal> {
    if request.error_message.as_ref().is_some_and(|text| text.chars().count() > MAX_MESSAGE_CHARACTERS) {
        let message = format!("must be at most {MAX_MESSAGE_CHARACTERS} characters");
        return Err(Refusal::invalid("errorMessage", "too_long", message));
    }
    if request.error_message.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
        let message = "must be text without control characters; write line ends as spaces";
        return Err(Refusal::invalid("errorMessage", "invalid", message));
    }
    if request.last_seq < -1 {
        return Err(Refusal::invalid("lastSeq", "out_of_range", "must be the number of the last part, or -1 for none"));
    }
    let lease = leases::lock(conn, scanner, id).await?.ok_or_else(|| Refusal::job_not_found(id))?;
    if lease.status.is_terminal()
        && i64::from(lease.lease_attempt) == i64::from(request.lease_attempt)
        && lease.complete_report.is_some()
    {
        return Ok(CompleteAnswer { final_status: lease.status });
    }
    still_held(&lease, request.lease_attempt)?;
    if request.status == CompleteStatus::Completed && lease.status != JobStatus::Running {
        // Also when an earlier attempt handed everything in: this one has not begun, so it cannot be done.
        return Err(Refusal::new(Code::LeaseLost, format!("scan job {id} was not started")));
    }
    let next_seq = uploads::next_seq(conn, id, lease.lease_attempt).await?;
    if request.last_seq + 1 != i64::from(next_seq) {
        let detail =
            format!("scan job {id} has parts up to {} of this attempt, not up to {}", next_seq - 1, request.last_seq);
        uploads::note_missing(conn, id).await?;
        return Err(Refusal::new(Code::PartsMissing, detail).resume_at(next_seq, lease.resume_index).recorded());
    }
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    let counters = JobCounters {
        planned: unsigned(lease.probes_planned),
        resume_index: unsigned(lease.resume_index),
        attempted: unsigned(lease.probes_attempted),
        errors: unsigned(lease.error_count),
        not_probed: unsigned(lease.not_probed_count),
        excluded: unsigned(lease.excluded_count),
        shared: uploads::any_by_others(conn, id, scanner).await?,
    };
    let final_status = counters.final_status(request.status == CompleteStatus::Completed);
    let report = serde_json::to_value(request).map_err(|error| StoreError::inconsistent(error.to_string()))?;
    leases::finish(conn, id, final_status, &report, request.error_message.as_deref()).await?;
    let task = ConcludeJob::task(id, scanner).continuing(lease.traceparent.as_deref());
    mipo_queue::enqueue(conn, task).await?;
    touched(conn, lease.scan_id).await?;
    Ok(CompleteAnswer { final_status })
}
