//! `POST /api/scans/schedules/:id/run`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::schedules;
use mipo_domain::ids::{ScanId, ScheduleId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RunSchedule)]
pub struct Body {
    /// Stands on the scans and in the audit log.
    #[serde(default)]
    reason: String,
}

/// The scans that were asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StartedScans)]
pub struct Answer {
    scan_ids: Vec<i64>,
}

/// Starts all templates of a schedule now, also of a disabled one. Its next run stays as it is.
#[utoipa::path(
    post,
    path = "/api/scans/schedules/{id}/run",
    tag = "schedules",
    operation_id = "runSchedule",
    extensions(("x-right" = json!("scans:execute"))),
    params(("id" = Uuid, Path, description = "The schedule")),
    request_body = Body,
    responses((status = 202, description = "Asked for", body = Answer))
)]
pub async fn run(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let mut tx = app.db.tx("schedules.run").await?;
    let started = schedules::run_now(&mut tx, &app.ctx(&signed.caller), id, &body.reason).await?;
    tx.commit().await?;
    let scan_ids = started.into_iter().map(ScanId::get).collect();
    Ok((StatusCode::ACCEPTED, Json(Answer { scan_ids })))
}
