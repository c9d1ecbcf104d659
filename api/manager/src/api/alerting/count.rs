//! `GET /api/health/alerting/alarms/count`
use axum::extract::State;
use mipo_app::alarms;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// How many alarms are live.
#[derive(Serialize, ToSchema)]
pub struct AlarmCounts {
    /// Nobody has taken them on.
    open: i64,
    /// Somebody has.
    acknowledged: i64,
    /// Open ones of severity `critical`.
    critical: i64,
    /// Open ones of severity `high`.
    high: i64,
}

/// Counts the alarms that are not resolved.
#[utoipa::path(
    get,
    path = "/api/health/alerting/alarms/count",
    tag = "alerting",
    operation_id = "countAlarms",
    extensions(("x-right" = json!("alarms:view"))),
    responses((status = 200, description = "The counts", body = AlarmCounts))
)]
pub async fn count(State(app): State<App>, signed: SignedIn) -> Result<Json<AlarmCounts>, Problem> {
    let mut tx = app.db.read("alarms.count").await?;
    let counts = alarms::counts(&mut tx, &app.ctx(&signed.caller)).await?;
    Ok(Json(AlarmCounts {
        open: counts.open,
        acknowledged: counts.acknowledged,
        critical: counts.critical,
        high: counts.high,
    }))
}
