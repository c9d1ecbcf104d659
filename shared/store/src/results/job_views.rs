//! Jobs of one scan as people look at them.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
use mipo_domain::waiting::{Facts, Waiting, waiting_for};
use sqlx::{FromRow, Postgres, QueryBuilder};

use crate::{Conn, StoreError};

/// One job of a scan.
#[derive(Clone, Debug, FromRow)]
pub struct JobRow {
    /// Shown as `#N`.
    #[sqlx(try_from = "i64")]
    pub id: ScanJobId,
    /// `sweep` or `confirm`.
    pub kind: String,
    /// Which slice of its scanner's share.
    pub batch_no: i32,
    /// Who.
    #[sqlx(try_from = "uuid::Uuid")]
    pub scanner_id: ScannerId,
    /// Their name, if they still exist.
    pub scanner: Option<String>,
    /// Status word.
    pub status: String,
    /// Why it is held back, if it is.
    pub hold_reasons: Vec<String>,
    /// Hosts planned.
    pub hosts_planned: i32,
    /// Probes planned.
    pub probes_planned: i64,
    /// Probes so far.
    pub probes_attempted: i64,
    /// Probes that failed for a local reason.
    pub error_count: i64,
    /// Probes left out because of exclusions made later.
    pub excluded_count: i64,
    /// Open ports reported.
    pub result_count: i64,
    /// How often it was handed out.
    pub lease_attempt: i32,
    /// Until when it is held.
    pub lease_until: Option<DateTime<Utc>>,
    /// How long it should take.
    pub estimated_seconds: i32,
    /// What went wrong, if something did.
    pub error_message: Option<String>,
    /// When its holder began.
    pub started_at: Option<DateTime<Utc>>,
    /// Last word from its holder.
    pub last_progress_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When its results became current state.
    pub concluded_at: Option<DateTime<Utc>>,
    /// Status of its scan.
    pub scan_status: String,
    /// Status of its scanner, if that still exists.
    pub scanner_status: Option<String>,
    /// When its scanner was last heard of.
    pub last_heartbeat_at: Option<DateTime<Utc>>,
    /// Its scanner gets no new jobs for now.
    pub draining: bool,
    /// It is to be signed anew.
    pub unsigned: bool,
    /// Jobs of its scanner that are handed out before it; of one that waits to be fetched, and at most [`AHEAD_MOST`].
    pub ahead: i64,
    /// Its scanner holds as many jobs as it may.
    pub busy: bool,
    /// A second look at what it found is under way.
    pub confirming: bool,
    /// The oldest open job error about it: id.
    pub job_error_id: Option<uuid::Uuid>,
    /// And its class.
    pub job_error: Option<String>,
}

/// Jobs before another are counted up to here.
pub const AHEAD_MOST: i64 = 100;

impl JobRow {
    /// What it is waiting for.
    pub fn waiting_for(&self) -> Option<Waiting> {
        waiting_for(&Facts {
            status: self.status.parse().ok()?,
            scan: self.scan_status.parse().ok()?,
            hold_reasons: &self.hold_reasons,
            scanner: self.scanner_status.as_deref().and_then(|status| status.parse().ok()),
            draining: self.draining,
            unsigned: self.unsigned,
            job_error: self.job_error_id.is_some(),
            ahead: u32::try_from(self.ahead).unwrap_or(0),
            busy: self.busy,
            confirming: self.confirming,
            concluded: self.concluded_at.is_some(),
        })
    }
}

/// What a list of jobs is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// One of these statuses; empty for any.
    pub statuses: Vec<String>,
    /// Of the scanner of this name.
    pub scanner: Option<String>,
}

/// Columns that jobs can be sorted by.
pub const SORTS: &[&str] = &["id", "scanner", "status", "probes", "open", "errors", "attempt", "started"];

fn narrow(query: &mut QueryBuilder<Postgres>, scan: ScanId, by: &Narrow) {
    query.push(" where j.scan_id = ").push_bind(scan.get());
    if !by.statuses.is_empty() {
        query.push(" and j.status = any(").push_bind(by.statuses.clone()).push(")");
    }
    if let Some(scanner) = &by.scanner {
        query.push(" and lower(c.name) = lower(").push_bind(scanner.clone()).push(")");
    }
}

/// A page of the jobs of a scan and how many there are. Unknown sort columns are left out.
pub async fn list(
    conn: &mut Conn,
    scan: ScanId,
    by: &Narrow,
    sort: &[(String, bool)],
    limit: i64,
    offset: i64,
) -> Result<(Vec<JobRow>, i64), StoreError> {
    const FROM: &str = " from jobs.scan_jobs j left join config.scanners c on c.id = j.scanner_id";
    const DETAIL: &str = " join results.scans s on s.id = j.scan_id
      left join lateral (select e.state_id, e.class from jobs.job_errors e where e.job_id = j.id and e.resolved_at is null
                         order by e.opened_at, e.class limit 1) e on true";
    let mut query = QueryBuilder::new(
        "select j.id, j.kind, j.batch_no, j.scanner_id, c.name as scanner, j.status, j.hold_reasons, j.hosts_planned,
           j.probes_planned,
           case when j.status in ('assigned', 'running') then greatest(j.probed_index, j.probes_attempted) else j.probes_attempted end as probes_attempted,
           j.error_count, j.excluded_count, j.result_count, j.lease_attempt, j.lease_until, j.estimated_seconds,
           j.error_message, j.started_at, j.last_progress_at, j.finished_at, j.concluded_at, s.status as scan_status,
           c.status as scanner_status, c.last_heartbeat_at, coalesce(c.draining_until > now(), false) as draining,
           j.resign_requested_at is not null as unsigned,
           case when j.status = 'pending' then
             (select count(*) from (select from jobs.scan_jobs o
                where o.scanner_id = j.scanner_id and o.status = 'pending' and o.resign_requested_at is null
                  and (o.priority > j.priority or o.priority = j.priority and o.id < j.id) limit ",
    );
    query.push_bind(AHEAD_MOST).push(
        ") before) else 0 end as ahead,
           case when j.status = 'pending' then
             (select count(*) from jobs.scan_jobs o where o.scanner_id = j.scanner_id and o.status in ('assigned', 'running'))
               >= coalesce(c.max_concurrent_jobs, 1) else false end as busy,
           j.finished_at is not null and j.concluded_at is null
             and exists (select from jobs.scan_jobs o where o.sweep_job_id = j.id and o.finished_at is null) as confirming,
           e.state_id as job_error_id, e.class as job_error",
    );
    query.push(FROM).push(DETAIL);
    narrow(&mut query, scan, by);
    query.push(" order by ");
    for (column, down) in sort {
        let expression = match column.as_str() {
            "id" => "j.id",
            "scanner" => "lower(c.name)",
            "status" => "j.status",
            "probes" => "j.probes_planned",
            "open" => "j.result_count",
            "errors" => "j.error_count",
            "attempt" => "j.lease_attempt",
            "started" => "j.started_at",
            _ => continue,
        };
        query.push(expression).push(if *down { " desc nulls last, " } else { " asc nulls last, " });
    }
    query.push("j.id limit ").push_bind(limit).push(" offset ").push_bind(offset);
    let rows = query.build_query_as().fetch_all(&mut *conn).await?;

    let mut count = QueryBuilder::new("select count(*)");
    count.push(FROM);
    narrow(&mut count, scan, by);
    let total: i64 = count.build_query_scalar().fetch_one(conn).await?;
    Ok((rows, total))
}
