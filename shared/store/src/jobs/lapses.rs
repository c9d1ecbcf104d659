//! What time does to scan jobs: leases that end unrenewed, jobs that are too old, scans whose steps were missed. All by
//! the database clock.
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};

use super::scan_jobs::Ended;
use crate::results::scans::Waiting;
use crate::{Conn, StoreError};

/// A job whose lease ended unrenewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// The job.
    pub id: ScanJobId,
    /// Its scan.
    pub scan_id: ScanId,
    /// Who held it.
    pub scanner_id: ScannerId,
    /// What it is now: `pending`, `paused` or `cancelled`.
    pub status: String,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// Takes back the jobs whose lease has ended: `pending` for the same scanner, `paused` where a reason holds them,
/// `cancelled` where their scan is called off.
pub async fn expire_leases(conn: &mut Conn) -> Result<Vec<Lapsed>, StoreError> {
    Ok(sqlx::query_as!(
        Lapsed,
        r#"with lapsed as (
             select j.id, s.status in ('pending', 'running', 'paused') as wanted
             from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
             where j.status in ('assigned', 'running') and j.lease_until < now()
             order by j.id limit 1000 for update of j skip locked)
           update jobs.scan_jobs j
           set status = case when not lapsed.wanted then 'cancelled' when j.hold_reasons <> '{}' then 'paused' else 'pending' end,
             finished_at = case when not lapsed.wanted then now() end,
             lease_until = null, probed_index = j.resume_index, failed_leases = j.failed_leases + 1,
             unstarted_leases = j.unstarted_leases + case when j.status = 'assigned' then 1 else 0 end,
             attempts = case when jsonb_array_length(j.attempts) = 0 then j.attempts
               else jsonb_set(j.attempts, '{-1}', (j.attempts -> -1) || jsonb_build_object('lostAt', now())) end,
             updated_at = now()
           from lapsed where lapsed.id = j.id
           returning j.id, j.scan_id, j.scanner_id, j.status, j.traceparent"#
    )
    .fetch_all(conn)
    .await?)
}

/// Ends the jobs that are older than allowed: since their first hand-out, or since any job of their scan made progress.
/// What an operator holds is left alone; its age counts again from when it is let go.
pub async fn time_out(conn: &mut Conn, max_age_minutes: i32) -> Result<Vec<Ended>, StoreError> {
    Ok(sqlx::query_as!(
        Ended,
        r#"with aged as (
             select j.id from jobs.scan_jobs j
             where j.finished_at is null and not ('operator' = any (j.hold_reasons))
               and (greatest(j.first_claimed_at, j.age_from) < now() - make_interval(mins => $1) and j.first_claimed_at is not null
                    or greatest(j.age_from, (select max(o.last_progress_at) from jobs.scan_jobs o where o.scan_id = j.scan_id))
                       < now() - make_interval(mins => $1))
             order by j.id limit 1000 for update of j skip locked)
           update jobs.scan_jobs j
           set status = 'timed_out', finished_at = now(), lease_until = null, resign_requested_at = null,
             error_message = 'expired: not done within ' || $1 || ' minutes', updated_at = now()
           from aged where aged.id = j.id
           returning j.id, j.scan_id, j.scanner_id, j.traceparent"#,
        max_age_minutes
    )
    .fetch_all(conn)
    .await?)
}

/// Jobs that have ended and are not concluded.
pub async fn unconcluded(conn: &mut Conn) -> Result<Vec<Ended>, StoreError> {
    Ok(sqlx::query_as!(
        Ended,
        "select id, scan_id, scanner_id, traceparent from jobs.scan_jobs
         where finished_at is not null and concluded_at is null order by finished_at, id limit 1000"
    )
    .fetch_all(conn)
    .await?)
}

/// Scans that have not ended although all their sweep jobs are concluded, or that were called off before they had any.
pub async fn unconcluded_scans(conn: &mut Conn) -> Result<Vec<Waiting>, StoreError> {
    Ok(sqlx::query_as!(
        Waiting,
        "select s.id, s.traceparent from results.scans s
         where s.completed_at is null and (s.planning_finished_at is not null or s.status = 'cancelling')
           and not exists (select from jobs.scan_jobs j where j.scan_id = s.id and j.kind = 'sweep' and j.concluded_at is null)
         order by s.id limit 1000"
    )
    .fetch_all(conn)
    .await?)
}

/// Scans that are called off and still have jobs that nobody holds.
pub async fn idle_of_cancelled(conn: &mut Conn) -> Result<Vec<ScanId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select s.id from results.scans s
         where s.status = 'cancelling'
           and exists (select from jobs.scan_jobs j where j.scan_id = s.id and j.status in ('pending', 'paused'))
         order by s.id"
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ScanId::from).collect())
}

/// Paused scans with jobs that the pause has not reached, because they were made or handed back beside it.
pub async fn unheld_of_paused(conn: &mut Conn) -> Result<Vec<ScanId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select s.id from results.scans s
         where s.status = 'paused'
           and exists (select from jobs.scan_jobs j
                       where j.scan_id = s.id and j.finished_at is null and not ('operator' = any (j.hold_reasons)))
         order by s.id"
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ScanId::from).collect())
}

/// Scans that go on with jobs that an operator's pause still holds.
pub async fn held_of_resumed(conn: &mut Conn) -> Result<Vec<ScanId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select distinct j.scan_id from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
         where j.finished_at is null and 'operator' = any (j.hold_reasons) and s.status in ('pending', 'running')"
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ScanId::from).collect())
}

/// Deletes a batch of jobs that ended and were concluded 30 days ago, with their parts, and of cuts that were not used
/// for 90 days. The receipts stay. Answers how many rows went.
pub async fn prune(conn: &mut Conn) -> Result<u64, StoreError> {
    const BATCH: i64 = 500;
    let jobs = sqlx::query!(
        "delete from jobs.scan_jobs where id in (
           select j.id from jobs.scan_jobs j join results.scans s on s.id = j.scan_id
           where j.concluded_at < now() - interval '30 days' and s.completed_at < now() - interval '30 days' limit $1)",
        BATCH
    )
    .execute(&mut *conn)
    .await?;
    let cuts = sqlx::query!(
        "delete from jobs.scope_cuts where ctid in (
           select ctid from jobs.scope_cuts where last_used_at < now() - interval '90 days' limit $1)",
        BATCH
    )
    .execute(conn)
    .await?;
    Ok(jobs.rows_affected() + cuts.rows_affected())
}
