//! Leases of scan jobs (product 7.5): who works on what until when, judged by the database clock alone.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use mipo_domain::states::{JobKind, JobStatus, ScanStatus};
use serde_json::Value;

use crate::{Conn, StoreError};

/// A job that was just handed out.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub id: ScanJobId,
    /// The signed bytes.
    pub spec: Vec<u8>,
    /// Ed25519 over them.
    pub signature: Vec<u8>,
    /// Exclusions made after the spec was signed.
    pub added_exclusions: Value,
    /// Ceiling; 0 = unlimited.
    pub max_probes_per_second: i32,
    /// Where to go on.
    pub resume_index: i64,
    /// The number of this hand-out.
    pub lease_attempt: i32,
    /// Its scan, for the live row.
    pub scan_id: ScanId,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// A job and how its lease stands, locked until the transaction ends.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The job.
    pub id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// Its scanner.
    pub scanner_id: ScannerId,
    /// What it is for.
    pub kind: JobKind,
    /// Its status.
    pub status: JobStatus,
    /// The status of its scan.
    pub scan_status: ScanStatus,
    /// Why it is held; not empty = the holder is told to pause.
    pub hold_reasons: Vec<String>,
    /// The number of the last hand-out.
    pub lease_attempt: i32,
    /// True while the lease has time left.
    pub live: bool,
    /// End of the last accepted part.
    pub resume_index: i64,
    /// N.
    pub probes_planned: i64,
    /// Ceiling; 0 = unlimited.
    pub max_probes_per_second: i32,
    /// Exclusions made after the spec was signed.
    pub added_exclusions: Value,
    /// The signed bytes.
    pub spec: Vec<u8>,
    /// Indices with a verdict.
    pub probes_attempted: i64,
    /// Indices with `error`.
    pub error_count: i64,
    /// Indices with `not_probed`.
    pub not_probed_count: i64,
    /// Indices that an exclusion covers.
    pub excluded_count: i64,
    /// What the scanner said in complete, if it did.
    pub complete_report: Option<Value>,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// What an accepted part adds.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The new `resume_index`.
    pub resume_index: i64,
    /// More verdicts.
    pub attempted: i64,
    /// More errors.
    pub errors: i64,
    /// More that were not reached.
    pub not_probed: i64,
    /// More that are excluded.
    pub excluded: i64,
    /// More open ports.
    pub open: i64,
}

/// A job that its scanner did not know of any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The job.
    pub id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// It ended with its scan; otherwise it waits again.
    pub ended: bool,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// Jobs `assigned` or `running` at the scanner that it does not list with their attempt: it lost them. Jobs of a scan
/// that is being cancelled end; held ones become `paused`; the others may be handed out again at once by [`claim`].
/// Returns all of them.
pub async fn drop_lost(
    conn: &mut Conn,
    scanner: ScannerId,
    held_ids: &[i64],
    held_attempts: &[i32],
) -> Result<Vec<Dropped>, StoreError> {
    let rows = sqlx::query!(
        r#"with lost as (
             select j.id, s.status as scan_status from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
             where j.scanner_id = $1 and j.status in ('assigned', 'running')
               and not exists (select from unnest($2::bigint[], $3::integer[]) h (id, attempt)
                               where h.id = j.id and h.attempt = j.lease_attempt)
             order by j.id for update of j)
           update jobs.scan_jobs j
           set status = case when lost.scan_status = 'cancelling' then 'cancelled'
                             when j.hold_reasons <> '{}' then 'paused' else 'pending' end,
             finished_at = case when lost.scan_status = 'cancelling' then now() end,
             lease_until = null, probed_index = j.resume_index, updated_at = now(),
             failed_leases = j.failed_leases + 1,
             unstarted_leases = j.unstarted_leases + case when j.status = 'assigned' then 1 else 0 end,
             attempts = case when jsonb_array_length(j.attempts) = 0 then j.attempts
               else jsonb_set(j.attempts, '{-1}', (j.attempts -> -1) || jsonb_build_object('lostAt', now())) end
           from lost where lost.id = j.id
           returning j.id, j.scan_id, j.status, j.traceparent"#,
        scanner.as_uuid(),
        held_ids,
        held_attempts,
    )
    .fetch_all(conn)
    .await?;
    let dropped = rows.into_iter().map(|row| Dropped {
        id: row.id.into(),
        scan_id: row.scan_id.into(),
        ended: row.status == "cancelled",
        traceparent: row.traceparent,
    });
    Ok(dropped.collect())
}

