//! `/api/scans*`: start, list, watch, control, read what was found.
mod changes;
mod control;
mod detail;
mod filter_values;
mod jobs;
mod list;
mod progress;
mod results;
mod start;

use chrono::{DateTime, Utc};
use mipo_store::results::scan_views::ScanRow;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::state::App;

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, start::start))
        .routes(routes!(filter_values::scans))
        .routes(routes!(filter_values::jobs))
        .routes(routes!(filter_values::results))
        .routes(routes!(filter_values::changes))
        .routes(routes!(detail::get))
        .routes(routes!(progress::progress))
        .routes(routes!(jobs::list))
        .routes(routes!(results::list))
        .routes(routes!(changes::list))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::cancel))
}

/// Outcomes of tests.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScanTests)]
pub struct Tests {
    pass: i32,
    fail: i32,
    unexpected: i32,
    not_tested: i32,
}

/// A scan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Scan)]
pub struct ScanAnswer {
    id: i64,
    template_id: Uuid,
    template_name: String,
    /// True for a scan of typed targets and ports.
    adhoc: bool,
    /// `pending`, `running`, `paused`, `cancelling`, `completed`, `partial`, `failed` or `cancelled`.
    status: String,
    status_reason: Option<String>,
    /// Why it was asked for.
    reason: String,
    started_by: String,
    requested_at: DateTime<Utc>,
    /// When its jobs were made.
    planned_at: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    hosts_planned: i64,
    /// Hosts of finished jobs.
    hosts_done: i64,
    probes_planned: i64,
    probes_attempted: i64,
    scanners: i64,
    jobs: i64,
    jobs_done: i64,
    /// Once concluded.
    open_ports: Option<i64>,
    /// Once concluded.
    changes: Option<i64>,
    tests: Tests,
}

impl From<ScanRow> for ScanAnswer {
    fn from(scan: ScanRow) -> Self {
        Self {
            id: scan.id.get(),
            template_id: scan.template_id.as_uuid(),
            template_name: scan.template_name,
            adhoc: scan.adhoc,
            status: scan.status,
            status_reason: scan.status_reason,
            reason: scan.reason,
            started_by: scan.started_by,
            requested_at: scan.requested_at,
            planned_at: scan.planning_finished_at,
            started_at: scan.started_at,
            completed_at: scan.completed_at,
            hosts_planned: scan.hosts_planned,
            hosts_done: scan.hosts_done,
            probes_planned: scan.probes_planned,
            probes_attempted: scan.probes_attempted,
            scanners: scan.scanners,
            jobs: scan.jobs,
            jobs_done: scan.jobs_done,
            open_ports: scan.open_count,
            changes: scan.change_count,
            tests: Tests {
                pass: scan.tests_pass,
                fail: scan.tests_fail,
                unexpected: scan.tests_unexpected,
                not_tested: scan.tests_not_tested,
            },
        }
    }
}
