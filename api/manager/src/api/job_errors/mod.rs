//! `/api/health/job-errors`
mod bulk_repair;
mod filter_values;
mod get;
mod list;
mod repair;

use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::job_errors::{Asked, JobError};
use mipo_domain::job_errors::{Category, Class};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::lists::Columns;
use crate::state::App;

/// What the list can be asked.
pub const COLUMNS: Columns = Columns {
    sort: &["class", "category", "job", "scan", "scanner", "opened", "state"],
    filters: &["class", "category", "state", "scanner", "scannerId", "scan", "job"],
    default_sort: "state,-opened",
    words: &[("class", Class::WORDS), ("category", Category::WORDS), ("state", &["open", "resolved"])],
};

/// A repair that was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobErrorRepair)]
pub struct RepairAnswer {
    action: String,
    /// Of a reassign: to whom.
    scanner_id: Option<Uuid>,
    scanner: Option<String>,
    reason: String,
    /// Who asked; `dispatcher` where a setting did.
    by: String,
    at: DateTime<Utc>,
    /// `asked`, `done` or `refused`.
    state: String,
    done_at: Option<DateTime<Utc>>,
    /// What came of it.
    outcome: Option<String>,
}

impl From<Asked> for RepairAnswer {
    fn from(asked: Asked) -> Self {
        Self {
            action: asked.action,
            scanner_id: asked.scanner_id.map(Into::into),
            scanner: asked.scanner,
            reason: asked.reason,
            by: asked.by,
            at: asked.at,
            state: asked.state,
            done_at: asked.done_at,
            outcome: asked.outcome,
        }
    }
}

/// Something that is wrong with a scan job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobError)]
pub struct JobErrorAnswer {
    state_id: Uuid,
    class: String,
    category: String,
    /// `open` or `resolved`.
    state: String,
    job_id: i64,
    /// Absent when the job is not kept any more.
    job_status: Option<String>,
    scan_id: i64,
    template: Option<String>,
    /// The scanner that had the job when it was found.
    scanner_id: Uuid,
    /// Absent when the scanner was deleted.
    scanner: Option<String>,
    /// What it means.
    trigger: &'static str,
    /// The facts that it was judged by.
    #[schema(value_type = Object)]
    context: Value,
    /// What helps, the recommended one first.
    offers: Vec<&'static str>,
    /// What was asked for, oldest first.
    repairs: Vec<RepairAnswer>,
    opened_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    /// `system` when the condition had cleared.
    resolved_by: Option<String>,
}

impl JobErrorAnswer {
    /// The error as it is answered.
    pub fn of(error: JobError) -> Result<Self, AppError> {
        let class: Class = error.class.parse().map_err(|wrong| AppError::Internal(format!("{wrong}")))?;
        let repairs = error.history()?.into_iter().map(RepairAnswer::from).collect();
        Ok(Self {
            state_id: error.id.as_uuid(),
            class: error.class,
            category: error.category,
            state: error.state,
            job_id: error.job_id.get(),
            job_status: error.job_status,
            scan_id: error.scan_id.get(),
            template: error.template,
            scanner_id: error.scanner_id.as_uuid(),
            scanner: error.scanner,
            trigger: class.trigger(),
            context: error.context,
            offers: class.repairs().iter().map(|repair| repair.as_str()).collect(),
            repairs,
            opened_at: error.opened_at,
            resolved_at: error.resolved_at,
            resolved_by: error.resolved_by,
        })
    }
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(filter_values::filter_values))
        .routes(routes!(bulk_repair::bulk_repair))
        .routes(routes!(get::get))
        .routes(routes!(repair::repair))
}
