//! `GET /api/health/alerting/{alarms,events}/filter-values?column=`
use axum::extract::{RawQuery, State};
use mipo_app::alarms as use_cases;

use super::{ALARM_COLUMNS, EVENT_COLUMNS};
use crate::api::common::{FilterValues, column};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What alarms can be filtered by.
#[utoipa::path(
    get,
    path = "/api/health/alerting/alarms/filter-values",
    tag = "alerting",
    operation_id = "alarmFilterValues",
    extensions(("x-right" = json!("alarms:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn alarms(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &ALARM_COLUMNS)?;
    let mut tx = app.db.read("alarms.filter_values").await?;
    let values = use_cases::filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}

/// What system events can be filtered by.
#[utoipa::path(
    get,
    path = "/api/health/alerting/events/filter-values",
    tag = "alerting",
    operation_id = "eventFilterValues",
    extensions(("x-right" = json!("health:view"))),
    params(("column" = String, Query, description = "The column")),
    responses((status = 200, description = "The values", body = FilterValues))
)]
pub async fn events(
    State(app): State<App>,
    signed: SignedIn,
    RawQuery(query): RawQuery,
) -> Result<Json<FilterValues>, Problem> {
    let column = column(query.as_deref(), &EVENT_COLUMNS)?;
    let mut tx = app.db.read("events.filter_values").await?;
    let values = use_cases::event_filter_values(&mut tx, &app.ctx(&signed.caller), &column).await?;
    Ok(Json(FilterValues { values }))
}
