//! `GET /api/health/job-errors/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::job_errors;

use super::COLUMNS;
use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What job errors can be filtered by.
#[utoipa::path(
    get,
    path = "/api/health/job-errors/filter-values",
    tag = "job-errors",
    operation_id = "jobErrorFilterValues",
    extensions(("x-right" = json!("job-errors:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn filter_values(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &COLUMNS)?;
    let mut tx = app.db.read("job_errors.filter_values").await?;
    let values = job_errors::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
