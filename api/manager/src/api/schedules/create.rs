//! `POST /api/scans/schedules`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::schedules;

use super::{NewScheduleBody, ScheduleAnswer};
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Makes a schedule.
#[utoipa::path(
    post,
    path = "/api/scans/schedules",
    tag = "schedules",
    operation_id = "createSchedule",
    extensions(("x-right" = json!("schedules:manage"))),
    request_body = NewScheduleBody,
    responses(
        (status = 201, description = "The new schedule", body = ScheduleAnswer),
        (status = 409, description = "`NAME_TAKEN`"),
    )
)]
pub async fn create(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<NewScheduleBody>,
) -> Result<(StatusCode, Json<ScheduleAnswer>), Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("schedules.create").await?;
    let row = schedules::create(&mut tx, &ctx, body.into()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}
