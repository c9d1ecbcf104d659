//! `GET /api/ops/queues/:name`
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use mipo_app::AppError;
use mipo_app::ops::views;
use mipo_app::ops::views::Times;
use mipo_app::ops::views::queue::{KindTimes, Range, TimesPoint};
use serde::Serialize;
use utoipa::ToSchema;

use super::QueueAnswer;
use super::list::DeployAnswer;
use crate::http::{Id, Json, Problem};
use crate::lists::pairs;
use crate::signed::SignedIn;
use crate::state::App;

/// A queue with its charts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueDetail {
    queue: QueueAnswer,
    deploys: Vec<DeployAnswer>,
    /// `1h`, `24h`, `7d` or `30d`.
    range: &'static str,
    /// The length of one point.
    step_seconds: i32,
    kinds: Vec<QueueKind>,
}

/// Times of a kind.
#[derive(Serialize, ToSchema)]
pub struct QueueKind {
    kind: String,
    /// From due to begun.
    wait: TimesAnswer,
    /// From begun to ended.
    run: TimesAnswer,
    points: Vec<QueueKindPoint>,
}

/// A step of a chart.
#[derive(Serialize, ToSchema)]
pub struct QueueKindPoint {
    at: DateTime<Utc>,
    wait: TimesAnswer,
    run: TimesAnswer,
    done: i64,
    failed: i64,
    dead: i64,
}

/// How long something took.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Times)]
pub struct TimesAnswer {
    count: i64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

impl From<Times> for TimesAnswer {
    fn from(times: Times) -> Self {
        Self { count: times.count, p50_ms: times.p50_ms, p95_ms: times.p95_ms, p99_ms: times.p99_ms }
    }
}

impl From<TimesPoint> for QueueKindPoint {
    fn from(point: TimesPoint) -> Self {
        let TimesPoint { at, wait, run, done, failed, dead } = point;
        Self { at, wait: wait.into(), run: run.into(), done, failed, dead }
    }
}

impl From<KindTimes> for QueueKind {
    fn from(times: KindTimes) -> Self {
        Self {
            kind: times.kind,
            wait: times.wait.into(),
            run: times.run.into(),
            points: times.points.into_iter().map(Into::into).collect(),
        }
    }
}

/// One queue, with how long its tasks waited and ran, by kind.
#[utoipa::path(
    get,
    path = "/api/ops/queues/{name}",
    tag = "ops",
    operation_id = "getQueue",
    extensions(("x-right" = json!("queues:view"))),
    params(
        ("name" = String, Path, description = "The queue"),
        ("range" = Option<String>, Query, description = "`1h` (unless said), `24h`, `7d` or `30d`"),
    ),
    responses((status = 200, description = "The queue", body = QueueDetail))
)]
pub async fn get(
    State(app): State<App>,
    signed: SignedIn,
    Id(name): Id<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<QueueDetail>, Problem> {
    let given = pairs(query.as_deref().unwrap_or_default()).into_iter().find(|(name, _)| name == "range");
    let range = given.map(|(_, value)| value.parse::<Range>()).transpose();
    let range = range.map_err(|message| AppError::invalid("range", "unknown", message))?.unwrap_or_default();
    let mut tx = app.db.look("ops.queue").await?;
    let detail = views::queue(&mut tx, &app.ctx(&signed.caller), &name, range).await?;
    Ok(Json(QueueDetail {
        queue: detail.line.into(),
        deploys: detail.deploys.into_iter().map(Into::into).collect(),
        range: range.as_str(),
        step_seconds: range.step_seconds(),
        kinds: detail.kinds.into_iter().map(Into::into).collect(),
    }))
}
