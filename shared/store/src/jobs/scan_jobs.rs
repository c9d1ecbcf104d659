//! Scan jobs (`jobs.scan_jobs`) as the dispatcher and the operator see them. Claims, leases and counters are in
//! the room of ingest.
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use mipo_domain::states::JobStatus;
use serde_json::Value;

use crate::{Conn, StoreError};

/// A job that is about to be made.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Its id, from [`next_id`], because the signed spec holds it.
    pub id: ScanJobId,
    /// The scan it is a share of.
    pub scan_id: ScanId,
    /// The only scanner that may run it.
    pub scanner_id: ScannerId,
    /// Its number in the scan.
    pub batch_no: i32,
    /// 0 to 9, higher first.
    pub priority: i32,
    /// The signed bytes.
    pub spec: &'a [u8],
    /// Ed25519 over them.
    pub signature: &'a [u8],
    /// When the signature ends.
    pub spec_expires_at: DateTime<Utc>,
    /// SHA-256 of the bytes of its targets.
    pub scope_hash: [u8; 32],
    /// Ceiling; 0 = unlimited.
    pub max_probes_per_second: i32,
    /// How long it will probably take.
    pub estimated_seconds: i32,
    /// Hosts in its targets.
    pub hosts_planned: i32,
    /// N.
    pub probes_planned: i64,
    /// Its limits leave it less than one probe a second.
    pub rate_exhausted: bool,
    /// The trace that it belongs to.
    pub traceparent: Option<&'a str>,
}

/// A job, as far as the road of its results needs it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Shown as `#N`.
    pub id: ScanJobId,
    /// The scan it is a share of.
    pub scan_id: ScanId,
    /// Who runs it.
    pub scanner_id: ScannerId,
    /// `sweep` or `confirm`.
    pub kind: String,
    /// Its number in the scan.
    pub batch_no: i32,
    /// Its status, a word of product 4.3; see [`Job::status`].
    pub status: String,
    /// Why it is held.
    pub hold_reasons: Vec<String>,
    /// The signed bytes.
    pub spec: Vec<u8>,
    /// Ed25519 over them.
    pub signature: Vec<u8>,
    /// The lowest lease attempt that the spec allows.
    pub min_attempt: i32,
    /// When the signature ends.
    pub spec_expires_at: DateTime<Utc>,
    /// Exclusions made after the spec was signed.
    pub added_exclusions: Value,
    /// SHA-256 of the bytes of its targets.
    pub scope_hash: Vec<u8>,
    /// Ceiling; 0 = unlimited.
    pub max_probes_per_second: i32,
    /// N.
    pub probes_planned: i64,
    /// The number of its last hand-out.
    pub lease_attempt: i32,
    /// Leases in a row that ended badly.
    pub failed_leases: i32,
    /// Hand-outs in a row that were not started.
    pub unstarted_leases: i32,
    /// End of the last accepted part.
    pub resume_index: i64,
    /// Indices with a verdict.
    pub probes_attempted: i64,
    /// Indices with `error`.
    pub error_count: i64,
    /// Indices with `not_probed`.
    pub not_probed_count: i64,
    /// Indices that an exclusion covers.
    pub excluded_count: i64,
    /// What the scanner or the server said went wrong.
    pub error_message: Option<String>,
    /// What the scanner said in complete.
    pub complete_report: Option<Value>,
    /// One object a lease attempt.
    pub attempts: Value,
    /// When its first probe could be sent.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When its results became state.
    pub concluded_at: Option<DateTime<Utc>>,
}

impl Job {
    /// Its status.
    pub fn status(&self) -> Result<JobStatus, StoreError> {
        self.status.parse().map_err(|error| StoreError::inconsistent(format!("scan job {}: {error}", self.id)))
    }
}

/// A job that just ended, for the task that concludes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The job.
    pub id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// Its scanner.
    pub scanner_id: ScannerId,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// How the sweep jobs of a scan stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub jobs: i64,
    /// Those that have not ended.
    pub live: i64,
    /// Those that have ended and are not concluded.
    pub unconcluded: i64,
    /// Those that completed.
    pub completed: i64,
    /// Those that were cancelled.
    pub cancelled: i64,
    /// Those that timed out.
    pub timed_out: i64,
    /// Those with at least one verdict.
    pub covered: i64,
}

