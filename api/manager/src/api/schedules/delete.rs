//! `DELETE /api/scans/schedules/:id`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use crate::http::{Id, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Deletes a schedule. Its scans stay; one that runs goes on.
#[utoipa::path(
    delete,
    path = "/api/scans/schedules/{id}",
    tag = "schedules",
    operation_id = "deleteSchedule",
    extensions(("x-right" = json!("schedules:manage"))),
    params(("id" = Uuid, Path, description = "The schedule")),
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(State(app): State<App>, signed: SignedIn, Id(id): Id<ScheduleId>) -> Result<StatusCode, Problem> {
    let mut tx = app.db.tx("schedules.delete").await?;
    schedules::delete(&mut tx, &app.ctx(&signed.caller), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
