//! `GET /api/scans/schedules/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::schedules;

use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::schedules::COLUMNS;

/// What schedules can be filtered by in a column.
#[utoipa::path(
    get,
    path = "/api/scans/schedules/filter-values",
    tag = "schedules",
    operation_id = "scheduleFilterValues",
    extensions(("x-right" = json!("schedules:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn filter_values(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &COLUMNS)?;
    let mut tx = app.db.read("schedules.filter_values").await?;
    let values = schedules::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
