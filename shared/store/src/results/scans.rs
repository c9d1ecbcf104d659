//! Scans (`results.scans`): one run of one template each.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScanId, ScheduleId, TemplateId};
use mipo_domain::states::ScanStatus;
use serde_json::Value;

use crate::{Conn, StoreError};

/// A scan that is about to be requested.
#[derive(Clone, Debug)]
pub struct NewScan<'a> {
    /// What it runs.
    pub template_id: TemplateId,
    /// Its name at this moment; kept, because templates are renamed and deleted.
    pub template_name: &'a str,
    /// True for a scan of typed targets and ports.
    pub adhoc: bool,
    /// The schedule that it is a run of, if it is one.
    pub schedule: Option<ScheduleId>,
    /// The planned time of that run; none when somebody asked for it by hand.
    pub planned_at: Option<DateTime<Utc>>,
    /// Why, in the words of whoever asked.
    pub reason: &'a str,
    /// 0 to 9, higher first; on-demand scans come before scheduled ones.
    pub priority: i32,
    /// Who asked, by name.
    pub started_by: &'a str,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Orders the probes of all its jobs.
    pub seed: [u8; 16],
    /// The trace that its tasks and jobs carry on, as W3C `traceparent`.
    pub traceparent: &'a str,
}

/// A scan, as far as the road of its results needs it.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Shown as `#N`.
    pub id: ScanId,
    /// What it runs.
    pub template_id: TemplateId,
    /// Its name at the time of the request.
    pub template_name: String,
    /// True for a scan of typed targets and ports.
    pub adhoc: bool,
    /// Its status, a word of product 4.2; see [`Scan::status`].
    pub status: String,
    /// Why it is so, where that needs saying.
    pub status_reason: Option<String>,
    /// 0 to 9, higher first.
    pub priority: i32,
    /// Who asked for it.
    pub started_by: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When its scope was frozen and its jobs were made.
    pub planning_finished_at: Option<DateTime<Utc>>,
    /// When its first job began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Orders the probes of all its jobs.
    pub seed: Vec<u8>,
    /// The trace that its tasks and jobs carry on.
    pub traceparent: Option<String>,
}

impl Scan {
    /// Its status.
    pub fn status(&self) -> Result<ScanStatus, StoreError> {
        self.status.parse().map_err(|error| StoreError::inconsistent(format!("scan {}: {error}", self.id)))
    }
}

/// The frozen scope of a planned scan.
#[derive(Clone, Debug)]
pub struct FrozenScope<'a> {
    /// Canonical JSON, zstd.
    pub scope: &'a [u8],
    /// SHA-256 of the canonical JSON.
    pub scope_hash: [u8; 32],
    /// What somebody should know of: subnets without a scanner, ports that are not scanned, …
    pub warnings: &'a Value,
    /// Hosts over all jobs.
    pub hosts_planned: i64,
    /// Probes over all jobs.
    pub probes_planned: i64,
}

/// Stores a requested scan as `pending`. None: this run of its schedule has its scan of this template already.
pub async fn insert(conn: &mut Conn, scan: &NewScan<'_>) -> Result<Option<ScanId>, StoreError> {
    let id = sqlx::query_scalar!(
        "insert into results.scans
           (template_id, template_name, adhoc, schedule_id, planned_at, reason, priority, started_by, requested_at, seed,
            traceparent)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (schedule_id, planned_at, template_id) do nothing returning id",
        scan.template_id.as_uuid(),
        scan.template_name,
        scan.adhoc,
        scan.schedule.map(ScheduleId::as_uuid),
        scan.planned_at,
        scan.reason,
        scan.priority,
        scan.started_by,
        scan.requested_at,
        scan.seed.as_slice(),
        scan.traceparent,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(ScanId::from))
}

/// The scan `id`.
pub async fn get(conn: &mut Conn, id: ScanId) -> Result<Option<Scan>, StoreError> {
    Ok(sqlx::query_as!(
        Scan,
        "select id, template_id, template_name, adhoc, status, status_reason, priority, started_by, requested_at,
           planning_finished_at, started_at, completed_at, seed, traceparent
         from results.scans where id = $1",
        id.get()
    )
    .fetch_optional(conn)
    .await?)
}

/// The scan `id`, locked until the transaction ends. Whoever changes a scan and its jobs locks the jobs first.
pub async fn lock(conn: &mut Conn, id: ScanId) -> Result<Option<Scan>, StoreError> {
    Ok(sqlx::query_as!(
        Scan,
        "select id, template_id, template_name, adhoc, status, status_reason, priority, started_by, requested_at,
           planning_finished_at, started_at, completed_at, seed, traceparent
         from results.scans where id = $1 for update",
        id.get()
    )
    .fetch_optional(conn)
    .await?)
}

/// Moves a scan to a status that is not its last.
pub async fn set_status(conn: &mut Conn, id: ScanId, status: ScanStatus) -> Result<(), StoreError> {
    sqlx::query!(
        "update results.scans set status = $2, paused_at = case when $2 = 'paused' then now() end, updated_at = now() where id = $1",
        id.get(),
        status.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Scans that have been paused for longer than so many days.
pub async fn paused_for(conn: &mut Conn, days: i32) -> Result<Vec<ScanId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select id from results.scans where status = 'paused' and paused_at < now() - make_interval(days => $1) order by id limit 100",
        days
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(ScanId::from).collect())
}

/// Ends a scan; its status never changes again.
pub async fn end(
    conn: &mut Conn,
    id: ScanId,
    status: ScanStatus,
    reason: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update results.scans
         set status = $2, status_reason = coalesce($3, status_reason), completed_at = $4, updated_at = now() where id = $1",
        id.get(),
        status.as_str(),
        reason,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes the frozen scope, once.
pub async fn freeze(conn: &mut Conn, id: ScanId, scope: &FrozenScope<'_>, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        "update results.scans
         set scope = $2, scope_hash = $3, warnings = $4, hosts_planned = $5, probes_planned = $6, planning_finished_at = $7,
           updated_at = now()
         where id = $1",
        id.get(),
        scope.scope,
        scope.scope_hash.as_slice(),
        scope.warnings,
        scope.hosts_planned,
        scope.probes_planned,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what a concluded scan found.
pub async fn set_counts(conn: &mut Conn, id: ScanId, open: i64, changes: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "update results.scans set open_count = $2, change_count = $3, updated_at = now() where id = $1",
        id.get(),
        open,
        changes
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A scan whose next step was missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The scan.
    pub id: ScanId,
    /// The trace that the step goes on with.
    pub traceparent: Option<String>,
}

/// Scans that were requested, have no scope yet and wait for nothing but their planning.
pub async fn unplanned(conn: &mut Conn) -> Result<Vec<Waiting>, StoreError> {
    Ok(sqlx::query_as!(
        Waiting,
        "select id, traceparent from results.scans
         where completed_at is null and planning_finished_at is null and status = 'pending' order by id limit 500"
    )
    .fetch_all(conn)
    .await?)
}

/// Writes what somebody should know of a scan without a scope.
pub async fn warn(conn: &mut Conn, id: ScanId, warnings: &Value) -> Result<(), StoreError> {
    sqlx::query!("update results.scans set warnings = $2, updated_at = now() where id = $1", id.get(), warnings)
        .execute(conn)
        .await?;
    Ok(())
}
