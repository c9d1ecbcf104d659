//! `POST /api/scans/schedules/:id/disable`
use axum::extract::State;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use super::ScheduleAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Keeps a schedule from running by itself. A scan that runs goes on.
#[utoipa::path(
    post,
    path = "/api/scans/schedules/{id}/disable",
    tag = "schedules",
    operation_id = "disableSchedule",
    extensions(("x-right" = json!("schedules:manage"))),
    params(("id" = Uuid, Path, description = "The schedule")),
    responses((status = 200, description = "The schedule as it is now", body = ScheduleAnswer))
)]
pub async fn disable(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleAnswer>, Problem> {
    let mut tx = app.db.tx("schedules.disable").await?;
    let row = schedules::enable(&mut tx, &app.ctx(&signed.caller), id, false).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
