//! Jobs of one scan as people look at them.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{ScanId, ScanJobId, ScannerId};
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
    let mut query = QueryBuilder::new(
        "select j.id, j.kind, j.batch_no, j.scanner_id, c.name as scanner, j.status, j.hold_reasons, j.hosts_planned,
           j.probes_planned,
           case when j.status in ('assigned', 'running') then greatest(j.probed_index, j.probes_attempted) else j.probes_attempted end as probes_attempted,
           j.error_count, j.excluded_count, j.result_count, j.lease_attempt, j.lease_until, j.estimated_seconds,
           j.error_message, j.started_at, j.last_progress_at, j.finished_at, j.concluded_at",
    );
    query.push(FROM);
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
