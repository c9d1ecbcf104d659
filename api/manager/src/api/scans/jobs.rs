//! `GET /api/scans/:id/jobs`
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::{AppError, views};
use mipo_domain::ids::ScanId;
use mipo_domain::waiting::Waiting;
use mipo_store::results::job_views::JobRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{Id, Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::jobs::{JOB_COLUMNS, narrow_jobs};

/// The share of a scan for one scanner and one batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanJob)]
pub struct JobAnswer {
    id: i64,
    /// `sweep`, or `confirm` for a second look at flipped ports.
    kind: String,
    batch_no: i32,
    scanner_id: Uuid,
    /// Absent when the scanner was deleted.
    scanner: Option<String>,
    status: String,
    hold_reasons: Vec<String>,
    hosts_planned: i32,
    probes_planned: i64,
    probes_attempted: i64,
    error_count: i64,
    excluded_count: i64,
    result_count: i64,
    lease_attempt: i32,
    lease_until: Option<DateTime<Utc>>,
    estimated_seconds: i32,
    error_message: Option<String>,
    started_at: Option<DateTime<Utc>>,
    last_progress_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    concluded_at: Option<DateTime<Utc>>,
    /// What it is waiting for: `operator`, `blackout`, `exclusion`, `let_go`, `repair`, `scanner_deleted`, `scanner_disabled`,
    /// `scanner_enrolment`, `scanner_offline`, `scanner_draining`, `signature`, `turn`, `fetch`, `start`, `confirmation`,
    /// `conclusion`; absent while it runs and when it is done.
    waiting_for: Option<&'static str>,
    /// Of `turn`: jobs of its scanner before it, at most 100.
    ahead: i64,
    /// The class of the oldest open job error about it.
    job_error: Option<String>,
    /// Its id.
    job_error_id: Option<Uuid>,
}

impl From<JobRow> for JobAnswer {
    fn from(job: JobRow) -> Self {
        let waiting_for = job.waiting_for().map(Waiting::as_str);
        Self {
            id: job.id.get(),
            kind: job.kind,
            batch_no: job.batch_no,
            scanner_id: job.scanner_id.as_uuid(),
            scanner: job.scanner,
            status: job.status,
            hold_reasons: job.hold_reasons,
            hosts_planned: job.hosts_planned,
            probes_planned: job.probes_planned,
            probes_attempted: job.probes_attempted,
            error_count: job.error_count,
            excluded_count: job.excluded_count,
            result_count: job.result_count,
            lease_attempt: job.lease_attempt,
            lease_until: job.lease_until,
            estimated_seconds: job.estimated_seconds,
            error_message: job.error_message,
            started_at: job.started_at,
            last_progress_at: job.last_progress_at,
            finished_at: job.finished_at,
            concluded_at: job.concluded_at,
            waiting_for,
            ahead: job.ahead,
            job_error: job.job_error,
            job_error_id: job.job_error_id,
        }
    }
}

/// Jobs of a scan.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/jobs",
    tag = "scans",
    operation_id = "listScanJobs",
    extensions(("x-right" = json!("scans:view"))),
    params(
        ("id" = i64, Path, description = "The scan"),
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("status" = Option<String>, Query, description = "One or more, separated by commas"),
        ("scanner" = Option<String>, Query, description = "Name of the scanner"),
    ),
    responses((status = 200, description = "A page of jobs", body = Listed<JobAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScanId>,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<JobAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &JOB_COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("scans.jobs").await?;
    views::scans::get(&mut tx, &ctx, id).await?;
    let (jobs, total) =
        views::scans::jobs_by(&mut tx, &ctx, id, &narrow_jobs(&query), &query.sort, query.limit(), query.offset())
            .await?;
    Ok(Json(Listed::exact(jobs.into_iter().map(JobAnswer::from).collect(), total, &query)))
}
