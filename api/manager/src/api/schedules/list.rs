//! `GET /api/scans/schedules`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::schedules;

use super::ScheduleAnswer;
use crate::http::{Json, Problem};
use crate::lists::{ListQuery, Listed};
use crate::signed::SignedIn;
use crate::state::App;
use crate::ui::scans::schedules::COLUMNS;

/// A page of schedules.
#[utoipa::path(
    get,
    path = "/api/scans/schedules",
    tag = "schedules",
    operation_id = "listSchedules",
    extensions(("x-right" = json!("schedules:view"))),
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("pageSize" = Option<u32>, Query, description = "1 to 200, 25 without it"),
        ("sort" = Option<String>, Query, description = "Columns, with - for descending"),
        ("q" = Option<String>, Query, description = "Words to find"),
        ("enabled" = Option<String>, Query, description = "true or false"),
        ("type" = Option<String>, Query, description = "One or more, separated by commas"),
        ("timezone" = Option<String>, Query, description = "One or more, separated by commas"),
    ),
    responses((status = 200, description = "A page of schedules", body = Listed<ScheduleAnswer>))
)]
pub async fn list(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ScheduleAnswer>>, Problem> {
    let query = ListQuery::parse(query.as_deref(), &COLUMNS).map_err(AppError::Invalid)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("schedules.list").await?;
    let found = schedules::list(&mut tx, &ctx, &query.ask()).await?;
    Ok(Json(Listed::of(found, &query, ScheduleAnswer::from)))
}
