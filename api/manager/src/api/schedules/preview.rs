//! `POST /api/scans/schedules/preview`
use axum::extract::State;
use chrono::{DateTime, Utc};
use mipo_app::schedules::{self, Runs, TimingInput};
use mipo_domain::calendar::Occurrence;
use mipo_domain::ids::ScheduleId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::blackouts::HeldBy;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A timing, and what it would run.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SchedulePreviewRequest)]
pub struct Body {
    /// The schedule that is edited: its jitter is known, and fields that are left out are its own.
    id: Option<Uuid>,
    #[serde(rename = "type")]
    kind: Option<String>,
    minute: Option<i64>,
    hour: Option<i64>,
    day_of_week: Option<i64>,
    day_of_month: Option<i64>,
    cron_expression: Option<String>,
    timezone: Option<String>,
    jitter_minutes: Option<i64>,
    /// For the forecast.
    #[serde(default)]
    template_ids: Vec<Uuid>,
    /// For the forecast.
    #[serde(default)]
    template_group_ids: Vec<Uuid>,
}

/// A start.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScheduleStart)]
pub struct Start {
    planned_at: DateTime<Utc>,
    /// With its jitter.
    starts_at: DateTime<Utc>,
}

impl From<Occurrence> for Start {
    fn from(run: Occurrence) -> Self {
        Self { planned_at: run.planned_at, starts_at: run.starts_at }
    }
}

/// A start of a preview.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SchedulePreviewStart)]
pub struct PreviewStart {
    #[serde(flatten)]
    start: Start,
    /// The blackout windows that would hold its scans.
    held_by: Vec<HeldBy>,
}

/// What a schedule would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SchedulePreview)]
pub struct Answer {
    /// The timing in words.
    sentence: String,
    /// The next five; the jitter of a schedule that is not stored yet is another once it is.
    starts: Vec<PreviewStart>,
    /// About how long the slowest template takes; 0 when nothing would be scanned.
    seconds: u64,
    /// The shortest time between two of the starts.
    period_seconds: Option<u64>,
    /// False when the next run would start before this one ends.
    fits: bool,
}

/// The next starts of a timing and whether its runs fit, without storing anything.
#[utoipa::path(
    post,
    path = "/api/scans/schedules/preview",
    tag = "schedules",
    operation_id = "previewSchedule",
    extensions(("x-right" = json!("schedules:view"))),
    request_body = Body,
    responses((status = 200, description = "The preview", body = Answer))
)]
pub async fn preview(
    State(app): State<App>,
    signed: SignedIn,
    Json(body): Json<Body>,
) -> Result<Json<Answer>, Problem> {
    let timing = TimingInput {
        kind: body.kind,
        minute: body.minute,
        hour: body.hour,
        day_of_week: body.day_of_week,
        day_of_month: body.day_of_month,
        cron_expression: body.cron_expression,
        timezone: body.timezone,
        jitter_minutes: body.jitter_minutes,
    };
    let mut tx = app.db.read("schedules.preview").await?;
    let ctx = app.ctx(&signed.caller);
    let id = body.id.map(ScheduleId::from);
    let runs = Runs { templates: &body.template_ids, groups: &body.template_group_ids };
    let preview = schedules::preview(&mut tx, &ctx, id, &timing, runs, app.scan_limits).await?;
    Ok(Json(Answer {
        sentence: preview.sentence,
        fits: preview.forecast.fits(),
        starts: preview
            .starts
            .into_iter()
            .zip(preview.held)
            .map(|(start, held)| PreviewStart {
                start: start.into(),
                held_by: held.into_iter().map(HeldBy::from).collect(),
            })
            .collect(),
        seconds: preview.forecast.seconds,
        period_seconds: preview.forecast.period_seconds,
    }))
}