/// The id of the next job.
pub async fn next_id(conn: &mut Conn) -> Result<ScanJobId, StoreError> {
    let id = sqlx::query_scalar!(r#"select nextval('jobs.scan_jobs_id_seq') as "id!""#).fetch_one(conn).await?;
    Ok(ScanJobId::from(id))
}

/// Makes a sweep job, `pending`.
pub async fn insert(conn: &mut Conn, job: &NewJob<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into jobs.scan_jobs
           (id, scan_id, scanner_id, batch_no, priority, spec, signature, spec_expires_at, scope_hash,
            max_probes_per_second, estimated_seconds, hosts_planned, probes_planned, traceparent, rate_exhausted)
         overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        job.id.get(),
        job.scan_id.get(),
        job.scanner_id.as_uuid(),
        job.batch_no,
        job.priority,
        job.spec,
        job.signature,
        job.spec_expires_at,
        job.scope_hash.as_slice(),
        job.max_probes_per_second,
        job.estimated_seconds,
        job.hosts_planned,
        job.probes_planned,
        job.traceparent,
        job.rate_exhausted,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The job `id`.
pub async fn get(conn: &mut Conn, id: ScanJobId) -> Result<Option<Job>, StoreError> {
    Ok(sqlx::query_as!(
        Job,
        "select id, scan_id, scanner_id, kind, batch_no, status, hold_reasons, spec, signature, min_attempt, spec_expires_at,
           added_exclusions, scope_hash, max_probes_per_second, probes_planned, lease_attempt, failed_leases, unstarted_leases,
           resume_index, probes_attempted, error_count, not_probed_count, excluded_count, error_message, complete_report,
           attempts, started_at, finished_at, concluded_at
         from jobs.scan_jobs where id = $1",
        id.get()
    )
    .fetch_optional(conn)
    .await?)
}

/// The job `id`, locked until the transaction ends.
pub async fn lock(conn: &mut Conn, id: ScanJobId) -> Result<Option<Job>, StoreError> {
    Ok(sqlx::query_as!(
        Job,
        "select id, scan_id, scanner_id, kind, batch_no, status, hold_reasons, spec, signature, min_attempt, spec_expires_at,
           added_exclusions, scope_hash, max_probes_per_second, probes_planned, lease_attempt, failed_leases, unstarted_leases,
           resume_index, probes_attempted, error_count, not_probed_count, excluded_count, error_message, complete_report,
           attempts, started_at, finished_at, concluded_at
         from jobs.scan_jobs where id = $1 for update",
        id.get()
    )
    .fetch_optional(conn)
    .await?)
}

/// Locks the jobs of the scan that have not ended. Whoever changes both locks jobs before their scan, as a scanner's
/// calls do: so nobody waits for each other in a circle.
pub async fn lock_live(conn: &mut Conn, scan_id: ScanId) -> Result<(), StoreError> {
    sqlx::query!(
        "select id from jobs.scan_jobs where scan_id = $1 and finished_at is null order by id for update",
        scan_id.get()
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Adds a hold reason to every job of the scan that has not ended; those without a lease are `paused` at once, the
/// others are told by the directive of their next call.
pub async fn hold_scan(conn: &mut Conn, scan_id: ScanId, reason: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set hold_reasons = case when $2 = any (hold_reasons) then hold_reasons else array_append(hold_reasons, $2) end,
           status = case when status = 'pending' then 'paused' else status end, updated_at = now()
         where scan_id = $1 and finished_at is null",
        scan_id.get(),
        reason,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a hold reason away. Paused jobs that have no other are to be signed anew before they are handed out again.
pub async fn release_scan(conn: &mut Conn, scan_id: ScanId, reason: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set hold_reasons = array_remove(hold_reasons, $2),
           resign_requested_at = case when status = 'paused' and array_remove(hold_reasons, $2) = '{}'
             then coalesce(resign_requested_at, now()) else resign_requested_at end,
           age_from = now(), updated_at = now()
         where scan_id = $1 and finished_at is null and $2 = any (hold_reasons)",
        scan_id.get(),
        reason,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the jobs of the scan that nobody holds.
pub async fn cancel_idle(conn: &mut Conn, scan_id: ScanId) -> Result<Vec<Ended>, StoreError> {
    Ok(sqlx::query_as!(
        Ended,
        "update jobs.scan_jobs
         set status = 'cancelled', finished_at = now(), hold_reasons = '{}', resign_requested_at = null, updated_at = now()
         where scan_id = $1 and status in ('pending', 'paused') returning id, scan_id, scanner_id, traceparent",
        scan_id.get()
    )
    .fetch_all(conn)
    .await?)
}

/// How the sweep jobs of the scan stand.
pub async fn tally(conn: &mut Conn, scan_id: ScanId) -> Result<Tally, StoreError> {
    Ok(sqlx::query_as!(
        Tally,
        r#"select count(*) as "jobs!",
             count(*) filter (where finished_at is null) as "live!",
             count(*) filter (where finished_at is not null and concluded_at is null) as "unconcluded!",
             count(*) filter (where status = 'completed') as "completed!",
             count(*) filter (where status = 'cancelled') as "cancelled!",
             count(*) filter (where status = 'timed_out') as "timed_out!",
             count(*) filter (where probes_attempted > 0) as "covered!"
           from jobs.scan_jobs where scan_id = $1 and kind = 'sweep'"#,
        scan_id.get()
    )
    .fetch_one(conn)
    .await?)
}

/// Says that the results of the job are state now.
pub async fn set_concluded(conn: &mut Conn, id: ScanJobId, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("update jobs.scan_jobs set concluded_at = $2, updated_at = now() where id = $1", id.get(), at)
        .execute(conn)
        .await?;
    Ok(())
}

/// True while a job that ended before `id`, and that one of `vantages` has or probed a share of, is not concluded.
pub async fn any_before(conn: &mut Conn, id: ScanJobId, vantages: &[ScannerId]) -> Result<bool, StoreError> {
    let vantages: Vec<uuid::Uuid> = vantages.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_scalar!(
        r#"select exists (
             select from jobs.scan_jobs o join jobs.scan_jobs j on j.id = $1
             where o.finished_at is not null and o.concluded_at is null and (o.finished_at, o.id) < (j.finished_at, j.id)
               and (o.scanner_id = any ($2)
                    or exists (select from jobs.result_parts p where p.job_id = o.id and p.scanner_id = any ($2)))) as "any!""#,
        id.get(),
        &vantages,
    )
    .fetch_one(conn)
    .await?)
}

/// A new signature over the same index space.
#[derive(Clone, Copy, Debug)]
pub struct Resigned<'a> {
    /// The job.
    pub id: ScanJobId,
    /// The new bytes.
    pub spec: &'a [u8],
    /// Ed25519 over them.
    pub signature: &'a [u8],
    /// The lowest attempt that they are good for.
    pub min_attempt: i32,
    /// When the signature ends.
    pub spec_expires_at: DateTime<Utc>,
}

/// Pending sweep jobs whose signature ends within so many seconds ask for a new one.
pub async fn ask_to_sign_expiring(conn: &mut Conn, seconds: f64) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs set resign_requested_at = now(), updated_at = now()
         where status = 'pending' and kind = 'sweep' and resign_requested_at is null
           and spec_expires_at < now() + make_interval(secs => $1)",
        seconds
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a spec says when the key `key_id` signed it. The bytes are searched, not read: they are written once, by
/// `mipo-protocol`, and a pass over many jobs must stay cheap.
fn signed_with(key_id: &str) -> Vec<u8> {
    format!("\"keyId\":\"{key_id}\"").into_bytes()
}

/// Pending sweep jobs that the key signed ask for a new signature.
pub async fn ask_to_replace_key(conn: &mut Conn, key_id: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs set resign_requested_at = now(), updated_at = now()
         where status = 'pending' and kind = 'sweep' and resign_requested_at is null and position($1::bytea in spec) > 0",
        signed_with(key_id),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Pending sweep jobs with an address in `cidr` among their targets ask for a new signature: what is excluded there stands
/// in the signed list then. Answers how many.
pub async fn ask_to_sign_meeting(conn: &mut Conn, cidr: IpNet) -> Result<u64, StoreError> {
    let asked = sqlx::query!(
        "update jobs.scan_jobs set resign_requested_at = now(), updated_at = now()
         where status = 'pending' and kind = 'sweep' and resign_requested_at is null
           and exists (select from jsonb_array_elements(convert_from(spec, 'UTF8')::jsonb -> 'targets') target,
                              jsonb_array_elements(target -> 'addresses') range
                       where (range ->> 0)::inet <= host(broadcast($1::inet))::inet
                         and (range ->> 1)::inet >= host(network($1::inet))::inet)",
        cidr as IpNet
    )
    .execute(conn)
    .await?;
    Ok(asked.rows_affected())
}

/// True while a job that has not ended carries a signature of the key.
pub async fn any_signed_with(conn: &mut Conn, key_id: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from jobs.scan_jobs where finished_at is null and position($1::bytea in spec) > 0) as "any!""#,
        signed_with(key_id),
    )
    .fetch_one(conn)
    .await?)
}

/// Jobs without a lease and without a hold reason that wait for a new signature, of `scan_id` or of all.
pub async fn to_sign(conn: &mut Conn, scan_id: Option<ScanId>) -> Result<Vec<ScanJobId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from jobs.scan_jobs
         where resign_requested_at is not null and status in ('pending', 'paused') and hold_reasons = '{}'
           and coalesce(spec_flaw, 'excluded') = 'excluded' and ($1::bigint is null or scan_id = $1)
         order by id limit 1000",
        scan_id.map(ScanId::get)
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ScanJobId::from).collect())
}

/// The job, locked, if it still waits for a new signature.
pub async fn lock_to_sign(conn: &mut Conn, id: ScanJobId) -> Result<Option<Job>, StoreError> {
    let waits = sqlx::query_scalar!(
        r#"select resign_requested_at is not null and status in ('pending', 'paused') and hold_reasons = '{}' as "waits!"
           from jobs.scan_jobs where id = $1 for update skip locked"#,
        id.get()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if waits == Some(true) { get(conn, id).await } else { Ok(None) }
}

/// Stores the new signature; the job may be handed out again.
pub async fn set_signed(conn: &mut Conn, signed: &Resigned<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "update jobs.scan_jobs
         set spec = $2, signature = $3, min_attempt = $4, spec_expires_at = $5, added_exclusions = '[]', status = 'pending',
           resign_requested_at = null, failed_leases = case when status = 'paused' then 0 else failed_leases end, unstarted_leases = 0,
           updated_at = now()
         where id = $1",
        signed.id.get(),
        signed.spec,
        signed.signature,
        signed.min_attempt,
        signed.spec_expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}
