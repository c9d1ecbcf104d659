//! `POST /api/scans/schedules/:id/enable`
use axum::extract::State;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use super::ScheduleAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Lets a schedule run by itself again, from its next time on.
#[utoipa::path(
    post,
    path = "/api/scans/schedules/{id}/enable",
    tag = "schedules",
    operation_id = "enableSchedule",
    extensions(("x-right" = json!("schedules:manage"))),
    params(("id" = Uuid, Path, description = "The schedule")),
    responses((status = 200, description = "The schedule as it is now", body = ScheduleAnswer))
)]
pub async fn enable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleAnswer>, Problem> {
    let mut tx = app.db.tx("schedules.enable").await?;
    let row = schedules::enable(&mut tx, &app.ctx(&signed.caller), id, true).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
