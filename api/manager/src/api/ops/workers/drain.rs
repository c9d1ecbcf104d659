//! `POST /api/ops/workers/:id/drain`
use axum::extract::State;
use axum::http::StatusCode;
use mipo_app::ops::workers;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{Id, Json, Problem};
use crate::signed::SignedIn;
use crate::state::App;

const fn yes() -> bool {
    true
}

/// Drain, or take new work again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainWorker {
    /// `false`: it takes new work again.
    #[serde(default = "yes")]
    drain: bool,
    /// Goes to the audit log; required to drain.
    #[serde(default)]
    reason: String,
}

/// Lets a worker finish what it has and take nothing new.
#[utoipa::path(
    post,
    path = "/api/ops/workers/{id}/drain",
    tag = "ops",
    operation_id = "drainWorker",
    extensions(("x-right" = json!("queues:execute"))),
    params(("id" = i32, Path, description = "The number of the worker")),
    request_body = DrainWorker,
    responses(
        (status = 204, description = "It hears of it now"),
        (status = 409, description = "`WRONG_STATUS`: it is so already"),
    )
)]
pub async fn drain(
    State(app): State<App>,
    signed: SignedIn,
    Id(no): Id<i32>,
    Json(body): Json<DrainWorker>,
) -> Result<StatusCode, Problem> {
    let ctx = app.ctx(&signed.caller);
    let mut tx = app.db.tx("ops.drain_worker").await?;
    workers::drain(&mut tx, &ctx, no, body.drain, &body.reason).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