/// Hands out at most `limit` pending jobs of the scanner: higher priority first, then round robin over scans (the one
/// whose last turn at this scanner is longest ago), then the oldest. Concurrent claims never get the same job.
pub async fn claim(
    conn: &mut Conn,
    scanner: ScannerId,
    limit: i64,
    max_failed_leases: i32,
    assigned_seconds: f64,
    source_ip: &str,
) -> Result<Vec<Claimed>, StoreError> {
    Ok(sqlx::query_as!(
        Claimed,
        "with ranked as (
           select j.id, j.priority, row_number() over (partition by j.scan_id order by j.priority desc, j.id) as turn, j.scan_id,
             (select max(o.assigned_at) from jobs.scan_jobs o
              where o.scan_id = j.scan_id and o.scanner_id = j.scanner_id) as last_turn_at
           from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
           where j.scanner_id = $1 and j.status = 'pending' and j.resign_requested_at is null and j.hold_reasons = '{}'
             and j.failed_leases < $3 and j.spec_flaw is null and j.spec_expires_at > now() and s.status in ('pending', 'running')),
         chosen as (
           select j.id from jobs.scan_jobs j join ranked r on r.id = j.id
           where j.status = 'pending'
           order by r.priority desc, r.turn, r.last_turn_at nulls first, r.scan_id
           limit $2 for update of j skip locked)
         update jobs.scan_jobs j
         set status = 'assigned', lease_attempt = greatest(j.lease_attempt + 1, j.min_attempt),
           lease_until = now() + make_interval(secs => $4), assigned_at = now(), probed_index = j.resume_index,
           first_claimed_at = coalesce(j.first_claimed_at, now()), updated_at = now(),
           attempts = j.attempts || jsonb_build_object('attempt', greatest(j.lease_attempt + 1, j.min_attempt),
             'claimedAt', now(), 'sourceIp', $5::text, 'fromIndex', j.resume_index)
         from chosen where chosen.id = j.id
         returning j.id, j.spec, j.signature, j.added_exclusions, j.max_probes_per_second, j.resume_index, j.lease_attempt,
           j.scan_id, j.traceparent",
        scanner.as_uuid(),
        limit,
        max_failed_leases,
        assigned_seconds,
        source_ip,
    )
    .fetch_all(conn)
    .await?)
}

