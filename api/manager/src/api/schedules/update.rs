//! `PUT /api/scans/schedules/:id`
use axum::extract::State;
use mipo_app::schedules;
use mipo_domain::ids::ScheduleId;

use super::{ScheduleAnswer, SchedulePatchBody};
use crate::api::common::IfMatch;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Changes a schedule; fields that are left out stay as they are. The next run moves only with the time.
#[utoipa::path(
    put,
    path = "/api/scans/schedules/{id}",
    tag = "schedules",
    operation_id = "updateSchedule",
    extensions(("x-right" = json!("schedules:manage"))),
    params(
        ("id" = Uuid, Path, description = "The schedule"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = SchedulePatchBody,
    responses(
        (status = 200, description = "The schedule as it is now", body = ScheduleAnswer),
        (status = 409, description = "`STALE_VERSION`, `NAME_TAKEN`"),
    )
)]
pub async fn update(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    if_match: IfMatch,
    Json(body): Json<SchedulePatchBody>,
) -> Result<Json<ScheduleAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let patch = body.patch(if_match)?;
    let mut tx = app.db.tx("schedules.update").await?;
    let row = schedules::update(&mut tx, &ctx, id, patch).await?;
    tx.commit().await?;
    Ok(Json(row.into()))
}
