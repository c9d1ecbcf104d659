//! `POST /api/health/alerting/alarms/:id/acknowledge`
use axum::extract::State;
use mipo_app::alarms;
use mipo_domain::ids::AlarmId;

use super::AlarmNote;
use super::alarms::AlarmAnswer;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Takes an open alarm on.
#[utoipa::path(
    post,
    path = "/api/health/alerting/alarms/{id}/acknowledge",
    tag = "alerting",
    operation_id = "acknowledgeAlarm",
    extensions(("x-right" = json!("alarms:manage"))),
    params(("id" = Uuid, Path, description = "The alarm")),
    request_body = AlarmNote,
    responses(
        (status = 200, description = "The alarm as it is now", body = AlarmAnswer),
        (status = 409, description = "`NOT_OPEN`: somebody was faster"),
    )
)]
pub async fn acknowledge(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<AlarmId>,
    Json(body): Json<AlarmNote>,
) -> Result<Json<AlarmAnswer>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("alarms.acknowledge").await?;
    alarms::acknowledge(&mut tx, &ctx, id, body.note.trim()).await?;
    tx.commit().await?;
    let mut tx = app.db.read("alarms.get").await?;
    let alarm = alarms::get(&mut tx, &ctx, id).await?;
    Ok(Json(alarm.into()))
}
