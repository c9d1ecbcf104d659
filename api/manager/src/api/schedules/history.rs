//! `GET /api/scans/schedules/:id/history`
use axum::extract::State;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use crate::api::common::History;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What was changed on a schedule, newest first.
#[utoipa::path(
    get,
    path = "/api/scans/schedules/{id}/history",
    tag = "schedules",
    operation_id = "getScheduleHistory",
    extensions(("x-right" = json!("schedules:view"))),
    params(("id" = Uuid, Path, description = "The schedule; also one that was deleted")),
    responses((status = 200, description = "The changes", body = History))
)]
pub async fn history(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
) -> Result<Json<History>, Problem> {
    let mut tx = app.db.read("schedules.history").await?;
    let changes = schedules::history(&mut tx, &app.ctx(&signed.caller), id).await?;
    Ok(Json(History::of(changes)))
}
