//! Job errors as people look at them.
use chrono::{DateTime, Utc};
use mipo_domain::ids::{JobErrorId, ScanId, ScanJobId, ScannerId};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::repairs::{Asked, read};
use crate::lists::{Ask, Found, Source};
use crate::{Conn, StoreError};

/// A job error with what its job, scan and scanner are now.
#[derive(Clone, Debug, FromRow)]
pub struct JobError {
    /// Its id.
    #[sqlx(try_from = "Uuid")]
    pub id: JobErrorId,
    /// What is wrong, a word of `mipo_domain::job_errors::Class`.
    pub class: String,
    /// Where the cause lies.
    pub category: String,
    /// `open` or `resolved`.
    pub state: String,
    /// What it is about.
    #[sqlx(try_from = "i64")]
    pub job_id: ScanJobId,
    /// The status of the job now, while it is kept.
    pub job_status: Option<String>,
    /// The scan of it.
    #[sqlx(try_from = "i64")]
    pub scan_id: ScanId,
    /// The name of its template.
    pub template: Option<String>,
    /// The scanner that had the job when it was opened.
    #[sqlx(try_from = "Uuid")]
    pub scanner_id: ScannerId,
    /// Its name, if it still exists.
    pub scanner: Option<String>,
    /// The facts that it was judged by when it was opened.
    pub context: Value,
    /// The history as it is stored.
    pub repairs: Value,
    /// When it was found.
    pub opened_at: DateTime<Utc>,
    /// When it was closed.
    pub resolved_at: Option<DateTime<Utc>>,
    /// By whom; `system` when the condition had cleared.
    pub resolved_by: Option<String>,
}

impl JobError {
    /// The repairs that were asked for, oldest first.
    pub fn history(&self) -> Result<Vec<Asked>, StoreError> {
        read(self.id.as_uuid(), self.repairs.clone())
    }
}

const SOURCE: Source = Source {
    select: "e.state_id as id, e.class, e.category, case when e.resolved_at is null then 'open' else 'resolved' end as state, e.job_id,
      j.status as job_status, e.scan_id, s.template_name as template, e.scanner_id, c.name as scanner, e.context, e.repairs, e.opened_at,
      e.resolved_at, e.resolved_by",
    from: "jobs.job_errors e left join jobs.scan_jobs j on j.id = e.job_id left join results.scans s on s.id = e.scan_id
      left join config.scanners c on c.id = e.scanner_id",
    only: "true",
    key: "e.state_id",
    sort: &[
        ("class", "e.class"),
        ("category", "e.category"),
        ("job", "e.job_id"),
        ("scan", "e.scan_id"),
        ("scanner", "lower(c.name)"),
        ("opened", "e.opened_at"),
        ("state", "e.resolved_at is not null"),
    ],
    filters: &[
        ("class", "e.class"),
        ("category", "e.category"),
        ("state", "case when e.resolved_at is null then 'open' else 'resolved' end"),
        ("scanner", "coalesce(c.name, e.scanner_id::text)"),
        ("scannerId", "e.scanner_id"),
        ("scan", "e.scan_id"),
        ("job", "e.job_id"),
    ],
    search: &["e.class", "e.category", "c.name", "s.template_name", "'#' || e.job_id", "'#' || e.scan_id"],
};

/// A page of job errors.
pub async fn find(conn: &mut Conn, ask: &Ask) -> Result<Found<JobError>, StoreError> {
    SOURCE.find(conn, ask).await
}

/// One job error.
pub async fn get(conn: &mut Conn, id: JobErrorId) -> Result<Option<JobError>, StoreError> {
    SOURCE.one(conn, id.as_uuid()).await
}

/// The values of a column to filter by.
pub async fn filter_values(conn: &mut Conn, column: &str) -> Result<Vec<String>, StoreError> {
    SOURCE.values(conn, column).await
}

/// Those of `ids` that there are, in the order of their making.
pub async fn many(conn: &mut Conn, ids: &[JobErrorId]) -> Result<Vec<JobError>, StoreError> {
    SOURCE.many(conn, ids.iter().map(|id| id.as_uuid()).collect()).await
}

/// The open job errors of these jobs: job, id and class.
pub async fn of_jobs(conn: &mut Conn, jobs: &[ScanJobId]) -> Result<Vec<(ScanJobId, JobErrorId, String)>, StoreError> {
    let jobs: Vec<i64> = jobs.iter().map(|id| id.get()).collect();
    let rows = sqlx::query!(
        "select job_id, state_id, class from jobs.job_errors
         where job_id = any ($1) and resolved_at is null order by job_id, opened_at, class",
        &jobs
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.job_id.into(), row.state_id.into(), row.class)).collect())
}
