//! `PUT /api/ops/queues/:name/limits`
use axum::extract::State;
use mipo_app::ops::queues::{self, Limits};
use serde::Deserialize;
use utoipa::ToSchema;

use super::QueueAnswer;
use crate::api::common::{IfMatch, present};
use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

/// What bounds a queue; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueLimits {
    /// The version that is edited.
    version: Option<i32>,
    /// Slots of one process, 1 to 10,000.
    concurrency: Option<i64>,
    /// Running tasks over all processes, 1 to 100,000; `null` for no bound.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    max_running: Option<Option<i64>>,
    /// Starts in `rateSeconds`, 1 to 1,000,000; `null` for no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    rate_limit: Option<Option<i64>>,
    /// 1 to 3,600.
    rate_seconds: Option<i64>,
    /// 0 to 3,650; `null` for the product's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    keep_done_days: Option<Option<i64>>,
    /// 0 to 3,650; `null` for the product's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    keep_dead_days: Option<Option<i64>>,
    /// Goes to the audit log.
    #[serde(default)]
    reason: String,
}

/// Sets the limits of a queue. Workers obey at their next claim.
#[utoipa::path(
    put,
    path = "/api/ops/queues/{name}/limits",
    tag = "ops",
    operation_id = "setQueueLimits",
    extensions(("x-right" = json!("queues:execute"))),
    params(
        ("name" = String, Path, description = "The queue"),
        ("If-Match" = Option<String>, Header, description = "The version that is edited, when the body has none"),
    ),
    request_body = QueueLimits,
    responses(
        (status = 200, description = "The queue as it is now", body = QueueAnswer),
        (status = 409, description = "`STALE_VERSION`"),
    )
)]
pub async fn limits(
    State(app): State<App>,
    signed: SignedIn,
    Id(name): Id<String>,
    if_match: IfMatch,
    Json(body): Json<QueueLimits>,
) -> Result<Json<QueueAnswer>, Problem> {
    let version = if_match.or(body.version)?;
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.queue_limits").await?;
    let (before, _) = queues::limits(&mut tx, &ctx, &name).await?;
    let limits = Limits {
        concurrency: body.concurrency.unwrap_or(before.concurrency),
        max_running: body.max_running.unwrap_or(before.max_running),
        rate_limit: body.rate_limit.unwrap_or(before.rate_limit),
        rate_seconds: body.rate_seconds.unwrap_or(before.rate_seconds),
        keep_done_days: body.keep_done_days.unwrap_or(before.keep_done_days),
        keep_dead_days: body.keep_dead_days.unwrap_or(before.keep_dead_days),
    };
    queues::set_limits(&mut tx, &ctx, &name, version, limits, &body.reason).await?;
    tx.commit().await?;
    super::now(&app, &signed, &name).await
}
