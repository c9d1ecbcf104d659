//! `GET /api/health/alerting/{alarms,events}/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::AppError;
use mipo_app::alarms as use_cases;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ALARM_COLUMNS, EVENT_COLUMNS};
use crate::http::{Json, Problem};
use crate::lists::{Columns, pairs};
use crate::signed::SignedIn;
use crate::state::App;

/// Values that rows have in a column.
#[derive(Serialize, ToSchema)]
#[schema(as = FilterValues)]
pub struct Values {
    values: Vec<String>,
}

/// The `column` of the query, if the list can be filtered by it.
fn column(query: Option<&str>, columns: &Columns) -> Result<String, AppError> {
    let given = pairs(query.unwrap_or_default());
    let column = given.into_iter().find_map(|(name, value)| (name == "column").then_some(value)).unwrap_or_default();
    if columns.filters.contains(&column.as_str()) {
        return Ok(column);
    }
    let message = format!("Name the column: one of {}.", columns.filters.join(", "));
    Err(AppError::invalid("column", "unknown_column", message))
}

/// What alarms can be filtered by.
#[utoipa::path(
    get,
    path = "/api/health/alerting/alarms/filter-values",
    tag = "alerting",
    operation_id = "alarmFilterValues",
    extensions(("x-right" = json!("alarms:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = Values))
)]
pub async fn alarms(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Values>, Problem> {
    let column = column(query.as_deref(), &ALARM_COLUMNS)?;
    let mut tx = app.db.read("alarms.filter_values").await?;
    let values = use_cases::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(Values { values }))
}

/// What system events can be filtered by.
#[utoipa::path(
    get,
    path = "/api/health/alerting/events/filter-values",
    tag = "alerting",
    operation_id = "eventFilterValues",
    extensions(("x-right" = json!("health:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = Values))
)]
pub async fn events(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<Values>, Problem> {
    let column = column(query.as_deref(), &EVENT_COLUMNS)?;
    let mut tx = app.db.read("events.filter_values").await?;
    let values = use_cases::event_filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(Values { values }))
}
