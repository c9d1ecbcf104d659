//! `POST /api/scans/schedules/:id/clone`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use super::ScheduleAnswer;
use crate::api::common::CloneBody;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Copies a schedule. The copy is disabled, so that nothing runs twice.
#[utoipa::path(
    post,
    path = "/api/scans/schedules/{id}/clone",
    tag = "schedules",
    operation_id = "cloneSchedule",
    extensions(("x-right" = json!("schedules:manage"))),
    params(("id" = Uuid, Path, description = "The schedule that is copied")),
    request_body = CloneBody,
    responses(
        (status = 201, description = "The copy", body = ScheduleAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn clone(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    Json(body): Json<CloneBody>,
) -> Result<(StatusCode, Json<ScheduleAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("schedules.clone").await?;
    let row = schedules::duplicate(&mut tx, &ctx, id, &body.name).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
