//! `GET /api/scans/:id/progress`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::views;
use mipo_domain::ids::ScanId;
use mipo_domain::rights::Right;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::jobs::JobAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::Progress;

/// Jobs beyond this many are read by the list of jobs.
const JOBS: i64 = 1000;

/// How far a scan is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanProgress)]
pub struct Answer {
    status: String,
    probes_attempted: i64,
    probes_planned: i64,
    /// Over the last minute, if known.
    probes_per_second: Option<f64>,
    /// Seconds until the end at this rate, if known.
    eta_seconds: Option<i64>,
    /// Hosts of finished jobs: a job finishes all its hosts at its end.
    hosts_done: i64,
    hosts_planned: i64,
    /// Open ports so far; absent without the right results:view.
    open_ports: Option<i64>,
    completed_at: Option<DateTime<Utc>>,
    scanners: Vec<ShareAnswer>,
    /// The first 1,000.
    jobs: Vec<JobAnswer>,
}

/// The share of one scanner.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanShare)]
pub struct ShareAnswer {
    scanner_id: Uuid,
    /// Absent when the scanner was deleted.
    scanner: Option<String>,
    scanner_status: Option<String>,
    jobs: i64,
    jobs_done: i64,
    jobs_running: i64,
    probes_attempted: i64,
    probes_planned: i64,
    probes_per_second: Option<f64>,
    eta_seconds: Option<i64>,
    hosts_done: i64,
    hosts_planned: i64,
    /// Absent without the right results:view.
    open_ports: Option<i64>,
    local_errors: i64,
    last_progress_at: Option<DateTime<Utc>>,
}

/// How far a scan is, by scanner and job.
#[utoipa::path(
    get,
    path = "/api/scans/{id}/progress",
    tag = "scans",
    operation_id = "scanProgress",
    extensions(("x-right" = json!("scans:view"))),
    params(("id" = i64, Path, description = "The scan")),
    responses((status = 200, description = "Progress", body = Answer))
)]
pub async fn progress(State(app): State<App>, signed: SignedIn, Id(id): Id<ScanId>) -> Result<Json<Answer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let now = ctx.now();
    let mut tx = app.db.read("scans.progress").await?;
    let scan = views::scans::get(&mut tx, &ctx, id).await?;
    let shares = views::scans::shares(&mut tx, &ctx, id).await?;
    let (jobs, _) = views::scans::jobs(&mut tx, &ctx, id, JOBS, 0).await?;
    let sees_results = ctx.caller.may(Right::ResultsView);
    let open_ports = match scan.open_count {
        _ if !sees_results => None,
        Some(open) => Some(open),
        None => Some(views::findings::open_so_far(&mut tx, &ctx, id).await?),
    };
    let progress = Progress::of_scan(&scan, &app.rates, now);
    let scanners = shares
        .into_iter()
        .map(|share| {
            let progress = Progress::of_share(&scan, &share, &app.rates, now);
            ShareAnswer {
                scanner_id: share.scanner_id.as_uuid(),
                scanner: share.scanner,
                scanner_status: share.scanner_status,
                jobs: share.jobs,
                jobs_done: share.jobs_done,
                jobs_running: share.jobs_running,
                probes_attempted: share.attempted,
                probes_planned: share.planned,
                probes_per_second: progress.rate,
                eta_seconds: progress.eta_seconds,
                hosts_done: share.hosts_done,
                hosts_planned: share.hosts_planned,
                open_ports: sees_results.then_some(share.open),
                local_errors: share.errors,
                last_progress_at: share.last_progress_at,
            }
        })
        .collect();
    Ok(Json(Answer {
        status: scan.status.clone(),
        probes_attempted: scan.probes_attempted,
        probes_planned: scan.probes_planned,
        probes_per_second: progress.rate,
        eta_seconds: progress.eta_seconds,
        hosts_done: scan.hosts_done,
        hosts_planned: scan.hosts_planned,
        open_ports,
        completed_at: scan.completed_at,
        scanners,
        jobs: jobs.into_iter().map(JobAnswer::from).collect(),
    }))
}