/// How many leases the scanner holds.
pub async fn held_count(conn: &mut Conn, scanner: ScannerId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from jobs.scan_jobs where scanner_id = $1 and status in ('assigned', 'running')"#,
        scanner.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// The job `id` of `scanner`, locked. None when there is no such job or it belongs to another scanner.
pub async fn lock(conn: &mut Conn, scanner: ScannerId, id: ScanJobId) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query!(
        r#"select j.id, j.scan_id, j.scanner_id, j.kind, j.status, s.status as scan_status, j.hold_reasons, j.lease_attempt,
             coalesce(j.lease_until > now(), false) as "live!", j.resume_index, j.probes_planned, j.max_probes_per_second,
             j.added_exclusions, j.spec, j.probes_attempted, j.error_count, j.not_probed_count, j.excluded_count, j.complete_report,
             j.traceparent
           from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
           where j.id = $1 and j.scanner_id = $2 for update of j"#,
        id.get(),
        scanner.as_uuid(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let unreadable = |what: String| StoreError::inconsistent(format!("scan job {}: {what}", row.id));
    Ok(Some(Lease {
        id: row.id.into(),
        scan_id: row.scan_id.into(),
        scanner_id: row.scanner_id.into(),
        kind: row.kind.parse().map_err(|error| unreadable(format!("{error}")))?,
        status: row.status.parse().map_err(|error| unreadable(format!("{error}")))?,
        scan_status: row.scan_status.parse().map_err(|error| unreadable(format!("{error}")))?,
        hold_reasons: row.hold_reasons,
        lease_attempt: row.lease_attempt,
        live: row.live,
        resume_index: row.resume_index,
        probes_planned: row.probes_planned,
        max_probes_per_second: row.max_probes_per_second,
        added_exclusions: row.added_exclusions,
        spec: row.spec,
        probes_attempted: row.probes_attempted,
        error_count: row.error_count,
        not_probed_count: row.not_probed_count,
        excluded_count: row.excluded_count,
        complete_report: row.complete_report,
        traceparent: row.traceparent,
    }))
}

/// How the lease of a job stands, for whoever only looks.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The job.
    pub id: ScanJobId,
    /// The number of the last hand-out.
    pub lease_attempt: i32,
    /// Its status.
    pub status: String,
    /// The status of its scan.
    pub scan_status: String,
    /// Why it is held.
    pub hold_reasons: Vec<String>,
}

/// How the leases of those of the jobs stand that belong to the scanner. Locks nothing, so it waits for nobody.
pub async fn standings(conn: &mut Conn, scanner: ScannerId, ids: &[i64]) -> Result<Vec<Standing>, StoreError> {
    Ok(sqlx::query_as!(
        Standing,
        "select j.id, j.lease_attempt, j.status, s.status as scan_status, j.hold_reasons
         from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
         where j.scanner_id = $1 and j.id = any ($2)",
        scanner.as_uuid(),
        ids,
    )
    .fetch_all(conn)
    .await?)
}

/// Keeps the longest delay that the scanner's machine suffered while it worked on these jobs, for their receipts. A job
/// that somebody else works on is passed over: the next heartbeat may tell of the delay again, or not.
pub async fn note_late(
    conn: &mut Conn,
    scanner: ScannerId,
    ids: &[i64],
    attempts: &[i32],
    late_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with held as (
           select j.id from jobs.scan_jobs j join unnest($2::bigint[], $3::integer[]) h (id, attempt)
             on h.id = j.id and h.attempt = j.lease_attempt
           where j.scanner_id = $1 and j.status in ('assigned', 'running') and jsonb_array_length(j.attempts) > 0
           order by j.id for update of j skip locked)
         update jobs.scan_jobs j
         set attempts = jsonb_set(j.attempts, '{-1}', (j.attempts -> -1) || jsonb_build_object('lateMs',
               greatest(coalesce((j.attempts -> -1 ->> 'lateMs')::bigint, 0), $4::bigint)))
         from held where held.id = j.id",
        scanner.as_uuid(),
        ids,
        attempts,
        late_ms,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The job starts: `running`, a full lease.
pub async fn start(conn: &mut Conn, id: ScanJobId, lease_seconds: f64) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set status = 'running', started_at = coalesce(started_at, now()), last_progress_at = now(), unstarted_leases = 0,
           lease_until = now() + make_interval(secs => $2), updated_at = now(),
           -- repeated, the first start stays
           attempts = case when jsonb_array_length(attempts) = 0 then attempts
             else jsonb_set(attempts, '{-1}', jsonb_build_object('startedAt', now()) || (attempts -> -1)) end
         where id = $1",
        id.get(),
        lease_seconds,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Renews the lease. `probed_index` is what the scanner says and is for the eye only.
pub async fn renew(
    conn: &mut Conn,
    id: ScanJobId,
    lease_seconds: f64,
    probed_index: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set lease_until = now() + make_interval(secs => $2), updated_at = now(),
           last_progress_at = case when $3 > probed_index then now() else last_progress_at end,
           probed_index = least(greatest(coalesce($3, probed_index), resume_index), probes_planned)
         where id = $1",
        id.get(),
        lease_seconds,
        probed_index,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An accepted part moves the job forward and renews its lease.
pub async fn advance(
    conn: &mut Conn,
    id: ScanJobId,
    lease_seconds: f64,
    progress: &Progress,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set resume_index = $3, probed_index = greatest(probed_index, $3), probes_attempted = probes_attempted + $4,
           error_count = error_count + $5, not_probed_count = not_probed_count + $6, excluded_count = excluded_count + $7,
           result_count = result_count + $8, failed_leases = 0, parts_refused = 0, parts_missing_since = null, last_progress_at = now(),
           lease_until = now() + make_interval(secs => $2), updated_at = now()
         where id = $1",
        id.get(),
        lease_seconds,
        progress.resume_index,
        progress.attempted,
        progress.errors,
        progress.not_probed,
        progress.excluded,
        progress.open,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the exclusions that were added since the spec was signed.
pub async fn set_added_exclusions(conn: &mut Conn, id: ScanJobId, added: &Value) -> Result<(), StoreError> {
    sqlx::query!("update jobs.scan_jobs set added_exclusions = $2, updated_at = now() where id = $1", id.get(), added)
        .execute(conn)
        .await?;
    Ok(())
}

/// The scanner hands the job back: `paused` when it is held, `cancelled` when its scan is being cancelled, else
/// `pending`. No attempt is lost. Returns the new status.
pub async fn release(conn: &mut Conn, id: ScanJobId, probed_index: i64, reason: &str) -> Result<JobStatus, StoreError> {
    let status = sqlx::query_scalar!(
        "update jobs.scan_jobs j
         set status = case when s.status = 'cancelling' then 'cancelled' when j.hold_reasons <> '{}' then 'paused' else 'pending' end,
           finished_at = case when s.status = 'cancelling' then now() end,
           lease_until = null, failed_leases = 0, unstarted_leases = 0,
           probed_index = least(greatest($2, j.resume_index), j.probes_planned), updated_at = now(),
           attempts = case when jsonb_array_length(j.attempts) = 0 then j.attempts
             else jsonb_set(j.attempts, '{-1}', (j.attempts -> -1) || jsonb_build_object('releasedAt', now(), 'reason', $3::text)) end
         from results.scans s where j.id = $1 and s.id = j.scan_id
         returning j.status",
        id.get(),
        probed_index,
        reason,
    )
    .fetch_one(conn)
    .await?;
    status.parse().map_err(|error| StoreError::inconsistent(format!("scan job {id}: {error}")))
}

/// The job ends with `status`; `report` is what the scanner said.
pub async fn finish(
    conn: &mut Conn,
    id: ScanJobId,
    status: JobStatus,
    report: &Value,
    error_message: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set status = $2, finished_at = now(), lease_until = null, complete_report = $3, error_message = $4,
           hold_reasons = '{}', resign_requested_at = null, updated_at = now(),
           attempts = case when jsonb_array_length(attempts) = 0 then attempts
             else jsonb_set(attempts, '{-1}', (attempts -> -1) || jsonb_build_object('completedAt', now())) end
         where id = $1",
        id.get(),
        status.as_str(),
        report,
        error_message,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The first job of a scan that starts sets the scan `running`. A scan that was paused meanwhile stays so, and goes on
/// as `running` when it is resumed, because it has a start. True when this call changed something.
pub async fn start_scan(conn: &mut Conn, scan: ScanId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update results.scans
         set status = case when status = 'pending' then 'running' else status end, started_at = coalesce(started_at, $2),
           updated_at = now(), version = version + 1
         where id = $1 and (status = 'pending' or status = 'paused' and started_at is null)",
        scan.get(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
