//! `/api/ops/queues`: what stands in each queue, its times, and what bounds it.
mod get;
mod limits;
mod list;
mod pause;
mod resume;

use chrono::{DateTime, Utc};
use mipo_app::ops::views;
use mipo_app::ops::views::overview::{Point, QueueLine};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::CountAnswer;
use crate::http::{Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// A queue.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Queue)]
pub struct QueueAnswer {
    name: String,
    paused: bool,
    /// Slots of one process.
    concurrency: i32,
    /// Running tasks over all processes; `null` for no bound.
    max_running: Option<i32>,
    /// Starts in `rateSeconds`; `null` for no limit.
    rate_limit: Option<i32>,
    rate_seconds: i32,
    /// `null` for the product's setting.
    keep_done_days: Option<i32>,
    /// `null` for the product's setting.
    keep_dead_days: Option<i32>,
    /// To be named by changes of the limits.
    version: i32,
    age_target_seconds: i32,
    /// How long the oldest due task has waited.
    oldest_age_seconds: Option<f64>,
    /// The oldest due task is older than the target.
    late: bool,
    counts: StateCounts,
    /// Over the last 5 minutes.
    in_per_second: f64,
    /// Over the last 5 minutes.
    out_per_second: f64,
    /// Share of the attempts of the last hour that failed.
    failed_share: Option<f64>,
    /// Live processes that work on it.
    workers: i64,
    slots: i64,
    /// Busy slots of all slots, 0 to 1.
    utilisation: Option<f64>,
    /// Until what is due is worked off; `null` when it grows or stands.
    drain_seconds: Option<f64>,
    /// The last hour by minute, oldest first.
    points: Vec<PointAnswer>,
}

/// Tasks by shown state.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueCounts)]
pub struct StateCounts {
    scheduled: CountAnswer,
    retrying: CountAnswer,
    snoozed: CountAnswer,
    waiting: CountAnswer,
    ready: CountAnswer,
    running: CountAnswer,
    dead: CountAnswer,
}

/// A minute of a queue.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QueuePoint)]
pub struct PointAnswer {
    at: DateTime<Utc>,
    due: i64,
    running: i64,
    oldest_ms: i64,
    enqueued: i64,
    done: i64,
    failed: i64,
    dead: i64,
}

impl From<&Point> for PointAnswer {
    fn from(point: &Point) -> Self {
        let Point { at, due, running, oldest_ms, enqueued, done, failed, dead } = *point;
        Self { at, due, running, oldest_ms, enqueued, done, failed, dead }
    }
}

impl From<QueueLine> for QueueAnswer {
    fn from(line: QueueLine) -> Self {
        let counts = line.counts;
        Self {
            late: line.is_late(),
            utilisation: line.utilisation(),
            points: line.points.iter().map(Into::into).collect(),
            name: line.name,
            paused: line.settings.paused,
            concurrency: line.settings.concurrency,
            max_running: line.settings.max_running,
            rate_limit: line.settings.rate_limit,
            rate_seconds: line.settings.rate_seconds,
            keep_done_days: line.settings.keep_done_days,
            keep_dead_days: line.settings.keep_dead_days,
            version: line.settings.version,
            age_target_seconds: line.age_target_seconds,
            oldest_age_seconds: line.oldest_age_seconds,
            counts: StateCounts {
                scheduled: counts.scheduled.into(),
                retrying: counts.retrying.into(),
                snoozed: counts.snoozed.into(),
                waiting: counts.waiting.into(),
                ready: counts.ready.into(),
                running: counts.running.into(),
                dead: counts.dead.into(),
            },
            in_per_second: line.in_per_second,
            out_per_second: line.out_per_second,
            failed_share: line.failed_share,
            workers: line.workers,
            slots: line.slots,
            drain_seconds: line.drain_seconds,
        }
    }
}

/// The queue as it is after a change.
async fn now(app: &App, signed: &SignedIn, name: &str) -> Result<Json<QueueAnswer>, Problem> {
    let mut tx = app.db.look("ops.queue").await?;
    let detail = views::queue(&mut tx, &app.ctx(&signed.caller), name, views::queue::Range::Hour).await?;
    Ok(Json(detail.line.into()))
}

/// The endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(get::get))
        .routes(routes!(pause::pause))
        .routes(routes!(resume::resume))
        .routes(routes!(limits::limits))
}
