//! What repairs do to a scan job.
use mipo_domain::ids::{ScanJobId, ScannerId};

use super::scan_jobs::Ended;
use crate::{Conn, StoreError};

/// Takes the job from whoever holds it: it waits for a new signature, at the same scanner or at `to`, and goes on where its
/// accepted results stop. What was counted against it counts from 0.
pub async fn hand_out_anew(conn: &mut Conn, id: ScanJobId, to: Option<ScannerId>) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set scanner_id = coalesce($2, scanner_id), status = case when hold_reasons <> '{}' then 'paused' else 'pending' end,
           lease_until = null, resign_requested_at = now(), failed_leases = 0, unstarted_leases = 0, parts_refused = 0,
           parts_missing_since = null, rate_exhausted = false, age_from = now(), probed_index = resume_index, updated_at = now(),
           attempts = case when jsonb_array_length(attempts) = 0 then attempts
             else jsonb_set(attempts, '{-1}', (attempts -> -1) || jsonb_build_object('takenBackAt', now())
               || case when $2::uuid is null then '{}'::jsonb else jsonb_build_object('scannerId', scanner_id, 'reassignedTo', $2::uuid) end) end
         where id = $1 and finished_at is null",
        id.get(),
        to.map(ScannerId::as_uuid),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a job that has not ended: `partial` where something was probed, else `failed`. Its holder is told at its next call.
/// Answers the status too.
pub async fn end(conn: &mut Conn, id: ScanJobId, message: &str) -> Result<(Ended, String), StoreError> {
    let row = sqlx::query!(
        "update jobs.scan_jobs
         set status = case when probes_attempted > 0 then 'partial' else 'failed' end, finished_at = now(), lease_until = null,
           hold_reasons = '{}', resign_requested_at = null, error_message = $2, updated_at = now()
         where id = $1 and finished_at is null returning id, scan_id, scanner_id, traceparent, status",
        id.get(),
        message,
    )
    .fetch_one(conn)
    .await?;
    let ended = Ended {
        id: row.id.into(),
        scan_id: row.scan_id.into(),
        scanner_id: row.scanner_id.into(),
        traceparent: row.traceparent,
    };
    Ok((ended, row.status))
}
