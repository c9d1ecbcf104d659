//! What is wrong now, class by class, in one statement over the jobs that have not ended (product 7.7, 7.8). Times are the
//! database's.
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Conn, StoreError};

/// Something that is wrong with a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The job.
    pub job_id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// Who has it.
    pub scanner_id: ScannerId,
    /// Their name, if they still exist.
    pub scanner: Option<String>,
    /// A word of `mipo_domain::job_errors::Class`.
    pub class: String,
    /// The facts that it was judged by.
    pub context: Value,
}

/// What is judged by, besides the tables.
#[derive(Clone, Debug)]
pub struct Judge<'a> {
    /// Failed leases in a row after which a job is not handed out by itself any more.
    pub max_failed_leases: i32,
    /// Scanners whose version is too old or not known.
    pub too_old: &'a [ScannerId],
    /// The oldest version that gets jobs.
    pub min_version: Option<String>,
}

/// The scanners that have been heard of and have jobs which have not ended, with the version that they last reported.
pub async fn versions_of_holders(conn: &mut Conn) -> Result<Vec<(ScannerId, Option<String>)>, StoreError> {
    let rows = sqlx::query!(
        "select c.id, c.scanner_version from config.scanners c
         where c.last_heartbeat_at is not null
           and exists (select from jobs.scan_jobs j where j.scanner_id = c.id and j.finished_at is null)"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.scanner_version)).collect())
}

/// Everything that is wrong now. What an operator holds, and what is being called off, is left in peace; `expired` is
/// answered until it was opened once.
pub async fn conditions(conn: &mut Conn, judge: &Judge<'_>) -> Result<Vec<Condition>, StoreError> {
    let too_old: Vec<Uuid> = judge.too_old.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query_as!(
        Condition,
        r#"with live as materialized (
             select j.id, j.scan_id, j.scanner_id, j.status, j.hold_reasons, j.failed_leases, j.unstarted_leases, j.lease_attempt,
               j.started_at, j.assigned_at, j.last_progress_at, j.estimated_seconds, j.resume_index, j.probes_planned,
               j.max_probes_per_second, j.resign_requested_at, j.age_from, j.parts_refused, j.parts_missing_since, j.rate_exhausted,
               j.spec_flaw, s.status as scan_status, coalesce(s.status in ('completed', 'partial', 'failed', 'cancelled'), true) as orphan,
               not ('operator' = any (j.hold_reasons)) and coalesce(s.status in ('pending', 'running'), false) as wanted
             from jobs.scan_jobs j left join results.scans s on s.id = j.scan_id
             where j.finished_at is null),
           -- Once a scanner, not once a job: thousands may wait behind one.
           busy as materialized (
             select scanner_id, count(*) filter (where status in ('assigned', 'running')) as holds, max(assigned_at) as fetched_at
             from live group by scanner_id),
           judged as (
             select live.*, c.id as known, c.name, c.status as scanner_status, c.last_heartbeat_at, c.draining_until, c.max_concurrent_jobs,
               c.rate_limit, c.scanner_version, c.api_key_hash, c.previous_api_key_hash, c.previous_key_until, c.failed_auth_times,
               c.bound_ip, c.ip_mismatch_count, c.ip_mismatch_at, c.ip_mismatch_from
             from live left join config.scanners c on c.id = live.scanner_id),
           found as (
             select id, scan_id, scanner_id, name, 'no-scanner' as class, '{}'::jsonb as context
             from judged where wanted and known is null
             union all
             select id, scan_id, scanner_id, name, 'failed-scanner-auth',
               jsonb_build_object('hasKey', api_key_hash is not null or coalesce(previous_key_until > now(), false),
                 'failedCalls', cardinality(failed_auth_times), 'lastFailedCallAt', failed_auth_times[1])
             from judged
             where wanted and scanner_status <> 'disabled'
               and (api_key_hash is null and not coalesce(previous_api_key_hash is not null and previous_key_until > now(), false)
                    or coalesce(failed_auth_times[5] > now() - interval '5 minutes', false))
             union all
             select id, scan_id, scanner_id, name, 'scanner-disabled', jsonb_build_object('jobStatus', status)
             from judged where wanted and scanner_status = 'disabled'
             union all
             select id, scan_id, scanner_id, name, 'scanner-ip-changed',
               jsonb_build_object('boundIp', host(bound_ip), 'sourceIp', host(ip_mismatch_from), 'lastRefusedAt', ip_mismatch_at,
                 'refusedCalls', ip_mismatch_count)
             from judged where wanted and ip_mismatch_count > 0 and ip_mismatch_at > now() - interval '10 minutes'
             union all
             select id, scan_id, scanner_id, name, 'no-heartbeat',
               jsonb_build_object('lastHeartbeatAt', last_heartbeat_at, 'jobStatus', status, 'failedLeases', failed_leases)
             from judged
             where wanted and scanner_status <> 'disabled' and last_heartbeat_at < now() - interval '4 minutes'
               and (status in ('assigned', 'running') or status = 'pending' and failed_leases > 0)
             union all
             select id, scan_id, scanner_id, name, 'binary-version-mismatch',
               jsonb_build_object('version', scanner_version, 'minVersion', $3::text)
             from judged where wanted and scanner_id = any ($2)
             union all
             select w.id, w.scan_id, w.scanner_id, w.name, 'stuck-pending',
               jsonb_build_object('waitsSince', greatest(w.age_from, w.assigned_at), 'lastHeartbeatAt', w.last_heartbeat_at,
                 'holds', b.holds, 'maxConcurrentJobs', w.max_concurrent_jobs)
             from judged w join busy b on b.scanner_id = w.scanner_id
             where w.wanted and w.scanner_status = 'active' and w.status = 'pending' and w.hold_reasons = '{}'
               and w.resign_requested_at is null and w.failed_leases < $1 and w.spec_flaw is null and not (w.scanner_id = any ($2))
               and coalesce(w.draining_until <= now(), true) and greatest(w.age_from, w.assigned_at) < now() - interval '15 minutes'
               and b.holds < w.max_concurrent_jobs and coalesce(b.fetched_at < now() - interval '15 minutes', true)
               and not exists (select from jobs.scan_jobs o
                               where o.scanner_id = w.scanner_id and o.finished_at > now() - interval '15 minutes' and o.assigned_at is not null)
               and not exists (select from config.system_events e
                               where e.entity_type = 'scanner' and e.entity_id = w.scanner_id::text and e.type = 'scanner_up'
                                 and e.at > now() - interval '15 minutes')
             union all
             select id, scan_id, scanner_id, name, 'stuck-running',
               jsonb_build_object('failedLeases', failed_leases, 'startedAt', started_at, 'estimatedSeconds', estimated_seconds,
                 'lastProgressAt', last_progress_at, 'resumeIndex', resume_index, 'probesPlanned', probes_planned)
             from judged
             where wanted
               and (status = 'running' and started_at < now() - make_interval(secs => 3.0 * estimated_seconds)
                      and last_progress_at < now() - interval '5 minutes'
                    or status = 'pending' and failed_leases >= $1)
             union all
             select id, scan_id, scanner_id, name, 'dispatcher-failure',
               jsonb_build_object('unstartedLeases', unstarted_leases, 'assignedAt', assigned_at, 'leaseAttempt', lease_attempt)
             from judged where wanted and status in ('pending', 'assigned') and unstarted_leases >= 2
             union all
             select id, scan_id, scanner_id, name, 'result-submit-failed',
               jsonb_build_object('partsRefused', parts_refused, 'partsMissingSince', parts_missing_since, 'resumeIndex', resume_index,
                 'probesPlanned', probes_planned)
             from judged where wanted and (parts_refused >= 3 or parts_missing_since < now() - interval '5 minutes')
             union all
             select id, scan_id, scanner_id, name, 'scan-deleted', jsonb_build_object('scanStatus', scan_status, 'jobStatus', status)
             from judged where orphan
             union all
             select id, scan_id, scanner_id, name, 'target-invalid', jsonb_build_object('flaw', spec_flaw)
             from judged where wanted and spec_flaw is not null
             union all
             select id, scan_id, scanner_id, name, 'rate-limit-exhausted',
               jsonb_build_object('scannerRateLimit', rate_limit, 'maxConcurrentJobs', max_concurrent_jobs,
                 'probesPerSecond', max_probes_per_second)
             from judged where wanted and (rate_exhausted or rate_limit between 1 and max_concurrent_jobs - 1)
             union all
             select j.id, j.scan_id, j.scanner_id, c.name, 'expired',
               jsonb_build_object('timedOutAt', j.finished_at, 'firstFetchedAt', j.first_claimed_at, 'resumeIndex', j.resume_index,
                 'probesPlanned', j.probes_planned)
             from jobs.scan_jobs j left join config.scanners c on c.id = j.scanner_id
             where j.status = 'timed_out' and j.kind = 'sweep' and j.finished_at > now() - interval '7 days'
               and not exists (select from jobs.job_errors e where e.job_id = j.id and e.class = 'expired'))
           select id as "job_id!", scan_id as "scan_id!", scanner_id as "scanner_id!", name as scanner, class as "class!",
             context as "context!"
           from found order by class, scanner_id, id"#,
        judge.max_failed_leases,
        &too_old,
        judge.min_version.as_deref(),
    )
    .fetch_all(conn)
    .await?)
}
