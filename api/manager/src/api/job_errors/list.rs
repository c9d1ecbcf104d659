//! `GET /api/health/job-errors`
use axum::extract::{RawQuery, State};
use mipo_app::{AppError, job_errors};

use super::{COLUMNS, JobErrorAnswer};
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;

/// Job errors. Filters: class, category, state, scanner, scan, job.
#[utoipa::path(
    get,
    path = "/api/health/job-errors",
    tag = "job-errors",
    operation_id = "listJobErrors",
    extensions(("x-right" = json!("job-errors:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("class" = Option<String>, Query, description = "One or more, separated by commas"),
        ("category" = Option<String>, Query, description = "One or more, separated by commas"),
        ("state" = Option<String>, Query, description = "`open`, `resolved`"),
        ("scanner" = Option<String>, Query, description = "Names, separated by commas; of a deleted one its id"),
        ("scannerId" = Option<String>, Query, description = "Ids, separated by commas"),
        ("scan" = Option<String>, Query, description = "Numbers, separated by commas"),
        ("job" = Option<String>, Query, description = "Numbers, separated by commas"),
    ),
    responses((status = 200, description = "A page of job errors", body = Listed<JobErrorAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<JobErrorAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let mut tx = app.db.read("job_errors.list").await?;
    let found = job_errors::list(&mut tx, &app.ctx(&signed.caller), &query.ask()).await?;
    let items = found.items.into_iter().map(JobErrorAnswer::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Listed {
        items,
        page: query.page,
        page_size: query.page_size,
        total: found.total,
        total_is_estimate: found.total_is_estimate,
    }))
}
