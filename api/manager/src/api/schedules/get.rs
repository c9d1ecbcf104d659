//! `GET /api/scans/schedules/:id`
use axum::extract::State;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use super::ScheduleAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A schedule.
#[utoipa::path(
    get,
    path = "/api/scans/schedules/{id}",
    tag = "schedules",
    operation_id = "getSchedule",
    extensions(("x-right" = json!("schedules:view"))),
    params(("id" = Uuid, Path, description = "The schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleAnswer))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("schedules.get").await?;
    let row = schedules::get(&mut tx, &ctx, id).await?;
    Ok(Json(row.into()))
}
