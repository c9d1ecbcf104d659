//! `GET /api/scans/schedules/:id/details`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::schedules::{self, Run};
use mipo_domain::ids::ScheduleId;
use serde::Serialize;
use utoipa::ToSchema;

use super::ScheduleAnswer;
use super::preview::Start;
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A scan of a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScheduleRun)]
pub struct RunAnswer {
    scan_id: i64,
    template: String,
    status: String,
    status_reason: Option<String>,
    /// `null` when somebody started it by hand.
    planned_at: Option<DateTime<Utc>>,
    requested_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl From<Run> for RunAnswer {
    fn from(run: Run) -> Self {
        Self {
            scan_id: run.id,
            template: run.template_name,
            status: run.status,
            status_reason: run.status_reason,
            planned_at: run.planned_at,
            requested_at: run.requested_at,
            completed_at: run.completed_at,
        }
    }
}

/// A schedule with its next and its last runs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleDetails {
    #[serde(flatten)]
    object: ScheduleAnswer,
    /// The next five starts; none when it is disabled.
    upcoming: Vec<Start>,
    /// Its last runs, the newest first.
    runs: Vec<RunAnswer>,
}

/// A schedule with its next and its last runs.
#[utoipa::path(
    get,
    path = "/api/scans/schedules/{id}/details",
    tag = "schedules",
    operation_id = "getScheduleDetails",
    extensions(("x-right" = json!("schedules:view"))),
    params(("id" = Uuid, Path, description = "The schedule")),
    responses((status = 200, description = "The schedule", body = ScheduleDetails))
)]
pub async fn details(
    State(app): State<App>,
    signed: SignedIn,
    Id(id): Id<ScheduleId>,
) -> Result<Json<ScheduleDetails>, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.read("schedules.details").await?;
    let row = schedules::get(&mut tx, &ctx, id).await?;
    let upcoming = schedules::upcoming(&ctx, &row)?.into_iter().map(Start::from).collect();
    let runs = schedules::runs(&mut tx, &ctx, id).await?.into_iter().map(RunAnswer::from).collect();
    Ok(Json(ScheduleDetails { object: row.into(), upcoming, runs }))
}
